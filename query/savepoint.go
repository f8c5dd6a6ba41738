package query

import (
	"context"
	"maps"

	"github.com/millstream-db/millstream/engine/rowchange"
)

// savepoint is a place in a transaction that ROLLBACK TO leads back to: its
// settings and what it had changed.
type savepoint struct {
	name     string
	settings map[string]string
	changed  *rowchange.Set
}

// maxSavepoints bounds those of a transaction.
const maxSavepoints = 10_000

func (s *Session) setSavepoint(name string) error {
	if err := s.inTransaction("SAVEPOINT"); err != nil {
		return err
	}
	if len(s.savepoints) >= maxSavepoints {
		return Errorf(CodeProgramLimit, "too many savepoints in this transaction").WithHint("RELEASE those that are no longer needed.")
	}
	s.savepoints = append(s.savepoints, savepoint{name, maps.Clone(s.settings.Values), s.changed.Clone()})
	return nil
}

// savepointAt finds the last savepoint of a name.
func (s *Session) savepointAt(name string) (int, error) {
	for i := len(s.savepoints) - 1; i >= 0; i-- {
		if s.savepoints[i].name == name {
			return i, nil
		}
	}
	return 0, Errorf("3B001", "savepoint %q does not exist", name)
}

// release forgets a savepoint and those that came after it.
func (s *Session) release(name string) error {
	if err := s.inTransaction("RELEASE SAVEPOINT"); err != nil {
		return err
	}
	at, err := s.savepointAt(name)
	if err != nil {
		return err
	}
	s.cutSavepoints(at)
	return nil
}

// rollbackTo goes back to a savepoint, which stays, and ends the failed state.
func (s *Session) rollbackTo(ctx context.Context, name string) error {
	if err := s.inTransaction("ROLLBACK TO SAVEPOINT"); err != nil {
		return err
	}
	at, err := s.savepointAt(name)
	if err != nil {
		return err
	}
	s.settings.Values = maps.Clone(s.savepoints[at].settings)
	s.cutSavepoints(at + 1)
	if err := s.restoreChanges(ctx, s.savepoints[at].changed); err != nil {
		s.fail()
		return err
	}
	s.status = statusOpen
	return nil
}

// cutSavepoints forgets all savepoints but the first n.
func (s *Session) cutSavepoints(n int) {
	for _, p := range s.savepoints[n:] {
		p.changed.Release()
	}
	clear(s.savepoints[n:])
	s.savepoints = s.savepoints[:n]
}

func (s *Session) inTransaction(tag string) error {
	if s.status == statusIdle {
		return Errorf("25P01", "%s can only be used in transaction blocks", tag)
	}
	return nil
}
