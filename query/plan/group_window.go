package plan

import (
	"strings"

	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
	"github.com/millstream-db/millstream/query/plan/token"
)

// GROUP BY TUMBLE(ts, INTERVAL '1 minute') is how SQL spelled windows before
// there were window functions in FROM. It is read as those.

// boundFunctions are the functions over a window of GROUP BY, without the name
// of the window in front, and what they are here.
var boundFunctions = map[string]string{"_start": ast.WindowStart, "_end": ast.WindowEnd, "_rowtime": ast.WindowTime}

// WindowBound reports whether a function, in lower case, gives a bound of a
// window of GROUP BY, as TUMBLE_START(ts, INTERVAL '1 minute') does.
func WindowBound(function string) bool {
	_, column := boundOf(function)
	return column != ""
}

// boundOf returns the window function, in capitals, and the column of its
// windows that a function gives, "" for none.
func boundOf(function string) (name, column string) {
	for _, name := range token.WindowFunctions {
		if column := boundFunctions[strings.TrimPrefix(function, strings.ToLower(name))]; column != "" {
			return name, column
		}
	}
	return "", ""
}

// groupWindow returns the SELECT with a window function of GROUP BY, if it has
// one, as if it stood in FROM.
func (s *statement) groupWindow(sel ast.Node) (ast.Node, error) {
	exprs := sel.List("group_expressions")
	at := -1
	for i, n := range exprs {
		if n.Class() == "FUNCTION" && windowParameters[strings.ToUpper(n.Str("function_name"))].named > 0 && isBuiltinSchema(n.Str("schema")) {
			if at >= 0 || s.from.window != nil {
				return nil, fail(codeUnsupported, n.Location(), "a view has one window function").hint("group by one of them")
			}
			at = i
		}
	}
	if at < 0 {
		return sel, nil
	}
	call := exprs[at]
	c := &windowCall{name: strings.ToUpper(call.Str("function_name")), offset: call.Location()}
	c.spec.Kind = windowKinds[c.name]
	params := windowParameters[c.name]
	usage := "write FROM " + params.usage
	args := call.List("children")
	nodes := make(map[string]ast.Node)
	if len(args) < 2 || len(args) > params.named-1 {
		return nil, fail(codeSyntax, c.offset, "%s in GROUP BY takes a time column and the lengths of its windows", c.name).hint("%s", usage)
	}
	names := args[0].Strings("column_names")
	if c.at = args[0].Location(); args[0].Class() != "COLUMN_REF" || len(names) > 2 {
		return nil, fail(codeSyntax, c.at, "the first argument of %s in GROUP BY is a column of the source", c.name).hint("%s", usage)
	}
	c.column = names[len(names)-1]
	for i, arg := range args[1:] {
		nodes[params.names[i+2]] = arg
	}
	for _, name := range params.names[2:params.named] {
		if nodes[name] == nil && name != "offset" {
			return nil, fail(codeSyntax, c.offset, "%s in GROUP BY needs its %s", c.name, name).hint("%s", usage)
		}
	}
	if err := c.readSpec(&windowArguments{s: s, call: c, nodes: nodes}); err != nil {
		return nil, err
	}
	if c.spec.Kind == window.Session { // sessions are those of the other keys
		for i, n := range exprs {
			if name, _ := boundOf(n.Str("function_name")); i != at && name == "" {
				c.keys = append(c.keys, n)
			}
		}
	}
	s.from.window = c
	key := ast.WithoutLocations(ast.Node{"class": "ARGS", "list": call["children"]}).Key()
	return s.withBounds(sel, c, key)
}

// withBounds puts the columns of the windows in the place of the window function
// in GROUP BY and of the functions of its bounds.
func (s *statement) withBounds(n ast.Node, c *windowCall, args string) (ast.Node, error) {
	return ast.MapChildren(n, func(child ast.Node) (ast.Node, error) {
		function := child.Str("function_name")
		name, column := boundOf(function)
		if strings.EqualFold(function, c.name) {
			name, column = c.name, ast.WindowEnd // which tells windows of every kind apart
		}
		if child.Class() != "FUNCTION" || column == "" {
			return s.withBounds(child, c, args)
		}
		if key := ast.WithoutLocations(ast.Node{"class": "ARGS", "list": child["children"]}).Key(); name != c.name || key != args {
			return nil, fail(codeGrouping, child.Location(), "%s is not of the window in GROUP BY", strings.ToUpper(function)).
				hint("give it the same arguments as %s in GROUP BY", c.name)
		}
		return ast.NewColumn(column).In(child), nil
	})
}
