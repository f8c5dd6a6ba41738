package query

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/duck"
)

const (
	longRows  = 300_000
	longBatch = 20_000
)

// withLongHistory returns a directory in which the source s has rows in history.
func withLongHistory(t *testing.T, rows int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	db, err := Open(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, "CREATE SOURCE s (k BIGINT, x VARCHAR)")
	for i := 0; i < rows; i += longBatch {
		appendLong(t, db, i)
	}
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	return dir
}

func appendLong(t *testing.T, db *DB, first int) {
	t.Helper()
	exec(t, db, fmt.Sprintf("INSERT INTO s SELECT i, repeat('long ', 12) || i FROM range(%d, %d) t(i)", first, first+longBatch))
}

// segments returns how many tables a database that is closed has for rows of a view, and how many
// that are staged.
func segments(t *testing.T, dir, view string) (of, staged int64) {
	t.Helper()
	db, err := duck.Open(filepath.Join(dir, checkpoint.FileName), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sql := "SELECT count(*) FILTER (WHERE table_name LIKE '" + view + "#%'), count(*) FILTER (WHERE table_name LIKE '%#0') FROM duckdb_tables() WHERE schema_name = 'segments'"
	if err := conn.Each(ctx, sql, func(scan func(...any) error) error { return scan(&of, &staged) }); err != nil {
		t.Fatal(err)
	}
	return of, staged
}

// checkLong compares a view that has each row of the source so many times with it.
func checkLong(t *testing.T, db *DB, rows int, view string, copies int) {
	t.Helper()
	check(t, db, "SELECT count(*), sum(k), count(DISTINCT x) FROM "+view, fmt.Sprint(copies*rows, " ", copies*rows*(rows-1)/2, " ", rows))
	check(t, db, "SELECT count(*) FROM (SELECT * FROM "+view+" EXCEPT SELECT * FROM s)", "0")
}

// TestRowsOfLongHistoryAreStaged makes views without aggregation over more rows than may wait in
// memory: one source, several, another view's rows, and one in the place of one that is there.
func TestRowsOfLongHistoryAreStaged(t *testing.T) {
	dir := withLongHistory(t, longRows)
	var building atomic.Bool
	var checkpoints atomic.Int64
	o := engine.Options{HotBytes: 6 << 20, CheckpointInterval: time.Hour, OnCheckpoint: func(int64, time.Duration, error) {
		if building.Load() {
			checkpoints.Add(1)
		}
	}}
	db, err := Open(ctx, dir, Options{Engine: o})
	if err != nil {
		t.Fatal(err)
	}
	build := func(view, sql string) {
		t.Helper()
		building.Store(true)
		checkpoints.Store(0)
		most := mostBytes(db)
		exec(t, db, "CREATE OR REPLACE MATERIALIZED VIEW "+view+" AS "+sql)
		building.Store(false)
		if n := checkpoints.Load(); n < 5 {
			t.Errorf("%s: %d checkpoints", view, n)
		}
		if n := most(); n > 48<<20 {
			t.Errorf("%s took %d MiB", view, n>>20)
		}
	}
	build("v", "SELECT k, x FROM s")
	checkLong(t, db, longRows, "v", 1)
	build("u", "SELECT k, x FROM s UNION ALL SELECT k, x FROM v")
	checkLong(t, db, longRows, "u", 2)
	build("w", "SELECT k, x FROM v")
	checkLong(t, db, longRows, "w", 1)
	appendLong(t, db, longRows)
	build("u", "SELECT k, x FROM s WHERE k % 2 = 0 UNION ALL SELECT k, x FROM s WHERE k % 2 = 1")
	const rows = longRows + longBatch
	for range 2 {
		checkLong(t, db, rows, "u", 1)
		checkLong(t, db, rows, "v", 1)
		checkLong(t, db, rows, "w", 1)
		if err := db.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if n := db.Engine().Allocator().Bytes(); n != 0 {
			t.Errorf("%d bytes are still allocated after Close", n)
		}
		if of, staged := segments(t, dir, "u"); of != 1 || staged != 0 {
			t.Errorf("%d tables for u, %d staged", of, staged)
		}
		if db, err = Open(ctx, dir, Options{Engine: o}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestStagedRowsGoWithTheirView ends a process, and a job, when some rows are staged.
func TestStagedRowsGoWithTheirView(t *testing.T) {
	dir, copied := withLongHistory(t, longRows), t.TempDir()
	var db *DB
	var building atomic.Bool
	checkpoints := 0
	o := engine.Options{HotBytes: 6 << 20, CheckpointInterval: time.Hour, OnCheckpoint: func(int64, time.Duration, error) {
		if checkpoints++; !building.Load() || checkpoints != 4 {
			return
		}
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Error(err)
		}
		go func() { _ = db.Engine().Jobs().Cancel(ctx, 1) }() // waits for the job to end
	}}
	const create = "CREATE MATERIALIZED VIEW v AS SELECT k, x FROM s"
	again := func(dir string) {
		t.Helper()
		var err error
		if db, err = Open(ctx, dir, Options{Engine: o}); err != nil {
			t.Fatal(err)
		}
		wantError(t, db, "SELECT * FROM v", CodeUndefinedTable, "v")
		if err := db.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if of, staged := segments(t, dir, "v"); of != 0 || staged != 0 {
			t.Errorf("%d tables for v, %d staged, after the start", of, staged)
		}
		if db, err = Open(ctx, dir, Options{Engine: o}); err != nil {
			t.Fatal(err)
		}
		exec(t, db, create)
		checkLong(t, db, longRows, "v", 1)
		if err := db.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if db, err = Open(ctx, dir, Options{Engine: o}); err != nil {
		t.Fatal(err)
	}
	checkpoints = 0
	building.Store(true)
	wantError(t, db, create, CodeQueryCanceled, "the job was cancelled")
	building.Store(false)
	if n := db.Engine().Allocator().Bytes(); n > 1<<20 {
		t.Errorf("%d bytes are left of it", n)
	}
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if of, staged := segments(t, dir, "v"); of != 0 || staged != 0 {
		t.Errorf("%d tables for v, %d staged, after the job", of, staged)
	}
	if of, staged := segmentsOfCopy(t, copied); of != 1 || staged != 1 {
		t.Errorf("%d tables for v, %d staged, in the middle", of, staged)
	}
	again(dir)
	again(copied)
}

// TestFileIsFoldedWhileRowsAreStaged makes a backup, for which the log is folded into the file,
// in the midst of a long job. What is staged is of no use in it.
func TestFileIsFoldedWhileRowsAreStaged(t *testing.T) {
	const rows = 2 * longRows
	dir, parent := withLongHistory(t, rows), t.TempDir()
	var db *DB
	checkpoints, backup := 0, make(chan error, 1)
	db, err := Open(ctx, dir, Options{BackupTo: []string{parent}, Engine: engine.Options{
		HotBytes: 6 << 20, CheckpointInterval: time.Hour, OnCheckpoint: func(int64, time.Duration, error) {
			if checkpoints++; checkpoints == 5 {
				go func() { backup <- db.Exec(ctx, "BACKUP TO 'b'") }()
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT k, x FROM s")
	if err := <-backup; err != nil {
		t.Error(err)
	}
	checkLong(t, db, rows, "v", 1)
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(parent, "b")
	if of, staged := segmentsOfCopy(t, copied); of != 1 || staged != 1 {
		t.Errorf("%d tables for v, %d staged", of, staged)
	}
	if db, err = Open(ctx, copied, Options{}); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT k, x FROM s")
	checkLong(t, db, rows, "v", 1)
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// segmentsOfCopy is segments of a copy, so that what the process has left stays as it is.
func segmentsOfCopy(t *testing.T, dir string) (of, staged int64) {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return segments(t, copied, "v")
}
