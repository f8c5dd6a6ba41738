package pgcatalog

import (
	"slices"
	"strings"
	"testing"
)

// TestResultTypes asks for the types of results. The letters are what DuckDB
// says of each column: b BIGINT, v VARCHAR, s SMALLINT[], o another.
func TestResultTypes(t *testing.T) {
	duckdb := map[rune]string{'b': "BIGINT", 'v': "VARCHAR", 's': "SMALLINT[]", 'o': "INTEGER"}
	for _, test := range []struct{ sql, columns, want string }{
		{"SELECT oid, relname, relkind, relnatts FROM pg_class", "bvvo", "pg_oid pg_name pg_char INTEGER"},
		{"SELECT c.oid AS id, n.nspname schema, c.relname::text FROM pg_catalog.pg_class c LEFT JOIN pg_namespace n ON n.oid = c.relnamespace", "bvv", "pg_oid pg_name VARCHAR"},
		{"SELECT NULL AS a, nspname, 'x' || nspname FROM pg_namespace;", "ovv", "INTEGER pg_name VARCHAR"},
		{"SELECT * FROM pg_am", "bvbv", "pg_oid pg_name pg_regproc pg_char"},
		{"SELECT a.*, count(*) FROM pg_am a, orders o", "bvbvb", "pg_oid pg_name pg_regproc pg_char BIGINT"},
		{"SELECT * FROM pg_am, orders", "bvbvb", "BIGINT VARCHAR BIGINT VARCHAR BIGINT"},
		{"SELECT x.name, x.o FROM (SELECT relname AS name, oid AS o FROM pg_class WHERE oid IN (SELECT 1)) x", "vb", "pg_name pg_oid"},
		{"SELECT x.b FROM (SELECT relname, oid FROM pg_class) AS x(a, b)", "b", "pg_oid"},
		{"WITH t AS (SELECT oid, relname FROM pg_class), u(i) AS (SELECT oid FROM t) SELECT t.relname, u.i FROM t JOIN u ON u.i = t.oid", "vb", "pg_name pg_oid"},
		{"SELECT relname FROM pg_class UNION ALL SELECT nspname FROM pg_namespace ORDER BY 1", "v", "pg_name"},
		{"SELECT relname FROM pg_class UNION SELECT 'x'", "v", "VARCHAR"},
		{"(SELECT relname FROM pg_class)", "v", "pg_name"},
		{"SELECT DISTINCT ON (indrelid) indkey FROM pg_index", "s", "pg_int2vector"},
		{"SELECT current_database(), current_user, version()", "vvv", "pg_name pg_name VARCHAR"},
		{"SELECT 'x'::name, 1::oid, 'r'::\"char\"", "vbv", "pg_name pg_oid pg_char"},
		{"SELECT table_name, is_nullable, ordinal_position FROM information_schema.columns", "vvo", "pg_name pg_varchar INTEGER"},
		{"SELECT oid FROM pg_class", "v", "VARCHAR"}, // what DuckDB says counts
		{"SELECT oid, relname FROM orders", "bv", "BIGINT VARCHAR"},
		{"SELECT (SELECT 1), oid FROM pg_class ORDER BY oid", "ob", "INTEGER pg_oid"},
		{"SELECT t.oid FROM (pg_type t JOIN pg_namespace n ON t.typnamespace = n.oid) WHERE n.nspname = 'x'", "b", "pg_oid"},
		{"SELECT", "b", "BIGINT"},
		{"EXPLAIN SELECT oid FROM pg_class", "b", "BIGINT"},
	} {
		var types []string
		for _, letter := range test.columns {
			types = append(types, duckdb[letter])
		}
		if got := ResultTypes(test.sql, slices.Clone(types)); strings.Join(got, " ") != test.want {
			t.Errorf("%s:\n got %v\nwant %s", test.sql, got, test.want)
		}
	}
}
