package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/job"
)

// Jobs returns what works beside the writer.
func (e *Engine) Jobs() *job.List { return &e.jobs }

// doWithoutJobs is do for a change that jobs stand in the way of: it fails, or
// with cascade cancels those that read a source.
func (e *Engine) doWithoutJobs(ctx context.Context, kind, name string, cascade bool, f func() error) error {
	for {
		var list []*job.Job
		err := e.do(ctx, func() error {
			e.awaitCheckpoint() // which may be a job's last step
			if kind == catalog.KindView {
				if b := e.jobs.Building(name); b != nil {
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
			if err := e.jobs.Cancel(ctx, j.ID); err != nil && !errors.Is(err, job.ErrNotFound) {
				return err
			}
		}
	}
}
