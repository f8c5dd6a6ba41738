package engine

import "errors"

var (
	// ErrClosed is returned when the engine is closing or closed.
	ErrClosed = errors.New("the database is shut down")
	// ErrNotFound is returned when a source or view does not exist.
	ErrNotFound = errors.New("does not exist")
	// ErrExists is returned when an object of that name exists already.
	ErrExists = errors.New("already exists")
	// ErrDependents is returned when views read the source that is to be dropped.
	ErrDependents = errors.New("other objects depend on it")
)
