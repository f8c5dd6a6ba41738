package duck

// #include "shim.h"
import "C"

import (
	"fmt"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// registerPatterns gives LIKE and GLOB of the instance behind conn an implementation
// whose time is bounded. DuckDB's own tries every way to divide the text among the
// wildcards: '%a%a%a%a%b' of a text of some thousand letters keeps a thread busy for
// years, in one call that nothing ends. They have DuckDB's names, by which its
// optimizer makes comparisons of patterns such as 'abc%'.
//
// ILIKE is DuckDB's LIKE of lower case, and a macro: see package dialect.
func registerPatterns(conn mapping.Connection) error {
	for _, p := range []struct {
		name      string
		kind      C.int
		arguments int
	}{
		{"~~", C.MS_LIKE, 2}, {"!~~", C.MS_NOT_LIKE, 2}, {"like_escape", C.MS_LIKE_ESCAPE, 3}, {"not_like_escape", C.MS_NOT_LIKE_ESCAPE, 3},
		{"~~~", C.MS_GLOB, 2},
	} {
		if err := registerPattern(conn, p.name, p.kind, p.arguments); err != nil {
			return err
		}
	}
	return nil
}

func registerPattern(conn mapping.Connection, name string, kind C.int, arguments int) error {
	f := mapping.CreateScalarFunction()
	defer mapping.DestroyScalarFunction(&f)
	mapping.ScalarFunctionSetName(f, name)
	text := mapping.CreateLogicalType(mapping.TypeVarchar)
	defer mapping.DestroyLogicalType(&text)
	for range arguments {
		mapping.ScalarFunctionAddParameter(f, text)
	}
	boolean := mapping.CreateLogicalType(mapping.TypeBoolean)
	defer mapping.DestroyLogicalType(&boolean)
	mapping.ScalarFunctionSetReturnType(f, boolean)
	mapping.ScalarFunctionSetExtraInfo(f, C.ms_match_kind(kind), nil)
	mapping.ScalarFunctionSetFunction(f, C.ms_match_callback())
	if mapping.RegisterScalarFunction(conn, f) == mapping.StateError {
		return fmt.Errorf("register the function %s", name)
	}
	return nil
}
