package gate

import "strings"

// KeyCondition is a condition on a key of one reference to a relation that every
// row of the result satisfies, however the query goes on: the key is equal to one
// of the values. Values and keys of different types may be equal by rules of
// DuckDB's own: whoever uses the condition must know them.
type KeyCondition struct {
	Ref    int    // index in Reads.Relations
	Column string // as Relation.Keys spells it
	Values []Operand
	Null   bool // a value that is NULL stands for keys that are; else for none
}

// among returns the one of the names that a name means, or "".
func among(names []string, name string) string {
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return n
		}
	}
	return ""
}

// equality notes "key = value", either way round, and IS NOT DISTINCT FROM.
func (b *boundFinder) equality(n node) {
	kind := n.str("type")
	if kind != "COMPARE_EQUAL" && kind != "COMPARE_NOT_DISTINCT_FROM" {
		return
	}
	left, right := n.object("left"), n.object("right")
	b.key(left, []node{right}, kind == "COMPARE_NOT_DISTINCT_FROM")
	b.key(right, []node{left}, kind == "COMPARE_NOT_DISTINCT_FROM")
}

// list notes "key IN (values)" and "key IS NULL".
func (b *boundFinder) list(n node) {
	children := n.nodes("children")
	if len(children) == 0 {
		return
	}
	switch n.str("type") {
	case "COMPARE_IN":
		b.key(children[0], children[1:], false)
	case "OPERATOR_IS_NULL":
		if item, name := b.keyColumn(children[0]); item != nil {
			b.w.reads.Keys = append(b.w.reads.Keys, KeyCondition{Ref: item.ref, Column: name, Values: []Operand{{}}, Null: true})
		}
	}
}

func (b *boundFinder) keyColumn(n node) (*fromItem, string) {
	item, name := b.column(n)
	if item == nil {
		return nil, ""
	}
	if name = among(item.relation.Keys, name); name == "" {
		return nil, ""
	}
	return item, name
}

// key notes a condition if its values are known before the query runs.
func (b *boundFinder) key(column node, values []node, null bool) {
	item, name := b.keyColumn(column)
	if item == nil {
		return
	}
	c := KeyCondition{Ref: item.ref, Column: name, Null: null}
	for _, v := range values {
		operand, ok := b.operand(v)
		if !ok {
			return
		}
		c.Values = append(c.Values, operand)
	}
	b.w.reads.Keys = append(b.w.reads.Keys, c)
}
