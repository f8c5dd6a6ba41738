package query

import "maps"

// savepoint is a place in a transaction that ROLLBACK TO leads back to. A
// transaction only reads, so there is nothing to take back but settings and the
// failed state.
type savepoint struct {
	name     string
	settings map[string]string
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
	s.savepoints = append(s.savepoints, savepoint{name, maps.Clone(s.settings.Values)})
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
	s.savepoints = s.savepoints[:at]
	return nil
}

// rollbackTo goes back to a savepoint, which stays, and ends the failed state.
func (s *Session) rollbackTo(name string) error {
	if err := s.inTransaction("ROLLBACK TO SAVEPOINT"); err != nil {
		return err
	}
	at, err := s.savepointAt(name)
	if err != nil {
		return err
	}
	s.settings.Values = maps.Clone(s.savepoints[at].settings)
	s.savepoints = s.savepoints[:at+1]
	s.status = statusOpen
	return nil
}

func (s *Session) inTransaction(tag string) error {
	if s.status == statusIdle {
		return Errorf("25P01", "%s can only be used in transaction blocks", tag)
	}
	return nil
}
