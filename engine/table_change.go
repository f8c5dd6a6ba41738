package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/rowchange"
)

// errStale says that a change was computed from a version that is gone.
var errStale = errors.New("the table has changed")

// staleTries is how often a change is computed beside the writer before it is
// computed on the writer's goroutine, where nothing comes in between.
const staleTries = 3

// ChangeTable changes a table's rows and returns how many; it is durable, and
// in force for every record that is taken from then on, when it returns. plan
// computes the change from a read; it may be called again when the table has
// changed meanwhile. Nothing is changed after an error, which is a
// *rowchange.ConstraintError when a rule of the table would be broken.
func (e *Engine) ChangeTable(ctx context.Context, name string, plan func(context.Context, *Read) (*rowchange.Change, error)) (int64, error) {
	for range staleTries {
		n, err := e.tryChange(ctx, name, plan)
		if !errors.Is(err, errStale) && !errors.Is(err, checkpoint.ErrMoved) {
			return n, err
		}
	}
	var n int64
	err := e.do(ctx, func() (err error) {
		e.awaitCheckpoint()
		folds := e.store.Folds()
		r, err := e.BeginRead(ctx)
		if err != nil {
			return err
		}
		defer r.Close()
		if e.tables[name] == nil {
			return fmt.Errorf("table %q %w", name, ErrNotFound)
		}
		c, err := plan(ctx, r)
		if err != nil {
			return err
		}
		defer c.Release()
		n, err = e.applyChange(ctx, folds, liveChange{e.tables[name], c})
		return err
	})
	return n, err
}

// tryChange computes a change beside the writer and applies it if the table is
// still what it was.
func (e *Engine) tryChange(ctx context.Context, name string, plan func(context.Context, *Read) (*rowchange.Change, error)) (n int64, err error) {
	folds := e.store.Folds()
	r, err := e.BeginRead(ctx)
	if err != nil {
		return 0, err
	}
	seen := r.snapshot.tables[name]
	if seen == nil {
		r.Close()
		return 0, fmt.Errorf("table %q %w", name, ErrNotFound)
	}
	c, err := plan(ctx, r)
	r.Close()
	if err != nil {
		return 0, err
	}
	defer c.Release()
	err = e.do(ctx, func() (err error) {
		e.awaitCheckpoint()
		t := e.tables[name]
		// Folding the log into the file may move rows to other ids.
		if t == nil || t.def != seen.def || c.Exact && (t.version != seen.version || e.store.Folds() != folds) {
			return errStale
		}
		n, err = e.applyChange(ctx, folds, liveChange{t, c})
		return err
	})
	return n, err
}

// liveChange is a change of a table that is about to be made.
type liveChange struct {
	t *liveTable
	c *rowchange.Change
}

// applyChange commits changes of different tables together. It runs on the
// writer, while no checkpoint does. folds was Store.Folds before rows' ids were read:
// the error wraps ErrConflict when they no longer hold.
func (e *Engine) applyChange(ctx context.Context, folds int64, list ...liveChange) (n int64, err error) {
	if e.failed != nil {
		return 0, e.failed
	}
	for _, l := range list {
		inserted, updated, deleted := l.c.Rows(l.t.rows)
		n += inserted + updated + deleted
	}
	if n == 0 {
		return 0, nil
	}
	if err := e.checkChanges(ctx, list); err != nil {
		return 0, err
	}
	err = e.checkpointWith(context.WithoutCancel(ctx), nil, nil, func(w *checkpoint.Write) {
		for _, l := range list {
			w.Changes = append(w.Changes, l.c.Statements(l.t.def)...)
			w.Bytes += l.c.Bytes()
			if l.c.Exact {
				w.Folds = &folds
			}
		}
	})
	if errors.Is(err, checkpoint.ErrMoved) {
		err = fmt.Errorf("%w: a table %w", err, ErrConflict)
	}
	if err != nil {
		return 0, err
	}
	for _, l := range list {
		inserted, _, deleted := l.c.Rows(l.t.rows)
		l.t.version++
		l.t.rows += inserted - deleted
	}
	for _, l := range list {
		if err := e.tableChanged(l.t); err != nil {
			// The change is durable, and what comes next can't be joined with it.
			e.stop(err)
			return 0, e.failed
		}
	}
	e.publish()
	return n, nil
}

// checkChanges refuses changes that would break a rule of their tables.
func (e *Engine) checkChanges(ctx context.Context, list []liveChange) error {
	var r *Read
	for _, l := range list {
		if r == nil && l.c.TouchesKey(l.t.def) {
			var err error
			if r, err = e.BeginRead(ctx); err != nil {
				return err
			}
			defer r.Close()
		}
		if err := l.c.Check(ctx, r, l.t.def, "live.dml."+history.Quote(l.t.def.Name)); err != nil {
			return err
		}
	}
	return nil
}

// CommitSet makes what a transaction has changed durable and in force, all of it
// in one epoch or, after an error, nothing: ErrConflict says that somebody else
// has changed a table meanwhile, a *rowchange.ConstraintError that a rule of a
// table would be broken. r is the transaction's read, which has the set and whose
// results are closed. It stays open: while it is, rows keep their ids.
func (e *Engine) CommitSet(ctx context.Context, r *Read, set *rowchange.Set) error {
	changes, err := set.Changes(ctx, r)
	if err != nil {
		return err
	}
	defer rowchange.ReleaseChanges(changes)
	return e.do(ctx, func() error {
		e.awaitCheckpoint()
		if err := r.checkIDs(); err != nil {
			return err
		}
		r.settled() // it reads nothing meanwhile
		defer func() { r.settled = e.store.HoldCommits() }()
		list := make([]liveChange, len(changes))
		for i, c := range changes {
			t, seen := e.tables[c.Def.Name], r.snapshot.tables[c.Def.Name]
			if t == nil || t.def != c.Def || seen == nil || c.Change.Exact && t.version != seen.version {
				return fmt.Errorf("table %q %w", c.Def.Name, ErrConflict)
			}
			list[i] = liveChange{t, c.Change}
		}
		_, err := e.applyChange(ctx, r.folds, list...)
		return err
	})
}
