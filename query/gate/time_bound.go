package gate

import (
	"encoding/json"
	"strconv"
	"strings"
)

// TimeBound is a condition on the event time of one reference to a relation
// that every row of the result satisfies, however the query goes on: rows of
// that reference which don't satisfy it need not be read.
//
// To use it, evaluate Statement by DuckDB in the same transaction as the query,
// since now() is the transaction's start, and with the session's time zone. Use
// the value if its type is the event time's own; a VARCHAR or a DATE may be cast
// to that first, for so does the comparison. Leave other types alone: TIMESTAMP
// and TIMESTAMPTZ are compared by local time, which is not in order when clocks
// are put back, and an event time that is a DATE is coarser than a TIMESTAMP.
// A value of NULL means that no row qualifies; an error, that there is no bound.
type TimeBound struct {
	Ref int    // index in Reads.Relations
	Op  string // >=, >, <=, < or =: event time Op expression
	Operand
}

// Operand is an expression that has the same value for all rows: a parameter, or
// what can be computed before the query runs. The zero value is NULL.
type Operand struct {
	Param int    // 1 for $1; 0: it is no parameter
	Expr  []byte // the expression's tree, JSON
}

// Statement returns the tree of SELECT Expr, for json_deserialize_sql.
func (b Operand) Statement() []byte {
	var s strings.Builder
	s.WriteString(`{"error":false,"statements":[{"node":{"type":"SELECT_NODE","modifiers":[],"cte_map":{"map":[]},"select_list":[`)
	s.Write(b.Expr)
	s.WriteString(`],"from_table":{"type":"EMPTY","alias":"","sample":null},"where_clause":null,"group_expressions":[],` +
		`"group_sets":[],"aggregate_handling":"STANDARD_HANDLING","having":null,"sample":null,"qualify":null}}]}`)
	return []byte(s.String())
}

// comparisons maps a comparison to its operator, and to the operator with its
// sides exchanged.
var comparisons = map[string][2]string{
	"COMPARE_EQUAL": {"=", "="}, "COMPARE_GREATERTHAN": {">", "<"}, "COMPARE_LESSTHAN": {"<", ">"},
	"COMPARE_GREATERTHANOREQUALTO": {">=", "<="}, "COMPARE_LESSTHANOREQUALTO": {"<=", ">="},
}

// timeBounds takes the bounds out of a SELECT's WHERE clause.
func (w *walker) timeBounds(n node, from *fromItem) {
	where := n.object("where_clause")
	if where == nil || from == nil {
		return
	}
	b := &boundFinder{w: w, single: from.left == nil}
	b.collect(from)
	if len(b.items) == 0 || b.renamed(n) {
		return
	}
	b.conjunct(where)
}

// boundFinder looks for the bounds of one SELECT.
type boundFinder struct {
	w       *walker
	single  bool        // FROM is one table, so a bare column is its own
	items   []*fromItem // the references whose rows may be left out
	aliases map[string]int
}

// collect gathers the references of which a row can be left out without any
// other row of the joined result appearing or disappearing, other than rows
// that the condition drops anyway. That holds on the sides that a join keeps;
// not for the right side of ASOF, where leaving out the nearest row makes
// another one the nearest, nor for POSITIONAL joins, which count rows.
func (b *boundFinder) collect(item *fromItem) {
	if b.aliases == nil {
		b.aliases = map[string]int{}
	}
	if item.left == nil {
		b.aliases[strings.ToLower(item.alias)]++
		if item.ref >= 0 && item.plain && (item.relation.EventTime != "" || len(item.relation.Keys) > 0) {
			b.items = append(b.items, item)
		}
		return
	}
	left, right := false, false
	switch item.refType {
	case "REGULAR", "CROSS", "NATURAL":
		left = item.joinType == "INNER" || item.joinType == "LEFT" || item.joinType == "SEMI" || item.joinType == "ANTI"
		right = item.joinType == "INNER" || item.joinType == "RIGHT"
	case "ASOF":
		left = item.joinType == "INNER" || item.joinType == "LEFT"
	}
	b.side(item.left, left)
	b.side(item.right, right)
}

// side collects one side of a join, or only the names of it.
func (b *boundFinder) side(item *fromItem, kept bool) {
	before := len(b.items)
	b.collect(item)
	if !kept {
		b.items = b.items[:before]
	}
}

// renamed reports whether the SELECT list gives the name of an event time or a key
// to something, or that of current_date: WHERE may mean that.
func (b *boundFinder) renamed(n node) bool {
	for _, item := range n.nodes("select_list") {
		alias := item.str("alias")
		if names := item.strings("column_names"); len(names) > 0 && strings.EqualFold(alias, names[len(names)-1]) {
			continue // k AS k
		}
		if _, ok := valueFunctions[strings.ToLower(alias)]; ok {
			return true
		}
		for _, from := range b.items {
			if alias != "" && (strings.EqualFold(alias, from.relation.EventTime) || among(from.relation.Keys, alias) != "") {
				return true
			}
		}
	}
	return false
}

// conjunct looks at a condition that every row satisfies.
func (b *boundFinder) conjunct(n node) {
	switch n.str("class") {
	case "CONJUNCTION":
		if n.str("type") == "CONJUNCTION_AND" {
			for _, c := range n.nodes("children") {
				b.conjunct(c)
			}
		}
	case "COMPARISON":
		b.equality(n)
		ops, ok := comparisons[n.str("type")]
		if !ok {
			return
		}
		left, right := n.object("left"), n.object("right")
		b.bound(left, ops[0], right)
		b.bound(right, ops[1], left)
	case "BETWEEN":
		if n.str("type") == "COMPARE_BETWEEN" {
			b.bound(n.object("input"), ">=", n.object("lower"))
			b.bound(n.object("input"), "<=", n.object("upper"))
		}
	case "OPERATOR":
		b.list(n)
	}
}

// bound notes "column op value" if it is one.
func (b *boundFinder) bound(column node, op string, value node) {
	item, name := b.column(column)
	if item == nil || item.relation.EventTime == "" || !strings.EqualFold(name, item.relation.EventTime) {
		return
	}
	if operand, ok := b.operand(value); ok {
		b.w.reads.TimeBounds = append(b.w.reads.TimeBounds, TimeBound{Ref: item.ref, Op: op, Operand: operand})
	}
}

// operand returns an expression whose value is known before the query runs.
func (b *boundFinder) operand(value node) (o Operand, ok bool) {
	if value.str("class") == "PARAMETER" {
		n, err := strconv.Atoi(value.str("identifier"))
		return Operand{Param: n}, err == nil
	}
	if !b.constant(value) {
		return o, false
	}
	expr, err := json.Marshal(value)
	return Operand{Expr: expr}, err == nil
}

// column returns the reference that a name belongs to, nil for none, and the
// column's name.
func (b *boundFinder) column(n node) (*fromItem, string) {
	if n.str("class") != "COLUMN_REF" {
		return nil, ""
	}
	names := n.strings("column_names")
	for _, item := range b.items {
		switch {
		case len(names) == 1 && b.single:
			return item, names[0]
		case len(names) == 2 && strings.EqualFold(names[0], item.alias) && b.aliases[strings.ToLower(item.alias)] == 1:
			return item, names[1]
		}
	}
	return nil, ""
}

// constant reports whether the expression has the same value for all rows and
// can be computed without them.
func (b *boundFinder) constant(n node) bool {
	switch n.str("class") {
	case "CONSTANT":
		return true
	case "CAST":
		return b.constant(n.object("child"))
	case "COLUMN_REF":
		return b.valueFunction(n)
	case "FUNCTION":
		p := permits()[strings.ToLower(n.str("function_name"))]
		if !p.expr || p.volatile || n.str("schema") != "" && n.str("schema") != "main" && n.str("schema") != "pg_catalog" {
			return false
		}
		for _, c := range n.nodes("children") {
			if !b.constant(c) {
				return false
			}
		}
		return true
	}
	return false
}

// valueFunction reports whether a name is surely current_date or one of its
// like, and not a column.
func (b *boundFinder) valueFunction(n node) bool {
	names := n.strings("column_names")
	if len(names) != 1 || !b.single || !valueFunctions[strings.ToLower(names[0])] {
		return false
	}
	columns := b.items[0].relation.Columns
	for _, c := range columns {
		if strings.EqualFold(c, names[0]) {
			return false
		}
	}
	return len(columns) > 0
}
