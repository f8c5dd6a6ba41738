package plan

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// call is a call of an aggregate function.
type call struct {
	n      ast.Node
	name   string // DuckDB's first name of the function
	kept   kept
	args   []ast.Node
	types  []batch.Type // of args; shorter if a view cannot keep one of them
	result string       // DuckDB's type of the call
	filter int          // index of the condition in FILTER, -1 for none
}

// aggregate makes the accumulators of a call and returns the expression over
// the state's columns that has the call's value.
func (p *planner) aggregate(ctx context.Context, n ast.Node) (ast.Node, error) {
	if m, ok := aggregateMacros[n.Str("function_name")]; ok {
		return p.macro(ctx, n, m.params, m.sql)
	}
	c, err := p.readCall(ctx, n)
	if err != nil {
		return nil, err
	}
	if c.name == "approx_quantile" {
		return p.quantiles(ctx, c)
	}
	if !c.native() {
		if ok, err := p.sorted(ctx, c); err != nil {
			return nil, err
		} else if !ok {
			return p.bag(ctx, c)
		}
	}
	return p.accumulate(ctx, c)
}

// macro replaces a macro by what it stands for.
func (p *planner) macro(ctx context.Context, n ast.Node, params []string, sql string) (ast.Node, error) {
	if _, err := p.stage.typeOf(ctx, n); err != nil {
		return nil, err
	}
	expanded, err := p.substitute(ctx, n, sql, params, n.List("children"))
	if err != nil {
		return nil, err
	}
	if expanded, err = p.afterAggregation(ctx, expanded); err != nil {
		return nil, err
	}
	return expanded.In(n), nil
}

// substitute returns an expression, at the place of n, with nodes for the columns that are
// its parameters.
func (p *planner) substitute(ctx context.Context, n ast.Node, sql string, params []string, args []ast.Node) (ast.Node, error) {
	items, err := parseItems(ctx, p.b, "SELECT "+sql)
	if err != nil {
		return nil, err
	}
	var replace func(ast.Node) (ast.Node, error)
	replace = func(c ast.Node) (ast.Node, error) {
		if names := c.Strings("column_names"); c.Class() == "COLUMN_REF" {
			return args[slices.Index(params, names[0])], nil
		}
		out, err := ast.MapChildren(c, replace)
		if err == nil {
			out["query_location"] = n["query_location"]
		}
		return out, err
	}
	return replace(items[0])
}

// readCall checks a call and lets DuckDB bind it, over the source.
func (p *planner) readCall(ctx context.Context, n ast.Node) (*call, error) {
	c := &call{n: n, name: n.Str("function_name"), args: n.List("children"), filter: -1}
	if other, ok := otherNames[c.name]; ok {
		c.name = other
	}
	unsupported := func(what string) error {
		return fail(codeUnsupported, n.Location(), "%s is not supported in a materialized view", what).hint("%s", aggregateHint)
	}
	var ok bool
	if c.kept, ok = keptFunctions[c.name]; !ok {
		err := unsupported("the aggregate " + n.Str("function_name"))
		if why, ok := notKept[c.name]; ok {
			return nil, err.(*Error).hint("%s", why)
		}
		return nil, err
	}
	if n.Flag("export_state") {
		return nil, unsupported("EXPORT_STATE")
	}
	var err error
	if f := n.Child("filter"); f != nil {
		if c.filter, err = p.stage.addCondition(ctx, f); err != nil {
			return nil, err
		}
	}
	for _, a := range c.args {
		typeName, err := p.stage.typeOf(ctx, a)
		if err != nil {
			return nil, err
		}
		t, ok := holdable(typeName)
		if !ok {
			break
		}
		c.types = append(c.types, t)
	}
	bare := maps.Clone(n)
	bare["filter"] = nil // a condition is anything that casts to BOOLEAN
	if c.result, err = p.stage.typeOf(ctx, bare); err != nil {
		return nil, err
	}
	return c, c.check()
}

// countArgument says, for functions that return several values, which argument
// is their number.
var countArgument = map[string]int{"min": 1, "max": 1, "arg_min": 2, "arg_max": 2, "approx_top_k": 1}

// check refuses what DuckDB would refuse only when it computes a group: that
// would hold up the whole view.
func (c *call) check() error {
	if i, ok := countArgument[c.name]; ok && i < len(c.args) {
		n, scale, ok := ast.ConstDecimal(c.args[i])
		if !ok || scale != 0 || n.Sign() <= 0 || n.Cmp(big.NewInt(maxCount)) > 0 {
			return fail(codeInvalidParameter, c.args[i].Location(), "the number of values that %s returns must be a constant between 1 and %d",
				c.n.Str("function_name"), maxCount)
		}
	}
	if c.name == "avg" && c.result == "INTERVAL" {
		return fail(codeUnsupported, c.n.Location(), "avg over an INTERVAL is not supported in a materialized view").
			hint("take the mean of its length in seconds: epoch(x)")
	}
	return nil
}

const maxCount = 999_999

// native reports whether accumulators keep the call.
func (c *call) native() bool {
	k := &c.kept
	if len(k.funcs) == 0 || len(c.types) < len(c.args) || k.accept != nil && !k.accept(c.types) {
		return false
	}
	if slices.ContainsFunc(c.types, func(t batch.Type) bool { return t.Nested != nil }) && !c.nativeNested() {
		return false
	}
	if c.collated() {
		return false
	}
	if k.ordered && len(c.n.Child("order_bys").List("orders")) > 0 {
		return false
	}
	return !c.n.Flag("distinct") || k.distinct == distinctNone || len(c.args) == 1
}

// collated reports whether the call compares values by a collation.
func (c *call) collated() bool {
	switch c.kept.funcs[0] {
	case aggregate.Min, aggregate.Max:
		return hasCollation(c.args[0])
	case aggregate.ArgMin, aggregate.ArgMax, aggregate.ArgMinNull, aggregate.ArgMaxNull:
		return hasCollation(c.args[1])
	}
	return false
}

// nativeNested reports whether accumulators keep a call with nested arguments: they
// count them, all or the different ones, or pick one of them.
func (c *call) nativeNested() bool {
	switch c.kept.funcs[0] {
	case aggregate.Count:
		return !c.n.Flag("distinct") || comparable(c.types[0])
	case aggregate.First, aggregate.Last, aggregate.AnyValue, aggregate.ArgMin, aggregate.ArgMax, aggregate.ArgMinNull, aggregate.ArgMaxNull:
		return len(c.types) == 1 || c.types[1].Nested == nil
	}
	return false
}

// accumulate makes the accumulators of a call.
func (p *planner) accumulate(ctx context.Context, c *call) (ast.Node, error) {
	distinct := c.n.Flag("distinct") && c.kept.distinct == distinctSet
	k := p.refine(c, distinct)
	var args []int
	if k.funcs[0] != aggregate.CountStar {
		for _, a := range c.args {
			add := p.stage.add
			switch {
			case distinct:
				add = p.stage.addKey
			case k.funcs[0] == aggregate.Count: // which asks only for NULL
				add = p.stage.addRow
			}
			at, err := add(ctx, a)
			if err != nil {
				return nil, err
			}
			args = append(args, at)
		}
	}
	if k.event {
		at, err := p.eventTime(ctx)
		if err != nil {
			return nil, err
		}
		args = append(args, at...)
	}
	var columns []string
	for _, f := range k.funcs {
		own, err := p.columns(view.Aggregate{Func: f, Args: args, Filter: c.filter, Distinct: distinct})
		if err != nil {
			return nil, err
		}
		columns = append(columns, own...)
	}
	return p.value(ctx, c.n, k.value, columns)
}

// refine fits what is kept for a function to a call of it.
func (p *planner) refine(c *call, distinct bool) kept {
	k := c.kept
	switch c.name {
	case "count":
		if arg := c.args[0]; !distinct && arg.Class() == "CONSTANT" && !arg.Child("value").Flag("is_null") {
			k.funcs = []aggregate.Function{aggregate.CountStar}
		}
	case "sum":
		if aggregate.WideSum(c.types[0]) {
			k.value = "CASE WHEN $1 = 0 THEN $0 END"
		}
	case "avg":
		if !distinct { // so that sum and count of the same column are shared
			k.funcs = []aggregate.Function{aggregate.Sum, aggregate.Count}
		}
		k.value = meanSQL(c.types[0])
	}
	return k
}

// meanSQL is the mean as DuckDB computes it, a DOUBLE for every number; from a
// sum that may have left 128 bits, too.
func meanSQL(t batch.Type) string {
	sum, count := "$0::DOUBLE", "$1"
	if aggregate.WideSum(t) {
		sum, count = fmt.Sprintf("($0::DOUBLE + $1 * '3.402823669209384634633746e%d'::DOUBLE)", 38-int(t.Scale)), "$2"
	}
	return fmt.Sprintf("CASE WHEN %[2]s = 0 THEN NULL ELSE %[1]s / %[2]s END", sum, count)
}

// eventTime returns the argument by which first and last order rows, if the
// source has a watermark.
func (p *planner) eventTime(ctx context.Context) ([]int, error) {
	i := p.source.index(p.source.EventTime)
	if i < 0 {
		return nil, nil
	}
	at, err := p.stage.add(ctx, ast.NewColumn(p.source.Columns[i].Name))
	return []int{at}, err
}

// columns returns the names of an accumulator's state columns. Equal
// accumulators share them.
func (p *planner) columns(a view.Aggregate) ([]string, error) {
	at := slices.IndexFunc(p.def.Aggregates, func(b view.Aggregate) bool { return reflect.DeepEqual(a, b) })
	if at < 0 {
		at = len(p.def.Aggregates)
		p.def.Aggregates = append(p.def.Aggregates, a)
	}
	p.def.Exprs = p.stage.exprs
	first, err := p.def.FirstColumn(at)
	if err != nil {
		return nil, err
	}
	end, err := p.def.FirstColumn(at + 1)
	names := make([]string, end-first)
	for i := range names {
		names[i] = columnName("a", first+i)
	}
	return names, err
}

// value returns an expression over state columns, which it calls $0, $1, ….
func (p *planner) value(ctx context.Context, n ast.Node, sql string, columns []string) (ast.Node, error) {
	if sql == "$0" {
		return ast.NewColumn(columns[0]).In(n), nil
	}
	var pairs []string
	for i := range slices.Backward(columns) { // $10 before $1
		pairs = append(pairs, fmt.Sprint("$", i), columns[i])
	}
	items, err := parseItems(ctx, p.b, "SELECT "+strings.NewReplacer(pairs...).Replace(sql))
	if err != nil {
		return nil, err
	}
	return items[0].In(n), nil
}
