package duck

// #include "shim.h"
import "C"

import (
	"fmt"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// registerDivision gives the operator / of the instance behind conn PostgreSQL's
// meaning for two integers: an integer. Of what else it divides, HUGEINT is no
// integer here, since it stands for PostgreSQL's numeric, as in a sum of BIGINT.
func registerDivision(conn mapping.Connection) error {
	for _, of := range []struct {
		kind mapping.Type
		bits C.int
	}{{mapping.TypeSmallInt, 16}, {mapping.TypeInteger, 32}, {mapping.TypeBigInt, 64}} {
		f := mapping.CreateScalarFunction()
		mapping.ScalarFunctionSetName(f, "/")
		t := mapping.CreateLogicalType(of.kind)
		mapping.ScalarFunctionAddParameter(f, t)
		mapping.ScalarFunctionAddParameter(f, t)
		mapping.ScalarFunctionSetReturnType(f, t)
		mapping.ScalarFunctionSetFunction(f, C.ms_divide_callback(of.bits))
		state := mapping.RegisterScalarFunction(conn, f)
		mapping.DestroyLogicalType(&t)
		mapping.DestroyScalarFunction(&f)
		if state == mapping.StateError {
			return fmt.Errorf("register the division of integers")
		}
	}
	return nil
}
