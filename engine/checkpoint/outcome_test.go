package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/millstream-db/millstream/engine/duck"
)

// replace gives the store another DuckDB instance, as after a fatal error.
func replace(t *testing.T, s *Store) {
	t.Helper()
	err := s.db.Reopen(func(*duck.Conn) error { s.Reopened(); return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// TestCommitWhoseAnswerIsLost: the file says what has become of a commit of which
// DuckDB says nothing, or that it has failed; it counts just if it is there.
func TestCommitWhoseAnswerIsLost(t *testing.T) {
	fatal := &duck.Error{Type: "FATAL", Message: "the log could not be folded"}
	for _, c := range []struct {
		name      string
		committed bool // before the error
		lost      bool // the instance
		err       error
	}{
		{"durable, reopened", true, true, duck.ErrReopened},
		{"durable, then fatal", true, true, fatal},
		{"not durable, reopened", false, true, duck.ErrReopened},
		{"not durable, then fatal", false, true, fatal},
		{"durable, an error", true, false, errors.New("interrupted")},
		{"not durable, an error", false, false, errors.New("interrupted")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, want := open(t, t.TempDir()), open(t, "")
			defer s.Close()
			defer want.Close()
			s.db.Attend()
			commit(t, s, 1)
			commit(t, want, 1)
			undisturbed := s.commit
			s.commit = func(ctx context.Context) error {
				if c.committed {
					if err := undisturbed(ctx); err != nil {
						t.Error(err)
					}
				}
				if c.lost {
					replace(t, s)
				}
				return c.err
			}
			_, err := s.Commit(ctx, write(t, 2))
			if (err == nil) != c.committed {
				t.Errorf("the commit is durable: %t, its outcome: %v", c.committed, err)
			}
			s.commit = undisturbed
			if !c.committed { // so it is tried again, with what has come meanwhile
				commit(t, s, 2)
			}
			commit(t, want, 2)
			for n := int64(3); n < 6; n++ {
				commit(t, s, n)
				commit(t, want, n)
			}
			if got, want := contents(t, s), contents(t, want); got != want {
				t.Errorf("the file holds\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestTransactionThatCannotBeEnded: a connection whose ROLLBACK has failed, as it does when
// DuckDB's memory is full, must not be in the way of all checkpoints that follow.
func TestTransactionThatCannotBeEnded(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	commit(t, s, 1)
	undisturbed, cause := s.commit, errors.New("there is no memory")
	s.commit = func(ctx context.Context) error {
		// What is left is a transaction that nothing but ROLLBACK ends, for which there
		// is no memory either.
		err := s.conn.Exec(ctx, "ROLLBACK")
		return errors.Join(cause, err)
	}
	if _, err := s.Commit(t.Context(), write(t, 2)); !errors.Is(err, cause) {
		t.Errorf("the commit: %v", err)
	}
	s.commit = undisturbed
	for _, sql := range []string{"BEGIN TRANSACTION", "CREATE TABLE left_over (i INTEGER)"} {
		if err := s.conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.conn.Exec(t.Context(), "SELECT error('it is aborted') FROM internal.epoch"); err == nil {
		t.Fatal("the transaction was not aborted")
	}
	if _, err := s.Commit(t.Context(), write(t, 2)); err == nil {
		t.Fatal("a transaction was begun inside another")
	}
	commit(t, s, 2) // on a connection of its own
	if n, err := s.number(t.Context(), "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'left_over'"); err != nil || n != 0 {
		t.Errorf("%d tables of the transaction are there, %v", n, err)
	}
}

// TestUnknownOutcome: without anybody who opens the file again, nobody can say what
// has become of a commit.
func TestUnknownOutcome(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	commit(t, s, 1)
	s.commit = func(context.Context) error { return duck.ErrReopened }
	if _, err := s.Commit(ctx, write(t, 2)); !errors.Is(err, ErrUnknown) {
		t.Errorf("the outcome: %v", err)
	}
}

// TestIDsOfAnotherInstance: a change that names rows by their ids is refused once
// the file has another instance.
func TestIDsOfAnotherInstance(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	s.db.Attend()
	commit(t, s, 1)
	folds := s.Folds()
	change := func() *Write {
		w := write(t, 2)
		w.Changes, w.Folds = []Change{{SQL: `DELETE FROM segments."s#1" WHERE rowid = 3`}}, &folds
		return w
	}
	replace(t, s)
	if err := s.connected(ctx); err != nil {
		t.Fatal(err)
	}
	before := contents(t, s)
	if _, err := s.Commit(ctx, change()); !errors.Is(err, ErrMoved) {
		t.Errorf("a change with old ids: %v", err)
	}
	if got := contents(t, s); got != before {
		t.Errorf("something was written:\n%s", got)
	}
	folds = s.Folds()
	if _, err := s.Commit(ctx, change()); err != nil {
		t.Error(err)
	}
	if n, err := s.Count(ctx, "main.s"); fmt.Sprint(n, err) != "19 <nil>" {
		t.Errorf("%d rows, %v", n, err)
	}
}
