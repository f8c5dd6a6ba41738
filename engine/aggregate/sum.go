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
			return sumInteger{}, nil
		}
	}
	return nil, fmt.Errorf("sum over %s", arg)
}

// sumInteger sums integers, booleans and unscaled decimals in 128 bits, which
// 2^63 of the largest 64-bit values do not fill.
type sumInteger struct{}

func (sumInteger) Width() int     { return 16 }
func (sumInteger) Nullable() bool { return true }

func (sumInteger) Add(c *Column, groups []uint32, rows []int32, arg *batch.Vector, _ *Arena) {
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
		case physical == batch.Int128:
			v = batch.At[batch.Int128Value](arg, row)
		case physical == batch.Bits:
			if arg.Bool(row) {
				v.Lo = 1
			}
		case unsigned:
			v.Lo = batch.At[uint64](arg, row)
		default:
			v = batch.Int128From(arg.Integer(row))
		}
		sum := value[batch.Int128Value](c, g)
		lo, carry := bits.Add64(sum.Lo, v.Lo, 0)
		sum.Lo, sum.Hi = lo, sum.Hi+v.Hi+int64(carry)
		*c.valid(g) = 1
	}
}

// sumFloat sums REAL and DOUBLE in double precision, in order of arrival.
type sumFloat struct{}

func (sumFloat) Width() int     { return 8 }
func (sumFloat) Nullable() bool { return true }

func (sumFloat) Add(c *Column, groups []uint32, rows []int32, arg *batch.Vector, _ *Arena) {
	nulls := arg.HasNulls()
	for i, g := range groups {
		row := int(rows[i])
		if nulls && arg.Null(row) {
			continue
		}
		*value[float64](c, g) += arg.Float(row)
		*c.valid(g) = 1
	}
}
