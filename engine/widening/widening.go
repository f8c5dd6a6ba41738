// Package widening finds out whether views and generated columns can go on when
// columns of a source get wider types.
//
// What they compute has types of its own, which are in their states, in history and in
// what other views read. An expression whose type stays what it was (a condition, a
// cast, a text) is computed over the wider values from then on. One whose type would be
// another one can't be followed: a [Change] says which.
package widening

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/dimension"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/engine/view"
)

// Change is other types for columns of a source. Its methods return nil or a
// source.ErrCannotWiden that names what depends on the types.
type Change struct {
	DB       *duck.DB
	Mem      *batch.Allocator
	Was, Def *catalog.SourceDefinition
}

// Source looks at the source itself: its primary key, and its generated columns.
func (c *Change) Source(generated []view.Expr) error {
	for _, k := range c.Was.Key {
		if column := c.Was.Columns[k]; c.Def.Columns[k].Type != column.Type {
			return fmt.Errorf("%w: column %q is part of the primary key", source.ErrCannotWiden, column.Name)
		}
	}
	if err := c.exprs(c.Was.DeliveredSchema(), c.Def.DeliveredSchema(), generated); err != nil {
		return fmt.Errorf("%w: a generated column depends on it: %w", source.ErrCannotWiden, err)
	}
	return nil
}

// View looks at a view over the source's rows, or a branch of one, which was made when
// that had so many columns; 0 means all.
func (c *Change) View(plan *view.Definition, columns int) error {
	was, rows := c.Was.SchemaOf(columns), c.Def.SchemaOf(columns)
	for i := range plan.Joins {
		keys := make([]view.Expr, len(plan.Joins[i].Keys))
		for k := range keys {
			keys[k] = plan.Joins[i].Keys[k].Row
		}
		if err := c.exprs(plan.JoinInput(was, i), plan.JoinInput(rows, i), keys); err != nil {
			return refused(plan, err)
		}
	}
	if err := c.exprs(plan.Input(was), plan.Input(rows), plan.Exprs); err != nil {
		return refused(plan, err)
	}
	return nil
}

func refused(plan *view.Definition, err error) error {
	return fmt.Errorf("%w: materialized view %s depends on it, drop that and create it again once the source goes on: %w", source.ErrCannotWiden, plan.Name, err)
}

// exprs returns why expressions over rows can't be computed over the same rows of wider
// types.
func (c *Change) exprs(was, rows *batch.Schema, exprs []view.Expr) error {
	changed := func(i int) bool { return was.Columns[i].Type != rows.Columns[i].Type }
	for i := range exprs {
		if at := exprs[i].Column; at >= 0 && changed(at) {
			return fmt.Errorf("it has column %q as %s", rows.Columns[at].Name, was.Columns[at].Type)
		}
		for _, x := range exprs[i].Conjuncts {
			if _, counted := x.Literal.(int64); counted && changed(x.Column) && rows.Columns[x.Column].Type.Kind.WholeBits() == 0 {
				return fmt.Errorf("it compares column %q, as %s, with a number", rows.Columns[x.Column].Name, was.Columns[x.Column].Type)
			}
		}
	}
	stage, err := view.NewStage(c.DB, c.Mem, rows, exprs)
	if err != nil {
		return err
	}
	stage.Close()
	return nil
}

// Joins looks at a view that joins the source, whose latest rows of each key are kept.
func (c *Change) Joins(plan *view.Definition) error {
	changes := c.Def.RowSchema()
	for i := range plan.Joins {
		j := &plan.Joins[i]
		if j.Table != c.Was.Name {
			continue
		}
		for _, column := range j.Columns {
			if changes.Columns[changes.Index(column.Column)].Type != column.Type {
				return refused(plan, fmt.Errorf("it has column %q as %s", column.Column, column.Type))
			}
		}
		copied, err := dimension.NewKeyed(c.DB, c.Mem, j, changes, c.Def.Key, changes.Index(batch.DeletedColumn))
		if err != nil {
			return refused(plan, err)
		}
		copied.Close()
	}
	return nil
}
