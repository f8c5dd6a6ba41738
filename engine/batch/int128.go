package batch

import "math/bits"

// Int128FromBytes returns the two's complement number in b, the highest byte first,
// unless it needs more than 128 bits.
func Int128FromBytes(b []byte) (Int128Value, bool) {
	if len(b) == 0 {
		return Int128Value{}, true
	}
	sign := byte(int8(b[0]) >> 7)
	for len(b) > 16 {
		if b[0] != sign || (b[1]^sign)&0x80 != 0 {
			return Int128Value{}, false
		}
		b = b[1:]
	}
	hi, lo := uint64(int64(int8(sign))), uint64(int64(int8(sign)))
	for _, c := range b {
		hi = hi<<8 | lo>>56
		lo = lo<<8 | uint64(c)
	}
	return Int128Value{Lo: lo, Hi: int64(hi)}, true
}

// ScaledUp returns v * 10^by, if it has no more than the given number of digits,
// which are 38 at most.
func (v Int128Value) ScaledUp(by, digits int) (Int128Value, bool) {
	hi, lo, negative := uint64(v.Hi), v.Lo, v.Hi < 0
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	for range by {
		if hi >= 1<<60 { // times ten is beyond 128 bits
			return v, false
		}
		carry, low := bits.Mul64(lo, 10)
		hi, lo = hi*10+carry, low
	}
	limit := pow10[digits]
	if hi > uint64(limit.Hi) || hi == uint64(limit.Hi) && lo >= limit.Lo {
		return v, false
	}
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return Int128Value{Lo: lo, Hi: int64(hi)}, true
}

// pow10 holds the powers of ten up to 10^38, which are less than 2^127.
var pow10 = func() (p [39]Int128Value) {
	p[0].Lo = 1
	for i := 1; i < len(p); i++ {
		carry, lo := bits.Mul64(p[i-1].Lo, 10)
		p[i] = Int128Value{Lo: lo, Hi: p[i-1].Hi*10 + int64(carry)}
	}
	return p
}()
