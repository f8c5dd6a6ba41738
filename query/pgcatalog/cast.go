package pgcatalog

import (
	"slices"
	"strings"

	"github.com/millstream-db/millstream/query/parser"
)

// casts rewrites casts to types that DuckDB doesn't have: value::type and
// CAST(value AS type).
func (r *rewriter) casts() {
	for i := range r.tokens {
		switch {
		case r.mark(i, "::"):
			r.castTo(i, i+1, -1, i)
		case r.word(i, "cast", "try_cast") && r.mark(i+1, "(") && r.partner[i+1] > 0:
			r.castCall(i, r.partner[i+1])
		}
	}
}

// castCall handles CAST(…) between the word and its closing parenthesis.
func (r *rewriter) castCall(start, closing int) {
	as := closing - 1
	for ; as > start+1 && !r.word(as, "as"); as-- {
		if r.partner[as] >= 0 {
			as = r.partner[as]
		}
	}
	if as > start+1 {
		r.castTo(as, as+1, start, as)
	}
}

// castTo handles one cast: the type begins at a token, the value at another or
// at -1 if it must be looked for, and the operator (:: or AS) is a third.
func (r *rewriter) castTo(operator, typeAt, value, valueEnd int) {
	names, end := r.chain(typeAt)
	if len(names) == 0 || len(names) > 2 {
		return
	}
	name := names[len(names)-1]
	system := len(names) == 2 && isSystemSchema(names[0])
	if len(names) == 2 && !system {
		return
	}
	r.catalog = r.catalog || system
	stem := regTypes[name]
	switch {
	case stem != "" && !r.mark(end, "["):
		r.catalog = true
		r.castReg(operator, value, valueEnd, end, stem)
	case stem != "":
		r.replace(typeAt, end, "text")
	case typeNames[name] != "" && (system || name != "char"):
		r.replace(typeAt, end, typeNames[name])
	case system:
		r.replace(typeAt, end, name)
	}
}

// castReg handles a cast to one of the reg… types. Such a value is an OID, but
// is shown as a name: in a result column and as text.
func (r *rewriter) castReg(operator, value, valueEnd, typeEnd int, stem string) {
	if value < 0 {
		if value = r.operandStart(operator - 1); value < 0 {
			return
		}
	}
	call := r.word(value, "cast", "try_cast") && operator != value
	end := typeEnd // behind the whole cast
	if call {
		end++
	}
	shown := r.shown(value, end)
	literal := value
	if call {
		literal = value + 2
	}
	if t := r.tokens[literal]; t.Kind == parser.String && literal+1 == valueEnd && !shown {
		if oid := knownOID(stem, t.Value); oid != "" {
			r.replace(value, end, oid)
			return
		}
	}
	open, closing := catalogSchema+"."+stem+"_in(", ")"
	if shown {
		open, closing = catalogSchema+"."+stem+"_out("+open, "))"
	}
	if call {
		r.replace(value, value+2, open)
	} else {
		r.before(value, open)
	}
	r.replace(operator, end, closing)
}

// shown reports whether the value of a cast is seen as text, not as a number.
func (r *rewriter) shown(value, end int) bool {
	if r.mark(end, "::") {
		names, _ := r.chain(end + 1)
		return len(names) > 0 && slices.Contains([]string{"text", "varchar", "name", "character", "bpchar"}, names[len(names)-1])
	}
	if r.clause[value] != selectList || !r.mark(value-1, ",") && !r.word(value-1, "select", "distinct", "all") {
		return false
	}
	return r.mark(end, ",") || r.mark(end, ")") || r.mark(end, ";") || r.name(end) || r.tokens[end].Kind == parser.EOF
}

// knownOID returns the OID of a system object for a literal, so that it can
// stand where DuckDB allows no subquery, such as in the ON of an outer join.
func knownOID(stem, text string) string {
	name := strings.TrimPrefix(strings.ToLower(text), "pg_catalog.")
	switch stem {
	case "regclass":
		if r := findRelation("", name); r != nil {
			return itoa(r.oid)
		}
	case "regtype":
		return typeOIDs()[name]
	case "regproc":
		name, _, _ = strings.Cut(name, "(")
		return functionOIDs()[name]
	case "regnamespace":
		return map[string]string{"pg_catalog": "11", "public": "2200", "information_schema": "13207", "millstream": "16384"}[name]
	}
	return ""
}

// beforeParen is the words that may stand before a parenthesis and aren't names
// of functions.
var beforeParen = map[string]bool{
	"select": true, "where": true, "and": true, "or": true, "not": true, "in": true, "on": true, "by": true, "then": true, "else": true,
	"when": true, "case": true, "as": true, "from": true, "join": true, "having": true, "like": true, "ilike": true, "between": true,
	"distinct": true, "union": true, "all": true, "is": true, "values": true, "using": true, "limit": true, "offset": true, "returning": true,
}

// operandStart returns the first token of the operand that ends at a token, or
// -1 if there is none that :: could stand behind.
func (r *rewriter) operandStart(last int) int {
	if last < 0 {
		return -1
	}
	start := last
	switch {
	case r.mark(last, ")"), r.mark(last, "]"):
		if start = r.partner[last]; start < 0 {
			return -1
		}
		if !r.operandBefore(start) {
			return start
		}
		return r.operandStart(start - 1)
	case r.tokens[last].Kind == parser.Punct || r.tokens[last].Kind == parser.Operator:
		return -1
	}
	for r.mark(start-1, ".") && r.name(start-2) {
		start -= 2
	}
	if r.mark(start-1, "::") {
		return r.operandStart(start - 2)
	}
	return start
}

// operandBefore reports whether a bracket belongs to what stands before it: a
// function's arguments or a subscript.
func (r *rewriter) operandBefore(bracket int) bool {
	i := bracket - 1
	if r.mark(bracket, "[") && (r.mark(i, ")") || r.mark(i, "]")) {
		return true
	}
	return r.name(i) && !(r.tokens[i].Kind == parser.Word && beforeParen[r.tokens[i].Value])
}
