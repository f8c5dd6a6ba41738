package view

import (
	"fmt"
	"math"
	"slices"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/epoch"
	"github.com/millstream-db/millstream/engine/window"
)

// noTime stands for the window of rows whose event time is NULL. It never closes.
const noTime = int64(math.MinInt64)

// never is a moment that no watermark reaches.
const never = int64(math.MaxInt64)

// View is the live state of a materialized view. It belongs to the engine's
// writer and is not safe for concurrent use.
type View struct {
	def     *Definition
	mem     *batch.Allocator
	reclaim *epoch.Reclaimer
	layout

	windows  *window.Windows // nil without windows, and for sessions
	lateness int64
	panes    map[int64]*groups // by number; what a view without windows has is pane 0
	untimed  *groups           // the window of rows without an event time, nil until there is one
	tree     *paneTree         // nil unless windows are made of panes
	sessions *sessions         // nil unless the windows are sessions
	expiry   *expiry           // nil unless groups end without windows
	sets     *groupingSets     // nil unless the definition has some
	order    []*groups         // all that there is, closed windows too, by creation
	serial   int64             // of the last groups that were made
	arrived  int64             // rows that came before the batch that is applied

	watermark int64 // the last that CloseWindows was told
	closedTo  int64 // windows that had to close by this watermark have closed
	nextClose int64 // the first watermark that closes another window made of panes
	moved     bool  // windows came, closed or went since the last snapshot
	rewrite   bool  // groups have new numbers that no checkpoint has
	last      *Snapshot

	// scratch, reused from batch to batch
	rows, perWindow []int32
	perNull         []int32
	hashes          []uint64
	found           []uint32
	keyVectors      []batch.Vector
	args            []batch.Vector
	assigned        map[int64]*assignment
}

// layout is what all groups of a view have in common. It never changes.
type layout struct {
	accums  []aggregate.Accumulator // by aggregate, nil for a Bag
	first   []int                   // by aggregate, its first column of accs
	keys    blockLayout             // the keys, then g if there are bags
	accs    blockLayout             // in the same rows a group's bounds, if it has some, then accumulators
	columns []batch.Column          // of the state relation
	hashed  int                     // keys that tell groups apart
	bounds  int                     // columns of accs before the accumulators: 2 for sessions, 1 with a TTL
	bags    bool
	paned   bool // windows are made of panes when they are read or close
}

// New returns an empty view.
func New(def *Definition, mem *batch.Allocator, reclaim *epoch.Reclaimer) (*View, error) {
	v := &View{
		def: def, mem: mem, reclaim: reclaim, panes: make(map[int64]*groups), assigned: make(map[int64]*assignment),
		watermark: noTime, closedTo: noTime, nextClose: never, sets: newGroupingSets(def),
	}
	if err := v.layOut(); err != nil {
		return nil, err
	}
	if v.paned {
		v.tree = newPaneTree(v)
	}
	if w := def.Window; w != nil {
		v.lateness = w.LatenessMicros
		if w.Kind == window.Session {
			v.sessions = newSessions(v)
			return v, nil
		}
		var err error
		if v.windows, err = w.Open(); err != nil {
			return nil, fmt.Errorf("view %s: %w", def.Name, err)
		}
		return v, nil
	}
	if def.TTL != nil {
		v.expiry = newExpiry(v)
	}
	if !def.AppendOnly() {
		v.begin()
	}
	return v, nil
}

// layOut arranges the state columns.
func (v *View) layOut() (err error) {
	def := v.def
	if v.columns, err = def.StateColumns(); err != nil {
		return err
	}
	if w := def.Window; w != nil {
		v.paned = w.Kind == window.Hop || w.Kind == window.Cumulate
		if w.Kind == window.Session {
			t := def.Exprs[w.Expr].Type
			v.accs.add(t, 8, true) // the start; NULL: the session is over
			v.accs.add(t, 8, false)
			v.bounds = 2
		}
	}
	if def.TTL != nil {
		v.accs.add(def.Exprs[def.TTL.Expr].Type, 8, true)
		v.bounds = 1
	}
	for _, k := range def.Keys {
		v.keys.add(k.Type, stateWidth(k.Type), true)
	}
	if def.GroupingSets != nil {
		v.keys.add(bigintType, 8, true)
	}
	v.hashed = len(v.keys.columns)
	if v.bags = def.hasBags(); v.bags {
		v.keys.add(bigintType, 8, true)
	}
	for i := range def.Aggregates {
		acc, err := def.accumulator(i)
		if err != nil {
			return err
		}
		v.accums, v.first = append(v.accums, acc), append(v.first, len(v.accs.columns))
		if acc == nil {
			continue
		}
		for _, c := range acc.Columns() {
			v.accs.add(c.Type, stateWidth(c.Type), c.Nullable)
		}
	}
	arrange(&v.keys, &v.accs)
	return nil
}

// Definition returns what the view is.
func (v *View) Definition() *Definition { return v.def }

// Input is a batch as stage one left it.
type Input struct {
	Rows   int
	Exprs  []batch.Vector          // the definition's expressions, those that were computed or are columns
	Source func(int) *batch.Vector // the source's columns, for native predicates
	// Watermarks[i] is the watermark in force before row i; nil during a
	// backfill, where no record is late.
	Watermarks []int64
}

// Late is a row that came when windows that it belongs to had closed. It is not
// in them; where some of its windows were open, it is in those.
type Late struct {
	Row        int32
	Start, End int64 // from the first to the last of the windows that refused it
	Watermark  int64
}

// Apply folds a batch into the state and returns the rows that came too late.
func (v *View) Apply(in *Input) (late []Late) {
	late = v.apply(in)
	v.arrived += int64(in.Rows)
	return late
}

func (v *View) apply(in *Input) (late []Late) {
	rows := v.Passing(in)
	if len(rows) == 0 {
		return nil
	}
	v.keyVectors = v.keyVectors[:0]
	for _, k := range v.def.Keys {
		v.keyVectors = append(v.keyVectors, in.Exprs[k.Expr])
	}
	switch {
	case v.sessions != nil:
		return v.sessions.apply(rows, in)
	case v.expiry != nil:
		return v.expiry.apply(rows, in)
	case v.windows == nil:
		v.fold(v.pane(0), rows, in)
		return nil
	}
	late = v.assign(rows, in)
	v.flush(in)
	return late
}

// only returns the groups of a view without windows.
func (v *View) only() *groups {
	if v.expiry != nil {
		return v.expiry.g
	}
	return v.pane(0)
}

// pane returns the state of the pane of that number.
func (v *View) pane(number int64) *groups {
	g := v.panes[number]
	if g != nil {
		return g
	}
	g = newGroups(v)
	g.number = number
	if v.windows != nil {
		g.start, g.end = v.windows.Bounds(number, number+1)
	}
	g.pane = v.paned
	v.panes[number] = g
	v.add(g)
	if v.paned {
		v.nextClose = min(v.nextClose, v.firstClose(number))
	}
	return g
}

// untimedWindow returns the state of rows without an event time.
func (v *View) untimedWindow() *groups {
	if v.untimed == nil {
		v.untimed = newGroups(v)
		v.untimed.start, v.untimed.end, v.untimed.null = noTime, noTime, true
		v.add(v.untimed)
	}
	return v.untimed
}

// add makes groups part of the view.
func (v *View) add(g *groups) {
	g.setBounds()
	v.order = append(v.order, g)
	v.moved = true
}

// fold adds rows to one window or pane.
func (v *View) fold(g *groups, rows []int32, in *Input) {
	if v.sets != nil {
		v.foldSets(g, rows, in)
		return
	}
	v.foldKeys(g, rows, in)
}

// foldRows is how many rows are folded together: few enough that the groups which
// find has brought into the caches are still there when the last aggregate comes.
const foldRows = 1024

func (v *View) foldKeys(g *groups, rows []int32, in *Input) {
	for part := range slices.Chunk(rows, foldRows) {
		found := v.find(g, part)
		g.touch(found)
		v.accumulate(g, found, part, in)
	}
}

// find returns the groups of rows, which it makes when they are new.
func (v *View) find(g *groups, rows []int32) []uint32 {
	if cap(v.hashes) < len(rows) {
		v.hashes, v.found = make([]uint64, 2*len(rows)), make([]uint32, 2*len(rows))
	}
	hashes, found := v.hashes[:len(rows)], v.found[:len(rows)]
	clear(hashes)
	for i := range v.keyVectors {
		hashColumn(hashes, rows, &v.keyVectors[i])
	}
	g.find(rows, hashes, v.keyVectors, found)
	return found
}

// accumulate folds rows into groups that are writable.
func (v *View) accumulate(g *groups, found []uint32, rows []int32, in *Input) {
	for i, a := range v.def.Aggregates {
		groups, selected := found, rows
		if a.Filter >= 0 {
			groups, selected = v.restrict(found, rows, &v.def.Exprs[a.Filter], &in.Exprs[a.Filter], in)
		}
		v.args = v.args[:0]
		for _, arg := range a.Args {
			v.args = append(v.args, in.Exprs[arg])
		}
		if d := g.details[i]; d != nil {
			d.Add(g.accs[v.first[i]:], groups, selected, v.args)
		} else {
			v.accums[i].Add(g.accs[v.first[i]:], groups, selected, v.args, g.strings)
		}
	}
	g.tidy()
}

// restrict keeps the rows, and their groups, that an aggregate's FILTER lets through.
func (v *View) restrict(groups []uint32, rows []int32, e *Expr, computed *batch.Vector, in *Input) ([]uint32, []int32) {
	kept := filter(append(v.perWindow[:0], rows...), e, computed, in.Source)
	v.perWindow = kept[:0]
	out := make([]uint32, len(kept))
	at := 0
	for i, r := range kept { // kept is a subsequence of rows
		for rows[at] != r {
			at++
		}
		out[i] = groups[at]
		at++
	}
	return out, kept
}

// CloseWindows closes the windows, or ends the groups, that end, with the
// allowed lateness, by the watermark, and returns how many.
func (v *View) CloseWindows(watermark int64) (n int) {
	if v.def.Window == nil && v.expiry == nil {
		return 0
	}
	watermark = v.passed(watermark)
	if watermark > v.watermark {
		v.watermark = watermark
		v.moved = v.moved || v.expiry == nil && v.def.Window.Final
	}
	switch {
	case v.expiry != nil:
		n = v.expiry.close(watermark)
	case v.sessions != nil:
		n = v.sessions.close(watermark)
	case v.paned:
		n = v.closePaned(watermark)
	default:
		for _, g := range v.order {
			if g.closed == 0 && !g.null && v.closes(g.end) <= watermark {
				g.closed, g.changed, v.moved = v.reclaim.Next(), true, true
				n++
			}
		}
	}
	v.closedTo = max(v.closedTo, watermark)
	return n
}

// passed returns the moment up to which no row can come to a session any more, at
// a watermark: Window.OverClosed.
func (v *View) passed(watermark int64) int64 {
	if v.sessions != nil && v.def.Window.OverClosed && watermark > noTime+1 {
		return watermark - 1
	}
	return watermark
}

// closes returns the watermark at which a window with that end closes.
func (v *View) closes(end int64) int64 {
	if end > never-v.lateness || end == batch.NegInfinityMicros {
		return end
	}
	return end + v.lateness
}

// Drop forgets the windows that closed in the given epoch or before: a
// checkpoint has moved them into history.
func (v *View) Drop(epoch uint64) {
	v.forget(func(g *groups) bool { return g.closed != 0 && g.closed <= epoch })
}

// forget gives up what is no longer needed.
func (v *View) forget(gone func(*groups) bool) {
	kept := v.order[:0]
	for _, g := range v.order {
		if !gone(g) {
			kept = append(kept, g)
			continue
		}
		if v.panes[g.number] == g {
			delete(v.panes, g.number)
		}
		g.retire(v.reclaim)
		v.moved = true
	}
	clear(v.order[len(kept):])
	v.order = kept
}

// Close gives up all state.
func (v *View) Close() {
	for _, g := range v.order {
		g.retire(v.reclaim)
	}
	v.tree.clear()
	v.order, v.panes, v.untimed, v.sessions, v.expiry = nil, nil, nil, nil, nil
}
