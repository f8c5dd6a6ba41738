package duck

// #include "shim.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// registerDivision gives the operator / of the instance behind conn PostgreSQL's
// meaning for two integers: an integer. Of what else it divides, HUGEINT is no
// integer here, since it stands for PostgreSQL's numeric, as in a sum of BIGINT.
// The function ms_nonzero is for StrictDivision.
func registerDivision(conn mapping.Connection) error {
	for _, of := range []struct {
		kind mapping.Type
		bits C.int
	}{{mapping.TypeSmallInt, 16}, {mapping.TypeInteger, 32}, {mapping.TypeBigInt, 64}} {
		if err := registerScalar(conn, "/", of.kind, 2, C.ms_divide_callback(of.bits)); err != nil {
			return err
		}
	}
	return registerScalar(conn, "ms_nonzero", mapping.TypeBoolean, 1, C.ms_nonzero_callback())
}

// registerScalar makes a function known whose parameters and result have one type.
func registerScalar(conn mapping.Connection, name string, kind mapping.Type, parameters int, callback unsafe.Pointer) error {
	f := mapping.CreateScalarFunction()
	defer mapping.DestroyScalarFunction(&f)
	mapping.ScalarFunctionSetName(f, name)
	t := mapping.CreateLogicalType(kind)
	defer mapping.DestroyLogicalType(&t)
	for range parameters {
		mapping.ScalarFunctionAddParameter(f, t)
	}
	mapping.ScalarFunctionSetReturnType(f, t)
	mapping.ScalarFunctionSetFunction(f, callback)
	if mapping.RegisterScalarFunction(conn, f) == mapping.StateError {
		return fmt.Errorf("register the function %s", name)
	}
	return nil
}

// StrictDivision returns SQL that makes macros of the operators / and %: in the
// schema strict a division by zero is an error, as in PostgreSQL. In the tolerant
// ones it is NULL or infinite, as in DuckDB: there is the text of views, where
// DuckDB looks into the view's own schema before it looks along the path. A view
// goes on where a query fails.
//
// The strict ones are for statements without conditions only: DuckDB evaluates
// conditions in an order of its own, and would divide by the zeros that one of
// them keeps away.
func StrictDivision(strict string, tolerant ...string) string {
	var sql string
	for _, operator := range []string{`"/"`, `"%"`} {
		sql += fmt.Sprintf("CREATE MACRO %s.%s(ms_a, ms_b) AS CASE WHEN ms_nonzero(ms_b = 0 AND ms_a IS NOT NULL) THEN system.main.%s(ms_a, ms_b) END;\n", strict, operator, operator)
		for _, schema := range tolerant {
			sql += fmt.Sprintf("CREATE MACRO %s.%s(ms_a, ms_b) AS system.main.%s(ms_a, ms_b);\n", schema, operator, operator)
		}
	}
	return sql
}
