package duck

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// Signal is something that SQL asks of a session.
type Signal int32

// The signals.
const (
	Cancel    Signal = iota // its statement ends; the argument is the process of who asks
	Terminate               // it ends; the same
	Sleep                   // it waits for so many seconds, or until its statement is cancelled
)

// signals finds Options.Signal of an instance by its number.
var signals sync.Map // uint64 → func(Signal, int32, float64) bool

// registerSignal makes the function ms_signal(signal, process, argument) known to the
// instance behind conn.
func registerSignal(conn mapping.Connection, db uint64, send func(Signal, int32, float64) bool) error {
	if send == nil {
		send = func(Signal, int32, float64) bool { return false }
	}
	signals.Store(db, send)
	f := mapping.CreateScalarFunction()
	defer mapping.DestroyScalarFunction(&f)
	mapping.ScalarFunctionSetName(f, "ms_signal")
	for _, kind := range []mapping.Type{mapping.TypeInteger, mapping.TypeInteger, mapping.TypeDouble} {
		t := mapping.CreateLogicalType(kind)
		mapping.ScalarFunctionAddParameter(f, t)
		mapping.DestroyLogicalType(&t)
	}
	t := mapping.CreateLogicalType(mapping.TypeBoolean)
	mapping.ScalarFunctionSetReturnType(f, t)
	mapping.DestroyLogicalType(&t)
	mapping.ScalarFunctionSetVolatile(f) // or it would be sent when the statement is planned
	id := (*uint64)(C.malloc(8))
	*id = db
	mapping.ScalarFunctionSetExtraInfo(f, unsafe.Pointer(id), C.ms_free_callback())
	mapping.ScalarFunctionSetFunction(f, C.ms_signal_callback())
	if mapping.RegisterScalarFunction(conn, f) == mapping.StateError {
		return fmt.Errorf("register ms_signal")
	}
	return nil
}

//export millstreamSignal
func millstreamSignal(db C.uint64_t, kind, process C.int32_t, argument C.double) (ok C.bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	send, found := signals.Load(uint64(db))
	if !found {
		return false
	}
	return C.bool(send.(func(Signal, int32, float64) bool)(Signal(kind), int32(process), float64(argument)))
}
