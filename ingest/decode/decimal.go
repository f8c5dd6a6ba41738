package decode

import (
	"math/bits"

	"github.com/millstream-db/millstream/engine/batch"
)

// ParseDecimal reads a decimal number, with an optional exponent, as the
// unscaled value of a DECIMAL(precision, scale). It is exact; digits that the
// scale has no room for are rounded half away from zero, as DuckDB does.
// A number with too many digits before the point is an error.
func ParseDecimal(text []byte, precision, scale uint8) (batch.Int128Value, error) {
	t := batch.Type{Kind: batch.Decimal, Precision: precision, Scale: scale}
	if precision < 1 || precision > 38 || scale > precision {
		return batch.Int128Value{}, parseError(unsupported, nil, t)
	}
	trimmed := trim(text)
	n := readNumber(trimmed)
	v, neg, f := unscaled(n, trimmed, precision, scale)
	if f != fine {
		return batch.Int128Value{}, parseError(f, text, t)
	}
	result, _ := int128(v, neg)
	return result, nil
}

// unscaled returns |n| * 10^scale, rounded and less than 10^precision.
func unscaled(n number, text []byte, precision, scale uint8) (v uint128, neg bool, f fault) {
	shift := int(scale) - int(n.frac)
	switch {
	case n.plain && shift >= 0 && shift < len(pow10):
		v.hi, v.lo = bits.Mul64(n.mant, pow10[shift])
		neg = n.neg
	case n.plain && shift < 0: // a plain number has at most 19 digits, so -shift <= 19
		unit := pow10[-shift]
		v.lo = n.mant / unit
		if n.mant%unit >= unit/2 {
			v.lo++
		}
		neg = n.neg
	default:
		num, ok := readNumeral(text)
		if !ok {
			return v, false, malformed
		}
		var cut remainder
		if v, cut, ok = num.scaled(int(scale)); !ok {
			return v, false, outOfRange
		}
		if cut.half {
			lo, carry := bits.Add64(v.lo, 1, 0)
			v = uint128{v.hi + carry, lo}
		}
		neg = num.neg
	}
	if !v.less(pow10Wide[precision]) {
		return v, false, outOfRange
	}
	return v, neg, fine
}
