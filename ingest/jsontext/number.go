package jsontext

import (
	"math"
	"strconv"
)

// AppendFloat appends a number of 32 or 64 bits, in its shortest form. What is no
// number in JSON is the string "NaN", "Infinity" or "-Infinity".
func AppendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, bits)
}

// AppendDigits appends v in exactly n digits.
func AppendDigits(dst []byte, v uint64, n int) []byte {
	for range n {
		dst = append(dst, '0')
	}
	for i := len(dst) - 1; n > 0; i, n = i-1, n-1 {
		dst[i] += byte(v % 10)
		v /= 10
	}
	return dst
}
