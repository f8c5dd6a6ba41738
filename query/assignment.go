package query

import (
	"slices"
	"sort"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/parser"
)

// assignable reports whether a column takes a value of DuckDB's type from by
// itself. The rules are PostgreSQL's assignment casts: numbers go into numbers,
// times into times, everything into text; text goes nowhere else, because only
// a literal, which has no type yet, may turn out to be a number or a time.
func assignable(from string, to batch.Type) bool {
	switch {
	case from == to.String(), from == `"NULL"`, from == "":
		return true
	case to.Kind == batch.Varchar:
		return true
	case to.Kind == batch.JSON: // which is also what lists and structs are declared as
		return nested(from)
	case numeric(from):
		return numeric(to.String())
	case temporal(from):
		return temporal(to.String()) || to.Kind == batch.Time && from != "DATE"
	}
	return to.Kind == batch.Time && from == "TIME WITH TIME ZONE"
}

func numeric(t string) bool {
	return strings.HasPrefix(t, "DECIMAL(") || slices.Contains([]string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
		"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "BIGNUM"}, t)
}

func temporal(t string) bool { return t == "DATE" || strings.HasPrefix(t, "TIMESTAMP") }

func nested(t string) bool {
	return strings.HasSuffix(t, "]") || strings.HasPrefix(t, "STRUCT(") || strings.HasPrefix(t, "MAP(")
}

// rewriting is a piece of a statement with text put in, which remembers where
// each part stood.
type rewriting struct {
	sql   string // the whole statement
	last  int    // up to where it was copied
	out   strings.Builder
	parts []rewritten
	base  int  // length of what stands before the rewritten text
	lost  bool // the text was rewritten once more: places are unknown
}

// rewritten is where a part begins in the new text and in the statement.
type rewritten struct {
	to, from int
	inserted bool // the whole part stands for one place
}

func (r *rewriting) copyTo(end int) {
	r.parts = append(r.parts, rewritten{to: r.out.Len(), from: r.last})
	r.out.WriteString(r.sql[r.last:end])
	r.last = end
}

func (r *rewriting) insert(text string, offset int) {
	r.parts = append(r.parts, rewritten{to: r.out.Len(), from: offset, inserted: true})
	r.out.WriteString(text)
}

// cast copies up to a cell, and the cell as a value of the type; missing is
// what DEFAULT means.
func (r *rewriting) cast(c parser.Cell, t batch.Type, missing string) {
	r.copyTo(c.Offset)
	r.insert("CAST(", c.Offset)
	if c.Kind == parser.DefaultCell {
		r.insert(missing, c.Offset)
		r.last = c.End()
	} else {
		r.copyTo(c.End())
	}
	r.insert(" AS "+t.String()+")", c.Offset)
}

// original returns the place in the statement of an offset in the new text.
func (r *rewriting) original(offset int) int {
	offset -= r.base
	if offset < 0 || r.lost {
		return parser.NoOffset
	}
	i := sort.Search(len(r.parts), func(i int) bool { return r.parts[i].to > offset }) - 1
	if i < 0 {
		return parser.NoOffset
	}
	if p := r.parts[i]; !p.inserted {
		return min(p.from+offset-p.to, len(r.sql))
	}
	return r.parts[i].from
}
