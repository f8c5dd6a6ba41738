package view

import (
	"slices"
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
)

// Snapshot is a view's state at one epoch. It is immutable and valid while
// that epoch is pinned.
type Snapshot struct {
	view      *View // for what never changes: its definition and layouts
	windows   []*windowSnapshot
	watermark int64
	closedTo  int64
	groups    int
	members   int // entries of details
	bytes     int64
}

type windowSnapshot struct {
	number     int64
	start, end int64
	pane       bool
	null       bool
	rowBounds  bool
	closed     uint64
	n          int
	members    int
	bytes      int64
	bounds     unsafe.Pointer
	pages      []unsafe.Pointer   // where the rows of each begin
	slots      []uint64           // the hash table, which grows meanwhile: see find; nil if its groups are replaced
	details    []aggregate.Detail // by aggregate; those that readers need
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
	s := &Snapshot{view: v, windows: make([]*windowSnapshot, len(v.order)), watermark: v.watermark, closedTo: v.closedTo}
	for i, g := range v.order {
		s.windows[i] = g.frozen
		s.groups += g.frozen.n
		s.bytes += g.frozen.bytes
		s.members += g.frozen.members
	}
	s.bytes += v.tree.bytes()
	v.moved, v.last = false, s
	return s
}

func (g *groups) freeze() {
	w := &windowSnapshot{
		number: g.number, start: g.start, end: g.end, pane: g.pane, null: g.null, rowBounds: g.rowBounds, closed: g.closed,
		n: int(g.n), members: g.members(), bytes: g.bytes(), pages: slices.Clone(g.blocks),
		details: make([]aggregate.Detail, len(g.details)),
	}
	if g.bounds != nil {
		w.bounds = unsafe.Pointer(&g.bounds[0])
	}
	if !g.rowBounds {
		w.slots = g.slots
	}
	for i, d := range g.details {
		if _, isBag := d.(*bag); d != nil && (isBag || g.pane) {
			w.details[i] = d.Freeze()
		}
	}
	g.frozen, g.changed = w, false
}

// Groups returns the number of groups, in all windows or in the panes that
// they are made of.
func (s *Snapshot) Groups() int { return s.groups }

// StateRows returns how many rows a checkpoint of the whole state has.
func (s *Snapshot) StateRows() int { return s.groups + s.members }

// Windows returns the number of windows, or of panes.
func (s *Snapshot) Windows() int { return len(s.windows) }

// Bytes returns the memory that the state takes.
func (s *Snapshot) Bytes() int64 { return s.bytes }

// HasClosed reports whether windows are closed that a checkpoint has to move
// into history.
func (s *Snapshot) HasClosed() bool {
	for _, w := range s.windows {
		if w.closed != 0 && w.n > 0 {
			return true
		}
	}
	return false
}

// Closed returns the windows that a checkpoint of this snapshot's epoch has to
// move into history: all that are closed.
func (s *Snapshot) Closed() *Relation {
	r := &Relation{view: s.view, before: never}
	for _, w := range s.windows {
		if w.closed != 0 {
			r.windows = append(r.windows, w)
		}
	}
	return r
}

// Shape returns a relation with the columns of the state and no rows.
func (s *Snapshot) Shape() *Relation { return &Relation{view: s.view} }

// Live returns the windows that readers see and a checkpoint of the given
// epoch has not moved into history. Windows that are made of panes are made
// now; the caller must Release the relation.
func (s *Snapshot) Live(checkpoint uint64) *Relation { return s.live(checkpoint, nil) }

// live is Live for the windows that keep lets through; nil: all.
func (s *Snapshot) live(checkpoint uint64, keep func(start, end int64) bool) *Relation {
	r := &Relation{view: s.view, before: never}
	w := s.view.def.Window
	final := w != nil && w.Final
	for _, g := range s.windows {
		switch {
		case g.pane, g.closed != 0 && g.closed <= checkpoint:
		case keep != nil && !g.null && !keep(g.start, g.end):
		case final && g.closed == 0 && (g.null || !g.rowBounds && g.end > s.watermark):
		default:
			r.windows = append(r.windows, g)
		}
	}
	if final {
		r.before = s.watermark
	}
	r.reached = s.watermark
	if s.view.paned {
		s.makeWindows(r, keep)
	}
	return r
}

// makeWindows adds the open windows that are made of panes to the relation. They belong
// to it: the panes are shared with the writer, what is made of them is not.
func (s *Snapshot) makeWindows(r *Relation, keep func(start, end int64) bool) {
	maker, err := s.view.copyLayout()
	if err != nil {
		return // it was opened before, with the same definition
	}
	r.own = maker
	var panes []int64
	parts := make(map[int64]*windowSnapshot)
	for _, w := range s.windows {
		if w.pane {
			panes = append(panes, w.number)
			parts[w.number] = w
		}
	}
	slices.Sort(panes)
	var open []panedWindow
	for _, w := range maker.panedWindows(panes, s.closedTo, never) {
		if (r.before == never || w.end <= r.before) && (keep == nil || keep(w.start, w.end)) {
			open = append(open, w)
		}
	}
	maker.merge(open, parts, func(g *groups) {
		maker.add(g)
		g.freeze()
		r.windows = append(r.windows, g.frozen)
	})
}
