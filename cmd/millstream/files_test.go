package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/parquet/parquettest"
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

// TestColumnsOfParquetFiles takes the columns of a source from the first of its files.
func TestColumnsOfParquetFiles(t *testing.T) {
	dir := t.TempDir()
	pg, web := startServeWith(t, func(c *Config) { c.CopyFrom = []string{dir} })
	v := visitor{t, web}
	l := listenTo(t, pg)
	const create = "CREATE SOURCE trips (*, day DATE AS CAST(ts AS DATE), fare DECIMAL(8,2), WATERMARK FOR ts AS ts) WITH (connector = 'file', path = '*/*.parquet', poll.interval.ms = '100')"
	if got := v.query(create); !strings.Contains(got, "no file has a name as path '*/*.parquet' says: there are no records yet") || !strings.Contains(got, "Write some records first, or list the columns") {
		t.Fatal(got)
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeParquet(t, dir, "d/b.parquet", "SELECT 1 AS other")
	writeParquet(t, dir, "d/a.parquet", "SELECT i::INTEGER AS id, 'n' || i AS \"Name\", [i] AS stops, i + 0.5 AS fare, TIMESTAMP '2026-01-01' + INTERVAL 1 HOUR * i AS ts, 7 AS _offset FROM range(3) t(i)")
	l.exec(t, create)
	if len(l.notices) != 2 || !strings.Contains(l.notices[0], `columns of source "trips" are taken from file `+dir+"/d/a.parquet") || !strings.Contains(l.notices[1], `field "_offset" has no column`) {
		t.Errorf("notices %q", l.notices)
	}
	l.until(t, "SELECT coalesce(string_agg(concat_ws(' ', id, \"Name\", stops, fare, ts, day), '; ' ORDER BY id), '') FROM trips WHERE id IS NOT NULL",
		"0 n0 [0] 0.50 2026-01-01 00:00:00 2026-01-01; 1 n1 [1] 1.50 2026-01-01 01:00:00 2026-01-01; 2 n2 [2] 2.50 2026-01-01 02:00:00 2026-01-01")
	var name, text string
	if err := l.QueryRow(t.Context(), "SHOW CREATE SOURCE trips").Scan(&name, &text); err != nil {
		t.Fatal(err)
	}
	if want := "(\n  id INTEGER,\n  \"Name\" VARCHAR,\n  stops BIGINT[],\n  ts TIMESTAMP,\n  day DATE AS CAST(ts AS DATE),\n  fare DECIMAL(8,2),\n  WATERMARK FOR ts AS ts\n)"; !strings.Contains(text, want) {
		t.Errorf("shown as %s", text)
	}
	// b.parquet has none of these columns: it waits for somebody, and the other one was read.
	l.until(t, "SELECT status FROM millstream.sources WHERE name = 'trips'", "stalled")
	for sql, want := range map[string]string{
		"CREATE SOURCE csv WITH (connector = 'file', path = 'd/*.csv') FORMAT PLAIN ENCODE CSV":           "no file has a name as path",
		"CREATE SOURCE lines WITH (connector = 'file', path = 'd/*.parquet') FORMAT PLAIN ENCODE JSON":    "source lines has no columns",
		"CREATE SOURCE lines WITH (connector = 'file', path = '/etc/*.parquet')":                          "is not in a directory",
		"CREATE SOURCE again WITH (connector = 'file', path = 'd/?.parquet') FORMAT PLAIN ENCODE PARQUET": "200 ",
	} {
		if got := v.query(sql); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "d/0.parquet"), []byte("no Parquet"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := v.query("CREATE SOURCE broken WITH (connector = 'file', path = 'd/*')"); !strings.Contains(got, "columns of source broken can't be taken from its records: file "+dir+"/d/0.parquet: ") {
		t.Error(got)
	}
	l.exec(t, "CREATE ROLE ann LOGIN")
	l.exec(t, "GRANT CREATE ON SCHEMA public TO ann")
	l.exec(t, "SET ROLE ann")
	if _, err := l.Exec(t.Context(), "CREATE SOURCE mine WITH (connector = 'file', path = 'd/b.parquet')"); err == nil || !strings.Contains(err.Error(), "permission denied to read files of the server") {
		t.Errorf("got %v", err)
	}
}

// writeParquet writes the rows of a query, long ago.
func writeParquet(t *testing.T, dir, name, sql string) {
	t.Helper()
	path := filepath.Join(dir, name)
	parquettest.Write(t, path, sql)
	before := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, before, before); err != nil {
		t.Fatal(err)
	}
}
