package batch

import (
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
)

// Vector is a column's raw memory, for loops that can't afford an interface
// call per value. It borrows the array's buffers.
type Vector struct {
	Type    Type
	Len     int
	Values  unsafe.Pointer // of the type's Physical layout; nil when every value is NULL
	Offsets unsafe.Pointer // Bytes and Elements only: int32 offsets
	valid   unsafe.Pointer // validity bits, nil without NULLs
	bit     int            // bit offset of value 0 in valid and in Bits values

	children []Vector // of a nested type: the fields, whose value i is that of the struct i; or the elements
}

// someValues is where the values of nested types are, which have none of their own.
var someValues = unsafe.Pointer(new(byte))

// VectorOf returns the raw memory of an array in t's Arrow form.
func VectorOf(arr arrow.Array, t Type) Vector {
	data := arr.Data()
	buffers, offset := data.Buffers(), data.Offset()
	v := Vector{Type: t, Len: arr.Len(), bit: offset}
	if data.NullN() != 0 && buffers[0] != nil {
		v.valid = unsafe.Pointer(unsafe.SliceData(buffers[0].Bytes()))
	}
	if t.Nested != nil {
		v.nest(arr, t)
		return v
	}
	if v.Len == 0 || buffers[1] == nil {
		return v
	}
	values := unsafe.Pointer(unsafe.SliceData(buffers[1].Bytes()))
	switch p := t.Physical(); p {
	case Bits:
		v.Values = values
	case Bytes:
		v.Offsets = unsafe.Add(values, 4*offset)
		v.Values = values // never nil, so that an all-empty column is not taken for NULLs
		if buffers[2] != nil && buffers[2].Len() > 0 {
			v.Values = unsafe.Pointer(unsafe.SliceData(buffers[2].Bytes()))
		}
	default:
		v.Values = unsafe.Add(values, p.Width()*offset)
	}
	return v
}

// HasNulls reports whether any value may be NULL.
func (v *Vector) HasNulls() bool { return v.valid != nil || v.Values == nil }

// Null reports whether value i is NULL.
func (v *Vector) Null(i int) bool {
	if v.valid == nil {
		return v.Values == nil
	}
	i += v.bit
	return *(*byte)(unsafe.Add(v.valid, i>>3))&(1<<(i&7)) == 0
}

// Bool returns value i of a Bits column, which must not be NULL.
func (v *Vector) Bool(i int) bool {
	i += v.bit
	return *(*byte)(unsafe.Add(v.Values, i>>3))&(1<<(i&7)) != 0
}

// Int64 returns value i of an Int64 column.
func (v *Vector) Int64(i int) int64 { return *(*int64)(unsafe.Add(v.Values, 8*i)) }

// Bytes returns value i of a Bytes column, in place.
func (v *Vector) Bytes(i int) []byte {
	offsets := (*[2]int32)(unsafe.Add(v.Offsets, 4*i))
	return unsafe.Slice((*byte)(unsafe.Add(v.Values, offsets[0])), offsets[1]-offsets[0])
}

// At returns value i of a fixed-width column as T, which must have its width.
func At[T any](v *Vector, i int) T {
	var zero T
	return *(*T)(unsafe.Add(v.Values, int(unsafe.Sizeof(zero))*i))
}

// Integer returns value i of any integer column, of a date, time, timestamp or
// narrow decimal, as int64. A UBIGINT beyond int64 wraps.
func (v *Vector) Integer(i int) int64 {
	switch v.Type.Physical() {
	case Int8:
		if v.Type.Kind == UTinyInt {
			return int64(At[uint8](v, i))
		}
		return int64(At[int8](v, i))
	case Int16:
		if v.Type.Kind == USmallInt {
			return int64(At[uint16](v, i))
		}
		return int64(At[int16](v, i))
	case Int32:
		if v.Type.Kind == UInteger {
			return int64(At[uint32](v, i))
		}
		return int64(At[int32](v, i))
	default:
		return At[int64](v, i)
	}
}

// Float returns value i of a REAL or DOUBLE column.
func (v *Vector) Float(i int) float64 {
	if v.Type.Kind == Real {
		return float64(At[float32](v, i))
	}
	return At[float64](v, i)
}

// CompareFloat orders floats as DuckDB does: NaN equals itself and is greater
// than every other number.
func CompareFloat(a, b float64) int {
	switch aNaN, bNaN := math.IsNaN(a), math.IsNaN(b); {
	case aNaN && bNaN:
		return 0
	case aNaN:
		return 1
	case bNaN:
		return -1
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// AppendFrom appends value row of v to a column of the same type.
func (c *ColumnBuilder) AppendFrom(v *Vector, row int) {
	if v.Null(row) {
		c.AppendNull()
		return
	}
	switch c.phys {
	case Bits:
		c.AppendBool(v.Bool(row))
	case Bytes:
		c.AppendBytes(v.Bytes(row))
	case Fields, Elements:
		c.appendNested(v, row)
	case Int8:
		c.AppendInt8(At[int8](v, row))
	case Int16:
		c.AppendInt16(At[int16](v, row))
	case Int32, Float32:
		appendFixed(c, At[int32](v, row))
	case Int64, Float64:
		appendFixed(c, At[int64](v, row))
	default:
		appendFixed(c, At[[2]uint64](v, row))
	}
}
