package aggregate

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// Function is an aggregate function that is kept incrementally. Others are
// built from these after the aggregation: avg is sum over count.
type Function uint8

// The functions.
const (
	CountStar           Function = iota // rows
	Count                               // non-NULL values
	Sum                                 // HUGEINT for integers and BOOLEAN, DECIMAL(38,s) for decimals, DOUBLE for floats; see [WideSum]
	Min                                 // of every type that has an order
	Max                                 // likewise
	BoolAnd                             // true unless a value is false
	BoolOr                              // false unless a value is true
	Bag                                 // the arguments of every row, kept for stage three to aggregate
	Mean                                // the columns of Sum, then those of Count
	SumKahan                            // of numbers as DOUBLE: the sum, and what it has rounded away
	Product                             // of numbers as DOUBLE
	Variance                            // of numbers: n, mean, sum of squared distances from it
	Covariance                          // of numbers y, x: n, mean of x, mean of y, sums of dx·dy, dx² and dy²
	BitAnd                              // of integers
	BitOr                               // likewise
	BitXor                              // likewise
	ArgMin                              // x where y is least; rows with a NULL do not count. x, how it was found, y
	ArgMax                              // x where y is greatest
	ArgMinNull                          // x, which may be NULL, where y is least
	ArgMaxNull                          // x, which may be NULL, where y is greatest
	First                               // x of the first row: by y if there is one, else by arrival
	Last                                // x of the last row
	AnyValue                            // x of the first row where it is not NULL
	ApproxCountDistinct                 // different values, estimated
	ApproxQuantile                      // of numbers, a DOUBLE for each of the parameters: the values at those places, estimated
)

// Groups per page. A page is the unit of copy-on-write.
const (
	PageShift = 10
	PageRows  = 1 << PageShift
)

// Column is one state column. The values of a group lie side by side in a row.
type Column struct {
	Pages  []unsafe.Pointer // the addresses of the pages' first rows
	Stride int              // bytes from row to row
	Value  int              // where in a row the value is
	Valid  int              // where the validity byte is (0 is NULL), if the column can be NULL
}

func (c *Column) row(g uint32) unsafe.Pointer {
	return unsafe.Add(c.Pages[g>>PageShift], c.Stride*int(g&(PageRows-1)))
}

// value returns group g's value as T, which must have the column's width.
func value[T any](c *Column, g uint32) *T { return (*T)(unsafe.Add(c.row(g), c.Value)) }

// valid returns group g's validity byte.
func (c *Column) valid(g uint32) *byte { return (*byte)(unsafe.Add(c.row(g), c.Valid)) }

// StateColumn is a column that an accumulator keeps for each group.
type StateColumn struct {
	Type     batch.Type
	Nullable bool // the column has validity bytes; fresh groups are NULL
}

// Accumulator folds values into state columns of its own. It has no state
// besides and is safe for concurrent use on different columns.
type Accumulator interface {
	// Columns returns the state columns, at least one.
	Columns() []StateColumn
	// Add folds row rows[i] of the arguments into group groups[i], for every i.
	// Fresh groups are zero (and NULL where the column can be NULL).
	Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, arena *Arena)
	// Merge folds group fromGroups[i] of the columns from, which stay as they
	// are, into group groups[i] of c: as if the rows of both had been added to
	// one, those of c first.
	Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, arena *Arena)
}

// New returns the accumulator of a function over arguments of the given types.
// A Bag has none: it is no more than its [Detail].
// The approximate functions have a detail that does its work.
func New(f Function, args []batch.Type, params ...float64) (Accumulator, error) {
	switch {
	case f == CountStar:
		return countRows{}, nil
	case f == ApproxCountDistinct && len(args) == 1:
		return estimated{{bigIntType, false}}, nil
	case f == ApproxQuantile && len(args) == 1 && numbers(args[0]) != nil && len(params) > 0:
		return estimated(slices.Repeat([]StateColumn{{doubleType, true}}, len(params))), nil
	}
	if f >= ArgMin && f <= AnyValue && len(args) > 0 {
		return newPick(f, args)
	}
	if f == Covariance && len(args) == 2 {
		return newComoments(args[0], args[1])
	}
	if len(args) == 1 {
		if acc, err := newOfOne(f, args[0]); acc != nil || err != nil {
			return acc, err
		}
	}
	return nil, fmt.Errorf("aggregate %d over %v", f, args)
}

// newOfOne returns the accumulator of a function of one argument, nil if there
// is none.
func newOfOne(f Function, arg batch.Type) (Accumulator, error) {
	switch f {
	case Count:
		return countValues{}, nil
	case Sum:
		return newSum(arg)
	case Mean:
		return newMean(arg)
	case SumKahan:
		return newSumKahan(arg)
	case Product:
		return newProduct(arg)
	case Variance:
		return newMoments(arg)
	case Min, Max:
		return newMinMax(arg, f == Max)
	case BitAnd, BitOr, BitXor:
		return newBitwise(arg, f)
	case BoolAnd, BoolOr:
		if arg.Kind == batch.Boolean {
			return boolean{stop: f == BoolOr}, nil
		}
	}
	return nil, nil
}
