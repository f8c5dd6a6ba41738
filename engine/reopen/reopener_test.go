package reopen

import (
	"errors"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/duck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openFile(t *testing.T) *duck.DB {
	t.Helper()
	db, err := duck.Open(filepath.Join(t.TempDir(), "x.duckdb"), duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// TestReopenerTriesAgain: an attempt that fails is followed by another one, for which
// everybody waits.
func TestReopenerTriesAgain(t *testing.T) {
	db := openFile(t)
	var attempts atomic.Int64
	r := Start(db, func(*duck.Conn) error {
		if attempts.Add(1) < 3 {
			return errors.New("no room")
		}
		return nil
	}, slog.New(slog.DiscardHandler))
	defer r.Close()
	defer r.Hurry()
	r.Reopen()
	if attempts.Load() != 3 || r.Count() != 1 {
		t.Errorf("%d attempts, opened again %d times", attempts.Load(), r.Count())
	}
	if err := db.Await(t.Context()); err != nil {
		t.Error(err)
	}
	c, err := db.Conn()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// TestHurryEndsTheWaiting: whoever waits for a file that can't be opened gets an error
// once there is a shutdown.
func TestHurryEndsTheWaiting(t *testing.T) {
	db := openFile(t)
	failed := make(chan struct{}, 100)
	r := Start(db, func(*duck.Conn) error { failed <- struct{}{}; return errors.New("no room") }, slog.New(slog.DiscardHandler))
	done := make(chan struct{})
	go func() { r.Reopen(); close(done) }()
	<-failed
	waited := make(chan error)
	go func() { waited <- duck.NewLasting(db, nil).Do(t.Context(), func(*duck.Conn) error { return nil }) }()
	time.Sleep(10 * time.Millisecond)
	r.Hurry()
	<-done
	if err := <-waited; !errors.Is(err, duck.ErrReopened) {
		t.Errorf("who has waited is told %v", err)
	}
	r.Close()
}
