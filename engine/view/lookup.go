package view

import (
	"slices"
	"sync/atomic"
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
)

// lookUp chooses the rows whose keys have one of the given values each: by the
// hash tables when all keys are given, else by comparing all rows.
func (c *chosen) lookUp(needs []KeyNeed) {
	values := make([][]batch.Vector, len(c.r.view.def.Keys))
	for _, n := range needs {
		if values[n.Key] == nil || len(n.Values) < len(values[n.Key]) { // both hold, so the lesser one does
			values[n.Key] = n.Values
		}
		if len(n.Values) == 0 {
			return
		}
	}
	probes := 1
	for _, list := range values {
		probes = min(probes*len(list), mostProbes+1)
	}
	byHash := probes > 0 && probes <= mostProbes && len(values) == c.r.view.hashed
	for _, w := range c.r.windows {
		if byHash && w.slots != nil {
			c.probe(w, values)
		} else {
			c.compare(w, values)
		}
	}
}

// probe looks all combinations of values up in a window's hash table.
func (c *chosen) probe(w *windowSnapshot, values [][]batch.Vector) {
	at := make([]int, len(values))
	keys := make([]*batch.Vector, len(values))
	var groups []uint32
	for more := true; more; {
		hash := [1]uint64{}
		for i, list := range values {
			keys[i] = &list[at[i]]
			hashColumn(hash[:], []int32{0}, keys[i])
		}
		if group, ok := w.find(&c.r.view.keys, hash[0], keys); ok {
			groups = append(groups, group)
		}
		more = false
		for i := 0; i < len(at) && !more; i++ { // the next combination
			if at[i]++; at[i] == len(values[i]) {
				at[i] = 0
			} else {
				more = true
			}
		}
	}
	slices.Sort(groups) // a list may hold a value twice
	for _, group := range slices.Compact(groups) {
		c.rows = append(c.rows, chosenRow{w, int(group)})
	}
}

// find returns the group with the keys among those that the snapshot has. The
// writer may be adding others to the table: it fills free slots and moves
// nothing, so that what was there is found.
func (w *windowSnapshot) find(l *blockLayout, hash uint64, keys []*batch.Vector) (uint32, bool) {
	tag := hash >> 32
	mask := uint64(len(w.slots) - 1)
	for at := tag & mask; ; at = (at + 1) & mask {
		slot := atomic.LoadUint64(&w.slots[at])
		if slot == 0 {
			return 0, false
		}
		group := uint32(slot) - 1
		if slot>>32 != tag || int(group) >= w.n {
			continue
		}
		p, row := w.pages[group>>aggregate.PageShift], int(group&(aggregate.PageRows-1))
		if holdsOne(l, p, row, keys) {
			return group, true
		}
	}
}

// holdsOne reports whether a row of a block has the given keys.
func holdsOne(l *blockLayout, block unsafe.Pointer, row int, keys []*batch.Vector) bool {
	for i, v := range keys {
		if !holdsKey(l, block, i, row, v) {
			return false
		}
	}
	return true
}

func holdsKey(l *blockLayout, block unsafe.Pointer, key, row int, v *batch.Vector) bool {
	held := *l.valid(block, key, row)
	if held == v.Null(0) {
		return false
	}
	return !held || equal(l.value(block, key, row), v, 0)
}

// compare chooses rows of a window by comparing all of them. Long lists of
// values are left to whoever gets the rows.
func (c *chosen) compare(w *windowSnapshot, values [][]batch.Vector) {
	l := &c.r.view.keys
	c.each(w, func(p unsafe.Pointer, at, row int) {
		for key, list := range values {
			if list == nil || len(list) > mostCompared {
				continue
			}
			found := false
			for i := range list {
				found = found || holdsKey(l, p, key, at, &list[i])
			}
			if !found {
				return
			}
		}
		c.rows = append(c.rows, chosenRow{w, row})
	}, func() bool { return !c.tooMany() })
}
