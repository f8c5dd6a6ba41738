package engine

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/reopen/reopentest"
)

// broken is an engine whose DuckDB is made to give the file up.
type broken struct {
	*Engine
	t    *testing.T
	file string
	rows int
}

func openBroken(t *testing.T, o duck.Options) *broken {
	t.Helper()
	dir := t.TempDir()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	e, err := Open(ctx, dir, Options{CheckpointInterval: time.Hour, Logger: logger, DuckDB: o})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(ctx) })
	if err := e.CreateSource(ctx, ordersDefinition()); err != nil {
		t.Fatal(err)
	}
	if err := e.CreateView(ctx, revenueDefinition()); err != nil {
		t.Fatal(err)
	}
	b := &broken{Engine: e, t: t, file: filepath.Join(dir, checkpoint.FileName)}
	b.append(100_000) // so that the files are larger than what else the process writes
	if err := e.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *broken) append(n int) {
	b.t.Helper()
	if err := b.Append(ctx, "orders", orders(b.Engine, b.rows, n)); err != nil {
		b.t.Fatal(err)
	}
	b.rows += n
}

// verify compares all there is with what was appended.
func (b *broken) verify() {
	b.t.Helper()
	b.check("SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || coalesce(max(id), -1) FROM orders", fmt.Sprintf("[%d %d %d]", b.rows, b.rows, b.rows-1))
	b.check(same, "[0]")
}

// check asks again while a checkpoint that is tried again has the file opened again.
func (b *broken) check(sql, want string) {
	b.t.Helper()
	got, err := tryQuery(b.Engine, sql)
	for deadline := time.Now().Add(20 * time.Second); duck.Lost(err) && time.Now().Before(deadline); {
		got, err = tryQuery(b.Engine, sql)
	}
	if err != nil || fmt.Sprint(got) != want {
		b.t.Fatalf("%s\n got %s, %v\nwant %s", sql, got, err, want)
	}
}

// checkpointWorks waits until checkpoints work again.
func (b *broken) checkpointWorks() {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := b.Checkpoint(ctx)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatal(err)
		}
	}
}

// verifyFile compares what a process finds that starts after a crash now.
func (b *broken) verifyFile() {
	b.t.Helper()
	e, err := Open(ctx, crashed(b.t, filepath.Dir(b.file)), Options{CheckpointInterval: time.Hour})
	if err != nil {
		b.t.Fatal(err)
	}
	defer e.Close(ctx) //nolint:errcheck // a copy
	(&broken{Engine: e, t: b.t, rows: b.rows}).verify()
}

// TestCommitThatFails has commits fail at different places of the log, which
// DuckDB survives: reads go on, and what was in memory is committed once.
func TestCommitThatFails(t *testing.T) {
	b := openBroken(t, duck.Options{})
	failed := 0
	for i := range 12 {
		b.append(2000)
		lift := reopentest.LimitFiles(t, reopentest.Size(t, b.file+".wal")+int64(i)*5000)
		err := b.Checkpoint(ctx)
		b.verify()
		lift()
		if err != nil {
			failed++
			b.verify()
		}
		b.checkpointWorks()
		b.verify()
		b.verifyFile()
	}
	t.Logf("%d of 12 commits failed, the file was opened again %d times", failed, b.Reopened())
	if failed == 0 {
		t.Error("no commit has failed")
	}
}

// TestCommitThatCannotFold has commits fail where they fold the log into the file,
// whereupon DuckDB gives the file up, with readers that keep it from folding
// everything and without. What was in memory is committed once.
func TestCommitThatCannotFold(t *testing.T) {
	b := openBroken(t, duck.Options{LogLimit: "100KB"})
	failed, adopted := 0, 0
	for i := range 12 {
		b.append(4000)
		before := b.Reopened()
		var r *Read
		if i%2 == 1 {
			var err error
			if r, err = b.BeginRead(ctx); err != nil {
				t.Fatal(err)
			}
		}
		lift := reopentest.LimitFiles(t, max(reopentest.Size(t, b.file)-1, reopentest.Size(t, b.file+".wal")+1<<20))
		err := b.Checkpoint(ctx)
		if r != nil {
			r.Close()
		}
		b.verify()
		lift()
		switch {
		case err != nil:
			failed++
		case b.Reopened() > before:
			adopted++
			b.verifyFile()
		}
		b.checkpointWorks()
		b.verify()
		b.verifyFile()
	}
	t.Logf("%d of 12 commits failed, %d were durable though DuckDB reported an error; opened again %d times", failed, adopted, b.Reopened())
	if b.Reopened() == 0 {
		t.Error("DuckDB has never given the file up")
	}
}

// TestGivenUpUnderWork has DuckDB give the file up while rows come, are read and
// committed, and views are made and dropped.
func TestGivenUpUnderWork(t *testing.T) {
	b := openBroken(t, duck.Options{})
	var stop atomic.Bool
	var wg sync.WaitGroup
	var reads, lost, made, interrupted atomic.Int64
	wg.Go(func() { // reads
		for !stop.Load() {
			n, err := countDifferent(b.Engine)
			switch {
			case duck.Lost(err):
				lost.Add(1)
			case err != nil || n != 0:
				t.Errorf("%d rows differ: %v", n, err)
				return
			default:
				reads.Add(1)
			}
		}
	})
	wg.Go(func() { // DDL
		def := revenueDefinition()
		def.Plan.Name = "other"
		for there := false; !stop.Load(); {
			var err error
			if there {
				err = b.Drop(ctx, catalog.KindView, "other", false)
			} else {
				err = b.CreateView(ctx, def)
			}
			if duck.Lost(err) || limited(err) {
				interrupted.Add(1)
				continue // as it was
			}
			if err != nil {
				t.Errorf("there is %t: %v", there, err)
				return
			}
			there = !there
			made.Add(1)
		}
	})
	wg.Go(func() { // commits
		for !stop.Load() {
			if err := b.Checkpoint(ctx); err != nil && !duck.Lost(err) && !limited(err) {
				t.Errorf("checkpoint: %v", err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	until := time.Now().Add(5 * time.Second)
	if testing.Short() {
		until = time.Now().Add(2 * time.Second)
	}
	wg.Go(func() { // rows
		for !stop.Load() {
			if err := b.Append(ctx, "orders", orders(b.Engine, b.rows, 200)); err != nil {
				t.Errorf("append: %v", err)
				return
			}
			b.rows += 200
		}
	})
	for time.Now().Before(until) {
		reopentest.GiveUp(t, b, filepath.Dir(b.file))
	}
	stop.Store(true)
	wg.Wait()
	b.verify()
	b.checkpointWorks()
	b.verify()
	b.verifyFile()
	t.Logf("%d rows, given up %d times: %d reads were right and %d interrupted, %d views made or dropped and %d interrupted",
		b.rows, b.Reopened(), reads.Load(), lost.Load(), made.Load(), interrupted.Load())
}

// limited reports whether an error is that of reopentest.LimitFiles.
func limited(err error) bool { return err != nil && strings.Contains(err.Error(), "File too large") }

// countDifferent counts the rows of the view that are wrong.
func countDifferent(e *Engine) (n int64, err error) {
	r, err := e.BeginRead(ctx)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	rows, err := r.Conn().Query(ctx, same)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if _, err := rows.Next(); err != nil {
		return 0, err
	}
	return n, rows.Scan(&n)
}
