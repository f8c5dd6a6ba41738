package clienttest

import (
	"flag"
	"os/exec"
	"path/filepath"
	"testing"
)

var superset = flag.Bool("superset", false, "walk Apache Superset too, whose installation takes a GB and minutes")

// TestSuperset walks Apache Superset's REST API: a database, its tables, datasets
// over a view whose rows change, charts and SQL Lab.
func TestSuperset(t *testing.T) {
	needServers(t)
	if !*superset {
		t.Skip("run make test-superset")
	}
	interpreter := python(t, "superset")
	dir, err := filepath.Abs("testdata/superset")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(interpreter, "surface.py", "prepare")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("prepare Superset's own tables: %v\n%s", err, out)
	}
	compareProgram(t, "superset", nil, interpreter, "surface.py")
}
