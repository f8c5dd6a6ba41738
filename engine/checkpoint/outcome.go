package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millstream-db/millstream/engine/duck"
)

// ErrMoved is returned when rows of the file may have other ids than a change says
// that was computed before. Nothing was written.
var ErrMoved = errors.New("rows of the file have moved")

// ErrUnknown is returned when a commit may be durable or not, and the file can't be
// asked. Nothing may be committed after it.
var ErrUnknown = errors.New("it is not known whether a checkpoint is durable")

// Reopened says that the file has another DuckDB instance, which knows what was
// committed. It is called before anybody has a connection to that, from any
// goroutine.
func (s *Store) Reopened() { s.folds.Add(1) } // rows may have moved

// connected opens the store's connection anew if its instance was replaced, having
// waited for that if need be, or if its transaction could not be ended.
func (s *Store) connected(ctx context.Context) error {
	if !s.conn.Stale() && !s.stuck {
		return nil
	}
	if s.conn.Stale() {
		if err := s.db.Await(ctx); err != nil {
			return err
		}
	}
	conn, err := s.db.Conn()
	if err != nil {
		return err
	}
	conn.SetRelations(s.names)
	if err := conn.Exec(ctx, searchPath); err != nil {
		conn.Close()
		return err
	}
	s.conn.Close() // which ends a transaction
	s.conn, s.stuck = conn, false
	return nil
}

// A file that can't be asked because DuckDB's memory is full is asked again every
// askPause for so long.
const (
	askPause    = 10 * time.Millisecond
	askPatience = 2 * time.Minute
)

// outcome says what has become of a COMMIT that returned an error: nil if it is
// durable all the same. DuckDB gives such errors when the disk is full, before the
// commit and after it. The file itself says which, after it was opened again if it
// had to be. No other commit can have come in between: it is this store alone that
// writes, and each commit has an epoch of its own. The error wraps ErrUnknown when
// nobody opens the file again.
func (s *Store) outcome(ctx context.Context, epoch uint64, cause error) error {
	ctx = context.WithoutCancel(ctx)
	err := cause
	for deadline := time.Now().Add(askPatience); ; {
		if duck.Lost(err) {
			if err := s.db.Await(ctx); err != nil {
				return fmt.Errorf("%w: %w", ErrUnknown, cause)
			}
		}
		var durable int64
		if err = s.connected(ctx); err == nil {
			durable, err = s.number(ctx, "SELECT max(epoch) FROM internal.epoch")
		}
		switch {
		case duck.Lost(err):
			continue
		case duck.OutOfMemory(err) && time.Now().Before(deadline):
			time.Sleep(askPause) // a user's statement has it all, and is going to end
		case err != nil:
			return fmt.Errorf("%w: %w, and then %w", ErrUnknown, cause, err)
		case uint64(durable) == epoch:
			return nil
		default:
			return cause
		}
	}
}
