package aggregate

import (
	"fmt"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// Function is an aggregate function that is kept incrementally. Others are
// built from these after the aggregation: avg is sum over count.
type Function uint8

// The functions.
const (
	CountStar     Function = iota // rows
	Count                         // non-NULL values
	Sum                           // HUGEINT for integers and BOOLEAN, DECIMAL(38,s) for decimals, DOUBLE for floats
	Min                           // of every type that has an order
	Max                           // likewise
	BoolAnd                       // true unless a value is false
	BoolOr                        // false unless a value is true
	CountDistinct                 // different non-NULL values
)

// Groups per page. A page is the unit of copy-on-write.
const (
	PageShift = 10
	PageRows  = 1 << PageShift
)

// Column is one state column: for each page the address of its first value
// and, if the column can be NULL, of its first validity byte (0 is NULL).
type Column struct {
	Values []unsafe.Pointer
	Valid  []unsafe.Pointer
}

// value returns group g's value as T, which must have the column's width.
func value[T any](c *Column, g uint32) *T {
	var zero T
	return (*T)(unsafe.Add(c.Values[g>>PageShift], int(unsafe.Sizeof(zero))*int(g&(PageRows-1))))
}

// valid returns group g's validity byte.
func (c *Column) valid(g uint32) *byte {
	return (*byte)(unsafe.Add(c.Valid[g>>PageShift], g&(PageRows-1)))
}

// Accumulator folds values into a state column of its own. It has no state
// besides and is safe for concurrent use on different columns.
type Accumulator interface {
	// Add folds value rows[i] of arg into group groups[i], for every i. Fresh
	// groups are zero (and NULL where the column can be NULL).
	Add(c *Column, groups []uint32, rows []int32, arg *batch.Vector, arena *Arena)
	// Width returns the bytes of a value in the state column.
	Width() int
	// Nullable reports whether the state column has validity bytes.
	Nullable() bool
}

// New returns the accumulator of a function over arguments of type arg.
// CountDistinct has none: its column is kept by a Distinct.
func New(f Function, arg batch.Type) (Accumulator, error) {
	switch f {
	case CountStar, CountDistinct:
		return countRows{}, nil
	case Count:
		return countValues{}, nil
	case Sum:
		return newSum(arg)
	case Min, Max:
		return newMinMax(arg, f == Max)
	case BoolAnd, BoolOr:
		if arg.Kind == batch.Boolean {
			return boolean{stop: f == BoolOr}, nil
		}
	}
	return nil, fmt.Errorf("aggregate %d over %s", f, arg)
}

// ResultType returns the type of a function's state column.
func ResultType(f Function, arg batch.Type) batch.Type {
	switch f {
	case Sum:
		switch {
		case arg.Kind == batch.Decimal:
			return batch.Type{Kind: batch.Decimal, Precision: 38, Scale: arg.Scale}
		case arg.Kind == batch.Real || arg.Kind == batch.Double:
			return batch.Type{Kind: batch.Double}
		}
		return batch.Type{Kind: batch.HugeInt}
	case Min, Max:
		return arg
	case BoolAnd, BoolOr:
		return batch.Type{Kind: batch.Boolean}
	default:
		return batch.Type{Kind: batch.BigInt}
	}
}
