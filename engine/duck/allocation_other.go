//go:build !(linux && amd64)

package duck

import (
	"bytes"
	"os"
	"strconv"
	"sync/atomic"
)

// engineCalls counts the calls into DuckDB that are not for statements of users.
var engineCalls = new(atomic.Int64)

// RefusedPieces returns how often DuckDB was refused memory: never, on this system.
func RefusedPieces() int64 { return 0 }

// limitAllocations does nothing here: statements are only ended from outside.
func limitAllocations(int64) {}

// resident returns the bytes of memory that the process has, 0 where the system does
// not tell.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[1]), 10, 64) // the kernel writes numbers
	return pages * int64(os.Getpagesize())
}

func returnMemory() {}

func lendThread() {}

func takeThread() {}
