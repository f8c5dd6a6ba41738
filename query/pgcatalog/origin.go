package pgcatalog

import (
	"strings"

	"github.com/millstream-db/millstream/query/parser"
)

// typePrefix begins the names of the types that only the catalog's columns
// have, such as pg_oid and pg_name.
const typePrefix = "pg_"

// catalogTypes is those types by Postgres's names, each with what it is inside.
var catalogTypes = map[string]string{
	"oid": "BIGINT", "regproc": "BIGINT", "regtype": "BIGINT", "xid": "BIGINT", "name": "VARCHAR", "char": "VARCHAR",
	"varchar": "VARCHAR", "aclitem": "VARCHAR", "node_tree": "VARCHAR", "int2vector": "SMALLINT[]", "oidvector": "BIGINT[]",
}

// catalogType returns the name for a Postgres type, pg_oid[] for oid[], and
// what it is in DuckDB; "" for a type that both have.
func catalogType(pgType string) (name, duckdb string) {
	element, list := strings.CutSuffix(strings.TrimPrefix(pgType, typePrefix), "[]")
	duckdb, ok := catalogTypes[element]
	if !ok {
		return "", ""
	}
	name = typePrefix + element
	if list {
		name, duckdb = name+"[]", duckdb+"[]"
	}
	return name, duckdb
}

// nameFunctions is the functions that return Postgres's type name.
var nameFunctions = map[string]bool{
	"current_database": true, "current_catalog": true, "current_schema": true, "current_user": true, "session_user": true,
	"current_role": true, "user": true, "pg_get_userbyid": true, "pg_encoding_to_char": true, "getdatabaseencoding": true,
	"pg_client_encoding": true,
}

// ResultTypes returns the types of a result's columns as Postgres has them,
// given those that DuckDB has: pg_oid, pg_name and so on where a column comes
// straight from the catalog, DuckDB's otherwise. DuckDB knows only that these
// are numbers and texts; clients read them by their types. The text is that
// before [Rewrite].
func ResultTypes(sql string, duckdb []string) []string {
	tokens, err := parser.Lex(sql)
	if err != nil {
		return duckdb
	}
	o := &origins{rewriter: newRewriter(sql, tokens), withs: map[string][]origin{}}
	columns, whole := o.statement(0, len(tokens)-1)
	if !whole || len(columns) != len(duckdb) {
		return duckdb
	}
	out := make([]string, len(duckdb))
	for i, c := range columns {
		out[i] = duckdb[i]
		if name, inside := catalogType(c.pgType); name != "" && inside == duckdb[i] {
			out[i] = name
		}
	}
	return out
}

// origin is a column of a result or of a relation in FROM. The type is "" where
// it isn't known.
type origin struct{ name, pgType string }

// origins finds where the columns of a statement's result come from.
type origins struct {
	*rewriter
	withs map[string][]origin // of the CTEs that have been read; nil where not known
}

// scope is what the names in a FROM stand for.
type scope struct {
	relations map[string][]origin
	order     []string
	whole     bool // all columns of all of them are known
}

// statement returns the columns of the query between two tokens, and whether
// that is all of them.
func (o *origins) statement(i, end int) (columns []origin, whole bool) {
	for o.mark(end-1, ";") {
		end--
	}
	if o.word(i, "with") {
		i = o.with(i+1, end)
	}
	if o.mark(i, "(") && o.partner[i] > i && o.partner[i] <= end {
		columns, whole = o.statement(i+1, o.partner[i])
		i = o.partner[i] + 1
	} else {
		if !o.word(i, "select") {
			return nil, false
		}
		columns, whole, i = o.query(i, end)
	}
	if !whole || !o.word(i, "union", "except", "intersect") || i >= end {
		return columns, whole
	}
	if i++; o.word(i, "all", "distinct") {
		i++
	}
	others, whole := o.statement(i, end)
	if !whole || len(others) != len(columns) {
		return nil, false
	}
	for j := range columns {
		if columns[j].pgType != others[j].pgType {
			columns[j].pgType = ""
		}
	}
	return columns, true
}

// with reads the CTEs that begin at a token and returns the token behind them.
func (o *origins) with(i, end int) int {
	if o.word(i, "recursive") {
		i++
	}
	for o.name(i) && i < end {
		name := o.tokens[i].Value
		i++
		var names []string
		if o.mark(i, "(") && o.partner[i] > 0 {
			names, i = o.nameList(i), o.partner[i]+1
		}
		for o.word(i, "as", "not", "materialized") {
			i++
		}
		if !o.mark(i, "(") || o.partner[i] < 0 {
			return i
		}
		columns, whole := o.statement(i+1, o.partner[i])
		if !whole {
			columns = nil
		}
		o.withs[name] = renamed(columns, names)
		if i = o.partner[i] + 1; !o.mark(i, ",") {
			break
		}
		i++
	}
	return i
}

// nameList returns the names in the parentheses at a token.
func (o *origins) nameList(open int) (names []string) {
	for i := open + 1; i < o.partner[open]; i++ {
		if o.name(i) {
			names = append(names, o.tokens[i].Value)
		}
	}
	return names
}

func renamed(columns []origin, names []string) []origin {
	for i := range min(len(columns), len(names)) {
		columns[i].name = names[i]
	}
	return columns
}

// query returns the columns of the SELECT at a token, and the token behind it:
// that of a set operation, or the end.
func (o *origins) query(i, end int) (columns []origin, whole bool, next int) {
	start := o.listStart(i)
	from, next := end, end
	for j := start; j < end; j++ {
		switch {
		case o.partner[j] > j:
			j = o.partner[j]
		case o.mark(j-1, "."):
		case o.word(j, "from") && from == end:
			from = j
		case o.word(j, "union", "except", "intersect"):
			next = j
		}
		if next < end {
			break
		}
	}
	s := scope{relations: map[string][]origin{}, whole: true}
	if from < next {
		o.from(&s, from+1, next)
	}
	columns, whole = o.items(&s, start, min(from, next))
	return columns, whole, next
}

// from notes the relations of a FROM.
func (o *origins) from(s *scope, i, end int) {
	for ; i < end; i++ {
		switch {
		case !o.mark(i-1, ".") && o.word(i, "where", "group", "having", "order", "limit", "offset", "fetch", "window", "for", "qualify"):
			return
		case o.clause[i] != relationName || o.word(i, "lateral", "only"):
			if o.partner[i] > i {
				i = o.partner[i]
			}
		case o.mark(i, "(") && o.partner[i] > i && o.word(i+1, "select", "with", "values"):
			columns, whole := o.statement(i+1, o.partner[i])
			if !whole {
				columns = nil
			}
			i = o.alias(s, o.partner[i]+1, "", columns)
		case o.name(i):
			names, next := o.chain(i)
			if o.mark(next, "(") && o.partner[next] > 0 {
				i = o.alias(s, o.partner[next]+1, names[len(names)-1], nil)
				continue
			}
			i = o.alias(s, next, names[len(names)-1], o.relationColumns(names))
		}
	}
}

// relationColumns returns the columns of a relation of the catalog, or of a CTE.
func (o *origins) relationColumns(names []string) []origin {
	if len(names) == 1 {
		if columns, ok := o.withs[names[0]]; ok {
			return columns
		}
	}
	schema := ""
	if len(names) > 1 {
		schema = names[len(names)-2]
	}
	r := findRelation(schema, names[len(names)-1])
	if r == nil {
		return nil
	}
	var columns []origin
	for _, c := range r.columns {
		columns = append(columns, origin(c))
	}
	return columns
}

// alias reads the alias that may stand at a token, adds the relation to the
// scope, and returns the last token of it.
func (o *origins) alias(s *scope, i int, name string, columns []origin) int {
	if o.word(i, "as") {
		i++
	}
	if o.name(i) && !(o.tokens[i].Kind == parser.Word && o.joinWord(i)) {
		name = o.tokens[i].Value
		i++
		if o.mark(i, "(") && o.partner[i] > 0 {
			columns = renamed(append([]origin(nil), columns...), o.nameList(i))
			i = o.partner[i] + 1
		}
	}
	s.relations[name] = columns
	s.order = append(s.order, name)
	s.whole = s.whole && columns != nil
	return i - 1
}

// items returns the columns of a select list.
func (o *origins) items(s *scope, start, end int) (columns []origin, whole bool) {
	for i := start; i <= end; i++ {
		if i < end && !o.mark(i, ",") {
			if o.partner[i] > i {
				i = o.partner[i]
			}
			continue
		}
		switch {
		case i == start+1 && o.tokens[start].Text == "*":
			if !s.whole {
				return nil, false
			}
			for _, name := range s.order {
				columns = append(columns, s.relations[name]...)
			}
		case i-3 >= start && o.tokens[i-1].Text == "*" && o.mark(i-2, "."):
			of := s.relations[o.tokens[i-3].Value]
			if of == nil {
				return nil, false
			}
			columns = append(columns, of...)
		default:
			columns = append(columns, o.item(s, start, i))
		}
		start = i + 1
	}
	return columns, true
}

// item returns the column that one item of a select list makes.
func (o *origins) item(s *scope, start, end int) origin {
	named := ""
	switch last := end - 1; {
	case last > start+1 && o.word(last-1, "as") && o.name(last):
		named, end = o.tokens[last].Value, end-2
	case last > start && o.name(last) && !o.mark(last-1, ".") && !o.mark(last-1, "::") && o.tokens[last-1].Kind != parser.Operator:
		named, end = o.tokens[last].Value, end-1
	}
	out := o.expression(s, start, end)
	if named != "" {
		out.name = named
	}
	return out
}

// expression returns the origin of what stands between two tokens.
func (o *origins) expression(s *scope, start, end int) origin {
	names, next := o.chain(start)
	if base, typeName := o.withoutCasts(start, end); base > start && base < end {
		name := ""
		if next == base && len(names) > 0 {
			name = names[len(names)-1]
		}
		return origin{name, typeName}
	}
	if len(names) == 0 {
		return origin{}
	}
	last := names[len(names)-1]
	switch {
	case next == end && nameFunctions[last] && len(names) == 1 && o.tokens[start].Kind == parser.Word && len(s.order) == 0,
		o.mark(next, "(") && o.partner[next] == end-1 && nameFunctions[last]:
		return origin{last, "name"}
	case next != end:
		return origin{}
	case len(names) > 1:
		return origin{last, find(s.relations[names[len(names)-2]], last)}
	}
	for _, name := range s.order {
		if pgType := find(s.relations[name], last); pgType != "" {
			return origin{last, pgType}
		}
	}
	return origin{last, ""}
}

// find returns the type of a column by its name.
func find(columns []origin, name string) string {
	for _, c := range columns {
		if c.name == name {
			return c.pgType
		}
	}
	return ""
}
