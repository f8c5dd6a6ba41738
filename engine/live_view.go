package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/epoch"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/view"
)

// newView makes a view without rows, whose memory is retired to reclaim.
func (e *Engine) newView(def *catalog.ViewDefinition, created time.Time, reclaim *epoch.Reclaimer) (*liveView, error) {
	v, err := e.newBranch(def, &def.Plan, created, reclaim)
	if err != nil {
		return nil, err
	}
	v.out = e.newStream(def, created, reclaim)
	if len(def.Plan.Union) > 0 {
		v.branches = []*liveView{v}
	}
	for i := range def.Plan.Union {
		b, err := e.newBranch(&catalog.ViewDefinition{SQL: def.SQL, Plan: def.Plan.Union[i]}, &def.Plan.Union[i], created, reclaim)
		if err != nil {
			v.close()
			return nil, err
		}
		b.out = v.out
		v.branches = append(v.branches, b)
	}
	for _, b := range v.branches {
		b.branches = v.branches
	}
	return v, nil
}

func (e *Engine) newBranch(def *catalog.ViewDefinition, plan *view.Definition, created time.Time, reclaim *epoch.Reclaimer) (*liveView, error) {
	s := e.stream(plan.Source)
	if s == nil {
		return nil, fmt.Errorf("source %q %w", plan.Source, ErrNotFound)
	}
	state, err := view.New(plan, e.mem, reclaim)
	if err != nil {
		return nil, err
	}
	rows := s.schema
	if !s.derived {
		rows = s.def.SchemaOf(def.SourceColumns)
	}
	in, err := e.newInput(plan, rows)
	if err != nil {
		state.Close()
		return nil, err
	}
	v := &liveView{def: def, created: created, Input: in, state: state, mark: s.current()}
	v.reads(s)
	return v, nil
}

// redefine gives the view another definition, which may have another name.
func (v *liveView) redefine(def *catalog.ViewDefinition) {
	v.def = def
	for i, b := range v.branches {
		if i > 0 {
			plan := def.Plan.Union[i-1]
			plan.Name = def.Plan.Name
			b.def = &catalog.ViewDefinition{SQL: def.SQL, Plan: plan}
		}
	}
	if v.out != nil {
		v.out.def = def.Stream()
	}
}

// attached returns all branches of views that get rows.
func (e *Engine) attached() (all []*liveView) {
	var walk func(*liveSource)
	walk = func(s *liveSource) {
		for _, b := range s.views {
			if slices.Contains(all, b) {
				continue
			}
			all = append(all, b)
			if b.out != nil {
				walk(b.out)
			}
		}
	}
	for _, s := range e.sources {
		walk(s)
	}
	return all
}

// all returns the view's branches, or the view alone.
func (v *liveView) all() []*liveView {
	if v.branches != nil {
		return v.branches
	}
	return []*liveView{v}
}

// attach has the view get what its sources get.
func (v *liveView) attach() {
	for _, b := range v.all() {
		b.source.views = append(b.source.views, b)
	}
}

// detach undoes attach.
func (v *liveView) detach() {
	for _, b := range v.all() {
		b.source.views = slices.DeleteFunc(b.source.views, func(w *liveView) bool { return w == b })
	}
}

// close gives up the view's memory and connections and returns the bytes that
// its rows had taken from the budget.
func (v *liveView) close() (charge int64) {
	for _, b := range v.all() {
		b.state.Close()
		b.Input.Close()
	}
	if v.results != nil {
		v.results.Close()
	}
	return v.out.tables().Drop(hot.EveryEpoch)
}

// restoreStream brings the view's stream to where the checkpoint left it.
func (v *liveView) restoreStream(im *checkpoint.Image) {
	if v.out == nil {
		return
	}
	for _, p := range im.Partitions {
		if p.Source == v.def.Plan.Name {
			v.out.partition(p.Partition, p.Next).Restore(&p, im)
		}
	}
	v.out.mark = v.streamMark()
}

// dependents returns the views over the view.
func (v *liveView) dependents() []*liveView {
	if v.out == nil {
		return nil
	}
	return v.out.views
}

// withDependents returns the views that these are branches of, and all that
// read them, directly or not.
func (e *Engine) withDependents(views []*liveView) (all []*liveView) {
	for _, b := range views {
		v := e.views[b.def.Plan.Name]
		if v == nil || slices.Contains(all, v) {
			continue
		}
		all = append(all, v)
		for _, d := range e.withDependents(v.dependents()) {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}
