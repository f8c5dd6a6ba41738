package aggregate

import "fmt"

var names = map[Function]string{
	CountStar: "count(*)", Count: "count", Sum: "sum", Min: "min", Max: "max", BoolAnd: "bool_and", BoolOr: "bool_or", Bag: "rows kept of",
	Mean: "sum and count", SumKahan: "fsum", Product: "product", Variance: "variance", Covariance: "covariance",
	BitAnd: "bit_and", BitOr: "bit_or", BitXor: "bit_xor", ArgMin: "arg_min", ArgMax: "arg_max", ArgMinNull: "arg_min_null",
	ArgMaxNull: "arg_max_null", First: "first", Last: "last", AnyValue: "any_value",
	ApproxCountDistinct: "approx_count_distinct", ApproxQuantile: "approx_quantile",
}

// String returns the function's name for people to read.
func (f Function) String() string {
	if name, ok := names[f]; ok {
		return name
	}
	return fmt.Sprintf("aggregate %d", uint8(f))
}
