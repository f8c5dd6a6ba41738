package checkpoint

import (
	"errors"
	"testing"
	"time"
)

// Folding waits for those who hold it off, and those who come wait for it.
func TestFoldsAreHeldOff(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	size := s.WALBytes()
	release := s.HoldFolds()
	if err := s.Fold(ctx, size); !errors.Is(err, errNamed) || s.Folds() != 0 {
		t.Errorf("folded although it is held off: %v", err)
	}
	again := s.HoldFolds() // does not wait for ever
	again()
	time.AfterFunc(foldPatience/4, release)
	if err := s.Fold(ctx, size); err != nil || s.Folds() != 1 {
		t.Errorf("not folded when nobody held it off any more: %v", err)
	}
	if !s.folding.close(foldPatience) {
		t.Error("somebody still holds folding off")
	}
	held := make(chan func())
	go func() { held <- s.HoldFolds() }()
	select {
	case <-held:
		t.Error("folding was held off in the middle of it")
	case <-time.After(50 * time.Millisecond):
	}
	s.folding.open()
	(<-held)()
}
