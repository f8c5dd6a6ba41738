package checkpoint

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errHeld says that the log is folded later.
var errHeld = errors.New("a transaction names rows by their ids")

// Folding waits so long for transactions that hold it off to end, while new ones
// wait for it. A log of so many times the limit is folded all the same: they then
// see by Folds that their ids no longer hold.
const (
	foldPatience = 100 * time.Millisecond
	foldAnyway   = 8
)

// foldGate keeps folding apart from those whose rows must keep their ids.
type foldGate struct {
	mu      sync.Mutex
	moved   sync.Cond // of mu: something below has changed
	holders int
	folding bool
}

// close lets nobody in and waits for those who are; false: they stay.
func (g *foldGate) close() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.folding = true
	late := false
	timer := time.AfterFunc(foldPatience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		late = true
		g.moved.Broadcast()
	})
	defer timer.Stop()
	for g.holders > 0 && !late {
		g.moved.Wait()
	}
	return g.holders == 0
}

func (g *foldGate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.folding = false
	g.moved.Broadcast()
}

// HoldFolds keeps rows of the file where they are until release is called, once,
// unless the log has grown so large that Folds says otherwise. It waits while the
// log is being folded. It is safe for concurrent use.
func (s *Store) HoldFolds() (release func()) {
	g := &s.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.folding {
		g.moved.Wait()
	}
	g.holders++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.holders--
		g.moved.Broadcast()
	}
}

// Fold moves the write-ahead log into the file when it has grown. Readers of
// an older state make DuckDB refuse, and those who hold it off postpone it; the
// next call tries again.
func (s *Store) Fold(ctx context.Context, limit int64) error {
	size := s.WALBytes()
	if size < limit {
		return nil
	}
	if err := s.checkDisk(size); err != nil {
		return err
	}
	free := s.gate.close()
	defer s.gate.open()
	if !free && size < foldAnyway*limit {
		return errHeld
	}
	err := s.conn.Exec(ctx, "CHECKPOINT history")
	s.folds.Add(1) // even after an error: something may have moved
	return err
}

// Folds returns how often Fold has rewritten the file, after which rows may
// have other ids. It is safe for concurrent use.
func (s *Store) Folds() int64 { return s.folds.Load() }
