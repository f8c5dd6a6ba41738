package pgwire

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/server/pgwire/datetime"
)

// binaryAppender returns what writes an array's values in the binary format of
// the type, or nil when type and array don't go together. Here the type
// decides: the client reads what it was promised.
func (e *rowEncoder) binaryAppender(t *wireType, values arrow.Array) appender {
	if _, ok := values.(*array.Null); ok {
		return func(dst []byte, _ int) []byte { return dst }
	}
	switch t.kind {
	case kindText, kindJSON, kindChar:
		return e.textAppender(t, values)
	case kindBool:
		if a, ok := values.(*array.Boolean); ok {
			return func(dst []byte, row int) []byte {
				if a.Value(row) {
					return append(dst, 1)
				}
				return append(dst, 0)
			}
		}
	case kindInt2, kindInt4, kindInt8, kindUint4:
		return integerBinary(int(t.size), values)
	case kindFloat4, kindFloat8:
		return floatBinary(t, values)
	case kindNumeric:
		if get := decimalGetter(t, values); get != nil {
			return func(dst []byte, row int) []byte { return appendDecimalBinary(dst, get(&e.digits, row)) }
		}
	case kindDate, kindTime, kindTimeTZ, kindTimestamp, kindTimestampTZ, kindInterval:
		return timeBinary(t, values)
	case kindBytea, kindVarbit:
		return bytesBinary(t, values)
	case kindUUID:
		return e.uuidBinary(values)
	case kindRecord:
		if a, ok := values.(*array.Struct); ok {
			return e.recordBinary(t, a)
		}
	case kindArray, kindVector:
		if list, ok := values.(array.ListLike); ok {
			return e.arrayBinary(t, list)
		}
	}
	return nil
}

// integerGetter returns what reads an integer array, or nil. A UBIGINT above
// the signed range wraps; its type on the wire is numeric, which is not read
// through here.
func integerGetter(values arrow.Array) func(int) int64 {
	switch a := values.(type) {
	case *array.Int8:
		return widen(a.Int8Values())
	case *array.Int16:
		return widen(a.Int16Values())
	case *array.Int32:
		return widen(a.Int32Values())
	case *array.Int64:
		return widen(a.Int64Values())
	case *array.Uint8:
		return widen(a.Uint8Values())
	case *array.Uint16:
		return widen(a.Uint16Values())
	case *array.Uint32:
		return widen(a.Uint32Values())
	case *array.Uint64:
		return widen(a.Uint64Values())
	}
	return nil
}

func widen[T integer](values []T) func(int) int64 {
	return func(row int) int64 { return int64(values[row]) }
}

// integerBinary writes integers that fit into size bytes.
func integerBinary(size int, values arrow.Array) appender {
	switch a := values.(type) {
	case *array.Int8:
		return bigEndian(size, a.Int8Values())
	case *array.Int16:
		return bigEndian(size, a.Int16Values())
	case *array.Int32:
		return bigEndian(size, a.Int32Values())
	case *array.Int64:
		return bigEndian(size, a.Int64Values())
	case *array.Uint8:
		return bigEndian(size, a.Uint8Values())
	case *array.Uint16:
		return bigEndian(size, a.Uint16Values())
	case *array.Uint32:
		return bigEndian(size, a.Uint32Values())
	case *array.Uint64:
		return bigEndian(size, a.Uint64Values())
	}
	return nil
}

func bigEndian[T integer](size int, values []T) appender {
	switch size {
	case 2:
		return func(dst []byte, row int) []byte { return binary.BigEndian.AppendUint16(dst, uint16(values[row])) }
	case 4:
		return func(dst []byte, row int) []byte { return binary.BigEndian.AppendUint32(dst, uint32(values[row])) }
	default:
		return func(dst []byte, row int) []byte { return binary.BigEndian.AppendUint64(dst, uint64(values[row])) }
	}
}

func floatBinary(t *wireType, values arrow.Array) appender {
	double := t.kind == kindFloat8
	switch a := values.(type) {
	case *array.Float32:
		if double {
			return func(dst []byte, row int) []byte {
				return binary.BigEndian.AppendUint64(dst, math.Float64bits(float64(a.Value(row))))
			}
		}
		return func(dst []byte, row int) []byte {
			return binary.BigEndian.AppendUint32(dst, math.Float32bits(a.Value(row)))
		}
	case *array.Float64:
		if double {
			return func(dst []byte, row int) []byte {
				return binary.BigEndian.AppendUint64(dst, math.Float64bits(a.Value(row)))
			}
		}
		return func(dst []byte, row int) []byte {
			return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(a.Value(row))))
		}
	}
	return nil
}

func timeBinary(t *wireType, values arrow.Array) appender {
	switch a := values.(type) {
	case *array.Date32:
		if t.kind == kindDate {
			return func(dst []byte, row int) []byte {
				return binary.BigEndian.AppendUint32(dst, uint32(datetime.WireDays(int32(a.Value(row)))))
			}
		}
	case *array.Time32, *array.Time64:
		micros := timeGetter(values)
		switch t.kind {
		case kindTime:
			return func(dst []byte, row int) []byte { return binary.BigEndian.AppendUint64(dst, uint64(micros(row))) }
		case kindTimeTZ:
			return func(dst []byte, row int) []byte {
				dst = binary.BigEndian.AppendUint64(dst, uint64(micros(row)))
				return append(dst, 0, 0, 0, 0)
			}
		}
	case *array.Timestamp:
		if t.kind == kindTimestamp || t.kind == kindTimestampTZ {
			perSecond := unitsPerSecond(a.DataType().(*arrow.TimestampType).Unit)
			return func(dst []byte, row int) []byte {
				return binary.BigEndian.AppendUint64(dst, uint64(datetime.WireMicros(datetime.MicrosFrom(int64(a.Value(row)), perSecond))))
			}
		}
	case *array.MonthDayNanoInterval:
		if t.kind == kindInterval {
			return func(dst []byte, row int) []byte {
				v := intervalOf(a.Value(row))
				dst = binary.BigEndian.AppendUint64(dst, uint64(v.Micros))
				dst = binary.BigEndian.AppendUint32(dst, uint32(v.Days))
				return binary.BigEndian.AppendUint32(dst, uint32(v.Months))
			}
		}
	}
	return nil
}

func bytesBinary(t *wireType, values arrow.Array) appender {
	a, ok := values.(bytesArray)
	if !ok {
		return nil
	}
	if t.kind == kindBytea {
		return func(dst []byte, row int) []byte { return append(dst, a.Value(row)...) }
	}
	return func(dst []byte, row int) []byte {
		length := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		bits := uint32(0)
		var octet byte
		v := a.Value(row)
		// DuckDB pads at the front, PostgreSQL at the end.
		for i := paddingBits(v); i < 8*(len(v)-1); i++ {
			octet = octet<<1 | v[1+i/8]>>(7-i%8)&1
			if bits++; bits%8 == 0 {
				dst = append(dst, octet)
			}
		}
		if bits%8 != 0 {
			dst = append(dst, octet<<(8-bits%8))
		}
		binary.BigEndian.PutUint32(dst[length:], bits)
		return dst
	}
}

func paddingBits(v []byte) int {
	if len(v) == 0 {
		return 0
	}
	return int(v[0])
}

// uuidBinary reads UUIDs from their text, as DuckDB exports them, or bytes.
func (e *rowEncoder) uuidBinary(values arrow.Array) appender {
	switch a := values.(type) {
	case stringArray:
		return func(dst []byte, row int) []byte {
			u, ok := parseUUID(a.Value(row))
			if !ok {
				e.err = query.Errorf(query.CodeInternal, "a UUID has an invalid text")
			}
			return append(dst, u[:]...)
		}
	case bytesArray:
		return func(dst []byte, row int) []byte {
			var u batch.UUIDValue
			copy(u[:], a.Value(row))
			return append(dst, u[:]...)
		}
	}
	return nil
}

// parseUUID reads 32 hexadecimal digits with hyphens anywhere between, in
// braces or not.
func parseUUID(s string) (u batch.UUIDValue, ok bool) {
	if len(s) > 2 && s[0] == '{' && s[len(s)-1] == '}' {
		s = s[1 : len(s)-1]
	}
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		var digit byte
		switch {
		case c == '-':
			continue
		case c >= '0' && c <= '9':
			digit = c - '0'
		case c >= 'a' && c <= 'f':
			digit = c - 'a' + 10
		case c >= 'A' && c <= 'F':
			digit = c - 'A' + 10
		default:
			return u, false
		}
		if n == 32 {
			return u, false
		}
		u[n/2] = u[n/2]<<4 | digit
		n++
	}
	return u, n == 32
}
