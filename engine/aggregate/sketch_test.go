package aggregate

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
)

var bigInt = batch.Type{Kind: batch.BigInt}

// sketched is a part of a window with the sketches of one aggregate.
type sketched struct {
	f       Function
	typ     batch.Type
	params  []float64
	acc     Accumulator
	columns []Column
	detail  Detail
}

func newSketched(t rapid.TB, f Function, typ batch.Type, params ...float64) *sketched {
	acc, err := New(f, []batch.Type{typ}, params...)
	if err != nil {
		t.Fatal(err)
	}
	return &sketched{f, typ, params, acc, stateColumns(acc), NewDetail(f, false, []batch.Type{typ}, params, acc, nil)}
}

// add puts values of one group in.
func (s *sketched) add(mem *batch.Allocator, g uint32, values []sample) {
	v, release := vectorOf(mem, s.typ, values)
	defer release()
	groups, rows := make([]uint32, len(values)), make([]int32, len(values))
	for i := range values {
		groups[i], rows[i] = g, int32(i)
	}
	s.detail.Add(s.columns, groups, rows, []batch.Vector{v})
}

func numbersUpTo(r *rand.Rand, n, limit int) []sample {
	out := make([]sample, n)
	for i := range out {
		out[i] = big.NewInt(r.Int64N(int64(limit)))
	}
	return out
}

// TestTheErrorOfApproxCountDistinctIsAsStated measures the standard error over
// many sets, each of a size between a handful and a million values.
func TestTheErrorOfApproxCountDistinctIsAsStated(t *testing.T) {
	mem := batch.NewAllocator()
	next := int64(0)
	for _, size := range []int{10, 1000, 10_000, 100_000} {
		runs := min(60, 2_000_000/size)
		sum := 0.0
		for range runs {
			s := newSketched(t, ApproxCountDistinct, bigInt)
			for left := size; left > 0; {
				values := make([]sample, min(left, 5000))
				for i := range values {
					values[i] = big.NewInt(next)
					next++
				}
				left -= len(values)
				s.add(mem, 0, values)
				s.add(mem, 0, values[:len(values)/2]) // again, which changes nothing
			}
			away := float64(*value[int64](&s.columns[0], 0))/float64(size) - 1
			sum += away * away
		}
		if deviation := math.Sqrt(sum / float64(runs)); deviation > 0.01 {
			t.Errorf("%d values: standard error %.4f", size, deviation)
		} else if size <= 1000 && deviation > 0.001 {
			t.Errorf("%d values: %.4f, want all but none", size, deviation)
		}
	}
}

func TestQuantilesAreWithinTheStatedErrorOfTheValueAtTheirPlace(t *testing.T) {
	for _, typ := range []batch.Type{bigInt, doubleType, {Kind: batch.Decimal, Precision: 18, Scale: 3}, {Kind: batch.UTinyInt}} {
		t.Run(typ.String(), rapid.MakeCheck(func(t *rapid.T) {
			mem := batch.NewAllocator()
			params := []float64{0, 0.5, 0.99, 1}
			whole := newSketched(t, ApproxQuantile, typ, params...)
			var all []float64
			for range rapid.IntRange(1, 3).Draw(t, "parts") {
				part := newSketched(t, ApproxQuantile, typ, params...)
				values := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) int { return rapid.IntRange(0, 1<<rapid.IntRange(0, 40).Draw(t, "bits")).Draw(t, "n") }), 0, 40).Draw(t, "values")
				var samples []sample
				for i, v := range values {
					switch {
					case i%9 == 8:
						samples = append(samples, nil)
						continue
					case typ == doubleType && i%7 == 6:
						samples = append(samples, math.Inf(1-i%2*2))
						continue
					case typ.Kind == batch.UTinyInt:
						v &= 255
					case i%2 == 0:
						v = -v
					}
					if typ == doubleType {
						samples, all = append(samples, float64(v)/8), append(all, float64(v)/8)
					} else {
						samples, all = append(samples, big.NewInt(int64(v))), append(all, float64(v)/math.Pow10(int(typ.Scale)))
					}
				}
				part.add(mem, 7, samples)
				whole.detail.Merge(whole.columns, []uint32{7}, part.detail.Freeze(), []uint32{7})
			}
			slices.Sort(all)
			for i, q := range params {
				if (*whole.columns[i].valid(7) != 0) != (len(all) > 0) {
					t.Fatalf("%d values and valid is %d", len(all), *whole.columns[i].valid(7))
				}
				if len(all) == 0 {
					continue
				}
				place, got := q*float64(len(all)-1), *value[float64](&whole.columns[i], 7)
				within := func(want float64) bool { return math.Abs(got-want) <= 1.000001*QuantileError*math.Abs(want) }
				if !within(all[int(place)]) && !within(all[int(math.Ceil(place))]) {
					t.Fatalf("quantile %v of %v is %v", q, all, got)
				}
			}
		}))
	}
}

func TestTheLeastAndTheGreatestAreExactHoweverFarValuesSpread(t *testing.T) {
	mem := batch.NewAllocator()
	s := newSketched(t, ApproxQuantile, doubleType, 0, 1)
	s.add(mem, 7, []sample{3.25, 1e30, 7e18, 5e12})
	for i, want := range []float64{3.25, 1e30} {
		if got := *value[float64](&s.columns[i], 7); got != want {
			t.Errorf("place %d: %v, want %v", i, got, want)
		}
	}
}

// TestSketchesDoNotDependOnOrder: the same values in other batches, orders and
// parts give the same estimates.
func TestSketchesDoNotDependOnOrder(t *testing.T) {
	for _, f := range []Function{ApproxCountDistinct, ApproxQuantile} {
		mem, r := batch.NewAllocator(), rand.New(rand.NewPCG(uint64(f), 9))
		for _, size := range []int{3, 500, 20_000, 60_000} {
			values := numbersUpTo(r, size, 10*size)
			var params []float64
			if f == ApproxQuantile {
				params = []float64{0.25, 0.9}
			}
			a, b, c := newSketched(t, f, bigInt, params...), newSketched(t, f, bigInt, params...), newSketched(t, f, bigInt, params...)
			a.add(mem, 0, values)
			slices.Reverse(values)
			for chunk := range slices.Chunk(values, 777) {
				b.add(mem, 0, chunk)
			}
			half := len(values) / 2
			b2 := newSketched(t, f, bigInt, params...)
			b2.add(mem, 0, values[:half])
			c.add(mem, 0, values[half:])
			c.detail.Merge(c.columns, []uint32{0}, b2.detail, []uint32{0})
			for k := range a.acc.Columns() {
				x, y, z := *value[uint64](&a.columns[k], 0), *value[uint64](&b.columns[k], 0), *value[uint64](&c.columns[k], 0)
				if x != y || x != z {
					t.Errorf("function %d, %d values, column %d: %x, %x and %x", f, size, k, x, y, z)
				}
			}
		}
	}
}

// TestSketchesAreRestoredFromTheirEntries takes, undoes, freezes and loads at
// random moments.
func TestSketchesAreRestoredFromTheirEntries(t *testing.T) {
	for _, f := range []Function{ApproxCountDistinct, ApproxQuantile} {
		t.Run(fmt.Sprint(f), rapid.MakeCheck(func(t *rapid.T) {
			mem, r := batch.NewAllocator(), rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
			params := []float64{0.5}
			if f == ApproxCountDistinct {
				params = nil
			}
			s := newSketched(t, f, bigInt, params...)
			groups := []uint32{0, 5, PageRows, 3*PageRows + 1}[:rapid.IntRange(1, 3).Draw(t, "groups")]
			stored := newSketched(t, f, bigInt, params...)
			type frozen struct {
				detail Detail
				want   map[uint32]string
			}
			var kept []frozen
			for range rapid.IntRange(1, 12).Draw(t, "steps") {
				switch rapid.IntRange(0, 4).Draw(t, "step") {
				case 0:
					e := s.detail.Take(rapid.Bool().Draw(t, "whole"))
					s.add(mem, groups[0], numbersUpTo(r, 10, 1<<40)) // which the entries do not see
					e.Each(stored.detail.Load)
				case 1:
					s.detail.Undo(s.detail.Take(false))
				case 2:
					fz := frozen{s.detail.Freeze(), make(map[uint32]string)}
					for _, g := range groups {
						fz.want[g] = encoded(s.detail, g)
					}
					kept = append(kept, fz)
				default:
					s.add(mem, rapid.SampledFrom(groups).Draw(t, "group"), numbersUpTo(r, rapid.IntRange(1, 3000).Draw(t, "n"), 1<<40))
				}
			}
			s.detail.Take(false).Each(stored.detail.Load)
			stored.detail.Loaded()
			if stored.detail.Len() != s.detail.Len() || stored.detail.Take(false).Len() != 0 {
				t.Fatalf("%d of %d sketches, %d not taken", stored.detail.Len(), s.detail.Len(), stored.detail.Take(false).Len())
			}
			for _, fz := range kept {
				for g, want := range fz.want {
					if encoded(fz.detail, g) != want {
						t.Fatalf("group %d of a frozen detail has changed", g)
					}
				}
			}
			for _, g := range groups {
				more := numbersUpTo(r, 5, 1<<40)
				s.add(mem, g, more)
				stored.add(mem, g, more)
				if a, b := *value[uint64](&s.columns[0], g), *value[uint64](&stored.columns[0], g); a != b {
					t.Fatalf("group %d: %x after the restart, want %x", g, b, a)
				}
			}
			if s.detail.Bytes() <= 0 {
				t.Fatal("no bytes")
			}
		}))
	}
}

func encoded(d Detail, g uint32) string {
	if s := d.(*sketches).at(g); s != nil {
		return string(s.encode())
	}
	return ""
}
