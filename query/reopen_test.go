package query

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/reopen/reopentest"
)

// refusedForNow checks that an error says that the file is being opened again, and
// what to do.
func refusedForNow(t *testing.T, what string, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeCannotConnectNow || e.Hint == "" {
		t.Errorf("%s: %v, want an error %s with a hint", what, err, CodeCannotConnectNow)
	}
}

// TestSessionsWhenTheFileIsGivenUp has DuckDB give the file up under sessions that
// are amid something: that fails with an error that says so, and each session goes
// on with its next transaction.
func TestSessionsWhenTheFileIsGivenUp(t *testing.T) {
	dir := t.TempDir()
	db := openLeakless(t, dir, engine.Options{})
	exec(t, db, ordersSQL)
	exec(t, db, `CREATE MATERIALIZED VIEW totals AS SELECT country, count(*) AS n FROM orders GROUP BY country`)
	exec(t, db, `CREATE TABLE t (k BIGINT PRIMARY KEY, v VARCHAR)`)
	exec(t, db, `INSERT INTO t SELECT i, 'v' || i FROM range(20000) r(i)`)
	fill(t, db, 0, 3)

	reading, writing, cursor, idle := session(t, db), session(t, db), session(t, db), session(t, db)
	in(t, reading, "BEGIN")
	checkIn(t, reading, "SELECT count(*) FROM t", "20000")
	in(t, writing, "BEGIN", "UPDATE t SET v = 'changed' WHERE k < 10", "INSERT INTO t VALUES (-1, 'new')")
	in(t, cursor, "BEGIN", "DECLARE c CURSOR FOR SELECT k FROM t", "FETCH 5 FROM c")
	prepared, err := idle.Prepare(ctx, "SELECT count(*) FROM totals", nil)
	if err != nil {
		t.Fatal(err)
	}
	open, err := db.Query(ctx, "SELECT * FROM t, range(100)")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if _, err := open.Next(ctx); err != nil {
		t.Fatal(err)
	}
	follower := follow(t, db, "SUBSCRIBE totals")
	checkTold(t, follower, "1 c0 1\n1 c1 1\n1 c2 1")

	reopentest.GiveUp(t, db.Engine(), dir)

	for err = nil; err == nil; {
		_, err = open.Next(ctx)
	}
	refusedForNow(t, "a result", err)
	_, err = tag(t, reading, "SELECT count(*) FROM t")
	refusedForNow(t, "a transaction that reads", err)
	in(t, reading, "ROLLBACK", "BEGIN")
	checkIn(t, reading, "SELECT count(*) FROM t", "20000")
	in(t, reading, "COMMIT")
	refuse(t, writing, "COMMIT", "40001") // nothing was changed
	in(t, writing, "ROLLBACK")
	st, err := cursor.Prepare(ctx, "FETCH 30000 FROM c", nil)
	if err == nil {
		_, err = table(cursor.Execute(ctx, st, nil))
	}
	refusedForNow(t, "a cursor", err)
	in(t, cursor, "ROLLBACK")
	if got, err := table(idle.Execute(ctx, prepared, nil)); got != "3" || err != nil {
		t.Errorf("a prepared statement: %s, %v", got, err)
	}
	check(t, db, "SELECT count(*), count(*) FILTER (v = 'changed') FROM t", "20000 0")
	check(t, db, "SELECT relname FROM pg_class WHERE relname IN ('t', 'totals') ORDER BY 1", "t\ntotals")
	fill(t, db, 3, 1)
	checkTold(t, follower, "-1 c0 1\n1 c0 2")
	in(t, writing, "BEGIN", "UPDATE t SET v = 'changed' WHERE k < 10", "COMMIT")
	exec(t, db, `CREATE MATERIALIZED VIEW later AS SELECT o.country, t.v, count(*) AS n FROM orders o JOIN t ON o.id = t.k GROUP BY ALL`)
	check(t, db, "SELECT sum(n), count(DISTINCT v) FROM later", "4 1")
	exec(t, db, "DROP MATERIALIZED VIEW totals")
	reopentest.GiveUp(t, db.Engine(), dir)
	check(t, db, "SELECT count(*), count(*) FILTER (v = 'changed') FROM t", "20000 10")
	check(t, db, "SELECT sum(n), count(DISTINCT v) FROM later", "4 1")
	wantError(t, db, "SELECT * FROM totals", CodeUndefinedTable, "totals")
}

// TestStatementsWhileTheFileIsGivenUp runs statements of all kinds while DuckDB gives
// the file up again and again: whatever fails says that it may be tried again, and
// what has failed was not done. A query that has given no row yet does not fail.
func TestStatementsWhileTheFileIsGivenUp(t *testing.T) {
	dir := t.TempDir()
	db := openLeakless(t, dir, engine.Options{})
	exec(t, db, ordersSQL)
	exec(t, db, `CREATE MATERIALIZED VIEW totals AS SELECT country, count(*) AS n FROM orders GROUP BY country`)
	exec(t, db, `CREATE TABLE t (k BIGINT PRIMARY KEY, v BIGINT)`)
	exec(t, db, `INSERT INTO t SELECT i, 0 FROM range(100) r(i)`)
	var stop atomic.Bool
	var wg sync.WaitGroup
	var done, refused atomic.Int64
	again := func(what string, mayFail bool, f func() error) {
		wg.Go(func() {
			for !stop.Load() {
				err := f()
				var e *Error
				switch {
				case err == nil:
					done.Add(1)
				case errors.As(err, &e) && e.Code == CodeCannotConnectNow && mayFail:
					refused.Add(1)
				case strings.Contains(err.Error(), "File too large"): // this test's own limit, met by another statement
				default:
					t.Errorf("%s: %v", what, err)
					return
				}
			}
		})
	}
	updates := int64(0)
	again("UPDATE", true, func() error {
		err := db.Exec(ctx, "UPDATE t SET v = v + 1")
		if err == nil {
			updates++
		}
		return err
	})
	again("a view's rows", false, func() error {
		got, err := table(db.Query(ctx, "SELECT (SELECT sum(n) FROM totals) IS NOT DISTINCT FROM (SELECT nullif(count(*), 0) FROM orders)"))
		if err == nil && got != "true" {
			t.Errorf("the view and its source differ: %s", got)
		}
		return err
	})
	again("all rows of the table are alike", false, func() error {
		r, err := db.Query(ctx, "SELECT DISTINCT v FROM t")
		if err != nil {
			return err
		}
		defer r.Close()
		for n := int64(0); ; {
			rec, err := r.Next(ctx)
			if errors.Is(err, io.EOF) {
				if n != 1 {
					t.Errorf("the table has %d values", n)
				}
				return nil
			}
			if err != nil {
				return err
			}
			n += rec.NumRows()
		}
	})
	again("pg_sleep", false, func() error {
		began := time.Now()
		err := db.Exec(ctx, "SELECT pg_sleep(0.05)")
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("a sleep has taken %s", d)
		}
		return err
	})
	times := 12
	if testing.Short() {
		times = 5
	}
	for i := range times {
		fill(t, db, i*100, 100)
		reopentest.GiveUp(t, db.Engine(), dir)
	}
	stop.Store(true)
	wg.Wait()
	check(t, db, "SELECT DISTINCT v FROM t", fmt.Sprint(updates))
	check(t, db, "SELECT count(*), count(DISTINCT id) FROM orders", fmt.Sprintf("%d %d", times*100, times*100))
	t.Logf("given up %d times: %d statements were done, %d refused for now", db.Engine().Reopened(), done.Load(), refused.Load())
}
