package query

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// follow subscribes; the test's end closes the result.
func follow(t *testing.T, db *DB, sql string, args ...any) *Result {
	t.Helper()
	r, err := db.Query(ctx, sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	t.Cleanup(r.Close)
	return r
}

// told reads what a subscription tells until it has nothing more to tell, a
// line for each row, without the epoch. The order of rows is that of the text.
func told(t *testing.T, r *Result) string {
	t.Helper()
	return strings.Join(toldRows(t, r, 1), "\n")
}

func toldRows(t *testing.T, r *Result, from int) []string {
	t.Helper()
	var out []string
	for {
		rec, err := r.poll(ctx, 20*time.Millisecond)
		if errors.Is(err, io.EOF) {
			return append(out, "END")
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec == nil {
			return out
		}
		for i := range int(rec.NumRows()) {
			row := make([]string, 0, rec.NumCols())
			for _, c := range rec.Columns()[from:] {
				row = append(row, strings.Clone(c.ValueStr(i)))
			}
			out = append(out, strings.Join(row, " "))
		}
	}
}

func checkTold(t *testing.T, r *Result, want string) {
	t.Helper()
	if diff := cmp.Diff(want, told(t, r)); diff != "" {
		t.Errorf("told (-want +got)\n%s", diff)
	}
}

func subscribed(t *testing.T) *DB {
	db := open(t, "")
	exec(t, db, ordersSQL)
	exec(t, db, `CREATE MATERIALIZED VIEW totals AS SELECT country, count(*) AS n FROM orders GROUP BY country`)
	exec(t, db, `CREATE MATERIALIZED VIEW minutes AS SELECT window_start, count(*) AS n FROM TUMBLE(orders, ts, INTERVAL '1 minute') GROUP BY window_start, window_end`)
	return db
}

func TestSubscribeToAView(t *testing.T) {
	db := subscribed(t)
	fill(t, db, 0, 3)
	r := follow(t, db, "SUBSCRIBE totals")
	checkTold(t, r, "1 c0 1\n1 c1 1\n1 c2 1")
	fill(t, db, 3, 1)
	checkTold(t, r, "-1 c0 1\n1 c0 2")
	checkTold(t, r, "")
	exec(t, db, "CHECKPOINT")
	checkTold(t, r, "")
	fill(t, db, 4, 1)
	fill(t, db, 7, 1)
	checkTold(t, r, "-1 c1 1\n1 c1 3")
}

func TestSubscribeToWindowsThatClose(t *testing.T) {
	db := subscribed(t)
	r := follow(t, db, "SUBSCRIBE TO minutes WITH (PROGRESS)")
	told(t, r)
	fill(t, db, 0, 61)
	fill(t, db, 61, 100)
	exec(t, db, "CHECKPOINT") // moves the first window into history
	fill(t, db, 161, 10)
	exec(t, db, "CHECKPOINT")
	counts := make(map[string]int)
	for _, row := range toldRows(t, r, 1) {
		var progressed bool
		var diff int
		var window string
		if strings.HasPrefix(row, "true") {
			continue
		}
		if _, err := fmt.Sscan(row, &progressed, &diff, &window); err != nil {
			t.Fatal(row, err)
		}
		counts[row[len("false ")+len(fmt.Sprint(diff))+1:]] += diff
	}
	for row, n := range counts {
		if n == 0 {
			delete(counts, row)
		}
	}
	want := map[string]int{"1970-01-01T00:00:00Z 60": 1, "1970-01-01T00:01:00Z 60": 1, "1970-01-01T00:02:00Z 51": 1}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}
}

func TestSubscribeToASource(t *testing.T) {
	db := subscribed(t)
	fill(t, db, 0, 2)
	r := follow(t, db, "SUBSCRIBE orders")
	const zero = " 1970-01-01T00:00:0"
	checkTold(t, r, "1 0 c0 0"+zero+"0Z 1970\n1 1 c1 0.01"+zero+"1Z 1970")
	for i := range 5 { // merged with what was told
		fill(t, db, 2+i, 1)
	}
	if got := toldRows(t, r, 1); len(got) != 5 {
		t.Errorf("told %q", got)
	}
	fill(t, db, 8, 1)
	exec(t, db, "CHECKPOINT")
	fill(t, db, 9, 1)
	if got := toldRows(t, r, 1); len(got) != 2 {
		t.Errorf("told %q", got)
	}
}

func TestSubscribeToAQuery(t *testing.T) {
	db := subscribed(t)
	fill(t, db, 0, 3)
	r := follow(t, db, "SUBSCRIBE (SELECT max(n) AS most, $1 FROM totals)", "x")
	checkTold(t, r, "1 1 x")
	fill(t, db, 3, 1)
	checkTold(t, r, "-1 1 x\n1 2 x")
	exec(t, db, "CHECKPOINT")
	fill(t, db, 4, 1)
	checkTold(t, r, "")
	fill(t, db, 6, 1)
	checkTold(t, r, "-1 2 x\n1 3 x")
}

func TestSubscribeWithKeys(t *testing.T) {
	db := subscribed(t)
	fill(t, db, 0, 1)
	r := follow(t, db, "SUBSCRIBE totals ENVELOPE UPSERT (KEY (country))")
	checkTold(t, r, "upsert c0 1")
	fill(t, db, 3, 1)
	checkTold(t, r, "upsert c0 2")
	q := follow(t, db, "SUBSCRIBE (SELECT n, country FROM totals WHERE n < 3) ENVELOPE UPSERT (KEY (country))")
	checkTold(t, q, "upsert c0 2")
	fill(t, db, 6, 1)
	checkTold(t, q, "delete c0 (null)")
	v := follow(t, db, "SUBSCRIBE (SELECT n, 'k' AS k FROM totals UNION ALL SELECT 5, 'k') ENVELOPE UPSERT (KEY (k))")
	checkTold(t, v, "key_violation k (null)")
}

func TestSubscribeFromAndUpTo(t *testing.T) {
	db := subscribed(t)
	fill(t, db, 0, 1)
	r := follow(t, db, "SUBSCRIBE totals")
	checkTold(t, r, "1 c0 1")
	at := r.Epoch
	fill(t, db, 3, 1)
	// r stands at the epoch until it reads on.
	again := follow(t, db, fmt.Sprintf("SUBSCRIBE totals WITH (SNAPSHOT = false) AS OF %d", at))
	checkTold(t, again, "-1 c0 1\n1 c0 2")
	whole := follow(t, db, fmt.Sprintf("SUBSCRIBE totals AS OF %d UP TO %d", at, at+2))
	fill(t, db, 6, 1)
	checkTold(t, whole, "1 c0 1\n-1 c0 1\n1 c0 2\nEND")
	r.Close()
	exec(t, db, "CHECKPOINT")
	resumed := follow(t, db, fmt.Sprintf("SUBSCRIBE totals WITH (SNAPSHOT false) AS OF %d", at))
	checkTold(t, resumed, "-1 c0 1\n1 c0 3")
	wantError(t, db, fmt.Sprintf("SUBSCRIBE totals AS OF %d", at), CodeInvalidParameter, "moved")
	wantError(t, db, "SUBSCRIBE totals AS OF 1", CodeInvalidParameter, "not kept")
	wantError(t, db, "SUBSCRIBE totals AS OF 100000", CodeInvalidParameter, "not come yet")
	wantError(t, db, "SUBSCRIBE totals UP TO 1", CodeInvalidParameter, "UP TO 1")
	wantError(t, db, "SUBSCRIBE nope", CodeUndefinedTable, "nope")
	wantError(t, db, "SUBSCRIBE totals ENVELOPE UPSERT (KEY (nope))", CodeUndefinedColumn, "nope")
	wantError(t, db, "SUBSCRIBE (SELECT * FROM range(200000))", CodeProgramLimit, "100000")
}

func TestSubscriptionEndsWithItsView(t *testing.T) {
	db := subscribed(t)
	r := follow(t, db, "SUBSCRIBE totals")
	told(t, r)
	exec(t, db, "DROP MATERIALIZED VIEW totals")
	var e *Error
	if _, err := r.Next(ctx); !errors.As(err, &e) || e.Code != CodeUndefinedTable {
		t.Errorf("got %v", err)
	}
}

func TestCancelledSubscription(t *testing.T) {
	db := subscribed(t)
	r := follow(t, db, "SUBSCRIBE totals")
	told(t, r)
	c, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	var e *Error
	if _, err := r.Next(c); !errors.As(err, &e) || e.Code != CodeQueryCanceled {
		t.Errorf("got %v", err)
	}
}

// script runs statements in one session and returns what the last one gave.
func script(t *testing.T, s *Session, statements ...string) string {
	t.Helper()
	out := ""
	for _, sql := range statements {
		st, err := s.Prepare(ctx, sql, nil)
		if err == nil {
			var r *Result
			if r, err = s.Execute(ctx, st, nil); err == nil {
				if out, err = table(r, nil); out == "" {
					out = r.Tag
				}
			}
		}
		var e *Error
		if errors.As(err, &e) {
			out = e.Code + " " + e.Message
		} else if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	return out
}

func TestCursors(t *testing.T) {
	db := subscribed(t)
	fill(t, db, 0, 10)
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	for _, c := range []struct{ sql, want string }{
		{"DECLARE c CURSOR FOR SELECT 1", "25P01 DECLARE CURSOR can only be used in transaction blocks"},
		{"FETCH c", `34000 cursor "c" does not exist`},
		{"BEGIN", "BEGIN"},
		{"DECLARE c CURSOR FOR SELECT id FROM orders ORDER BY id", "DECLARE CURSOR"},
		{"FETCH 2 c", "0\n1"},
		{"FETCH FROM c", "2"},
		{"SELECT count(*) FROM totals", "3"}, // on the same connection
		{"FETCH FORWARD 3 FROM c", "3\n4\n5"},
		{"MOVE 2 IN c", "MOVE 2"},
		{"FETCH ALL c", "8\n9"},
		{"FETCH ALL c", "FETCH"},
		{"CLOSE c", "CLOSE CURSOR"},
		{"DECLARE h CURSOR WITH HOLD FOR SELECT id FROM orders ORDER BY id", "DECLARE CURSOR"},
		{"FETCH h", "0"},
		{"DECLARE gone CURSOR FOR SELECT 1", "DECLARE CURSOR"},
		{"COMMIT", "COMMIT"},
		{"FETCH gone", `34000 cursor "gone" does not exist`},
		{"FETCH 2 h", "1\n2"},
		{"CLOSE ALL", "CLOSE CURSOR ALL"},
		{"FETCH h", `34000 cursor "h" does not exist`},
		{"DECLARE h CURSOR WITH HOLD FOR VALUES (1), (2)", "DECLARE CURSOR"},
		{"DECLARE h CURSOR WITH HOLD FOR VALUES (1), (2)", `42P03 cursor "h" already exists`},
		{"FETCH ALL h", "1\n2"},
	} {
		if got := script(t, s, c.sql); got != c.want {
			t.Errorf("%s\n got: %s\nwant: %s", c.sql, got, c.want)
		}
	}
}

func TestCursorsOfSubscriptions(t *testing.T) {
	db := subscribed(t)
	fill(t, db, 0, 3)
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	got := script(t, s, "BEGIN", "DECLARE c CURSOR FOR SUBSCRIBE totals", "FETCH ALL c")
	if n := strings.Count(got, "\n"); n != 2 {
		t.Errorf("the first FETCH gave %q", got)
	}
	began := time.Now()
	if got = script(t, s, "FETCH ALL c WITH (timeout = '50ms')"); got != "FETCH" || time.Since(began) < 50*time.Millisecond {
		t.Errorf("after %s FETCH gave %q", time.Since(began), got)
	}
	fill(t, db, 3, 1)
	if got = script(t, s, "FETCH 1 c"); !strings.HasSuffix(got, " -1 c0 1") {
		t.Errorf("got %q", got)
	}
	if got = script(t, s, "FETCH 10 c WITH (timeout = '0s')"); !strings.HasSuffix(got, " 1 c0 2") {
		t.Errorf("got %q", got)
	}
	go func() {
		time.Sleep(20 * time.Millisecond)
		_ = db.Exec(ctx, "CREATE MATERIALIZED VIEW more AS SELECT count(*) AS n FROM orders")
		fill(t, db, 6, 1)
	}()
	if got = script(t, s, "FETCH c"); !strings.HasSuffix(got, " -1 c0 2") {
		t.Errorf("got %q", got)
	}
	if got = script(t, s, "COMMIT", "FETCH c"); !strings.HasPrefix(got, "34000") {
		t.Errorf("got %q", got)
	}
}

func TestCopyGivesRows(t *testing.T) {
	db := subscribed(t)
	fill(t, db, 0, 2)
	check(t, db, "COPY orders (id, country) TO STDOUT", "0 c0\n1 c1")
	check(t, db, "COPY (SELECT sum(n) FROM totals) TO STDOUT WITH (FORMAT csv)", "2")
	wantError(t, db, "COPY nope TO STDOUT", CodeUndefinedTable, "nope")
	wantError(t, db, "COPY orders TO '/tmp/x'", CodeFeatureNotSupported, "file")
}
