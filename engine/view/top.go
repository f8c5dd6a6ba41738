package view

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
)

// Orderable reports whether the first rows can be found by values of a type.
func Orderable(t batch.Type) bool {
	switch t.Physical() {
	case batch.Bits, batch.Bytes, batch.MonthDayNano, batch.Fixed16, batch.Fields, batch.Elements:
		return false
	}
	return true
}

// top chooses the first rows of each window.
func (c *chosen) top(n *TopNeed) {
	t := &ranking{chosen: c, need: n, best: make(ranks, 0, min(n.Rows, fewRows))}
	for _, w := range c.r.windows {
		t.begin()
		for i := range w.pages {
			rows := min(aggregate.PageRows, w.n-i<<aggregate.PageShift)
			if rows <= 0 {
				break
			}
			t.page(w, i, rows)
			if c.tooMany() {
				t.drop()
			}
			if c.tooMany() {
				return
			}
		}
		t.drop()
	}
}

// ranking finds the first rows of one window after the other.
type ranking struct {
	*chosen
	need   *TopNeed
	best   ranks    // so many as are needed, of the window's rows so far
	first  int      // of the rows that were chosen of this window
	ranked []uint64 // their ranks
	of     [aggregate.PageRows]uint64
}

func (t *ranking) begin() { t.best, t.ranked, t.first = t.best[:0], t.ranked[:0], len(t.rows) }

// page chooses the rows of a page that may be among the first ones.
func (t *ranking) page(w *windowSnapshot, index, rows int) {
	v, p := t.r.view, w.pages[index]
	v.rank(p, t.need.Column, t.of[:rows])
	flip := uint64(0)
	if !t.need.Desc {
		flip = math.MaxUint64
	}
	least := uint64(0) // of what is chosen
	if len(t.best) == t.need.Rows {
		least = t.best[0]
	}
	for at, rank := range t.of[:rows] {
		if rank ^= flip; rank < least && (rank != flip || !v.stateNull(p, t.need.Column, at)) {
			continue
		}
		if w.rowBounds && !t.r.shows(p, at) {
			continue
		}
		if v.stateNull(p, t.need.Column, at) {
			rank = math.MaxUint64
		} else if t.best.add(rank, t.need.Rows); len(t.best) == t.need.Rows {
			least = t.best[0]
		}
		t.rows, t.ranked = append(t.rows, chosenRow{w, index<<aggregate.PageShift | at}), append(t.ranked, rank)
	}
}

// drop leaves out those of the window's rows that are no longer among the first.
func (t *ranking) drop() {
	if len(t.best) < t.need.Rows {
		return
	}
	kept := t.first
	for i, rank := range t.ranked {
		if rank >= t.best[0] {
			t.rows[kept], t.ranked[kept-t.first] = t.rows[t.first+i], rank
			kept++
		}
	}
	t.rows, t.ranked = t.rows[:kept], t.ranked[:kept-t.first]
}

// rank sets the rank of each row of a page by a state column: a number that is
// never less for a greater value, equal for equal ones and perhaps for others
// beyond 64 bits. A row without a value has 0.
func (v *View) rank(p unsafe.Pointer, column int, out []uint64) {
	l, i := v.stateColumn(column)
	c := l.columns[i]
	value := l.value(p, i, 0)
	switch {
	case c.typ.Physical() == batch.Int64 && c.typ.Kind != batch.UBigInt:
		for row := range out {
			out[row] = rankOfInteger(*(*int64)(unsafe.Add(value, l.stride*row)))
		}
	case c.typ.Physical() == batch.Int128:
		for row := range out {
			out[row] = rankOfInt128(*(*batch.Int128Value)(unsafe.Add(value, l.stride*row)))
		}
	default:
		for row := range out {
			out[row] = rankOf(unsafe.Add(value, l.stride*row), c.typ)
		}
	}
	if !c.nullable {
		return
	}
	valid := unsafe.Pointer(l.valid(p, i, 0))
	for row := range out {
		if !*(*bool)(unsafe.Add(valid, l.stride*row)) {
			out[row] = 0
		}
	}
}

// rankOf returns the rank of a value whose type is not among the usual ones.
func rankOf(value unsafe.Pointer, t batch.Type) uint64 {
	switch t.Physical() {
	case batch.Float32:
		return rankOfFloat(float64(*(*float32)(value)))
	case batch.Float64:
		return rankOfFloat(*(*float64)(value))
	}
	v := batch.Vector{Type: t, Values: value}
	if t.Kind == batch.UBigInt {
		return uint64(v.Integer(0))
	}
	return rankOfInteger(v.Integer(0))
}

const signBit = 1 << 63

func rankOfInteger(i int64) uint64 { return uint64(i) ^ signBit }

func rankOfInt128(i batch.Int128Value) uint64 {
	switch {
	case i.Hi == int64(i.Lo)>>63:
		return rankOfInteger(int64(i.Lo))
	case i.Hi < 0:
		return 0
	}
	return math.MaxUint64
}

// rankOfFloat has NaN above everything and both zeros alike, as DuckDB does.
func rankOfFloat(f float64) uint64 {
	bits := floatBits(f)
	if math.IsNaN(f) {
		return math.MaxUint64
	}
	if bits&signBit != 0 {
		return ^bits
	}
	return bits | signBit
}

// ranks is a heap of the best ranks, the least of them first.
type ranks []uint64

// add takes a rank in, and lets go of the least if there are more than n then.
func (r *ranks) add(rank uint64, n int) {
	if len(*r) < n {
		heap.Push(r, rank)
		return
	}
	(*r)[0] = rank
	heap.Fix(r, 0)
}

// Len implements heap.Interface.
func (r ranks) Len() int { return len(r) }

// Less implements heap.Interface.
func (r ranks) Less(i, j int) bool { return cmp.Less(r[i], r[j]) }

// Swap implements heap.Interface.
func (r ranks) Swap(i, j int) { r[i], r[j] = r[j], r[i] }

// Push implements heap.Interface.
func (r *ranks) Push(x any) { *r = append(*r, x.(uint64)) }

// Pop implements heap.Interface.
func (r *ranks) Pop() any {
	last := (*r)[len(*r)-1]
	*r = slices.Delete(*r, len(*r)-1, len(*r))
	return last
}
