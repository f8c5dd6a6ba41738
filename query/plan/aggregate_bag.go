package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// bag is a Bag among the definition's aggregates: calls with the same FILTER
// share one. DuckDB computes them over the bag's rows, by group.
type bag struct {
	at    int      // among the aggregates
	keys  []string // of its arguments
	calls []string // as SQL; the result of call j is the column b<at>_<j>
}

// columns are the names of the calls' results.
func (b *bag) columns() []string {
	names := make([]string, len(b.calls))
	for j := range names {
		names[j] = fmt.Sprintf("b%d_%d", b.at, j)
	}
	return names
}

// bagRelation is the relation that planning describes calls over.
func bagRelation(at int) string { return fmt.Sprint("ms_bag", at) }

func bagPlaceholder(at int) string { return fmt.Sprintf("{{bag%d}}", at) }

// bag keeps the arguments of a call and returns the column of its result.
func (p *planner) bag(ctx context.Context, c *call) (ast.Node, error) {
	b := p.bagOf(c.filter)
	n, err := p.overBag(ctx, b, c)
	if err != nil {
		return nil, err
	}
	sql, err := p.overBagSQL(ctx, n, c.kept.squares)
	if err != nil {
		return nil, err
	}
	if c.kept.empty != "" {
		sql = fmt.Sprintf("coalesce(%s, %s)", sql, c.kept.empty)
	}
	j := slices.Index(b.calls, sql)
	if j < 0 {
		j = len(b.calls)
		b.calls = append(b.calls, sql)
	}
	name := b.columns()[j]
	if c.kept.empty != "" { // a group that no row has entered
		return p.value(ctx, c.n, fmt.Sprintf("coalesce($0, %s)", c.kept.empty), []string{name})
	}
	return ast.NewColumn(name).In(c.n), nil
}

// squaresBound is the largest number whose fourth power is far from overflow.
const squaresBound = "1e70"

// overBagSQL is a call over a bag's rows as SQL. DuckDB raises an error where
// the squares of numbers are not finite, and TRY does not go around aggregates:
// one group must not keep all others from being read, so it has NULL instead.
func (p *planner) overBagSQL(ctx context.Context, n ast.Node, squares bool) (string, error) {
	if !squares {
		return deparseExpr(ctx, p.b, n)
	}
	var tooLarge []string
	n, err := ast.MapChildren(n, func(arg ast.Node) (ast.Node, error) {
		if arg.Class() != "COLUMN_REF" {
			return arg, nil
		}
		name := arg.Strings("column_names")[0]
		large := fmt.Sprintf("abs(%s::DOUBLE) >= %s", name, squaresBound)
		tooLarge = append(tooLarge, "coalesce(bool_or("+large+"), false)")
		return p.value(ctx, arg, "CASE WHEN NOT "+large+" THEN $0 END", []string{name})
	})
	if err != nil {
		return "", err
	}
	sql, err := deparseExpr(ctx, p.b, n)
	if err != nil || tooLarge == nil {
		return sql, err
	}
	return "CASE WHEN NOT (" + strings.Join(tooLarge, " OR ") + ") THEN " + sql + " END", nil
}

// bagOf returns the bag of the rows that a FILTER lets through.
func (p *planner) bagOf(filter int) *bag {
	for _, b := range p.bags {
		if p.def.Aggregates[b.at].Filter == filter {
			return b
		}
	}
	b := &bag{at: len(p.def.Aggregates)}
	p.bags = append(p.bags, b)
	p.def.Aggregates = append(p.def.Aggregates, view.Aggregate{Func: aggregate.Bag, Filter: filter})
	return b
}

// overBag returns a call over the rows of its bag.
func (p *planner) overBag(ctx context.Context, b *bag, c *call) (ast.Node, error) {
	n := maps.Clone(c.n)
	n["filter"] = nil
	n, err := ast.MapChildren(n, func(arg ast.Node) (ast.Node, error) {
		kept, err := p.keepArgument(ctx, b, arg)
		if err == nil && kept.Class() != "COLUMN_REF" && ast.Find(kept, isColumn) != nil && arg.Class() != "LAMBDA" && !hasCollation(arg) {
			kept = ast.NewTry(kept) // what fails for one row is NULL, as in stage one; TRY has no collation
		}
		return kept, err
	})
	if err != nil || !c.kept.arrival || len(c.args) == 0 || n.Flag("distinct") {
		return n, err
	}
	orders, _ := n.Child("order_bys")["orders"].([]any)
	orders = slices.Clone(orders)
	if i := p.source.index(p.source.EventTime); i >= 0 && c.kept.event && len(orders) == 0 {
		nulls := "NULLS LAST"
		if c.name == "last" {
			nulls = "NULLS FIRST"
		}
		ts, err := p.keepArgument(ctx, b, ast.NewColumn(p.source.Columns[i].Name))
		if err != nil {
			return nil, err
		}
		orders = append(orders, newOrder(ts, "ASCENDING", nulls))
	}
	by := maps.Clone(n.Child("order_bys"))
	by["orders"] = append(orders, newOrder(ast.NewColumn("n"), "ORDER_DEFAULT", "ORDER_DEFAULT"))
	n["order_bys"] = by
	return n, nil
}

func newOrder(n ast.Node, direction, nulls string) ast.Node {
	return ast.Node{"type": direction, "null_order": nulls, "expression": n}
}

// keepArgument makes an argument a column of the bag. Of what a column cannot
// hold, the parts are kept; of what depends on no column, nothing.
func (p *planner) keepArgument(ctx context.Context, b *bag, n ast.Node) (ast.Node, error) {
	if ast.Find(n, isColumn) == nil {
		return n, nil
	}
	typeName, ok := "", n.Class() != "LAMBDA" && !hasFreeParameter(n, nil)
	if ok {
		var err error
		if typeName, err = p.stage.typeOf(ctx, n); err != nil {
			return nil, err
		}
		_, ok = holdable(typeName)
		ok = ok && !collated(n, typeName) // which a column is not
	}
	if !ok && n.Class() == "COLUMN_REF" && !isLambdaParameter(n) {
		return nil, typeError(n, "this argument", typeName)
	}
	if !ok {
		return ast.MapChildren(n, func(part ast.Node) (ast.Node, error) { return p.keepArgument(ctx, b, part) })
	}
	key := n.Key()
	i := slices.Index(b.keys, key)
	if i < 0 {
		at, err := p.stage.add(ctx, n)
		if err != nil {
			return nil, err
		}
		i = len(b.keys)
		b.keys = append(b.keys, key)
		a := &p.def.Aggregates[b.at]
		a.Args = append(a.Args, at)
	}
	return ast.NewColumn(columnName("v", i)).In(n), nil
}

// hasFreeParameter reports whether n refers to the parameter of a lambda that it is
// in. bound are those of lambdas in it.
func hasFreeParameter(n ast.Node, bound []string) (free bool) {
	if isLambdaParameter(n) {
		name := n.Strings("column_names")[0]
		return !slices.ContainsFunc(bound, func(b string) bool { return strings.EqualFold(b, name) })
	}
	if n.Class() == "LAMBDA" {
		bound = slices.Concat(bound, lambdaParameters(n))
	}
	_, _ = ast.MapChildren(n, func(c ast.Node) (ast.Node, error) {
		free = free || hasFreeParameter(c, bound)
		return c, nil
	})
	return free
}

func isLambdaParameter(n ast.Node) bool { return n.Flag(ast.LambdaMark) }

// withBags joins the results of calls over bags to the state's relation.
func (p *planner) withBags(state string, bag func(at int) string) string {
	for _, b := range p.bags {
		items := []string{"g"}
		for j, name := range b.columns() {
			items = append(items, b.calls[j]+" AS "+name)
		}
		state += fmt.Sprintf(" LEFT JOIN (SELECT %s FROM %s GROUP BY g) AS b%d USING (g)", strings.Join(items, ", "), bag(b.at), b.at)
	}
	return state
}

// bagTables are the relations behind bags, for planning.
func (p *planner) bagTables() map[string][]batch.Column {
	tables := make(map[string][]batch.Column)
	for _, b := range p.bags {
		number := batch.Type{Kind: batch.BigInt}
		columns := []batch.Column{{Name: "g", Type: number}, {Name: "n", Type: number}}
		for i, arg := range p.def.Aggregates[b.at].Args {
			columns = append(columns, batch.Column{Name: columnName("v", i), Type: p.stage.exprs[arg].Type})
		}
		tables[bagRelation(b.at)] = columns
	}
	return tables
}
