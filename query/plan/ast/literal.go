package ast

import (
	"math"
	"math/big"
	"strconv"

	"github.com/millstream-db/millstream/engine/batch"
)

// ExactLiteral returns the constant in the physical kind of a column of type t,
// if comparing in that kind gives what DuckDB gives, which converts one side to
// the other's type or both to a third.
func ExactLiteral(t batch.Type, constant Node) (any, bool) {
	switch t.Kind {
	case batch.Varchar:
		return asAny(ConstString(constant))
	case batch.Boolean:
		return asAny(constBool(constant))
	case batch.Real, batch.Double:
		return floatLiteral(t, constant)
	case batch.Decimal:
		return decimalLiteral(t, constant)
	}
	limits, ok := integerLimits[t.Kind]
	unscaled, scale, constantOK := ConstDecimal(constant)
	if !ok || !constantOK || scale != 0 || constant.Child("value").Child("type").Str("id") == "DECIMAL" || !unscaled.IsInt64() {
		return nil, false
	}
	v := unscaled.Int64()
	return v, v >= limits[0] && v <= limits[1]
}

func asAny[T any](v T, ok bool) (any, bool) { return v, ok }

// integerLimits are the least and greatest literals of integer columns.
var integerLimits = map[batch.Kind][2]int64{
	batch.TinyInt: {math.MinInt8, math.MaxInt8}, batch.SmallInt: {math.MinInt16, math.MaxInt16},
	batch.Integer: {math.MinInt32, math.MaxInt32}, batch.BigInt: {math.MinInt64, math.MaxInt64},
	batch.UTinyInt: {0, math.MaxUint8}, batch.USmallInt: {0, math.MaxUint16},
	batch.UInteger: {0, math.MaxUint32}, batch.UBigInt: {0, math.MaxInt64},
}

// decimalLiteral scales an integer or decimal to the column's scale.
func decimalLiteral(t batch.Type, constant Node) (any, bool) {
	unscaled, scale, ok := ConstDecimal(constant)
	if !ok || t.Precision > 18 {
		return nil, false
	}
	v := new(big.Int).Mul(unscaled, Pow10(int(t.Scale)))
	v, rest := v.QuoRem(v, Pow10(scale), new(big.Int))
	if rest.Sign() != 0 || v.CmpAbs(Pow10(int(t.Precision))) >= 0 {
		return nil, false
	}
	return v.Int64(), true
}

// floatLiteral converts a number that a double, or for a REAL column a float,
// holds exactly. DuckDB divides the digits of a decimal by a power of ten, both
// in the column's type: it gives the same number if both are exact there.
func floatLiteral(t batch.Type, constant Node) (any, bool) {
	f, ok := ConstDouble(constant)
	if !ok {
		unscaled, scale, ok := ConstDecimal(constant)
		digits, powers := 53, 22 // what a double holds without error
		if t.Kind == batch.Real {
			digits, powers = 24, 10
		}
		if !ok || scale > powers || unscaled.BitLen() > digits {
			return nil, false
		}
		power, err := strconv.ParseFloat(Pow10(scale).String(), 64)
		if err != nil {
			return nil, false
		}
		f = float64(unscaled.Int64()) / power
	}
	if math.IsInf(f, 0) || t.Kind == batch.Real && float64(float32(f)) != f {
		return nil, false
	}
	return f, true
}
