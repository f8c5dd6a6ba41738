package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// sorted makes a call that picks one row, by an order in which accumulators can't compare
// as it is, one that they keep: that of nested values, or of an ORDER BY. DuckDB turns what
// the order is by into bytes, and accumulators compare those. It reports whether the call
// is such a one; others need all of their rows.
func (p *planner) sorted(ctx context.Context, c *call) (bool, error) {
	if len(c.types) == 0 || len(c.kept.funcs) == 0 {
		return false, nil // there is nothing that a column could keep
	}
	f, key, err := p.pickBy(ctx, c)
	if key == nil || err != nil {
		return false, err
	}
	typeName, err := p.stage.typeOf(ctx, key)
	if err != nil {
		return false, nil //nolint:nilerr // a type that has no sort key: if that is wrong, DuckDB says so of the call itself
	}
	t, ok := holdable(typeName)
	if !ok {
		return false, nil
	}
	c.args, c.types = []ast.Node{c.args[0], key}, []batch.Type{c.types[0], t}
	c.kept = kept{funcs: []aggregate.Function{f}, value: "$0", distinct: distinctNone}
	return true, nil
}

// pickBy returns the function that keeps a call's first argument by a key, and the key,
// nil if there is none.
func (p *planner) pickBy(ctx context.Context, c *call) (f aggregate.Function, key ast.Node, err error) {
	f = c.kept.funcs[0]
	orders := c.n.Child("order_bys").List("orders")
	switch f {
	case aggregate.Min, aggregate.Max:
		pick := aggregate.ArgMin
		if f == aggregate.Max {
			pick = aggregate.ArgMax
		}
		if len(c.args) == 1 && c.types[0].Nested != nil {
			key, err = p.sortKey(ctx, c.args[0])
		}
		return pick, key, err
	case aggregate.ArgMin, aggregate.ArgMax, aggregate.ArgMinNull, aggregate.ArgMaxNull:
		compared := comparableKey(c.types) && c.types[1].Nested == nil
		if len(c.args) == 2 && len(orders) == 0 && !compared {
			key, err = p.sortKey(ctx, c.args[1])
		}
	case aggregate.First, aggregate.Last, aggregate.AnyValue:
		if len(c.args) == 1 && len(orders) > 0 && !c.n.Flag("distinct") {
			key, err = p.orderKey(ctx, c.n, orders, f != aggregate.Last)
		}
	}
	return f, key, err
}

// sortKeyFunction is DuckDB's function of values, each with a direction, whose results are
// never NULL and are ordered as lists of the values are.
const sortKeyFunction = "create_sort_key"

// sortKey returns what is ordered as the values of n are, and NULL where they are.
func (p *planner) sortKey(ctx context.Context, n ast.Node) (ast.Node, error) {
	return p.substitute(ctx, n, "CASE WHEN n IS NOT NULL THEN "+sortKeyFunction+"(n, 'ASC NULLS LAST') END", []string{"n"}, []ast.Node{n})
}

// hasOtherSortKeys reports whether DuckDB orders values of a type otherwise than their sort keys are ordered.
// Inside of nested values they have the order of the keys.
func hasOtherSortKeys(typeName string) bool {
	return typeName == "INTERVAL" || typeName == "TIME WITH TIME ZONE"
}

// orderKey returns what is ordered as an ORDER BY says, nil if that is not bytes: collations
// have an order of their own, and some types. With nullLast it may be NULL for what is behind
// everything else.
func (p *planner) orderKey(ctx context.Context, at ast.Node, orders []ast.Node, nullLast bool) (ast.Node, error) {
	var args, params []string
	var nodes []ast.Node
	for i, o := range orders {
		n, param := o.Child("expression"), fmt.Sprint("n", i)
		typeName, err := p.stage.typeOf(ctx, n)
		if hasCollation(n) || err == nil && hasOtherSortKeys(typeName) {
			return nil, nil
		}
		t, ok := holdable(typeName)
		if err == nil && ok && t.Nested == nil && nullLast && len(orders) == 1 && direction(o) == "ASC NULLS LAST" {
			return n, nil // accumulators compare it as it is
		}
		args, params = append(args, param+", '"+direction(o)+"'"), append(params, param)
		nodes = append(nodes, tryNode(n)) // what fails for one row is NULL, as in stage one
	}
	return p.substitute(ctx, at, sortKeyFunction+"("+strings.Join(args, ", ")+")", params, nodes)
}
