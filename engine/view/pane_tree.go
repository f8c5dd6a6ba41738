package view

import "math/bits"

// paneTree keeps runs of panes merged, 2, 4, 8, … aligned ones each, so that a
// window of n panes is made of some 2·log n parts and not of n. A run is made
// when it is first needed, and given up when one of its panes changes or goes.
type paneTree struct {
	v    *View
	runs map[paneRun]*groups
}

// paneRun is the panes from index<<level up to (index+1)<<level.
type paneRun struct {
	level int
	index int64
}

func newPaneTree(v *View) *paneTree { return &paneTree{v: v, runs: make(map[paneRun]*groups)} }

// cover calls f for frozen state that together is the panes from first up to
// after. leaf returns a pane's state, nil for an empty one.
func (t *paneTree) cover(first, after int64, leaf func(pane int64) *windowSnapshot, f func(*windowSnapshot)) {
	for at := first; at < after; {
		level := bits.Len64(uint64(after-at)) - 1
		if at != 0 {
			level = min(level, bits.TrailingZeros64(uint64(at)))
		}
		if part := t.part(paneRun{level, at >> level}, leaf); part != nil {
			f(part)
		}
		at += 1 << level
	}
}

// part returns the merged state of a run, nil for an empty one.
func (t *paneTree) part(r paneRun, leaf func(pane int64) *windowSnapshot) *windowSnapshot {
	if r.level == 0 {
		return leaf(r.index)
	}
	if g := t.runs[r]; g != nil {
		return g.frozen
	}
	left, right := t.part(paneRun{r.level - 1, 2 * r.index}, leaf), t.part(paneRun{r.level - 1, 2*r.index + 1}, leaf)
	if left == nil {
		return right
	}
	if right == nil {
		return left
	}
	g := newGroups(t.v)
	g.pane = true
	g.merge(left)
	g.merge(right)
	g.freeze()
	t.runs[r] = g
	return g.frozen
}

// forget gives up the runs that hold a pane.
func (t *paneTree) forget(pane int64) {
	if t == nil {
		return
	}
	for level := 1; level < 64 && len(t.runs) > 0; level++ {
		r := paneRun{level, pane >> level}
		if g := t.runs[r]; g != nil {
			g.retire(t.v.reclaim)
			delete(t.runs, r)
		}
	}
}

// clear gives up all runs.
func (t *paneTree) clear() {
	if t == nil {
		return
	}
	for _, g := range t.runs {
		g.retire(t.v.reclaim)
	}
	clear(t.runs)
}

// bytes returns the memory of the runs.
func (t *paneTree) bytes() (n int64) {
	if t == nil {
		return 0
	}
	for _, g := range t.runs {
		n += g.frozen.bytes
	}
	return n
}
