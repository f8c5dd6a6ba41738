package aggregate

import (
	"hash/maphash"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// StringHandle is DuckDB's string: the length, then either up to 12 bytes in
// place, or the first four and the address of all.
type StringHandle struct {
	length uint32
	prefix [4]byte
	tail   [8]byte // 4-byte aligned in a page, so the address is stored as bytes
}

const inlineBytes = 12

// Bytes returns the string's bytes, in place.
func (h *StringHandle) Bytes() []byte {
	if h.length <= inlineBytes {
		return unsafe.Slice(&h.prefix[0], h.length)
	}
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&h.tail)), h.length)
}

// Equal reports whether the handle holds b.
func (h *StringHandle) Equal(b []byte) bool {
	return int(h.length) == len(b) && string(h.Bytes()) == string(b)
}

// Arena holds the bytes of long strings off-heap. It only grows; its blocks
// are given up together. It is not safe for concurrent use, but bytes once
// written do not change, so readers may follow handles while it grows.
type Arena struct {
	mem    *batch.Allocator
	blocks [][]byte
	free   []byte
	recent []StringHandle // by hash; strings that Recent returned last
}

// NewArena returns an arena that holds nothing.
func NewArena(mem *batch.Allocator) *Arena { return &Arena{mem: mem} }

const (
	firstBlock = 1 << 10
	lastBlock  = 256 << 10
)

// Handle copies b and returns its handle.
func (a *Arena) Handle(b []byte) StringHandle {
	h := StringHandle{length: uint32(len(b))}
	if len(b) <= inlineBytes {
		copy(unsafe.Slice(&h.prefix[0], inlineBytes), b)
		return h
	}
	copy(h.prefix[:], b)
	*(**byte)(unsafe.Pointer(&h.tail)) = a.copy(b)
	return h
}

// recentStrings is how many strings Recent remembers.
const recentStrings = 256

// Recent is Handle for values that replace each other again and again: it
// returns the handle of the same bytes if they were asked for not long ago.
func (a *Arena) Recent(b []byte) StringHandle {
	if len(b) <= inlineBytes {
		return a.Handle(b)
	}
	if a.recent == nil {
		a.recent = make([]StringHandle, recentStrings)
	}
	h := &a.recent[maphash.Bytes(distinctSeed, b)%recentStrings]
	if !h.Equal(b) {
		*h = a.Handle(b)
	}
	return *h
}

func (a *Arena) copy(b []byte) *byte {
	if len(b) > len(a.free) {
		size := max(len(b), min(lastBlock, firstBlock<<min(len(a.blocks), 8)))
		block := a.mem.Allocate(size)
		a.blocks = append(a.blocks, block)
		a.free = block
	}
	n := copy(a.free, b)
	p := &a.free[0]
	a.free = a.free[n:]
	return p
}

// Bytes returns the memory held.
func (a *Arena) Bytes() (n int64) {
	n = int64(len(a.recent)) * int64(unsafe.Sizeof(StringHandle{}))
	for _, b := range a.blocks {
		n += int64(len(b))
	}
	return n
}

// Take returns the arena's blocks, which the caller then frees, and empties it.
func (a *Arena) Take() [][]byte {
	blocks := a.blocks
	a.blocks, a.free, a.recent = nil, nil, nil
	return blocks
}
