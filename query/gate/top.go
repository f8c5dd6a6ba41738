package gate

import (
	"encoding/json"
	"strings"
)

// Top says of one reference to a relation that the query needs only the rows that
// come first by a column, of each window: Limit rows after Offset, and all that
// are equal to the last of them. Rows in which the column is NULL may come first
// or last.
type Top struct {
	Ref           int    // index in Reads.Relations
	Column        string // as Relation.Orders spells it
	Desc          bool
	Limit, Offset Operand // Offset is NULL without one
}

// scalarFunctions are some that give one value for each row, whatever that holds.
// The list of permits does not tell them from aggregates, nor from unnest.
var scalarFunctions = map[string]bool{
	"abs": true, "ceil": true, "concat": true, "date_trunc": true, "floor": true, "length": true, "lower": true,
	"round": true, "strftime": true, "trunc": true, "upper": true,
}

// top notes that a SELECT shows the first rows of a table.
func (w *walker) top(n node, from *fromItem) {
	if from == nil || from.left != nil || from.ref < 0 || !from.plain || len(from.relation.Orders) == 0 {
		return
	}
	if h := n.str("aggregate_handling"); h != "" && h != "STANDARD_HANDLING" {
		return
	}
	for _, key := range []string{"group_expressions", "group_sets", "having", "qualify"} {
		if !empty(n[key]) {
			return
		}
	}
	modifiers := n.nodes("modifiers")
	if len(modifiers) != 2 || modifiers[0].str("type") != "ORDER_MODIFIER" || modifiers[1].str("type") != "LIMIT_MODIFIER" {
		return
	}
	f := &topFinder{boundFinder{w: w, single: true, items: []*fromItem{from}, aliases: map[string]int{strings.ToLower(from.alias): 1}}}
	orders := modifiers[0].nodes("orders")
	if len(orders) == 0 || !f.rowByRow(n.nodes("select_list")) || !f.ofWindows(n) {
		return
	}
	t := Top{Ref: from.ref, Column: f.order(orders[0].object("expression"), n.nodes("select_list")), Desc: orders[0].str("type") == "DESCENDING"}
	var ok bool
	if t.Limit, ok = f.count(modifiers[1].object("limit")); !ok || t.Column == "" {
		return
	}
	if offset := modifiers[1].object("offset"); offset != nil {
		if t.Offset, ok = f.count(offset); !ok {
			return
		}
	}
	w.reads.Tops = append(w.reads.Tops, t)
}

// topFinder looks at a SELECT from one table.
type topFinder struct{ boundFinder }

// count returns a LIMIT or OFFSET that is a number or a parameter.
func (f *topFinder) count(n node) (Operand, bool) {
	if n == nil || n.str("class") != "CONSTANT" && n.str("class") != "PARAMETER" {
		return Operand{}, false
	}
	return f.operand(n)
}

// rowByRow reports whether items of a SELECT list surely are computed for each row
// by itself: they are neither aggregates nor window functions, and make neither
// more rows nor fewer.
func (f *topFinder) rowByRow(items []node) bool {
	for _, n := range items {
		switch class := n.str("class"); class {
		case "COLUMN_REF", "CONSTANT", "PARAMETER":
		case "STAR":
			if !empty(n["expr"]) || !empty(n["replace_list"]) || n.flag("columns") {
				return false
			}
		case "FUNCTION":
			name := strings.ToLower(n.str("function_name"))
			if f.w.rel.Macro(name) || !n.flag("is_operator") && !scalarFunctions[name] || !empty(n["filter"]) || n.flag("distinct") {
				return false
			}
			if !f.rowByRow(n.nodes("children")) {
				return false
			}
		case "CAST", "COMPARISON", "CONJUNCTION", "BETWEEN", "CASE":
			if !f.rowByRow(parts(n)) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// parts returns the expressions that an expression without a function is made of.
func parts(n node) (list []node) {
	for _, key := range []string{"child", "left", "right", "input", "lower", "upper", "else_expr"} {
		if part := n.object(key); part != nil {
			list = append(list, part)
		}
	}
	list = append(list, n.nodes("children")...)
	for _, check := range n.nodes("case_checks") {
		list = append(list, check.object("when_expr"), check.object("then_expr"))
	}
	return list
}

// ofWindows reports whether all rows of a window satisfy the condition, or none.
func (f *topFinder) ofWindows(n node) bool {
	where := n.object("where_clause")
	if where == nil {
		return true
	}
	for _, item := range n.nodes("select_list") {
		alias := item.str("alias")
		if valueFunctions[strings.ToLower(alias)] || among(f.items[0].relation.Windows, alias) != "" {
			return false // WHERE may mean that
		}
	}
	return f.windowOnly(where)
}

func (f *topFinder) windowOnly(n node) bool {
	switch n.str("class") {
	case "COLUMN_REF":
		item, name := f.column(n)
		return item != nil && among(item.relation.Windows, name) != ""
	case "COMPARISON", "CONJUNCTION", "BETWEEN", "OPERATOR":
		for _, part := range parts(n) {
			if !f.windowOnly(part) {
				return false
			}
		}
		return true
	case "PARAMETER":
		return true
	}
	return f.constant(n)
}

// order returns the column that the first term of ORDER BY is, "" for another expression.
func (f *topFinder) order(term node, items []node) string {
	switch term.str("class") {
	case "CONSTANT":
		return f.position(term, items)
	case "COLUMN_REF":
		names := term.strings("column_names")
		for _, item := range items {
			if len(names) == 1 && strings.EqualFold(item.str("alias"), names[0]) {
				return f.orderColumn(item)
			}
		}
		return f.orderColumn(term)
	}
	return ""
}

// position returns the column that ORDER BY a number means.
func (f *topFinder) position(term node, items []node) string {
	number, ok := term.object("value")["value"].(json.Number)
	at, err := number.Int64()
	if !ok || err != nil || at < 1 || at > int64(len(items)) {
		return ""
	}
	for _, item := range items {
		if item.str("class") == "STAR" {
			return ""
		}
	}
	return f.orderColumn(items[at-1])
}

func (f *topFinder) orderColumn(n node) string {
	item, name := f.column(n)
	if item == nil {
		return ""
	}
	return among(item.relation.Orders, name)
}
