package livecatalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/hot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// columns is relations that exist as long as they are in it.
type columns map[string]string

func (c columns) Relation(name string) (duck.Relation, error) {
	column, ok := c[name]
	if !ok {
		return nil, fmt.Errorf("relation %q does not exist", name)
	}
	return hot.Shape(batch.NewSchema([]batch.Column{{Name: column, Type: batch.Type{Kind: batch.BigInt}}})), nil
}

const schema = `ATTACH ':memory:' AS live; CREATE SCHEMA live.public; CREATE SCHEMA live.internal;
CREATE TABLE live.internal.catalog AS SELECT 0::BIGINT AS version; CREATE MACRO live.public.twice(x) AS 2 * x;`

// openCatalog opens a catalog over the relations.
func openCatalog(t *testing.T, relations columns) (*duck.DB, *Catalog) {
	t.Helper()
	db, err := duck.Open(filepath.Join(t.TempDir(), "x.duckdb"), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	db.Attend()
	c, err := Open(t.Context(), db, schema, 7, relations, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return db, c
}

// views counts the views of a schema.
func views(t *testing.T, c *Catalog, schema string) (n int64) {
	t.Helper()
	err := c.Query(t.Context(), nil, func(conn *duck.Conn) error {
		rows, err := conn.Query(t.Context(), "SELECT count(*) FROM duckdb_views() WHERE schema_name = '"+schema+"'")
		if err != nil {
			return err
		}
		defer rows.Close()
		if _, err := rows.Next(); err != nil {
			return err
		}
		return rows.Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRebuild makes, drops and changes things, and compares what there is with what
// the next instance has, which finds the columns of relations that have gone since.
func TestRebuild(t *testing.T) {
	ctx := t.Context()
	relations := columns{"a": "x", "b": "y"}
	db, c := openCatalog(t, relations)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	list := func() string {
		t.Helper()
		var out []string
		must(c.Query(ctx, nil, func(conn *duck.Conn) error {
			rows, err := conn.Query(ctx, `SELECT view_name || ' ' || (SELECT string_agg(column_name, ',') FROM duckdb_columns() c WHERE c.table_name = view_name) FROM duckdb_views()
				WHERE NOT internal UNION ALL SELECT 'version ' || version FROM live.internal.catalog UNION ALL SELECT 'twice ' || live.public.twice(21) ORDER BY 1`)
			if err != nil {
				return err
			}
			defer rows.Close()
			for {
				var s string
				if ok, err := rows.Next(); err != nil || !ok {
					return err
				}
				if err := rows.Scan(&s); err != nil {
					return err
				}
				out = append(out, s)
			}
		}))
		return strings.Join(out, ", ")
	}
	must(c.View(ctx, "live.public", "a", "SELECT * FROM ms_scan('a')"))
	must(c.View(ctx, "live.public", "gone", "SELECT 1 AS x"))
	must(c.View(ctx, "live.public", "over it", "SELECT x AS z FROM live.public.a"))
	must(c.Drop(ctx, "live.public", "gone", "never"))
	must(c.Change(ctx, 8, func(ctx context.Context) error { return c.View(ctx, "live.public", "b", "SELECT * FROM ms_scan('b')") }))
	if err := c.View(ctx, "live.public", "bad", "SELECT * FROM nothing"); err == nil {
		t.Error("a view over nothing was made")
	}
	broken := errors.New("broken")
	err := c.Change(ctx, 9, func(ctx context.Context) error {
		must(c.View(ctx, "live.public", "half", "SELECT 1 AS x"))
		return broken
	})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	const want = "a x, b y, over it z, twice 42, version 9"
	if got := list(); got != want {
		t.Errorf("there is %s, want %s", got, want)
	}
	clear(relations)
	for range 2 {
		must(db.Reopen(func(conn *duck.Conn) error { return c.Rebuild(ctx, conn) }))
		if got := list(); got != want {
			t.Errorf("after reopening there is %s, want %s", got, want)
		}
	}
	must(c.View(ctx, "live.public", "new", "SELECT 1 AS x"))
	if got := list(); !strings.Contains(got, "new x") {
		t.Errorf("nothing is made any more: %s", got)
	}
}

// TestDefineBeside defines things while others are made and the file is opened again
// and again: they are there in the end, once.
func TestDefineBeside(t *testing.T) {
	ctx := t.Context()
	db, c := openCatalog(t, columns{"a": "x"})
	var sql strings.Builder
	sql.WriteString("BEGIN TRANSACTION; CREATE SCHEMA live.beside;")
	const count = 50
	for i := range count {
		fmt.Fprintf(&sql, "CREATE VIEW live.beside.v%d AS SELECT b AS x%d FROM ms_scan('b');", i, i)
	}
	sql.WriteString("COMMIT")
	done := make(chan error, 1)
	go func() { done <- c.DefineBeside(ctx, sql.String(), columns{"b": "b"}) }()
	for i, ended := 0, false; !ended; i++ {
		if err := c.View(ctx, "live.public", fmt.Sprintf("w%d", i), "SELECT * FROM ms_scan('a')"); err != nil {
			t.Fatal(err)
		}
		if i < 8 {
			if err := db.Reopen(func(conn *duck.Conn) error { return c.Rebuild(ctx, conn) }); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			ended = true
		default:
		}
	}
	for range 2 {
		if n := views(t, c, "beside"); n != count {
			t.Errorf("there are %d views, want %d", n, count)
		}
		if err := db.Reopen(func(conn *duck.Conn) error { return c.Rebuild(ctx, conn) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.DefineBeside(ctx, "CREATE VIEW live.beside.bad AS SELECT * FROM ms_scan('a')", columns{}); err == nil {
		t.Error("a view over nothing was made")
	}
}

// TestDefinedBeforeTheInstanceWasLost: what is there, but not yet written down when
// everything is made again, is made in the next instance too.
func TestDefinedBeforeTheInstanceWasLost(t *testing.T) {
	ctx := t.Context()
	db, c := openCatalog(t, columns{})
	done := make(chan error, 1)
	c.mu.Lock()
	go func() {
		done <- c.DefineBeside(ctx, "CREATE SCHEMA live.beside; CREATE VIEW live.beside.v AS SELECT 1 AS x", columns{})
	}()
	for views(t, c, "beside") == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := db.Reopen(func(conn *duck.Conn) error { return c.rebuild(ctx, conn) }); err != nil {
		t.Fatal(err)
	}
	c.mu.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := views(t, c, "beside"); n != 1 {
		t.Errorf("there are %d views, want 1", n)
	}
}
