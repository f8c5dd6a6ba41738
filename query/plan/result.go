package plan

import (
	"context"
	"strings"

	"github.com/millstream-db/millstream/query/plan/ast"
)

// statePlaceholder stands for the state's relation in Definition.Result.
const statePlaceholder = "{{state}}"

// afterAggregation returns an expression of the SELECT list or of HAVING over
// the state's columns.
func (p *planner) afterAggregation(ctx context.Context, n ast.Node) (ast.Node, error) {
	if name, ok := p.groups[n.Key()]; ok {
		return ast.NewColumn(name).In(n), nil
	}
	switch {
	case isAggregate(n):
		return p.aggregate(ctx, n)
	case isGrouping(n):
		return p.grouping(ctx, n)
	case n.Class() == "COLUMN_REF" && !n.Flag(ast.LambdaMark):
		return nil, p.ungrouped(n, strings.Join(n.Strings("column_names"), "."))
	case n.Class() == ast.ClassWindow:
		return nil, p.ungrouped(n, n.Kind())
	}
	return ast.MapChildren(n, func(c ast.Node) (ast.Node, error) { return p.afterAggregation(ctx, c) })
}

func (p *planner) ungrouped(n ast.Node, name string) error {
	return fail(codeGrouping, n.Location(), "column %q must appear in the GROUP BY clause or be used in an aggregate function", name)
}

const anonymous = "?column?" // Postgres's name of a column that has none

// outputName is the name of a SELECT item: its alias, its column, or its
// function, as in Postgres.
func (p *planner) outputName(it item) string {
	if it.alias != "" {
		return it.alias
	}
	if names := it.resolved.Strings("column_names"); len(names) == 1 && it.written.Class() == "COLUMN_REF" {
		written := it.written.Strings("column_names")
		if i := p.res.source.index(names[0]); i >= 0 && strings.EqualFold(names[0], written[len(written)-1]) {
			return p.res.source.Columns[i].Name
		}
	}
	return expressionName(it.written)
}

func expressionName(n ast.Node) string {
	switch n.Class() {
	case "COLUMN_REF":
		names := n.Strings("column_names")
		if last := names[len(names)-1]; !strings.EqualFold(last, ast.WindowStart) && !strings.EqualFold(last, ast.WindowEnd) {
			return last
		}
		return strings.ToLower(names[len(names)-1])
	case "WINDOW":
		return strings.ToLower(n.Str("function_name"))
	case "FUNCTION":
		if n.IsCall("count_star") {
			return "count"
		}
		if !n.Flag("is_operator") {
			return strings.ToLower(n.Str("function_name"))
		}
	case "CAST":
		if name := expressionName(n.Child("child")); name != anonymous {
			return name
		}
		return strings.ToLower(n.Child("cast_type").Str("id"))
	case "COLLATE":
		return expressionName(n.Child("child"))
	case "CASE":
		return "case"
	case "OPERATOR":
		if n.Kind() == "OPERATOR_COALESCE" {
			return "coalesce"
		}
		if isGrouping(n) {
			return "grouping"
		}
	}
	return anonymous
}
