package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millstream-db/millstream/engine/batch"
)

var ctx = context.Background()

func open(t *testing.T, dir string) *DB {
	t.Helper()
	db, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return db
}

func exec(t *testing.T, db *DB, sql string) {
	t.Helper()
	if err := db.Exec(ctx, sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// table runs a statement and prints its rows, a line each.
func table(r *Result, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer r.Close()
	var out []string
	for {
		rec, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return strings.Join(out, "\n"), nil
		}
		if err != nil {
			return "", err
		}
		for i := range int(rec.NumRows()) {
			row := make([]string, rec.NumCols())
			for j, c := range rec.Columns() {
				row[j] = strings.Clone(c.ValueStr(i)) // the record goes with the next one
			}
			out = append(out, strings.Join(row, " "))
		}
	}
}

func check(t *testing.T, db *DB, sql, want string, args ...any) {
	t.Helper()
	got, err := table(db.Query(ctx, sql, args...))
	if err != nil {
		t.Errorf("%s: %v", sql, err)
	} else if got != want {
		t.Errorf("%s\n got:\n%s\nwant:\n%s", sql, got, want)
	}
}

func wantError(t *testing.T, db *DB, sql, code, fragment string) {
	t.Helper()
	err := db.Exec(ctx, sql)
	var e *Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, fragment) {
		t.Errorf("%s: %#v, want %s with %q", sql, err, code, fragment)
	}
}

const ordersSQL = `CREATE SOURCE orders (id BIGINT, country VARCHAR, amount DECIMAL(12,2), ts TIMESTAMPTZ,
  year BIGINT AS year(ts), WATERMARK FOR ts AS ts - INTERVAL '5 seconds')`

func fill(t *testing.T, db *DB, first, n int) {
	t.Helper()
	b, err := db.NewRows("orders")
	if err != nil {
		t.Fatal(err)
	}
	for i := first; i < first+n; i++ {
		b.Column(0).AppendInt64(int64(i))
		b.Column(1).AppendString(fmt.Sprint("c", i%3))
		b.Column(2).AppendInt64(int64(i))
		b.Column(3).AppendInt64(int64(i) * 1e6)
	}
	rec := b.Finish()
	defer rec.Release()
	if err := db.AppendRecord(ctx, "orders", rec); err != nil {
		t.Fatal(err)
	}
}

func TestFromSourceToView(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	exec(t, db, ordersSQL)
	exec(t, db, `CREATE MATERIALIZED VIEW revenue AS SELECT window_start, window_end, country, count(*) AS orders, sum(amount) AS revenue, avg(amount) AS mean
		FROM TUMBLE(orders, ts, INTERVAL '1 minute') GROUP BY window_start, window_end, country`)
	fill(t, db, 0, 300)
	exec(t, db, `CREATE MATERIALIZED VIEW totals AS SELECT upper(country) AS c, count(DISTINCT id % 7) AS d, max(id) FILTER (WHERE id < 100) AS m
		FROM orders GROUP BY 1 HAVING count(*) > 1`)
	check(t, db, "SELECT count(*), sum(orders), sum(revenue) FROM revenue", "15 300 448.5")
	check(t, db, "SELECT * FROM totals ORDER BY c", "C0 7 99\nC1 7 97\nC2 7 98")
	check(t, db, "SELECT year, count(*) FROM orders WHERE id >= $1 GROUP BY ALL", "1970 200", int64(100))
	check(t, db, "SELECT max(_offset) FROM orders", "299")
	check(t, db, "SELECT r.country, r.orders FROM revenue r JOIN totals t ON upper(r.country) = t.c WHERE window_start = TIMESTAMPTZ '1970-01-01 00:01:00Z' ORDER BY 1",
		"c0 20\nc1 20\nc2 20")
	exec(t, db, "CHECKPOINT")
	check(t, db, "SELECT count(*), sum(orders), sum(revenue) FROM revenue", "15 300 448.5")
	check(t, db, "SHOW TABLES", "orders source\norders$late late records\norders$rejected rejected records\nrevenue materialized view\ntotals materialized view")
	check(t, db, "DESCRIBE totals", "c VARCHAR \nd BIGINT \nm BIGINT ")
	check(t, db, "SELECT name, windows, groups FROM millstream.views ORDER BY 1", "revenue 1 3\ntotals 1 3")
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	check(t, db, "SELECT count(*), sum(orders), sum(revenue) FROM revenue", "15 300 448.5")
	check(t, db, "SELECT * FROM totals ORDER BY c", "C0 7 99\nC1 7 97\nC2 7 98")
	wantError(t, db, "DROP SOURCE orders", CodeDependentObjects, "totals")
	exec(t, db, "DROP SOURCE orders CASCADE")
	check(t, db, "SHOW TABLES", "")
}

func TestErrorsNameThePlace(t *testing.T) {
	db := open(t, "")
	exec(t, db, ordersSQL)
	for _, c := range []struct{ sql, code, fragment string }{
		{"SELEC 1", CodeSyntaxError, "SELEC"},
		{"SELECT nope FROM orders", CodeUndefinedColumn, "nope"},
		{"SELECT * FROM order", CodeSyntaxError, ""},
		{"SELECT * FROM ordrs", CodeUndefinedTable, "ordrs"},
		{"SELECT 1; SELECT 2", CodeSyntaxError, "multiple"},
		{"SELECT * FROM read_csv('/etc/passwd')", CodeInsufficientPrivilege, "read_csv"},
		{"CREATE MATERIALIZED VIEW v AS SELECT count(*) FROM nope", CodeUndefinedTable, "nope"},
		{"CREATE SOURCE orders (id BIGINT)", CodeDuplicateTable, "orders"},
		{"CREATE SOURCE s (id WIDGET)", CodeUndefinedObject, "WIDGET"},
		{"CREATE SOURCE s (id BIGINT) WITH (connector = 'pigeon')", CodeInvalidParameter, "pigeon"},
		{"UPDATE orders SET id = 1", CodeWrongObjectType, "is a source"},
		{"DROP SOURCE nope", CodeUndefinedTable, "nope"},
	} {
		wantError(t, db, c.sql, c.code, c.fragment)
	}
	var e *Error
	if err := db.Exec(ctx, "SELECT id,\n  nope FROM orders"); !errors.As(err, &e) || e.Position != 14 {
		t.Errorf("position of an unknown column: %+v", e)
	}
}

func TestTransactionReadsOneEpoch(t *testing.T) {
	db := open(t, "")
	exec(t, db, ordersSQL)
	fill(t, db, 0, 10)
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	run := func(sql string) string {
		t.Helper()
		st, err := s.Prepare(ctx, sql, nil)
		if err != nil {
			return err.(*Error).Code
		}
		got, err := table(s.Execute(ctx, st, nil))
		if err != nil {
			return err.(*Error).Code
		}
		return got
	}
	run("BEGIN")
	if got := run("SELECT count(*) FROM orders"); got != "10" {
		t.Fatal(got)
	}
	fill(t, db, 10, 10)
	exec(t, db, "CHECKPOINT")
	if got := run("SELECT count(*) FROM orders"); got != "10" {
		t.Errorf("the transaction sees %s rows, want its epoch's 10", got)
	}
	if got := run("SELECT nope"); got != CodeUndefinedColumn || s.Status() != 'E' {
		t.Errorf("got %s, status %c", got, s.Status())
	}
	if got := run("SELECT 1"); got != CodeInFailedTransaction {
		t.Errorf("a failed transaction answered %s", got)
	}
	run("ROLLBACK")
	if got := run("SELECT count(*) FROM orders"); got != "20" || s.Status() != 'I' {
		t.Errorf("after ROLLBACK: %s rows, status %c", got, s.Status())
	}
}

func TestLateRecordsAreListed(t *testing.T) {
	db := open(t, "")
	exec(t, db, ordersSQL)
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT window_start, count(*) FROM TUMBLE(orders, ts, INTERVAL '1 minute') GROUP BY window_start")
	fill(t, db, 0, 300)
	fill(t, db, 10, 1)
	check(t, db, `SELECT "view", id, epoch(window_start), epoch(watermark) FROM orders$late`, "v 10 0 294")
	check(t, db, "SELECT sum(count), count(*) FROM v", "300 5")
	check(t, db, "SELECT count(*) FROM orders", "301")
}

func TestExpressionThatFailsStopsNothing(t *testing.T) {
	db := open(t, "")
	exec(t, db, ordersSQL)
	exec(t, db, `CREATE MATERIALIZED VIEW v AS SELECT window_start, sum(id)::TINYINT AS small, count(CAST(substr(country, 2) || CASE WHEN id = 7 THEN 'x' ELSE '' END AS BIGINT)) AS numbers
		FROM TUMBLE(orders, ts, INTERVAL '1 minute') GROUP BY window_start`)
	fill(t, db, 0, 10)
	check(t, db, "SELECT small, numbers FROM v", "45 9")
	fill(t, db, 10, 90)
	exec(t, db, "CHECKPOINT")
	check(t, db, "SELECT small, numbers FROM v ORDER BY window_start", "(null) 59\n(null) 40")
	check(t, db, "SELECT errors > 0 FROM millstream.views", "true")
}

func TestRowsAreGoValues(t *testing.T) {
	db := open(t, "")
	r, err := db.Query(ctx, `SELECT 1::TINYINT, 2.50::DECIMAL(5,2), DATE '1970-01-02', TIMESTAMPTZ '1970-01-01 00:00:01Z', INTERVAL '1 month 2 days',
		[1, NULL], 'x', NULL, '00000000-0000-0000-0000-00000000000a'::UUID, 'ab'::BLOB`)
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range r.Rows(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		want := []any{int64(1), batch.DecimalValue{Unscaled: batch.Int128From(250), Scale: 2}, batch.DateValue(1), batch.TimestampTZValue(1e6),
			batch.IntervalValue{Months: 1, Days: 2}, []any{int64(1), nil}, "x", nil, batch.UUIDValue{15: 10}, []byte("ab")}
		if diff := cmp.Diff(want, row); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTimeFiltersFindTheirRows(t *testing.T) {
	db := open(t, "")
	exec(t, db, ordersSQL)
	for i := range 12 {
		fill(t, db, i*5000, 5000)
	}
	for where, want := range map[string]string{
		"ts >= TIMESTAMPTZ '1970-01-01 10:00:00Z'":                                                            "24000",
		"ts BETWEEN TIMESTAMPTZ '1970-01-01 01:00:00Z' AND TIMESTAMPTZ '1970-01-01 01:00:09Z' AND id % 2 = 0": "5",
		"ts = to_timestamp(7)": "1",
		"ts > now()":           "0",
		"ts < '1970-01-01 00:00:03Z' OR id = 59999": "4",
	} {
		check(t, db, "SELECT count(*) FROM orders o WHERE "+where, want)
	}
	check(t, db, "SELECT count(*) FROM orders a JOIN orders b USING (id) WHERE a.ts < to_timestamp(10)", "10")
	got, err := table(db.Query(ctx, "EXPLAIN SELECT count(*) FROM orders WHERE ts > now()"))
	if err != nil || !strings.Contains(got, "┌") || strings.ContainsRune(got, 0) || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("EXPLAIN: %q, %v", got, err)
	}
}

func TestPostgresCatalogShowsOurTables(t *testing.T) {
	db := open(t, "")
	exec(t, db, ordersSQL)
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT country, count(*) FROM orders GROUP BY country")
	check(t, db, `SELECT c.relname, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname OPERATOR(pg_catalog.~) '^(public)$' COLLATE pg_catalog.default ORDER BY 1`,
		"orders r\norders$late r\norders$rejected r\nv m")
	check(t, db, "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'v' ORDER BY ordinal_position",
		"country text\ncount bigint")
	check(t, db, "SELECT current_database(), 'abc' LIKE 'a%'", "millstream true")
	wantError(t, db, "SELECT * FROM pg_catalog.nothing_here", CodeUndefinedTable, "nothing_here")
	wantError(t, db, "SELECT nope(1) FROM pg_class", CodeUndefinedFunction, "nope")
}

func TestParametersOfUnknownTypeAreText(t *testing.T) {
	db := open(t, "")
	check(t, db, "SELECT $1", "a", "a")
	check(t, db, "SELECT $1 || 'b', $2 + 1", "ab 3", "a", int64(2))
	check(t, db, "SELECT $1 * 2", "3", 1.5)
	check(t, db, "SELECT coalesce($1, 'none')", "none", nil)
	check(t, db, "SELECT 'a' = ANY ($1)", "true", []any{"b", "a"})
	check(t, db, "SELECT 1 = ANY ($1)", "false", []any{int64(2)})
	check(t, db, "SELECT json_object($1::VARCHAR, 1) AS a, 2 AS b", `{"k":1} 2`, "k")
	check(t, db, "SELECT count(*), $2 FROM generate_series(1, $1)", "3 x", int64(3), "x")
	check(t, db, "SELECT 'a', max(n), $3 FROM generate_series($1::int, $2::int) n", "a 3 x", int64(1), int64(3), "x")
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	st, err := s.Prepare(ctx, "SELECT json_object($1::VARCHAR, 1) AS a, 2 AS b", nil)
	if err != nil || len(st.Columns) != 2 || st.Params[0] != "VARCHAR" || st.Columns[0] != (Column{"a", "JSON"}) {
		t.Errorf("%v, %+v", err, st)
	}
}

func TestCursorsHaveParameters(t *testing.T) {
	db := open(t, "")
	exec(t, db, ordersSQL)
	fill(t, db, 0, 10)
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	run := func(sql string, args ...any) string {
		t.Helper()
		st, err := s.Prepare(ctx, sql, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := table(s.Execute(ctx, st, args))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	run("BEGIN")
	run("DECLARE c CURSOR FOR SELECT count(*) FROM orders WHERE id >= $1 AND id < $2", int64(2), int64(5))
	if got := run("FETCH ALL FROM c"); got != "3" {
		t.Errorf("got %s", got)
	}
	run("COMMIT")
}
