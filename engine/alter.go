package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/dimension"
	"github.com/millstream-db/millstream/engine/job"
	"github.com/millstream-db/millstream/engine/rowchange"
)

// sourceChange is what ALTER makes of a source.
type sourceChange struct {
	s   *liveSource
	def *catalog.SourceDefinition
	// structural: the name or the columns change, which takes empty hot tables
	// and a new liveSource; retyped: some columns that are there, too.
	structural, retyped bool
	reopen              bool // the reader must be closed before, and opened after
}

// AlterSource changes a source. change gets a copy of its definition and makes
// of it what the source is to be: it may change the name, the statement, the
// options, the retention, the times of the watermark, Paused and the comments,
// append columns, and give columns types that have all values of those before,
// which is a source.ErrCannotWiden if something depends on those. What a reader
// has delivered by then is taken first; it goes on at the next offset.
func (e *Engine) AlterSource(ctx context.Context, name string, change func(*catalog.SourceDefinition) error) error {
	e.alter.Lock()
	defer e.alter.Unlock()
	var a *sourceChange
	err := e.do(ctx, func() (err error) {
		e.awaitCheckpoint()
		a, err = e.planSourceChange(name, change)
		return err
	})
	if err != nil {
		return err
	}
	if a.reopen { // beside the writer, for which the reader may wait
		if err := a.s.closeReader(); err != nil {
			e.opts.Logger.Warn("close a source", "source", name, "err", err)
		}
	}
	return e.do(context.WithoutCancel(ctx), func() error {
		e.awaitCheckpoint()
		if e.sources[name] != a.s {
			return fmt.Errorf("source %q %w", name, ErrNotFound)
		}
		if a.reopen {
			e.takeQueued()
		}
		err := e.mayChange(a)
		if err == nil {
			err = e.changeSource(ctx, a)
		}
		if a.reopen {
			err = errors.Join(err, e.reopen(a))
		}
		return err
	})
}

// planSourceChange finds out what a change takes.
func (e *Engine) planSourceChange(name string, change func(*catalog.SourceDefinition) error) (*sourceChange, error) {
	s := e.sources[name]
	if s == nil {
		return nil, fmt.Errorf("source %q %w", name, ErrNotFound)
	}
	def := *s.def
	def.Columns, def.Options = slices.Clone(def.Columns), maps.Clone(def.Options)
	if err := change(&def); err != nil {
		return nil, err
	}
	renamed, grown := def.Name != name, len(def.Columns) > len(s.def.Columns)
	a := &sourceChange{s: s, def: &def, retyped: def.Retypes(s.def)}
	a.structural = renamed || grown || a.retyped
	a.reopen = s.reader != nil && (a.structural || def.Paused || !maps.Equal(def.Options, s.def.Options) || !maps.Equal(def.EncodeOptions, s.def.EncodeOptions)) || s.def.Paused && !def.Paused
	if renamed {
		if err := e.free(def.Name); err != nil {
			return nil, err
		}
		views := s.views
		if s.def.Keyed() {
			views = e.tableViews(name)
		}
		if len(views) > 0 {
			return nil, dependents("rename", catalog.KindSource, name, views)
		}
	}
	if err := e.Validate(&def); err != nil {
		return nil, err
	}
	return a, e.mayChange(a)
}

func (e *Engine) mayChange(a *sourceChange) error {
	if e.failed != nil {
		return e.failed
	}
	if list := e.jobs.Reading(a.s.def.Name); a.structural && len(list) > 0 {
		return fmt.Errorf("source %q %w: job %d builds materialized view %s from it", a.s.def.Name, ErrInUse, list[0].ID, list[0].View)
	}
	return e.mayRetype(a)
}

// takeQueued takes the batches that wait for the writer.
func (e *Engine) takeQueued() {
	for {
		select {
		case d := <-e.input:
			e.step(d)
		default:
			return
		}
	}
}

// reopen starts the reader of the source that a change was for, unless it is
// paused now.
func (e *Engine) reopen(a *sourceChange) error {
	s := e.sources[a.def.Name]
	if s == nil {
		s = a.s // the change failed
	}
	s.reader, s.closeErr = nil, nil
	s.closed = sync.Once{}
	e.readers.Delete(a.s.def.Name)
	if e.stopped || s.def.Paused {
		return nil
	}
	newest := make(map[int32]int64)
	for id := range s.parts {
		p, _ := s.tracker.Partition(id)
		newest[id] = p.MaxMicros
	}
	s.tracker.Restore(s.tracker.Current(), newest, e.opts.Now()) // nothing was idle while nothing was read
	return e.openReader(s)
}

// changeSource changes a source in memory, commits, and shows it. Until then
// readers wait when names or columns change; after an error all is as before.
func (e *Engine) changeSource(ctx context.Context, a *sourceChange) error {
	old, def := a.s, a.def
	was := old.def
	rename := checkpoint.Rename{From: was.Name, To: def.Name}
	undo := func() {
		old.def = was
		old.tracker.SetOptions(was.WatermarkOptions())
	}
	var inputs dimension.Inputs
	if a.structural {
		next, err := e.succeed(ctx, a)
		if err != nil {
			return err
		}
		if inputs, err = e.inputs(a); err != nil {
			next.generated.Close()
			return err
		}
		undo = func() {
			exchange(old.views, inputs)
			e.replaceSource(next, old)
			next.generated.Close()
		}
		exchange(old.views, inputs)
		before, after := was.HistoryTables(), def.HistoryTables()
		for i := range before {
			rename.Tables = append(rename.Tables, [2]string{before[i].Name, after[i].Name})
		}
		e.replaceSource(old, next)
		e.catalog++
		e.publish()
	} else {
		old.def = def
		old.tracker.SetOptions(def.WatermarkOptions())
	}
	err := e.checkpointWith(ctx, nil, nil, func(w *checkpoint.Write) { a.write(w, was, rename) })
	if err != nil {
		undo()
		if a.structural {
			e.catalog--
		}
	}
	inputs.Close()
	if err != nil || !a.structural {
		e.publish()
		return err
	}
	if def.Keyed() {
		if err := e.refreshViews(e.sources[def.Name]); err != nil {
			e.stop(err)
			return err
		}
		old.closeCopies()
	}
	old.generated.Close()
	return e.showCatalog(ctx, func(ctx context.Context) error {
		if was.Name != def.Name {
			if err := e.hide(ctx, &liveSource{def: was}, nil); err != nil {
				return err
			}
		}
		return e.showSource(ctx, e.sources[def.Name])
	})
}

// write has a checkpoint change what is in the file.
func (a *sourceChange) write(w *checkpoint.Write, was *catalog.SourceDefinition, rename checkpoint.Rename) {
	if was.Name != a.def.Name {
		w.Rename = []checkpoint.Rename{rename}
	}
	if was.Keyed() {
		w.Exec = append(w.Exec, was.Latest().AlterSQL(a.def.Latest())...)
	}
	w.Alter = a.def.HistoryTables()
	w.Update = append(w.Update, checkpoint.Object{Name: a.def.Name, SQL: a.def.SQL, Definition: catalog.Encode(a.def)})
	for _, v := range a.s.views {
		w.Update = append(w.Update, checkpoint.Object{Name: v.def.Plan.Name, SQL: v.def.SQL, Definition: catalog.Encode(v.def)})
	}
}

// succeed makes the source that takes another's place, with empty hot tables:
// what was in them is in history then.
func (e *Engine) succeed(ctx context.Context, a *sourceChange) (*liveSource, error) {
	s := a.s
	next, err := e.newSource(a.def, s.created)
	if err != nil {
		return nil, err
	}
	if err := e.checkpointNow(ctx); err != nil {
		next.generated.Close()
		return nil, err
	}
	next.tracker.SetOptions(a.def.WatermarkOptions())
	s.tracker.SetOptions(a.def.WatermarkOptions())
	next.tracker, next.parts, next.order, next.errors, next.failed = s.tracker, s.parts, s.order, s.errors, s.failed
	next.receipts, next.rewinds = s.receipts, s.rewinds
	return next, nil
}

// replaceSource puts a source in another's place.
func (e *Engine) replaceSource(old, next *liveSource) {
	next.views = old.views
	for _, v := range next.views {
		v.reads(next)
	}
	delete(e.sources, old.def.Name)
	e.sources[next.def.Name] = next
}

// reads lets the view read a source.
func (v *liveView) reads(s *liveSource) {
	v.source = s
	v.Follow(s.schema)
}

// viewChange is what ALTER makes of a view.
type viewChange struct {
	v   *liveView
	def *catalog.ViewDefinition
}

// AlterView changes a view. change gets a copy of its definition and makes of
// it what the view is to be: it may change the name, the statement, the
// retention and the comments.
func (e *Engine) AlterView(ctx context.Context, name string, change func(*catalog.ViewDefinition) error) error {
	return e.do(ctx, func() error {
		c, err := e.planViewChange(name)
		if err == nil {
			err = change(c.def)
		}
		if err == nil && c.def.Plan.Name != name {
			err = e.free(c.def.Plan.Name)
			if d := c.v.dependents(); err == nil && len(d) > 0 {
				err = dependents("rename", catalog.KindView, name, d)
			}
		}
		if err != nil {
			return err
		}
		var renames []checkpoint.Rename
		if c.def.Plan.Name != name {
			renames = append(renames, checkpoint.NewRename(c.v.def.HistoryTables(), c.v.def.Plan.Name, name, c.def.Plan.Name))
		}
		return e.changeViews(ctx, []viewChange{c}, renames)
	})
}

// SwapViews gives two views each other's name. change gets copies of the
// definitions of a and b and exchanges the names in them and in their statements.
func (e *Engine) SwapViews(ctx context.Context, a, b string, change func(a, b *catalog.ViewDefinition) error) error {
	return e.do(ctx, func() error {
		first, err := e.planViewChange(a)
		if err != nil {
			return err
		}
		second, err := e.planViewChange(b)
		if err != nil {
			return err
		}
		for _, c := range []viewChange{first, second} {
			if d := c.v.dependents(); len(d) > 0 {
				return dependents("rename", catalog.KindView, c.def.Plan.Name, d)
			}
			if c.v.def.Plan.AppendOnly() {
				return fmt.Errorf("materialized view %q %w: it has no aggregation", c.def.Plan.Name, ErrNotSwappable)
			}
		}
		if err := change(first.def, second.def); err != nil {
			return err
		}
		const between = "$swap" // no user's name begins so
		return e.changeViews(ctx, []viewChange{first, second}, []checkpoint.Rename{
			checkpoint.NewRename(first.v.def.HistoryTables(), first.v.def.Plan.Name, a, between),
			checkpoint.NewRename(second.v.def.HistoryTables(), second.v.def.Plan.Name, b, a),
			checkpoint.NewRename(first.v.def.HistoryTables(), first.v.def.Plan.Name, between, b),
		})
	})
}

func (e *Engine) planViewChange(name string) (viewChange, error) {
	e.awaitCheckpoint()
	if b := e.jobs.Building(name); b != nil {
		return viewChange{}, b
	}
	v := e.views[name]
	if v == nil {
		return viewChange{}, fmt.Errorf("materialized view %q %w", name, ErrNotFound)
	}
	def := *v.def
	return viewChange{v, &def}, e.failed
}

// changeViews changes views in memory, commits, and shows them.
func (e *Engine) changeViews(ctx context.Context, changes []viewChange, renames []checkpoint.Rename) error {
	if len(renames) > 0 { // no rows go into tables in the transaction that renames them
		if err := e.checkpointNow(ctx); err != nil {
			return err
		}
	}
	was := make([]*catalog.ViewDefinition, len(changes))
	set := func(def func(int) *catalog.ViewDefinition) {
		for _, c := range changes {
			delete(e.views, c.v.def.Plan.Name)
		}
		for i, c := range changes {
			c.v.redefine(def(i))
			e.views[c.v.def.Plan.Name] = c.v
		}
	}
	for i, c := range changes {
		was[i] = c.v.def
	}
	version := e.catalog
	set(func(i int) *catalog.ViewDefinition { return changes[i].def })
	if len(renames) > 0 {
		e.catalog++
	}
	e.publish()
	err := e.checkpointWith(ctx, nil, nil, func(w *checkpoint.Write) {
		w.Rename = renames
		for _, c := range changes {
			w.Alter = append(w.Alter, c.def.HistoryTables()...)
			w.Update = append(w.Update, checkpoint.Object{Name: c.def.Plan.Name, SQL: c.def.SQL, Definition: catalog.Encode(c.def)})
		}
	})
	if err != nil {
		set(func(i int) *catalog.ViewDefinition { return was[i] })
		e.catalog = version
		e.publish()
		return err
	}
	if len(renames) == 0 {
		return nil
	}
	return e.showCatalog(ctx, func(ctx context.Context) error {
		hidden := make([]*liveView, len(was))
		for i, def := range was {
			hidden[i] = &liveView{def: def}
		}
		if err := e.hide(ctx, nil, hidden); err != nil {
			return err
		}
		for _, c := range changes {
			if err := e.showView(ctx, c.v); err != nil {
				return err
			}
		}
		return nil
	})
}

// AlterTable changes a table. change gets a copy of its definition and makes of
// it what the table is to be: it may change the name, the statement and the
// comments, and append columns.
func (e *Engine) AlterTable(ctx context.Context, name string, change func(*catalog.TableDefinition) error) error {
	return e.do(ctx, func() error {
		e.awaitCheckpoint()
		t := e.tables[name]
		if t == nil {
			return fmt.Errorf("table %q %w", name, ErrNotFound)
		}
		def := *t.def
		def.Columns = slices.Clone(def.Columns)
		if err := change(&def); err != nil {
			return err
		}
		renamed := def.Name != name
		if renamed {
			if err := e.free(def.Name); err != nil {
				return err
			}
			if j := e.jobs.Find(func(j *job.Job) bool { return slices.Contains(j.Tables, name) }); j != nil {
				return fmt.Errorf("table %q %w: job %d builds materialized view %s with it", name, ErrInUse, j.ID, j.View)
			}
			if views := e.tableViews(name); len(views) > 0 {
				return dependents("rename", catalog.KindTable, name, views)
			}
		}
		return e.changeTable(ctx, t, &def)
	})
}

func (e *Engine) changeTable(ctx context.Context, t *liveTable, def *catalog.TableDefinition) error {
	was := t.def
	visible := was.Name != def.Name || len(was.Columns) != len(def.Columns)
	set := func(from, to *catalog.TableDefinition) {
		delete(e.tables, from.Name)
		t.def = to
		e.tables[to.Name] = t
	}
	version := e.catalog
	set(was, def)
	if visible {
		e.catalog++
	}
	e.publish()
	err := e.checkpointWith(ctx, nil, nil, func(w *checkpoint.Write) {
		w.Exec = append(w.Exec, was.AlterSQL(def)...)
		if was.Name != def.Name {
			w.Rename = []checkpoint.Rename{{From: was.Name, To: def.Name}}
		}
		w.Update = []checkpoint.Object{{Name: def.Name, SQL: def.SQL, Definition: catalog.Encode(def)}}
	})
	if err != nil {
		set(def, was)
		e.catalog = version
		e.publish()
		return err
	}
	if !visible {
		return nil
	}
	// In a transaction of its own, and first: see showOverlay. The change is durable already.
	lasting := context.WithoutCancel(ctx)
	err = errors.Join(e.hideTable(lasting, rowchange.Overlay, was.Name), e.showOverlay(lasting, t))
	return errors.Join(err, e.showCatalog(ctx, func(ctx context.Context) error {
		if err := e.hideTable(ctx, "live", was.Name); err != nil {
			return err
		}
		return e.showTable(ctx, t)
	}))
}
