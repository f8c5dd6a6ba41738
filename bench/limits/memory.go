package limits

import (
	"errors"
	"time"
)

// memoryBytes are read again and again: more than any cache holds.
const memoryBytes = 256 << 20

// ReadMemory reads as many bytes from memory as count records have of so many bytes
// each, on one goroutine, one after the other. begin is called when there is something
// to read.
func ReadMemory(count, recordBytes int64, begin func()) (Work, error) {
	words := make([]uint64, memoryBytes/8)
	for i := range words { // memory that was never written is not there
		words[i] = uint64(i)
	}
	begin()
	started := time.Now()
	w := Work{Records: count, Bytes: count * recordBytes}
	var sum uint64
	for left := w.Bytes / 8; left > 0; left -= int64(len(words)) {
		sum += sumOf(words[:min(left, int64(len(words)))])
	}
	w.Took = time.Since(started)
	if sum == 0 { // so that nothing is left out
		return w, errors.New("memory does not hold what was written")
	}
	return w, nil
}

// sumOf adds in four chains, so that it does not wait for one sum to have the next.
func sumOf(words []uint64) uint64 {
	var a, b, c, d uint64
	for ; len(words) >= 4; words = words[4:] {
		a, b, c, d = a+words[0], b+words[1], c+words[2], d+words[3]
	}
	for _, x := range words {
		a += x
	}
	return a + b + c + d
}
