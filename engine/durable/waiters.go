package durable

import (
	"fmt"
	"slices"
)

// Error says that rows were taken and can be read, but that the checkpoint
// which should have made them durable failed. A later one still may.
type Error struct{ Cause error }

func (e *Error) Error() string { return fmt.Sprintf("the rows are not durable yet: %v", e.Cause) }

// Unwrap returns why.
func (e *Error) Unwrap() error { return e.Cause }

// Waiters are those who wait for epochs to be committed. They belong to one
// goroutine.
type Waiters struct{ list []waiter }

type waiter struct {
	epoch uint64
	done  chan<- error // has room for one
}

// Add lets done be told when an epoch is committed, or that its checkpoint failed.
func (w *Waiters) Add(epoch uint64, done chan<- error) {
	w.list = append(w.list, waiter{epoch, done})
}

// Empty reports whether nobody waits.
func (w *Waiters) Empty() bool { return len(w.list) == 0 }

// Committed tells everybody who waits for an epoch up to this one.
func (w *Waiters) Committed(epoch uint64) {
	w.list = slices.DeleteFunc(w.list, func(x waiter) bool {
		if x.epoch <= epoch {
			x.done <- nil
		}
		return x.epoch <= epoch
	})
}

// Fail tells everybody that there was no commit.
func (w *Waiters) Fail(cause error) {
	for _, x := range w.list {
		x.done <- &Error{cause}
	}
	w.list = nil
}
