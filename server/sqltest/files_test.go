package sqltest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// -rewrite is datadriven's flag too, which this package does not import.
var rewrite = flag.Bool("rewrite", false, "write what comes back into the files")

func TestFiles(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*.test")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for i, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".test"), func(t *testing.T) {
			t.Parallel()
			script := load(t, path)
			if *rewrite {
				rewriteFile(t, path, script)
				return
			}
			settings := Settings
			if testing.Short() { // two of the four, by turns
				settings = []string{Settings[i%2], Settings[2+i%2]}
			}
			for _, setting := range settings {
				t.Run(setting, func(t *testing.T) {
					for _, f := range play(t.Context(), newDatabase(t, setting), script, failuresMax).failures {
						t.Error(f)
					}
				})
			}
		})
	}
}

func load(t *testing.T, path string) *Script {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	script, err := Parse(path, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return script
}

func rewriteFile(t *testing.T, path string, script *Script) {
	r := play(t.Context(), newDatabase(t, "batch4096"), script, len(script.Records))
	if err := os.WriteFile(path, []byte(script.Rewrite(r.results)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, f := range play(t.Context(), newDatabase(t, "batch4096"), load(t, path), failuresMax).failures {
		t.Error(f)
	}
}
