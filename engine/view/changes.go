package view

import (
	"regexp"
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
)

// SameView reports whether two snapshots are of one view, and not of two that
// have had the same name.
func (s *Snapshot) SameView(other *Snapshot) bool { return s.view == other.view }

// Compare returns the parts in which two snapshots of one view may differ: what
// readers see of them in the old one and in this one. Whatever is in neither is
// the same in both. Windows that a checkpoint of the epoch moved, or an earlier
// one, has taken into history are in neither, because that changes nothing. The
// caller must Release both.
//
// State is told apart by its address: a block that is pinned is not changed in
// place, and its memory is not used for another one.
func (s *Snapshot) Compare(old *Snapshot, moved uint64) (was, is *Relation) {
	v := s.view
	switch {
	case s == old:
		return s.Shape(), s.Shape()
	case v.paned:
		keep := s.touched(old)
		was, is = old.live(moved, keep), s.live(moved, keep)
		dropCommonWindows(was, is)
		return was, is
	}
	was, is = old.Live(moved), s.Live(moved)
	sessions := v.def.Window != nil && v.bounds > 0
	switch {
	case sessions && was.before != is.before:
		// The watermark alone may have made sessions of a page visible.
	case v.byGroup():
		dropCommonPages(was, is)
	case !sessions: // sessions of one window lie in many places
		dropCommonWindows(was, is)
	}
	return was, is
}

// together finds what makes a row of the result depend on more than one group:
// window functions, and a result that is sorted, cut or made distinct. It may
// be found in a string too, which costs no more than time.
var together = regexp.MustCompile(`(?i)\b(over|qualify|distinct|limit|order|union|join|group)\b`)

// byGroup reports whether each row of the view's result is made of one group.
func (v *View) byGroup() bool { return !v.bags && !together.MatchString(v.def.Result) }

// touched returns which windows that are made of panes may differ from those of
// an old snapshot: those with a pane that does, and those that have closed since,
// of which neither snapshot need have a pane.
func (s *Snapshot) touched(old *Snapshot) (keep func(start, end int64) bool) {
	maker, err := s.view.copyLayout()
	if err != nil {
		return nil // it was opened before, with the same definition
	}
	panes := make(map[int64]*windowSnapshot)
	for _, w := range old.windows {
		if w.pane {
			panes[w.number] = w
		}
	}
	windows := make(map[[2]int64]bool)
	mark := func(pane int64) {
		maker.windows.Of(pane, func(first, after int64) {
			start, end := maker.windows.Bounds(first, after)
			windows[[2]int64{start, end}] = true
		})
	}
	closed := make(map[[2]int64]bool)
	for _, w := range old.windows {
		closed[[2]int64{w.start, w.end}] = closed[[2]int64{w.start, w.end}] || !w.pane
	}
	for _, w := range s.windows {
		if !w.pane {
			at := [2]int64{w.start, w.end}
			windows[at] = windows[at] || !closed[at]
			continue
		}
		if o := panes[w.number]; o == nil || !o.same(w) {
			mark(w.number)
		}
		delete(panes, w.number)
	}
	for pane := range panes { // it may have changed before it went
		mark(pane)
	}
	final := s.view.def.Window.Final
	return func(start, end int64) bool {
		return windows[[2]int64{start, end}] || final && end > old.watermark && end <= s.watermark
	}
}

// pageRows returns the number of groups in a page.
func (w *windowSnapshot) pageRows(i int) int {
	return max(0, min(aggregate.PageRows, w.n-i<<aggregate.PageShift))
}

// same reports whether nothing has changed between two states of a window. A row that
// comes to a bag, and to nothing else, leaves the pages as they are.
func (w *windowSnapshot) same(other *windowSnapshot) bool {
	if w == other {
		return true
	}
	if w.n != other.n || w.members != other.members || len(w.pages) != len(other.pages) {
		return false
	}
	for i := range w.pages {
		if w.pages[i] != other.pages[i] {
			return false
		}
	}
	return true
}

// showsAs reports whether two relations show the same groups of state that is in
// both: the watermark alone may have ended some.
func (r *Relation) showsAs(other *Relation, w *windowSnapshot) bool {
	if r.reached == other.reached || r.view.def.TTL == nil {
		return true
	}
	for i := range w.pages {
		for row := range w.pageRows(i) {
			if r.shows(w.pages[i], row) != other.shows(w.pages[i], row) {
				return false
			}
		}
	}
	return true
}

// dropCommonWindows takes the windows from two relations that are the same in
// both.
func dropCommonWindows(was, is *Relation) {
	type bounds struct {
		start, end int64
		null       bool
	}
	old := make(map[bounds]*windowSnapshot, len(was.windows))
	for _, w := range was.windows {
		old[bounds{w.start, w.end, w.null}] = w
	}
	var changed []*windowSnapshot
	for _, w := range is.windows {
		at := bounds{w.start, w.end, w.null}
		if o := old[at]; o != nil && o.same(w) && is.showsAs(was, w) {
			delete(old, at)
			continue
		}
		changed = append(changed, w)
	}
	is.windows, was.windows = changed, was.windows[:0:0]
	for _, w := range old {
		was.windows = append(was.windows, w)
	}
}

// dropCommonPages takes the pages from two relations that are the same in both.
// Each page that is left counts as a window.
func dropCommonPages(was, is *Relation) {
	type piece struct {
		page unsafe.Pointer
		rows int
	}
	old := make(map[piece]*windowSnapshot)
	for _, w := range was.windows {
		for i := range w.pages {
			if rows := w.pageRows(i); rows > 0 {
				old[piece{w.pages[i], rows}] = w
			}
		}
	}
	single := func(w *windowSnapshot, p piece) *windowSnapshot {
		part := *w
		part.pages, part.n, part.details = []unsafe.Pointer{p.page}, p.rows, nil
		return &part
	}
	var changed []*windowSnapshot
	for _, w := range is.windows {
		for i := range w.pages {
			p := piece{w.pages[i], w.pageRows(i)}
			if p.rows == 0 {
				continue
			}
			part := single(w, p)
			if old[p] != nil && is.showsAs(was, part) {
				delete(old, p)
				continue
			}
			changed = append(changed, part)
		}
	}
	is.windows, was.windows = changed, nil
	for p, w := range old {
		was.windows = append(was.windows, single(w, p))
	}
}
