package duck

import (
	"path/filepath"
	"strings"
	"testing"
)

// The storage version of files does not change how syntax trees are written, which it
// does where it is set for all.
func TestStorageVersionIsTheFilesAlone(t *testing.T) {
	db, err := Open(filepath.Join(t.TempDir(), "x"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	rows, err := c.Query(t.Context(), "SELECT json_serialize_sql('SELECT * FROM a JOIN b USING (n)')::VARCHAR")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var tree string
	if _, err := rows.Next(); err != nil {
		t.Fatal(err)
	}
	if err := rows.Scan(&tree); err != nil || strings.Contains(tree, "is_implicit") {
		t.Errorf("%s: %v", tree, err)
	}
}

// TestWhatHoldsOffFolding: after a change of the catalog, or an UPDATE, DuckDB refuses to fold the
// log until all transactions have ended that are older; not so after INSERT and DELETE.
func TestWhatHoldsOffFolding(t *testing.T) {
	for sql, holds := range map[string]bool{
		"INSERT INTO t SELECT * FROM range(300000)": false,
		"DELETE FROM t WHERE range = 4":             false,
		"UPDATE t SET range = 5 WHERE range = 6":    true,
		"CREATE TABLE n (i BIGINT)":                 true,
		"ALTER TABLE e RENAME TO f":                 true,
		"CREATE OR REPLACE VIEW v AS FROM t":        true,
	} {
		db, err := Open(filepath.Join(t.TempDir(), "history.duckdb"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		connect := func() *Conn {
			conn, err := db.Conn()
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		reader, writer := connect(), connect()
		for _, step := range []struct {
			conn *Conn
			sql  string
		}{
			{writer, "CREATE TABLE e (i BIGINT); CREATE TABLE t AS SELECT * FROM range(1000); CHECKPOINT"},
			{reader, "BEGIN; SELECT count(*) FROM t"}, {writer, sql},
		} {
			if err := step.conn.Exec(t.Context(), step.sql); err != nil {
				t.Fatalf("%s: %v", step.sql, err)
			}
		}
		if err := writer.Exec(t.Context(), "CHECKPOINT"); (err != nil) != holds {
			t.Errorf("beside an older transaction, after %s: %v", sql, err)
		}
		if err := reader.Exec(t.Context(), "COMMIT"); err != nil {
			t.Error(err)
		}
		if err := writer.Exec(t.Context(), "CHECKPOINT"); err != nil {
			t.Errorf("after %s and its end: %v", sql, err)
		}
		reader.Close()
		writer.Close()
		db.Close()
	}
}
