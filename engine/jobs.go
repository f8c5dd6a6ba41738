package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/job"
)

// Jobs returns the jobs by number: those at work, and the last that ended.
func (e *Engine) Jobs() []job.Status { return e.jobs.All() }

// CancelJob cancels a job and waits until it has ended. The error wraps
// ErrNotFound when there is no such job at work.
func (e *Engine) CancelJob(ctx context.Context, id int64) error {
	j := e.jobs.Find(func(j *job.Job) bool { return j.ID == id })
	if j == nil {
		return fmt.Errorf("job %d %w", id, ErrNotFound)
	}
	j.Cancel(ErrJobCanceled)
	select {
	case <-j.Ended():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Building returns the error that says which job holds a name, nil if none does.
func (e *Engine) Building(name string) *BuildingError {
	j := e.jobs.Of(name)
	if j == nil {
		return nil
	}
	return &BuildingError{Name: name, Job: j.ID, Progress: j.Progress()}
}

// doWithoutJobs is do for a change that jobs stand in the way of: it fails, or
// with cascade cancels those that read a source.
func (e *Engine) doWithoutJobs(ctx context.Context, kind, name string, cascade bool, f func() error) error {
	for {
		var list []*job.Job
		err := e.do(ctx, func() error {
			e.awaitCheckpoint() // which may be a job's last step
			if kind == catalog.KindView {
				if b := e.Building(name); b != nil {
					return b
				}
			}
			if list = e.jobs.Reading(name); len(list) == 0 {
				return f()
			}
			if !cascade {
				return fmt.Errorf("%s %q %w: job %d builds materialized view %s from it", kind, name, ErrInUse, list[0].ID, list[0].View)
			}
			return nil
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, j := range list {
			if err := e.CancelJob(ctx, j.ID); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
	}
}
