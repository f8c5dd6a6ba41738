package pgcatalog

import (
	"strconv"

	"github.com/millstream-db/millstream/query/parser"
)

// ColumnNames are the names that PostgreSQL gives the columns of a query's
// result: clients read columns by name, and DuckDB's name for an item without
// one is the item's text.
type ColumnNames struct {
	before, after []string // of the items before and behind a *, "" for DuckDB's name
	star, values  bool
}

// NamesOf finds the names in a query as written.
func NamesOf(sql string) ColumnNames {
	tokens, err := parser.Lex(sql)
	if err != nil {
		return ColumnNames{}
	}
	r := newRewriter(sql, tokens)
	for i := 0; i < len(tokens); i++ {
		switch {
		case r.word(i, "select"):
			return r.namesFrom(r.listStart(i))
		case r.word(i, "values"):
			return ColumnNames{values: true}
		case r.mark(i, "(") && i > 0 && r.partner[i] > i && !r.word(i-1, "union", "all"):
			i = r.partner[i] // of a CTE
		}
	}
	return ColumnNames{}
}

// Of returns the name of a column among all, "" for DuckDB's.
func (n ColumnNames) Of(column, all int) string {
	behind := column - (all - len(n.after))
	switch {
	case n.values:
		return "column" + strconv.Itoa(column+1)
	case n.star && behind >= 0 && behind < len(n.after):
		return n.after[behind]
	case column < len(n.before) && (n.star || all == len(n.before)):
		return n.before[column]
	}
	return ""
}

// namesFrom names the items of the list that begins at a token.
func (r *rewriter) namesFrom(start int) (n ColumnNames) {
	for i := start; i < len(r.tokens); i++ {
		end := r.listEnd(i) && !r.word(i-1, "within")
		if end || r.mark(i, ",") {
			switch {
			case i == start: // FROM t without a list, or a comma too many
			case r.isStar(start, i):
				if n.star { // which columns come from which is not seen here
					return ColumnNames{}
				}
				n.star = true
			case n.star:
				n.after = append(n.after, r.columnName(start, i))
			default:
				n.before = append(n.before, r.columnName(start, i))
			}
			start = i + 1
		}
		if end {
			break
		}
		if r.partner[i] > i {
			i = r.partner[i]
		}
	}
	return n
}

// isStar reports whether an item stands for several columns.
func (r *rewriter) isStar(start, end int) bool {
	if r.word(start, "columns") && r.mark(start+1, "(") {
		return true
	}
	for i := start; i < end && (r.name(i) || r.mark(i, ".")); i++ {
		start = i + 1
	}
	return start < end && r.tokens[start].Text == "*" && (start == 0 || r.mark(start-1, ".") || r.mark(start-1, ",") || r.word(start-1, "select", "distinct", "all") || r.mark(start-1, ")"))
}

// noName is what PostgreSQL calls a column that has none.
const noName = "?column?"

// columnName returns the name of an item, "" if DuckDB gives it the same.
func (r *rewriter) columnName(start, end int) string {
	if r.hasAlias(start, end) {
		return ""
	}
	if _, next := r.chain(start); next == end && !r.word(start, "true", "false", "null") {
		return "" // a column, whose letters DuckDB keeps as they were written first
	}
	if name := r.expressionName(start, end); name != "" {
		return name
	}
	return noName
}

// hasAlias reports whether an item says its name: x AS y, x y, or y: x.
func (r *rewriter) hasAlias(start, end int) bool {
	if r.name(start) && r.mark(start+1, ":") {
		return true
	}
	for i := start; i < end; i++ {
		if r.word(i, "as") {
			return true
		}
		if r.partner[i] > i {
			i = r.partner[i]
		}
	}
	last := end - 1
	if last <= start || !r.name(last) || r.word(last, notAliases...) {
		return false
	}
	before := r.tokens[last-1]
	switch before.Kind {
	case parser.Word:
		return r.mark(last-2, "::") || r.word(last-1, "end", "null", "true", "false") || !r.word(last-1, notOperands...)
	case parser.Punct:
		return before.Text == ")" || before.Text == "]"
	case parser.Operator:
		return false
	}
	return true
}

// notAliases end an expression, or a word that says how to read a literal.
var notAliases = []string{"end", "null", "true", "false", "year", "month", "day", "hour", "minute", "second", "week", "unknown", "isnull", "notnull"}

// notOperands are words that an operand follows.
var notOperands = []string{
	"and", "or", "not", "is", "in", "like", "ilike", "between", "from", "collate", "zone", "distinct", "similar", "to", "escape", "when", "then",
	"else", "case", "interval", "date", "time", "timestamp", "timestamptz", "glob", "any", "all", "some", "over",
}

// expressionName returns the name of an expression, "" if it has none.
func (r *rewriter) expressionName(start, end int) string {
	if start >= end {
		return ""
	}
	if r.mark(start, "(") && r.partner[start] == end-1 {
		if r.word(start+1, "select") {
			return r.subqueryName(r.listStart(start+1), end-1)
		}
		return r.expressionName(start+1, end-1)
	}
	if base, typeName := r.castEnd(start, end); base < end {
		return r.castName(start, base, typeName)
	}
	if r.word(start, "case") && r.word(end-1, "end") {
		return "case"
	}
	names, next := r.chain(start)
	if r.mark(start, "(") && r.partner[start] > start && r.subscripts(r.partner[start]+1, end) {
		return r.expressionName(start, r.partner[start]+1)
	}
	switch {
	case len(names) == 0:
		return ""
	case next == end:
		return r.wordName(start, names)
	case r.mark(next, "(") && r.partner[next] > 0 && r.callEnd(r.partner[next]+1, end):
		return r.callName(start, next, names)
	case r.subscripts(next, end):
		return names[len(names)-1]
	case len(names) == 1 && next+1 == end && r.tokens[next].Kind == parser.String && literalTypes[names[0]] != "":
		return literalTypes[names[0]]
	case r.word(start, "interval"):
		if next+2 == end && r.name(end-1) || next+1 == end {
			return "interval"
		}
	}
	if r.word(end-3, "time") && r.word(end-2, "zone") && r.word(end-4, "at") {
		return "timezone"
	}
	if r.word(end-2, "collate") {
		return r.expressionName(start, end-2)
	}
	return ""
}

// subscripts reports whether nothing but [subscripts] stand between two tokens.
func (r *rewriter) subscripts(i, end int) bool {
	if i >= end {
		return false
	}
	for i < end && r.mark(i, "[") && r.partner[i] > i {
		i = r.partner[i] + 1
	}
	return i == end
}

// subqueryName is the name of the first item of a list that begins at a token.
func (r *rewriter) subqueryName(start, end int) string {
	for i := start; i <= end; i++ {
		if i == end || r.mark(i, ",") || r.listEnd(i) && !r.word(i-1, "within") {
			if r.hasAlias(start, i) {
				return r.tokens[i-1].Value
			}
			return r.expressionName(start, i)
		}
		if r.partner[i] > i {
			i = r.partner[i]
		}
	}
	return ""
}

// literalTypes is the names of literals such as DATE '2000-01-01'.
var literalTypes = map[string]string{
	"date": "date", "time": "time", "timestamp": "timestamp", "timestamptz": "timestamptz", "interval": "interval", "bool": "bool", "text": "text",
	"numeric": "numeric", "json": "json", "uuid": "uuid",
}

// wordName is the name of what is nothing but names.
func (r *rewriter) wordName(start int, names []string) string {
	switch {
	case r.word(start, "true", "false"):
		return "bool"
	case r.word(start, "null"):
		return ""
	}
	return names[len(names)-1]
}

// callEnd reports whether nothing but FILTER, WITHIN GROUP and OVER stand between
// two tokens.
func (r *rewriter) callEnd(i, end int) bool {
	for i < end {
		switch {
		case r.word(i, "within") && r.word(i+1, "group"):
			i++
		case r.word(i, "filter"):
		case r.word(i, "over") && r.name(i+1) && i+2 == end:
			return true
		case r.word(i, "over"):
		default:
			return false
		}
		if !r.mark(i+1, "(") || r.partner[i+1] < 0 {
			return false
		}
		i = r.partner[i+1] + 1
	}
	return true
}

// callName is the name of a call.
func (r *rewriter) callName(start, open int, names []string) string {
	name := names[len(names)-1]
	if len(names) > 1 || !r.word(start, "cast", "try_cast", "trim") {
		return name
	}
	if name == "trim" {
		return "btrim"
	}
	as := r.partner[open] - 1
	for ; as > open && !r.word(as, "as"); as-- {
		if at := r.partner[as]; at >= 0 && at < as {
			as = at
		}
	}
	return r.castName(open+1, as, r.typeName(as+1, r.partner[open]))
}

// castName is the name of a cast: that of its value, if that is a column's or a
// function's, or else the type's.
func (r *rewriter) castName(start, end int, typeName string) string {
	for r.mark(start, "(") && r.partner[start] == end-1 {
		start, end = start+1, end-1
	}
	names, next := r.chain(start)
	weak := len(names) == 1 && (next < end && r.tokens[next].Kind == parser.String || r.word(start, "true", "false", "case", "cast", "try_cast"))
	if base, _ := r.castEnd(start, end); base < end {
		return r.castName(start, base, typeName)
	}
	if name := r.expressionName(start, end); name != "" && !weak {
		return name
	}
	return typeName
}

// castEnd returns where the value of the last cast x::type of an item ends, and
// the type's name; end if the item is no cast as a whole.
func (r *rewriter) castEnd(start, end int) (base int, typeName string) {
	for i := start; i < end; i++ {
		if r.partner[i] > i {
			i = r.partner[i]
			continue
		}
		if r.tokens[i].Kind == parser.Operator || r.word(i, "and", "or", "not", "is", "in", "like", "ilike", "between", "similar") {
			return end, ""
		}
		if r.mark(i, "::") {
			base, typeName = i, r.typeName(i+1, end)
		}
	}
	if base == 0 || typeName == "" {
		return end, ""
	}
	return base, typeName
}

// typeName returns PostgreSQL's own name of the type that stands between two
// tokens, "" if more than a type stands there.
func (r *rewriter) typeName(start, end int) string {
	names, next := r.chain(start)
	if len(names) == 0 {
		return ""
	}
	name := names[len(names)-1]
	for next < end && r.word(next, "precision", "varying", "with", "without", "time", "zone") {
		if r.word(next, "with") && name == "timestamp" {
			name = "timestamptz"
		}
		next++
	}
	for next < end && (r.mark(next, "(") || r.mark(next, "[")) && r.partner[next] > next {
		next = r.partner[next] + 1
	}
	if next != end {
		return ""
	}
	if other, ok := sqlTypeNames[name]; ok {
		return other
	}
	return name
}
