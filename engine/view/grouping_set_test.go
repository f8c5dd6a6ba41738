package view

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/window"
)

// TestGroupingSetsAreViewsOfTheirOwn compares a view of several sets with one
// view for each set.
func TestGroupingSetsAreViewsOfTheirOwn(t *testing.T) {
	sets := [][]int{{0, 1}, {1}, {}, {1}, {0}}
	define := func(windowed bool) *Definition {
		def := &Definition{
			Name: "v", Where: -1,
			Exprs:      []Expr{{Type: timestamp, Column: 0}, {Type: varchar, Column: 1}, {Type: bigint, Column: 2}},
			Keys:       []Key{{Expr: 1, Type: varchar}, {Expr: 2, Type: bigint}},
			Aggregates: []Aggregate{{Func: aggregate.CountStar, Filter: -1}, {Func: aggregate.Sum, Args: []int{2}, Filter: -1}},
		}
		if windowed {
			def.Window = &Window{Expr: 0, Spec: window.Spec{WidthMicros: width}}
		}
		return def
	}
	rapid.Check(t, func(t *rapid.T) {
		windowed := rapid.Bool().Draw(t, "windowed")
		def := define(windowed)
		def.GroupingSets = sets
		fixtures := []*fixture{newFixture(tb(t), def)}
		for _, set := range sets {
			alone := define(windowed)
			alone.Keys = nil
			for _, k := range set {
				alone.Keys = append(alone.Keys, def.Keys[k])
			}
			fixtures = append(fixtures, newFixture(tb(t), alone))
		}
		for range rapid.IntRange(0, 3).Draw(t, "batches") {
			rows := drawRows(t)
			for _, f := range fixtures {
				f.apply(rows, nil)
			}
		}
		want := make(map[string]int)
		for i, set := range sets {
			fixtures[i+1].eachState(func(cells []string) {
				whole := []string{cells[0], "-", "-", fmt.Sprint(i)}
				for j, k := range set {
					whole[1+k] = cells[1+j]
				}
				want[fmt.Sprint(append(whole, cells[1+len(set):]...))]++
			})
		}
		have := make(map[string]int)
		fixtures[0].eachState(func(cells []string) { have[fmt.Sprint(cells)]++ })
		if diff := cmp.Diff(want, have); diff != "" {
			t.Fatal(diff)
		}
		for _, f := range fixtures {
			f.close(t)
		}
	})
}

// eachState calls f with the start of the window, the keys and the accumulators
// of every group.
func (f *fixture) eachState(do func(cells []string)) {
	s, _ := f.publish()
	v := s.view
	for _, w := range s.windows {
		for i, p := range w.pages {
			b := batch.NewBuilder(f.mem, v.StateSchema())
			rows := min(aggregate.PageRows, w.n-i<<aggregate.PageShift)
			for r := range rows {
				b.Column(0).AppendInt64(w.start)
				b.Column(1).AppendInt64(int64(r))
				v.keys.appendRow(b, 2, v.hashed, p, r)
				v.accs.appendRow(b, 2+v.hashed, len(v.accs.columns), p, r)
			}
			rec := b.Finish()
			for r := range rows {
				cells := []string{cell(rec, 0, r)}
				for c := 2; c < int(rec.NumCols()); c++ {
					cells = append(cells, cell(rec, c, r))
				}
				do(cells)
			}
			rec.Release()
		}
	}
}
