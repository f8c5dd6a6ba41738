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
