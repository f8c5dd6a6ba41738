package view

import (
	"math"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/epoch"
	"github.com/millstream-db/millstream/engine/window"
)

// noTime keys the window of rows whose event time is NULL. It never closes.
const noTime = int64(math.MinInt64)

// View is the live state of a materialized view. It belongs to the engine's
// writer and is not safe for concurrent use.
type View struct {
	def     *Definition
	mem     *batch.Allocator
	reclaim *epoch.Reclaimer
	tumble  window.Tumbling
	accums  []aggregate.Accumulator // by aggregate, nil for a Bag
	first   []int                   // by aggregate, its first state column
	keys    blockLayout             // of the keys, then g if there are bags
	accs    blockLayout
	columns []batch.Column // of the state relation
	hashed  int            // keys that tell groups apart
	bags    bool
	serial  int64 // of the last window that was made

	windows map[int64]*groups
	order   []*groups // by creation
	moved   bool      // windows came, closed or went since the last snapshot
	last    *Snapshot

	// scratch, reused from batch to batch
	rows, perWindow []int32
	hashes          []uint64
	found           []uint32
	keyVectors      []batch.Vector
	args            []batch.Vector
	assigned        map[int64]*assignment
}

// assignment is the rows of a batch that fall into one window.
type assignment struct {
	start, end int64
	rows       []int32
}

// New returns an empty view.
func New(def *Definition, mem *batch.Allocator, reclaim *epoch.Reclaimer) (*View, error) {
	v := &View{def: def, mem: mem, reclaim: reclaim, windows: make(map[int64]*groups), assigned: make(map[int64]*assignment)}
	var err error
	if v.columns, err = def.StateColumns(); err != nil {
		return nil, err
	}
	if w := def.Window; w != nil {
		v.tumble = window.Tumbling{WidthMicros: w.WidthMicros, Months: w.Months, OriginMicros: w.OriginMicros}
	}
	for _, k := range def.Keys {
		v.keys.add(k.Type, stateWidth(k.Type), true)
	}
	v.hashed = len(v.keys.columns)
	if v.bags = def.hasBags(); v.bags {
		v.keys.add(bigintType, 8, true)
	}
	for i := range def.Aggregates {
		acc, err := def.accumulator(i)
		if err != nil {
			return nil, err
		}
		v.accums, v.first = append(v.accums, acc), append(v.first, len(v.accs.columns))
		if acc == nil {
			continue
		}
		for _, c := range acc.Columns() {
			v.accs.add(c.Type, stateWidth(c.Type), c.Nullable)
		}
	}
	if def.Window == nil && len(def.Keys) == 0 { // SELECT count(*) FROM nothing is one row
		g, group := v.window(0, 0), []uint32{0}
		g.find([]int32{0}, []uint64{0}, nil, group)
		g.touch(group)
	}
	return v, nil
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

// Late is a row whose window had closed when it arrived.
type Late struct {
	Row        int32
	Start, End int64
	Watermark  int64
}

// Apply folds a batch into the state and returns the rows that came too late.
func (v *View) Apply(in *Input) (late []Late) {
	rows := v.rows[:0]
	for i := range int32(in.Rows) {
		rows = append(rows, i)
	}
	v.rows = rows
	if v.def.Where >= 0 {
		rows = filter(rows, &v.def.Exprs[v.def.Where], &in.Exprs[v.def.Where], in.Source)
	}
	if len(rows) == 0 {
		return nil
	}
	v.keyVectors = v.keyVectors[:0]
	for _, k := range v.def.Keys {
		v.keyVectors = append(v.keyVectors, in.Exprs[k.Expr])
	}
	if v.def.Window == nil {
		v.fold(v.window(0, 0), rows, in)
		return nil
	}
	late = v.assign(rows, in)
	for start, a := range v.assigned {
		if len(a.rows) > 0 {
			v.fold(v.window(a.start, a.end), a.rows, in)
			a.rows = a.rows[:0]
		}
		if len(v.assigned) > 64 { // a batch over many windows leaves no pile of buffers
			delete(v.assigned, start)
		}
	}
	return late
}

// assign sorts rows into windows and picks out the late ones.
func (v *View) assign(rows []int32, in *Input) (late []Late) {
	times := &in.Exprs[v.def.Window.Expr]
	nulls := times.HasNulls()
	var cur *assignment
	for _, r := range rows {
		row := int(r)
		if nulls && times.Null(row) {
			a := v.assignment(noTime, noTime)
			a.rows = append(a.rows, r)
			continue
		}
		ts := times.Int64(row)
		if cur == nil || ts < cur.start || ts >= cur.end {
			start := v.tumble.Start(ts)
			cur = v.assignment(start, v.tumble.End(start))
		}
		if in.Watermarks != nil && cur.end <= in.Watermarks[row] {
			late = append(late, Late{r, cur.start, cur.end, in.Watermarks[row]})
			continue
		}
		cur.rows = append(cur.rows, r)
	}
	return late
}

func (v *View) assignment(start, end int64) *assignment {
	a := v.assigned[start]
	if a == nil {
		a = &assignment{start: start, end: end}
		v.assigned[start] = a
	}
	return a
}

// window returns the state of the window that starts at start.
func (v *View) window(start, end int64) *groups {
	g := v.windows[start]
	if g == nil {
		g = newGroups(v, start, end, v.def.Window != nil && start == noTime)
		v.windows[start] = g
		v.order = append(v.order, g)
		v.moved = true
	}
	return g
}

// fold adds rows to one window.
func (v *View) fold(g *groups, rows []int32, in *Input) {
	if cap(v.hashes) < len(rows) {
		v.hashes, v.found = make([]uint64, 2*len(rows)), make([]uint32, 2*len(rows))
	}
	hashes, found := v.hashes[:len(rows)], v.found[:len(rows)]
	clear(hashes)
	for i := range v.keyVectors {
		hashColumn(hashes, rows, &v.keyVectors[i])
	}
	g.find(rows, hashes, v.keyVectors, found)
	g.touch(found)
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
			v.accums[i].Add(g.accs[v.first[i]:], groups, selected, v.args, g.arena)
		}
	}
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

// CloseWindows closes the windows that the watermark has reached and returns
// how many.
func (v *View) CloseWindows(watermark int64) (n int) {
	if v.def.Window == nil {
		return 0
	}
	for _, g := range v.order {
		if g.closed == 0 && !g.null && g.end <= watermark {
			g.closed, g.changed, v.moved = v.reclaim.Next(), true, true
			n++
		}
	}
	return n
}

// Drop forgets the windows that closed in the given epoch or before: a
// checkpoint has moved them into history.
func (v *View) Drop(epoch uint64) {
	kept := v.order[:0]
	for _, g := range v.order {
		if g.closed == 0 || g.closed > epoch {
			kept = append(kept, g)
			continue
		}
		delete(v.windows, g.start)
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
	v.order, v.windows = nil, nil
}
