package avro

import (
	"math/big"
	"math/bits"
	"strconv"

	"github.com/millstream-db/millstream/engine/batch"
)

// fromBytes returns the two's complement number in b, the highest byte first,
// unless it needs more than 128 bits.
func fromBytes(b []byte) (batch.Int128Value, bool) {
	if len(b) == 0 {
		return batch.Int128Value{}, true
	}
	sign := byte(int8(b[0]) >> 7)
	for len(b) > 16 {
		if b[0] != sign || (b[1]^sign)&0x80 != 0 {
			return batch.Int128Value{}, false
		}
		b = b[1:]
	}
	hi, lo := uint64(int64(int8(sign))), uint64(int64(int8(sign)))
	for _, c := range b {
		hi = hi<<8 | lo>>56
		lo = lo<<8 | uint64(c)
	}
	return batch.Int128Value{Lo: lo, Hi: int64(hi)}, true
}

// scaledUp returns v * 10^by, if it has no more than the given number of digits.
func scaledUp(v batch.Int128Value, by, digits int) (batch.Int128Value, bool) {
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
	return batch.Int128Value{Lo: lo, Hi: int64(hi)}, true
}

// pow10 holds the powers of ten up to 10^38, which are less than 2^127.
var pow10 = func() (p [39]batch.Int128Value) {
	p[0].Lo = 1
	for i := 1; i < len(p); i++ {
		carry, lo := bits.Mul64(p[i-1].Lo, 10)
		p[i] = batch.Int128Value{Lo: lo, Hi: p[i-1].Hi*10 + int64(carry)}
	}
	return p
}()

// decimalBytesMax is the length of the longest decimal that is shown.
const decimalBytesMax = 256

// plainScaleMax is the largest scale that is written without an exponent.
const plainScaleMax = 64

// appendDecimal appends the number b / 10^scale, exactly. It reports false if
// that is longer than any decimal in use.
func appendDecimal(dst, b []byte, scale int) ([]byte, bool) {
	if len(b) > decimalBytesMax {
		return dst, false
	}
	first := len(dst)
	if v, ok := fromBytes(b); ok && v.Hi == int64(v.Lo)>>63 {
		dst = strconv.AppendInt(dst, int64(v.Lo), 10)
	} else {
		wide := new(big.Int).SetBytes(b)
		if b[0] >= 0x80 {
			wide.Sub(wide, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		dst = wide.Append(dst, 10)
	}
	if scale == 0 {
		return dst, true
	}
	if scale > plainScaleMax {
		return strconv.AppendInt(append(dst, 'e', '-'), int64(scale), 10), true
	}
	if dst[first] == '-' {
		first++
	}
	for count := len(dst) - first; count <= scale; count++ {
		dst = append(dst, 0)
		copy(dst[first+1:], dst[first:])
		dst[first] = '0'
	}
	point := len(dst) - scale
	dst = append(dst, 0)
	copy(dst[point+1:], dst[point:])
	dst[point] = '.'
	return dst, true
}
