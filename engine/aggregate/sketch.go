package aggregate

import (
	"maps"
	"slices"

	"github.com/millstream-db/millstream/engine/batch"
)

// sketch is what an approximate aggregate keeps of one group's values. What it
// says depends on the values alone, not on their order or on how often sketches
// of parts of them were merged.
type sketch interface {
	// add takes in a value, which is not NULL.
	add(arg *batch.Vector, row int)
	// merge takes in another sketch, which stays as it is.
	merge(sketch)
	clone() sketch
	// estimate writes group g's state columns.
	estimate(c []Column, g uint32)
	encode() []byte
	bytes() int64
}

// sketches is the detail of an approximate aggregate: a sketch for each group,
// and its estimate in the state columns. Readers share pages of sketches with
// the writer; what is shared is copied before it changes.
type sketches struct {
	empty  func() sketch
	decode func([]byte) sketch
	pages  []*sketchPage
	owner  *byte               // of the pages and sketches that may be changed in place
	n      int                 // sketches
	size   int64               // of them
	dirty  map[uint32]struct{} // groups that checkpoints do not have
	stale  []uint32            // scratch: groups whose estimates must be written
}

type sketchPage struct {
	owner *byte
	slots []sketchSlot
}

type sketchSlot struct {
	sketch
	owner *byte
	stale bool
	size  int64
}

// maker returns what makes empty sketches of a function and what reads encoded
// ones, nil for functions without sketches.
func (f Function) maker(params []float64) (empty func() sketch, decode func([]byte) sketch) {
	switch f {
	case ApproxCountDistinct:
		return newCardinality, decodeCardinality
	case ApproxQuantile:
		return func() sketch { return newQuantiles(params) }, func(b []byte) sketch { return decodeQuantiles(params, b) }
	}
	return nil, nil
}

func newSketches(empty func() sketch, decode func([]byte) sketch) *sketches {
	return &sketches{empty: empty, decode: decode, owner: new(byte), dirty: make(map[uint32]struct{})}
}

// Add takes values in. NULL is no value.
func (d *sketches) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector) {
	for i, g := range groups {
		if row := int(rows[i]); !args[0].Null(row) {
			d.changing(g).add(&args[0], row)
		}
	}
	d.settle(c)
}

// Merge takes in another window's sketches.
func (d *sketches) Merge(c []Column, groups []uint32, from Detail, fromGroups []uint32) {
	other := from.(*sketches)
	for i, g := range fromGroups {
		if s := other.at(g); s != nil {
			d.changing(groups[i]).merge(s)
		}
	}
	d.settle(c)
}

// at returns the sketch of a group, nil if it has none.
func (d *sketches) at(g uint32) sketch {
	if page := int(g >> PageShift); page < len(d.pages) {
		if at := int(g & (PageRows - 1)); at < len(d.pages[page].slots) {
			return d.pages[page].slots[at].sketch
		}
	}
	return nil
}

// slot returns the place of a group, in a page that may be changed.
func (d *sketches) slot(g uint32) *sketchSlot {
	page, at := int(g>>PageShift), int(g&(PageRows-1))
	for page >= len(d.pages) {
		d.pages = append(d.pages, &sketchPage{owner: d.owner})
	}
	p := d.pages[page]
	if p.owner != d.owner {
		p = &sketchPage{d.owner, slices.Clone(p.slots)}
		d.pages[page] = p
	}
	if at >= len(p.slots) {
		p.slots = append(p.slots, make([]sketchSlot, at+1-len(p.slots))...)
	}
	return &p.slots[at]
}

// changing returns the sketch of a group, to be changed before settle.
func (d *sketches) changing(g uint32) sketch {
	s := d.slot(g)
	if s.stale {
		return s.sketch
	}
	switch {
	case s.sketch == nil:
		s.sketch = d.empty()
		d.n++
	case s.owner != d.owner:
		s.sketch = s.clone()
	}
	s.owner, s.stale = d.owner, true
	d.stale = append(d.stale, g)
	return s.sketch
}

// settle writes the estimates of what has changed.
func (d *sketches) settle(c []Column) {
	for _, g := range d.stale {
		s := d.slot(g)
		s.estimate(c, g)
		size := s.bytes()
		d.size += size - s.size
		s.size, s.stale = size, false
		d.dirty[g] = struct{}{}
	}
	d.stale = d.stale[:0]
}

// Freeze returns the sketches as they are now.
func (d *sketches) Freeze() Detail {
	d.owner = new(byte)
	return &sketches{pages: slices.Clone(d.pages), n: d.n, size: d.size}
}

// Take returns the sketches that have changed since the last call.
func (d *sketches) Take(whole bool) Entries {
	e := &sketchEntries{}
	take := func(g uint32) {
		s := d.slot(g)
		s.owner = nil // the next change is made to a copy
		e.groups, e.sketches = append(e.groups, g), append(e.sketches, s.sketch)
	}
	if whole {
		for page := range d.pages {
			for at := range d.pages[page].slots {
				if g := uint32(page<<PageShift | at); d.at(g) != nil {
					take(g)
				}
			}
		}
	} else {
		for _, g := range slices.Sorted(maps.Keys(d.dirty)) {
			take(g)
		}
	}
	e.changed = d.dirty
	d.dirty = make(map[uint32]struct{})
	return e
}

// Undo marks sketches as changed again.
func (d *sketches) Undo(e Entries) { maps.Copy(d.dirty, e.(*sketchEntries).changed) }

// Load restores a group's sketch; the state columns have its estimate already.
func (d *sketches) Load(g uint32, value []byte) {
	s := d.slot(g)
	if s.sketch == nil {
		d.n++
	}
	s.sketch, s.owner = d.decode(value), d.owner
	size := s.bytes()
	d.size += size - s.size
	s.size = size
}

// Loaded marks all sketches as taken.
func (d *sketches) Loaded() { clear(d.dirty) }

// Len returns the number of sketches.
func (d *sketches) Len() int { return d.n }

// Bytes returns about the memory that the sketches take.
func (d *sketches) Bytes() int64 {
	n := d.size
	for _, p := range d.pages {
		n += int64(cap(p.slots)) * 48
	}
	return n
}

// sketchEntries are sketches that have changed.
type sketchEntries struct {
	groups   []uint32
	sketches []sketch
	changed  map[uint32]struct{}
}

// Len returns the number of sketches.
func (e *sketchEntries) Len() int { return len(e.groups) }

// Each calls f with every sketch in its library's binary form.
func (e *sketchEntries) Each(f func(group uint32, value []byte)) {
	for i, g := range e.groups {
		f(g, e.sketches[i].encode())
	}
}

// estimated has the state columns of an approximate aggregate, which its detail
// writes.
type estimated []StateColumn

func (e estimated) Columns() []StateColumn { return e }

func (e estimated) Add([]Column, []uint32, []int32, []batch.Vector, *Arena) {
	panic("aggregate: an approximate aggregate has a detail")
}

func (e estimated) Merge([]Column, []uint32, []Column, []uint32, *Arena) {
	panic("aggregate: an approximate aggregate has a detail")
}
