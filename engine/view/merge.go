package view

import (
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
)

// merge makes windows out of panes, which stay as they are, and hands each on.
func (v *View) merge(windows []panedWindow, panes map[int64]*windowSnapshot, done func(*groups)) {
	leaf := func(pane int64) *windowSnapshot { return panes[pane] }
	for _, w := range windows {
		g := newGroups(v)
		g.start, g.end = w.start, w.end
		v.tree.cover(w.first, w.after, leaf, g.merge)
		done(g)
	}
}

// merge folds a frozen window or pane of the same layout in.
func (g *groups) merge(from *windowSnapshot) {
	columns := g.v.accs.accumulators(from.pages)
	mapping := make([]uint32, 0, from.n)
	all := make([]uint32, 0, from.n)
	for i := range from.pages {
		p := from.pages[i]
		for row := range min(aggregate.PageRows, from.n-i<<aggregate.PageShift) {
			all = append(all, uint32(i<<aggregate.PageShift|row))
			mapping = append(mapping, g.findHeld(p, row))
		}
	}
	g.touch(mapping)
	g.mergeGroups(mapping, columns, from.details, all)
}

// mergeGroups folds groups of frozen state into groups that are writable.
func (g *groups) mergeGroups(groups []uint32, columns []aggregate.Column, details []aggregate.Detail, fromGroups []uint32) {
	v := g.v
	for i, first := range v.first {
		if d := g.details[i]; d != nil {
			d.Merge(g.accs[first:], groups, details[i], fromGroups)
		} else {
			v.accums[i].Merge(g.accs[first:], groups, columns[first:], fromGroups, g.strings)
		}
	}
}

// findHeld returns the group with the keys of a row of another page, made when
// it is new.
func (g *groups) findHeld(p unsafe.Pointer, row int) uint32 {
	if int(g.n)*5 > len(g.slots)*3 {
		g.slots = aggregate.GrowSlots(g.slots)
	}
	l := &g.v.keys
	hash := uint64(0)
	for i, c := range l.columns[:g.v.hashed] {
		if !*l.valid(p, i, row) {
			hash = mix(hash, nullHash)
		} else {
			hash = hashHeld(hash, l.value(p, i, row), c.typ)
		}
	}
	tag := hash >> 32
	mask := uint64(len(g.slots) - 1)
	for at := tag & mask; ; at = (at + 1) & mask {
		slot := g.slots[at]
		if slot == 0 {
			g.slots[at] = tag<<32 | uint64(g.n+1)
			return g.insertHeld(p, row)
		}
		if slot>>32 == tag && g.holdsHeld(uint32(slot)-1, p, row) {
			return uint32(slot) - 1
		}
	}
}

func (g *groups) holdsHeld(group uint32, other unsafe.Pointer, row int) bool {
	block, at := g.blocks[group>>aggregate.PageShift], int(group&(aggregate.PageRows-1))
	l := &g.v.keys
	for i, c := range l.columns[:g.v.hashed] {
		held := *l.valid(block, i, at)
		if held != *l.valid(other, i, row) {
			return false
		}
		if held && !equalHeld(l.value(block, i, at), l.value(other, i, row), c.typ) {
			return false
		}
	}
	return true
}

// insertHeld appends a group with the keys of a row of another page.
func (g *groups) insertHeld(other unsafe.Pointer, row int) uint32 {
	group := g.n
	g.reserve(group)
	block, at := g.blocks[group>>aggregate.PageShift], int(group&(aggregate.PageRows-1))
	l := &g.v.keys
	for i := range l.columns[:g.v.hashed] {
		c := &l.columns[i]
		if *l.valid(other, i, row) {
			*l.valid(block, i, at) = true
			copyHeld(l.value(block, i, at), l.value(other, i, row), c, g.arena)
		}
	}
	return g.inserted(group)
}
