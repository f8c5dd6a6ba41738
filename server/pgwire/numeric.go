package pgwire

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/server/pgwire/datetime"
)

// Signs of the binary numeric format.
const (
	numericPositive    = 0x0000
	numericNegative    = 0x4000
	numericNaN         = 0xC000
	numericInfinity    = 0xD000
	numericNegInfinity = 0xF000
)

// maxNumericDigits bounds the digits of a parameter that are expanded: a
// numeric of a few bytes may stand for 130,000 of them.
const maxNumericDigits = 1_000

// decimal is a decimal number as its digits: digits / 10^scale. The digits are
// ASCII, without a sign, and may have leading zeros.
type decimal struct {
	negative bool
	digits   []byte
	scale    int
}

// decimalFrom128 writes the digits of a 128-bit integer into buf.
func decimalFrom128(buf *[40]byte, v decimal128.Num, unsigned bool, scale int) decimal {
	lo, hi := v.LowBits(), uint64(v.HighBits())
	negative := !unsigned && v.HighBits() < 0
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	return decimal{negative: negative, digits: digits128(buf, hi, lo), scale: scale}
}

// digits128 writes hi<<64|lo in decimal into the end of buf.
func digits128(buf *[40]byte, hi, lo uint64) []byte {
	const chunk = 1e19 // the largest power of ten in 64 bits
	i := len(buf)
	for hi != 0 {
		var rest uint64
		quotient := hi / chunk
		lo, rest = bits.Div64(hi%chunk, lo, chunk)
		hi = quotient
		for range 19 {
			i--
			buf[i] = byte('0' + rest%10)
			rest /= 10
		}
	}
	for lo != 0 || i == len(buf) {
		i--
		buf[i] = byte('0' + lo%10)
		lo /= 10
	}
	return buf[i:]
}

// decimalFromInt writes the digits of an integer into buf.
func decimalFromInt(buf *[40]byte, v int64) decimal {
	magnitude := uint64(v)
	if v < 0 {
		magnitude = -magnitude
	}
	return decimal{negative: v < 0, digits: digits128(buf, 0, magnitude)}
}

// appendDecimalText appends the number with exactly its scale's digits after
// the point.
func appendDecimalText(dst []byte, d decimal) []byte {
	if d.negative {
		dst = append(dst, '-')
	}
	whole := len(d.digits) - d.scale
	if whole <= 0 {
		dst = append(dst, '0')
	} else {
		dst = append(dst, d.digits[:whole]...)
	}
	if d.scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, d.digits[whole:]...)
}

// appendDecimalBinary appends PostgreSQL's binary numeric: base-10000 digits
// aligned at the decimal point, without zeros at either end.
func appendDecimalBinary(dst []byte, d decimal) []byte {
	whole := len(d.digits) - d.scale // digits before the point; negative: zeros after it
	first := datetime.FloorDiv(int64(-whole), 4)
	groups := int(-first) + (d.scale+3)/4
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	weight, count := int(-first)-1, 0
	for g := range groups {
		position := whole + (int(first)+g)*4 // of the group's first digit in d.digits
		value := uint16(0)
		for i := position; i < position+4; i++ {
			value *= 10
			if i >= 0 && i < len(d.digits) {
				value += uint16(d.digits[i] - '0')
			}
		}
		if value == 0 && count == 0 {
			weight--
			continue
		}
		dst = binary.BigEndian.AppendUint16(dst, value)
		count++
	}
	for count > 0 && dst[len(dst)-1] == 0 && dst[len(dst)-2] == 0 {
		dst, count = dst[:len(dst)-2], count-1
	}
	sign := uint16(numericPositive)
	if count == 0 {
		weight = 0
	} else if d.negative {
		sign = numericNegative
	}
	header := dst[start:]
	binary.BigEndian.PutUint16(header[0:], uint16(count))
	binary.BigEndian.PutUint16(header[2:], uint16(int16(weight)))
	binary.BigEndian.PutUint16(header[4:], sign)
	binary.BigEndian.PutUint16(header[6:], uint16(d.scale))
	return dst
}

// parseBinaryNumeric reads a parameter in the binary format: a DecimalValue
// where it fits into 38 digits, else its text for DuckDB to cast. NaN and the
// infinities are doubles.
func parseBinaryNumeric(data []byte) (any, bool) {
	if len(data) < 8 {
		return nil, false
	}
	count := int(binary.BigEndian.Uint16(data))
	weight := int(int16(binary.BigEndian.Uint16(data[2:])))
	sign := binary.BigEndian.Uint16(data[4:])
	scale := int(binary.BigEndian.Uint16(data[6:]))
	if len(data) != 8+2*count {
		return nil, false
	}
	switch sign {
	case numericNaN:
		return parseFloat("NaN", 64)
	case numericInfinity:
		return parseFloat("Infinity", 64)
	case numericNegInfinity:
		return parseFloat("-Infinity", 64)
	case numericPositive, numericNegative:
	default:
		return nil, false
	}
	if weight > maxNumericDigits/4 || weight < -maxNumericDigits/4 || scale > maxNumericDigits || count > maxNumericDigits/4 {
		return nil, false
	}
	digits := make([]byte, 0, 4*count+8)
	for i := range count {
		group := binary.BigEndian.Uint16(data[8+2*i:])
		if group > 9999 {
			return nil, false
		}
		digits = datetime.AppendPadded(digits, int64(group), 4)
	}
	// The digits now stand for digits / 10^have; bring that to the scale.
	have := 4 * (count - weight - 1)
	for ; have < scale; have++ {
		digits = append(digits, '0')
	}
	if cut := have - scale; cut >= len(digits) {
		digits = append(digits[:0], '0')
	} else {
		digits = digits[:len(digits)-cut]
	}
	return decimalArgument(decimal{negative: sign == numericNegative, digits: digits, scale: scale}), true
}

// decimalArgument returns the Go value of a numeric parameter.
func decimalArgument(d decimal) any {
	unscaled, ok := new(big.Int).SetString(string(d.digits), 10)
	if !ok {
		return string(appendDecimalText(nil, d))
	}
	if d.negative {
		unscaled.Neg(unscaled)
	}
	for len(d.digits) > d.scale+1 && d.digits[0] == '0' {
		d.digits = d.digits[1:]
	}
	v, fits := batch.Int128FromBig(unscaled)
	if !fits || d.scale > 38 || len(unscaled.Text(10)) > 39 {
		return string(appendDecimalText(nil, d))
	}
	return batch.DecimalValue{Unscaled: v, Scale: uint8(d.scale)}
}

// parseTextNumeric reads 12.50, -1e3, NaN and Infinity.
func parseTextNumeric(s string) (any, bool) {
	digits := make([]byte, 0, len(s))
	d := decimal{}
	rest := s
	if rest != "" && (rest[0] == '-' || rest[0] == '+') {
		d.negative, rest = rest[0] == '-', rest[1:]
	}
	point := false
	i := 0
	for ; i < len(rest); i++ {
		switch c := rest[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
			if point {
				d.scale++
			}
			continue
		case c == '.' && !point:
			point = true
			continue
		}
		break
	}
	if len(digits) == 0 {
		return parseFloat(s, 64)
	}
	if i < len(rest) {
		if rest[i] != 'e' && rest[i] != 'E' {
			return nil, false
		}
		exponent, err := strconv.Atoi(rest[i+1:])
		if err != nil || exponent > maxNumericDigits || exponent < -maxNumericDigits {
			return nil, false
		}
		d.scale -= exponent
	}
	for ; d.scale < 0; d.scale++ {
		digits = append(digits, '0')
	}
	d.digits = digits
	return decimalArgument(d), true
}
