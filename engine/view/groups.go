package view

import (
	"sync/atomic"
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/epoch"
)

// page holds up to aggregate.PageRows groups. Their keys are written once, behind what
// any snapshot reads, and never change; before the first change of their accumulators in
// an epoch the page is copied if somebody may read it.
type page struct {
	rows     []byte
	capacity int
}

// groups is the state of one window or pane, or of all open sessions: a hash
// table of group keys over pages.
type groups struct {
	v          *View
	serial     int64 // different for all groups of the view
	number     int64 // of the pane
	start, end int64 // of the window; both 0 for a view without one
	pane       bool  // it is part of windows, and not one itself
	null       bool  // the window of rows without an event time
	rowBounds  bool  // each of its rows has bounds of its own: a session's, or a last event time
	closed     uint64
	taken      bool   // it has closed, and views over this one have it
	bounds     []byte // start and end again, off-heap, for DuckDB to read
	born       uint64

	n     uint32
	slots []uint64 // upper half: hash; lower half: group + 1; 0 is free
	pages []page
	// What each row asks of its page lies by itself, so that it stays in the caches when
	// there are thousands of pages: where it is, and the epoch that made it.
	blocks []unsafe.Pointer
	made   []uint64
	dirty  []uint64 // a bit for each group of all pages: it has changed since the last checkpoint

	arena *aggregate.Arena // long strings of keys and details, which stay
	// Those of accumulators, since the last tidy, and how many bytes of them there
	// are before the next.
	strings     *aggregate.Arena
	stringsBorn uint64
	tidyAt      int64
	accs        []aggregate.Column
	details     []aggregate.Detail // by aggregate, nil where there is none

	prefetched byte
	changed    bool // since the last snapshot
	frozen     *windowSnapshot
}

const (
	pageWords      = aggregate.PageRows / 64
	prefetchGroups = 256     // groups that prefetch reads together
	prefetchSlots  = 1 << 15 // slots of the smallest table that it is worth while for
)

func newGroups(v *View) *groups {
	v.serial++
	g := &groups{
		v: v, serial: v.serial, born: v.reclaim.Next(), stringsBorn: v.reclaim.Next(), changed: true,
		arena: aggregate.NewArena(v.mem), strings: aggregate.NewArena(v.mem), slots: make([]uint64, 16), accs: v.accs.accumulators(nil),
		details: make([]aggregate.Detail, len(v.def.Aggregates)),
	}
	for i := range v.def.Aggregates {
		g.details[i] = v.newDetail(i, g)
	}
	return g
}

// setBounds writes the window's bounds to where DuckDB reads them.
func (g *groups) setBounds() {
	if g.bounds == nil {
		g.bounds = g.v.mem.Allocate(16)
	}
	*(*[2]int64)(unsafe.Pointer(&g.bounds[0])) = [2]int64{g.start, g.end}
}

func (v *View) newDetail(i int, g *groups) aggregate.Detail {
	a := &v.def.Aggregates[i]
	if a.Func == aggregate.Bag {
		return newBag(v, g, v.def.argTypes(i))
	}
	return aggregate.NewDetail(a.Func, a.Distinct, v.def.argTypes(i), a.Params, v.accums[i], g.arena)
}

// find returns the group of each row, making those that are new. hashes are
// those of the rows' keys.
func (g *groups) find(rows []int32, hashes []uint64, keys []batch.Vector, out []uint32) {
	for i, row := range rows {
		if i&(prefetchGroups-1) == 0 && len(g.slots) >= prefetchSlots {
			g.prefetch(hashes[i:min(len(hashes), i+prefetchGroups)])
		}
		if int(g.n)*5 > len(g.slots)*3 {
			g.slots = aggregate.GrowSlots(g.slots)
		}
		tag := hashes[i] >> 32
		mask := uint64(len(g.slots) - 1)
		for at := tag & mask; ; at = (at + 1) & mask {
			slot := g.slots[at]
			if slot == 0 {
				atomic.StoreUint64(&g.slots[at], tag<<32|uint64(g.n+1)) // readers look keys up
				out[i] = g.insert(int(row), keys)
				break
			}
			if slot>>32 == tag && g.holds(uint32(slot)-1, int(row), keys) {
				out[i] = uint32(slot) - 1
				break
			}
		}
	}
}

// prefetch reads what find, touch and the accumulators are about to need of so many
// groups, all at once: where that is in no cache, the misses are waited for together, and
// not one after the other. So its loops have no more branches than they must.
func (g *groups) prefetch(hashes []uint64) {
	var found [prefetchGroups]uint64
	mask := uint64(len(g.slots) - 1)
	for i, hash := range hashes {
		found[i] = g.slots[hash>>32&mask]
	}
	known := 0
	for i, hash := range hashes {
		tag, slot := hash>>32, found[i]
		for at := tag; slot != 0 && slot>>32 != tag; {
			at++
			slot = g.slots[at&mask]
		}
		if slot != 0 {
			found[known] = slot
			known++
		}
	}
	var sum byte
	stride := g.v.accs.stride
	last := max(0, stride-1) // a row may lie in two lines
	for _, slot := range found[:known] {
		group := uint32(slot) - 1
		page, at := group>>aggregate.PageShift, int(group&(aggregate.PageRows-1))
		row := unsafe.Add(g.blocks[page], stride*at)
		sum += *(*byte)(row) + *(*byte)(unsafe.Add(row, last)) + byte(g.dirty[group>>6])
	}
	g.prefetched = sum // so that the reads are not left out
}

func (g *groups) holds(group uint32, row int, keys []batch.Vector) bool {
	block, at := g.blocks[group>>aggregate.PageShift], int(group&(aggregate.PageRows-1))
	for i := range keys {
		v := &keys[i]
		held := *g.v.keys.valid(block, i, at)
		if held == v.Null(row) {
			return false
		}
		if held && !equal(g.v.keys.value(block, i, at), v, row) {
			return false
		}
	}
	return true
}

// insert appends a group with the keys of a row.
func (g *groups) insert(row int, keys []batch.Vector) uint32 {
	group := g.n
	g.reserve(group)
	block, at := g.blocks[group>>aggregate.PageShift], int(group&(aggregate.PageRows-1))
	for i := range keys {
		v := &keys[i]
		if v.Null(row) {
			continue
		}
		*g.v.keys.valid(block, i, at) = true
		store(g.v.keys.value(block, i, at), v, row, g.arena)
	}
	return g.inserted(group)
}

// inserted counts a group whose keys are in place.
func (g *groups) inserted(group uint32) uint32 {
	if g.v.bags {
		block, at := g.blocks[group>>aggregate.PageShift], int(group&(aggregate.PageRows-1))
		last := len(g.v.keys.columns) - 1
		*g.v.keys.valid(block, last, at) = true
		*(*int64)(g.v.keys.value(block, last, at)) = g.rowID(group)
	}
	g.n++
	return group
}

// rowID tells a group from all others of the view, in any window.
func (g *groups) rowID(group uint32) int64 { return g.serial<<32 | int64(group) }

// reserve makes room for a group. The first page grows in steps, so that a
// window of five groups does not take the memory of a thousand.
func (g *groups) reserve(group uint32) {
	index, at := int(group>>aggregate.PageShift), int(group&(aggregate.PageRows-1))
	switch {
	case index == len(g.pages):
		capacity := aggregate.PageRows
		if index == 0 {
			capacity = 16
		}
		g.pages = append(g.pages, page{})
		g.blocks, g.made, g.dirty = append(g.blocks, nil), append(g.made, 0), append(g.dirty, make([]uint64, pageWords)...)
		g.setPage(index, capacity)
	case at == g.pages[index].capacity:
		g.setPage(index, min(aggregate.PageRows, 4*at))
	}
}

// setPage gives a page a new capacity and moves what it holds.
func (g *groups) setPage(index, capacity int) {
	old, made := g.pages[index], g.made[index]
	p := page{rows: g.v.accs.allocate(g.v.mem, capacity), capacity: capacity}
	if old.capacity > 0 {
		copy(p.rows, old.rows)
		g.v.reclaim.RetireMemory(made, old.rows)
	}
	g.pages[index], g.blocks[index], g.made[index] = p, unsafe.Pointer(&p.rows[0]), g.v.reclaim.Next()
	for i := range g.accs {
		g.accs[i].Pages = g.blocks
	}
}

// touch makes the accumulators of the given groups writable and marks them
// for the next checkpoint.
func (g *groups) touch(list []uint32) {
	g.changed = true
	now := g.v.reclaim.Next()
	for _, group := range list {
		if index := group >> aggregate.PageShift; g.made[index] != now {
			g.writable(int(index))
		}
		g.dirty[group>>6] |= 1 << (group & 63)
	}
}

// writable makes the accumulators of a page writable.
func (g *groups) writable(index int) {
	p, made, now := &g.pages[index], g.made[index], g.v.reclaim.Next()
	if made == now || len(g.v.accs.columns) == 0 {
		return
	}
	g.made[index] = now // what is in it is seen from now on
	if g.v.reclaim.Visible(made) {
		block := g.v.reclaim.Block(len(p.rows))
		copy(block, p.rows)
		g.v.reclaim.RetireMemory(made, p.rows)
		p.rows, g.blocks[index] = block, unsafe.Pointer(&block[0])
	}
}

// retire gives up all memory of the window.
func (g *groups) retire(r *epoch.Reclaimer) {
	if g.bounds != nil {
		r.RetireMemory(g.born, g.bounds)
	}
	for i := range g.pages {
		r.RetireMemory(g.made[i], g.pages[i].rows)
	}
	for _, d := range g.details {
		if b, ok := d.(*bag); ok {
			b.retire()
		}
	}
	for _, block := range g.arena.Take() {
		r.RetireMemory(g.born, block)
	}
	for _, block := range g.strings.Take() {
		r.RetireMemory(g.stringsBorn, block)
	}
	g.pages, g.bounds, g.slots = nil, nil, nil
	g.blocks, g.made, g.dirty = nil, nil, nil
}

// members returns how many entries the window's details hold.
func (g *groups) members() (n int) {
	for _, d := range g.details {
		if d != nil {
			n += d.Len()
		}
	}
	return n
}

// bytes returns the memory that the window takes.
func (g *groups) bytes() int64 {
	n := int64(len(g.slots))*8 + g.arena.Bytes() + g.strings.Bytes()
	for i := range g.pages {
		n += int64(len(g.pages[i].rows))
	}
	for _, d := range g.details {
		if d != nil {
			n += d.Bytes()
		}
	}
	return n
}
