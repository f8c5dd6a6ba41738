package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/query"
)

// appender appends the value of one row of one column.
type appender func(dst []byte, i int) []byte

// style is how a value is written: quoting differs, notation does not.
type style uint8

const (
	jsonStyle style = iota
	csvStyle
	plainStyle // bare text, for the keys of maps
)

// maxSafeInteger is the largest integer that a float64 reader keeps exact,
// together with all below it.
const maxSafeInteger = 1 << 53

const sqlTypeJSON = "JSON"

// appenders binds one appender per column of b.
func appenders(dst []appender, b arrow.RecordBatch, columns []query.Column, st style) []appender {
	for i, arr := range b.Columns() {
		sqlType := ""
		if i < len(columns) {
			sqlType = columns[i].Type
		}
		dst = append(dst, newAppender(arr, sqlType, st))
	}
	return dst
}

// newAppender returns the appender for arr, whose strings are JSON if sqlType says so.
func newAppender(arr arrow.Array, sqlType string, st style) appender {
	if ext, ok := arr.(array.ExtensionArray); ok {
		if ext.ExtensionType().ExtensionName() == "arrow.json" {
			sqlType = sqlTypeJSON
		}
		arr = ext.Storage()
	}
	value := numberAppender(arr, st)
	if value == nil {
		value = temporalAppender(arr, st)
	}
	if value == nil {
		value = nestedAppender(arr, sqlType, st)
	}
	if value == nil {
		value = textAppender(arr, sqlType, st)
	}
	null := "null"
	if st == csvStyle {
		null = ""
	}
	_, allNull := arr.(*array.Null) // which has no bitmap to ask
	return func(dst []byte, i int) []byte {
		if allNull || arr.IsNull(i) {
			return append(dst, null...)
		}
		return value(dst, i)
	}
}

// numberAppender returns nil if arr holds neither numbers nor booleans.
func numberAppender(arr arrow.Array, st style) appender {
	switch a := arr.(type) {
	case *array.Boolean:
		return func(dst []byte, i int) []byte { return strconv.AppendBool(dst, a.Value(i)) }
	case *array.Int8:
		return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(a.Value(i)), 10) }
	case *array.Int16:
		return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(a.Value(i)), 10) }
	case *array.Int32:
		return func(dst []byte, i int) []byte { return strconv.AppendInt(dst, int64(a.Value(i)), 10) }
	case *array.Int64:
		return func(dst []byte, i int) []byte { return appendInt(dst, a.Value(i), st) }
	case *array.Uint8:
		return func(dst []byte, i int) []byte { return strconv.AppendUint(dst, uint64(a.Value(i)), 10) }
	case *array.Uint16:
		return func(dst []byte, i int) []byte { return strconv.AppendUint(dst, uint64(a.Value(i)), 10) }
	case *array.Uint32:
		return func(dst []byte, i int) []byte { return strconv.AppendUint(dst, uint64(a.Value(i)), 10) }
	case *array.Uint64:
		return func(dst []byte, i int) []byte { return appendUint(dst, a.Value(i), st) }
	case *array.Float32:
		return func(dst []byte, i int) []byte { return appendFloat(dst, float64(a.Value(i)), 32, st) }
	case *array.Float64:
		return func(dst []byte, i int) []byte { return appendFloat(dst, a.Value(i), 64, st) }
	default:
		return decimalAppender(arr)
	}
}

func decimalAppender(arr arrow.Array) appender {
	switch a := arr.(type) {
	case *array.Decimal32:
		scale := a.DataType().(arrow.DecimalType).GetScale()
		return func(dst []byte, i int) []byte { return appendDecimal(dst, int64(a.Value(i)), scale) }
	case *array.Decimal64:
		scale := a.DataType().(arrow.DecimalType).GetScale()
		return func(dst []byte, i int) []byte { return appendDecimal(dst, int64(a.Value(i)), scale) }
	case *array.Decimal128:
		scale := a.DataType().(arrow.DecimalType).GetScale()
		return func(dst []byte, i int) []byte {
			v := a.Value(i)
			if low := int64(v.LowBits()); v.HighBits() == low>>63 { // it fits 64 bits, as nearly all do
				return appendDecimal(dst, low, scale)
			}
			return appendBigDecimal(dst, v.BigInt(), scale)
		}
	case *array.Decimal256:
		scale := a.DataType().(arrow.DecimalType).GetScale()
		return func(dst []byte, i int) []byte { return appendBigDecimal(dst, a.Value(i).BigInt(), scale) }
	}
	return nil
}

func appendInt(dst []byte, v int64, st style) []byte {
	if st == jsonStyle && (v > maxSafeInteger || v < -maxSafeInteger) {
		return append(strconv.AppendInt(append(dst, '"'), v, 10), '"')
	}
	return strconv.AppendInt(dst, v, 10)
}

func appendUint(dst []byte, v uint64, st style) []byte {
	if st == jsonStyle && v > maxSafeInteger {
		return append(strconv.AppendUint(append(dst, '"'), v, 10), '"')
	}
	return strconv.AppendUint(dst, v, 10)
}

func appendFloat(dst []byte, v float64, bits int, st style) []byte {
	switch {
	case math.IsNaN(v):
		return appendText(dst, "NaN", st)
	case math.IsInf(v, 1):
		return appendText(dst, "Infinity", st)
	case math.IsInf(v, -1):
		return appendText(dst, "-Infinity", st)
	}
	// Digits while they are readable, exponents beyond, as JavaScript does.
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		return strconv.AppendFloat(dst, v, 'e', -1, bits)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, bits)
}

// appendDecimal appends v / 10^scale with exactly scale digits after the point.
func appendDecimal(dst []byte, v int64, scale int32) []byte {
	var digits [20]byte
	d := strconv.AppendInt(digits[:0], v, 10)
	return appendPoint(dst, d, int(scale))
}

func appendBigDecimal(dst []byte, v *big.Int, scale int32) []byte {
	return appendPoint(dst, v.Append(nil, 10), int(scale))
}

func appendPoint(dst, digits []byte, scale int) []byte {
	if scale <= 0 {
		return append(dst, digits...)
	}
	if digits[0] == '-' {
		dst, digits = append(dst, '-'), digits[1:]
	}
	whole := len(digits) - scale
	if whole <= 0 {
		dst = append(dst, '0')
	} else {
		dst = append(dst, digits[:whole]...)
	}
	dst = append(dst, '.')
	for ; whole < 0; whole++ {
		dst = append(dst, '0')
	}
	return append(dst, digits[whole:]...)
}

// textAppender is for everything else: what is no string is written as Arrow prints it.
func textAppender(arr arrow.Array, sqlType string, st style) appender {
	text := func(dst []byte, s string) []byte { return appendText(dst, s, st) }
	if sqlType == sqlTypeJSON && st == jsonStyle {
		text = appendEmbeddedJSON
	}
	switch a := arr.(type) {
	case *array.Dictionary:
		values := newAppender(a.Dictionary(), sqlType, st)
		return func(dst []byte, i int) []byte { return values(dst, a.GetValueIndex(i)) }
	case *array.FixedSizeBinary:
		if a.DataType().(*arrow.FixedSizeBinaryType).ByteWidth == 16 { // as hot batches hold a UUID
			return func(dst []byte, i int) []byte { return appendUUID(dst, a.Value(i), st) }
		}
		return func(dst []byte, i int) []byte { return appendBase64(dst, a.Value(i), st) }
	case interface {
		arrow.Array
		Value(int) string
	}:
		return func(dst []byte, i int) []byte { return text(dst, a.Value(i)) }
	case interface {
		arrow.Array
		Value(int) []byte
	}:
		return func(dst []byte, i int) []byte { return appendBase64(dst, a.Value(i), st) }
	default:
		return func(dst []byte, i int) []byte { return text(dst, arr.ValueStr(i)) }
	}
}

func appendText(dst []byte, s string, st style) []byte {
	switch st {
	case jsonStyle:
		return appendJSONString(dst, s)
	case csvStyle:
		return appendCSVField(dst, s)
	default:
		return append(dst, s...)
	}
}

// appendEmbeddedJSON appends a JSON value as itself on one line, and what
// turns out to be no JSON as a string.
func appendEmbeddedJSON(dst []byte, s string) []byte {
	out := bytes.NewBuffer(dst)
	if err := json.Compact(out, []byte(s)); err != nil {
		return appendJSONString(dst, s)
	}
	return out.Bytes()
}

func appendBase64(dst, b []byte, st style) []byte {
	if st != jsonStyle && len(b) > 0 {
		return base64.StdEncoding.AppendEncode(dst, b)
	}
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"')
}

func appendUUID(dst, b []byte, st style) []byte {
	var text [36]byte
	out := text[:0]
	for i, c := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out = append(out, '-')
		}
		out = append(out, hexDigits[c>>4], hexDigits[c&15])
	}
	return appendText(dst, string(out), st)
}
