package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
)

// statePlaceholder stands for the state's relation in Definition.Result.
const statePlaceholder = "{{state}}"

// afterAggregation returns an expression of the SELECT list or of HAVING over
// the state's columns.
func (p *planner) afterAggregation(ctx context.Context, n node) (node, error) {
	if name, ok := p.groups[n.key()]; ok {
		return newColumn(name).in(n), nil
	}
	switch {
	case isAggregate(n):
		return p.aggregate(ctx, n)
	case n.class() == "COLUMN_REF" && !n.flag(lambdaMark):
		return nil, p.ungrouped(n, strings.Join(n.strings("column_names"), "."))
	case n.class() == classWindow:
		return nil, p.ungrouped(n, n.kind())
	}
	return mapChildren(n, func(c node) (node, error) { return p.afterAggregation(ctx, c) })
}

func (p *planner) ungrouped(n node, name string) error {
	return fail(codeGrouping, n.location(), "column %q must appear in the GROUP BY clause or be used in an aggregate function", name)
}

// output is a column of the result before it has its final type.
type output struct {
	name, sql string
	n         node
}

// planResult writes stage three: the SELECT list and HAVING over the state.
func (p *planner) planResult(ctx context.Context, having node) error {
	var outputs []output
	for i, it := range p.res.items {
		n, err := p.afterAggregation(ctx, it.resolved)
		if err != nil {
			return err
		}
		name := p.outputName(it)
		for _, o := range outputs {
			if strings.EqualFold(o.name, name) {
				return fail(codeDuplicateColumn, it.written.location(), "column %q specified more than once", name).
					hint("give one of them an alias: … AS name")
			}
		}
		outputs = append(outputs, output{name: name, n: n})
		if outputs[i].sql, err = deparseExpr(ctx, p.b, n); err != nil {
			return err
		}
	}
	condition, err := p.planHaving(ctx, having)
	if err != nil {
		return err
	}
	if p.def.Window == nil && len(p.def.Keys)+len(p.def.Aggregates) == 0 {
		// The state has at least one column, even if the result reads none.
		p.def.Aggregates = append(p.def.Aggregates, view.Aggregate{Func: aggregate.CountStar, Filter: -1})
	}
	if err := p.planColumns(ctx, outputs, condition); err != nil {
		return err
	}
	p.def.Result = resultSQL(tolerant(outputs), try(condition), statePlaceholder)
	if strings.Count(p.def.Result, statePlaceholder) != 1 {
		return fail(codeUnsupported, -1, "a materialized view cannot contain the text %s", statePlaceholder)
	}
	return nil
}

// tolerant returns the outputs with NULL in place of an error. One group whose
// value can't be computed must not keep a checkpoint from moving its window
// into history, nor hide the other groups from readers; stage one treats a
// batch's rows in the same way.
func tolerant(outputs []output) []output {
	out := make([]output, len(outputs))
	for i, o := range outputs {
		if o.n.class() != "COLUMN_REF" {
			o.sql = try(o.sql)
		}
		out[i] = o
	}
	return out
}

func try(sql string) string {
	if sql == "" {
		return ""
	}
	return "TRY(" + sql + ")"
}

func (p *planner) planHaving(ctx context.Context, having node) (string, error) {
	if having == nil {
		return "", nil
	}
	n, err := p.afterAggregation(ctx, having)
	if err != nil {
		return "", err
	}
	state, err := p.state()
	if err != nil {
		return "", err
	}
	sql, _, err := state.typeOf(ctx, n)
	return sql, err
}

func resultSQL(outputs []output, condition, relation string) string {
	items := make([]string, len(outputs))
	for i, o := range outputs {
		items[i] = o.sql + " AS " + quote(o.name)
	}
	sql := "SELECT " + strings.Join(items, ", ") + " FROM " + relation
	if condition != "" {
		sql += " WHERE " + condition
	}
	return sql
}

// state describes expressions over the state's columns.
func (p *planner) state() (*binding, error) {
	p.def.Exprs = p.stage.exprs
	columns, err := p.def.StateColumns()
	return &binding{b: p.b, relation: stateRelation, columns: columns}, err
}

// planColumns gives every output the type that it has in DuckDB: what the
// statement yields over the source decides, and a cast makes up a difference.
func (p *planner) planColumns(ctx context.Context, outputs []output, condition string) error {
	state, err := p.state()
	if err != nil {
		return err
	}
	sql := resultSQL(outputs, condition, stateRelation)
	have, err := state.describe(ctx, sql)
	if err != nil {
		for _, o := range outputs {
			if _, _, err := state.typeOf(ctx, o.n); err != nil {
				return err
			}
		}
		return bindError(-1, err)
	}
	want, err := p.original(ctx)
	if err != nil {
		return err
	}
	if len(have) != len(outputs) || len(want) != len(outputs) {
		return fmt.Errorf("describe view: %d and %d columns for %d outputs", len(have), len(want), len(outputs))
	}
	for i := range outputs {
		o := &outputs[i]
		t, ok := representable(want[i].Type)
		if !ok {
			return typeError(p.res.items[i].written, fmt.Sprintf("column %q", o.name), want[i].Type)
		}
		if have[i].Type != want[i].Type {
			o.sql = "CAST(" + o.sql + " AS " + want[i].Type + ")"
		}
		p.def.Columns = append(p.def.Columns, batch.Column{Name: o.name, Type: t})
	}
	return nil
}

// original describes the statement itself over an empty source.
func (p *planner) original(ctx context.Context) ([]Field, error) {
	list := make([]any, len(p.res.items))
	for i, it := range p.res.items {
		list[i] = it.written
	}
	sql, err := p.st.over(ctx, p.b, sourceRelation, list)
	if err != nil {
		return nil, err
	}
	fields, err := p.stage.describe(ctx, sql)
	if err != nil {
		return nil, bindError(-1, err)
	}
	return fields, nil
}

const anonymous = "?column?" // Postgres's name of a column that has none

// outputName is the name of a SELECT item: its alias, its column, or its
// function, as in Postgres.
func (p *planner) outputName(it item) string {
	if it.alias != "" {
		return it.alias
	}
	if i := p.stage.columnIndex(it.resolved); i >= 0 && it.written.class() == "COLUMN_REF" {
		written := it.written.strings("column_names")
		if name := p.source.Columns[i].Name; strings.EqualFold(name, written[len(written)-1]) {
			return name
		}
	}
	return expressionName(it.written)
}

func expressionName(n node) string {
	switch n.class() {
	case "COLUMN_REF":
		names := n.strings("column_names")
		if last := names[len(names)-1]; !strings.EqualFold(last, windowStart) && !strings.EqualFold(last, windowEnd) {
			return last
		}
		return strings.ToLower(names[len(names)-1])
	case "FUNCTION":
		if n.function("count_star") {
			return "count"
		}
		if !n.flag("is_operator") {
			return strings.ToLower(n.str("function_name"))
		}
	case "CAST":
		if name := expressionName(n.child("child")); name != anonymous {
			return name
		}
		return strings.ToLower(n.child("cast_type").str("id"))
	case "COLLATE":
		return expressionName(n.child("child"))
	case "CASE":
		return "case"
	case "OPERATOR":
		if n.kind() == "OPERATOR_COALESCE" {
			return "coalesce"
		}
	}
	return anonymous
}
