package pgcatalog

import (
	"sync"

	"github.com/millstream-db/millstream/query/parser"
)

// vectorColumns and procedureColumns are the names of the catalog's columns of
// type int2vector and oidvector, and of type regproc, arrayColumns those of all
// vectors and of arrays of numbers. No other column has such a name.
var (
	vectorColumns    = sync.OnceValue(func() map[string]bool { return columnsOf("int2vector", "oidvector") })
	arrayColumns     = sync.OnceValue(func() map[string]bool { return columnsOf("int2vector", "oidvector", "int2[]", "int4[]", "oid[]") })
	procedureColumns = sync.OnceValue(func() map[string]bool { return columnsOf("regproc") })
)

func columnsOf(types ...string) map[string]bool {
	of := map[string]bool{}
	for _, t := range types {
		of[t] = true
	}
	names := map[string]bool{}
	for _, r := range relations() {
		for _, c := range r.columns {
			if of[c.pgType] {
				names[c.name] = true
			}
		}
	}
	return names
}

// vectors rewrites what counts the elements of an int2vector or oidvector, which
// in Postgres begin with 0 and in DuckDB, where they are lists, with 1, and what
// makes a text of one, which has blanks between the elements.
func (r *rewriter) vectors() {
	for i := range r.tokens {
		if !r.name(i) || r.mark(i-1, ".") {
			continue
		}
		names, end := r.chain(i)
		last := names[len(names)-1]
		closing := -1
		if end < len(r.partner) {
			closing = r.partner[end]
		}
		switch {
		case r.mark(end, "::") && vectorColumns()[last]:
			if types, typeEnd := r.chain(end + 1); len(types) > 0 && (types[len(types)-1] == "text" || types[len(types)-1] == "varchar") {
				r.before(i, "array_to_string(")
				r.replace(end, typeEnd, ", ' ')")
			}
		case closing <= end:
		case r.mark(end, "[") && vectorColumns()[last] && !r.slice(end):
			r.behind(end, "1 + (")
			r.before(closing, ")")
		case r.mark(end, "(") && (last == "array_lower" || last == "array_upper" || last == "generate_subscripts"):
			r.countFromZero(i, end, last)
		}
	}
}

// slice reports whether the subscript at a token is a range.
func (r *rewriter) slice(open int) bool {
	for i := open + 1; i < r.partner[open]; i++ {
		if r.mark(i, ":") {
			return true
		}
	}
	return false
}

// countFromZero rewrites the call of a function over the subscripts of a vector:
// array_lower(indkey, 1).
func (r *rewriter) countFromZero(i, open int, function string) {
	names, end := r.chain(open + 1)
	if len(names) == 0 || !vectorColumns()[names[len(names)-1]] || !r.mark(end, ",") {
		return
	}
	first := open + 1
	if len(names) > 2 && isSystemSchema(names[0]) {
		first += 2 // the shadow's relation has no schema in an expression
	}
	vector := r.sql[r.tokens[first].Offset:r.tokens[end-1].End()]
	switch closing := r.partner[open]; {
	case function != "generate_subscripts" || r.clause[i] != relationName:
		r.behind(closing, " - 1")
	case end+2 == closing && r.tokens[end+1].Kind == parser.Number: // no parameter may be lost
		r.replace(i, closing+1, "generate_series(0, len("+vector+") - 1)")
	}
}

// procedures shows the functions that columns of type regproc name by their
// names, as Postgres does in a result and as text; inside they are numbers.
func (r *rewriter) procedures() {
	var first []edit // these enclose what other passes write at the same place
	depth := 0
	for i := 0; i < len(r.tokens); i++ {
		switch {
		case r.partner[i] > i:
			depth++
		case r.partner[i] >= 0:
			depth--
		case r.name(i) && !r.mark(i-1, "."):
			names, end := r.chain(i)
			last := names[len(names)-1]
			if procedureColumns()[last] && !r.taken[end-1] {
				if behind := r.shownProcedure(i, end, last, depth == 0); behind != "" {
					start := r.tokens[i].Offset
					first = append(first, edit{start, start, catalogSchema + ".regproc_out("})
					r.behind(end-1, behind)
				}
			}
			i = end - 1
		}
	}
	r.edits = append(first, r.edits...)
}

// shownProcedure returns what closes the call around a column that is seen, and
// "" for one that isn't: it is an item of the outermost select list, or cast to
// a text.
func (r *rewriter) shownProcedure(i, end int, name string, outermost bool) string {
	if r.mark(end, "::") {
		types, _ := r.chain(end + 1)
		if len(types) > 0 && (types[len(types)-1] == "text" || types[len(types)-1] == "varchar") {
			return ")"
		}
		return ""
	}
	if !outermost || r.clause[i] != selectList || !r.mark(i-1, ",") && !r.word(i-1, "select", "distinct", "all") {
		return ""
	}
	switch {
	case r.mark(end, ","), r.mark(end, ";"), r.word(end, "from"), r.tokens[end].Kind == parser.EOF:
		return ") AS " + name
	case r.name(end):
		return ")"
	}
	return ""
}
