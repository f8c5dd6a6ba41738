package duck

// #include "shim.h"
import "C"

import (
	"fmt"
	"strings"

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

// Divisions returns SQL that makes macros of the operators / and %: in the schema
// strict an error is raised for a division by zero, as in PostgreSQL; in the
// tolerant ones the result is NULL or infinite, as in DuckDB. A view goes on where
// a query fails.
func Divisions(strict string, tolerant ...string) string {
	var out strings.Builder
	for _, operator := range []string{`"/"`, `"%"`} {
		fmt.Fprintf(&out, "CREATE MACRO %s.%s(ms_a, ms_b) AS CASE WHEN ms_b = 0 THEN error('division by zero') ELSE system.main.%s(ms_a, ms_b) END;\n",
			strict, operator, operator)
		for _, schema := range tolerant {
			fmt.Fprintf(&out, "CREATE MACRO %s.%s(ms_a, ms_b) AS system.main.%s(ms_a, ms_b);\n", schema, operator, operator)
		}
	}
	return out.String()
}
