package aggregate

import (
	"math/bits"

	"github.com/millstream-db/millstream/engine/batch"
)

// Retractor is an accumulator out of which rows can be taken again without loss:
// counts, and the Mean of integers and decimals. Others have forgotten too
// much: a Sum alone does not know when its last value goes and it is NULL, for
// which there is Mean; a minimum does not know what comes after it, and floats
// round. What rows that change are to be aggregated by those goes into a Bag.
type Retractor interface {
	Accumulator
	// Retract undoes Add for rows that were added to the groups, in whatever
	// order and batches: what remains is as if they had never been.
	Retract(c []Column, groups []uint32, rows []int32, args []batch.Vector)
}

// Retract takes rows out of count(*).
func (countRows) Retract(c []Column, groups []uint32, _ []int32, _ []batch.Vector) {
	for _, g := range groups {
		*value[int64](&c[0], g)--
	}
}

// Retract takes rows out of count(x).
func (countValues) Retract(c []Column, groups []uint32, rows []int32, args []batch.Vector) {
	for i, g := range groups {
		if !args[0].Null(int(rows[i])) {
			*value[int64](&c[0], g)--
		}
	}
}

// subtractor is a sum that values can be taken out of, if it is known how many
// there are.
type subtractor interface {
	subtract(c []Column, g uint32, v batch.Int128Value)
}

func (sumInteger) subtract(c []Column, g uint32, v batch.Int128Value) { subtractInt128(&c[0], g, v) }

// subtract undoes addWide.
func (sumWide) subtract(c []Column, g uint32, v batch.Int128Value) {
	was := value[batch.Int128Value](&c[0], g).Hi
	subtractInt128(&c[0], g, v)
	if is := value[batch.Int128Value](&c[0], g).Hi; was^v.Hi < 0 && was^is < 0 {
		if was < 0 {
			*value[int64](&c[1], g)--
		} else {
			*value[int64](&c[1], g)++
		}
	}
}

func subtractInt128(c *Column, g uint32, v batch.Int128Value) {
	sum := value[batch.Int128Value](c, g)
	lo, borrow := bits.Sub64(sum.Lo, v.Lo, 0)
	sum.Lo, sum.Hi = lo, sum.Hi-v.Hi-int64(borrow)
}

// exactMean is the mean of integers or decimals.
type exactMean struct{ both }

// Retract takes rows out of the sum and the count.
func (m exactMean) Retract(c []Column, groups []uint32, rows []int32, args []batch.Vector) {
	arg, sum := &args[0], m.first.(subtractor)
	for i, g := range groups {
		row := int(rows[i])
		if arg.Null(row) {
			continue
		}
		sum.subtract(c, g, int128(arg, row))
		n := value[int64](&c[m.at], g)
		if *n--; *n == 0 {
			*c[0].valid(g) = 0
		}
	}
}

// int128 is a value that sumInteger and sumWide add.
func int128(arg *batch.Vector, row int) batch.Int128Value {
	switch {
	case arg.Type.Physical() == batch.Int128:
		return batch.At[batch.Int128Value](arg, row)
	case arg.Type.Physical() == batch.Bits:
		if arg.Bool(row) {
			return batch.Int128Value{Lo: 1}
		}
		return batch.Int128Value{}
	case arg.Type.Kind == batch.UBigInt:
		return batch.Int128Value{Lo: batch.At[uint64](arg, row)}
	default:
		return batch.Int128From(arg.Integer(row))
	}
}
