package engine

import "errors"

var (
	// ErrClosed is returned when the engine is closing or closed.
	ErrClosed = errors.New("the database is shut down")
	// ErrStopped is returned when an error has left in memory what is of no epoch.
	ErrStopped = errors.New("ingest has stopped, and what is in memory cannot be trusted")
	// ErrNotFound is returned when a source or view does not exist.
	ErrNotFound = errors.New("does not exist")
	// ErrExists is returned when an object of that name exists already.
	ErrExists = errors.New("already exists")
	// ErrNotSwappable is returned when a view's rows cannot be exchanged with
	// another's.
	ErrNotSwappable = errors.New("cannot take part in SWAP")
	// ErrDependents is returned when views read the source that is to be dropped.
	ErrDependents = errors.New("other objects depend on it")
	// ErrInUse is returned when a job works on the object.
	ErrInUse = errors.New("is in use")
	// ErrConflict is returned when what a transaction has changed was changed by
	// somebody else since the transaction's read began.
	ErrConflict = errors.New("was changed by another transaction")
	// ErrChanged is returned when a source was changed while rows for it were made.
	ErrChanged = errors.New("was changed meanwhile")
	// ErrPaused is returned when rows are handed to a source that is paused.
	ErrPaused = errors.New("is paused")
	// ErrFull is returned when the hot buffers have no room for rows.
	ErrFull = errors.New("the hot buffers are full")
)
