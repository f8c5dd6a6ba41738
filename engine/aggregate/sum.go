package aggregate

import (
	"fmt"
	"math/bits"

	"github.com/millstream-db/millstream/engine/batch"
)

func newSum(arg batch.Type) (Accumulator, error) {
	switch arg.Physical() {
	case batch.Float32, batch.Float64:
		return sumFloat{}, nil
	case batch.Bits, batch.Int8, batch.Int16, batch.Int32, batch.Int64, batch.Int128:
		switch arg.Kind {
		case batch.Date, batch.Time, batch.Timestamp, batch.TimestampTZ:
		default:
			t := batch.Type{Kind: batch.HugeInt}
			if arg.Kind == batch.Decimal {
				t = batch.Type{Kind: batch.Decimal, Precision: 38, Scale: arg.Scale}
			}
			if WideSum(arg) {
				return sumWide{t}, nil
			}
			return sumInteger{t}, nil
		}
	}
	return nil, fmt.Errorf("sum over %s", arg)
}

// WideSum reports whether a sum over values of type t can need more than 128
// bits. It then has a second column, the word above: the sum is right exactly
// where that is 0.
func WideSum(t batch.Type) bool { return t.Physical() == batch.Int128 }

// sumInteger sums integers, booleans and unscaled decimals of up to 64 bits in
// 128 bits, which 2^63 of the largest do not fill.
type sumInteger struct{ typ batch.Type }

func (s sumInteger) Columns() []StateColumn { return []StateColumn{{s.typ, true}} }

func (sumInteger) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	arg := &args[0]
	nulls, physical := arg.HasNulls(), arg.Type.Physical()
	unsigned := arg.Type.Kind == batch.UBigInt
	for i, g := range groups {
		row := int(rows[i])
		if nulls && arg.Null(row) {
			continue
		}
		var v batch.Int128Value
		switch {
		case physical == batch.Int64 && !unsigned:
			v = batch.Int128From(batch.At[int64](arg, row))
		case physical == batch.Bits:
			if arg.Bool(row) {
				v.Lo = 1
			}
		case unsigned:
			v.Lo = batch.At[uint64](arg, row)
		default:
			v = batch.Int128From(arg.Integer(row))
		}
		addInt128(&c[0], g, v)
	}
}

func addInt128(c *Column, g uint32, v batch.Int128Value) {
	sum := value[batch.Int128Value](c, g)
	lo, carry := bits.Add64(sum.Lo, v.Lo, 0)
	sum.Lo, sum.Hi = lo, sum.Hi+v.Hi+int64(carry)
	*c.valid(g) = 1
}

func (sumInteger) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		if h := fromGroups[i]; *from[0].valid(h) != 0 {
			addInt128(&c[0], g, *value[batch.Int128Value](&from[0], h))
		}
	}
}

// sumWide sums 128-bit integers in 192 bits, so that a sum which leaves 128 bits
// on the way is right again once it returns.
type sumWide struct{ typ batch.Type }

func (s sumWide) Columns() []StateColumn { return []StateColumn{{s.typ, true}, {bigIntType, false}} }

func (sumWide) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	arg := &args[0]
	for i, g := range groups {
		if row := int(rows[i]); !arg.Null(row) {
			addWide(c, g, batch.At[batch.Int128Value](arg, row))
		}
	}
}

func (sumWide) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		if h := fromGroups[i]; *from[0].valid(h) != 0 {
			addWide(c, g, *value[batch.Int128Value](&from[0], h))
			*value[int64](&c[1], g) += *value[int64](&from[1], h)
		}
	}
}

// addWide adds v. The word above counts how often 128 bits were left upwards,
// less how often downwards.
func addWide(c []Column, g uint32, v batch.Int128Value) {
	was := value[batch.Int128Value](&c[0], g).Hi
	addInt128(&c[0], g, v)
	if is := value[batch.Int128Value](&c[0], g).Hi; was^v.Hi >= 0 && was^is < 0 {
		if was < 0 {
			*value[int64](&c[1], g)--
		} else {
			*value[int64](&c[1], g)++
		}
	}
}

// sumFloat sums REAL and DOUBLE in double precision, in order of arrival.
type sumFloat struct{}

func (sumFloat) Columns() []StateColumn { return []StateColumn{{batch.Type{Kind: batch.Double}, true}} }

func (sumFloat) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	arg, nulls := &args[0], args[0].HasNulls()
	for i, g := range groups {
		row := int(rows[i])
		if nulls && arg.Null(row) {
			continue
		}
		*value[float64](&c[0], g) += arg.Float(row)
		*c[0].valid(g) = 1
	}
}

func (sumFloat) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		if h := fromGroups[i]; *from[0].valid(h) != 0 {
			*value[float64](&c[0], g) += *value[float64](&from[0], h)
			*c[0].valid(g) = 1
		}
	}
}
