package view

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
)

// expiring is a definition as windowed has it, whose groups have a TTL.
func expiring(keyed bool, ttl int64) *Definition {
	def := definition(false, keyed)
	def.Aggregates = append(def.Aggregates, Aggregate{Func: aggregate.Bag, Args: []int{2}, Filter: -1})
	def.TTL = &TTL{Expr: 0, Micros: ttl}
	return def
}

// TestExpiringGroupsAgreeWithAModel is TestWindowsAgreeWithAModel for groups
// with a TTL.
func TestExpiringGroupsAgreeWithAModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live(t, expiring(rapid.Bool().Draw(t, "keyed"), rapid.SampledFrom([]int64{1, 3, 8, 30}).Draw(t, "ttl")))
	})
}

// addExpiring is add for groups with a TTL.
func (m *model) addExpiring(r row, mark int64) (late bool) {
	if r.ts != noValue && mark != noTime && r.ts+m.def.TTL.Micros <= mark {
		return true
	}
	m.rows = append(m.rows, modelRow{r, mark})
	return false
}

// expiringText is text for groups with a TTL: of each key, the rows of its last
// group.
func (m *model) expiringText() map[string]string {
	type group struct {
		rows []row
		last int64
	}
	groups := make(map[string]*group)
	ended := func(g *group, mark int64) bool {
		return g.last != noTime && mark != noTime && g.last+m.def.TTL.Micros <= mark
	}
	for _, r := range m.rows {
		g := groups[m.key(r.row)]
		if g == nil || ended(g, r.mark) {
			g = &group{last: noTime}
			groups[m.key(r.row)] = g
		}
		g.rows = append(g.rows, r.row)
		if r.ts != noValue {
			g.last = max(g.last, r.ts)
		}
	}
	out := make(map[string]string)
	if len(m.def.Keys) == 0 {
		out["0 0 "] = summary(nil)
	}
	for key, g := range groups {
		if !ended(g, m.watermark) {
			out["0 0 "+key] = summary(g.rows)
		}
	}
	return out
}

// text returns what readers see of a view with a TTL.
func (f *fixture) text(t rapid.TB) map[string]string {
	s, _ := f.publish()
	out := make(map[string]string)
	read(t, s.Live(0), f.mem, out)
	return out
}

func TestGroupsEndWithinABatch(t *testing.T) {
	f := newFixture(t, expiring(true, 10))
	rows := []row{{0, "a", 1}, {5, "a", 2}, {14, "b", 3}, {15, "a", 4}, {4, "c", 5}, {noValue, "d", 6}, {6, "b", 7}, {100, "b", 8}, {noValue, "d", 9}}
	late := f.apply(rows, []int64{noTime, 0, 5, 15, 15, 15, 15, 30, 100})
	if diff := cmp.Diff([]Late{{Row: 4, Start: 4, End: 14, Watermark: 15}}, late); diff != "" {
		t.Error(diff)
	}
	if n := f.view.CloseWindows(100); n != 3 {
		t.Errorf("%d groups have ended, want two of a and one of b", n)
	}
	want := map[string]string{"0 0 b": "1 8 b 1 [8]", "0 0 d": "2 15 d 2 [6 9]"}
	if diff := cmp.Diff(want, f.text(t)); diff != "" {
		t.Error(diff)
	}
	f.close(t)
}

// TestInfiniteEventTimes: what comes at infinity stays, what comes at -infinity
// goes with the first watermark.
func TestInfiniteEventTimes(t *testing.T) {
	f := newFixture(t, expiring(true, 10))
	f.apply([]row{{batch.InfinityMicros, "a", 1}, {batch.NegInfinityMicros, "b", 2}}, []int64{noTime, noTime})
	f.view.CloseWindows(noTime)
	if got := f.text(t); len(got) != 2 {
		t.Errorf("before any watermark there are %v", got)
	}
	f.view.CloseWindows(math.MinInt64 + 2)
	if diff := cmp.Diff(map[string]string{"0 0 a": "1 1 a 1 [1]"}, f.text(t)); diff != "" {
		t.Error(diff)
	}
	if late := f.apply([]row{{batch.NegInfinityMicros, "b", 2}}, []int64{0}); len(late) != 1 {
		t.Errorf("%d rows are late, want the one at -infinity", len(late))
	}
	f.view.CloseWindows(batch.InfinityMicros - 1)
	if got := f.text(t); len(got) != 1 {
		t.Errorf("at the end of time there are %v", got)
	}
	f.close(t)
}

// TestRowsInOrderAreTheirWatermark has the windows of a minute close one by one,
// and all together.
func TestRowsInOrderAreTheirWatermark(t *testing.T) {
	rows := []row{{batch.NegInfinityMicros, "a", 0}, {0, "a", 1}, {0, "b", 2}, {9, "a", 3}, {10, "b", 4}, {18, "a", 5}}
	want := map[string]string{"0 0 a": "3 9 a 3 [1 3 5]", "0 0 b": "1 4 b 1 [4]"}
	for size := 1; size <= len(rows); size++ {
		def := expiring(true, 10)
		def.TTL.InOrder = true
		f := newFixture(t, def)
		mark := noTime
		for at := 0; at < len(rows); at += size {
			part := rows[at:min(at+size, len(rows))]
			marks := make([]int64, len(part))
			for i := range marks {
				marks[i] = mark
			}
			if late := f.apply(part, marks); len(late) != 0 {
				t.Errorf("%d rows are late", len(late))
			}
			mark = part[len(part)-1].ts
			f.view.CloseWindows(mark)
		}
		if diff := cmp.Diff(want, f.text(t)); diff != "" {
			t.Errorf("%d at a time: %s", size, diff)
		}
		f.close(t)
	}
}

// TestRowsThatWereMissedComeInNoOrder has the watermark of a pause decide.
func TestRowsThatWereMissedComeInNoOrder(t *testing.T) {
	def := expiring(true, 10)
	def.TTL.InOrder = true
	f := newFixture(t, def)
	f.apply([]row{{0, "a", 1}}, []int64{noTime})
	f.view.CloseWindows(5)
	f.view.Unordered(true)
	f.apply([]row{{30, "a", 2}, {5, "a", 3}}, []int64{5, 5})
	f.view.Unordered(false)
	f.view.CloseWindows(30)
	f.apply([]row{{40, "a", 4}, {41, "b", 5}}, []int64{30, 30})
	f.view.CloseWindows(41)
	if diff := cmp.Diff(map[string]string{"0 0 a": "1 4 a 1 [4]", "0 0 b": "1 5 b 1 [5]"}, f.text(t)); diff != "" {
		t.Error(diff)
	}
	f.close(t)
}

// TestEndedGroupsGiveTheirMemoryBack runs keys that come and go.
func TestEndedGroupsGiveTheirMemoryBack(t *testing.T) {
	f := newFixture(t, expiring(true, 10))
	most := int64(0)
	for at := range int64(200) {
		rows, marks := make([]row, 100), make([]int64, 100)
		for i := range rows {
			rows[i], marks[i] = row{ts: 20 * at, name: fmt.Sprint("a key of many letters ", at, "/", i), n: at}, 20*at-20
		}
		f.apply(rows, marks)
		f.view.CloseWindows(20 * at)
		s, _ := f.publish()
		most = max(most, s.Bytes())
	}
	if n := len(f.text(t)); n != 100 {
		t.Errorf("%d groups are left, want 100", n)
	}
	if most > 2<<20 {
		t.Errorf("100 groups at a time took %d bytes", most)
	}
	if !f.view.MustRewrite() {
		t.Error("the groups have other numbers than a checkpoint knows")
	}
	f.close(t)
}

// TestCompareTellsWhatHasEnded compares snapshots between which nothing but the
// watermark has moved.
func TestCompareTellsWhatHasEnded(t *testing.T) {
	for _, bags := range []bool{true, false} { // windows as a whole, and pages
		def := expiring(true, 10)
		if !bags {
			def.Aggregates = def.Aggregates[:4]
		}
		f := newFixture(t, def)
		f.apply([]row{{0, "a", 1}, {5, "b", 2}}, []int64{noTime, noTime})
		snapshots := make([]*Snapshot, 0, 3)
		for _, mark := range []int64{noTime, 9, 10} {
			f.view.CloseWindows(mark)
			s, pin := f.publish()
			pin.Acquire()
			defer pin.Release()
			snapshots = append(snapshots, s)
		}
		if was, is := compared(snapshots[1], snapshots[0]); was != 0 || is != 0 {
			t.Errorf("nothing has ended, but %d groups were and %d are", was, is)
		}
		if was, is := compared(snapshots[2], snapshots[1]); was != 2 || is != 1 {
			t.Errorf("one of two has ended, but %d groups were and %d are", was, is)
		}
	}
}
