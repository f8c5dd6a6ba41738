package clienttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var psqlMasks = []mask{
	{regexp.MustCompile(`Time: [\d.,]+ ms.*`), "Time: … ms"},
	{regexp.MustCompile(`\w{3} \w{3} +\d+ [\d:]+ \d{4} \(every`), "… (every"},
	{regexp.MustCompile(`port "\d+"`), `port "…"`},
	{regexp.MustCompile(`psql:<stdin>:\d+: `), ""},
	{regexp.MustCompile(`(?m)^LOCATION:  .*\n`), ""}, // in PostgreSQL's source
	{regexp.MustCompile(`\b1500\d\d\b`), "1500.."},   // the version of the day
}

// TestPsql runs each part of testdata/psql/script through a psql of its own.
func TestPsql(t *testing.T) {
	p := needServers(t)
	psql, err := exec.LookPath("psql")
	if err != nil {
		ready(t, fmt.Errorf("%w: apt-get install postgresql-client: %w", errMissing, err))
	}
	script, err := os.ReadFile("testdata/psql/script")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs("testdata/psql")
	if err != nil {
		t.Fatal(err)
	}
	var want, got []part
	for _, step := range parts(string(script)) {
		input := strings.Join(step.lines, "\n") + "\n"
		run := func(s server) part {
			output := masked(execute(t.Context(), s, dir, input, psql, "-X", "-q", "-v", "VERBOSITY=verbose"), psqlMasks)
			one := parts("== " + step.name + "\n" + output)
			return one[0]
		}
		want, got = append(want, run(p.postgres)), append(got, run(p.millstream))
	}
	compare(t, "psql", want, got)
}

// TestPsqlCompletion presses TAB in psql, for which psql asks the catalog.
func TestPsqlCompletion(t *testing.T) {
	python, err := tool("python3", "python3")
	ready(t, err)
	_, err = tool("psql", "postgresql-client")
	ready(t, err)
	compareProgram(t, "completion", nil, python, "surface.py")
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
