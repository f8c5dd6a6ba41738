package livecatalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

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

// TestRebuild makes, drops and changes things, and compares what there is with what
// the next instance has, which finds the columns of relations that have gone since.
func TestRebuild(t *testing.T) {
	ctx := t.Context()
	db, err := duck.Open(filepath.Join(t.TempDir(), "x.duckdb"), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.Attend()
	relations := columns{"a": "x", "b": "y"}
	c, err := Open(ctx, db, schema, 7, relations, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
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
	err = c.Change(ctx, 9, func(ctx context.Context) error {
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
