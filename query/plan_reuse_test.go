package query_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
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

// TestPlansWithArguments asks the same with other arguments, also where the plan can't do
// without their values, and compares with what it answers to their literals.
func TestPlansWithArguments(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := query.Open(ctx, "", query.Options{NoCatalog: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	for _, sql := range []string{
		"CREATE SOURCE s (name VARCHAR, id BIGINT, small SMALLINT, price DECIMAL(9,2), seen TIMESTAMP)",
		"CREATE MATERIALIZED VIEW v AS SELECT name, id, small, count(*) AS n, sum(price) AS total, max(seen) AS seen FROM s GROUP BY name, id, small",
		"INSERT INTO s SELECT 'n' || i % 7, i % 5, i % 3, i * 0.5, TIMESTAMP '2026-01-01' + i * INTERVAL '1 minute' FROM range(500) t(i)",
		"INSERT INTO s VALUES ('', 3, NULL, 1, NULL), (NULL, NULL, 2, 1, NULL), ('it''s', 9000000000, -1, 1, NULL)",
	} {
		if err := db.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	s := db.NewSession(query.SessionOptions{})
	defer s.Close()
	for _, q := range []struct {
		sql  string
		args [][]any
	}{
		{"SELECT * FROM v WHERE name = $1", [][]any{{"n1"}, {"n2"}, {"it's"}, {""}, {nil}, {"n1"}, {"nobody"}}},
		{"SELECT * FROM v WHERE name = $1 AND id = $2", [][]any{{"n1", int64(1)}, {"it's", int64(9000000000)}, {"n3", nil}, {"n3", int64(2)}}},
		{"SELECT * FROM v WHERE id IN ($1, $2) AND small <> $3", [][]any{{int64(1), int64(2), int32(0)}, {int64(3), int64(3), int32(1)}, {int64(0), nil, int32(2)}}},
		{"SELECT name, $1::VARCHAR AS what, n + $2::INTEGER AS more FROM v WHERE id > $2", [][]any{{"x", int32(1)}, {"y", int32(3)}, {"it's", int32(-1)}}},
		{"SELECT name, n FROM v ORDER BY name, id, small LIMIT $1 OFFSET $2", [][]any{{int64(3), int64(1)}, {int64(1), int64(0)}, {int64(50), int64(9)}}},
		{"SELECT name, sum(n) FROM v GROUP BY name HAVING sum(n) > $1 ORDER BY 1", [][]any{{int64(70)}, {int64(0)}, {int64(71)}}},
		{"SELECT $1::VARCHAR || name AS label, count(*) FROM v GROUP BY $1::VARCHAR || name ORDER BY 1", [][]any{{"a"}, {"b"}, {""}}},
		{"SELECT string_agg(name, $1 ORDER BY name, id) FROM v WHERE id = $2", [][]any{{",", int64(1)}, {"; ", int64(2)}, {"", int64(1)}}},
		{"SELECT name FROM v WHERE seen > $1 ORDER BY name, id, small", [][]any{{batch.TimestampValue(1767225600000000)}, {batch.TimestampValue(1767250000000000)}, {nil}}},
		{"SELECT name FROM v WHERE name LIKE $1 ORDER BY name, id, small", [][]any{{"n%"}, {"%t%"}, {"n_"}}},
		{"SELECT name FROM v WHERE substr(name, $1::INTEGER, 1) = $2 ORDER BY name, id, small", [][]any{{int32(1), "n"}, {int32(2), "4"}, {int32(2), "t"}}},
		{"SELECT count(*) FROM v a JOIN v b ON a.name = b.name AND b.id = $1 WHERE a.id = $2", [][]any{{int64(1), int64(2)}, {int64(4), int64(4)}, {int64(9000000000), int64(9000000000)}}},
	} {
		st, err := s.Prepare(ctx, q.sql, nil)
		if err != nil {
			t.Errorf("%s: %v", q.sql, err)
			continue
		}
		for round := range 3 {
			for _, args := range q.args {
				want := answer(t, s, literally(q.sql, args), nil)
				again, err := s.Prepare(ctx, q.sql, nil) // it is known from the second time on
				if err != nil {
					t.Fatal(err)
				}
				for _, st := range []*query.Statement{st, again} {
					if got := execution(t, s, st, args); got != want {
						t.Errorf("%s %v, round %d:\n got %s\nwant %s", q.sql, args, round, got, want)
					}
				}
			}
		}
	}
	const failing = "SELECT CASE WHEN id >= $1 THEN name::BIGINT END FROM v WHERE name = $2"
	var first *query.Error
	for round := range 4 {
		err := db.Exec(ctx, failing, int64(0), "it's")
		var e *query.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", failing, err)
		}
		if first == nil {
			first = e
		}
		if e.Code != first.Code || e.Message != first.Message || e.Position != first.Position {
			t.Errorf("round %d: %+v, at first %+v", round, e, first)
		}
	}
	for _, function := range []string{"ms_text_argument", "ms_integer_argument"} {
		if err := db.Exec(ctx, "SELECT "+function+"(0)"); err == nil {
			t.Errorf("users may call %s", function)
		}
	}
}

// literally puts arguments into a text as literals.
func literally(sql string, args []any) string {
	for i, arg := range args {
		text := fmt.Sprint(arg)
		switch v := arg.(type) {
		case nil:
			text = "NULL"
		case string:
			text = "'" + strings.ReplaceAll(v, "'", "''") + "'"
		case batch.TimestampValue:
			text = "TIMESTAMP '" + time.UnixMicro(int64(v)).UTC().Format("2006-01-02 15:04:05.999999") + "'"
		}
		sql = strings.ReplaceAll(sql, fmt.Sprint("$", i+1), text)
	}
	return sql
}

func answer(t *testing.T, s *query.Session, sql string, args []any) string {
	t.Helper()
	st, err := s.Prepare(t.Context(), sql, nil)
	if err != nil {
		return "error"
	}
	return execution(t, s, st, args)
}

// execution returns the rows of a statement, sorted, or "error".
func execution(t *testing.T, s *query.Session, st *query.Statement, args []any) string {
	t.Helper()
	r, err := s.Execute(t.Context(), st, args)
	if err != nil {
		return "error"
	}
	defer r.Close()
	var rows []string
	for {
		rec, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			slices.Sort(rows)
			return strings.Join(rows, ", ")
		}
		if err != nil {
			return "error"
		}
		for i := range int(rec.NumRows()) {
			row := ""
			for _, c := range rec.Columns() {
				row += c.ValueStr(i) + "|"
			}
			rows = append(rows, row)
		}
	}
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
