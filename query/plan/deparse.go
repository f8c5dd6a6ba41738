package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/query/plan/ast"
)

// deparse returns the SQL text of a SELECT_NODE.
func deparse(ctx context.Context, b Binder, sel ast.Node) (string, error) {
	out, err := printable(sel)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{
		"error":      false,
		"statements": []any{map[string]any{"node": out, "named_param_map": []any{}}},
	})
	if err != nil {
		return "", fmt.Errorf("encode syntax tree: %w", err)
	}
	sql, err := b.Deserialize(ctx, text)
	if err != nil {
		return "", fmt.Errorf("deparse: %w", err)
	}
	return sql, nil
}

// printable returns n as DuckDB can print it without changing its meaning: it
// prints a DOUBLE constant such as 1e3 as 1000.0, which would be read back as a
// DECIMAL, so such constants become casts.
func printable(n ast.Node) (ast.Node, error) {
	return ast.MapChildren(n, func(c ast.Node) (ast.Node, error) {
		out, err := printable(c)
		if err != nil {
			return nil, err
		}
		delete(out, ast.LambdaMark)
		value := c.Child("value")
		if c.Class() != "CONSTANT" || value.Child("type").Str("id") != "DOUBLE" || value.Flag("is_null") {
			return out, nil
		}
		number, ok := value["value"].(json.Number)
		if !ok {
			return nil, fail(codeUnsupported, c.Location(), "this number is too large")
		}
		cast := ast.NewCast(ast.NewString(number.String()), "DOUBLE")
		cast["alias"] = c["alias"]
		return cast, nil
	})
}

// deparseExpr returns the SQL text of one expression, without its alias.
func deparseExpr(ctx context.Context, b Binder, n ast.Node) (string, error) {
	item := n.In(ast.Node{"query_location": n["query_location"]})
	sql, err := deparse(ctx, b, ast.NewSelect([]any{item}, map[string]any{"type": "EMPTY", "alias": "", "sample": nil}))
	if err != nil {
		return "", err
	}
	text, ok := strings.CutPrefix(sql, "SELECT ")
	if !ok {
		return "", fmt.Errorf("deparse: unexpected text %q", sql)
	}
	return text, nil
}
