package dimension

import (
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// index finds rows by the hash of their keys. Rows of a bucket are chained.
type index struct {
	mem    *batch.Allocator
	memory []byte // holds heads and next
	heads  []int32
	next   []int32 // row after it in the same bucket, -1 none
	mask   uint64
}

// newIndex makes an empty index for up to capacity rows. Its owner must free it.
func newIndex(mem *batch.Allocator, capacity int) index {
	size := 1
	for size < 2*capacity {
		size *= 2
	}
	x := index{mem: mem, mask: uint64(size - 1), memory: mem.Allocate(4 * (size + capacity))}
	all := unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(x.memory))), size+capacity)
	x.heads, x.next = all[:size], all[size:]
	for i := range x.heads {
		x.heads[i] = -1
	}
	return x
}

func (x *index) free() {
	if x.memory != nil {
		x.mem.Free(x.memory)
	}
	*x = index{}
}

// first returns the first row that may have a hash, -1 for none; next has those
// that follow.
func (x *index) first(hash uint64) int32 { return x.heads[hash&x.mask] }

// add puts a row before the others of its bucket.
func (x *index) add(hash uint64, row int32) {
	bucket := &x.heads[hash&x.mask]
	x.next[row] = *bucket
	*bucket = row
}

// remove takes out a row that was added with the same hash.
func (x *index) remove(hash uint64, row int32) {
	at := &x.heads[hash&x.mask]
	for *at != row {
		at = &x.next[*at]
	}
	*at = x.next[row]
}
