package duck

/*
#cgo LDFLAGS: -Wl,-wrap,duckdb_je_malloc -Wl,-wrap,duckdb_je_realloc -Wl,-wrap,_Znwm -Wl,-wrap,_Znam
#include "allocation.h"
*/
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// engineCalls counts the calls into DuckDB that are not for statements of users. While
// there are any, DuckDB's own threads are refused nothing.
var engineCalls = (*atomic.Int64)(unsafe.Pointer(&C.ms_engine_calls))

// RefusedPieces returns how often DuckDB was refused memory.
func RefusedPieces() int64 {
	return (*atomic.Int64)(unsafe.Pointer(&C.ms_refused_pieces)).Load()
}

// lendThread says that the goroutine calls DuckDB for a statement of a user, until
// takeThread.
func lendThread() {
	runtime.LockOSThread()
	C.ms_thread_of_user(true)
}

func takeThread() {
	C.ms_thread_of_user(false)
	runtime.UnlockOSThread()
}

// limitAllocations has DuckDB's allocator refuse large pieces that would take the
// process over a size, where an error is safe; 0 is no limit.
func limitAllocations(bytes int64) { C.ms_memory_limit(C.int64_t(bytes)) }

// resident returns the bytes of memory that the process has.
func resident() int64 { return int64(C.ms_memory_resident()) }

// returnMemory gives what was freed back to the system.
func returnMemory() { C.ms_memory_return() }
