package pgcatalog

import (
	"regexp"
	"strconv"

	"github.com/millstream-db/millstream/query/parser"
)

// series handles generate_series, whose name is token i.
func (r *rewriter) series(i, closing int) {
	for j := i + 2; j < closing; j++ { // '10' is a number when nothing says that it is another thing
		if (r.mark(j-1, "(") && j == i+2 || r.mark(j-1, ",")) && (r.mark(j+1, ",") || j+1 == closing) && r.tokens[j].Kind == parser.String &&
			integerText.MatchString(r.tokens[j].Value) {
			r.replace(j, j+1, r.tokens[j].Value)
		}
	}
	small := r.smallIntegers(i+2, closing)
	switch {
	case r.clause[i] == relationName && small && !r.word(closing+1, "with"):
		r.before(i, "(SELECT CAST(generate_series AS INTEGER) AS generate_series FROM ")
		if r.aliased(closing + 1) {
			r.behind(closing, ")")
		} else {
			r.behind(closing, ") AS generate_series")
		}
		r.columnAlias(closing + 1)
	case r.clause[i] == relationName:
		r.columnAlias(closing + 1)
	case r.clause[i] == selectList && r.itemBegins(i): // a row for each value
		r.before(i, "unnest(")
		if small {
			r.behind(closing, ")::INTEGER")
		} else {
			r.behind(closing, ")")
		}
	}
}

var integerText = regexp.MustCompile(`^\s*[+-]?[0-9]+\s*$`)

// smallIntegers reports whether tokens are about integers of four bytes alone:
// then so is the series, which is of eight in DuckDB.
func (r *rewriter) smallIntegers(start, end int) bool {
	for i := start; i < end; i++ {
		t := r.tokens[i]
		switch {
		case t.Kind == parser.Param, r.mark(i, ","), r.mark(i, "("), r.mark(i, ")"), t.Text == "+", t.Text == "-", t.Text == "*":
		case t.Kind == parser.Number || t.Kind == parser.String && integerText.MatchString(t.Value):
			if _, err := strconv.ParseInt(t.Value, 10, 32); err != nil {
				return false
			}
		case r.mark(i, "::") && r.word(i+1, "int", "int4", "integer") && !r.mark(i+2, "["):
			i++
		default:
			return false
		}
	}
	return start < end
}

// aliased reports whether an alias stands at a token.
func (r *rewriter) aliased(i int) bool {
	return r.word(i, "as") || r.name(i) && !r.joinWord(i)
}

// unnested names the column of unnest in FROM, whose name is token i, as its
// alias, unless the statement names it as DuckDB does.
func (r *rewriter) unnested(i, closing int) {
	for j, t := range r.tokens {
		if t.Kind == parser.Word && t.Value == "unnest" && !r.mark(j+1, "(") {
			return
		}
	}
	r.columnAlias(closing + 1)
}
