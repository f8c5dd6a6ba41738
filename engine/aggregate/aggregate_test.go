package aggregate

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
)

// groupsMax spreads groups over two pages.
const groupsMax = PageRows + 100

var types = []batch.Type{
	{Kind: batch.Boolean}, {Kind: batch.TinyInt}, {Kind: batch.SmallInt}, {Kind: batch.Integer}, {Kind: batch.BigInt},
	{Kind: batch.UTinyInt}, {Kind: batch.USmallInt}, {Kind: batch.UInteger}, {Kind: batch.UBigInt}, {Kind: batch.HugeInt},
	{Kind: batch.Real}, {Kind: batch.Double}, {Kind: batch.Decimal, Precision: 9, Scale: 2}, {Kind: batch.Decimal, Precision: 30, Scale: 4},
	{Kind: batch.Varchar}, {Kind: batch.Blob}, {Kind: batch.Date}, {Kind: batch.Time}, {Kind: batch.Timestamp}, {Kind: batch.TimestampTZ},
	{Kind: batch.UUID}, {Kind: batch.JSON},
}

// sample is a value: *big.Int for everything that counts, float64, bool, string
// (also of a UUID's bytes), or nil.
type sample any

var bitsOf = map[batch.Kind]int{
	batch.TinyInt: 8, batch.SmallInt: 16, batch.Integer: 32, batch.UTinyInt: 8, batch.USmallInt: 16, batch.UInteger: 32, batch.Date: 32,
}

func draw(t *rapid.T, typ batch.Type) sample {
	if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		return nil
	}
	switch typ.Physical() {
	case batch.Bits:
		return rapid.Bool().Draw(t, "bool")
	case batch.Float32:
		return float64(rapid.SampledFrom([]float32{0, 1.5, -2.25, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e30}).Draw(t, "float"))
	case batch.Float64:
		return rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(-1)})).Draw(t, "double")
	case batch.Bytes:
		return rapid.OneOf(rapid.SampledFrom([]string{"", "a", "twelve bytes", "twelve bytes!", "twelve bytes and more"}), rapid.String()).Draw(t, "string")
	case batch.Fixed16:
		return string(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
	case batch.Int128:
		v := new(big.Int).Lsh(big.NewInt(rapid.Int64().Draw(t, "high")), 50)
		return v.Add(v, new(big.Int).SetUint64(rapid.Uint64().Draw(t, "low")))
	}
	bits := bitsOf[typ.Kind]
	if bits == 0 {
		bits = 64
	}
	if typ.Kind >= batch.UTinyInt && typ.Kind <= batch.UBigInt {
		return new(big.Int).SetUint64(rapid.Uint64().Draw(t, "unsigned") >> (64 - bits))
	}
	return big.NewInt(rapid.Int64().Draw(t, "signed") >> (64 - bits))
}

func appendSample(c *batch.ColumnBuilder, s sample) {
	switch v := s.(type) {
	case nil:
		c.AppendNull()
	case bool:
		c.AppendBool(v)
	case float64:
		if c.Type().Kind == batch.Real {
			c.AppendFloat32(float32(v))
		} else {
			c.AppendFloat64(v)
		}
	case string:
		if c.Type().Kind == batch.UUID {
			c.AppendUUID(batch.UUIDValue([]byte(v)))
		} else {
			c.AppendString(v)
		}
	case *big.Int:
		low := new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
		switch c.Type().Physical() {
		case batch.Int8:
			c.AppendInt8(int8(low))
		case batch.Int16:
			c.AppendInt16(int16(low))
		case batch.Int32:
			c.AppendInt32(int32(low))
		case batch.Int64:
			c.AppendInt64(int64(low))
		default:
			c.AppendInt128(batch.Int128Value{Lo: low, Hi: new(big.Int).Rsh(v, 64).Int64()})
		}
	}
}

func compare(a, b sample) int {
	switch x := a.(type) {
	case *big.Int:
		return x.Cmp(b.(*big.Int))
	case float64:
		y := b.(float64)
		if math.IsNaN(x) || math.IsNaN(y) { // NaN is the greatest
			return cmp.Compare(btoi(math.IsNaN(x)), btoi(math.IsNaN(y)))
		}
		return cmp.Compare(x, y)
	case bool:
		return btoi(x) - btoi(b.(bool))
	default:
		return strings.Compare(a.(string), b.(string))
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// naive is the aggregate over a group's values, none of them NULL; all has the
// NULLs too.
func naive(f Function, values, all []sample) sample {
	rows := len(all)
	switch f {
	case CountStar:
		return big.NewInt(int64(rows))
	case Count:
		return big.NewInt(int64(len(values)))
	case First:
		return all[0]
	case Last:
		return all[len(all)-1]
	}
	var out sample
	for _, v := range values {
		switch {
		case f == Sum:
			out = add(out, v)
		case out == nil:
			out = v
		case f == Min && compare(v, out) < 0, f == Max && compare(v, out) > 0:
			out = v
		case f == BitAnd:
			out = new(big.Int).And(out.(*big.Int), v.(*big.Int))
		case f == BitOr:
			out = new(big.Int).Or(out.(*big.Int), v.(*big.Int))
		case f == BitXor:
			out = new(big.Int).Xor(out.(*big.Int), v.(*big.Int))
		case f == BoolAnd:
			out = out.(bool) && v.(bool)
		case f == BoolOr:
			out = out.(bool) || v.(bool)
		}
	}
	return out
}

func add(sum, v sample) sample {
	if b, ok := v.(bool); ok {
		v = big.NewInt(int64(btoi(b)))
	}
	switch {
	case sum == nil:
		return v
	default:
		if f, ok := v.(float64); ok {
			return sum.(float64) + f
		}
		return new(big.Int).Add(sum.(*big.Int), v.(*big.Int))
	}
}

func text(v sample) string {
	if f, ok := v.(float64); ok && f == 0 {
		return "0" // of both signs
	}
	return fmt.Sprint(v)
}

// different returns each value once.
func different(values []sample) (out []sample) {
	seen := make(map[string]bool)
	for _, v := range values {
		if !seen[text(v)] {
			seen[text(v)] = true
			out = append(out, v)
		}
	}
	return out
}

// near reports whether two floats differ by no more than the order of additions
// explains.
func near(a, b sample) bool {
	x, ok := a.(float64)
	y, also := b.(float64)
	if !ok || !also {
		return false
	}
	return math.Abs(x-y) <= 1e-9*max(math.Abs(x), math.Abs(y)) || math.Abs(x) > 1e290
}

// stateColumns is memory for the state columns of groupsMax groups, and behind
// them a column of another aggregate, without any: nobody may touch it.
func stateColumns(acc Accumulator) []Column {
	columns := make([]Column, len(acc.Columns())+1)
	for i, c := range acc.Columns() {
		width := 16
		if p := c.Type.Physical(); p != batch.Bytes && p != batch.Bits {
			width = p.Width()
		}
		columns[i].Stride = width + 8
		if c.Nullable {
			columns[i].Valid = width
		}
		for range (groupsMax + PageRows - 1) / PageRows {
			words := make([]uint64, columns[i].Stride*PageRows/8)
			columns[i].Pages = append(columns[i].Pages, unsafe.Pointer(&words[0]))
		}
	}
	return columns
}

// held returns group g's value.
func held(c *Column, g uint32, typ batch.Type) sample {
	if c.Valid != 0 && *c.valid(g) == 0 {
		return nil
	}
	switch typ.Kind {
	case batch.UTinyInt:
		return big.NewInt(int64(*value[uint8](c, g)))
	case batch.USmallInt:
		return big.NewInt(int64(*value[uint16](c, g)))
	case batch.UInteger:
		return big.NewInt(int64(*value[uint32](c, g)))
	case batch.UBigInt:
		return new(big.Int).SetUint64(*value[uint64](c, g))
	}
	switch typ.Physical() {
	case batch.Bits:
		return *value[bool](c, g)
	case batch.Int8:
		return big.NewInt(int64(*value[int8](c, g)))
	case batch.Int16:
		return big.NewInt(int64(*value[int16](c, g)))
	case batch.Int32:
		return big.NewInt(int64(*value[int32](c, g)))
	case batch.Int64:
		return big.NewInt(*value[int64](c, g))
	case batch.Int128:
		return value[batch.Int128Value](c, g).Big()
	case batch.Float32:
		return float64(*value[float32](c, g))
	case batch.Float64:
		return *value[float64](c, g)
	case batch.Fixed16:
		return string(value[batch.UUIDValue](c, g)[:])
	default:
		return string(bytes.Clone(value[StringHandle](c, g).Bytes()))
	}
}

func vectorOf(mem *batch.Allocator, typ batch.Type, values []sample) (batch.Vector, func()) {
	b := batch.NewBuilder(mem, batch.NewSchema([]batch.Column{{Name: "x", Type: typ}}))
	for _, v := range values {
		appendSample(b.Column(0), v)
	}
	rec := b.Finish()
	return batch.VectorOf(rec.Column(0), typ), rec.Release
}

// supported reports whether SQL has the function for the type.
func supported(f Function, t batch.Type) bool {
	switch f {
	case Sum:
		return t.Kind <= batch.Decimal
	case BoolAnd, BoolOr:
		return t.Kind == batch.Boolean
	case BitAnd, BitOr, BitXor:
		return t.Kind >= batch.TinyInt && t.Kind <= batch.HugeInt
	}
	return true
}

func TestAccumulatorsAgreeWithANaiveComputation(t *testing.T) {
	for _, typ := range types {
		for _, f := range []Function{CountStar, Count, Sum, Min, Max, BoolAnd, BoolOr, BitAnd, BitOr, BitXor, First, Last, AnyValue} {
			acc, err := New(f, []batch.Type{typ}[:min(1, int(f))])
			if (err == nil) != supported(f, typ) {
				t.Errorf("function %d over %s: %v", f, typ, err)
			}
			if err == nil {
				t.Run(fmt.Sprint(f, typ), func(t *testing.T) { checkAccumulator(t, f, typ, acc) })
			}
		}
	}
}

// part is the state of a window: groups that are filled on their own.
type part struct {
	arena   *Arena
	columns []Column
	detail  Detail
}

func checkAccumulator(t *testing.T, f Function, typ batch.Type, acc Accumulator) {
	rapid.Check(t, func(t *rapid.T) {
		mem := batch.NewAllocator()
		distinct := f != CountStar && f < First && rapid.Bool().Draw(t, "distinct")
		values, rows := make(map[uint32][]sample), make(map[uint32][]sample)
		parts := make([]part, rapid.IntRange(1, 3).Draw(t, "parts"))
		for i := range parts {
			parts[i] = part{arena: NewArena(mem), columns: stateColumns(acc)}
			parts[i].detail = NewDetail(f, distinct, []batch.Type{typ}, nil, acc, parts[i].arena)
		}
		all := []uint32{0, 1, PageRows - 1, PageRows, groupsMax - 1}
		for i := range parts {
			for range rapid.IntRange(0, 3).Draw(t, "batches") {
				fill(t, mem, typ, acc, &parts[i], all, values, rows)
			}
		}
		merged := parts[0]
		every := make([]uint32, groupsMax)
		for g := range every {
			every[g] = uint32(g)
		}
		for i := range parts[1:] {
			from := &parts[i+1]
			if distinct {
				whole := from.detail
				if rapid.Bool().Draw(t, "frozen") {
					whole = whole.Freeze()
				}
				merged.detail.Merge(merged.columns, every, whole, every)
			} else {
				acc.Merge(merged.columns, all, from.columns, all, merged.arena)
			}
		}
		for g := range rows {
			list := values[g]
			if distinct {
				list = different(list)
			}
			got, want := held(&merged.columns[0], g, acc.Columns()[0].Type), naive(f, list, rows[g])
			if text(got) != text(want) && !near(got, want) {
				t.Fatalf("group %d: %v, want %v of %v", g, got, want, list)
			}
		}
		for i := range parts {
			for _, block := range parts[i].arena.Take() {
				mem.Free(block)
			}
		}
		if n := mem.Bytes(); n != 0 {
			t.Fatalf("%d bytes leaked", n)
		}
	})
}

// fill adds a random batch to a part, and to the values by group.
func fill(t *rapid.T, mem *batch.Allocator, typ batch.Type, acc Accumulator, p *part, among []uint32, values, rows map[uint32][]sample) {
	samples := make([]sample, rapid.IntRange(0, 30).Draw(t, "n"))
	var groups []uint32
	var selected []int32
	for i := range samples {
		samples[i] = draw(t, typ)
		if rapid.Bool().Draw(t, "selected") { // a FILTER leaves rows out
			g := rapid.SampledFrom(among).Draw(t, "group")
			groups, selected = append(groups, g), append(selected, int32(i))
			rows[g] = append(rows[g], samples[i])
			if samples[i] != nil {
				values[g] = append(values[g], samples[i])
			}
		}
	}
	arg, release := vectorOf(mem, typ, samples)
	defer release() // nothing may point into the batch
	if p.detail != nil {
		p.detail.Add(p.columns, groups, selected, []batch.Vector{arg})
	} else {
		acc.Add(p.columns, groups, selected, []batch.Vector{arg}, p.arena)
	}
}

func TestDistinctIsRestoredFromItsMembers(t *testing.T) {
	for _, typ := range types {
		t.Run(typ.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				mem := batch.NewAllocator()
				n := rapid.IntRange(0, 40).Draw(t, "n")
				samples, groups, selected := make([]sample, n), make([]uint32, n), make([]int32, n)
				for i := range samples {
					samples[i], groups[i], selected[i] = draw(t, typ), rapid.Uint32Range(0, 2).Draw(t, "group"), int32(i)
				}
				arg, release := vectorOf(mem, typ, samples)
				defer release()
				args, acc := []batch.Vector{arg}, countValues{}
				set, column := NewDistinct(typ, acc, NewArena(mem)), stateColumns(acc)
				half := rapid.IntRange(0, n).Draw(t, "half")
				set.Add(column, groups[:half], selected[:half], args)
				written := []Entries{set.Take(false)}
				set.Add(column, groups[half:], selected[half:], args)
				switch rapid.IntRange(0, 2).Draw(t, "then") {
				case 0:
					written = []Entries{set.Take(true)}
				case 1:
					set.Undo(written[0])
					written = []Entries{set.Take(false)}
				default:
					written = append(written, set.Take(false))
				}
				restored := NewDistinct(typ, acc, NewArena(mem))
				for _, entries := range written {
					entries.Each(restored.Load)
				}
				if restored.Len() != set.Len() {
					t.Fatalf("%d members were restored of %d", restored.Len(), set.Len())
				}
				again := stateColumns(acc)
				restored.Add(again, groups, selected, args)
				for g := range uint32(3) {
					if more := *value[int64](&again[0], g); more != 0 {
						t.Fatalf("group %d counted %d values again", g, more)
					}
				}
			})
		})
	}
}
