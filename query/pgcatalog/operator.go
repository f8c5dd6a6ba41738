package pgcatalog

import (
	"github.com/millstream-db/millstream/query/parser"
)

// operators rewrites OPERATOR(pg_catalog.x) to x.
func (r *rewriter) operators() {
	for i := range r.tokens {
		if r.word(i, "operator") && r.mark(i+1, "(") && r.word(i+2, "pg_catalog") && r.mark(i+3, ".") && r.partner[i+1] == i+5 {
			r.catalog = true
			r.replace(i, i+6, " "+shadowOperator(r.tokens[i+4].Text)+" ")
			r.pattern(r.tokens[i+4].Text, i+6)
		}
	}
}

// shadowOperator returns DuckDB's operator for one of Postgres's.
func shadowOperator(op string) string {
	switch op {
	case "~*":
		return "~"
	case "!~*":
		return "!~"
	}
	return op
}

// pattern makes the pattern behind a regular expression operator match
// anywhere, as in Postgres; DuckDB's operator matches the whole string.
func (r *rewriter) pattern(op string, first int) {
	flags := ""
	switch op {
	case "~", "!~":
		flags = "s"
	case "~*", "!~*":
		flags = "si"
	default:
		return
	}
	if r.word(first, "any", "all", "some") {
		return
	}
	if last := r.operandEnd(first); last >= first {
		r.before(first, "('(?"+flags+").*(?:' || ")
		r.behind(last, " || ').*')")
	}
}

// operandEnd returns the last token of the operand that begins at a token, or
// -1 if none does.
func (r *rewriter) operandEnd(first int) int {
	last := first
	switch {
	case r.mark(first, "("), r.mark(first, "["):
		last = r.partner[first]
	case r.name(first):
		_, end := r.chain(first)
		last = end - 1
		if r.mark(end, "(") {
			last = r.partner[end]
		}
	case r.tokens[first].Kind == parser.String, r.tokens[first].Kind == parser.Param, r.tokens[first].Kind == parser.Number:
	default:
		return -1
	}
	for last > 0 {
		switch next := last + 1; {
		case r.mark(next, "["):
			last = r.partner[next]
		case r.mark(next, "::"):
			_, end := r.chain(next + 1)
			last = end - 1
		default:
			return last
		}
	}
	return -1
}
