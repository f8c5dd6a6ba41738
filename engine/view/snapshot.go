package view

import (
	"fmt"
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// Snapshot is a view's state at one epoch. It is immutable and valid while
// that epoch is pinned.
type Snapshot struct {
	view    *View // for its layouts, which never change
	windows []*windowSnapshot
	groups  int
	members int // entries of details
	bytes   int64
}

type windowSnapshot struct {
	start, end int64
	null       bool
	closed     uint64
	n          int
	members    int
	bytes      int64
	bounds     unsafe.Pointer
	pages      []pageSnapshot
	bags       []*bag // by aggregate, nil where there is none
}

type pageSnapshot struct {
	keys, accs unsafe.Pointer
	capacity   int
}

// Snapshot freezes the state as it is now. What has not changed is shared with
// the previous snapshot.
func (v *View) Snapshot() *Snapshot {
	changed := v.moved || v.last == nil
	for _, g := range v.order {
		if g.changed {
			g.freeze()
			changed = true
		}
	}
	if !changed {
		return v.last
	}
	s := &Snapshot{view: v, windows: make([]*windowSnapshot, len(v.order))}
	for i, g := range v.order {
		s.windows[i] = g.frozen
		s.groups += g.frozen.n
		s.bytes += g.frozen.bytes
		s.members += g.frozen.members
	}
	v.moved, v.last = false, s
	return s
}

func (g *groups) freeze() {
	w := &windowSnapshot{
		start: g.start, end: g.end, null: g.null, closed: g.closed, n: int(g.n), members: g.members(), bytes: g.bytes(),
		bounds: unsafe.Pointer(&g.bounds[0]), pages: make([]pageSnapshot, len(g.pages)),
	}
	for i := range g.pages {
		p := &g.pages[i]
		w.pages[i] = pageSnapshot{unsafe.Pointer(&p.keys[0]), unsafe.Pointer(&p.accs[0]), p.capacity}
	}
	if g.v.bags {
		w.bags = make([]*bag, len(g.details))
		for i, d := range g.details {
			if b, ok := d.(*bag); ok {
				w.bags[i] = b.Freeze().(*bag)
			}
		}
	}
	g.frozen, g.changed = w, false
}

// Groups returns the number of groups, in all windows.
func (s *Snapshot) Groups() int { return s.groups }

// StateRows returns how many rows a checkpoint of the whole state has.
func (s *Snapshot) StateRows() int { return s.groups + s.members }

// Windows returns the number of windows.
func (s *Snapshot) Windows() int { return len(s.windows) }

// Bytes returns the memory that the state takes.
func (s *Snapshot) Bytes() int64 { return s.bytes }

// Relation is a part of a snapshot's windows as a table: window_start and
// window_end where the view has a window, then k0…, a0….
type Relation struct {
	s    *Snapshot
	pick func(*windowSnapshot) bool
}

// Live returns the windows that a checkpoint of the given epoch has not moved
// into history.
func (s *Snapshot) Live(checkpoint uint64) *Relation {
	return &Relation{s, func(w *windowSnapshot) bool { return w.closed == 0 || w.closed > checkpoint }}
}

// Closed returns the windows that a checkpoint of this snapshot's epoch has to
// move into history: all that are closed.
func (s *Snapshot) Closed() *Relation {
	return &Relation{s, func(w *windowSnapshot) bool { return w.closed != 0 }}
}

// Empty reports whether the relation has no windows.
func (r *Relation) Empty() bool {
	for _, w := range r.s.windows {
		if r.pick(w) && w.n > 0 {
			return false
		}
	}
	return true
}

// Columns returns the state's columns.
func (r *Relation) Columns() []batch.Column { return r.s.view.columns }

// Rows returns the number of groups.
func (r *Relation) Rows() int { return r.s.groups }

// Ordered is false: groups have no order.
func (r *Relation) Ordered() bool { return false }

// Scan returns a chunk for each page.
func (r *Relation) Scan(columns []int) []duck.Chunk {
	var chunks []duck.Chunk
	for _, w := range r.s.windows {
		if !r.pick(w) {
			continue
		}
		for i, p := range w.pages {
			rows := min(aggregate.PageRows, w.n-i<<aggregate.PageShift)
			if rows <= 0 {
				break
			}
			cells := make([]duck.Cell, len(columns))
			for j, column := range columns {
				cells[j] = r.cell(w, p, column)
			}
			chunks = append(chunks, duck.Chunk{Rows: rows, Cells: cells})
		}
	}
	return chunks
}

func (r *Relation) cell(w *windowSnapshot, p pageSnapshot, column int) duck.Cell {
	v := r.s.view
	if v.def.Window != nil {
		if column < 2 {
			if w.null {
				return duck.Cell{Layout: duck.LayoutNull}
			}
			return duck.Cell{Layout: duck.LayoutConst64, Data: unsafe.Add(w.bounds, 8*column)}
		}
		column -= 2
	}
	if column < len(v.keys.columns) {
		return v.keys.cell(p.keys, p.capacity, column)
	}
	return v.accs.cell(p.accs, p.capacity, column-len(v.keys.columns))
}

// BagRelation is the rows behind a Bag as a table: g, v0, ….
type BagRelation struct {
	of        *Relation
	aggregate int
	columns   []batch.Column
}

// Bag returns the rows of aggregate i, a Bag, in the relation's windows.
func (r *Relation) Bag(i int) *BagRelation {
	v := r.s.view
	types := v.def.argTypes(i)
	b := &BagRelation{of: r, aggregate: i, columns: []batch.Column{{Name: "g", Type: bigintType}}}
	for j, t := range types {
		b.columns = append(b.columns, batch.Column{Name: fmt.Sprint("v", j), Type: t})
	}
	return b
}

// Columns returns g and the arguments.
func (b *BagRelation) Columns() []batch.Column { return b.columns }

// Rows returns the number of rows in all windows.
func (b *BagRelation) Rows() (n int) {
	for _, w := range b.of.s.windows {
		n += w.bags[b.aggregate].n
	}
	return n
}

// Ordered is true: rows come in the order in which they were added.
func (b *BagRelation) Ordered() bool { return true }

// Scan returns a chunk for each page.
func (b *BagRelation) Scan(columns []int) (chunks []duck.Chunk) {
	for _, w := range b.of.s.windows {
		if b.of.pick(w) {
			chunks = append(chunks, w.bags[b.aggregate].chunks(columns)...)
		}
	}
	return chunks
}
