package plan

import (
	"context"
	"fmt"
	"math/big"
	"slices"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// quantiles keeps an approx_quantile of numbers: one sketch for all places that
// the SELECT list asks for. Of other types, DuckDB computes it over a bag.
func (p *planner) quantiles(ctx context.Context, c *call) (ast.Node, error) {
	if len(c.types) == 0 || !isNumber(c.types[0]) || c.n.Flag("distinct") {
		return p.bag(ctx, c)
	}
	places, list, ok := constPlaces(c.args[1])
	if !ok {
		return p.bag(ctx, c)
	}
	arg, err := p.stage.add(ctx, c.args[0])
	if err != nil {
		return nil, err
	}
	a := view.Aggregate{Func: aggregate.ApproxQuantile, Args: []int{arg}, Filter: c.filter, Params: p.places(c.n, places)}
	for _, b := range p.def.Aggregates {
		kept := b.Func == a.Func && slices.Equal(b.Args, a.Args) && b.Filter == a.Filter
		if kept && !slices.ContainsFunc(places, func(q float64) bool { return !slices.Contains(b.Params, q) }) {
			a = b
		}
	}
	columns, err := p.columns(a)
	if err != nil {
		return nil, err
	}
	sql := ""
	for i, q := range places {
		if i > 0 {
			sql += ", "
		}
		sql += clamped(fmt.Sprint("$", slices.Index(a.Params, q)), c.types[0].String())
	}
	if list {
		sql = "[" + sql + "]"
	}
	return p.value(ctx, c.n, "CAST("+sql+" AS "+c.result+")", columns)
}

// largest are the largest DOUBLEs that are values of integer types whose limits
// no DOUBLE is.
var largest = map[string]string{
	"BIGINT": "9223372036854774784", "UBIGINT": "18446744073709549568", "HUGEINT": "170141183460469212842221372237303250944",
}

// clamped keeps an estimate within the type of the values.
func clamped(column, typeName string) string {
	limit := largest[typeName]
	if limit == "" {
		return column
	}
	return fmt.Sprintf("least(%s, '%s'::DOUBLE)", column, limit)
}

// places returns the places for which the SELECT list asks approx_quantile of
// the same values.
func (p *planner) places(n ast.Node, own []float64) []float64 {
	same := func(c ast.Node) bool {
		return c.IsCall("approx_quantile") && !c.Flag("distinct") && len(c.List("children")) == 2 &&
			c.List("children")[0].Key() == n.List("children")[0].Key() && filterKey(c) == filterKey(n)
	}
	all := slices.Clone(own)
	for _, it := range p.res.items {
		eachIn(it.resolved, func(c ast.Node) {
			if same(c) {
				more, _, _ := constPlaces(c.List("children")[1])
				all = append(all, more...)
			}
		})
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func filterKey(n ast.Node) string {
	if f := n.Child("filter"); f != nil {
		return f.Key()
	}
	return ""
}

// eachIn calls f for every expression in n, n included.
func eachIn(n ast.Node, f func(ast.Node)) {
	f(n)
	ast.EachChild(n, func(c ast.Node) { eachIn(c, f) })
}

// constPlaces returns the constants of a quantile or of a list of quantiles.
// DuckDB has checked that they are between 0 and 1.
func constPlaces(n ast.Node) (places []float64, list, ok bool) {
	parts := []ast.Node{n}
	if n.IsCall("list_value") {
		parts, list = n.List("children"), true
	}
	for _, part := range parts {
		q, ok := ast.ConstDouble(part)
		if !ok {
			unscaled, scale, isDecimal := ast.ConstDecimal(part)
			if !isDecimal {
				return nil, false, false
			}
			q, _ = new(big.Rat).SetFrac(unscaled, ast.Pow10(scale)).Float64()
		}
		places = append(places, q)
	}
	return places, list, len(places) > 0
}
