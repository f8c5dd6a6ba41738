package batch

import (
	"math"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Builder grows the columns of a record batch value by value. Every column
// must receive exactly one value per row. It is not safe for concurrent use.
// Finish hands the buffers over and leaves the Builder empty and ready; the
// next round's buffers are sized like the last one's.
type Builder struct {
	schema *Schema
	mem    memory.Allocator
	cols   []ColumnBuilder
}

// NewBuilder returns a builder whose buffers come from mem.
func NewBuilder(mem memory.Allocator, schema *Schema) *Builder {
	b := &Builder{schema: schema, mem: mem, cols: make([]ColumnBuilder, len(schema.Columns))}
	for i, c := range schema.Columns {
		b.cols[i] = newColumnBuilder(mem, c.Type)
	}
	return b
}

// Schema returns the schema the builder was made for.
func (b *Builder) Schema() *Schema { return b.schema }

// Column returns the builder of column i.
func (b *Builder) Column(i int) *ColumnBuilder { return &b.cols[i] }

// Rows returns the number of whole rows: the length of the shortest column.
func (b *Builder) Rows() int {
	if len(b.cols) == 0 {
		return 0
	}
	n := b.cols[0].n
	for i := range b.cols {
		n = min(n, b.cols[i].n)
	}
	return n
}

// Bytes returns the off-heap bytes in use by values so far.
func (b *Builder) Bytes() int64 {
	var n int64
	for i := range b.cols {
		n += b.cols[i].bytes()
	}
	return n
}

func (c *ColumnBuilder) bytes() int64 {
	n := int64(c.n)*int64(c.width) + int64(c.n)/8
	switch c.phys {
	case Bytes:
		n += int64(c.n)*4 + int64(c.dataLen)
	case Elements:
		n += int64(c.n) * 4
	}
	for i := range c.children {
		n += c.children[i].bytes()
	}
	return n
}

// Truncate cuts every column back to n rows, so that a record that failed
// halfway leaves no trace.
func (b *Builder) Truncate(n int) {
	for i := range b.cols {
		b.cols[i].truncate(n)
	}
}

// Finish returns the rows as a record batch that the caller must Release, and
// empties the builder. Columns must have the same length.
func (b *Builder) Finish() arrow.RecordBatch {
	n := b.Rows()
	cols := make([]arrow.Array, len(b.cols))
	for i := range b.cols {
		cols[i] = b.cols[i].finish()
	}
	rec := array.NewRecordBatch(b.schema.arrow, cols, int64(n))
	for _, c := range cols {
		c.Release()
	}
	return rec
}

// Release frees the buffers of rows that were never finished.
func (b *Builder) Release() {
	for i := range b.cols {
		b.cols[i].release()
	}
}

// ColumnBuilder grows one column. Which Append method fits follows from the
// column type's Physical: calling another one corrupts the column.
type ColumnBuilder struct {
	mem     memory.Allocator
	typ     Type
	phys    Physical
	width   int
	n       int // values so far
	room    int // values that fit, with their validity, if that is kept
	nulls   int
	values  []byte // fixed-width values, bits, or int32 offsets (n+1 of them)
	valid   []byte // validity bits; nil while there was no NULL
	data    []byte // Bytes only: the bytes themselves
	dataLen int
	hint    int // rows of the last batch
	hintVar int // data bytes of the last batch

	children []ColumnBuilder // of a nested type, as its Children are
}

func newColumnBuilder(mem memory.Allocator, t Type) ColumnBuilder {
	p := t.Physical()
	c := ColumnBuilder{mem: mem, typ: t, phys: p, width: p.Width()}
	for _, child := range t.Children() {
		c.children = append(c.children, newColumnBuilder(mem, child.Type))
	}
	return c
}

// Type returns the column's type.
func (c *ColumnBuilder) Type() Type { return c.typ }

// Len returns the number of values so far.
func (c *ColumnBuilder) Len() int { return c.n }

// Vector returns the values so far, in place: it is valid until the next one is
// appended.
func (c *ColumnBuilder) Vector() Vector {
	v := Vector{Type: c.typ, Len: c.n}
	if c.n == 0 {
		return v
	}
	if c.nulls > 0 {
		v.valid = unsafe.Pointer(unsafe.SliceData(c.valid))
	}
	v.Values = unsafe.Pointer(unsafe.SliceData(c.values))
	switch c.phys {
	case Bytes:
		v.Offsets = v.Values
		if c.data != nil {
			v.Values = unsafe.Pointer(unsafe.SliceData(c.data))
		}
	case Fields, Elements:
		v.Offsets, v.Values = v.Values, someValues
		for i := range c.children {
			v.children = append(v.children, c.children[i].Vector())
		}
	}
	return v
}

// DataBytes returns how many bytes the values of a Bytes column have together; of a
// nested column, the most that one of those inside has.
func (c *ColumnBuilder) DataBytes() int {
	n := c.dataLen
	for i := range c.children {
		n = max(n, c.children[i].DataBytes())
	}
	return n
}

// grow makes room in buf for need bytes, zeroing what is new.
func grow(mem memory.Allocator, buf []byte, need, first int) []byte {
	if need <= len(buf) {
		return buf
	}
	size := max(2*len(buf), need, first)
	if buf == nil {
		return mem.Allocate(size)
	}
	return mem.Reallocate(size, buf)
}

// more makes room for a value in every buffer but data.
func (c *ColumnBuilder) more() {
	n, first := c.n+1, max(64, c.hint)
	switch c.phys {
	case Bits:
		c.values = grow(c.mem, c.values, (n+7)/8, first/8+1)
		c.room = 8 * len(c.values)
	case Bytes, Elements:
		c.values = grow(c.mem, c.values, 4*(n+1), 4*(first+1))
		c.room = len(c.values)/4 - 1
	case Fields:
		c.room = math.MaxInt
	default:
		c.values = grow(c.mem, c.values, n*c.width, first*c.width)
		c.room = len(c.values) / c.width
	}
	if c.valid != nil {
		c.valid = grow(c.mem, c.valid, (n+7)/8, first/8+1)
		c.room = min(c.room, 8*len(c.valid))
	}
}

func (c *ColumnBuilder) markValid() {
	if c.valid != nil {
		setBit(c.valid, c.n)
	}
	c.n++
}

func setBit(bits []byte, i int)   { bits[i>>3] |= 1 << (i & 7) }
func clearBit(bits []byte, i int) { bits[i>>3] &^= 1 << (i & 7) }

// AppendNull appends a NULL.
func (c *ColumnBuilder) AppendNull() {
	if c.valid == nil {
		c.valid = grow(c.mem, nil, c.n/8+1, max(64, c.hint)/8+1)
		for i := range c.n {
			setBit(c.valid, i)
		}
		c.room = 0
	}
	if c.n >= c.room {
		c.more()
	}
	clearBit(c.valid, c.n)
	switch c.phys {
	case Bits:
		clearBit(c.values, c.n)
	case Bytes:
		c.setOffset(c.dataLen)
	case Fields:
		for i := range c.children {
			c.children[i].AppendNull()
		}
	case Elements:
		c.setOffset(c.children[0].n)
	default:
		clear(c.values[c.n*c.width : (c.n+1)*c.width])
	}
	c.nulls++
	c.n++
}

// AppendBool appends to a Bits column.
func (c *ColumnBuilder) AppendBool(v bool) {
	if c.n >= c.room {
		c.more()
	}
	if v {
		setBit(c.values, c.n)
	} else {
		clearBit(c.values, c.n)
	}
	c.markValid()
}

// AppendInt8 appends to an Int8 column; unsigned values are converted bit for bit.
func (c *ColumnBuilder) AppendInt8(v int8) { appendFixed(c, v) }

// AppendInt16 appends to an Int16 column; unsigned values are converted bit for bit.
func (c *ColumnBuilder) AppendInt16(v int16) { appendFixed(c, v) }

// AppendInt32 appends to an Int32 column: integers, dates in days.
func (c *ColumnBuilder) AppendInt32(v int32) { appendFixed(c, v) }

// AppendInt64 appends to an Int64 column: integers, unscaled decimals, times and timestamps in microseconds.
func (c *ColumnBuilder) AppendInt64(v int64) { appendFixed(c, v) }

// AppendInt128 appends to an Int128 column: hugeints, unscaled wide decimals.
func (c *ColumnBuilder) AppendInt128(v Int128Value) { appendFixed(c, v) }

// AppendFloat32 appends to a Float32 column.
func (c *ColumnBuilder) AppendFloat32(v float32) { appendFixed(c, v) }

// AppendFloat64 appends to a Float64 column.
func (c *ColumnBuilder) AppendFloat64(v float64) { appendFixed(c, v) }

// AppendInterval appends to a MonthDayNano column. Microseconds beyond what
// int64 nanoseconds hold (±292 years) saturate.
func (c *ColumnBuilder) AppendInterval(v IntervalValue) {
	nanos := v.Micros * 1000
	if v.Micros > math.MaxInt64/1000 {
		nanos = math.MaxInt64
	} else if v.Micros < math.MinInt64/1000 {
		nanos = math.MinInt64
	}
	appendFixed(c, arrow.MonthDayNanoInterval{Months: v.Months, Days: v.Days, Nanoseconds: nanos})
}

// AppendUUID appends to a Fixed16 column.
func (c *ColumnBuilder) AppendUUID(v UUIDValue) { appendFixed(c, v) }

func appendFixed[T any](c *ColumnBuilder, v T) {
	if c.n >= c.room {
		c.more()
	}
	*(*T)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(c.values)), c.n*int(unsafe.Sizeof(v)))) = v
	c.markValid()
}

// AppendBytes copies v into a Bytes column. The caller keeps v. The bytes of a
// VARCHAR or JSON column must be valid UTF-8. A column holds at most 2 GiB.
func (c *ColumnBuilder) AppendBytes(v []byte) {
	if c.n >= c.room {
		c.more()
	}
	if need := c.dataLen + len(v); need > len(c.data) {
		c.data = grow(c.mem, c.data, need, max(1024, c.hintVar))
	}
	c.dataLen += copy(c.data[c.dataLen:], v)
	c.setOffset(c.dataLen)
	c.markValid()
}

// AppendString is AppendBytes for a string.
func (c *ColumnBuilder) AppendString(v string) {
	c.AppendBytes(unsafe.Slice(unsafe.StringData(v), len(v)))
}

// setOffset writes the end of value n.
func (c *ColumnBuilder) setOffset(end int) {
	*(*int32)(unsafe.Pointer(&c.values[(c.n+1)*4])) = int32(end)
}

func (c *ColumnBuilder) truncate(n int) {
	if c.children != nil {
		c.truncateChildren(min(n, c.n))
	}
	if n >= c.n {
		return
	}
	for i := n; i < c.n && c.valid != nil; i++ {
		if c.valid[i>>3]&(1<<(i&7)) == 0 {
			c.nulls--
		}
	}
	if c.phys == Bytes {
		c.dataLen = int(*(*int32)(unsafe.Pointer(&c.values[n*4])))
	}
	c.n = n
}

func (c *ColumnBuilder) finish() arrow.Array {
	var buffers []*memory.Buffer
	var children []arrow.ArrayData
	own := func(buf []byte, used int) *memory.Buffer {
		if buf == nil {
			return nil
		}
		b := memory.NewBufferWithAllocator(buf, c.mem)
		b.ResizeNoShrink(used)
		return b
	}
	if c.nulls == 0 && c.valid != nil {
		c.mem.Free(c.valid)
		c.valid = nil
	}
	valid := own(c.valid, (c.n+7)/8)
	switch c.phys {
	case Bits:
		buffers = []*memory.Buffer{valid, own(c.values, (c.n+7)/8)}
	case Bytes:
		if c.values == nil {
			c.values = c.mem.Allocate(4)
		}
		buffers = []*memory.Buffer{valid, own(c.values, (c.n+1)*4), own(c.data, c.dataLen)}
	case Fields:
		buffers, children = []*memory.Buffer{valid}, c.finishChildren()
	case Elements:
		if c.values == nil {
			c.values = c.mem.Allocate(4)
		}
		buffers, children = []*memory.Buffer{valid, own(c.values, (c.n+1)*4)}, c.finishChildren()
	default:
		buffers = []*memory.Buffer{valid, own(c.values, c.n*c.width)}
	}
	data := array.NewData(c.typ.Arrow(), c.n, buffers, children, c.nulls, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	for _, child := range children {
		child.Release()
	}
	arr := array.MakeFromData(data)
	data.Release()
	c.hint, c.hintVar = c.n, c.dataLen
	c.n, c.room, c.nulls, c.dataLen, c.values, c.valid, c.data = 0, 0, 0, 0, nil, nil, nil
	return arr
}

func (c *ColumnBuilder) release() {
	for _, buf := range [][]byte{c.values, c.valid, c.data} {
		if buf != nil {
			c.mem.Free(buf)
		}
	}
	for i := range c.children {
		c.children[i].release()
	}
	c.n, c.room, c.nulls, c.dataLen, c.values, c.valid, c.data = 0, 0, 0, 0, nil, nil, nil
}
