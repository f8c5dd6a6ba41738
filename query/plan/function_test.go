package plan

import (
	"slices"
	"testing"
)

// TestFunctionListsAreComplete holds the lists of functions against DuckDB's.
func TestFunctionListsAreComplete(t *testing.T) {
	b := newDuckBinder(t)
	// Functions of windows are no aggregates, although DuckDB lists them as such.
	windows := []string{"cume_dist", "dense_rank", "fill", "first_value", "lag", "last_value", "lead", "nth_value", "ntile", "percent_rank", "rank", "rank_dense", "row_number"}
	for _, row := range b.rows(t, "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'") {
		if name := row[0].(string); !aggregateNames[name] && !slices.Contains(windows, name) {
			t.Errorf("%s is an aggregate", name)
		}
	}
	for _, row := range b.rows(t, "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'") {
		if name := row[0].(string); volatileNames[name] == "" && name != "error" {
			t.Errorf("%s is volatile", name)
		}
	}
	for name := range aggregateNames {
		if rows := b.rows(t, "SELECT 1 FROM duckdb_functions() WHERE function_name = '"+name+"'"); len(rows) == 0 {
			t.Errorf("there is no function %s", name)
		}
	}
	for _, row := range b.rows(t, "SELECT DISTINCT function_name FROM duckdb_functions() WHERE list_contains(parameter_types, 'LAMBDA')") {
		if name := row[0].(string); !lambdaNames[name] {
			t.Errorf("%s takes a lambda", name)
		}
	}
}
