package plan

import (
	"context"
	"fmt"
	"strings"
)

// parseItems returns the SELECT list of a SELECT that the planner wrote itself.
func parseItems(ctx context.Context, b Binder, sql string) ([]node, error) {
	sel, err := parseOwn(ctx, b, sql)
	return sel.list("select_list"), err
}

func parseOwn(ctx context.Context, b Binder, sql string) (node, error) {
	text, err := b.Serialize(ctx, sql)
	if err != nil {
		return nil, err
	}
	doc, err := decode(text)
	if err != nil {
		return nil, err
	}
	statements := node(doc).list("statements")
	if len(statements) != 1 {
		return nil, fmt.Errorf("parse %q: %s", sql, node(doc).str("error_message"))
	}
	return withoutLocations(statements[0].child("node")), nil
}

// withoutLocations forgets the places of a tree that is not the user's text.
func withoutLocations(n node) node {
	out, _ := mapChildren(n, func(c node) (node, error) { return withoutLocations(c), nil })
	delete(out, "query_location")
	return out
}

// quote returns the identifier in double quotes.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
