package batch

import (
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/memory/mallocator"
)

// Allocator gives out zeroed, 64-byte aligned off-heap memory and counts it.
// It is safe for concurrent use. Arrow buffers shrink the slices they own
// before they free them, which mallocator would miscount, and its count may
// not be read while others allocate; Allocator counts for itself, by
// capacity, so that Bytes returns to zero when everything is freed.
type Allocator struct {
	m     *mallocator.Mallocator
	bytes atomic.Int64
}

// NewAllocator returns an allocator that has given out nothing.
func NewAllocator() *Allocator { return &Allocator{m: mallocator.NewMallocator()} }

// Bytes returns the bytes given out and not yet freed.
func (a *Allocator) Bytes() int64 { return a.bytes.Load() }

// Allocate returns size zeroed bytes. It panics when the system has none left.
func (a *Allocator) Allocate(size int) []byte {
	b := a.m.Allocate(size)
	a.bytes.Add(int64(cap(b)))
	return b
}

// Reallocate returns the contents of b in a slice of the given size, and frees
// b if it had to move.
func (a *Allocator) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) {
		return b[:size]
	}
	grown := a.Allocate(size)
	copy(grown, b)
	a.Free(b)
	return grown
}

// Free takes back what Allocate or Reallocate returned.
func (a *Allocator) Free(b []byte) {
	a.bytes.Add(-int64(cap(b)))
	a.m.Free(b[:cap(b)])
}
