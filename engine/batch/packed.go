package batch

import (
	"encoding/binary"
	"math"
)

// AppendPacked appends the bytes of value row, which is not NULL, of a column of a
// nested type: the form in which the state of views has it. With canonical, two values
// have the same bytes just when SQL calls them the same: zeros of both signs are one,
// and so are all NaNs. INTERVALs have no such form: what is equal may be written in
// several ways.
func (v *Vector) AppendPacked(to []byte, row int, canonical bool) []byte {
	switch v.Type.Physical() {
	case Fields:
		for i := range v.children {
			to = v.children[i].appendPart(to, row, canonical)
		}
	case Elements:
		elements, first, after := v.List(row)
		to = binary.AppendUvarint(to, uint64(after-first))
		for i := first; i < after; i++ {
			to = elements.appendPart(to, i, canonical)
		}
	case Bytes:
		b := v.Bytes(row)
		to = append(binary.AppendUvarint(to, uint64(len(b))), b...)
	case Bits:
		if v.Bool(row) {
			return append(to, 1)
		}
		return append(to, 0)
	case Float32:
		f := At[float32](v, row)
		if canonical && f == 0 {
			f = 0 // the positive one: 0 == -0 in SQL as in Go
		} else if canonical && f != f {
			f = float32(math.NaN())
		}
		to = binary.LittleEndian.AppendUint32(to, math.Float32bits(f))
	case Float64:
		f := At[float64](v, row)
		if canonical && f == 0 {
			f = 0
		} else if canonical && f != f {
			f = math.NaN()
		}
		to = binary.LittleEndian.AppendUint64(to, math.Float64bits(f))
	default:
		to = append(to, v.raw(row)...)
	}
	return to
}

// appendPart appends a value that may be NULL: a byte that says whether it is, and
// the value.
func (v *Vector) appendPart(to []byte, row int, canonical bool) []byte {
	if v.Null(row) {
		return append(to, 0)
	}
	return v.AppendPacked(append(to, 1), row, canonical)
}

// AppendPacked appends the value of the column's type that Vector.AppendPacked has
// packed. It panics if the bytes are none.
func (c *ColumnBuilder) AppendPacked(packed []byte) {
	if rest := c.appendPacked(packed); len(rest) > 0 {
		panic("a packed value has bytes behind it")
	}
}

// appendPacked appends the value that the bytes begin with and returns what is behind.
func (c *ColumnBuilder) appendPacked(packed []byte) []byte {
	switch c.phys {
	case Fields:
		for i := range c.children {
			packed = c.children[i].appendPart(packed)
		}
		c.AppendStruct()
		return packed
	case Elements:
		n, used := binary.Uvarint(packed)
		packed = packed[used:]
		for range n {
			packed = c.children[0].appendPart(packed)
		}
		c.AppendList() // keys of a MAP are there once
		return packed
	case Bytes:
		n, used := binary.Uvarint(packed)
		packed = packed[used:]
		c.AppendBytes(packed[:n])
		return packed[n:]
	case Bits:
		c.AppendBool(packed[0] != 0)
		return packed[1:]
	}
	if c.n >= c.room {
		c.more()
	}
	copy(c.values[c.n*c.width:], packed[:c.width])
	c.markValid()
	return packed[c.width:]
}

func (c *ColumnBuilder) appendPart(packed []byte) []byte {
	if packed[0] == 0 {
		c.AppendNull()
		return packed[1:]
	}
	return c.appendPacked(packed[1:])
}
