package ast

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Node is a node of DuckDB's syntax tree, as json_serialize_sql writes it.
// Every expression has a class; table references and the like have only a type.
// Numbers stay json.Number, so that what isn't touched goes back unchanged.
type Node map[string]any

// Classes of expressions that are ours and never reach DuckDB.
const (
	// ClassWindow stands for window_start or window_end.
	ClassWindow = "MS_WINDOW"
	// WindowStart, WindowEnd and WindowTime are the types of that class, and the
	// columns that they stand for.
	WindowStart = "window_start"
	WindowEnd   = "window_end"
	WindowTime  = "window_time" // Flink's last millisecond of a window
)

// LambdaMark is set on a reference to a lambda's parameter.
const LambdaMark = "ms_lambda"

// AsNode returns a value of a tree as the node that it may be.
func AsNode(v any) (Node, bool) {
	switch m := v.(type) {
	case Node:
		return m, m != nil
	case map[string]any:
		return m, m != nil
	}
	return nil, false
}

// Str returns the text below the key, or "".
func (n Node) Str(key string) string { s, _ := n[key].(string); return s }

// Class returns an expression's class; what is no expression has none.
func (n Node) Class() string { return n.Str("class") }

// Kind returns the type, which is narrower than the class.
func (n Node) Kind() string { return n.Str("type") }

// Flag reports whether true stands below the key.
func (n Node) Flag(key string) bool { b, _ := n[key].(bool); return b }

// Child returns the node below the key, or nil.
func (n Node) Child(key string) Node { c, _ := AsNode(n[key]); return c }

// List returns the nodes of the list below the key.
func (n Node) List(key string) []Node {
	values, _ := n[key].([]any)
	nodes := make([]Node, 0, len(values))
	for _, v := range values {
		if c, ok := AsNode(v); ok {
			nodes = append(nodes, c)
		}
	}
	return nodes
}

// Strings returns the texts of the list below the key.
func (n Node) Strings(key string) []string {
	values, _ := n[key].([]any)
	out := make([]string, len(values))
	for i, v := range values {
		out[i], _ = v.(string)
	}
	return out
}

// Location returns the byte offset of the node in the statement, or -1.
// Operators that DuckDB makes up itself have none: their operands do.
func (n Node) Location() int {
	if number, ok := n["query_location"].(json.Number); ok {
		if v, err := number.Int64(); err == nil {
			return int(v)
		}
	}
	at := -1
	EachChild(n, func(c Node) {
		if l := c.Location(); l >= 0 && (at < 0 || l < at) {
			at = l
		}
	})
	return at
}

// IsCall reports whether n is a call of the named function.
func (n Node) IsCall(name string) bool {
	return n.Class() == "FUNCTION" && n.Str("function_name") == name
}

// MapChildren returns a copy of n in which f replaced every expression directly
// below n. Keys are visited in a fixed order, so that of two errors always the
// same one is reported.
func MapChildren(n Node, f func(Node) (Node, error)) (Node, error) {
	out := make(Node, len(n))
	for _, key := range slices.Sorted(maps.Keys(n)) {
		v, err := mapValue(n[key], f)
		if err != nil {
			return nil, err
		}
		out[key] = v
	}
	return out, nil
}

func mapValue(v any, f func(Node) (Node, error)) (any, error) {
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
	n, ok := AsNode(v)
	if !ok {
		return v, nil
	}
	if n.Class() == "" {
		return MapChildren(n, f)
	}
	return f(n)
}

// EachChild calls f for every expression directly below n.
func EachChild(n Node, f func(Node)) {
	_, _ = MapChildren(n, func(c Node) (Node, error) { f(c); return c, nil })
}

// In returns n standing at the place of old: with its alias, which may name the
// field of a struct, and its location.
func (n Node) In(old Node) Node {
	out := maps.Clone(n)
	out["alias"] = old.Str("alias")
	delete(out, "query_location")
	if at := old["query_location"]; at != nil {
		out["query_location"] = at
	}
	return out
}

// Find returns the first expression in n, n included, that satisfies f, or nil.
func Find(n Node, f func(Node) bool) Node {
	if n == nil || f(n) {
		return n
	}
	var found Node
	EachChild(n, func(c Node) {
		if found == nil {
			found = Find(c, f)
		}
	})
	return found
}

// Key returns a text that is equal for two expressions exactly when they mean
// the same: places and the outermost alias do not count. (Aliases further down
// do: they name the fields of a struct.)
func (n Node) Key() string {
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
	n, ok := AsNode(v)
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

// WithoutLocations forgets the places of a tree that is not the user's text.
func WithoutLocations(n Node) Node {
	out, _ := MapChildren(n, func(c Node) (Node, error) { return WithoutLocations(c), nil })
	delete(out, "query_location")
	return out
}

// Decode reads the syntax tree of one statement.
func Decode(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("decode syntax tree: %w", err)
	}
	return doc, nil
}

// NewSelect returns a SELECT of the expressions from a table reference.
func NewSelect(list []any, from any) Node {
	return Node{
		"type": "SELECT_NODE", "modifiers": []any{}, "cte_map": map[string]any{"map": []any{}},
		"select_list": list, "from_table": from, "where_clause": nil,
		"group_expressions": []any{}, "group_sets": []any{}, "aggregate_handling": "STANDARD_HANDLING",
		"having": nil, "sample": nil, "qualify": nil,
	}
}

// NewColumn returns a reference to a column, whose name may be qualified.
func NewColumn(names ...string) Node {
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = name
	}
	return Node{"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": list}
}

// NewString returns a VARCHAR constant.
func NewString(text string) Node {
	return Node{"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "value": map[string]any{
		"type": map[string]any{"id": "VARCHAR", "type_info": nil}, "is_null": false, "value": text,
	}}
}

// NewTry returns TRY(child), under the alias of the child.
func NewTry(child Node) Node {
	return Node{"class": "OPERATOR", "type": "OPERATOR_TRY", "alias": child.Str("alias"), "children": []any{child}}
}

// NewCast returns CAST(child AS …) to a type that has no parameters.
func NewCast(child Node, typeID string) Node {
	return Node{
		"class": "CAST", "type": "OPERATOR_CAST", "alias": "", "child": child,
		"cast_type": map[string]any{"id": typeID, "type_info": nil}, "try_cast": false,
	}
}

// NewBound returns window_start or window_end.
func NewBound(name string) Node { return Node{"class": ClassWindow, "type": name, "alias": ""} }

// NewWindowTime returns window_end less a millisecond.
func NewWindowTime() Node {
	return newCall("-", true, NewBound(WindowEnd), NewCast(NewString("1 millisecond"), "INTERVAL"))
}

func newCall(name string, operator bool, args ...any) Node {
	return Node{
		"class": "FUNCTION", "type": "FUNCTION", "alias": "", "function_name": name, "schema": "", "catalog": "", "children": args,
		"filter": nil, "order_bys": map[string]any{"type": "ORDER_MODIFIER", "orders": []any{}}, "distinct": false,
		"is_operator": operator, "export_state": false,
	}
}
