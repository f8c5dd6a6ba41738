package clienttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// suite is the tests that come with a driver written in Go.
type suite struct {
	name     string
	module   string // with its version, where its tests are copied from
	packages []string
	env      func(server) []string
	args     []string // of go test
}

// The suites leave objects behind, so their file is the last.

// TestPgx runs pgx's own tests.
func TestPgx(t *testing.T) {
	runSuite(t, suite{
		name: "pgx", module: "github.com/jackc/pgx/v5", packages: []string{".", "./pgconn", "./pgtype", "./stdlib", "./pgxpool"},
		env: func(s server) []string {
			return []string{fmt.Sprintf("PGX_TEST_DATABASE=host=%s port=%d user=%s database=%s", host, s.port, userName, database)}
		},
	})
}

// TestLibpq runs lib/pq's own tests.
func TestLibpq(t *testing.T) {
	runSuite(t, suite{
		name: "libpq", module: "github.com/lib/pq@v1.10.9", packages: []string{"."},
		env: func(s server) []string { return []string{"PGSSLMODE=disable", "PQGOSSLTESTS=0"} },
	})
}

// runSuite runs a suite against Millstream. What each test does is listed in
// testdata/<name>/tests, which has the tests that pass on PostgreSQL: those
// under "== pass" must pass on Millstream too, if need be at the second try,
// because many are about time. The others fail there for the reason that stands
// above them; those that begin with "needs" need what Millstream doesn't have.
// One that has come to pass is logged. With -rewrite the suite runs on
// PostgreSQL as well and the list is made anew.
func runSuite(t *testing.T, su suite) {
	p := needServers(t)
	listed := readSuite(t, su.name)
	dir := copyModule(t, su.module)
	got := goTest(t, su, dir, p.millstream)
	again(t, su, dir, p.millstream, listed, got)
	if *rewrite {
		wanted := goTest(t, su, dir, p.postgres)
		for test, result := range wanted {
			if result == "pass" && listed[test] == "" && got[test] != "pass" {
				listed[test] = "not looked at yet"
			}
			if result == "pass" && got[test] == "pass" {
				listed[test] = "pass"
			}
			if result != "pass" {
				delete(listed, test)
			}
		}
		writeSuite(t, su.name, listed)
	}
	passed, own := 0, 0
	for test, reason := range listed {
		passes := got[test] == "pass"
		switch {
		case reason == "pass" && !passes:
			t.Errorf("%s %s: %s, it must pass", su.name, test, got[test])
		case reason != "pass" && passes:
			t.Logf("%s %s passes now, but is listed under: %s", su.name, test, reason)
		}
		switch {
		case passes:
			passed++
		case strings.HasPrefix(reason, "needs "):
			own++
		}
	}
	t.Logf("%s: %d of %d tests that pass on PostgreSQL pass; %d of the others need what only PostgreSQL has; %.1f %% of the rest",
		su.name, passed, len(listed), own, 100*float64(passed)/float64(max(1, len(listed)-own)))
}

// again runs the tests once more that should have passed.
func again(t *testing.T, su suite, dir string, s server, listed, got map[string]string) {
	t.Helper()
	var names []string
	for test, reason := range listed {
		if reason == "pass" && got[test] != "pass" {
			_, name, _ := strings.Cut(test, " ")
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	su.args = []string{"-run", "^(" + strings.Join(names, "|") + ")$"}
	for test, result := range goTest(t, su, dir, s) {
		if result == "pass" {
			got[test] = result
		}
	}
}

// copyModule copies a module out of the module cache, where nothing can be
// written, and returns the copy.
func copyModule(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", module).Output()
	if err != nil && !strings.Contains(module, "@") {
		out, err = exec.Command("go", "list", "-m", "-json", module).Output()
	}
	if err != nil {
		ready(t, fmt.Errorf("%w: %s: %w", errMissing, module, err))
	}
	var info struct{ Dir string }
	if err := json.Unmarshal(out, &info); err != nil || info.Dir == "" {
		t.Fatalf("%s: %v: %s", module, err, out)
	}
	dir := t.TempDir()
	err = filepath.WalkDir(info.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(info.Dir, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(dir, relative), 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, relative), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// goTest runs the packages of a suite and returns what became of each test:
// "./pgconn TestConnect" is "pass".
func goTest(t *testing.T, su suite, dir string, s server) map[string]string {
	t.Helper()
	args := append([]string{"test", "-json", "-count=1", "-p", "1", "-timeout", "200s"}, su.packages...)
	cmd := exec.Command("go", append(args, su.args...)...)
	cmd.Dir, cmd.Env = dir, append(s.environment(), append(su.env(s), "GOFLAGS=-mod=mod")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	results := map[string]string{}
	module := strings.Split(su.module, "@")[0]
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var event struct{ Action, Package, Test string }
		if json.Unmarshal(lines.Bytes(), &event) != nil || event.Test == "" || strings.Contains(event.Test, "/") {
			continue
		}
		switch event.Action {
		case "pass", "fail", "skip":
			results["."+strings.TrimPrefix(event.Package, module)+" "+event.Test] = event.Action
		}
	}
	if len(results) == 0 {
		t.Fatalf("%s on %s: %v\n%s", su.name, s.name, err, stderr.Bytes())
	}
	return results
}

// readSuite reads the reason of each test.
func readSuite(t *testing.T, name string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name, "tests"))
	if err != nil && !*rewrite {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, p := range parts(string(text)) {
		for _, test := range p.lines {
			if test != "" {
				listed[test] = p.name
			}
		}
	}
	return listed
}

func writeSuite(t *testing.T, name string, listed map[string]string) {
	t.Helper()
	byReason := map[string][]string{}
	for test, reason := range listed {
		byReason[reason] = append(byReason[reason], test)
	}
	var out strings.Builder
	var reasons []string
	for reason := range byReason {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b string) int { return len(byReason[b]) - len(byReason[a]) })
	for _, reason := range reasons {
		slices.Sort(byReason[reason])
		out.WriteString("== " + reason + "\n" + strings.Join(byReason[reason], "\n") + "\n\n")
	}
	if err := os.MkdirAll(filepath.Join("testdata", name), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join("testdata", name, "tests"), out.String())
}
