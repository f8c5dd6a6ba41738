package duck

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// DuckDB 1.5 plans a statement that has parameters anew for each execution, to make
// use of their values. Arguments are values that it does not know when it plans: calls
// of volatile functions, in the text where parameters would be, that return what the
// connection has been given.

// The functions that return arguments, by whether these are texts.
var argumentFunctions = map[bool]string{true: "ms_text_argument", false: "ms_integer_argument"}

// mostArguments is how many arguments a statement may have.
const mostArguments = 1000

// FitArguments reports whether values can be arguments of types.
func FitArguments(types []string, args []any) bool {
	for i, arg := range args {
		switch arg.(type) {
		case string:
			if types[i] != "VARCHAR" {
				return false
			}
		case int, int32, int64:
			if types[i] != "BIGINT" && types[i] != "INTEGER" && types[i] != "SMALLINT" {
				return false
			}
		default:
			return false
		}
	}
	return len(args) <= mostArguments
}

// Argument returns SQL for the argument at an index from 0, to be used in statements of
// this connection alone. Its type is one that FitArguments lets through.
func (c *Conn) Argument(index int, typ string) string {
	number := c.key.conn*mostArguments + uint64(index)
	if typ == "VARCHAR" {
		return fmt.Sprintf("%s(%d)", argumentFunctions[true], number)
	}
	return fmt.Sprintf("%s(%d)::%s", argumentFunctions[false], number, typ)
}

// SetArguments gives the next statement its arguments, which FitArguments has let through.
func (c *Conn) SetArguments(args []any) { c.arguments = args }

// registerArguments makes the functions known to the instance behind conn.
func registerArguments(conn mapping.Connection, db uint64) error {
	for text, name := range argumentFunctions {
		if err := registerArgument(conn, db, name, text); err != nil {
			return err
		}
	}
	return nil
}

func registerArgument(conn mapping.Connection, db uint64, name string, text bool) error {
	f := mapping.CreateScalarFunction()
	defer mapping.DestroyScalarFunction(&f)
	mapping.ScalarFunctionSetName(f, name)
	number := mapping.CreateLogicalType(mapping.TypeBigInt)
	mapping.ScalarFunctionAddParameter(f, number)
	result := number
	if text {
		result = mapping.CreateLogicalType(mapping.TypeVarchar)
		defer mapping.DestroyLogicalType(&result)
	}
	mapping.ScalarFunctionSetReturnType(f, result)
	mapping.DestroyLogicalType(&number)
	mapping.ScalarFunctionSetVolatile(f)
	id := (*uint64)(C.malloc(8))
	*id = db
	mapping.ScalarFunctionSetExtraInfo(f, unsafe.Pointer(id), C.ms_free_callback())
	mapping.ScalarFunctionSetFunction(f, C.ms_argument_callback(C.bool(text)))
	if mapping.RegisterScalarFunction(conn, f) == mapping.StateError {
		return fmt.Errorf("register %s", name)
	}
	return nil
}

//export millstreamArgument
func millstreamArgument(db C.uint64_t, number C.int64_t, text C.bool, result unsafe.Pointer) (ok C.bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	c, found := connections.Load(connKey{uint64(db), uint64(number) / mostArguments})
	index := int(number % mostArguments)
	if !found || index >= len(c.(*Conn).arguments) {
		return false
	}
	value, isText := argumentValue(c.(*Conn).arguments[index])
	defer mapping.DestroyValue(&value)
	if value.Ptr == nil || isText != bool(text) {
		return false
	}
	mapping.VectorReferenceValue(mapping.Vector{Ptr: result}, value)
	return true
}

// argumentValue makes a value that the caller destroys; it is empty for types that
// arguments can't have.
func argumentValue(arg any) (value mapping.Value, text bool) {
	switch v := arg.(type) {
	case string:
		return mapping.CreateVarchar(v), true
	case int:
		return mapping.CreateInt64(int64(v)), false
	case int32:
		return mapping.CreateInt64(int64(v)), false
	case int64:
		return mapping.CreateInt64(v), false
	}
	return value, false
}
