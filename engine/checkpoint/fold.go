package checkpoint

import (
	"context"
	"errors"
	"time"

	"github.com/millstream-db/millstream/engine/killpoint"
)

// Folding waits so long for transactions that hold it off to end, while new ones
// wait for it. A log of so many times the limit is folded all the same: they then
// see by Folds that their ids no longer hold.
const (
	foldPatience = 100 * time.Millisecond
	foldAnyway   = 8
)

// HoldFolds keeps rows of the file where they are until release is called, once,
// unless the log has grown so large that Folds says otherwise. It waits while the
// log is being folded. It is safe for concurrent use.
func (s *Store) HoldFolds() (release func()) { return s.folding.hold() }

// Fold moves the write-ahead log into the file when it has grown. A frozen file and
// those who hold it off postpone it; the next call tries again.
func (s *Store) Fold(ctx context.Context, limit int64) error {
	size := s.WALBytes()
	if size < limit {
		return nil
	}
	if s.frozen.Load() {
		return ErrFrozen
	}
	return s.fold(ctx, size, size >= foldAnyway*limit)
}

var errNamed = errors.New("a transaction names rows by their ids")

// fold moves a log of so many bytes into the file, anyway even if that is held off.
func (s *Store) fold(ctx context.Context, size int64, anyway bool) error {
	if err := s.checkDisk(size); err != nil {
		return err
	}
	if err := s.connected(ctx); err != nil {
		return err
	}
	free := s.folding.close(foldPatience)
	defer s.folding.open()
	if !free && !anyway {
		return errNamed
	}
	killpoint.At(killpoint.Folding)
	if err := s.conn.KeepMetadata(ctx); err != nil {
		return err
	}
	err := s.conn.Exec(ctx, "CHECKPOINT history")
	killpoint.At(killpoint.Folded)
	s.folds.Add(1) // even after an error: something may have moved
	return err
}

// Folds returns how often Fold has rewritten the file, after which rows may
// have other ids. It is safe for concurrent use.
func (s *Store) Folds() int64 { return s.folds.Load() }
