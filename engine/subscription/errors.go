package subscription

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrClosed is returned by Next after Close.
	ErrClosed = errors.New("the subscription is closed")
	// ErrEmpty is returned when UpTo is not after the beginning.
	ErrEmpty = errors.New("the subscription would be over before it begins")
)

// SlowError is how a subscription ends whose client does not keep up.
type SlowError struct {
	Epoch, Current uint64        // what it was told, and what there is
	Behind         time.Duration // for how long it has not moved
	Bytes          int64         // memory that could be freed but for it
	MaxBytes       int64         // and how much of that is allowed
}

func (e *SlowError) Error() string {
	if e.Bytes > e.MaxBytes {
		return fmt.Sprintf("the subscriber is too slow: at epoch %d of %d it keeps %d MiB of old state in memory", e.Epoch, e.Current, e.Bytes>>20)
	}
	return fmt.Sprintf("the subscriber is too slow: it has been at epoch %d of %d for %s", e.Epoch, e.Current, e.Behind.Round(time.Second))
}

// EpochError is returned when a subscription is to begin at an epoch that is
// not there.
type EpochError struct {
	Wanted, Oldest, Current uint64
	Moved                   bool // its changes can be had, its rows can't
}

func (e *EpochError) Error() string {
	switch {
	case e.Wanted > e.Current:
		return fmt.Sprintf("epoch %d has not come yet: the current one is %d", e.Wanted, e.Current)
	case e.Moved:
		return fmt.Sprintf("the rows of epoch %d are not kept any more: a later checkpoint has moved some of them into history", e.Wanted)
	}
	return fmt.Sprintf("epoch %d is not kept any more: the oldest one is %d", e.Wanted, e.Oldest)
}

// TooManyRowsError is returned when a query that is followed gives more rows
// than are kept for it.
type TooManyRowsError struct{ Max int64 }

func (e *TooManyRowsError) Error() string {
	return fmt.Sprintf("the subscribed query gives more than %d rows", e.Max)
}
