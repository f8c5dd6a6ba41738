package view

import (
	"fmt"
	"math"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/epoch"
	"github.com/millstream-db/millstream/engine/window"
)

var (
	bigint    = batch.Type{Kind: batch.BigInt}
	varchar   = batch.Type{Kind: batch.Varchar}
	timestamp = batch.Type{Kind: batch.Timestamp}
)

const width = 100

// definition groups (ts, name, n) by windows, if so, and name, and keeps
// count(*), sum(n), max(name) and count(DISTINCT n).
func definition(windowed, keyed bool) *Definition {
	def := &Definition{
		Name: "v", Where: -1,
		Exprs: []Expr{{Type: timestamp, Column: 0}, {Type: varchar, Column: 1}, {Type: bigint, Column: 2}},
		Aggregates: []Aggregate{
			{Func: aggregate.CountStar, Filter: -1},
			{Func: aggregate.Sum, Args: []int{2}, Filter: -1},
			{Func: aggregate.Max, Args: []int{1}, Filter: -1},
			{Func: aggregate.Count, Distinct: true, Args: []int{2}, Filter: -1},
		},
	}
	if windowed {
		def.Window = &Window{Expr: 0, Spec: window.Spec{WidthMicros: width}}
	}
	if keyed {
		def.Keys = []Key{{Expr: 1, Type: varchar}}
	}
	return def
}

// row is a record; noValue in ts or n is NULL, "-" in name.
type row struct {
	ts   int64
	name string
	n    int64
}

const noValue = math.MinInt64

// expected is a naive computation of the same view.
type expected struct {
	def    *Definition
	groups map[string]*expectedGroup
}

type expectedGroup struct {
	rows     int
	sum      int64
	summed   bool
	greatest string
	distinct map[int64]bool
}

func newExpected(def *Definition) *expected {
	e := &expected{def: def, groups: make(map[string]*expectedGroup)}
	if def.Window == nil && len(def.Keys) == 0 {
		e.group("0")
	}
	return e
}

func (e *expected) group(key string) *expectedGroup {
	g := e.groups[key]
	if g == nil {
		g = &expectedGroup{greatest: "-", distinct: make(map[int64]bool)}
		e.groups[key] = g
	}
	return g
}

func (e *expected) add(r row) {
	key := "0"
	if e.def.Window != nil {
		if key = fmt.Sprint(noTime); r.ts != noValue {
			key = fmt.Sprint(r.ts - ((r.ts%width)+width)%width)
		}
	}
	if len(e.def.Keys) > 0 {
		key += "/" + r.name
	}
	g := e.group(key)
	g.rows++
	if r.n != noValue {
		g.sum, g.summed = g.sum+r.n, true
		g.distinct[r.n] = true
	}
	if r.name != "-" && (g.greatest == "-" || r.name > g.greatest) {
		g.greatest = r.name
	}
}

func (e *expected) text() map[string]string {
	out := make(map[string]string)
	for key, g := range e.groups {
		sum := "-"
		if g.summed {
			sum = fmt.Sprint(g.sum)
		}
		out[key] = fmt.Sprint(g.rows, " ", sum, " ", g.greatest, " ", len(g.distinct))
	}
	return out
}

// fixture is a view in a world without an engine.
type fixture struct {
	mem     *batch.Allocator
	reclaim *epoch.Reclaimer
	view    *View
}

func newFixture(t testing.TB, def *Definition) *fixture {
	f := &fixture{mem: batch.NewAllocator()}
	f.reclaim = epoch.NewReclaimer(f.mem, 1)
	var err error
	if f.view, err = New(def, f.mem, f.reclaim); err != nil {
		t.Fatal(err)
	}
	return f
}

// close checks that nothing is left.
func (f *fixture) close(t rapid.TB) {
	f.view.Close()
	f.reclaim.Close()
	if n := f.mem.Bytes(); n != 0 {
		t.Fatalf("%d bytes leaked", n)
	}
}

// publish ends the epoch.
func (f *fixture) publish() (*Snapshot, *epoch.Pin) {
	s := f.view.Snapshot()
	pin := f.reclaim.Publish()
	f.reclaim.Sweep()
	return s, pin
}

func (f *fixture) apply(rows []row, watermarks []int64) []Late {
	b := batch.NewBuilder(f.mem, batch.NewSchema([]batch.Column{{Name: "ts", Type: timestamp}, {Name: "name", Type: varchar}, {Name: "n", Type: bigint}}))
	integer := func(c int, v int64) {
		if v == noValue {
			b.Column(c).AppendNull()
		} else {
			b.Column(c).AppendInt64(v)
		}
	}
	for _, r := range rows {
		integer(0, r.ts)
		if r.name == "-" {
			b.Column(1).AppendNull()
		} else {
			b.Column(1).AppendString(r.name)
		}
		integer(2, r.n)
	}
	rec := b.Finish()
	defer rec.Release()
	vectors := make([]batch.Vector, 3)
	for i := range vectors {
		vectors[i] = batch.VectorOf(rec.Column(i), b.Schema().Columns[i].Type)
	}
	return f.view.Apply(&Input{Rows: len(rows), Exprs: vectors, Watermarks: watermarks})
}

// text reads a snapshot's pages.
func (s *Snapshot) text(t rapid.TB, mem *batch.Allocator) map[string]string {
	v, out := s.view, make(map[string]string)
	for _, w := range s.windows {
		for i, p := range w.pages {
			b := batch.NewBuilder(mem, v.StateSchema())
			rows := min(aggregate.PageRows, w.n-i<<aggregate.PageShift)
			for r := range rows {
				b.Column(0).AppendInt64(w.start)
				b.Column(1).AppendInt64(int64(r))
				v.keys.appendRow(b, 2, v.hashed, p, r)
				v.accs.appendRow(b, 2+v.hashed, len(v.accs.columns), p, r)
			}
			rec := b.Finish()
			for r := range rows {
				key, first := rec.Column(0).ValueStr(r), 2
				if len(v.def.Keys) > 0 {
					key, first = key+"/"+cell(rec, 2, r), 3
				}
				if out[key] != "" {
					t.Fatalf("group %s is there twice", key)
				}
				out[key] = fmt.Sprint(cell(rec, first, r), " ", cell(rec, first+1, r), " ", cell(rec, first+2, r), " ", cell(rec, first+3, r))
			}
			rec.Release()
		}
	}
	return out
}

func cell(rec arrow.RecordBatch, column, r int) string {
	if rec.Column(column).IsNull(r) {
		return "-"
	}
	return rec.Column(column).ValueStr(r)
}

func drawRows(t *rapid.T) []row {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
		return row{
			ts:   rapid.SampledFrom([]int64{noValue, -150, -100, -1, 0, 99, 100, 101, 250, 1e15}).Draw(t, "ts"),
			name: rapid.SampledFrom([]string{"-", "", "a", "twelve bytes", "twelve bytes and more"}).Draw(t, "name"),
			n:    rapid.OneOf(rapid.Int64Range(-3, 3), rapid.Just(int64(noValue))).Draw(t, "n"),
		}
	}), 0, 40).Draw(t, "rows")
}

// TestSnapshotsStayAsTheyWere applies batches and, at the end, reads every
// snapshot that was taken on the way.
func TestSnapshotsStayAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		def := definition(rapid.Bool().Draw(t, "windowed"), rapid.Bool().Draw(t, "keyed"))
		f, want := newFixture(tb(t), def), newExpected(def)
		type taken struct {
			snapshot *Snapshot
			pin      *epoch.Pin
			want     map[string]string
		}
		var all []taken
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			rows := drawRows(t)
			f.apply(rows, nil)
			for _, r := range rows {
				want.add(r)
			}
			s, pin := f.publish()
			pin.Acquire()
			all = append(all, taken{s, pin, want.text()})
		}
		for i, x := range all {
			if diff := cmp.Diff(x.want, x.snapshot.text(t, f.mem)); diff != "" {
				t.Fatalf("snapshot %d: %s", i, diff)
			}
			x.pin.Release()
		}
		f.close(t)
	})
}

// tb is rapid's T where a testing.TB is wanted for Fatal alone.
func tb(t *rapid.T) testing.TB { return fataler{TB: nil, t: t} }

type fataler struct {
	testing.TB
	t *rapid.T
}

func (f fataler) Fatal(args ...any) { f.t.Fatal(args...) }

func TestGroupsGrowOverPages(t *testing.T) {
	def := definition(true, true)
	f, want := newFixture(t, def), newExpected(def)
	var rows []row
	for i := range int64(3*aggregate.PageRows + 7) {
		rows = append(rows, row{ts: 10, name: fmt.Sprint("a key of many letters ", i), n: i}, row{ts: 110 + width*(i%50), name: fmt.Sprint(i), n: noValue})
	}
	for at := 0; at < len(rows); at += 700 {
		part := rows[at:min(at+700, len(rows))]
		f.apply(part, nil)
		for _, r := range part {
			want.add(r)
		}
		s, _ := f.publish()
		if diff := cmp.Diff(want.text(), s.text(t, f.mem)); diff != "" {
			t.Fatal(diff)
		}
	}
	f.close(t)
}

func TestViewWithoutKeysHasOneGroupAlways(t *testing.T) {
	def := definition(false, false)
	f, want := newFixture(t, def), newExpected(def)
	check := func() {
		t.Helper()
		s, _ := f.publish()
		if diff := cmp.Diff(want.text(), s.text(t, f.mem)); diff != "" {
			t.Error(diff)
		}
	}
	check()
	f.apply([]row{{1, "a", 2}}, nil)
	want.add(row{1, "a", 2})
	check()
	f.close(t)
}

func TestRecordsOfClosedWindowsAreLate(t *testing.T) {
	f := newFixture(t, definition(true, true))
	rows := []row{{99, "a", 1}, {99, "a", 1}, {100, "a", 1}, {noValue, "a", 1}, {-1, "a", 1}}
	late := f.apply(rows, []int64{99, 100, 100, 100, noValue})
	if diff := cmp.Diff([]Late{{Row: 1, Start: 0, End: 100, Watermark: 100}}, late); diff != "" {
		t.Error(diff)
	}
	if n := f.view.CloseWindows(100); n != 2 {
		t.Errorf("%d windows closed, want those of -100 and 0", n)
	}
	s, _ := f.publish()
	closedIn := uint64(0) // windows have no order
	for _, w := range s.windows {
		closedIn = max(closedIn, w.closed)
	}
	if closed, live := s.Closed().Rows(), s.Live(closedIn); closed == 0 || len(live.Scan([]int{0})) != 2 {
		t.Errorf("%d rows are closed, %d windows are live", closed, len(live.Scan([]int{0})))
	}
	f.close(t)
}

// TestStateIsRestoredFromDeltas takes a delta now and then, as checkpoints do;
// some fail. All that were written make the same view again.
func TestStateIsRestoredFromDeltas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		def := definition(rapid.Bool().Draw(t, "windowed"), rapid.Bool().Draw(t, "keyed"))
		f, want := newFixture(tb(t), def), newExpected(def)
		var groups, distinct []arrow.RecordBatch
		apply := func() {
			rows := drawRows(t)
			f.apply(rows, nil)
			for _, r := range rows {
				want.add(r)
			}
		}
		checkpoint := func(failed, whole bool) {
			s, _ := f.publish()
			d := f.view.TakeDelta(s, whole)
			if rapid.Bool().Draw(t, "more") { // what comes while the checkpoint is written
				apply()
			}
			if failed {
				f.view.Undo(d)
				return
			}
			if whole {
				release(groups)
				release(distinct)
				groups, distinct = nil, nil
			}
			groups, distinct = append(groups, d.Groups(f.mem)), append(distinct, d.Details(f.mem))
		}
		for range rapid.IntRange(1, 5).Draw(t, "checkpoints") {
			apply()
			// The pages that a delta refers to stay until the next epoch.
			checkpoint(rapid.Bool().Draw(t, "failed"), rapid.IntRange(0, 3).Draw(t, "whole") == 0)
		}
		s, _ := f.publish()
		d := f.view.TakeDelta(s, false)
		groups, distinct = append(groups, d.Groups(f.mem)), append(distinct, d.Details(f.mem))

		restored := newFixture(tb(t), def)
		for _, rec := range groups {
			if err := restored.view.Load(rec, noTime); err != nil {
				t.Fatal(err)
			}
		}
		for _, rec := range distinct {
			restored.view.LoadDetails(rec, noTime)
		}
		restored.view.Loaded()
		s, _ = restored.publish()
		if diff := cmp.Diff(want.text(), s.text(t, restored.mem)); diff != "" {
			t.Fatal(diff)
		}
		if n := restored.view.TakeDelta(s, false).Rows(); n != 0 {
			t.Fatalf("%d rows are changed right after the restore", n)
		}
		release(groups)
		release(distinct)
		f.close(t)
		f = restored
		apply() // the sets behind count(DISTINCT) have come back too
		s, _ = f.publish()
		if diff := cmp.Diff(want.text(), s.text(t, f.mem)); diff != "" {
			t.Fatal(diff)
		}
		f.close(t)
	})
}

func release(records []arrow.RecordBatch) {
	for _, rec := range records {
		rec.Release()
	}
}
