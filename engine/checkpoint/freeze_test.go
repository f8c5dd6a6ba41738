package checkpoint

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/duck"
)

// copyFrozen writes the file into a new directory and returns that.
func copyFrozen(t *testing.T, f *Frozen) string {
	t.Helper()
	dir := t.TempDir()
	to, err := os.Create(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if err := f.CopyTo(ctx, to, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func freeze(t *testing.T, s *Store, epoch int64) *Frozen {
	t.Helper()
	f, err := s.Freeze(ctx, uint64(epoch), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Release)
	return f
}

// What was frozen is what a copy has, however much is committed before it is made.
func TestFrozenFileIsOfOneEpoch(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	commit(t, s, 1)
	commit(t, s, 2)
	want := contents(t, s)
	f := freeze(t, s, 2)
	for n := int64(3); n < 40; n++ {
		commit(t, s, n)
		if err := s.Fold(ctx, 1); !errors.Is(err, ErrFrozen) {
			t.Fatalf("folded although it is frozen: %v", err)
		}
	}
	// Nor does DuckDB fold it of itself.
	if err := s.conn.Exec(ctx, "CHECKPOINT history"); err == nil || !strings.Contains(err.Error(), "other write transactions") {
		t.Errorf("CHECKPOINT of a frozen file: %v", err)
	}
	c := open(t, copyFrozen(t, f))
	defer c.Close()
	if got := contents(t, c); got != want {
		t.Errorf("the copy has\n%s\nwant\n%s", got, want)
	}
	f.Release()
	if err := s.Fold(ctx, 1); err != nil || s.WALBytes() != 0 {
		t.Errorf("not folded after the release: %v", err)
	}
	f = freeze(t, s, 39)
	again := open(t, copyFrozen(t, f))
	defer again.Close()
	if got, want := contents(t, again), contents(t, s); got != want {
		t.Errorf("the second copy has\n%s\nwant\n%s", got, want)
	}
}

// A file that is folded in the middle of a copy gives none.
func TestCopyOfAChangedFileIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	commit(t, s, 1)
	f := freeze(t, s, 1)
	f.hold.Close() // as when its instance is replaced
	f.hold = nil
	s.frozen.Store(false)
	to, err := os.Create(filepath.Join(t.TempDir(), FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	err = f.CopyTo(ctx, to, func(int64) {
		commit(t, s, 2)
		if err := s.Fold(ctx, 0); err != nil {
			t.Fatal(err)
		}
	})
	if !errors.Is(err, errMoved) {
		t.Errorf("a copy of a file that was folded: %v", err)
	}
	if _, err := duck.Open(to.Name(), duck.Options{}); err == nil {
		t.Error("what was not copied to its end can be opened")
	}
}

func TestCopyIsCancelled(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	commit(t, s, 1)
	f := freeze(t, s, 1)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	to, err := os.Create(filepath.Join(t.TempDir(), FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	if err := f.CopyTo(canceled, to, func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled copy: %v", err)
	}
}

func TestOneFreezeAtATime(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	commit(t, s, 1)
	f := freeze(t, s, 1)
	if _, err := s.Freeze(ctx, 1, true); !errors.Is(err, ErrFrozen) {
		t.Errorf("frozen twice: %v", err)
	}
	f.Release()
	f.Release()
	freeze(t, s, 1)
	memory := open(t, "")
	defer memory.Close()
	if _, err := memory.Freeze(ctx, 0, false); !errors.Is(err, ErrInMemory) {
		t.Errorf("frozen in memory: %v", err)
	}
}

// Transactions that name rows by their ids are waited for, unless it takes too long.
func TestFreezeWaitsForNamedRows(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	commit(t, s, 1)
	defer s.HoldFolds()()
	if _, err := s.Freeze(ctx, 1, false); !errors.Is(err, ErrHeld) {
		t.Errorf("frozen although rows are named by their ids: %v", err)
	}
	f, err := s.Freeze(ctx, 1, true)
	if err != nil || s.Folds() != 1 {
		t.Fatalf("not frozen: %v", err)
	}
	f.Release()
}

// lockedEnv has the path of a file that the test's own child is to open.
const lockedEnv = "MILLSTREAM_TEST_LOCKED"

// After a copy the file is DuckDB's alone as before: no other process may open it.
func TestFileStaysLocked(t *testing.T) {
	if path := os.Getenv(lockedEnv); path != "" {
		if _, err := duck.Open(path, duck.Options{}); err == nil || !strings.Contains(err.Error(), "lock") {
			t.Errorf("another process opens the file: %v", err)
		}
		return
	}
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	commit(t, s, 1)
	f := freeze(t, s, 1)
	copyFrozen(t, f)
	f.Release()
	child := exec.Command(os.Args[0], "-test.run=^TestFileStaysLocked$")
	child.Env = append(os.Environ(), lockedEnv+"="+filepath.Join(dir, FileName))
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
