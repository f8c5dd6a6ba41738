package query_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
			for range 3 { // to be planned, to be kept, to be recalled
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

// TestPlansOfOtherNames replaces a view by one whose columns lie elsewhere and have
// other types, drops and makes it, and has checkpoints, while clients go on asking the
// same: an answer is of one view or the other, or there is none.
func TestPlansOfOtherNames(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := query.Open(ctx, t.TempDir(), query.Options{NoCatalog: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	exec := func(sql string) {
		t.Helper()
		if err := db.Exec(ctx, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	exec("CREATE SOURCE s (id BIGINT)")
	const ids = 50
	exec(fmt.Sprintf("INSERT INTO s SELECT i %% %d FROM range(%d) t(i)", ids, 7*ids))
	definitions := []string{
		"SELECT id, count(*) AS n, 'a' AS tag FROM s GROUP BY id",
		"SELECT 'b' AS tag, sum(id) AS unused, id, count(*)::VARCHAR AS n FROM s GROUP BY id",
		"SELECT min(id) AS least, 'c' AS tag, count(*)::DOUBLE AS n, id FROM s GROUP BY id",
	}
	exec("CREATE MATERIALIZED VIEW v AS " + definitions[0])
	until := make(chan struct{})
	var wait sync.WaitGroup
	var answers [3]atomic.Int64
	for client := range 3 {
		wait.Go(func() {
			for i := int64(client); ; i++ {
				select {
				case <-until:
					return
				default:
				}
				tag, n := askTagged(ctx, db, i%ids)
				if tag == "" {
					continue
				}
				if n != "7" || tag < "a" || tag > "c" {
					t.Errorf("the answer is %q, %q", tag, n)
					return
				}
				answers[tag[0]-'a'].Add(1)
			}
		})
	}
	for i := range 30 {
		switch i % 5 {
		case 3:
			exec("DROP MATERIALIZED VIEW v")
			exec("CREATE MATERIALIZED VIEW v AS " + definitions[i%3])
		case 4:
			exec("CHECKPOINT")
		default:
			exec("CREATE OR REPLACE MATERIALIZED VIEW v AS " + definitions[i%3])
		}
		time.Sleep(20 * time.Millisecond)
	}
	close(until)
	wait.Wait()
	for i := range answers {
		if answers[i].Load() == 0 {
			t.Errorf("nobody has seen definition %d", i)
		}
	}
}

// askTagged asks for a group of v; the answer is empty while there is none.
func askTagged(ctx context.Context, db *query.DB, id int64) (tag, n string) {
	r, err := db.Query(ctx, "SELECT tag, n::DOUBLE::BIGINT::VARCHAR FROM v WHERE id = $1", id)
	if err != nil {
		return "", ""
	}
	defer r.Close()
	for {
		rec, err := r.Next(ctx)
		if err != nil {
			return tag, n
		}
		if rec.NumRows() > 0 {
			tag, n = strings.Clone(rec.Column(0).ValueStr(0)), strings.Clone(rec.Column(1).ValueStr(0)) // the record is released
		}
	}
}
