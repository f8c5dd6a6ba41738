package duck

/*
#include <stdlib.h>
#include "durable.h"
*/
import "C"

import (
	"fmt"
	"io/fs"
	"syscall"
	"unsafe"
)

// fileHeads is where a database file says which of its blocks are valid, in bytes from its
// beginning.
const fileHeads = 3 * 4096

// settle sees to it that what is read of a database's file and log is on the disk. What a process has written and not
// made durable when it was killed, or gave the file up, can be read, and what was answered then would be
// lost if the power failed. And after an fsync that failed Linux takes for written what is not; so the heads and
// the log are read from the disk. (Blocks are not looked at before an fsync of them has succeeded.) Nobody may have the
// file open: closing a descriptor of it gives up DuckDB's lock.
func settle(file string) error {
	for _, part := range []struct {
		path   string
		length int64
	}{{file, fileHeads}, {file + logSuffix, 0}} {
		name := C.CString(part.path)
		errno := C.ms_settle_pages(name, C.int64_t(part.length))
		C.free(unsafe.Pointer(name))
		if errno != 0 {
			err := &fs.PathError{Op: "sync", Path: part.path, Err: syscall.Errno(errno)}
			return fmt.Errorf("open duckdb: %w", &Error{Type: "IO", Message: err.Error(), Position: -1, Errno: int(errno)})
		}
	}
	return nil
}
