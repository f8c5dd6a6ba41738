package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/query/plan/ast"
)

// parseItems returns the SELECT list of a SELECT that the planner wrote itself.
func parseItems(ctx context.Context, b Binder, sql string) ([]ast.Node, error) {
	sel, err := parseOwn(ctx, b, sql)
	return sel.List("select_list"), err
}

func parseOwn(ctx context.Context, b Binder, sql string) (ast.Node, error) {
	text, err := b.Serialize(ctx, sql)
	if err != nil {
		return nil, err
	}
	doc, err := ast.Decode(text)
	if err != nil {
		return nil, err
	}
	statements := ast.Node(doc).List("statements")
	if len(statements) != 1 {
		return nil, fmt.Errorf("parse %q: %s", sql, ast.Node(doc).Str("error_message"))
	}
	return ast.WithoutLocations(statements[0].Child("node")), nil
}

// quote returns the identifier in double quotes.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
