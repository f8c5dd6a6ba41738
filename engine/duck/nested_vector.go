package duck

import (
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/millstream-db/millstream/engine/batch"
)

// appendStructs is appendVector for STRUCTs.
func appendStructs(c *batch.ColumnBuilder, vec mapping.Vector, mask *uint64, from, n int) error {
	fields := len(c.Type().Children())
	for i := from; i < from+n; {
		if isNull(mask, i) {
			c.AppendNull()
			i++
			continue
		}
		run := i + 1
		for run < from+n && !isNull(mask, run) {
			run++
		}
		for f := range fields {
			if err := appendVector(c.Child(f), mapping.StructVectorGetChild(vec, mapping.IdxT(f)), i, run-i); err != nil {
				return err
			}
		}
		for ; i < run; i++ {
			c.AppendStruct()
		}
	}
	return nil
}

// listEntry is where the elements of a list are in the vector of all of them.
type listEntry struct{ offset, length uint64 }

// appendLists is appendVector for lists and MAPs.
func appendLists(c *batch.ColumnBuilder, vec mapping.Vector, mask *uint64, from, n int) error {
	entries := unsafe.Slice((*listEntry)(mapping.VectorGetData(vec)), from+n)
	elements := mapping.ListVectorGetChild(vec)
	for i := from; i < from+n; i++ {
		if isNull(mask, i) {
			c.AppendNull()
			continue
		}
		if e := entries[i]; e.length > 0 {
			if err := appendVector(c.Child(0), elements, int(e.offset), int(e.length)); err != nil {
				return err
			}
		}
		c.AppendList()
	}
	return nil
}
