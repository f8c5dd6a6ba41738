package aggregate

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
)

// drawRows fills parts with random rows of several arguments and returns what
// each group of the whole has, the rows of earlier parts first.
func drawRows(t *rapid.T, mem *batch.Allocator, acc Accumulator, parts []part, args []batch.Type, among []uint32,
	draw func(t *rapid.T, typ batch.Type) sample,
) map[uint32][][]sample {
	rows := make(map[uint32][][]sample)
	for i := range parts {
		for range rapid.IntRange(0, 3).Draw(t, "batches") {
			n := rapid.IntRange(0, 20).Draw(t, "n")
			columns := make([][]sample, len(args))
			groups, selected := make([]uint32, n), make([]int32, n)
			for r := range n {
				groups[r], selected[r] = rapid.SampledFrom(among).Draw(t, "group"), int32(r)
				row := make([]sample, len(args))
				for a, typ := range args {
					row[a] = draw(t, typ)
					columns[a] = append(columns[a], row[a])
				}
				rows[groups[r]] = append(rows[groups[r]], row)
			}
			vectors := make([]batch.Vector, len(args))
			for a, typ := range args {
				v, release := vectorOf(mem, typ, columns[a])
				defer release()
				vectors[a] = v
			}
			acc.Add(parts[i].columns, groups, selected, vectors, parts[i].arena)
		}
	}
	return rows
}

// newParts returns states that are filled on their own.
func newParts(t *rapid.T, mem *batch.Allocator, acc Accumulator) []part {
	parts := make([]part, rapid.IntRange(1, 3).Draw(t, "parts"))
	for i := range parts {
		parts[i] = part{arena: NewArena(mem), columns: stateColumns(acc)}
	}
	return parts
}

// tame draws numbers whose squares and products are far from overflow.
func tame(t *rapid.T, typ batch.Type) sample {
	if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
		return nil
	}
	switch typ.Physical() {
	case batch.Float32, batch.Float64:
		return float64(rapid.IntRange(-4000, 4000).Draw(t, "eighths")) / 8
	}
	low := -100
	if typ.Kind >= batch.UTinyInt && typ.Kind <= batch.UBigInt {
		low = 0
	}
	return big.NewInt(int64(rapid.IntRange(low, 100).Draw(t, "number")))
}

// float is a sample's value as a DOUBLE.
func float(s sample, typ batch.Type) float64 {
	if n, ok := s.(*big.Int); ok {
		f, _ := new(big.Float).SetInt(n).Float64()
		return f / math.Pow10(int(typ.Scale))
	}
	return s.(float64)
}

func close9(a, b, scale float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(scale)) }

func TestMomentsAgreeWithTwoPasses(t *testing.T) {
	for _, typ := range types {
		if typ.Kind < batch.TinyInt || typ.Kind > batch.Decimal {
			continue
		}
		for _, pair := range []batch.Type{typ, doubleType} {
			acc, err := New(Covariance, []batch.Type{typ, pair})
			if err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprint(typ, pair), rapid.MakeCheck(func(t *rapid.T) { checkComoments(t, acc, typ, pair) }))
		}
		acc, err := New(Variance, []batch.Type{typ})
		if err != nil {
			t.Fatal(err)
		}
		t.Run(typ.String(), rapid.MakeCheck(func(t *rapid.T) { checkMoments(t, acc, typ) }))
	}
}

func checkComoments(t *rapid.T, acc Accumulator, yType, xType batch.Type) {
	mem := batch.NewAllocator()
	parts := newParts(t, mem, acc)
	all := []uint32{0, 1, PageRows}
	rows := drawRows(t, mem, acc, parts, []batch.Type{yType, xType}, all, tame)
	for i := range parts[1:] {
		acc.Merge(parts[0].columns, all, parts[i+1].columns, all, parts[0].arena)
	}
	for _, g := range all {
		var ys, xs []float64
		for _, row := range rows[g] {
			if row[0] != nil && row[1] != nil {
				ys, xs = append(ys, float(row[0], yType)), append(xs, float(row[1], xType))
			}
		}
		meanX, meanY := meanOf(xs), meanOf(ys)
		var xy, xx, yy float64
		for i := range xs {
			xy += (xs[i] - meanX) * (ys[i] - meanY)
			xx += (xs[i] - meanX) * (xs[i] - meanX)
			yy += (ys[i] - meanY) * (ys[i] - meanY)
		}
		c := parts[0].columns
		if n := *value[int64](&c[0], g); n != int64(len(xs)) {
			t.Fatalf("n is %d of %d", n, len(xs))
		}
		for k, want := range []float64{meanX, meanY, xy, xx, yy} {
			if got := *value[float64](&c[k+1], g); !close9(got, want, xx+yy) {
				t.Fatalf("column %d: %v, want %v of %v, %v", k+1, got, want, xs, ys)
			}
		}
	}
}

func checkMoments(t *rapid.T, acc Accumulator, typ batch.Type) {
	mem := batch.NewAllocator()
	parts := newParts(t, mem, acc)
	all := []uint32{0, 1, PageRows}
	rows := drawRows(t, mem, acc, parts, []batch.Type{typ}, all, tame)
	for i := range parts[1:] {
		acc.Merge(parts[0].columns, all, parts[i+1].columns, all, parts[0].arena)
	}
	for _, g := range all {
		var xs []float64
		for _, row := range rows[g] {
			if row[0] != nil {
				xs = append(xs, float(row[0], typ))
			}
		}
		mean, moment := meanOf(xs), 0.0
		for _, x := range xs {
			moment += (x - mean) * (x - mean)
		}
		c := parts[0].columns
		n, m, s := *value[int64](&c[0], g), *value[float64](&c[1], g), *value[float64](&c[2], g)
		if n != int64(len(xs)) || !close9(m, mean, mean) || !close9(s, moment, moment) {
			t.Fatalf("%d, %v, %v; want %v, %v of %v", n, m, s, mean, moment, xs)
		}
	}
}

func meanOf(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / max(1, float64(len(xs)))
}

// TestVarianceSurvivesALargeMean is what sums of squares would fail.
func TestVarianceSurvivesALargeMean(t *testing.T) {
	mem := batch.NewAllocator()
	acc, _ := New(Variance, []batch.Type{doubleType})
	whole, other := stateColumns(acc), stateColumns(acc)
	const far = 1e9
	for i, x := range []float64{far + 4, far + 7, far + 13, far + 16} {
		v, release := vectorOf(mem, doubleType, []sample{x})
		c := whole
		if i >= 2 {
			c = other
		}
		acc.Add(c, []uint32{0}, []int32{0}, []batch.Vector{v}, nil)
		release()
	}
	acc.Merge(whole, []uint32{0}, other, []uint32{0}, nil)
	if got := *value[float64](&whole[2], 0); got != 90 {
		t.Errorf("the squares sum up to %v, want 90", got)
	}
}

// TestMeansOfInfinitiesAreThoseOfSums holds for regr_avgx what holds for avg.
func TestMeansOfInfinitiesAreThoseOfSums(t *testing.T) {
	mem, inf := batch.NewAllocator(), math.Inf(1)
	acc, _ := New(Variance, []batch.Type{doubleType})
	for _, test := range []struct {
		a, b []sample
		want float64
	}{{[]sample{inf, 1.0}, []sample{2.0}, inf}, {[]sample{1.0}, []sample{-inf, 3.0}, -inf}, {[]sample{inf}, []sample{-inf}, math.NaN()}} {
		whole, other := stateColumns(acc), stateColumns(acc)
		for i, c := range [][]Column{whole, other} {
			for _, x := range [][]sample{test.a, test.b}[i] {
				v, release := vectorOf(mem, doubleType, []sample{x})
				acc.Add(c, []uint32{0}, []int32{0}, []batch.Vector{v}, nil)
				release()
			}
		}
		acc.Merge(whole, []uint32{0}, other, []uint32{0}, nil)
		if got := *value[float64](&whole[1], 0); text(got) != text(test.want) {
			t.Errorf("the mean of %v and %v is %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

func TestProductAndCompensatedSum(t *testing.T) {
	for _, f := range []Function{Product, SumKahan} {
		acc, err := New(f, []batch.Type{doubleType})
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			mem := batch.NewAllocator()
			parts := newParts(t, mem, acc)
			all := []uint32{0, 1, PageRows}
			rows := drawRows(t, mem, acc, parts, []batch.Type{doubleType}, all, func(t *rapid.T, _ batch.Type) sample {
				return rapid.SampledFrom([]sample{nil, 1e16, -1e16, 1.0, 0.5, 3.0, -1.0, 0.1}).Draw(t, "x")
			})
			for i := range parts[1:] {
				acc.Merge(parts[0].columns, all, parts[i+1].columns, all, nil)
			}
			for _, g := range all {
				product, sum, size := 1.0, new(big.Float).SetPrec(400), 0.0
				n := 0
				for _, row := range rows[g] {
					if row[0] != nil {
						product *= row[0].(float64)
						size += math.Abs(row[0].(float64))
						sum.Add(sum, big.NewFloat(row[0].(float64)))
						n++
					}
				}
				c := &parts[0].columns[0]
				if (n > 0) != (*c.valid(g) != 0) {
					t.Fatalf("valid is %d with %d values", *c.valid(g), n)
				}
				want, tolerance := product, 1e-12*math.Abs(product)
				if f == SumKahan {
					want, _ = sum.Float64()
					tolerance = 1e-15 * size
				}
				if got := *value[float64](c, g); n > 0 && math.Abs(got-want) > tolerance {
					t.Fatalf("%v, want %v of %v", got, want, rows[g])
				}
			}
		})
	}
}

// TestSumsBeyond128Bits checks the word above the sum.
func TestSumsBeyond128Bits(t *testing.T) {
	huge := batch.Type{Kind: batch.HugeInt}
	acc, _ := New(Sum, []batch.Type{huge})
	limit := new(big.Int).Lsh(big.NewInt(1), 127)
	rapid.Check(t, func(t *rapid.T) {
		mem := batch.NewAllocator()
		parts := newParts(t, mem, acc)
		all := []uint32{0}
		rows := drawRows(t, mem, acc, parts, []batch.Type{huge}, all, func(t *rapid.T, _ batch.Type) sample {
			v := new(big.Int).Sub(limit, big.NewInt(rapid.Int64Range(1, 9).Draw(t, "below")))
			if rapid.Bool().Draw(t, "negative") {
				v.Neg(v)
			}
			return v
		})
		for i := range parts[1:] {
			acc.Merge(parts[0].columns, all, parts[i+1].columns, all, nil)
		}
		want := new(big.Int)
		for _, row := range rows[0] {
			want.Add(want, row[0].(*big.Int))
		}
		got := new(big.Int).Lsh(big.NewInt(*value[int64](&parts[0].columns[1], 0)), 128)
		got.Add(got, value[batch.Int128Value](&parts[0].columns[0], 0).Big())
		if got.Cmp(want) != 0 {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}
