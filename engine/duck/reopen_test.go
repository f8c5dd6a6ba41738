package duck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func openFile(t *testing.T) (db *DB, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "x.duckdb")
	db, err := Open(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	db.Attend()
	return db, file
}

func connect(t *testing.T, db *DB) *Conn {
	t.Helper()
	c, err := db.Conn()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func noSetUp(*Conn) error { return nil }

// openFiles counts the process's descriptors of a file.
func openFiles(t *testing.T, file string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("there is no list of open files here")
	}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && target == file {
			n++
		}
	}
	return n
}

// TestReopen closes the instance under statements and results that are held: they
// fail, closing them does nothing, and what was committed is there afterwards.
func TestReopen(t *testing.T) {
	db, file := openFile(t)
	c := connect(t, db)
	if err := c.Exec(t.Context(), "CREATE TABLE t AS SELECT i, repeat('x', 100) AS s FROM range(10000) t(i)"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file + ".wal"); err != nil || info.Size() == 0 {
		t.Fatalf("there is no log to be replayed: %v", err)
	}
	reader := connect(t, db)
	if err := reader.Exec(t.Context(), "BEGIN TRANSACTION READ ONLY"); err != nil {
		t.Fatal(err)
	}
	stmt, err := reader.Prepare("SELECT i, s FROM t")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := stmt.Query(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rec, err := rows.NextRecord()
	if err != nil {
		t.Fatal(err)
	}
	uncommitted := connect(t, db)
	if err := uncommitted.Exec(t.Context(), "BEGIN; INSERT INTO t SELECT 1, 'y'"); err != nil {
		t.Fatal(err)
	}
	closed, severed := 0, db.Severed()
	if err := db.Reopen(func(c *Conn) error {
		closed = openFiles(t, file)
		return c.Exec(t.Context(), "CREATE TABLE functions.main.made AS SELECT 1 AS x")
	}); err != nil {
		t.Fatal(err)
	}
	if closed > 2 || openFiles(t, file) > 2 { // by DuckDB, and beside it
		t.Errorf("the file is open %d times, then %d", closed, openFiles(t, file))
	}
	select {
	case <-severed:
	default:
		t.Error("nobody is told that the instance is gone")
	}
	if got := rec.Column(1).ValueStr(0); len(got) != 100 {
		t.Errorf("the record that was read has changed: %q", got)
	}
	if _, err := rows.NextRecord(); !errors.Is(err, ErrReopened) {
		t.Errorf("a result goes on: %v", err)
	}
	if _, err := stmt.Query(t.Context()); !errors.Is(err, ErrReopened) {
		t.Errorf("a statement runs: %v", err)
	}
	if err := uncommitted.Exec(t.Context(), "COMMIT"); !errors.Is(err, ErrReopened) || !uncommitted.Stale() {
		t.Errorf("a transaction is committed: %v", err)
	}
	rows.Close()
	stmt.Close()
	reader.Close()
	uncommitted.Close()
	c.Close()
	c = connect(t, db)
	defer c.Close()
	if got := askText(t, c, "SELECT (SELECT count(*) FROM t) || ' ' || (SELECT x FROM functions.main.made)"); got != "10000 1" {
		t.Errorf("after reopening: %s", got)
	}
	if got := askText(t, c, "SET memory_limit='1GB'"); !strings.Contains(got, "lock") {
		t.Errorf("the settings are not locked: %s", got)
	}
}

// TestReopenFails reopens with a set-up that fails: there is no database until one
// succeeds, and who waits for it is woken then.
func TestReopenFails(t *testing.T) {
	db, file := openFile(t)
	broken := errors.New("broken")
	if err := db.Reopen(func(*Conn) error { return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if n := openFiles(t, file); n != 0 {
		t.Errorf("the file is open %d times", n)
	}
	if _, err := db.Conn(); !errors.Is(err, ErrReopened) {
		t.Errorf("there is a connection: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := db.Await(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("awaited: %v", err)
	}
	woken := make(chan error)
	go func() { woken <- db.Await(t.Context()) }()
	if err := db.Reopen(noSetUp); err != nil {
		t.Fatal(err)
	}
	if err := <-woken; err != nil {
		t.Error(err)
	}
	connect(t, db).Close()
}

// TestAwaitOutlastsReopening waits while the file is opened again and again: it has an
// instance in the end, so that nobody may be told that there will be none.
func TestAwaitOutlastsReopening(t *testing.T) {
	db, _ := openFile(t)
	var done atomic.Bool
	var waiting sync.WaitGroup
	for range 4 {
		waiting.Go(func() {
			for !done.Load() {
				if err := db.Await(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 30 {
		if err := db.Reopen(noSetUp); err != nil {
			t.Error(err)
		}
	}
	done.Store(true)
	waiting.Wait()
}

// TestCheckFalseAlarm: an error that leaves the instance whole closes nothing.
func TestCheckFalseAlarm(t *testing.T) {
	db, _ := openFile(t)
	suspect := db.Attend()
	c := connect(t, db)
	defer c.Close()
	_ = c.fault(t.Context(), `{"exception_type":"INTERNAL","exception_message":"somebody's bug"}`)
	<-suspect
	if err := db.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Await(t.Context()); err != nil || c.Stale() {
		t.Errorf("awaited: %v, stale: %v", err, c.Stale())
	}
}

// TestReopenUnderLoad reopens again and again while goroutines open connections,
// run, read and close: each error is ErrReopened, and every count is right.
func TestReopenUnderLoad(t *testing.T) {
	db, file := openFile(t)
	c := connect(t, db)
	if err := c.Exec(t.Context(), "CREATE TABLE t AS SELECT i FROM range(100000) t(i)"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	var stop atomic.Bool
	var reads, lost atomic.Int64
	var wg sync.WaitGroup
	var pool Pool
	read := func() error {
		c, err := pool.Get(db, map[string]string{"TimeZone": "UTC"})
		if err != nil {
			return err
		}
		defer pool.Put(c)
		rows, err := c.Query(t.Context(), "SELECT i FROM t")
		if err != nil {
			return err
		}
		defer rows.Close()
		for n := int64(0); ; {
			rec, err := rows.NextRecord()
			switch {
			case errors.Is(err, io.EOF) && n == 100000:
				reads.Add(1)
				return nil
			case errors.Is(err, io.EOF):
				return fmt.Errorf("%d rows", n)
			case err != nil:
				return err
			}
			n += rec.NumRows()
		}
	}
	for range 4 {
		wg.Go(func() {
			for !stop.Load() {
				if err := read(); errors.Is(err, ErrReopened) {
					lost.Add(1)
				} else if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 20 {
		time.Sleep(5 * time.Millisecond)
		if err := db.Reopen(noSetUp); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	wg.Wait()
	pool.Close()
	t.Logf("%d reads, %d ended by reopening", reads.Load(), lost.Load())
	if n := openFiles(t, file); n > 2 {
		t.Errorf("the file is open %d times", n)
	}
}

// TestCloseFolds: only Close folds the log; an instance that is reopened leaves its
// file as a killed process does.
func TestCloseFolds(t *testing.T) {
	db, file := openFile(t)
	c := connect(t, db)
	if err := c.Exec(t.Context(), "CREATE TABLE t (i BIGINT); INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(file + ".wal")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Reopen(noSetUp); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(file + ".wal"); err != nil || after.Size() < before.Size() {
		t.Errorf("reopening has folded the log: %v", err)
	}
	db.Close()
	if _, err := os.Stat(file + ".wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log is still there after Close: %v", err)
	}
}
