package jsontext

import (
	"math/big"
	"strconv"

	"github.com/millstream-db/millstream/engine/batch"
)

// decimalBytesMax is the length of the longest decimal that is shown.
const decimalBytesMax = 256

// plainScaleMax is the largest scale that is written without an exponent.
const plainScaleMax = 64

// AppendDecimal appends the number b / 10^scale, exactly, where b is a two's
// complement number, the highest byte first, and scale is not negative. It reports
// false if that is longer than any decimal in use.
func AppendDecimal(dst, b []byte, scale int) ([]byte, bool) {
	if len(b) > decimalBytesMax {
		return dst, false
	}
	first := len(dst)
	if v, ok := batch.Int128FromBytes(b); ok && v.Hi == int64(v.Lo)>>63 {
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
