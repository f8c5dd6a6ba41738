package gate

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestFunctionListIsComplete fails when DuckDB has a function about which
// nothing was decided, and when the list has one that DuckDB has not.
func TestFunctionListIsComplete(t *testing.T) {
	t.Parallel()
	conn := open(t)
	var version string
	if err := conn.QueryRowContext(context.Background(), "SELECT version()").Scan(&version); err != nil {
		t.Fatal(err)
	}
	if version != "v1.5.6" {
		t.Errorf("the list was read against DuckDB v1.5.6, this is %s: review what is new", version)
	}
	rows, err := conn.QueryContext(context.Background(), "SELECT DISTINCT lower(function_name) FROM duckdb_functions()")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	known := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		known[name] = true
		if _, ok := permits()[name]; !ok {
			t.Errorf("nothing is decided about %s", name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for name, p := range permits() {
		if (p.expr || p.table) && !known[name] {
			t.Errorf("%s is allowed, but DuckDB has no such function", name)
		}
	}
	names := strings.Split(strings.TrimSpace(functionList), "\n")
	if !slices.IsSorted(names) {
		t.Error("functions.txt is not sorted")
	}
	if len(names) != len(permits()) {
		t.Errorf("functions.txt has %d lines about %d functions", len(names), len(permits()))
	}
}

// TestFunctionStability holds the list against DuckDB's own knowledge.
func TestFunctionStability(t *testing.T) {
	t.Parallel()
	conn := open(t)
	rows, err := conn.QueryContext(context.Background(),
		"SELECT DISTINCT lower(function_name), stability FROM duckdb_functions() WHERE stability <> 'CONSISTENT'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, stability string
		if err := rows.Scan(&name, &stability); err != nil {
			t.Fatal(err)
		}
		p := permits()[name]
		if p.expr && (stability == "VOLATILE" && !p.volatile || !p.stable && !p.volatile) {
			t.Errorf("%s is %s", name, stability)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestForbiddenFunctions(t *testing.T) {
	t.Parallel()
	forbidden := strings.Fields(`read_csv read_csv_auto read_json read_json_auto read_json_objects read_ndjson read_parquet
		read_text read_blob read_duckdb parquet_scan parquet_metadata parquet_schema parquet_kv_metadata parquet_file_metadata
		parquet_full_metadata parquet_bloom_probe glob sniff_csv json_execute_serialized_sql json_serialize_plan
		json_serialize_sql json_deserialize_sql query query_table enable_logging disable_logging truncate_duckdb_logs
		write_log enable_profiling disable_profiling getenv current_setting duckdb_settings duckdb_secrets duckdb_logs
		duckdb_databases duckdb_functions duckdb_tables duckdb_views duckdb_columns duckdb_variables duckdb_memory
		duckdb_temporary_files duckdb_extensions duckdb_prepared_statements pragma_version pragma_table_info
		pragma_database_size pragma_storage_info pragma_user_agent checkpoint force_checkpoint nextval currval setseed
		getvariable arrow_scan arrow_scan_dumb seq_scan repeat_row test_all_types test_vector_types summary which_secret
		json_structure json_group_structure json_contains json_transform json_transform_strict from_json from_json_strict
		json_merge_patch sleep_ms pg_sleep sql_auto_complete add_parquet_key enable_peg_parser disable_peg_parser
		variant_extract variant_normalize import_database copy_database get_block_size`)
	for _, name := range forbidden {
		p, ok := permits()[name]
		if !ok || p.expr || p.table {
			t.Errorf("%s: listed %v, allowed %v", name, ok, p)
		}
	}
	for _, prefix := range []string{"read_", "duckdb_", "pragma_", "parquet_", "test_", "enable_", "disable_", "__internal", "variant_", "icu_collate"} {
		for name, p := range permits() {
			if strings.HasPrefix(name, prefix) && (p.expr || p.table) {
				t.Errorf("%s is allowed", name)
			}
		}
	}
	for name, p := range permits() {
		if p.table && !slices.Contains(strings.Fields("range generate_series unnest json_each json_tree"), name) {
			t.Errorf("%s is allowed in FROM", name)
		}
	}
}
