package plan

import (
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/plan/ast"
)

// clause is a part of the SELECT, each with its own rules for names.
type clause uint8

const (
	inSelect clause = iota
	inWhere
	inGroup
	inHaving
)

// scope is what a name can refer to at one place of the statement.
type scope struct {
	clause    clause
	aliases   int      // the first so many SELECT items are visible by their aliases
	aggregate bool     // inside an aggregate's arguments, where aliases are not visible
	over      bool     // inside a window function
	params    []string // of the lambdas around
}

// item is one column of the SELECT list.
type item struct {
	alias string
	written,
	resolved ast.Node
}

// resolver replaces names by what they refer to. In its results a COLUMN_REF
// names a column of the source in the source's spelling (perhaps with fields of
// a JSON value behind it), columns of a window have the class [ast.ClassWindow], and
// aliases have been replaced by what they stand for.
type resolver struct {
	source *Source
	from   *relation
	items  []item
	groups map[string]bool // keys of the group expressions, for HAVING
}

// resolve returns n with all its names replaced.
func (r *resolver) resolve(n ast.Node, sc scope) (ast.Node, error) {
	switch n.Class() {
	case "COLUMN_REF":
		return r.column(n, sc)
	case "FUNCTION":
		return r.function(n, sc)
	case "WINDOW":
		if err := overClause(n, sc); err != nil {
			return nil, err
		}
		sc.over = true
	case "OPERATOR":
		if isGrouping(n) {
			if err := checkGrouping(n, sc); err != nil {
				return nil, err
			}
		}
	}
	if err := refuse(n); err != nil {
		return nil, err
	}
	return ast.MapChildren(n, func(c ast.Node) (ast.Node, error) { return r.resolve(c, sc) })
}

// refuse returns an error for the expressions that no view has.
func refuse(n ast.Node) error {
	at := n.Location()
	switch n.Class() {
	case "SUBQUERY":
		return fail(codeUnsupported, at, "subqueries are not supported in a materialized view").
			hint("write the subquery in the query that reads the view")
	case "POSITIONAL_REFERENCE":
		return fail(codeUnsupported, at, "positional references such as #1 are not supported in a materialized view").
			hint("write the column's name")
	case "DEFAULT":
		return fail(codeSyntax, at, "DEFAULT is not allowed here")
	case "STAR":
		return fail(codeUnsupported, at, "* and COLUMNS are not supported here in a materialized view").
			hint("list the columns")
	}
	return nil
}

func (r *resolver) function(n ast.Node, sc scope) (ast.Node, error) {
	n, err := r.method(n, sc)
	if err != nil {
		return nil, err
	}
	name := n.Str("function_name")
	if isBuiltinSchema(n.Str("schema")) {
		if reason, ok := volatileNames[name]; ok && !n.Flag("is_operator") {
			return nil, volatileError(n, name, reason)
		}
		if name == "unnest" {
			return nil, fail(codeUnsupported, n.Location(), "unnest makes several rows of one, which a materialized view does not").
				hint("take elements by their place, as in items[1], or compute with the whole list: len, list_sum, list_transform, list_filter; or unnest in the query that reads the view")
		}
		if name == "age" && len(n.List("children")) == 1 {
			return nil, volatileError(n, name, moment)
		}
	}
	if isAggregate(n) {
		if sc.aggregate {
			return nil, fail(codeGrouping, n.Location(), "aggregate function calls cannot be nested")
		}
		sc.aggregate = true
	}
	return ast.MapChildren(n, func(c ast.Node) (ast.Node, error) {
		if c.Class() == "LAMBDA" && lambdaNames[name] {
			return r.lambda(c, sc)
		}
		return r.resolve(c, sc)
	})
}

func volatileError(n ast.Node, name, reason string) error {
	return fail(codeUnsupported, n.Location(), "%s %s", name, reason).
		hint("call it in the query that reads the view")
}

// method turns country.upper(), which the parser takes for the function upper
// of the schema country, into upper(country).
func (r *resolver) method(n ast.Node, sc scope) (ast.Node, error) {
	schema := n.Str("schema")
	if isBuiltinSchema(schema) {
		return n, nil
	}
	names := []string{schema}
	if catalog := n.Str("catalog"); catalog != "" {
		names = []string{catalog, schema}
	}
	receiver := ast.NewColumn(names...).In(ast.Node{"query_location": n["query_location"]})
	if _, err := r.column(receiver, sc); err != nil {
		return nil, fail(codeUndefinedFunction, n.Location(), "function %s.%s does not exist", strings.Join(names, "."), n.Str("function_name"))
	}
	out, err := ast.MapChildren(n, func(c ast.Node) (ast.Node, error) { return c, nil })
	if err != nil {
		return nil, err
	}
	rest, _ := out["children"].([]any)
	out["schema"], out["catalog"], out["children"] = "", "", append([]any{receiver}, rest...)
	return out, nil
}

// lambda resolves the body of a lambda; its parameters hide the columns.
func (r *resolver) lambda(n ast.Node, sc scope) (ast.Node, error) {
	sc.params = slices.Concat(sc.params, lambdaParameters(n))
	return ast.MapChildren(n, func(c ast.Node) (ast.Node, error) {
		if c.Class() == "COLUMN_REF" || c.IsCall("row") {
			if marked, ok := r.markParams(c, sc); ok {
				return marked, nil
			}
		}
		return r.resolve(c, sc)
	})
}

func lambdaParameters(n ast.Node) (params []string) {
	lhs := []ast.Node{n.Child("lhs")}
	if lhs[0].Class() == "FUNCTION" {
		lhs = lhs[0].List("children")
	}
	for _, param := range lhs {
		if names := param.Strings("column_names"); len(names) == 1 {
			params = append(params, names[0])
		}
	}
	return params
}

// markParams marks references to lambda parameters, so that they are not taken
// for columns later.
func (r *resolver) markParams(n ast.Node, sc scope) (ast.Node, bool) {
	all := true
	out, _ := ast.MapChildren(n, func(c ast.Node) (ast.Node, error) {
		marked, ok := r.markParams(c, sc)
		all = all && ok
		return marked, nil
	})
	if n.Class() == "COLUMN_REF" {
		names := n.Strings("column_names")
		all = slices.ContainsFunc(sc.params, func(p string) bool { return strings.EqualFold(p, names[0]) })
		out[ast.LambdaMark] = true
	}
	return out, all
}

// column resolves a reference to a column, an alias or a keyword.
func (r *resolver) column(n ast.Node, sc scope) (ast.Node, error) {
	if marked, ok := r.markParams(n, sc); ok {
		return marked, nil
	}
	names := n.Strings("column_names")
	if err := r.checkAmbiguous(n, names); err != nil {
		return nil, err
	}
	unqualified := r.unqualified(names)
	if len(names) == 1 && sc.clause == inHaving && !sc.aggregate {
		// In HAVING a group's column comes before an alias, and an alias before
		// a column: the reverse of every other clause.
		if c := r.sourceColumn(n, unqualified); c == nil || !r.groups[c.Key()] {
			if alias := r.alias(names[0], sc); alias != nil {
				return alias.In(n), nil
			}
		}
	}
	if c := r.sourceColumn(n, unqualified); c != nil {
		return c, r.checkFields(n, unqualified)
	}
	if len(names) == 1 {
		if alias := r.alias(names[0], sc); alias != nil && !sc.aggregate {
			return alias.In(n), nil
		}
		if reason, ok := volatileNames[strings.ToLower(names[0])]; ok {
			return nil, volatileError(n, strings.ToLower(names[0]), reason)
		}
	}
	return nil, r.unknown(n, names, unqualified, sc)
}

// unqualified removes the relation's name from the front of a column's name.
func (r *resolver) unqualified(names []string) []string {
	if len(r.from.joins) > 0 {
		if found, _ := r.joined(names); found != nil {
			return found
		}
		return names
	}
	if len(names) > 1 && strings.EqualFold(names[0], r.from.qualifier()) {
		return names[1:]
	}
	return names
}

// sourceColumn returns the reference in the source's spelling, or nil.
func (r *resolver) sourceColumn(n ast.Node, names []string) ast.Node {
	i := r.source.index(names[0])
	switch {
	case i >= 0:
		return ast.NewColumn(append([]string{r.source.Columns[i].Name}, names[1:]...)...).In(n)
	case r.from.window == nil || len(names) > 1:
		return nil
	case strings.EqualFold(names[0], ast.WindowStart):
		return ast.NewBound(ast.WindowStart).In(n)
	case strings.EqualFold(names[0], ast.WindowEnd):
		return ast.NewBound(ast.WindowEnd).In(n)
	case strings.EqualFold(names[0], ast.WindowTime):
		return ast.NewWindowTime().In(n)
	}
	return nil
}

// checkFields refuses a.b where a is a column without fields, or without that one.
func (r *resolver) checkFields(n ast.Node, names []string) error {
	if len(names) == 1 {
		return nil
	}
	column := r.source.Columns[r.source.index(names[0])]
	t := column.Type
	for _, name := range names[1:] {
		if t.Kind == batch.JSON {
			return nil
		}
		if t.Kind != batch.Struct {
			e := fail(codeUndefinedColumn, n.Location(), "column %q is a %s and has no field %q", column.Name, column.Type, name)
			if t.Nested != nil {
				return e.hint("take an element first, as in %s[1], or %s['key'] of a MAP", column.Name, column.Name)
			}
			return e
		}
		fields := t.Children()
		i := slices.IndexFunc(fields, func(f batch.Column) bool { return strings.EqualFold(f.Name, name) })
		if i < 0 {
			return fail(codeUndefinedColumn, n.Location(), "column %q is a %s and has no field %q", column.Name, column.Type, name)
		}
		t = fields[i].Type
	}
	return nil
}

// alias returns what a SELECT item's alias stands for, or nil.
func (r *resolver) alias(name string, sc scope) ast.Node {
	for _, it := range r.items[:min(sc.aliases, len(r.items))] {
		if it.alias != "" && it.resolved != nil && strings.EqualFold(it.alias, name) {
			return it.resolved
		}
	}
	return nil
}

// unknown says that a name refers to nothing.
func (r *resolver) unknown(n ast.Node, names, unqualified []string, sc scope) error {
	if len(unqualified) > 1 {
		for _, j := range r.from.joins {
			if strings.EqualFold(names[0], j.qualifier()) {
				return fail(codeUndefinedColumn, n.Location(), "column %q of table %q does not exist", names[1], j.name)
			}
		}
		return fail(codeUndefinedTable, n.Location(), "missing FROM-clause entry for table %q", names[0]).
			hint("the view reads from %q", r.from.qualifier())
	}
	name := unqualified[0]
	e := fail(codeUndefinedColumn, n.Location(), "column %q does not exist", name)
	switch {
	case strings.EqualFold(name, ast.WindowStart) || strings.EqualFold(name, ast.WindowEnd):
		return e.hint("window_start and window_end are columns of a window, as in FROM TUMBLE(%s, %s, INTERVAL '1 minute')", r.from.name, eventTime(r.source))
	case strings.EqualFold(name, r.from.qualifier()):
		return e.hint("%q is the source: name one of its columns", name)
	case sc.aggregate && r.alias(name, scope{aliases: len(r.items)}) != nil:
		return e.hint("an alias of the SELECT list is not visible inside an aggregate: write the expression itself")
	}
	if near := r.nearest(name); near != "" {
		return e.hint("did you mean %q?", near)
	}
	return e
}

func eventTime(s *Source) string {
	if s.EventTime == "" {
		return "time_column"
	}
	return s.EventTime
}

// nearest returns the column whose name is closest to an unknown one, or "".
func (r *resolver) nearest(name string) string {
	best, bound := "", max(1, len(name)/3)+1
	for _, c := range r.source.Columns {
		if d := editDistance(strings.ToLower(name), strings.ToLower(c.Name)); d < bound {
			best, bound = c.Name, d
		}
	}
	return best
}

// editDistance is the number of bytes to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
