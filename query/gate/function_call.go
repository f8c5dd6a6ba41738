package gate

import (
	_ "embed" // functions.txt
	"strings"
	"sync"
)

// functionList is every function of DuckDB's catalog with what was decided
// about it: "expr" if it may stand in expressions, "table" if it may stand in
// FROM, "refuse" if neither; with Postgres's words "stable" if its result is the
// same within one query only, "volatile" if it may differ from row to row.
//
//go:embed functions.txt
var functionList string

// permit is what may be done with a function.
type permit struct{ expr, table, stable, volatile bool }

var permits = sync.OnceValue(func() map[string]permit {
	all := map[string]permit{}
	for _, line := range strings.Split(functionList, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		var p permit
		for _, f := range fields[1:] {
			p.expr = p.expr || f == "expr"
			p.table = p.table || f == "table"
			p.stable = p.stable || f == "stable"
			p.volatile = p.volatile || f == "volatile"
		}
		all[fields[0]] = p
	}
	return all
})

// windowFunctions assign records to windows of time; only views have them.
var windowFunctions = map[string]bool{"tumble": true, "hop": true, "cumulate": true, "session": true}

// ownPrefix begins the names of Millstream's internal functions.
const ownPrefix = "ms_"

// call checks a function in an expression.
func (w *walker) call(n node) {
	name := strings.ToLower(n.str("function_name"))
	w.functions[name] = true
	method := w.qualifier(n, name)
	if n.flag("export_state") {
		panic(errorAt(n.offset(), codePrivilege, "EXPORT_STATE is not available"))
	}
	if w.rel.Macro(name) && !strings.HasPrefix(name, ownPrefix) {
		return
	}
	if windowFunctions[name] {
		if !w.view {
			panic(windowInQuery(n, name))
		}
		return
	}
	p, known := permits()[name]
	if !known || !p.expr {
		panic(refused(n, name, known, func(p permit) bool { return p.expr }))
	}
	if p.stable || p.volatile {
		w.reads.Volatile = true
	}
	checkAggregateName(n, name)
	checkSize(n, name, method)
}

// qualifier checks what stands before the function's name. It reports whether
// that may be a column, as in col.upper(), which is upper(col).
func (w *walker) qualifier(n node, name string) (method bool) {
	catalog, schema := strings.ToLower(n.str("catalog")), strings.ToLower(n.str("schema"))
	if catalog != "" && catalog != "system" {
		panic(errorAt(n.offset(), codePrivilege, "cross-database references are not implemented: \"%s.%s.%s\"",
			excerpt(catalog), excerpt(schema), excerpt(name)))
	}
	switch schema {
	case "", "main", "pg_catalog":
		return false
	}
	if catalog != "" {
		panic(errorAt(n.offset(), codeUndefinedFunction, "function %s.%s does not exist", excerpt(schema), excerpt(name)))
	}
	return true
}

// tableFunction checks a function in FROM.
func (w *walker) tableFunction(n node) {
	if n.str("class") != "FUNCTION" {
		panic(unknown(n.offset(), "table function", n.str("class")))
	}
	name := strings.ToLower(n.str("function_name"))
	w.functions[name] = true
	if windowFunctions[name] {
		w.windowTable(n, name)
		return
	}
	if w.rel.Macro(name) && !strings.HasPrefix(name, ownPrefix) {
		w.fields(n, "FUNCTION", exprShapes["FUNCTION"], commonExprFields)
		return
	}
	if w.qualifier(n, name) {
		panic(errorAt(n.offset(), codeUndefinedFunction, "function %s.%s does not exist", excerpt(n.str("schema")), excerpt(name)))
	}
	p, known := permits()[name]
	if !known || !p.table {
		panic(refused(n, name, known, func(p permit) bool { return p.table }))
	}
	checkSize(n, name, false)
	w.fields(n, "FUNCTION", exprShapes["FUNCTION"], commonExprFields)
}

// windowTable reads FROM TUMBLE(relation, column, …) in a view.
func (w *walker) windowTable(n node, name string) {
	if !w.view {
		panic(windowInQuery(n, name))
	}
	w.qualifier(n, name)
	children := n.nodes("children")
	if len(children) == 0 || children[0].str("class") != "COLUMN_REF" {
		panic(errorAt(n.offset(), codeUnsupported, "%s needs the name of a relation as its first argument", strings.ToUpper(name)))
	}
	names := children[0].strings("column_names")
	if len(names) == 0 || len(names) > 2 {
		panic(errorAt(children[0].offset(), codeUnsupported, "cross-database references are not implemented"))
	}
	schema := ""
	if len(names) == 2 {
		schema = names[0]
	}
	last := names[len(names)-1]
	if c := w.scope.lookup(last); c != nil && schema == "" {
		w.read(c.copies, n.offset())
	} else {
		w.relation(schema, last, children[0].offset(), &fromItem{})
	}
	for _, c := range children[1:] {
		w.expr(c)
	}
}

func windowInQuery(n node, name string) *Error {
	return errorAt(n.offset(), codeUnsupported, "%s is available in materialized views only", strings.ToUpper(name)).
		withHint("In a query, group by time_bucket(INTERVAL '1 minute', ts), or create a materialized view.")
}

// refused explains why a function can't be called: it is not available, or
// there is none of the name.
func refused(n node, name string, known bool, usable func(permit) bool) *Error {
	if known || strings.HasPrefix(name, ownPrefix) {
		return errorAt(n.offset(), codePrivilege, "function %s is not available here", excerpt(name))
	}
	var names []string
	for other, p := range permits() {
		if usable(p) && !strings.HasPrefix(other, "_") {
			names = append(names, other)
		}
	}
	err := errorAt(n.offset(), codeUndefinedFunction, "function %s does not exist", excerpt(name))
	err.Hint = closest(name, names)
	return err
}

// checkAggregateName looks at the calls that name an aggregate in a string.
func checkAggregateName(n node, name string) {
	switch name {
	case "list_aggr", "list_aggregate", "array_aggr", "array_aggregate", "aggregate":
	default:
		return
	}
	for _, c := range n.nodes("children") {
		if s, ok := constantString(c); ok {
			aggregate := strings.ToLower(s)
			if p, known := permits()[aggregate]; known && !p.expr {
				panic(errorAt(c.offset(), codePrivilege, "function %s is not available here", excerpt(aggregate)))
			}
		}
	}
}
