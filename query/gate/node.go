package gate

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// node is one JSON object of the tree. Which keys it has depends on the
// arguments of json_serialize_sql: a missing key and an empty value are the same.
type node map[string]any

func decode(ast []byte) (node, error) {
	d := json.NewDecoder(bytes.NewReader(ast))
	d.UseNumber()
	var n node
	err := d.Decode(&n)
	return n, err
}

func (n node) str(key string) string {
	s, _ := n[key].(string)
	return s
}

func (n node) flag(key string) bool {
	b, _ := n[key].(bool)
	return b
}

// object returns the value of key as a node, or nil.
func (n node) object(key string) node { return asNode(n[key]) }

func (n node) list(key string) []any {
	l, _ := n[key].([]any)
	return l
}

// nodes returns the objects in the list at key.
func (n node) nodes(key string) []node {
	list := n.list(key)
	nodes := make([]node, 0, len(list))
	for _, v := range list {
		nodes = append(nodes, asNode(v))
	}
	return nodes
}

func (n node) strings(key string) []string {
	list := n.list(key)
	names := make([]string, 0, len(list))
	for _, v := range list {
		s, _ := v.(string)
		names = append(names, s)
	}
	return names
}

// offset returns where the node stands in the text. DuckDB gives none for what
// it made up itself, or the largest number.
func (n node) offset() int {
	number, _ := n["query_location"].(json.Number)
	at, err := strconv.ParseUint(string(number), 10, 31)
	if err != nil {
		return NoOffset
	}
	return int(at)
}

func asNode(v any) node {
	m, _ := v.(map[string]any)
	return m
}

// empty reports whether a value says nothing: null, false, "", [] or {}.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
