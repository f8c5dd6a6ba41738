package query

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/parquet/parquettest"
)

// copyFiles makes a directory with files to copy, and a file outside of it.
func copyFiles(t *testing.T) (dir, outside string) {
	t.Helper()
	dir, outside = t.TempDir(), filepath.Join(t.TempDir(), "rows.csv")
	for path, text := range map[string]string{filepath.Join(dir, "rows.csv"): "id;name\n1;'a;b'\n2;none\n", outside: "3,x\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.csv")); err != nil {
		t.Fatal(err)
	}
	parquettest.Write(t, filepath.Join(dir, "rows.parquet"), "SELECT i + 10 AS id, 'p' || i AS name, i AS unused FROM range(3) r(i)")
	return dir, outside
}

func TestCopyFromFile(t *testing.T) {
	dir, outside := copyFiles(t)
	db, err := Open(ctx, "", Options{Engine: engine.Options{DuckDB: duck.Options{AllowedDirectories: []string{dir}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(ctx) }()
	exec(t, db, "CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR, n BIGINT DEFAULT 7)")
	wantTag(t, db, "COPY t (id, name) FROM 'rows.csv' (FORMAT csv, HEADER, DELIMITER ';', QUOTE '''', NULL 'none')", "COPY 2")
	wantTag(t, db, "COPY t (name, id) FROM '"+filepath.Join(dir, "rows.parquet")+"' (FORMAT parquet)", "COPY 3")
	check(t, db, "SELECT * FROM t ORDER BY id", "1 a;b 7\n2 (null) 7\n10 p0 7\n11 p1 7\n12 p2 7")
	for _, c := range []struct{ sql, code, message string }{
		{"COPY t (id, name) FROM '" + outside + "' CSV", CodeInsufficientPrivilege, "is not allowed"},
		{"COPY t (id, name) FROM '../" + filepath.Base(filepath.Dir(outside)) + "/rows.csv' CSV", CodeInsufficientPrivilege, "is not allowed"},
		{"COPY t (id, name) FROM 'link.csv' CSV", CodeInsufficientPrivilege, "is not allowed"},
		{"COPY t (id, name) FROM 'missing.csv' CSV", "58P01", "could not open"},
		{"COPY t (id, name) FROM '.' CSV", "58P01", "could not open"},
		{"COPY t (id, name) FROM 'rows.csv'", CodeFeatureNotSupported, "format text"},
		{"COPY t FROM 'rows.parquet' (FORMAT parquet)", CodeUndefinedColumn, "n"},
		{"COPY t (id, name) FROM 'rows.parquet' (FORMAT parquet)", CodeUniqueViolation, "t_pkey"},
		{"SELECT * FROM read_csv('" + filepath.Join(dir, "rows.csv") + "')", CodeInsufficientPrivilege, ""},
		{"COPY t FROM STDIN", CodeFeatureNotSupported, "needs a client"},
	} {
		wantError(t, db, c.sql, c.code, c.message)
	}
	if _, err := Open(ctx, "", Options{Engine: engine.Options{DuckDB: duck.Options{AllowedDirectories: []string{filepath.Join(dir, "missing")}}}}); err == nil {
		t.Error("a directory that is missing was taken")
	}
}

// TestCopyNestedText: lists come as PostgreSQL writes arrays or as DuckDB writes lists,
// structs as what results have, JSON.
func TestCopyNestedText(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rows.csv"), []byte(`1|{1,NULL,3}|{"a b",c,"say \"x\"",""}|{"n": 5, "l": [1, 2]}
2|[4, 5]|['d e', f]|{'n': 6, 'l': NULL}
3|{}|[]|
`), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := Open(ctx, "", Options{Engine: engine.Options{DuckDB: duck.Options{AllowedDirectories: []string{dir}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(ctx) }()
	exec(t, db, "CREATE TABLE t (id BIGINT, n INT[], s VARCHAR[], r STRUCT(n BIGINT, l INT[]))")
	wantTag(t, db, "COPY t FROM 'rows.csv' (FORMAT csv, DELIMITER '|', QUOTE '^')", "COPY 3")
	check(t, db, "SELECT id, n::VARCHAR, to_json(s)::VARCHAR, r.n, r.l::VARCHAR FROM t ORDER BY id",
		"1 [1, NULL, 3] [\"a b\",\"c\",\"say \\\"x\\\"\",\"\"] 5 [1, 2]\n2 [4, 5] [\"d e\",\"f\"] 6 (null)\n3 [] [] (null) (null)")
}
