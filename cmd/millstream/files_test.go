package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFilesAreRead runs the whole process over a directory of files.
func TestFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path, before, before); err != nil {
			t.Fatal(err)
		}
	}
	write("a.ndjson", "{\"id\":1}\n{\"id\":\"x\"}\n")
	_, web := startServeWith(t, func(c *Config) { c.CopyFrom = []string{dir} })
	v := visitor{t, web}
	for _, sql := range []string{
		"CREATE SOURCE history (id BIGINT) WITH (connector = 'file', path = '*', poll.interval.ms = '100')",
		"CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n, sum(id) AS ids FROM history",
	} {
		if got := v.query(sql); !strings.HasPrefix(got, "200") {
			t.Fatalf("%s: %s", sql, got)
		}
	}
	wants := func(sql, want string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(v.query(sql), want) && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		if got := v.query(sql); !strings.Contains(got, want) {
			t.Fatalf("%s: %s, want %s", sql, got, want)
		}
	}
	wants("SELECT n, ids FROM n", "[1,1]")
	write("b.csv", "id\n2\n3\n")
	wants("SELECT n, ids FROM n", "[3,6]")
	wants("SELECT next_offset, lag, rejected, status FROM millstream.partitions WHERE ends_with(file, 'a.ndjson')", `[2,0,1,"running"]`)
	wants("INSERT INTO history VALUES (1)", `"42809"`)
	write("b.csv", "id\n2\n3\n4\n")
	wants("SELECT status FROM millstream.sources", `["stalled"]`)
	wants("SELECT error FROM millstream.partitions WHERE error IS NOT NULL", "b.csv: it was changed after it was read")
}
