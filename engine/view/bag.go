package view

import (
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// bag is the detail of an aggregate that needs all its arguments: the rows of a
// window, each with its group's g and its number in the order in which rows came
// to the view: where bags are merged, that is not the order in which they lie.
// Stage three aggregates them in DuckDB, so what a bag can do is what DuckDB
// can. Rows are only appended; readers know how many were there.
type bag struct {
	v      *View
	g      *groups
	layout *blockLayout // g, n, then the arguments
	pages  []bagPage
	n      int
	taken  int      // rows that checkpoints have
	last   []uint32 // by group: its last row + 1; nil when frozen
	before []uint32 // by row: the group's row before, + 1
}

type bagPage struct {
	block    []byte
	born     uint64
	capacity int
}

var bigintType = batch.Type{Kind: batch.BigInt}

func bagLayout(args []batch.Type) *blockLayout {
	l := &blockLayout{}
	l.add(bigintType, 8, false)
	l.add(bigintType, 8, true) // never NULL: so that it is copied, written and read as the arguments are
	for _, t := range args {
		l.add(t, stateWidth(t), true)
	}
	arrange(l)
	return l
}

func newBag(v *View, g *groups, args []batch.Type) *bag {
	return &bag{v: v, g: g, layout: bagLayout(args)}
}

// Len returns the number of rows.
func (b *bag) Len() int { return b.n }

// Add appends rows.
func (b *bag) Add(_ []aggregate.Column, groups []uint32, rows []int32, args []batch.Vector) {
	for i, group := range groups {
		block, at := b.append(group)
		*b.layout.valid(block, 1, at) = true
		*(*int64)(b.layout.value(block, 1, at)) = b.v.arrived + int64(rows[i])
		for j := range args {
			if row := int(rows[i]); !args[j].Null(row) {
				*b.layout.valid(block, j+2, at) = true
				store(b.layout.value(block, j+2, at), &args[j], row, b.g.arena)
			}
		}
	}
}

// append makes a row of NULLs for a group and returns its place.
func (b *bag) append(group uint32) (block unsafe.Pointer, at int) {
	index, at := b.n>>aggregate.PageShift, b.n&(aggregate.PageRows-1)
	switch {
	case index == len(b.pages):
		capacity := aggregate.PageRows
		if index == 0 {
			capacity = 16
		}
		b.pages = append(b.pages, bagPage{})
		b.setPage(index, capacity)
	case at == b.pages[index].capacity:
		b.setPage(index, min(aggregate.PageRows, 4*at))
	}
	p := &b.pages[index]
	block = unsafe.Pointer(&p.block[0])
	*(*int64)(b.layout.value(block, 0, at)) = b.g.rowID(group)
	for int(group) >= len(b.last) {
		b.last = append(b.last, 0)
	}
	b.before = append(b.before, b.last[group])
	b.n++
	b.last[group] = uint32(b.n)
	return block, at
}

func (b *bag) setPage(index, capacity int) {
	old := b.pages[index]
	p := bagPage{block: b.layout.allocate(b.v.mem, capacity), born: b.v.reclaim.Next(), capacity: capacity}
	if old.capacity > 0 {
		copy(p.block, old.block)
		b.v.reclaim.RetireMemory(old.born, old.block)
	}
	b.pages[index] = p
}

// Merge appends rows of another bag.
func (b *bag) Merge(_ []aggregate.Column, groups []uint32, from aggregate.Detail, fromGroups []uint32) {
	other := from.(*bag)
	if other.last == nil {
		into := aggregate.Renumbering(groups, fromGroups)
		for i := range other.n {
			if g := other.group(i); int(g) < len(into) && into[g] != 0 {
				b.copyRow(into[g]-1, other, i)
			}
		}
		return
	}
	var rows []uint32
	for i, g := range fromGroups {
		rows = rows[:0]
		if int(g) < len(other.last) {
			for at := other.last[g]; at != 0; at = other.before[at-1] {
				rows = append(rows, at-1)
			}
		}
		slices.Reverse(rows)
		for _, row := range rows {
			b.copyRow(groups[i], other, int(row))
		}
	}
}

// group returns the group of row i.
func (b *bag) group(i int) uint32 {
	p, row := &b.pages[i>>aggregate.PageShift], i&(aggregate.PageRows-1)
	return uint32(*(*int64)(b.layout.value(unsafe.Pointer(&p.block[0]), 0, row)))
}

// copyRow appends row i of another bag, or of this one.
func (b *bag) copyRow(group uint32, other *bag, i int) {
	block, at := b.append(group)
	p, row := &other.pages[i>>aggregate.PageShift], i&(aggregate.PageRows-1)
	source := unsafe.Pointer(&p.block[0])
	for j, c := range b.layout.columns[1:] {
		if *b.layout.valid(source, j+1, row) {
			*b.layout.valid(block, j+1, at) = true
			copyHeld(b.layout.value(block, j+1, at), b.layout.value(source, j+1, row), &c, b.g.arena)
		}
	}
}

// copyHeld copies a state value; a string gets bytes of its own.
func copyHeld(to, held unsafe.Pointer, c *stateColumn, arena *aggregate.Arena) {
	if c.typ.Physical() == batch.Bytes {
		*(*aggregate.StringHandle)(to) = arena.Handle((*aggregate.StringHandle)(held).Bytes())
		return
	}
	copy(unsafe.Slice((*byte)(to), c.width), unsafe.Slice((*byte)(held), c.width))
}

// Freeze returns the rows that are there now.
func (b *bag) Freeze() aggregate.Detail {
	f := *b
	f.pages = append([]bagPage(nil), b.pages...)
	f.last, f.before = nil, nil
	return &f
}

// Take returns the rows since the last call.
func (b *bag) Take(whole bool) aggregate.Entries {
	e := &bagEntries{rows: b.Freeze().(*bag), first: b.taken, before: b.taken}
	if whole {
		e.first = 0
	}
	b.taken = b.n
	return e
}

// Undo marks entries as not taken.
func (b *bag) Undo(e aggregate.Entries) { b.taken = min(b.taken, e.(*bagEntries).before) }

// Loaded marks all rows as taken.
func (b *bag) Loaded() { b.taken = b.n }

// Load appends a row that an entry encodes.
func (b *bag) Load(group uint32, value []byte) {
	block, at := b.append(group)
	for i, c := range b.layout.columns[1:] {
		null := value[0] == 0
		value = value[1:]
		if null {
			continue
		}
		*b.layout.valid(block, i+1, at) = true
		to := b.layout.value(block, i+1, at)
		if c.typ.Physical() == batch.Bytes {
			n, used := binary.Uvarint(value)
			*(*aggregate.StringHandle)(to) = b.g.arena.Handle(value[used : used+int(n)])
			value = value[used+int(n):]
			continue
		}
		copy(unsafe.Slice((*byte)(to), c.width), value)
		value = value[c.width:]
	}
	n := *(*int64)(b.layout.value(block, 1, at))
	b.v.arrived = max(b.v.arrived, n+1)
}

// Bytes returns the memory of the pages.
func (b *bag) Bytes() (n int64) {
	for i := range b.pages {
		n += int64(len(b.pages[i].block))
	}
	return n + int64(cap(b.last)+cap(b.before))*4
}

// retire gives the pages up.
func (b *bag) retire() {
	for i := range b.pages {
		b.v.reclaim.RetireMemory(b.pages[i].born, b.pages[i].block)
	}
	b.pages, b.n, b.last, b.before = nil, 0, nil, nil
}

// bagEntries are rows of a bag from some row on. An entry has for n and
// each argument a byte, 0 for NULL, else followed by the value as it lies in memory,
// or for strings by their length as a varint and their bytes.
type bagEntries struct {
	rows   *bag
	first  int
	before int // rows that checkpoints had
}

// Len returns the number of rows.
func (e *bagEntries) Len() int { return e.rows.n - e.first }

// Each calls f for every row.
func (e *bagEntries) Each(f func(group uint32, value []byte)) {
	var value []byte
	l := e.rows.layout
	for i := e.first; i < e.rows.n; i++ {
		p, row := &e.rows.pages[i>>aggregate.PageShift], i&(aggregate.PageRows-1)
		block := unsafe.Pointer(&p.block[0])
		value = value[:0]
		for j, c := range l.columns[1:] {
			if !*l.valid(block, j+1, row) {
				value = append(value, 0)
				continue
			}
			value = append(value, 1)
			held := l.value(block, j+1, row)
			if c.typ.Physical() == batch.Bytes {
				b := (*aggregate.StringHandle)(held).Bytes()
				value = append(binary.AppendUvarint(value, uint64(len(b))), b...)
			} else {
				value = append(value, unsafe.Slice((*byte)(held), c.width)...)
			}
		}
		f(e.rows.group(i), value)
	}
}

// chunks describes the rows to DuckDB, as those of a relation.
func (b *bag) chunks(r *BagRelation, columns []int) (chunks []duck.Chunk) {
	for i := range b.pages {
		p := &b.pages[i]
		rows := min(aggregate.PageRows, b.n-i<<aggregate.PageShift)
		if rows <= 0 {
			break
		}
		cells := make([]duck.Cell, len(columns))
		for j, c := range columns {
			if typ := r.columns[c].Type; typ.Nested != nil {
				cells[j] = r.of.unpacked(packedRows{b.layout, unsafe.Pointer(&p.block[0]), c, 0, rows}, typ)
			} else {
				cells[j] = b.layout.cell(unsafe.Pointer(&p.block[0]), c, 0)
			}
		}
		chunks = append(chunks, duck.Chunk{Rows: rows, Cells: cells})
	}
	return chunks
}
