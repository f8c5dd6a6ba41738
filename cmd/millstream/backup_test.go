package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/query"
)

// The command, and the statement over HTTP, make directories that are databases.
func TestBackupOfARunningDatabase(t *testing.T) {
	parent := t.TempDir()
	pg, web := startServeWith(t, func(c *Config) { c.BackupTo = []string{parent} })
	command := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(context.Background(), invocation{args, nil, strings.NewReader(""), &out, &out})
		return code, out.String()
	}
	if code, out := command("sql", "--addr", pg, "-c", "CREATE TABLE names (id BIGINT PRIMARY KEY, name VARCHAR); INSERT INTO names VALUES (1, 'ann'), (2, 'bob')"); code != exitOK {
		t.Fatal(out)
	}
	dir := filepath.Join(parent, "it's")
	code, out := command("backup", "--addr", pg, "--to", "it's")
	for _, part := range []string{"directory | " + dir, "epoch     | ", "rows      | 2", "bytes     | ", "seconds   | "} {
		if code != exitOK || !strings.Contains(out, part) {
			t.Errorf("%d, no %q in\n%s", code, part, out)
		}
	}
	if code, out := command("backup", "--addr", pg, "--to", dir); code != exitFailed || !strings.Contains(out, "58P02") || !strings.Contains(out, dir+" exists but is not empty") {
		t.Errorf("%d\n%s", code, out)
	}
	if code, out := command("backup", "--addr", pg, "--to", parent+"/no/where"); code != exitFailed || !strings.Contains(out, "58P01") {
		t.Errorf("%d\n%s", code, out)
	}
	if code, _ := command("backup", "--addr", pg); code != exitUsage {
		t.Errorf("%d without a directory", code)
	}
	answer, err := http.Post("http://"+web+"/v1/query", "application/json", strings.NewReader(`{"sql": "BACKUP TO 'web'"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), `"`+parent+`/web"`) {
		t.Errorf("%d %s: %v", answer.StatusCode, text, err)
	}
	for _, dir := range []string{dir, filepath.Join(parent, "web")} {
		db, err := query.Open(t.Context(), dir, query.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Exec(t.Context(), "INSERT INTO names VALUES (1, 'eve')"); err == nil || !strings.Contains(err.Error(), "duplicate key") {
			t.Errorf("the copy does not know its rows: %v", err)
		}
		if err := db.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) != 2 {
		t.Errorf("there are %v: %v", left, err)
	}
}
