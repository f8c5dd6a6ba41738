package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/budget"
	"github.com/millstream-db/millstream/engine/job"
	"github.com/millstream-db/millstream/engine/pause"
	"github.com/millstream-db/millstream/engine/watermark"
)

// ErrNotResumable is returned when a view cannot go on where it was paused.
var ErrNotResumable = errors.New("cannot go on")

// pauseView stops a view after the current epoch. The writer runs it between
// two epochs.
func (e *Engine) pauseView(v *liveView, reason string) {
	s := v.source
	s.rowTable.Seal() // so that no segment reaches over the place
	p := &pause.Pause{Reason: reason, Epoch: e.Epoch(), Next: make(map[int32]int64, len(s.parts)), Rows: s.rowCount(), Mark: s.current()}
	for id, q := range s.parts {
		p.Next[id] = q.Next
	}
	v.paused = p
	e.opts.Logger.Warn("a view was paused", "view", v.def.Plan.Name, "reason", reason)
}

// pausable reports whether the view can be paused: whether there is a history
// from which it could go on.
func (v *liveView) pausable() bool {
	return v.branches == nil && !v.def.Plan.AppendOnly() && v.source.rowTable != nil && !v.source.def.NoHistory
}

// pauseLarge pauses the views whose states have outgrown their room, as of the
// current snapshot, so that the others can go on.
func (e *Engine) pauseLarge() {
	snapshots := e.door.Newest().views
	states := make([]budget.State, 0, len(snapshots))
	for name, s := range snapshots {
		v := e.views[name]
		states = append(states, budget.State{View: name, Bytes: s.state.Bytes(), Stops: v != nil && v.paused == nil && v.pausable()})
	}
	paused := false
	for _, o := range e.states.Outgrown(states) {
		e.pauseView(e.views[o.View], fmt.Sprintf("%s, then ALTER MATERIALIZED VIEW %s RESUME", o.Reason, o.View))
		paused = true
	}
	if paused {
		e.publish()
	}
}

// PauseView stops a view; it reports false if it was paused already.
func (e *Engine) PauseView(ctx context.Context, name string) (changed bool, err error) {
	err = e.do(ctx, func() error {
		v, err := e.pausedView(name)
		if err != nil || v.paused != nil {
			return err
		}
		if !v.pausable() {
			return fmt.Errorf("materialized view %q %w: its source keeps no history from which it could", name, ErrNotResumable)
		}
		e.pauseView(v, "ALTER MATERIALIZED VIEW … PAUSE")
		e.publish()
		changed = true
		return e.checkpointNow(ctx)
	})
	return changed, err
}

func (e *Engine) pausedView(name string) (*liveView, error) {
	e.awaitCheckpoint()
	if b := e.jobs.Building(name); b != nil {
		return nil, b
	}
	v := e.views[name]
	if v == nil {
		return nil, fmt.Errorf("materialized view %q %w", name, ErrNotFound)
	}
	return v, e.failed
}

// ResumeView has a paused view read what it has missed and go on. Ingest waits
// meanwhile: the state has to be that of one place in the stream whenever a
// checkpoint takes it. It reports false if the view was not paused.
func (e *Engine) ResumeView(ctx context.Context, name string) (changed bool, err error) {
	err = e.do(ctx, func() error {
		v, err := e.pausedView(name)
		if err != nil || v.paused == nil {
			return err
		}
		if id, ok := v.paused.Rewound(); ok {
			return fmt.Errorf("materialized view %q %w: while it was paused, the offsets of partition %d of its source started over, so that it is not known what it has missed", name, ErrNotResumable, id)
		}
		changed = true
		if err := e.resume(v); err != nil {
			// The state has some of the missed rows and no place in the stream.
			e.stop(fmt.Errorf("resume view %s: %w", name, err))
			return e.failed
		}
		return e.checkpointNow(ctx)
	})
	return changed, err
}

// resume folds what a view has missed into its state.
func (e *Engine) resume(v *liveView) error {
	p := v.paused
	b := &backfill{
		e: e, job: &job.Job{}, def: v.def, v: v, branch: v, reclaim: e.reclaim,
		folded: p.Epoch, next: p.Next, rows: p.Rows, missed: p,
	}
	v.state.Unordered(true)
	defer v.state.Unordered(false)
	rest, err := b.cut(context.Background())
	if err == nil {
		err = b.fold(context.Background(), rest)
	}
	if err == nil {
		err = e.refresh(context.Background(), v)
	}
	if err != nil {
		return err
	}
	v.paused = nil
	if mark := v.source.current(); mark != watermark.None {
		err = e.closeWindowsOf(context.Background(), v, mark)
	}
	e.publish()
	return err
}

// applyMissed folds rows that a paused view has missed. Its windows that were
// closed when it was paused are in history: rows for them are late.
func (v *liveView) applyMissed(ctx context.Context, e *Engine, rec arrow.RecordBatch, mark int64) error {
	marks := make([]int64, rec.NumRows())
	for i := range marks {
		marks[i] = mark
	}
	late, err := v.apply(ctx, rec, marks)
	if err == nil && len(late) > 0 {
		err = v.source.keepLate(e, v.def.Plan.Name, rec, late)
	}
	return err
}
