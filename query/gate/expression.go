package gate

import "strings"

// valueFunctions are the names that stand for a function when no column has
// them; the value says whether the result changes with time.
var valueFunctions = map[string]bool{
	"current_date": true, "current_time": true, "current_timestamp": true, "localtime": true, "localtimestamp": true,
	"current_catalog": false, "current_role": false, "current_schema": false, "current_user": false,
	"session_user": false, "user": false,
}

// expr walks an expression.
func (w *walker) expr(n node) {
	class := n.str("class")
	s, ok := exprShapes[class]
	if !ok {
		panic(unknown(n.offset(), "expression", class))
	}
	switch class {
	case "FUNCTION", "WINDOW":
		w.call(n)
	case "COLUMN_REF":
		w.columnRef(n)
	case "PARAMETER":
		w.parameter(n.str("identifier"), n.offset())
	case "CAST":
		w.castType(n["cast_type"], n.offset())
	case "COLLATE":
		collation(n)
	case "CASE":
		for _, c := range n.nodes("case_checks") {
			w.fields(c, "CASE", shape{"when_expr": expr, "then_expr": expr})
		}
	}
	w.fields(n, class, s, commonExprFields)
}

func (w *walker) columnRef(n node) {
	names := n.strings("column_names")
	if len(names) == 1 && valueFunctions[strings.ToLower(names[0])] {
		w.reads.Volatile = true
	}
}

// collation accepts the names of collations: letters, digits, _ and dots.
func collation(n node) {
	name := n.str("collation")
	ok := len(name) <= 64 && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_.") == ""
	if !ok || strings.Count(name, ".") > 3 {
		panic(errorAt(n.offset(), codeUnsupported, "collation \"%s\" does not exist", excerpt(name)))
	}
}

// castType looks for types that must not be reached, in any depth, and walks
// the expressions that types may hold.
func (w *walker) castType(v any, offset int) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			w.castType(item, offset)
		}
	case map[string]any:
		n := node(v)
		if n.str("class") != "" {
			w.expr(n)
			return
		}
		if strings.EqualFold(n.str("id"), "VARIANT") || strings.EqualFold(n.str("name"), "VARIANT") {
			panic(errorAt(offset, codePrivilege, "type VARIANT is not available").
				withHint("Use JSON."))
		}
		if c := n.str("catalog"); c != "" && !strings.EqualFold(c, "system") {
			panic(errorAt(offset, codeUnsupported, "cross-database references are not implemented"))
		}
		for _, item := range v {
			w.castType(item, offset)
		}
	}
}
