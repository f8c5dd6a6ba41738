package view

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
)

// StateColumns returns the columns of the relation {{state}}. An error says
// which aggregate does not exist for its arguments.
func (d *Definition) StateColumns() ([]batch.Column, error) {
	var columns []batch.Column
	if d.Window != nil {
		t := d.Exprs[d.Window.Expr].Type
		columns = append(columns, batch.Column{Name: "window_start", Type: t}, batch.Column{Name: "window_end", Type: t})
	}
	for i, k := range d.Keys {
		c := batch.Column{Name: fmt.Sprint("k", i), Type: k.Type}
		if e := &d.Exprs[k.Expr]; e.Packing != Unpacked {
			c.Type = e.Type
		}
		columns = append(columns, c)
	}
	if d.GroupingSets != nil {
		columns = append(columns, batch.Column{Name: "grouping_set", Type: bigintType})
	}
	if d.hasBags() {
		columns = append(columns, batch.Column{Name: "g", Type: bigintType})
	}
	n := 0
	for i := range d.Aggregates {
		state, err := d.accumulatorColumns(i)
		if err != nil {
			return nil, err
		}
		for j, c := range state {
			if j == 0 && d.keepsPacked(i, c.Type) {
				c.Type = d.Exprs[d.Aggregates[i].Args[0]].Type
			}
			columns = append(columns, batch.Column{Name: fmt.Sprint("a", n), Type: c.Type})
			n++
		}
	}
	return columns, nil
}

// keepsPacked reports whether the first column, of a type, of aggregate i is a value of
// its first argument, which is packed.
func (d *Definition) keepsPacked(i int, first batch.Type) bool {
	args := d.Aggregates[i].Args
	return len(args) > 0 && d.Exprs[args[0]].Packing != Unpacked && first == d.Exprs[args[0]].StateType()
}

func (d *Definition) hasBags() bool {
	for i := range d.Aggregates {
		if d.Aggregates[i].Func == aggregate.Bag {
			return true
		}
	}
	return false
}

// accumulator returns the accumulator of aggregate i, nil for a Bag.
func (d *Definition) accumulator(i int) (aggregate.Accumulator, error) {
	a := &d.Aggregates[i]
	if a.Func == aggregate.Bag {
		return nil, nil
	}
	acc, err := aggregate.New(a.Func, d.argTypes(i), a.Params...)
	if err != nil {
		return nil, fmt.Errorf("view %s: %w", d.Name, err)
	}
	return acc, nil
}

func (d *Definition) accumulatorColumns(i int) ([]aggregate.StateColumn, error) {
	acc, err := d.accumulator(i)
	if acc == nil {
		return nil, err
	}
	return acc.Columns(), nil
}

// argTypes returns the types that the arguments of aggregate i have in the state.
func (d *Definition) argTypes(i int) []batch.Type {
	types := make([]batch.Type, len(d.Aggregates[i].Args))
	for j, arg := range d.Aggregates[i].Args {
		types[j] = d.Exprs[arg].StateType()
	}
	return types
}

// FirstColumn returns the number of the first state column of aggregate i: it
// is a<n> in {{state}}.
func (d *Definition) FirstColumn(i int) (n int, err error) {
	for j := range i {
		columns, err := d.accumulatorColumns(j)
		if err != nil {
			return 0, err
		}
		n += len(columns)
	}
	return n, nil
}
