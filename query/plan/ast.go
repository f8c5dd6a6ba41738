package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// node is a node of DuckDB's syntax tree, as json_serialize_sql writes it.
// Every expression has a class; table references and the like have only a type.
// Numbers stay json.Number, so that what isn't touched goes back unchanged.
type node map[string]any

// Classes of expressions that are ours and never reach DuckDB.
const (
	// classWindow stands for window_start or window_end.
	classWindow = "MS_WINDOW"
	windowStart = "window_start"
	windowEnd   = "window_end"
	windowTime  = "window_time" // Flink's last millisecond of a window
)

// lambdaMark is set on a reference to a lambda's parameter.
const lambdaMark = "ms_lambda"

func asNode(v any) (node, bool) {
	switch m := v.(type) {
	case node:
		return m, m != nil
	case map[string]any:
		return m, m != nil
	}
	return nil, false
}

func (n node) str(key string) string { s, _ := n[key].(string); return s }
func (n node) class() string         { return n.str("class") }
func (n node) kind() string          { return n.str("type") }
func (n node) flag(key string) bool  { b, _ := n[key].(bool); return b }

func (n node) child(key string) node { c, _ := asNode(n[key]); return c }

func (n node) list(key string) []node {
	values, _ := n[key].([]any)
	nodes := make([]node, 0, len(values))
	for _, v := range values {
		if c, ok := asNode(v); ok {
			nodes = append(nodes, c)
		}
	}
	return nodes
}

func (n node) strings(key string) []string {
	values, _ := n[key].([]any)
	out := make([]string, len(values))
	for i, v := range values {
		out[i], _ = v.(string)
	}
	return out
}

// location returns the byte offset of the node in the statement, or -1.
// Operators that DuckDB makes up itself have none: their operands do.
func (n node) location() int {
	if number, ok := n["query_location"].(json.Number); ok {
		if v, err := number.Int64(); err == nil {
			return int(v)
		}
	}
	at := -1
	eachChild(n, func(c node) {
		if l := c.location(); l >= 0 && (at < 0 || l < at) {
			at = l
		}
	})
	return at
}

// function reports whether n is a call of the named function.
func (n node) function(name string) bool {
	return n.class() == "FUNCTION" && n.str("function_name") == name
}

// mapChildren returns a copy of n in which f replaced every expression directly
// below n. Keys are visited in a fixed order, so that of two errors always the
// same one is reported.
func mapChildren(n node, f func(node) (node, error)) (node, error) {
	out := make(node, len(n))
	for _, key := range slices.Sorted(maps.Keys(n)) {
		v, err := mapValue(n[key], f)
		if err != nil {
			return nil, err
		}
		out[key] = v
	}
	return out, nil
}

func mapValue(v any, f func(node) (node, error)) (any, error) {
	if list, ok := v.([]any); ok {
		out := make([]any, len(list))
		for i, item := range list {
			var err error
			if out[i], err = mapValue(item, f); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	n, ok := asNode(v)
	if !ok {
		return v, nil
	}
	if n.class() == "" {
		return mapChildren(n, f)
	}
	return f(n)
}

// eachChild calls f for every expression directly below n.
func eachChild(n node, f func(node)) {
	_, _ = mapChildren(n, func(c node) (node, error) { f(c); return c, nil })
}

// in returns n standing at the place of old: with its alias, which may name the
// field of a struct, and its location.
func (n node) in(old node) node {
	out := maps.Clone(n)
	out["alias"] = old.str("alias")
	delete(out, "query_location")
	if at := old["query_location"]; at != nil {
		out["query_location"] = at
	}
	return out
}

// find returns the first expression in n, n included, that satisfies f, or nil.
func find(n node, f func(node) bool) node {
	if n == nil || f(n) {
		return n
	}
	var found node
	eachChild(n, func(c node) {
		if found == nil {
			found = find(c, f)
		}
	})
	return found
}

// key returns a text that is equal for two expressions exactly when they mean
// the same: places and the outermost alias do not count. (Aliases further down
// do: they name the fields of a struct.)
func (n node) key() string {
	text, err := json.Marshal(withoutPlaces(n, true))
	if err != nil {
		panic(fmt.Sprintf("encode syntax tree: %v", err)) // it came from JSON
	}
	return string(text)
}

func withoutPlaces(v any, top bool) any {
	if list, ok := v.([]any); ok {
		out := make([]any, len(list))
		for i, item := range list {
			out[i] = withoutPlaces(item, false)
		}
		return out
	}
	n, ok := asNode(v)
	if !ok {
		return v
	}
	out := make(map[string]any, len(n))
	for key, value := range n {
		if key != "query_location" && (key != "alias" || !top) {
			out[key] = withoutPlaces(value, false)
		}
	}
	return out
}

// decode reads the syntax tree of one statement.
func decode(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("decode syntax tree: %w", err)
	}
	return doc, nil
}

// deparse returns the SQL text of a SELECT_NODE.
func deparse(ctx context.Context, b Binder, sel node) (string, error) {
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
func printable(n node) (node, error) {
	return mapChildren(n, func(c node) (node, error) {
		out, err := printable(c)
		if err != nil {
			return nil, err
		}
		delete(out, lambdaMark)
		value := c.child("value")
		if c.class() != "CONSTANT" || value.child("type").str("id") != "DOUBLE" || value.flag("is_null") {
			return out, nil
		}
		number, ok := value["value"].(json.Number)
		if !ok {
			return nil, fail(codeUnsupported, c.location(), "this number is too large")
		}
		cast := newCast(newString(number.String()), "DOUBLE")
		cast["alias"] = c["alias"]
		return cast, nil
	})
}

// deparseExpr returns the SQL text of one expression, without its alias.
func deparseExpr(ctx context.Context, b Binder, n node) (string, error) {
	item := n.in(node{"query_location": n["query_location"]})
	sql, err := deparse(ctx, b, newSelect([]any{item}, map[string]any{"type": "EMPTY", "alias": "", "sample": nil}))
	if err != nil {
		return "", err
	}
	text, ok := strings.CutPrefix(sql, "SELECT ")
	if !ok {
		return "", fmt.Errorf("deparse: unexpected text %q", sql)
	}
	return text, nil
}

func newSelect(list []any, from any) node {
	return node{
		"type": "SELECT_NODE", "modifiers": []any{}, "cte_map": map[string]any{"map": []any{}},
		"select_list": list, "from_table": from, "where_clause": nil,
		"group_expressions": []any{}, "group_sets": []any{}, "aggregate_handling": "STANDARD_HANDLING",
		"having": nil, "sample": nil, "qualify": nil,
	}
}

func newColumn(names ...string) node {
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = name
	}
	return node{"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": list}
}

func newString(text string) node {
	return node{"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "value": map[string]any{
		"type": map[string]any{"id": "VARCHAR", "type_info": nil}, "is_null": false, "value": text,
	}}
}

func newTry(child node) node {
	return node{"class": "OPERATOR", "type": "OPERATOR_TRY", "alias": child.str("alias"), "children": []any{child}}
}

func newCast(child node, typeID string) node {
	return node{
		"class": "CAST", "type": "OPERATOR_CAST", "alias": "", "child": child,
		"cast_type": map[string]any{"id": typeID, "type_info": nil}, "try_cast": false,
	}
}

// newBound returns window_start or window_end.
func newBound(name string) node { return node{"class": classWindow, "type": name, "alias": ""} }

// newWindowTime returns window_end less a millisecond.
func newWindowTime() node {
	return newCall("-", true, newBound(windowEnd), newCast(newString("1 millisecond"), "INTERVAL"))
}

func newCall(name string, operator bool, args ...any) node {
	return node{
		"class": "FUNCTION", "type": "FUNCTION", "alias": "", "function_name": name, "schema": "", "catalog": "", "children": args,
		"filter": nil, "order_bys": map[string]any{"type": "ORDER_MODIFIER", "orders": []any{}}, "distinct": false,
		"is_operator": operator, "export_state": false,
	}
}
