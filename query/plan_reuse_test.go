package query_test

import (
	"context"
	"testing"

	"github.com/millstream-db/millstream/query"
)

// execute prepares a statement and begins it.
func execute(t *testing.T, s *query.Session, sql string) (*query.Statement, *query.Result) {
	t.Helper()
	st, err := s.Prepare(t.Context(), sql, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	r, err := s.Execute(t.Context(), st, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return st, r
}

// TestPlansSeeWhatComes asks the same thing before and after rows come, move into
// history, and go, and an object of the name is another one.
func TestPlansSeeWhatComes(t *testing.T) {
	ctx := t.Context()
	db, err := query.Open(ctx, "", query.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	s := db.NewSession(query.SessionOptions{})
	defer s.Close()
	count := func(sql string) (n int64) {
		t.Helper()
		st, r := execute(t, s, sql)
		defer r.Close()
		for {
			rec, err := r.Next(ctx)
			if err != nil {
				return n
			}
			if int(rec.NumCols()) != len(st.Columns) {
				t.Fatalf("%s: %d columns, described as %d", sql, rec.NumCols(), len(st.Columns))
			}
			n += rec.NumRows()
		}
	}
	const sourceSQL, tableSQL, viewSQL = "SELECT id FROM s WHERE _offset >= 1", "SELECT * FROM t WHERE id > 1", "SELECT * FROM v WHERE n > 1"
	all := func(want ...int64) {
		t.Helper()
		for i, sql := range []string{sourceSQL, tableSQL, viewSQL} {
			for range 2 {
				if got := count(sql); got != want[i] {
					t.Errorf("%s: %d rows, want %d", sql, got, want[i])
				}
			}
		}
	}
	exec := func(list ...string) {
		t.Helper()
		for _, sql := range list {
			if err := db.Exec(ctx, sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
	}
	exec("CREATE SOURCE s (id BIGINT)", "CREATE TABLE t (id BIGINT)", "CREATE MATERIALIZED VIEW v AS SELECT id, count(*) AS n FROM s GROUP BY id")
	all(0, 0, 0)
	exec("INSERT INTO s VALUES (1), (1), (2)", "INSERT INTO t VALUES (1), (2)")
	all(2, 1, 1)
	exec("CHECKPOINT")
	all(2, 1, 1)
	exec("INSERT INTO s VALUES (2), (3)", "UPDATE t SET id = 3")
	all(4, 2, 2)
	exec("DELETE FROM t WHERE id = 3", "CHECKPOINT")
	all(4, 0, 2)
	exec("DROP MATERIALIZED VIEW v", "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n, 'x' AS more FROM s", "DROP TABLE t", "CREATE TABLE t (id BIGINT, more VARCHAR)")
	all(4, 0, 1)
	exec("INSERT INTO t VALUES (7, 'y')")
	all(4, 1, 1)
}
