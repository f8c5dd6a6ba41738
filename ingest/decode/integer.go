package decode

import (
	"math"

	"github.com/millstream-db/millstream/engine/batch"
)

// magnitude returns the absolute value of a whole number. A fraction makes the
// number malformed, unless it is zero: 10.0 and 1e3 are integers, 10.5 is not
// rounded behind anyone's back.
func magnitude(n number, text []byte) (v uint128, neg bool, f fault) {
	if n.plain && n.frac == 0 {
		return uint128{lo: n.mant}, n.neg, fine
	}
	num, ok := readNumeral(text)
	if !ok {
		return v, false, malformed
	}
	v, cut, ok := num.scaled(0)
	switch {
	case !ok:
		return v, false, outOfRange
	case cut.nonzero:
		return v, false, malformed
	}
	return v, num.neg, fine
}

// integerRange returns the largest magnitudes below and above zero that an
// integer type holds.
func integerRange(k batch.Kind) (below, above uint64) {
	switch k {
	case batch.TinyInt:
		return 1 << 7, math.MaxInt8
	case batch.SmallInt:
		return 1 << 15, math.MaxInt16
	case batch.Integer:
		return 1 << 31, math.MaxInt32
	case batch.BigInt:
		return 1 << 63, math.MaxInt64
	case batch.UTinyInt:
		return 0, math.MaxUint8
	case batch.USmallInt:
		return 0, math.MaxUint16
	case batch.UInteger:
		return 0, math.MaxUint32
	default:
		return 0, math.MaxUint64
	}
}

// int128 returns ±v in two's complement.
func int128(v uint128, neg bool) (batch.Int128Value, fault) {
	switch {
	case !neg && v.hi > math.MaxInt64, neg && uint128{hi: 1 << 63}.less(v):
		return batch.Int128Value{}, outOfRange
	case !neg:
		return batch.Int128Value{Lo: v.lo, Hi: int64(v.hi)}, fine
	}
	lo, hi := -v.lo, ^v.hi
	if lo == 0 {
		hi++
	}
	return batch.Int128Value{Lo: lo, Hi: int64(hi)}, fine
}
