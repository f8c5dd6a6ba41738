package batch

import (
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Child returns the builder of what a nested column is made of: of a STRUCT field
// i; of a list, with i = 0, its elements; of a MAP, with i = 0, its entries, which
// are structs of a key and a value. Values are appended to children first, and the
// value that they make is appended last: see AppendStruct, AppendList and AppendMap.
func (c *ColumnBuilder) Child(i int) *ColumnBuilder { return &c.children[i] }

// AppendStruct appends the STRUCT whose fields have been appended, one value to
// each Child. (Of a NULL the fields are NULL: AppendNull appends those as well.)
func (c *ColumnBuilder) AppendStruct() {
	if c.n >= c.room {
		c.more()
	}
	c.markValid()
}

// AppendList appends the list of what has been appended to Child(0) since the last
// value.
func (c *ColumnBuilder) AppendList() {
	if c.n >= c.room {
		c.more()
	}
	c.setOffset(c.children[0].n)
	c.markValid()
}

// AppendMap appends the MAP of the entries that have been appended to Child(0) since
// the last value. Of entries with the same key the last one counts; no key may be
// NULL.
func (c *ColumnBuilder) AppendMap() {
	first := c.offset(c.n)
	if count := c.children[0].n - first; count > 1 {
		c.children[0].dropRepeated(first)
	}
	c.AppendList()
}

// Elements returns how many elements have been appended to Child(0) since the last
// value.
func (c *ColumnBuilder) Elements() int { return c.children[0].n - c.offset(c.n) }

// offset returns where in Child(0) the elements of value i begin.
func (c *ColumnBuilder) offset(i int) int {
	if c.values == nil {
		return 0
	}
	return int(*(*int32)(unsafe.Pointer(&c.values[i*4])))
}

// fewEntries is up to how many entries of a map are compared with each other.
const fewEntries = 8

// dropRepeated removes of the entries from first on those whose key comes again
// behind them.
func (c *ColumnBuilder) dropRepeated(first int) {
	entries := c.Vector()
	keys := &entries.children[0]
	n := c.n - first
	var dropped []bool
	drop := func(i int) {
		if dropped == nil {
			dropped = make([]bool, n)
		}
		dropped[i] = true
	}
	if n <= fewEntries {
		for i := range n {
			for j := i + 1; j < n; j++ {
				if string(keys.raw(first+i)) == string(keys.raw(first+j)) {
					drop(i)
					break
				}
			}
		}
	} else {
		last := make(map[string]int, n)
		for i := range n {
			key := string(keys.raw(first + i))
			if before, ok := last[key]; ok {
				drop(before)
			}
			last[key] = i
		}
	}
	if dropped == nil {
		return
	}
	kept := newColumnBuilder(c.mem, c.typ)
	defer kept.release()
	for i := range n {
		if !dropped[i] {
			kept.AppendFrom(&entries, first+i)
		}
	}
	c.truncate(first)
	held := kept.Vector()
	for i := range kept.n {
		c.AppendFrom(&held, i)
	}
}

// raw returns the bytes of value i, which is not NULL, of a column of scalars. They
// are valid until the column changes.
func (v *Vector) raw(i int) []byte {
	switch p := v.Type.Physical(); p {
	case Bits:
		if v.Bool(i) {
			return []byte{1}
		}
		return []byte{0}
	case Bytes:
		return v.Bytes(i)
	default:
		return unsafe.Slice((*byte)(unsafe.Add(v.Values, p.Width()*i)), p.Width())
	}
}

// truncateChildren cuts what belongs to values from n on.
func (c *ColumnBuilder) truncateChildren(n int) {
	if c.phys == Elements {
		n = c.offset(n)
	}
	for i := range c.children {
		c.children[i].truncate(n)
	}
}

func (c *ColumnBuilder) finishChildren() []arrow.ArrayData {
	data := make([]arrow.ArrayData, len(c.children))
	for i := range c.children {
		child := c.children[i].finish()
		data[i] = child.Data()
		data[i].Retain()
		child.Release()
	}
	return data
}

// nest makes v the raw memory of a nested array, but for its validity.
func (v *Vector) nest(arr arrow.Array, t Type) {
	v.Values = someValues
	switch a := arr.(type) {
	case *array.Struct:
		v.children = make([]Vector, len(t.Nested.Fields))
		for i, f := range t.Nested.Fields {
			v.children[i] = VectorOf(a.Field(i), f.Type)
		}
	case array.ListLike: // a Map is one as well
		v.children = []Vector{VectorOf(a.ListValues(), t.Element())}
		if offsets := arr.Data().Buffers()[1]; offsets != nil && offsets.Len() > 0 {
			v.Offsets = unsafe.Add(unsafe.Pointer(unsafe.SliceData(offsets.Bytes())), 4*arr.Data().Offset())
		}
	}
}

// Field returns the vector of field i of a STRUCT, whose value n is that of value n.
func (v *Vector) Field(i int) *Vector { return &v.children[i] }

// List returns the elements of a list, or the entries of a MAP, and which of them
// are those of value i.
func (v *Vector) List(i int) (elements *Vector, first, after int) {
	if v.Offsets == nil {
		return &v.children[0], 0, 0
	}
	offsets := (*[2]int32)(unsafe.Add(v.Offsets, 4*i))
	return &v.children[0], int(offsets[0]), int(offsets[1])
}

// appendNested appends value row of v, which is not NULL, to a nested column of
// the same type.
func (c *ColumnBuilder) appendNested(v *Vector, row int) {
	if c.phys == Fields {
		for i := range c.children {
			c.children[i].AppendFrom(v.Field(i), row)
		}
		c.AppendStruct()
		return
	}
	elements, first, after := v.List(row)
	for i := first; i < after; i++ {
		c.children[0].AppendFrom(elements, i)
	}
	c.AppendList()
}
