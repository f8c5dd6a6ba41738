package decode

import (
	"math"
	"strconv"
	"unsafe"
)

// floatPow10 holds powers of ten that a float64 represents exactly; those up
// to 10^10 are exact as a float32, too.
var floatPow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// float64Of returns the nearest float64. When both the digits and the power of
// ten are exact, one division rounds once, which is what correct rounding is.
func float64Of(n number, text []byte) (float64, fault) {
	if n.plain && n.mant < 1<<53 {
		v := float64(n.mant) / floatPow10[n.frac]
		if n.neg {
			v = -v
		}
		return v, fine
	}
	return parseFloat(text, 64)
}

// float32Of returns the nearest float32, never through a float64, which would
// round twice.
func float32Of(n number, text []byte) (float32, fault) {
	if n.plain && n.mant < 1<<24 && n.frac <= 10 {
		v := float32(n.mant) / float32(floatPow10[n.frac])
		if n.neg {
			v = -v
		}
		return v, fine
	}
	v, f := parseFloat(text, 32)
	return float32(v), f
}

// parseFloat reads a number, or the name of one that is not finite. A finite
// number that only infinity is near to is out of range.
func parseFloat(text []byte, bitSize int) (float64, fault) {
	if _, ok := readNumeral(text); !ok {
		return nonFinite(text)
	}
	// ParseFloat does not keep its argument; what it puts into errors it copies.
	v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), bitSize)
	if err != nil {
		return 0, outOfRange
	}
	return v, fine
}

func nonFinite(text []byte) (float64, fault) {
	if equalFold(text, "nan") {
		return math.NaN(), fine
	}
	if sign := infinity(text); sign != 0 {
		return math.Inf(sign), fine
	}
	return 0, malformed
}

// infinity returns the sign of an infinity given by name, or 0.
func infinity(text []byte) int {
	sign := 1
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	if equalFold(text, "infinity") || equalFold(text, "inf") {
		return sign
	}
	return 0
}
