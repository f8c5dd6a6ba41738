package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/hot"
)

// CreateSource makes a source, durable when it returns, and starts its reader.
// The error wraps ErrExists when the name is taken.
func (e *Engine) CreateSource(ctx context.Context, def *catalog.SourceDefinition) error {
	if err := e.Validate(def); err != nil {
		return err
	}
	return e.do(ctx, func() error {
		if err := e.free(def.Name); err != nil {
			return err
		}
		s, err := e.newSource(def, e.opts.Now())
		if err != nil {
			return err
		}
		e.sources[def.Name] = s
		e.publish()
		object := checkpoint.Object{Name: def.Name, Kind: catalog.KindSource, SQL: def.SQL, Definition: catalog.Encode(def), Created: s.created}
		err = e.checkpointWith(ctx, []checkpoint.Object{object}, nil, func(w *checkpoint.Write) {
			if def.Keyed() {
				w.Exec = append(w.Exec, def.Latest().CreateSQL())
			}
		})
		if err == nil {
			err = e.showSource(ctx, s)
		}
		if err == nil {
			err = e.openReader(s)
		}
		if err != nil && !e.store.Has(def.Name) {
			delete(e.sources, def.Name)
			e.publish()
			s.generated.Close()
		}
		return err
	})
}

// free checks that a name and those of the tables behind it can be taken.
func (e *Engine) free(name string) error {
	if e.failed != nil {
		return e.failed
	}
	base := strings.TrimSuffix(strings.TrimSuffix(name, catalog.LateSuffix), catalog.RejectedSuffix)
	for _, n := range []string{name, base, name + catalog.LateSuffix, name + catalog.RejectedSuffix} {
		if n != name && n == base && e.sources[n] == nil {
			continue
		}
		if e.sources[n] != nil || e.views[n] != nil || e.tables[n] != nil || n == name && e.hasLate(base) && name == base+catalog.LateSuffix {
			return fmt.Errorf("relation %q %w", n, ErrExists)
		}
	}
	if j := e.jobs.Of(name); j != nil {
		return fmt.Errorf("relation %q %w: job %d is building it", name, ErrExists, j.ID)
	}
	return nil
}

// hasLate reports whether a name is that of a stream with a table of late rows.
func (e *Engine) hasLate(name string) bool {
	v := e.views[name]
	return v != nil && v.def.Plan.AppendOnly()
}

func (e *Engine) addView(v *liveView) {
	e.views[v.def.Plan.Name] = v
	v.attach()
}

// Drop removes a source or view of the given kind with its history. A source
// that views read is refused with ErrDependents, or goes with them if cascade.
//
// So is one that a job reads, which CASCADE cancels.
func (e *Engine) Drop(ctx context.Context, kind, name string, cascade bool) error {
	return e.doWithoutJobs(ctx, kind, name, cascade, func() error {
		if kind == catalog.KindView {
			v := e.views[name]
			if v == nil {
				return fmt.Errorf("materialized view %q %w", name, ErrNotFound)
			}
			if len(v.dependents()) > 0 && !cascade {
				return dependents("drop", catalog.KindView, name, v.dependents())
			}
			return e.drop(ctx, nil, e.withDependents([]*liveView{v}))
		}
		s := e.sources[name]
		if s == nil {
			return fmt.Errorf("source %q %w", name, ErrNotFound)
		}
		views := s.views
		if s.def.Keyed() {
			views = e.tableViews(name)
		}
		if len(views) > 0 && !cascade {
			return dependents("drop", catalog.KindSource, name, views)
		}
		return e.drop(ctx, s, e.withDependents(views))
	})
}

// drop removes views and, unless it is nil, their source.
func (e *Engine) drop(ctx context.Context, s *liveSource, views []*liveView) error {
	var names, tables []string
	for _, v := range views {
		names = append(names, v.def.Plan.Name)
		tables = append(tables, history.Names(v.def.HistoryTables())...)
	}
	if s != nil {
		names = append(names, s.def.Name)
		tables = append(tables, history.Names(s.def.HistoryTables())...)
	}
	e.awaitCheckpoint()
	// Readers must not find the names while the tables behind them go.
	if err := e.hide(ctx, s, views); err != nil {
		return err
	}
	for _, v := range views {
		delete(e.views, v.def.Plan.Name)
		v.detach()
	}
	if s != nil {
		delete(e.sources, s.def.Name)
	}
	e.publish()
	err := e.checkpointWith(ctx, nil, names, func(w *checkpoint.Write) {
		w.DropTables = tables
		if s != nil && s.def.Keyed() {
			w.Exec = append(w.Exec, "DROP TABLE "+s.def.Latest().Relation())
		}
	})
	if err != nil {
		return errors.Join(err, e.undrop(ctx, s, views))
	}
	charge := int64(0)
	for _, v := range views {
		charge += v.close()
	}
	if s == nil {
		e.budget.Release(charge)
		return nil
	}
	e.budget.Release(charge + s.tables().Drop(hot.EveryEpoch))
	s.closeCopies()
	s.generated.Close()
	e.readers.Delete(s.def.Name)
	go func() { // the reader may wait for the writer to take its batch
		if err := s.closeReader(); err != nil {
			e.opts.Logger.Warn("close a source", "source", s.def.Name, "err", err)
		}
	}()
	return nil
}

// undrop puts back what could not be dropped.
func (e *Engine) undrop(ctx context.Context, s *liveSource, views []*liveView) error {
	var err error
	if s != nil {
		e.sources[s.def.Name] = s
		err = e.showSource(ctx, s)
	}
	for _, v := range views {
		e.addView(v)
		err = errors.Join(err, e.showView(ctx, v))
	}
	e.publish()
	return err
}

// Sources returns the definitions of all sources, by name.
func (e *Engine) Sources() map[string]*catalog.SourceDefinition {
	return definitions(e.door.Newest().sources, func(s *sourceSnapshot) *catalog.SourceDefinition { return s.def })
}

// Views returns the definitions of all views, by name.
func (e *Engine) Views() map[string]*catalog.ViewDefinition {
	return definitions(e.door.Newest().views, func(v *viewSnapshot) *catalog.ViewDefinition { return v.def })
}

func definitions[S, D any](objects map[string]S, of func(S) D) map[string]D {
	out := make(map[string]D, len(objects))
	for name, o := range objects {
		out[name] = of(o)
	}
	return out
}

// TableColumns returns the columns of a table that belongs to a source
// (<source>$late, <source>$rejected) or to the schema millstream, nil if there
// is none of that name.
func (e *Engine) TableColumns(schema, name string) []batch.Column {
	if schema == "millstream" {
		if t := systemTables[name]; t != nil {
			return t.columns
		}
		return nil
	}
	sources := e.Sources()
	for view, d := range e.Views() {
		if name == view+catalog.LateSuffix && d.Plan.AppendOnly() {
			return d.Stream().LateSchema().Columns
		}
	}
	if d := sources[strings.TrimSuffix(name, catalog.LateSuffix)]; d != nil {
		return d.LateSchema().Columns
	}
	if sources[strings.TrimSuffix(name, catalog.RejectedSuffix)] != nil {
		return catalog.RejectedSchema().Columns
	}
	return nil
}
