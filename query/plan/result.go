package plan

import (
	"context"
	"strings"
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
	case isGrouping(n):
		return p.grouping(ctx, n)
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

const anonymous = "?column?" // Postgres's name of a column that has none

// outputName is the name of a SELECT item: its alias, its column, or its
// function, as in Postgres.
func (p *planner) outputName(it item) string {
	if it.alias != "" {
		return it.alias
	}
	if names := it.resolved.strings("column_names"); len(names) == 1 && it.written.class() == "COLUMN_REF" {
		written := it.written.strings("column_names")
		if i := p.res.source.index(names[0]); i >= 0 && strings.EqualFold(names[0], written[len(written)-1]) {
			return p.res.source.Columns[i].Name
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
	case "WINDOW":
		return strings.ToLower(n.str("function_name"))
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
		if isGrouping(n) {
			return "grouping"
		}
	}
	return anonymous
}
