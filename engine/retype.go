package engine

import (
	"cmp"
	"fmt"

	"github.com/millstream-db/millstream/engine/dimension"
	"github.com/millstream-db/millstream/engine/widening"
)

// mayRetype returns a source.ErrCannotWiden if something depends on the types that
// columns have.
func (e *Engine) mayRetype(a *sourceChange) error {
	if !a.retyped {
		return nil
	}
	c := widening.Change{DB: e.store.DB(), Mem: e.mem, Was: a.s.def, Def: a.def}
	err := c.Source(a.s.exprs)
	for _, v := range a.s.views {
		err = cmp.Or(err, c.View(&v.def.Plan, v.def.SourceColumns))
	}
	for _, v := range e.tableViews(a.s.def.Name) {
		err = cmp.Or(err, c.Joins(&v.def.Plan))
	}
	return err
}

// inputs makes those of the views of a source whose columns have got other types.
func (e *Engine) inputs(a *sourceChange) (list dimension.Inputs, err error) {
	if !a.retyped {
		return nil, nil
	}
	for _, v := range a.s.views {
		in, err := e.newInput(&v.def.Plan, a.def.SchemaOf(v.def.SourceColumns))
		if err != nil {
			list.Close()
			return nil, fmt.Errorf("view %s: %w", v.def.Plan.Name, err)
		}
		list = append(list, in)
	}
	return list, nil
}

// exchange gives views other inputs, and leaves those that they had in their place.
func exchange(views []*liveView, inputs dimension.Inputs) {
	for i := range inputs {
		views[i].Input, inputs[i] = inputs[i], views[i].Input
	}
}
