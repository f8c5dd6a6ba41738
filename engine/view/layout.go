package view

import (
	"hash/maphash"
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// stateColumn is one column of a group's state in a block of memory.
type stateColumn struct {
	typ      batch.Type
	width    int
	nullable bool
	value    int // where in a row it is, in bytes
	valid    int // where the byte is that says whether the value is valid, of a nullable column
}

// blockLayout is columns of a block, all or some of them. A block is rows, one for each
// group, whose values lie side by side: a group that is in no cache costs one
// miss, and not one for each column.
type blockLayout struct {
	columns []stateColumn
	stride  int // bytes a row
}

const (
	// rowAlignment is what rows, and values of that width and above, begin at a multiple of.
	rowAlignment = 8
	// cacheLine is what memory is fetched by, and blocks begin at a multiple of.
	cacheLine = 64
)

func (l *blockLayout) add(t batch.Type, width int, nullable bool) {
	l.columns = append(l.columns, stateColumn{typ: t, width: width, nullable: nullable})
}

// arrange gives the columns of layouts that share their blocks places in a row, once all
// are there: the wide ones come first, so that all are aligned, and the bytes that say what
// is valid last. Rows that nearly fill their cache lines fill them.
func arrange(layouts ...*blockLayout) {
	stride := 0
	each := func(f func(c *stateColumn)) {
		for _, l := range layouts {
			for i := range l.columns {
				f(&l.columns[i])
			}
		}
	}
	for _, width := range []int{16, 8, 4, 2, 1} {
		each(func(c *stateColumn) {
			if c.width == width {
				c.value = stride
				stride += width
			}
		})
	}
	each(func(c *stateColumn) {
		if c.nullable {
			c.valid = stride
			stride++
		}
	})
	stride = (stride + rowAlignment - 1) &^ (rowAlignment - 1)
	if stride%cacheLine == cacheLine-rowAlignment {
		stride += rowAlignment
	}
	for _, l := range layouts {
		l.stride = stride
	}
}

// allocate returns a zeroed block of so many rows.
func (l *blockLayout) allocate(mem *batch.Allocator, rows int) []byte {
	return mem.Allocate(max(1, l.stride*rows))
}

// stateWidth returns the bytes that a value takes in a page: as in a batch, but
// booleans a byte and strings a handle.
func stateWidth(t batch.Type) int {
	switch p := t.Physical(); p {
	case batch.Bits:
		return 1
	case batch.Bytes:
		return 16
	default:
		return p.Width()
	}
}

// value returns where a row's value is.
func (l *blockLayout) value(block unsafe.Pointer, column, row int) unsafe.Pointer {
	return unsafe.Add(block, l.stride*row+l.columns[column].value)
}

// valid returns where it says whether a row's value is valid, in a nullable column.
func (l *blockLayout) valid(block unsafe.Pointer, column, row int) *bool {
	return (*bool)(unsafe.Add(block, l.stride*row+l.columns[column].valid))
}

// cell describes a column of a block, from a row on, to DuckDB.
func (l *blockLayout) cell(block unsafe.Pointer, column, row int) duck.Cell {
	c := l.columns[column]
	cell := duck.Cell{Data: l.value(block, column, row), Width: c.width, Stride: l.stride, Layout: duck.StateLayout(c.typ)}
	if c.nullable {
		cell.Validity, cell.Valid = duck.Bytes, unsafe.Pointer(l.valid(block, column, row))
	}
	return cell
}

// accumulators returns the columns of a layout for aggregates, over its pages.
func (l *blockLayout) accumulators(pages []unsafe.Pointer) []aggregate.Column {
	columns := make([]aggregate.Column, len(l.columns))
	for i, c := range l.columns {
		columns[i] = aggregate.Column{Pages: pages, Stride: l.stride, Value: c.value, Valid: c.valid}
	}
	return columns
}

// store writes value row of v to the address to.
func store(to unsafe.Pointer, v *batch.Vector, row int, arena *aggregate.Arena) {
	switch v.Type.Physical() {
	case batch.Bits:
		*(*bool)(to) = v.Bool(row)
	case batch.Int8:
		*(*int8)(to) = batch.At[int8](v, row)
	case batch.Int16:
		*(*int16)(to) = batch.At[int16](v, row)
	case batch.Int32, batch.Float32:
		*(*int32)(to) = batch.At[int32](v, row)
	case batch.Int64, batch.Float64:
		*(*int64)(to) = batch.At[int64](v, row)
	case batch.Bytes:
		*(*aggregate.StringHandle)(to) = arena.Handle(v.Bytes(row))
	default:
		*(*[2]uint64)(to) = batch.At[[2]uint64](v, row)
	}
}

// equal reports whether the value at held is value row of v, as GROUP BY sees
// it: NaN equals NaN and 0 equals -0.
func equal(held unsafe.Pointer, v *batch.Vector, row int) bool {
	switch v.Type.Physical() {
	case batch.Bits:
		return *(*bool)(held) == v.Bool(row)
	case batch.Int8:
		return *(*int8)(held) == batch.At[int8](v, row)
	case batch.Int16:
		return *(*int16)(held) == batch.At[int16](v, row)
	case batch.Int32:
		return *(*int32)(held) == batch.At[int32](v, row)
	case batch.Int64:
		return *(*int64)(held) == batch.At[int64](v, row)
	case batch.Float32:
		return batch.CompareFloat(float64(*(*float32)(held)), float64(batch.At[float32](v, row))) == 0
	case batch.Float64:
		return batch.CompareFloat(*(*float64)(held), batch.At[float64](v, row)) == 0
	case batch.Bytes:
		return (*aggregate.StringHandle)(held).Equal(v.Bytes(row))
	default:
		return *(*[2]uint64)(held) == batch.At[[2]uint64](v, row)
	}
}

// appendTo copies the value at held to a builder's column of the same type, or of the
// nested type whose bytes it is.
func appendTo(c *batch.ColumnBuilder, held unsafe.Pointer) {
	switch c.Type().Physical() {
	case batch.Bits:
		c.AppendBool(*(*bool)(held))
	case batch.Int8:
		c.AppendInt8(*(*int8)(held))
	case batch.Int16:
		c.AppendInt16(*(*int16)(held))
	case batch.Int32:
		c.AppendInt32(*(*int32)(held))
	case batch.Int64:
		c.AppendInt64(*(*int64)(held))
	case batch.Float32:
		c.AppendFloat32(*(*float32)(held))
	case batch.Float64:
		c.AppendFloat64(*(*float64)(held))
	case batch.Int128:
		c.AppendInt128(*(*batch.Int128Value)(held))
	case batch.Bytes:
		c.AppendBytes((*aggregate.StringHandle)(held).Bytes())
	case batch.MonthDayNano:
		v := *(*[2]uint64)(held)
		c.AppendInterval(batch.IntervalValue{Months: int32(v[0]), Days: int32(v[0] >> 32), Micros: int64(v[1]) / 1000})
	case batch.Fixed16:
		c.AppendUUID(*(*batch.UUIDValue)(held))
	default: // a nested type, of which the state has the bytes
		c.AppendPacked((*aggregate.StringHandle)(held).Bytes())
	}
}

// hashHeld folds the value at held into a hash, as hashColumn does with a
// batch's value.
func hashHeld(h uint64, held unsafe.Pointer, t batch.Type) uint64 {
	switch t.Physical() {
	case batch.Bits:
		if *(*bool)(held) {
			return mix(h, 2)
		}
		return mix(h, 1)
	case batch.Float32:
		return mix(h, floatBits(float64(*(*float32)(held))))
	case batch.Float64:
		return mix(h, floatBits(*(*float64)(held)))
	case batch.Bytes:
		return mix(h, maphash.Bytes(seed, (*aggregate.StringHandle)(held).Bytes()))
	case batch.Int128, batch.Fixed16, batch.MonthDayNano:
		words := *(*[2]uint64)(held)
		return mix(mix(h, words[0]), words[1])
	default:
		v := batch.Vector{Type: t, Values: held}
		return mix(h, uint64(v.Integer(0)))
	}
}

// equalHeld reports whether two state values are one group's, as equal does.
func equalHeld(a, b unsafe.Pointer, t batch.Type) bool {
	switch t.Physical() {
	case batch.Bits, batch.Int8:
		return *(*int8)(a) == *(*int8)(b)
	case batch.Int16:
		return *(*int16)(a) == *(*int16)(b)
	case batch.Int32:
		return *(*int32)(a) == *(*int32)(b)
	case batch.Int64:
		return *(*int64)(a) == *(*int64)(b)
	case batch.Float32:
		return batch.CompareFloat(float64(*(*float32)(a)), float64(*(*float32)(b))) == 0
	case batch.Float64:
		return batch.CompareFloat(*(*float64)(a), *(*float64)(b)) == 0
	case batch.Bytes:
		return (*aggregate.StringHandle)(a).Equal((*aggregate.StringHandle)(b).Bytes())
	default:
		return *(*[2]uint64)(a) == *(*[2]uint64)(b)
	}
}
