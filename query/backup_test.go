package query

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/job"
)

// openWithBackups opens a database that may make backups in a directory.
func openWithBackups(t *testing.T) (db *DB, parent string) {
	t.Helper()
	parent = t.TempDir()
	db, err := Open(ctx, t.TempDir(), Options{BackupTo: []string{parent}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return db, parent
}

// A backup that is taken while rows come has an epoch: its views equal its rows.
func TestBackupIsOfOneEpoch(t *testing.T) {
	db, parent := openWithBackups(t)
	exec(t, db, ordersSQL)
	exec(t, db, `CREATE MATERIALIZED VIEW revenue AS SELECT window_start, window_end, country, count(*) AS orders, sum(amount) AS revenue
		FROM TUMBLE(orders, ts, INTERVAL '1 minute') GROUP BY window_start, window_end, country`)
	exec(t, db, "CREATE MATERIALIZED VIEW totals AS SELECT country, count(*) AS n, count(DISTINCT id) AS ids FROM orders GROUP BY country")
	exec(t, db, "CREATE TABLE names (id BIGINT PRIMARY KEY, name VARCHAR)")
	exec(t, db, "INSERT INTO names VALUES (1, 'ann')")
	exec(t, db, "CREATE ROLE eve LOGIN PASSWORD 'secret'")
	done := make(chan struct{})
	var feeding sync.WaitGroup
	feeding.Go(func() {
		for i := 0; ; i += 50 {
			select {
			case <-done:
				return
			default:
				fill(t, db, i, 50)
			}
			if i%1000 == 0 {
				exec(t, db, "CHECKPOINT")
			}
		}
	})
	names := []string{"a", "b", "c"}
	for _, name := range names {
		time.Sleep(50 * time.Millisecond)
		got, err := table(db.Query(ctx, "BACKUP TO '"+name+"'"))
		if err != nil || !strings.HasPrefix(got, filepath.Join(parent, name)+" ") {
			t.Errorf("%s: %v", got, err)
		}
	}
	close(done)
	feeding.Wait()
	last := ""
	for _, name := range names {
		c := open(t, filepath.Join(parent, name))
		check(t, c, "SELECT count(*) > 0, count(*) = max(_offset) + 1, count(*) = (SELECT sum(orders) FROM revenue), count(*) = (SELECT sum(ids) FROM totals) FROM orders", "true true true true")
		check(t, c, "SELECT count(*) FROM (SELECT country, count(*) AS n, count(DISTINCT id) AS ids FROM orders GROUP BY 1 EXCEPT SELECT * FROM totals)", "0")
		check(t, c, "SELECT name FROM names", "ann")
		check(t, c, "SELECT count(*) FROM millstream.roles WHERE name = 'eve'", "1")
		now, err := table(c.Query(ctx, "SELECT count(*) FROM orders"))
		if err != nil || now == last {
			t.Errorf("the backups are of the same epoch: %v", err)
		}
		last = now
	}
}

func TestBackupIsAJob(t *testing.T) {
	db, parent := openWithBackups(t)
	exec(t, db, "CREATE TABLE t (n BIGINT)")
	// A transaction that names rows by their ids keeps the file from being frozen.
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	exec(t, db, "INSERT INTO t VALUES (1)")
	notices(t, s, "BEGIN")
	notices(t, s, "UPDATE t SET n = 2")
	other := db.NewSession(SessionOptions{})
	defer other.Close()
	notices(t, other, "SET background_ddl = on")
	if got := notices(t, other, "BACKUP TO 'x'"); len(got) != 1 || !strings.Contains(got[0], "job 1 writes a backup in the background") {
		t.Errorf("notices %q", got)
	}
	if got, err := table(db.Query(ctx, "SHOW JOBS")); err != nil || !strings.Contains(got, "BACKUP TO 'x'") || !strings.HasSuffix(got, "copying") {
		t.Errorf("%s: %v", got, err)
	}
	wantError(t, db, "BACKUP TO 'x'", CodeObjectInUse, "is being written by another backup")
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	var e *Error
	if err := db.Exec(short, "BACKUP TO 'y'"); !errors.As(err, &e) || e.Code != CodeQueryCanceled {
		t.Errorf("a backup whose time is over: %v", err)
	}
	exec(t, db, "CANCEL JOB 1")
	if j := db.Engine().Jobs().All()[0]; j.State != job.Canceled {
		t.Errorf("the job is %s: %s", j.State, j.Error)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("cancelled backups leave %v: %v", left, err)
	}
	notices(t, s, "COMMIT")
	exec(t, db, "BACKUP TO 'x'")
}
