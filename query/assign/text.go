package assign

import (
	"sort"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/parser"
)

// Text is a text made of pieces of another one and of text put between them. It
// remembers where each part stood. Make one with NewText.
type Text struct {
	sql   string // the other text
	last  int    // up to where it was copied
	out   strings.Builder
	parts []part
	base  int
	lost  bool
}

// NewText returns an empty text made of pieces of sql.
func NewText(sql string) *Text { return &Text{sql: sql} }

// String returns the text as made so far.
func (r *Text) String() string { return r.out.String() }

// Shift says that n bytes were put before the whole text.
func (r *Text) Shift(n int) { r.base = n }

// Lose says that the text was rewritten once more: places are unknown.
func (r *Text) Lose() { r.lost = true }

// part says where a piece begins in the new text and in the statement.
type part struct {
	to, from int
	inserted bool // the whole part stands for one place
}

// CopyTo copies on from where the last copy ended.
func (r *Text) CopyTo(end int) {
	r.parts = append(r.parts, part{to: r.out.Len(), from: r.last})
	r.out.WriteString(r.sql[r.last:end])
	r.last = end
}

// SkipTo leaves out what stands before the offset.
func (r *Text) SkipTo(offset int) { r.last = offset }

// Insert puts text in, for which an offset of the other text stands.
func (r *Text) Insert(text string, offset int) {
	r.parts = append(r.parts, part{to: r.out.Len(), from: offset, inserted: true})
	r.out.WriteString(text)
}

// Cast copies up to a cell, and the cell as a value of the type; missing is
// what DEFAULT means.
func (r *Text) Cast(c parser.Cell, t batch.Type, missing string) {
	r.CopyTo(c.Offset)
	r.Insert("CAST(", c.Offset)
	switch {
	case c.Kind == parser.DefaultCell:
		r.Insert(missing, c.Offset)
		r.last = c.End()
	case c.Kind == parser.TextCell && isArray(t) && strings.HasPrefix(c.Text, "'{"):
		r.Insert("'[' || (", c.Offset)
		r.CopyTo(c.End())
		r.Insert(")[2:-2] || ']'", c.Offset)
	default:
		r.CopyTo(c.End())
	}
	r.Insert(" AS "+t.String()+")", c.Offset)
}

// Original returns the place in the statement of an offset in the new text.
func (r *Text) Original(offset int) int {
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
