package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/job"
	"github.com/millstream-db/millstream/engine/watermark"
)

// viewPause is where a view has stopped. Its state stays as it is, and can be
// read; what comes is for it to read when it goes on, from history.
type viewPause struct {
	reason string
	epoch  uint64          // the state has the rows of the epochs up to this one
	next   map[int32]int64 // the offsets that follow them
	rows   int64           // the rows that the source had had by then
	mark   int64           // the watermark that had closed its windows
}

// rewoundNext stands in a pause's offsets for a partition whose offsets have started
// over since: they don't tell any more which rows the view has missed.
const rewoundNext = -1

// ErrNotResumable is returned when a view cannot go on where it was paused.
var ErrNotResumable = errors.New("cannot go on")

// pauseView stops a view after the current epoch. The writer runs it between
// two epochs.
func (e *Engine) pauseView(v *liveView, reason string) {
	s := v.source
	s.rowTable.Seal() // so that no segment reaches over the place
	p := &viewPause{reason: reason, epoch: e.Epoch(), next: make(map[int32]int64, len(s.parts)), rows: s.rowCount(), mark: s.current()}
	for id, q := range s.parts {
		p.next[id] = q.Next
	}
	v.paused = p
	e.opts.Logger.Warn("a view was paused", "view", v.def.Plan.Name, "reason", reason)
}

// pausable reports whether the view can be paused: whether there is a history
// from which it could go on.
func (v *liveView) pausable() bool {
	return v.branches == nil && !v.def.Plan.AppendOnly() && v.source.rowTable != nil && !v.source.def.NoHistory
}

// pauseLarge pauses the views whose state has outgrown the limit, as of the
// current snapshot, so that the others can go on.
func (e *Engine) pauseLarge() {
	paused := false
	for name, s := range e.door.Newest().views {
		v := e.views[name]
		if v == nil || v.paused != nil || s.state.Bytes() <= e.opts.ViewBytes || !v.pausable() {
			continue
		}
		e.pauseView(v, fmt.Sprintf("its state of %d MiB is above the limit of %d MiB for a view: raise view_memory or make its windows shorter, then ALTER MATERIALIZED VIEW %s RESUME", s.state.Bytes()>>20, e.opts.ViewBytes>>20, name))
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
		for id, next := range v.paused.next {
			if next == rewoundNext {
				return fmt.Errorf("materialized view %q %w: while it was paused, the offsets of partition %d of its source started over, so that it is not known what it has missed", name, ErrNotResumable, id)
			}
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
		folded: p.epoch, next: p.next, rows: p.rows, missed: p,
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

// The counters that a checkpoint keeps of a paused view; the last is followed
// by a partition.
const (
	counterPausedMark = "paused_mark"
	counterPausedRows = "paused_rows"
	counterPausedNext = "paused_next:"
)

// counters returns the pause as a checkpoint keeps it.
func (p *viewPause) counters(view string) []checkpoint.Counter {
	if p == nil {
		return nil
	}
	list := []checkpoint.Counter{
		{Object: view, Name: counterPausedMark, Value: p.mark}, {Object: view, Name: counterPausedRows, Value: p.rows},
	}
	for id, next := range p.next {
		list = append(list, checkpoint.Counter{Object: view, Name: fmt.Sprint(counterPausedNext, id), Value: next})
	}
	return list
}

// restorePause returns the pause that a checkpoint kept, nil for none.
func restorePause(im *checkpoint.Image, view string) *viewPause {
	mark, ok := im.Counter(view, counterPausedMark)
	if !ok {
		return nil
	}
	p := &viewPause{reason: "it was paused before the database was opened", mark: mark, next: make(map[int32]int64)}
	p.rows, _ = im.Counter(view, counterPausedRows)
	for _, c := range im.Counters {
		var id int32
		if c.Object == view && strings.HasPrefix(c.Name, counterPausedNext) {
			if _, err := fmt.Sscan(strings.TrimPrefix(c.Name, counterPausedNext), &id); err == nil {
				p.next[id] = c.Value
			}
		}
	}
	return p
}
