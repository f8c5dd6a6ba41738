package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// These are lines as go test -json prints them.
const (
	passes = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestCrash"}
{"Action":"output","Package":"p","Test":"TestCrash","Output":"=== RUN   TestCrash\n"}
{"Action":"output","Package":"p","Test":"TestCrash","Output":"    crash_test.go:70: -seed=1\n"}
{"Action":"output","Package":"p","Test":"TestCrash","Output":"    crash_test.go:80: RESULT crash: 5 kills, 0 lost\n"}
{"Action":"pass","Package":"p","Test":"TestCrash","Elapsed":1.5}
{"Action":"pass","Package":"p","Elapsed":1.6}
`
	logs = `{"Action":"run","Package":"p","Test":"TestCrash"}
{"Action":"output","Package":"p","Test":"TestCrash","Output":"    crash_test.go:70: first\n"}
{"Action":"output","Package":"p","Test":"TestCrash","Output":"    crash_test.go:71: 12 of 12\n"}
{"Action":"pass","Package":"p","Test":"TestCrash","Elapsed":1}
`
	inside = `{"Action":"run","Package":"p","Test":"TestCrash"}
{"Action":"run","Package":"p","Test":"TestCrash/a"}
{"Action":"output","Package":"p","Test":"TestCrash/a","Output":"        crash_test.go:70: RESULT crash (a): 1 kill\n"}
{"Action":"pass","Package":"p","Test":"TestCrash/a"}
{"Action":"run","Package":"p","Test":"TestCrash/b"}
{"Action":"output","Package":"p","Test":"TestCrash/b","Output":"        crash_test.go:71: no disk\n"}
{"Action":"skip","Package":"p","Test":"TestCrash/b"}
{"Action":"pass","Package":"p","Test":"TestCrash","Elapsed":1}
`
	fails = `{"Action":"run","Package":"p","Test":"TestCrash"}
{"Action":"output","Package":"p","Test":"TestCrash","Output":"    crash_test.go:70: 3 records lost\n"}
{"Action":"fail","Package":"p","Test":"TestCrash","Elapsed":1}
`
	skips = `{"Action":"run","Package":"p","Test":"TestCrash"}
{"Action":"output","Package":"p","Test":"TestCrash","Output":"    crash_test.go:70: no tmpfs here\n"}
{"Action":"skip","Package":"p","Test":"TestCrash","Elapsed":0}
`
	none = `{"Action":"output","Package":"p","Output":"testing: warning: no tests to run\n"}
{"Action":"pass","Package":"p","Elapsed":0}
`
	dies = `{"Action":"run","Package":"p","Test":"TestCrash"}
{"Action":"output","Package":"p","Test":"TestCrash","Output":"fatal error: all goroutines are asleep\n"}
{"Action":"fail","Package":"p","Elapsed":1}
`
	unbuilt = `{"ImportPath":"p","Action":"build-output","Output":"p/a.go:1: expected declaration\n"}
{"ImportPath":"p","Action":"build-fail"}
`
	fuzzes = `{"Action":"run","Package":"p","Test":"FuzzA"}
{"Action":"output","Package":"p","Test":"FuzzA","Output":"fuzz: elapsed: 1s, execs: 10 (10/sec), new interesting: 1 (total: 2)\n"}
{"Action":"output","Package":"p","Test":"FuzzA","Output":"fuzz: elapsed: 2s, execs: 25 (15/sec), new interesting: 1 (total: 2)\n"}
{"Action":"pass","Package":"p","Test":"FuzzA","Elapsed":2}
{"Action":"run","Package":"q","Test":"FuzzB"}
{"Action":"output","Package":"q","Test":"FuzzB","Output":"fuzz: elapsed: 1s, execs: 100 (100/sec), new interesting: 1 (total: 2)\n"}
{"Action":"pass","Package":"q","Test":"FuzzB","Elapsed":1}
`
)

func TestOutcomes(t *testing.T) {
	t.Parallel()
	failed := errors.New("exit status 1")
	for _, c := range []struct {
		name, output     string
		tests            []string
		err              error
		counts, problems string // joined by |
	}{
		{"a report", passes, []string{"TestCrash"}, nil, "crash: 5 kills, 0 lost", ""},
		{"what it logged last", logs, []string{"TestCrash"}, nil, "TestCrash: 12 of 12", ""},
		{"one of two", passes, []string{"TestCrash", "TestGone"}, nil, "crash: 5 kills, 0 lost", "TestGone is not there, or did not begin"},
		{"one inside is skipped", inside, []string{"TestCrash"}, nil, "crash (a): 1 kill", "TestCrash/b was skipped: no disk"},
		{"failure", fails, []string{"TestCrash"}, failed, "TestCrash: 3 records lost", "TestCrash failed|no test has passed"},
		{"skipped", skips, []string{"TestCrash"}, nil, "TestCrash: no tmpfs here", "TestCrash was skipped: no tmpfs here|no test has passed"},
		{"none", none, []string{"TestCrash"}, nil, "0 tests passed", "TestCrash is not there, or did not begin|no test has passed"},
		{"none, not asked for by name", none, nil, nil, "0 tests passed, 0 skipped", "no test has passed"},
		{"death", dies, []string{"TestCrash"}, failed, "0 tests passed", "TestCrash did not end|no test has passed"},
		{"no build", unbuilt, nil, failed, "0 tests passed, 0 skipped", "no test has passed"},
		{"a failure that no test shows", passes, []string{"TestCrash"}, failed, "crash: 5 kills, 0 lost", "go test: exit status 1"},
		{"any tests", passes + inside, nil, nil, "crash: 5 kills, 0 lost|crash (a): 1 kill|1 tests passed, 0 skipped", ""},
		{"fuzz targets", fuzzes, []string{"FuzzA", "FuzzB"}, nil, "2 targets, 125 inputs", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := &outcome{log: io.Discard}
			if err := o.read(strings.NewReader(c.output)); err != nil {
				t.Fatal(err)
			}
			o.demand(c.tests, 0, c.err)
			if got := strings.Join(o.problems, "|"); got != c.problems {
				t.Errorf("problems %q, want %q", got, c.problems)
			}
			if got := strings.Join(o.counts(c.tests), "|"); got != c.counts {
				t.Errorf("counts %q, want %q", got, c.counts)
			}
		})
	}
}

// TestPage runs parts of a small module: what is right, what fails and what has no tests.
func TestPage(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module small\n\ngo 1.24\n",
		"small_test.go": `package small

import "testing"

func TestGood(t *testing.T) { t.Log("RESULT good: 1 of 1") }
func TestBad(t *testing.T)  { t.Error("1 is lost") }
func TestMoot(t *testing.T) { t.Skip("no disk") }
func FuzzInt(f *testing.F)  { f.Fuzz(func(*testing.T, int) {}) }
`,
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := []part{
		{name: "good", tests: []string{"TestGood"}, in: []string{"."}},
		{name: "bad", tests: []string{"TestBad"}, in: []string{"."}},
		{name: "moot", tests: []string{"TestMoot"}, in: []string{"."}},
		{name: "gone", tests: []string{"TestGone"}, in: []string{"."}},
		{name: "nowhere", tests: []string{"TestGood"}, in: []string{"./nowhere"}},
		{name: "fuzz", fuzz: [2]time.Duration{100 * time.Millisecond}},
	}
	for _, c := range []struct {
		only, want string // what its lines begin with
		failed     int
	}{
		{"^good$", "good ok", 0},
		{"^fuzz$", "fuzz ok", 0},
		{"", "good ok|bad FAILED|moot FAILED|gone FAILED|nowhere FAILED|fuzz ok", 4},
	} {
		file := filepath.Join(t.TempDir(), "page.json")
		var out bytes.Buffer
		err := run(context.Background(), &config{only: regexp.MustCompile(c.only), json: file, logs: filepath.Join(root, "logs"), root: root}, all, &out)
		if (err == nil) != (c.failed == 0) || err != nil && !errors.Is(err, errFailed) {
			t.Errorf("%q: %v, %d parts are to fail", c.only, err, c.failed)
		}
		var p page
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &p)
		}
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, l := range p.Parts {
			verdict := " ok"
			if !l.OK {
				verdict = " FAILED"
			}
			lines = append(lines, l.Name+verdict)
			if l.Name == "fuzz" && !regexp.MustCompile(`^1 targets, [1-9]\d* inputs$`).MatchString(l.Counts[0]) {
				t.Errorf("fuzzing counts %q", l.Counts)
			}
			if !regexp.MustCompile(`(?m)^` + l.Name + ` +` + strings.TrimSpace(verdict) + ` `).MatchString(out.String()) {
				t.Errorf("%q: the page has no line for %s%s", c.only, l.Name, verdict)
			}
		}
		if got := strings.Join(lines, "|"); got != c.want || p.Failed != c.failed {
			t.Errorf("%q: %q with %d failed, want %q with %d\n%s", c.only, got, p.Failed, c.want, c.failed, out.String())
		}
		for _, part := range []string{"commit ", "date ", "CPUs", "DuckDB v"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("the page does not say %q:\n%s", part, out.String())
			}
		}
	}
	if err := run(context.Background(), &config{only: regexp.MustCompile("nothing"), logs: t.TempDir(), root: root}, all, io.Discard); err == nil {
		t.Error("a page without parts is no success")
	}
}

// TestPartsExist looks for the tests that the parts name.
func TestPartsExist(t *testing.T) {
	t.Parallel()
	var seen []string
	for _, p := range parts {
		if slices.Contains(seen, p.name) {
			t.Errorf("there are two parts %q", p.name)
		}
		seen = append(seen, p.name)
		for _, name := range p.tests {
			files, err := filepath.Glob(filepath.Join("../../..", p.in[0], "*_test.go"))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(files, func(file string) bool {
				text, err := os.ReadFile(file)
				return err == nil && bytes.Contains(text, []byte("\nfunc "+name+"("))
			}) {
				t.Errorf("part %s: there is no %s in %s", p.name, name, p.in[0])
			}
		}
		if len(p.tests) == 0 && len(p.in) == 0 && p.fuzz[short] == 0 {
			t.Errorf("part %s has nothing to run", p.name)
		}
	}
}
