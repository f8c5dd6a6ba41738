package view

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/window"
)

// windowed is a definition over (ts, name, n) with windows of some kind. Its
// aggregates are count(*), sum(n), max(name), count(DISTINCT n) and the bag of n.
func windowed(t *rapid.T) *Definition {
	def := definition(true, rapid.Bool().Draw(t, "keyed"))
	def.Aggregates = append(def.Aggregates, Aggregate{Func: aggregate.Bag, Args: []int{2}, Filter: -1})
	spec := &def.Window.Spec
	spec.WidthMicros, spec.OriginMicros = 10, rapid.Int64Range(0, 9).Draw(t, "origin")
	switch spec.Kind = rapid.SampledFrom([]window.Kind{window.Tumble, window.Hop, window.Cumulate, window.Session}).Draw(t, "kind"); spec.Kind {
	case window.Hop:
		spec.SlidePanes = rapid.Int64Range(1, 3).Draw(t, "slide")
		spec.SizePanes = spec.SlidePanes * rapid.Int64Range(1, 4).Draw(t, "ratio")
	case window.Cumulate:
		spec.SizePanes = rapid.Int64Range(1, 4).Draw(t, "size")
	case window.Session:
		*spec = window.Spec{Kind: window.Session, GapMicros: rapid.Int64Range(1, 12).Draw(t, "gap")}
	}
	def.Window.LatenessMicros = rapid.SampledFrom([]int64{0, 0, 1, 15}).Draw(t, "lateness")
	def.Window.Final = rapid.Bool().Draw(t, "final")
	return def
}

// span is a window of the model.
type span struct{ start, end int64 }

// model computes the same view with no regard to cost: it keeps every row that
// was in time for some window.
type model struct {
	def       *Definition
	rows      []modelRow
	watermark int64 // the greatest that closed windows
}

type modelRow struct {
	row
	mark int64 // when it came
}

// spans returns the windows that hold a time, for windows that are not sessions.
func (m *model) spans(ts int64) (out []span) {
	s := m.def.Window.Spec
	width, size, slide := s.WidthMicros, max(1, s.SizePanes), max(1, s.SlidePanes)
	for start := ts - width*size; start <= ts; start++ {
		if (start-s.OriginMicros)%(width*slide) != 0 && s.Kind == window.Hop || (start-s.OriginMicros)%(width*size) != 0 && s.Kind != window.Hop {
			continue
		}
		switch s.Kind {
		case window.Cumulate:
			for k := int64(1); k <= size; k++ {
				if ts < start+k*width {
					out = append(out, span{start, start + k*width})
				}
			}
		default:
			if ts < start+size*width {
				out = append(out, span{start, start + size*width})
			}
		}
	}
	return out
}

// key tells the groups of a row apart.
func (m *model) key(r row) string {
	if len(m.def.Keys) == 0 {
		return ""
	}
	return r.name
}

// sessions returns the sessions of a key that its rows make.
func (m *model) sessions(key string) (out []span) {
	gap := m.def.Window.GapMicros
	var times []int64
	for _, r := range m.rows {
		if r.ts != noValue && m.key(r.row) == key {
			times = append(times, r.ts)
		}
	}
	slices.Sort(times)
	for _, ts := range times {
		if n := len(out); n > 0 && ts <= out[n-1].end {
			out[n-1].end = ts + gap
		} else {
			out = append(out, span{ts, ts + gap})
		}
	}
	return out
}

// add takes a row at a watermark and reports whether any window refused it.
func (m *model) add(r row, mark int64) (late bool) {
	if m.def.TTL != nil {
		return m.addExpiring(r, mark)
	}
	lateness := m.def.Window.LatenessMicros
	if r.ts == noValue || mark == noTime {
		m.rows = append(m.rows, modelRow{r, mark})
		return false
	}
	if m.def.Window.Kind == window.Session {
		start, end := r.ts, r.ts+m.def.Window.GapMicros
		joins := false
		for _, s := range m.sessions(m.key(r)) {
			if start <= s.end && end >= s.start {
				if s.end+lateness <= mark {
					return true
				}
				joins = true
			}
		}
		if !joins && end+lateness <= mark {
			return true
		}
		m.rows = append(m.rows, modelRow{r, mark})
		return false
	}
	open := false
	for _, s := range m.spans(r.ts) {
		if s.end+lateness <= mark {
			late = true
		} else {
			open = true
		}
	}
	if open {
		m.rows = append(m.rows, modelRow{r, mark})
	}
	return late
}

// text is what readers see: closed windows, also those in history, and open ones.
func (m *model) text() map[string]string {
	if m.def.TTL != nil {
		return m.expiringText()
	}
	groups := make(map[string][]row)
	for _, r := range m.rows {
		spans := []span{{noTime, noTime}}
		switch {
		case r.ts == noValue:
		case m.def.Window.Kind == window.Session:
			spans = slices.DeleteFunc(m.sessions(m.key(r.row)), func(s span) bool { return r.ts < s.start || r.ts > s.end })
		default:
			spans = m.spans(r.ts)
		}
		for _, s := range spans {
			if s.start != noTime && m.def.Window.Kind != window.Session && r.mark != noTime && s.end+m.def.Window.LatenessMicros <= r.mark {
				continue
			}
			if m.def.Window.Final && (s.start == noTime || s.end > m.watermark) {
				continue
			}
			key := fmt.Sprint(s.start, " ", s.end, " ", m.key(r.row))
			groups[key] = append(groups[key], r.row)
		}
	}
	out := make(map[string]string)
	for key, rows := range groups {
		out[key] = summary(rows)
	}
	return out
}

func summary(rows []row) string {
	e := newExpected(&Definition{})
	var bag []int64
	for _, r := range rows {
		e.add(r)
		bag = append(bag, r.n)
	}
	slices.Sort(bag)
	return fmt.Sprint(e.text()["0"], " ", bag)
}

// read returns the rows of a relation, each group's aggregates by its window
// and key.
func read(t rapid.TB, r *Relation, mem *batch.Allocator, out map[string]string) {
	v := r.view
	bags := make(map[int64][]int64)
	for _, w := range r.windows {
		b := w.details[4].(*bag)
		rec := blockRecord(mem, b.layout, b)
		for i := range int(rec.NumRows()) {
			n := int64(noValue)
			if rec.Column(2).IsValid(i) {
				n = batchInt(rec, 2, i)
			}
			bags[batchInt(rec, 0, i)] = append(bags[batchInt(rec, 0, i)], n)
		}
		rec.Release()
	}
	for _, w := range r.windows {
		for i := range w.pages {
			p := w.pages[i]
			rows := min(aggregate.PageRows, w.n-i<<aggregate.PageShift)
			first, after := []int{0}, []int{rows}
			if w.rowBounds {
				first, after = nil, nil
				r.runs(p, rows, func(a, b int) { first, after = append(first, a), append(after, b) })
			}
			for j := range first {
				for row := first[j]; row < after[j]; row++ {
					key, g, value := groupText(v, w, p, row, mem)
					if out[key] != "" {
						t.Fatalf("group %q is there twice", key)
					}
					bag := bags[g]
					slices.Sort(bag)
					out[key] = fmt.Sprint(value, " ", bag)
				}
			}
		}
	}
}

func batchInt(rec arrow.RecordBatch, column, row int) int64 {
	v := batch.VectorOf(rec.Column(column), bigint)
	return v.Int64(row)
}

func blockRecord(mem *batch.Allocator, l *blockLayout, b *bag) arrow.RecordBatch {
	out := batch.NewBuilder(mem, batch.NewSchema([]batch.Column{{Name: "g", Type: bigint}, {Name: "n", Type: bigint}, {Name: "v", Type: bigint}}))
	for i := range b.n {
		p := &b.pages[i>>aggregate.PageShift]
		l.appendRow(out, 0, 3, blockOf(p), i&(aggregate.PageRows-1))
	}
	return out.Finish()
}

func groupText(v *View, w *windowSnapshot, p unsafe.Pointer, row int, mem *batch.Allocator) (key string, g int64, value string) {
	b := batch.NewBuilder(mem, v.StateSchema())
	b.Column(0).AppendInt64(0)
	b.Column(1).AppendInt64(0)
	v.keys.appendRow(b, 2, v.hashed, p, row)
	v.accs.appendRow(b, 2+v.hashed, len(v.accs.columns), p, row)
	rec := b.Finish()
	defer rec.Release()
	s := span{w.start, w.end}
	at := 2 + v.hashed
	if w.rowBounds && v.bounds == 2 {
		s = span{batchInt(rec, at, 0), batchInt(rec, at+1, 0)}
	}
	at += v.bounds
	name := ""
	if v.hashed > 0 {
		name = cell(rec, 2, 0)
	}
	g = *(*int64)(v.keys.value(p, len(v.keys.columns)-1, row))
	return fmt.Sprint(s.start, " ", s.end, " ", name), g,
		fmt.Sprint(cell(rec, at, 0), " ", cell(rec, at+1, 0), " ", cell(rec, at+2, 0), " ", cell(rec, at+3, 0))
}

// TestWindowsAgreeWithAModel runs a stream of rows whose watermark rises,
// checkpoints, some of which fail, restarts, and compares what readers see and
// which rows are late.
func TestWindowsAgreeWithAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { live(t, windowed(t)) })
}

// live runs the life of a view.
func live(t *rapid.T, def *Definition) {
	w := &world{t: t, def: def, history: make(map[string]string), mark: noTime}
	w.f, w.m = newFixture(tb(t), w.def), &model{def: w.def, watermark: noTime}
	w.compactOften()
	for range rapid.IntRange(1, 12).Draw(t, "steps") {
		switch rapid.IntRange(0, 5).Draw(t, "step") {
		case 0:
			w.checkpoint(rapid.IntRange(0, 3).Draw(t, "failed") == 0)
		case 1:
			w.restart()
		default:
			w.batch()
		}
		w.compare()
	}
	release(w.groups)
	release(w.details)
	w.f.close(t)
}

// world is a view, its model and what a database would have on disk.
type world struct {
	t   *rapid.T
	def *Definition
	f   *fixture
	m   *model
	now int64

	mark            int64
	history         map[string]string // closed windows that a checkpoint has taken
	committed       uint64
	groups, details []arrow.RecordBatch
	saved           *model
	savedNow        int64
	replay          []func()
}

func (w *world) batch() {
	t := w.t
	var rows []row
	var marks []int64
	backfill := w.mark == noTime && len(w.m.rows) == 0 && rapid.Bool().Draw(t, "backfill")
	for range rapid.IntRange(1, 25).Draw(t, "rows") {
		w.now += rapid.Int64Range(0, 6).Draw(t, "passed")
		r := row{ts: w.now - rapid.SampledFrom([]int64{0, 0, 1, 5, 17, 60}).Draw(t, "behind"), name: rapid.SampledFrom([]string{"a", "another name of some length", "-"}).Draw(t, "name"), n: rapid.OneOf(rapid.Int64Range(0, 3), rapid.Just(int64(noValue))).Draw(t, "n")}
		if rapid.IntRange(0, 15).Draw(t, "no time") == 0 {
			r.ts = noValue
		}
		if rapid.IntRange(0, 4).Draw(t, "rise") == 0 {
			w.mark = max(w.mark, w.now-rapid.Int64Range(0, 12).Draw(t, "delay"))
		}
		rows, marks = append(rows, r), append(marks, w.mark)
	}
	if backfill {
		for i := range marks {
			marks[i] = noTime
		}
	}
	mark := w.mark
	w.do(func() { w.apply(rows, marks, mark, backfill) })
}

// compactOften has groups made anew when a few are over.
func (w *world) compactOften() {
	if s := w.f.view.sessions; s != nil {
		s.compactOver = 2
	}
	if x := w.f.view.expiry; x != nil {
		x.compactOver = 2
	}
}

// do runs a step, and again after a restart from an older checkpoint.
func (w *world) do(step func()) {
	w.replay = append(w.replay, step)
	step()
}

func (w *world) apply(rows []row, marks []int64, mark int64, backfill bool) {
	var want []int32
	for i, r := range rows {
		if w.m.add(r, marks[i]) {
			want = append(want, int32(i))
		}
	}
	w.m.watermark = max(w.m.watermark, mark)
	if backfill {
		marks = nil
	}
	late := w.f.apply(rows, marks)
	var got []int32
	for _, l := range late {
		got = append(got, l.Row)
		if w.def.Window != nil && w.def.Window.closesBy(l.End) > l.Watermark && w.def.Window.Kind != window.Session {
			w.t.Fatalf("row %d was refused by a window that ends at %d, at watermark %d", l.Row, l.End, l.Watermark)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Fatalf("late rows: %s", diff)
	}
	w.f.view.CloseWindows(mark)
}

func (w *Window) closesBy(end int64) int64 { return end + w.LatenessMicros }

func (w *world) checkpoint(failed bool) {
	s, pin := w.f.publish()
	whole := w.f.view.MustRewrite() || rapid.IntRange(0, 3).Draw(w.t, "whole") == 0
	d := w.f.view.TakeDelta(s, whole)
	if failed {
		w.f.view.Undo(d)
		return
	}
	read(w.t, s.Closed(), w.f.mem, w.history)
	if whole {
		release(w.groups)
		release(w.details)
		w.groups, w.details = nil, nil
	}
	w.groups, w.details = append(w.groups, d.Groups(w.f.mem)), append(w.details, d.Details(w.f.mem))
	w.committed = pin.Epoch
	w.f.view.Drop(w.committed)
	saved := *w.m
	saved.rows = slices.Clone(saved.rows)
	w.saved, w.savedNow, w.replay = &saved, w.mark, nil
}

// restart goes back to the last checkpoint and does again what came after it.
func (w *world) restart() {
	if w.saved == nil {
		return
	}
	mem := w.f.mem
	w.f.view.Close()
	w.f.reclaim.Close()
	w.f = newFixture(tb(w.t), w.def)
	w.compactOften()
	w.f.view.Restoring(w.savedNow)
	for _, rec := range w.groups {
		if err := w.f.view.Load(rec, w.savedNow); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, rec := range w.details {
		w.f.view.LoadDetails(rec, w.savedNow)
	}
	w.f.view.Loaded()
	// The records of the checkpoint belong to the allocator of the first life.
	keep := func(list []arrow.RecordBatch) {
		for i, rec := range list {
			list[i] = copyRecord(w.f.mem, rec)
			rec.Release()
		}
	}
	keep(w.groups)
	keep(w.details)
	if n := mem.Bytes(); n != 0 {
		w.t.Fatalf("%d bytes leaked", n)
	}
	saved := *w.saved
	saved.rows = slices.Clone(saved.rows)
	w.m, w.committed = &saved, 0
	for _, step := range w.replay {
		step()
	}
}

func copyRecord(mem *batch.Allocator, rec arrow.RecordBatch) arrow.RecordBatch {
	columns := make([]batch.Column, rec.NumCols())
	for i := range columns {
		t := bigint
		switch rec.Column(i).DataType().ID() {
		case arrow.STRING:
			t = varchar
		case arrow.BINARY:
			t = batch.Type{Kind: batch.Blob}
		case arrow.TIMESTAMP:
			t = timestamp
		case arrow.DECIMAL128:
			t = batch.Type{Kind: batch.HugeInt}
		}
		columns[i] = batch.Column{Name: rec.ColumnName(i), Type: t}
	}
	b := batch.NewBuilder(mem, batch.NewSchema(columns))
	for i, c := range columns {
		v := batch.VectorOf(rec.Column(i), c.Type)
		for row := range int(rec.NumRows()) {
			b.Column(i).AppendFrom(&v, row)
		}
	}
	return b.Finish()
}

func (w *world) compare() {
	s, _ := w.f.publish()
	got := maps.Clone(w.history)
	rel := s.Live(w.committed)
	defer rel.Release()
	read(w.t, rel, w.f.mem, got)
	if diff := cmp.Diff(w.m.text(), got); diff != "" {
		w.t.Fatalf("%+v at watermark %d: %s", w.def.Window, w.m.watermark, diff)
	}
}

func blockOf(p *bagPage) unsafe.Pointer { return unsafe.Pointer(&p.block[0]) }

// TestRowsAfterAFlushAreKept has a batch over many panes, in the middle of which
// a row is late for one of its windows: what follows it belongs to the same pane.
func TestRowsAfterAFlushAreKept(t *testing.T) {
	for range 30 { // flush lets go of panes in no order
		def := definition(true, false)
		def.Window.Spec = window.Spec{Kind: window.Hop, WidthMicros: 10, SizePanes: 2, SlidePanes: 1}
		f := newFixture(t, def)
		var rows []row
		var marks []int64
		for i := range int64(100) {
			rows, marks = append(rows, row{ts: 10 * (99 - i), name: "a", n: 1}), append(marks, noTime)
		}
		for i := range int64(4) {
			rows, marks = append(rows, row{ts: 5 + i, name: "a", n: 1}), append(marks, 10)
		}
		if late := f.apply(rows, marks); len(late) != 4 {
			t.Fatalf("%d rows are late for a window, want 4", len(late))
		}
		s, _ := f.publish()
		live := s.Live(0)
		for _, w := range live.windows {
			if w.start == 0 && *(*int64)(live.view.accs.value(w.pages[0], 0, 0)) != 6 {
				t.Fatal("rows of the window from 0 are lost")
			}
		}
		live.Release()
		f.close(t)
	}
}
