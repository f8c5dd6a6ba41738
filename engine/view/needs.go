package view

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// Needs is what a statement needs of the relation {{state}}: the rows that are
// in all of what is set. It may be given more, since it applies its conditions
// itself, but never less.
type Needs struct {
	// Low and High bound the start of windows, in microseconds; windows of rows
	// without an event time are in no interval. They say nothing of sessions.
	Low, High int64
	Keys      []KeyNeed
	Top       *TopNeed
}

// KeyNeed is the values of one key of which a row must have one. A vector holds
// one value of the key's type; one without Values is NULL.
type KeyNeed struct {
	Key    int // index into Definition.Keys
	Values []batch.Vector
}

// TopNeed is, of each window, the rows that come first when they are ordered by
// a column of {{state}}: so many and those that are equal to the last of them.
// Rows without a value may come first or last, and are always among them.
type TopNeed struct {
	Column int // its type must be Orderable
	Desc   bool
	Rows   int // at least 1
}

// Selection is the rows of a view that a statement needs. It implements duck.Relation.
type Selection struct {
	duck.Relation
	live *Relation         // in place; nil when rows are copies
	rows arrow.RecordBatch // nil when they are read in place
}

// Copied reports whether the selection needs the snapshot no longer.
func (s *Selection) Copied() bool { return s.live == nil }

// Release gives up what was made for the selection. Its scans must have ended.
func (s *Selection) Release() {
	if s.live != nil {
		s.live.Release()
	}
	if s.rows != nil {
		s.rows.Release()
	}
}

// Selections are what a statement reads of views, by their names.
type Selections map[string]*Selection

// Release gives all of them up.
func (s Selections) Release() {
	for _, x := range s {
		x.Release()
	}
}

// SelectAll returns what Select does of each view of which Selects says that it can.
// of returns the state of a view, nil if there is none. copied says that there is
// something, and that none of it needs the snapshots any longer.
func SelectAll(needs map[string]*Needs, checkpoint uint64, of func(view string) *Snapshot) (s Selections, copied bool) {
	s, copied = make(Selections, len(needs)), len(needs) > 0
	for name, n := range needs {
		state := of(name)
		if state == nil || !state.Selects() {
			copied = false
			continue
		}
		s[name] = state.Select(checkpoint, n)
		copied = copied && s[name].Copied()
	}
	return s, copied
}

const (
	// mostPart is the part of all rows beyond which reading them in place is
	// cheaper than copying those that are needed, and fewRows what is always copied.
	mostPart = 32
	fewRows  = 1024
	// mostProbes is how many combinations of keys are looked up. More are looked
	// for in all rows, where a row is compared with so many values of a key at most.
	mostProbes   = 4096
	mostCompared = 16
)

// Selects reports whether Select can be used. Bags name groups of the relation of
// Live.
func (s *Snapshot) Selects() bool { return !s.view.bags }

// Select returns the rows of Live that a statement needs. The caller must
// Release them.
func (s *Snapshot) Select(checkpoint uint64, n *Needs) *Selection {
	var keep func(start, end int64) bool
	if s.view.windows != nil {
		keep = func(start, _ int64) bool { return start >= n.Low && start <= n.High }
	}
	live := s.live(checkpoint, keep)
	c := &chosen{r: live, most: max(fewRows, live.Rows()/mostPart)}
	switch {
	case len(n.Keys) > 0:
		c.lookUp(n.Keys)
	case n.Top != nil:
		c.top(n.Top)
	default:
		c.most = -1
	}
	if c.tooMany() {
		return &Selection{Relation: live, live: live}
	}
	schema := batch.NewSchema(s.view.columns)
	rec := c.copy(schema)
	live.Release()
	return &Selection{Relation: &duck.RecordRelation{Schema: schema, Records: []arrow.RecordBatch{rec}}, rows: rec}
}

// chosen is rows of a relation, unless they become too many.
type chosen struct {
	r    *Relation
	rows []chosenRow
	most int // rows that are worth copying
}

// chosenRow is a row of a window's pages.
type chosenRow struct {
	w   *windowSnapshot
	row int
}

func (c *chosen) tooMany() bool { return len(c.rows) > c.most }

// each calls f for the rows of a window that the relation shows, with their
// page, as long as more, which is asked after each page, says so.
func (c *chosen) each(w *windowSnapshot, f func(p unsafe.Pointer, at, row int), more func() bool) {
	for i := range w.pages {
		p := w.pages[i]
		for at := range min(aggregate.PageRows, w.n-i<<aggregate.PageShift) {
			if !w.rowBounds || c.r.shows(p, at) {
				f(p, at, i<<aggregate.PageShift|at)
			}
		}
		if !more() {
			return
		}
	}
}

// copy returns the rows as a record that the caller releases.
func (c *chosen) copy(schema *batch.Schema) arrow.RecordBatch {
	v := c.r.view
	b := batch.NewBuilder(v.mem, schema)
	for _, x := range c.rows {
		p, at := x.w.pages[x.row>>aggregate.PageShift], x.row&(aggregate.PageRows-1)
		next := 0
		if v.def.Window != nil {
			c.copyBounds(b, x.w, p, at)
			next = 2
		}
		v.keys.appendRow(b, next, len(v.keys.columns), p, at)
		next += len(v.keys.columns)
		for i := v.bounds; i < len(v.accs.columns); i++ {
			v.accs.appendCell(b.Column(next+i-v.bounds), i, p, at)
		}
	}
	return b.Finish()
}

// copyBounds copies a row's window_start and window_end.
func (c *chosen) copyBounds(b *batch.Builder, w *windowSnapshot, p unsafe.Pointer, at int) {
	l := &c.r.view.accs
	for i, bound := range []int64{w.start, w.end} {
		switch {
		case w.null:
			b.Column(i).AppendNull()
		case w.rowBounds:
			b.Column(i).AppendInt64(*(*int64)(l.value(p, i, at)))
		default:
			b.Column(i).AppendInt64(bound)
		}
	}
}

// stateColumn returns which column of which layout a state column is. It is not for
// window_start and window_end.
func (v *View) stateColumn(column int) (l *blockLayout, index int) {
	if v.def.Window != nil {
		column -= 2
	}
	if column < len(v.keys.columns) {
		return &v.keys, column
	}
	return &v.accs, column - len(v.keys.columns) + v.bounds
}

// stateNull reports whether a state column has no value in a row of a page.
func (v *View) stateNull(p unsafe.Pointer, column, at int) bool {
	l, i := v.stateColumn(column)
	return l.columns[i].nullable && !*l.valid(p, i, at)
}
