package pgwire

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/server/pgwire/datetime"
)

// stringArray is what the string arrays of Arrow have in common.
type stringArray interface{ Value(int) string }

// bytesArray is what the binary arrays of Arrow have in common.
type bytesArray interface{ Value(int) []byte }

// textAppender returns what writes an array's values in the text format, or
// nil when type and array don't go together. The array decides more than the
// type, because every value has a text.
func (e *rowEncoder) textAppender(t *wireType, values arrow.Array) appender {
	switch a := values.(type) {
	case *array.Null:
		return func(dst []byte, _ int) []byte { return dst }
	case *array.Boolean:
		return func(dst []byte, row int) []byte {
			if a.Value(row) {
				return append(dst, 't')
			}
			return append(dst, 'f')
		}
	case *array.Int8, *array.Int16, *array.Int32, *array.Int64, *array.Uint8, *array.Uint16, *array.Uint32, *array.Uint64:
		return integerText(t, values)
	case *array.Float32:
		return func(dst []byte, row int) []byte { return appendFloat(dst, float64(a.Value(row)), 32) }
	case *array.Float64:
		return func(dst []byte, row int) []byte { return appendFloat(dst, a.Value(row), 64) }
	case *array.Decimal32, *array.Decimal64, *array.Decimal128, *array.Decimal256:
		return e.decimalText(t, values)
	case *array.Dictionary:
		return e.dictionaryAppender(t, a, e.textAppender)
	case *array.MonthDayNanoInterval:
		return func(dst []byte, row int) []byte { return datetime.AppendInterval(dst, intervalOf(a.Value(row))) }
	case *array.List, *array.LargeList, *array.FixedSizeList, *array.ListView, *array.LargeListView:
		switch t.kind {
		case kindArray:
			return e.arrayText(t, values.(array.ListLike))
		case kindVector:
			return e.vectorText(t, values.(array.ListLike))
		}
		return e.jsonAppender(t, values)
	case *array.Struct:
		if t.kind == kindRecord {
			return e.recordText(t, a)
		}
		return e.jsonAppender(t, values)
	case *array.Map, *array.SparseUnion, *array.DenseUnion:
		return e.jsonAppender(t, values)
	}
	if a := timeText(t, values, e); a != nil {
		return a
	}
	return e.bytesText(t, values)
}

// bytesText writes strings and byte strings.
func (e *rowEncoder) bytesText(t *wireType, values arrow.Array) appender {
	switch a := values.(type) {
	case stringArray:
		return func(dst []byte, row int) []byte { return e.appendString(dst, a.Value(row)) }
	case bytesArray:
		switch t.kind {
		case kindBytea:
			return func(dst []byte, row int) []byte {
				return hex.AppendEncode(append(dst, '\\', 'x'), a.Value(row))
			}
		case kindVarbit:
			return func(dst []byte, row int) []byte { return appendBits(dst, a.Value(row)) }
		case kindNumeric:
			return func(dst []byte, row int) []byte { return appendDecimalText(dst, decimalFromBignum(a.Value(row))) }
		case kindUUID:
			return func(dst []byte, row int) []byte {
				var u batch.UUIDValue
				copy(u[:], a.Value(row))
				return appendUUID(dst, u)
			}
		case kindText, kindJSON:
			return func(dst []byte, row int) []byte { return e.appendString(dst, string(a.Value(row))) }
		}
	}
	return nil
}

// appendString appends a text. PostgreSQL's texts hold no NUL, and clients
// written in C would cut the value there, so that is an error.
func (e *rowEncoder) appendString(dst []byte, s string) []byte {
	if strings.IndexByte(s, 0) >= 0 {
		e.err = query.Errorf(codeUntranslatable, "a text with a NUL byte can't be sent to the client").
			WithHint("cast the value to BLOB")
	}
	return append(dst, s...)
}

// timeText writes dates and times; nil for other arrays.
func timeText(t *wireType, values arrow.Array, e *rowEncoder) appender {
	switch a := values.(type) {
	case *array.Date32:
		return func(dst []byte, row int) []byte { return datetime.AppendDate(dst, int32(a.Value(row))) }
	case *array.Time32, *array.Time64:
		micros := timeGetter(values)
		zoned := t.kind == kindTimeTZ
		return func(dst []byte, row int) []byte {
			dst = datetime.AppendTime(dst, micros(row))
			if zoned {
				// Arrow carries no zone for DuckDB's TIMETZ.
				dst = append(dst, "+00"...)
			}
			return dst
		}
	case *array.Timestamp:
		perSecond := unitsPerSecond(a.DataType().(*arrow.TimestampType).Unit)
		zone := e.zone
		if t.kind == kindTimestamp {
			zone = nil
		}
		return func(dst []byte, row int) []byte {
			return datetime.AppendTimestamp(dst, datetime.MicrosFrom(int64(a.Value(row)), perSecond), zone)
		}
	}
	return nil
}

func unitsPerSecond(u arrow.TimeUnit) int64 {
	switch u {
	case arrow.Second:
		return 1
	case arrow.Millisecond:
		return 1_000
	case arrow.Nanosecond:
		return 1_000_000_000
	default:
		return datetime.MicrosPerSecond
	}
}

// timeGetter returns what reads the microseconds since midnight.
func timeGetter(values arrow.Array) func(int) int64 {
	switch a := values.(type) {
	case *array.Time32:
		perSecond := unitsPerSecond(a.DataType().(*arrow.Time32Type).Unit)
		return func(row int) int64 { return datetime.MicrosFrom(int64(a.Value(row)), perSecond) }
	case *array.Time64:
		perSecond := unitsPerSecond(a.DataType().(*arrow.Time64Type).Unit)
		return func(row int) int64 { return datetime.MicrosFrom(int64(a.Value(row)), perSecond) }
	}
	return nil
}

// integer is every type of Arrow's integer arrays.
type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

func integerText(t *wireType, values arrow.Array) appender {
	if t.kind == kindChar {
		get := integerGetter(values)
		return func(dst []byte, row int) []byte { return append(dst, byte(get(row))) }
	}
	switch a := values.(type) {
	case *array.Int8:
		return signedText(a.Int8Values())
	case *array.Int16:
		return signedText(a.Int16Values())
	case *array.Int32:
		return signedText(a.Int32Values())
	case *array.Int64:
		return signedText(a.Int64Values())
	case *array.Uint8:
		return signedText(a.Uint8Values())
	case *array.Uint16:
		return signedText(a.Uint16Values())
	case *array.Uint32:
		return signedText(a.Uint32Values())
	case *array.Uint64:
		return func(dst []byte, row int) []byte { return strconv.AppendUint(dst, a.Value(row), 10) }
	}
	return nil
}

// signedText is for types whose values all fit into an int64.
func signedText[T integer](values []T) appender {
	return func(dst []byte, row int) []byte { return strconv.AppendInt(dst, int64(values[row]), 10) }
}

func (e *rowEncoder) decimalText(t *wireType, values arrow.Array) appender {
	get := decimalGetter(t, values)
	return func(dst []byte, row int) []byte { return appendDecimalText(dst, get(&e.digits, row)) }
}

// decimalGetter returns what reads a number's digits, using buf where it can;
// nil for arrays that hold no exact numbers.
func decimalGetter(t *wireType, values arrow.Array) func(buf *[40]byte, row int) decimal {
	switch a := values.(type) {
	case *array.Decimal32:
		scale := int(a.DataType().(arrow.DecimalType).GetScale())
		return func(buf *[40]byte, row int) decimal {
			d := decimalFromInt(buf, int64(a.Value(row)))
			d.scale = scale
			return d
		}
	case *array.Decimal64:
		scale := int(a.DataType().(arrow.DecimalType).GetScale())
		return func(buf *[40]byte, row int) decimal {
			d := decimalFromInt(buf, int64(a.Value(row)))
			d.scale = scale
			return d
		}
	case *array.Decimal128:
		scale := int(a.DataType().(arrow.DecimalType).GetScale())
		unsigned := t.unsigned
		return func(buf *[40]byte, row int) decimal { return decimalFrom128(buf, a.Value(row), unsigned, scale) }
	case *array.Decimal256:
		scale := int(a.DataType().(arrow.DecimalType).GetScale())
		return func(_ *[40]byte, row int) decimal {
			v := a.Value(row).BigInt()
			return decimal{negative: v.Sign() < 0, digits: v.Abs(v).Append(nil, 10), scale: scale}
		}
	case *array.Uint64:
		return func(buf *[40]byte, row int) decimal {
			return decimalFrom128(buf, decimal128.New(0, a.Value(row)), true, 0)
		}
	case *array.Int8, *array.Int16, *array.Int32, *array.Int64, *array.Uint8, *array.Uint16, *array.Uint32:
		get := integerGetter(values)
		return func(buf *[40]byte, row int) decimal { return decimalFromInt(buf, get(row)) }
	case bytesArray:
		return func(_ *[40]byte, row int) decimal { return decimalFromBignum(a.Value(row)) }
	}
	return nil
}

// dictionaryAppender writes through the indices of an ENUM's dictionary.
func (e *rowEncoder) dictionaryAppender(t *wireType, a *array.Dictionary, of func(*wireType, arrow.Array) appender) appender {
	value := of(t, a.Dictionary())
	if value == nil {
		return nil
	}
	return func(dst []byte, row int) []byte { return value(dst, a.GetValueIndex(row)) }
}

func intervalOf(v arrow.MonthDayNanoInterval) batch.IntervalValue {
	return batch.IntervalValue{Months: v.Months, Days: v.Days, Micros: datetime.FloorDiv(v.Nanoseconds, 1_000)}
}

// appendFloat appends the shortest digits that give the same float, with an
// exponent where PostgreSQL has one: below 1e-4 and from 1e15 (1e6 for real).
func appendFloat(dst []byte, v float64, bitSize int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	large := 1e15
	if bitSize == 32 {
		large = 1e6
	}
	if magnitude := math.Abs(v); magnitude != 0 && (magnitude < 1e-4 || magnitude >= large) {
		return strconv.AppendFloat(dst, v, 'e', -1, bitSize)
	}
	return strconv.AppendFloat(dst, v, 'f', -1, bitSize)
}

// appendBits appends DuckDB's BIT, whose first byte counts the padding bits at
// the front of the second, as 0s and 1s.
func appendBits(dst, v []byte) []byte {
	if len(v) == 0 {
		return dst
	}
	padding := int(v[0])
	for i := padding; i < 8*(len(v)-1); i++ {
		dst = append(dst, '0'+v[1+i/8]>>(7-i%8)&1)
	}
	return dst
}

// appendUUID appends the canonical 8-4-4-4-12 form.
func appendUUID(dst []byte, u batch.UUIDValue) []byte {
	start := 0
	for _, end := range [...]int{4, 6, 8, 10, 16} {
		if start > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, u[start:end])
		start = end
	}
	return dst
}

// appendQuoted rewrites dst from start on, a value's text, with what needs a
// backslash escaped and in double quotes.
func appendQuoted(dst []byte, start int) []byte {
	escapes := bytes.Count(dst[start:], []byte{'"'}) + bytes.Count(dst[start:], []byte{'\\'})
	text := dst[start:]
	for range escapes + 2 {
		dst = append(dst, 0)
	}
	// From the end, so that nothing is overwritten before it is moved.
	out := len(dst) - 1
	dst[out] = '"'
	for i := len(text) - 1; i >= 0; i-- {
		out--
		dst[out] = dst[start+i]
		if c := dst[out]; c == '"' || c == '\\' {
			out--
			dst[out] = '\\'
		}
	}
	dst[start] = '"'
	return dst
}
