package plan

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
)

const aggregateHint = "a view keeps count, sum, avg, mean, min, max, bool_and, bool_or and count_if, each with FILTER, and count with DISTINCT"

// aggregate makes the accumulators of a call and returns the expression over
// the state's columns that has the call's value.
func (p *planner) aggregate(ctx context.Context, n node) (node, error) {
	if err := checkCall(n); err != nil {
		return nil, err
	}
	filter := -1
	if f := n.child("filter"); f != nil {
		var err error
		if filter, err = p.stage.addCondition(ctx, f); err != nil {
			return nil, err
		}
	}
	args := n.list("children")
	if n.function("count_star") {
		return p.slot(n, view.Aggregate{Func: aggregate.CountStar, Filter: filter})
	}
	typeName, err := p.stage.typeOf(ctx, args[0])
	if err != nil {
		return nil, err
	}
	kept, err := p.accumulators(n, typeName)
	if err != nil {
		return nil, err
	}
	var arg []int
	if kept[0].Func != aggregate.CountStar {
		at, err := p.stage.add(ctx, args[0])
		if err != nil {
			return nil, err
		}
		arg = []int{at}
	}
	slots := make([]node, len(kept))
	for i, a := range kept {
		a.Args, a.Filter = arg, filter
		if slots[i], err = p.slot(n, a); err != nil {
			return nil, err
		}
	}
	if len(slots) == 1 {
		return slots[0], nil
	}
	return p.mean(ctx, n, slots[0], slots[1])
}

// checkCall refuses the forms of aggregates that the engine does not keep.
func checkCall(n node) error {
	name := n.str("function_name")
	unsupported := func(what string) error {
		return fail(codeUnsupported, n.location(), "%s is not supported in a materialized view", what).hint(aggregateHint)
	}
	args := len(n.list("children"))
	switch name {
	case "count_star":
		return nil
	case "count", "sum", "avg", "mean", "min", "max", "bool_and", "bool_or", "count_if", "countif":
	default:
		return unsupported("the aggregate " + name)
	}
	if args != 1 {
		return unsupported(fmt.Sprintf("%s with %d arguments", name, args))
	}
	if len(n.child("order_bys").list("orders")) > 0 {
		return unsupported("ORDER BY inside " + name)
	}
	if n.flag("export_state") {
		return unsupported("EXPORT_STATE")
	}
	if n.flag("distinct") {
		switch name {
		case "sum", "avg", "mean", "count_if", "countif":
			return unsupported(name + "(DISTINCT …)")
		}
	}
	return nil
}

// accumulators returns what the engine keeps for a call over an argument of the
// given type: one accumulator, or a sum and a count for a mean.
func (p *planner) accumulators(n node, typeName string) ([]view.Aggregate, error) {
	name, arg := n.str("function_name"), n.list("children")[0]
	t, ok := representable(typeName)
	if name == "count" && !n.flag("distinct") {
		if arg.class() == "CONSTANT" && !arg.child("value").flag("is_null") {
			return []view.Aggregate{{Func: aggregate.CountStar}}, nil
		}
	}
	if !ok {
		return nil, typeError(arg, "the argument of "+name, typeName)
	}
	mismatch := fail(codeUndefinedFunction, n.location(), "function %s(%s) does not exist", name, typeName)
	switch name {
	case "count":
		if !n.flag("distinct") {
			return []view.Aggregate{{Func: aggregate.Count}}, nil
		}
		if t.Kind == batch.Interval {
			return nil, fail(codeUnsupported, n.location(), "count(DISTINCT …) over an INTERVAL is not supported in a materialized view").
				hint("cast it to VARCHAR, or count its length in seconds: epoch(x)")
		}
		return []view.Aggregate{{Func: aggregate.Count, Distinct: true}}, nil
	case "min", "max":
		if t.Kind == batch.Interval {
			return nil, fail(codeUnsupported, n.location(), "%s over an INTERVAL is not supported in a materialized view", name).
				hint("take it of its length in seconds: epoch(x)")
		}
		return []view.Aggregate{{Func: map[string]aggregate.Function{"min": aggregate.Min, "max": aggregate.Max}[name]}}, nil
	case "bool_and", "bool_or", "count_if", "countif":
		if t.Kind != batch.Boolean {
			return nil, mismatch.hint("write a condition, or cast to BOOLEAN")
		}
		return []view.Aggregate{boolAggregate(name)}, nil
	}
	if !summable(t) || t.Kind == batch.Boolean && name != "sum" {
		if t.Kind >= batch.Date && t.Kind <= batch.Interval && name != "sum" {
			return nil, fail(codeUnsupported, n.location(), "%s over a %s is not supported in a materialized view", name, typeName).
				hint("take the mean of a number, such as epoch_us(x)")
		}
		return nil, mismatch.hint("cast the argument to a number")
	}
	kept := []view.Aggregate{{Func: aggregate.Sum}}
	if name != "sum" {
		kept = append(kept, view.Aggregate{Func: aggregate.Count})
	}
	return kept, nil
}

// boolAggregate is the accumulator of an aggregate over conditions. DuckDB's
// count_if is a sum: NULL, not 0, when there is no condition that isn't NULL.
func boolAggregate(name string) view.Aggregate {
	switch name {
	case "bool_and":
		return view.Aggregate{Func: aggregate.BoolAnd}
	case "bool_or":
		return view.Aggregate{Func: aggregate.BoolOr}
	}
	return view.Aggregate{Func: aggregate.Sum}
}

// summable reports whether values of type t have a sum in DuckDB.
func summable(t batch.Type) bool {
	return t.Kind >= batch.Boolean && t.Kind <= batch.Decimal
}

// slot returns the first state column of an accumulator. Equal accumulators
// share one.
func (p *planner) slot(n node, a view.Aggregate) (node, error) {
	at := slices.IndexFunc(p.def.Aggregates, func(b view.Aggregate) bool { return reflect.DeepEqual(a, b) })
	if at < 0 {
		at = len(p.def.Aggregates)
		p.def.Aggregates = append(p.def.Aggregates, a)
	}
	p.def.Exprs = p.stage.exprs
	column, err := p.def.FirstColumn(at)
	if err != nil {
		return nil, err
	}
	return newColumn(columnName("a", column)).in(n), nil
}

// mean returns the mean as DuckDB computes it: a DOUBLE for every number.
func (p *planner) mean(ctx context.Context, n, sum, count node) (node, error) {
	s, c := sum.strings("column_names")[0], count.strings("column_names")[0]
	items, err := parseItems(ctx, p.b, fmt.Sprintf("SELECT CASE WHEN %s = 0 THEN NULL ELSE %s::DOUBLE / %s END", c, s, c))
	if err != nil {
		return nil, err
	}
	return items[0].in(n), nil
}
