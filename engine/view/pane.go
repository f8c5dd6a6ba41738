package view

import (
	"cmp"
	"slices"
)

// assignment is the rows of a batch that fall into one pane.
type assignment struct {
	pane       int64
	start, end int64 // of the pane; equal for an infinite time
	// From firstClose on some window that holds the pane is closed, from
	// lastClose on all are.
	firstClose, lastClose int64
	rows                  []int32
}

// assign sorts rows into panes and picks out the late ones.
func (v *View) assign(rows []int32, in *Input) (late []Late) {
	times := &in.Exprs[v.def.Window.Expr]
	nulls := times.HasNulls()
	var cur *assignment
	for _, r := range rows {
		row := int(r)
		if nulls && times.Null(row) {
			v.perNull = append(v.perNull, r)
			continue
		}
		ts := times.Int64(row)
		if cur == nil || ts < cur.start || ts >= cur.end {
			cur = v.assignment(v.windows.Pane(ts))
		}
		if in.Watermarks != nil && cur.firstClose <= in.Watermarks[row] {
			mark := in.Watermarks[row]
			late = append(late, v.lateRow(r, cur.pane, mark))
			if cur.lastClose <= mark {
				continue
			}
			if mark > v.closedTo { // those windows are still to be made of this pane
				v.flush(in)
				v.CloseWindows(mark)
				cur = v.assignment(cur.pane) // flush may have let go of it
			}
		}
		cur.rows = append(cur.rows, r)
	}
	return late
}

func (v *View) assignment(pane int64) *assignment {
	a := v.assigned[pane]
	if a == nil {
		a = &assignment{pane: pane, lastClose: v.closes(v.windows.Last(pane))}
		a.start, a.end = v.windows.Bounds(pane, pane+1)
		a.firstClose = never
		v.windows.Of(pane, func(first, after int64) {
			_, end := v.windows.Bounds(first, after)
			a.firstClose = min(a.firstClose, v.closes(end))
		})
		v.assigned[pane] = a
	}
	return a
}

// flush folds the rows that were assigned.
func (v *View) flush(in *Input) {
	if len(v.perNull) > 0 {
		v.fold(v.untimedWindow(), v.perNull, in)
		v.perNull = v.perNull[:0]
	}
	for pane, a := range v.assigned {
		if len(a.rows) > 0 {
			v.tree.forget(pane)
			v.fold(v.pane(pane), a.rows, in)
			a.rows = a.rows[:0]
		}
		if len(v.assigned) > 64 { // a batch over many windows leaves no pile of buffers
			delete(v.assigned, pane)
		}
	}
}

// lateRow reports a row of a pane that some window refuses at a watermark.
func (v *View) lateRow(row int32, pane, mark int64) Late {
	l := Late{Row: row, Start: never, End: noTime, Watermark: mark}
	v.windows.Of(pane, func(first, after int64) {
		if start, end := v.windows.Bounds(first, after); v.closes(end) <= mark {
			l.Start, l.End = min(l.Start, start), max(l.End, end)
		}
	})
	return l
}

// firstClose returns the watermark that closes the first window of a pane that
// is still open.
func (v *View) firstClose(pane int64) int64 {
	next := never
	v.windows.Of(pane, func(first, after int64) {
		_, end := v.windows.Bounds(first, after)
		if at := v.closes(end); at > v.closedTo {
			next = min(next, at)
		}
	})
	return next
}

// panedWindow is a window that is made of panes.
type panedWindow struct {
	first, after int64 // panes
	start, end   int64
}

// panedWindows returns the windows over the given panes that close after one
// watermark and by another, in the order of their ends.
func (v *View) panedWindows(panes []int64, after, by int64) []panedWindow {
	seen := make(map[[2]int64]bool)
	var windows []panedWindow
	for _, pane := range panes {
		v.windows.Of(pane, func(first, next int64) {
			w := panedWindow{first: first, after: next}
			w.start, w.end = v.windows.Bounds(first, next)
			at := v.closes(w.end)
			if key := [2]int64{first, next}; at > after && at <= by && !seen[key] {
				seen[key] = true
				windows = append(windows, w)
			}
		})
	}
	slices.SortFunc(windows, func(a, b panedWindow) int {
		return cmp.Or(cmp.Compare(a.after, b.after), cmp.Compare(a.first, b.first))
	})
	return windows
}

// closePaned makes the windows that close by the watermark, and gives up the
// panes that no window needs any more.
func (v *View) closePaned(watermark int64) int {
	if watermark < v.nextClose {
		return 0
	}
	panes := make([]int64, 0, len(v.panes))
	parts := make(map[int64]*windowSnapshot, len(v.panes))
	for number, g := range v.panes {
		panes = append(panes, number)
		if g.changed {
			g.freeze()
		}
		parts[number] = g.frozen
	}
	slices.Sort(panes)
	windows := v.panedWindows(panes, v.closedTo, watermark)
	v.merge(windows, parts, func(g *groups) {
		g.closed = v.reclaim.Next()
		v.add(g)
	})
	v.closedTo = watermark
	v.forget(func(g *groups) bool {
		gone := g.pane && v.closes(v.windows.Last(g.number)) <= watermark
		if gone {
			v.tree.forget(g.number)
		}
		return gone
	})
	v.nextClose = never
	for number := range v.panes {
		v.nextClose = min(v.nextClose, v.firstClose(number))
	}
	return len(windows)
}
