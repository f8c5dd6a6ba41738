package job

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound is returned when there is no job of a number at work.
	ErrNotFound = errors.New("does not exist")
	// ErrCanceled is what a job ends with that was cancelled by its number.
	ErrCanceled = errors.New("canceled")
)

// BuildingError says that a name belongs to a view that a job is building.
type BuildingError struct {
	Name     string
	Job      int64
	Progress float64 // percent
}

func (e *BuildingError) Error() string {
	return fmt.Sprintf("materialized view %q is being built (%.0f %%)", e.Name, e.Progress)
}
