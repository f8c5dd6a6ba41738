package aggregate

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
)

func TestWhatCanBeRetracted(t *testing.T) {
	for _, typ := range types {
		for _, f := range []Function{CountStar, Count, Mean, Sum, Min, BoolAnd, BitXor, Variance, First, AnyValue} {
			acc, err := New(f, []batch.Type{typ}[:min(1, int(f))])
			if err != nil {
				continue
			}
			r, ok := acc.(Retractor)
			exact := typ.Kind != batch.Real && typ.Kind != batch.Double
			if want := f == CountStar || f == Count || f == Mean && exact; ok != want {
				t.Errorf("function %d over %s can be retracted: %v", f, typ, ok)
			}
			if ok {
				t.Run(fmt.Sprint(f, typ), func(t *testing.T) { checkRetract(t, typ, r) })
			}
		}
	}
}

// checkRetract adds rows, some of them to parts that are merged, takes some out
// again, and compares the state with that of the others alone.
func checkRetract(t *testing.T, typ batch.Type, acc Retractor) {
	rapid.Check(t, func(t *rapid.T) {
		mem := batch.NewAllocator()
		samples := make([]sample, rapid.IntRange(0, 40).Draw(t, "n"))
		stays := make([]bool, len(samples))
		for i := range samples {
			samples[i], stays[i] = draw(t, typ), rapid.Bool().Draw(t, "stays")
		}
		arg, release := vectorOf(mem, typ, samples)
		defer release()
		groups := []uint32{0, PageRows - 1, PageRows}
		group := func(row int) uint32 { return groups[row%len(groups)] }
		state, other, want := stateColumns(acc), stateColumns(acc), stateColumns(acc)
		add := func(c []Column, row int) {
			acc.Add(c, []uint32{group(row)}, []int32{int32(row)}, []batch.Vector{arg}, nil)
		}
		var gone []int32
		for row := range samples {
			if rapid.Bool().Draw(t, "merged") {
				add(other, row)
			} else {
				add(state, row)
			}
			if stays[row] {
				add(want, row)
			} else {
				gone = append(gone, int32(row))
			}
		}
		acc.Merge(state, groups, other, groups, nil)
		for len(gone) > 0 {
			at := rapid.IntRange(0, len(gone)-1).Draw(t, "gone")
			acc.Retract(state, []uint32{group(int(gone[at]))}, gone[at:at+1], []batch.Vector{arg})
			gone = append(gone[:at], gone[at+1:]...)
		}
		for _, g := range groups {
			for i, c := range acc.Columns() {
				if got, want := held(&state[i], g, c.Type), held(&want[i], g, c.Type); text(got) != text(want) {
					t.Fatalf("group %d, column %d: %v, want %v of %v", g, i, got, want, samples)
				}
			}
		}
	})
}
