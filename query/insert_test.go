package query

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const itemsSQL = `CREATE SOURCE items (id BIGINT, name VARCHAR, price DECIMAL(8,2), ts TIMESTAMPTZ, small SMALLINT, ok BOOLEAN, doc JSON,
  day DATE AS CAST(ts AS DATE), WATERMARK FOR ts AS ts - INTERVAL '1 second')`

// tag runs a statement in a session and returns its command tag.
func tag(t *testing.T, s *Session, sql string, args ...any) (string, error) {
	t.Helper()
	st, err := s.Prepare(ctx, sql, ParamTypes(args))
	if err != nil {
		return "", err
	}
	r, err := s.Execute(ctx, st, args)
	if err != nil {
		return "", err
	}
	defer r.Close()
	return r.Tag, nil
}

func TestInsertedRowsAreVisibleAtOnce(t *testing.T) {
	db := open(t, "")
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	exec(t, db, itemsSQL)
	exec(t, db, "CREATE MATERIALIZED VIEW perday AS SELECT window_start, count(*) AS n, sum(price) AS total FROM TUMBLE(items, ts, INTERVAL '1 day') GROUP BY window_start")
	for _, c := range []struct {
		sql, tag, rows string
		args           []any
	}{
		{"INSERT INTO items VALUES (1, 'a', 1.005, '2024-01-01 10:00:00Z', 1, true, '{}')", "INSERT 0 1",
			"1 a 1.01 2024-01-01T10:00:00Z 1 true {} 2024-01-01", nil},
		{"INSERT INTO ITEMS (Ts, id) VALUES (DEFAULT, -3), ('2024-01-01 01:00:00+02', 2e0)", "INSERT 0 2",
			"-3 (null) (null) (null) (null) (null) (null) (null)\n2 (null) (null) 2023-12-31T23:00:00Z (null) (null) (null) 2023-12-31", nil},
		{"INSERT INTO items (price, id) VALUES (1, 9007199254740993), (1e0, '9007199254740993')", "INSERT 0 2",
			"9007199254740993 (null) 1 (null) (null) (null) (null) (null)\n9007199254740993 (null) 1 (null) (null) (null) (null) (null)", nil},
		{"INSERT INTO items (name, id) SELECT 'x' AS y, '7' FROM range(2)", "INSERT 0 2",
			"7 x (null) (null) (null) (null) (null) (null)\n7 x (null) (null) (null) (null) (null) (null)", nil},
		{"INSERT INTO items (id) SELECT i FROM range(3) t(i) ORDER BY i DESC", "INSERT 0 3",
			"2 (null) (null) (null) (null) (null) (null) (null)\n1 (null) (null) (null) (null) (null) (null) (null)\n0 (null) (null) (null) (null) (null) (null) (null)", nil},
		{"INSERT INTO items (doc, name) SELECT {'a': [1]}, 1.5", "INSERT 0 1", `(null) 1.5 (null) (null) (null) (null) {"a":[1]} (null)`, nil},
		{"INSERT INTO items (id, name) VALUES ($1, $2)", "INSERT 0 1", "12 z (null) (null) (null) (null) (null) (null)", []any{int64(12), "z"}},
		{"INSERT INTO items (id, price) SELECT $1, $2", "INSERT 0 1", "12 (null) 3 (null) (null) (null) (null) (null)", []any{int64(12), "3"}},
		{"INSERT INTO items (id) VALUES (1) LIMIT 0", "INSERT 0 0", "", nil},
		{"INSERT INTO items DEFAULT VALUES", "INSERT 0 1", "(null) (null) (null) (null) (null) (null) (null) (null)", nil},
		{"INSERT INTO items (id) VALUES ((SELECT count(*) FROM perday))", "INSERT 0 1", "2 (null) (null) (null) (null) (null) (null) (null)", nil},
	} {
		before, err := table(db.Query(ctx, "SELECT count(*) FROM items"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tag(t, s, c.sql, c.args...); err != nil || got != c.tag {
			t.Errorf("%s: %q, %v; want %q", c.sql, got, err, c.tag)
		}
		check(t, db, "SELECT id, name, price, ts, small, ok, doc, day FROM items WHERE _offset >= "+before+" ORDER BY _offset", c.rows)
	}
	check(t, db, "SELECT n, total FROM perday ORDER BY window_start", "1 1.01\n13 5")
}

func TestInsertRefuses(t *testing.T) {
	db := open(t, "")
	exec(t, db, itemsSQL)
	exec(t, db, "CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM items")
	exec(t, db, "INSERT INTO items (id, name) VALUES (1, 'one')")
	for _, c := range []struct{ sql, code, place, message string }{ // place: the text from the position on
		{"INSERT INTO items (id) VALUES ('x')", "22P02", "'x')", `column "id": Could not convert string 'x' to INT64`},
		{"INSERT INTO items (id, name) VALUES (1, 'a'), ('1x', 3)", "22P02", "'1x', 3)", `column "id"`},
		{"INSERT INTO items (name, small) VALUES ('ä', 70000)", "22003", "70000)", `column "small"`},
		{"INSERT INTO items (small) SELECT 70000 + i FROM range(3) t(i)", "22003", "", `column "small": Type INT64 with value 70000 can't be cast because the value is out of range for the destination type INT16`},
		{"INSERT INTO items (price) VALUES (12345678.9)", "22003", "12345678.9)", `column "price"`},
		{"INSERT INTO items (ts) VALUES ('noon')", "22007", "'noon')", `column "ts": invalid timestamp field format: "noon"`},
		{"INSERT INTO items (ts) VALUES (-5)", "42804", "-5)", `column "ts" is of type TIMESTAMP WITH TIME ZONE but expression is a number`},
		{"INSERT INTO items (id) VALUES (2), (1 = 1)", "42804", "1 = 1)", `column "id" is of type BIGINT but expression is of type BOOLEAN`},
		{"INSERT INTO items SELECT name FROM items", "42804", "name FROM items", `column "id" is of type BIGINT but expression is of type VARCHAR`},
		{"INSERT INTO items (id) SELECT 'a' UNION ALL SELECT 'b'", "42804", "SELECT 'a' UNION ALL SELECT 'b'", `column "id" is of type BIGINT but expression is of type VARCHAR`},
		{"INSERT INTO items (ok) VALUES ('maybe')", "22P02", "'maybe')", `column "ok"`},
		{"INSERT INTO items (doc) VALUES ('{')", "22P02", "'{')", `column "doc": Malformed JSON`},
		{"INSERT INTO items (id) VALUES (nope)", "42703", "nope)", `column "nope" does not exist`},
		{"INSERT INTO items (id) SELECT nope FROM items", "42703", "nope FROM items", `column "nope" does not exist`},
		{"INSERT INTO items (id) VALUES (1, 2)", "42601", "2)", "INSERT has more expressions than target columns"},
		{"INSERT INTO items (id) SELECT 1, 2", "42601", "2", "INSERT has more expressions than target columns"},
		{"INSERT INTO items (id, name) VALUES (1)", "42601", "name) VALUES (1)", "INSERT has more target columns than expressions"},
		{"INSERT INTO items (id, name) VALUES (1, 2), (3)", "42601", "3)", "VALUES lists must all be the same length"},
		{"INSERT INTO items (id, nope) VALUES (1, 2)", "42703", "nope) VALUES (1, 2)", `column "nope" of relation "items" does not exist`},
		{"INSERT INTO items (day) VALUES (1)", "428C9", "day) VALUES (1)", `cannot insert into column "day": it is a generated column`},
		{"INSERT INTO items (_offset) VALUES (1)", "428C9", "_offset) VALUES (1)", `cannot insert into column "_offset": it is filled by the database`},
		{"INSERT INTO items (id, ID) VALUES (1, 2)", "42701", "ID) VALUES (1, 2)", `column "id" specified more than once`},
		{"INSERT INTO items (id) VALUES (1) ON CONFLICT DO NOTHING", "0A000", "ON CONFLICT DO NOTHING", "ON CONFLICT is not supported for a source"},
		{"INSERT INTO nope VALUES (1)", "42P01", "nope VALUES (1)", `relation "nope" does not exist`},
		{"INSERT INTO n VALUES (1)", "42809", "n VALUES (1)", `cannot change materialized view "n"`},
		{"INSERT INTO items$late VALUES (1)", "42809", "items$late VALUES (1)", `cannot insert into "items$late"`},
		{"INSERT INTO millstream.sources VALUES (1)", "42809", "millstream.sources VALUES (1)", `cannot change system table "millstream.sources"`},
		{"INSERT INTO items (id) VALUES (read_csv('x'))", "42501", "read_csv('x'))", "read_csv"},
		{"INSERT INTO items SELECT * FROM read_csv('/etc/passwd')", "42501", "read_csv('/etc/passwd')", "read_csv"},
		{"INSERT INTO items (id) VALUES (1)) AS t, (VALUES (2)", "42601", ") AS t, (VALUES (2)", "syntax error"},
		{"INSERT INTO items (name) SELECT repeat('x', 100000) FROM range(5000)", "54000", "", "the rows of one INSERT take more than 256 MiB"},
	} {
		err := db.Exec(ctx, c.sql)
		var e *Error
		if !errors.As(err, &e) || e.Code != c.code || !strings.Contains(e.Message, c.message) {
			t.Errorf("%s: %#v, want %s %s", c.sql, err, c.code, c.message)
			continue
		}
		place := ""
		if e.Position > 0 {
			place = string([]rune(c.sql)[e.Position-1:])
		}
		if place != c.place {
			t.Errorf("%s: the error is at %q, want %q", c.sql, place, c.place)
		}
	}
	check(t, db, "SELECT count(*) FROM items", "1")
}

func TestInsertOutsideTransactionsOnly(t *testing.T) {
	db := open(t, "")
	exec(t, db, itemsSQL)
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	if _, err := tag(t, s, "BEGIN"); err != nil {
		t.Fatal(err)
	}
	_, err := tag(t, s, "INSERT INTO items (id) VALUES (1)")
	if e := AsError(err); e == nil || e.Code != CodeActiveTransaction || s.Status() != 'E' {
		t.Errorf("%v, %c", err, s.Status())
	}
}

func TestInsertFollowsItsSource(t *testing.T) {
	db := open(t, "")
	exec(t, db, "CREATE SOURCE s (a BIGINT)")
	session := db.NewSession(SessionOptions{})
	defer session.Close()
	st, err := session.Prepare(ctx, "INSERT INTO s VALUES (1)", nil)
	if err != nil {
		t.Fatal(err)
	}
	run := func() error { _, err := session.Execute(ctx, st, nil); return err }
	if err := run(); err != nil {
		t.Error(err)
	}
	exec(t, db, "DROP SOURCE s")
	if e := AsError(run()); e == nil || e.Code != CodeUndefinedTable {
		t.Errorf("after DROP: %v", e)
	}
	exec(t, db, "CREATE SOURCE s (b VARCHAR, a DOUBLE)")
	if err := run(); err != nil {
		t.Error(err)
	}
	check(t, db, "SELECT a, b FROM s", "(null) 1")
}

// A copy of the files, taken while the database is open, is what a crash leaves.
func TestInsertSurvivesACrash(t *testing.T) {
	for _, c := range []struct{ commit, rows string }{{"on", "3"}, {"off", "0"}} {
		dir, crashed := t.TempDir(), t.TempDir()
		db := open(t, dir)
		exec(t, db, itemsSQL)
		s := db.NewSession(SessionOptions{})
		for _, sql := range []string{"SET synchronous_commit = " + c.commit, "INSERT INTO items (id) SELECT i FROM range(3) t(i)"} {
			if _, err := tag(t, s, sql); err != nil {
				t.Fatal(err)
			}
		}
		s.Close()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err == nil {
				err = os.WriteFile(filepath.Join(crashed, e.Name()), b, 0o600)
			}
			if err != nil && !e.IsDir() {
				t.Fatal(err)
			}
		}
		check(t, open(t, crashed), "SELECT count(*) FROM items", c.rows)
	}
}
