package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/millstream-db/millstream/engine/enginetest/result"
)

// event is a line of go test -json.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64 // seconds
}

// test is what became of a test.
type test struct {
	Package string  `json:"package"`
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"` // pass, fail, skip, or run: it has not ended
	Seconds float64 `json:"seconds"`

	counts []string // that it reported
	last   string   // that it logged
	output []string // its last lines
}

// outputMax is how many of the last lines of a test are kept.
const outputMax = 20

// outcome is what came of commands.
type outcome struct {
	tests    map[string]*test // by package and name
	order    []*test          // in which they began
	problems []string
	other    []string // the last lines of no test: of builds that failed
	execs    int64    // of fuzz targets
	log      io.Writer
}

// read takes in what a command printed, a line of JSON each, and logs it as people read
// it. Other lines are kept as they are.
func (o *outcome) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			o.line(line)
		}
		if err == io.EOF { //nolint:errorlint // a reader returns it as it is
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the output of go test: %w", err)
		}
	}
}

func (o *outcome) line(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil {
		e = event{Output: line}
	}
	_, _ = io.WriteString(o.log, e.Output) // it is for people
	if e.Test == "" {
		if e.Output != "" {
			o.other = keep(o.other, e.Output)
		}
		return
	}
	t := o.test(e)
	switch e.Action {
	case "output":
		t.print(e.Output)
		if n, ok := fuzzExecs(e.Output); ok {
			o.execs += n - t.execs()
			t.last = strings.TrimSpace(e.Output)
		}
	case "pass", "fail", "skip":
		t.Outcome, t.Seconds = e.Action, e.Elapsed
	}
}

func (o *outcome) test(e event) *test {
	key := e.Package + " " + e.Test
	t := o.tests[key]
	if t == nil {
		if o.tests == nil {
			o.tests = make(map[string]*test)
		}
		t = &test{Package: e.Package, Name: e.Test, Outcome: "run"}
		o.tests[key] = t
		o.order = append(o.order, t)
	}
	return t
}

func keep(lines []string, line string) []string {
	lines = append(lines, strings.TrimRight(line, "\n"))
	return lines[max(0, len(lines)-outputMax):]
}

// logged is a line that a test has logged, behind its place in the source.
var logged = regexp.MustCompile(`^\s+\w+\.go:\d+: (.*)`)

func (t *test) print(line string) {
	t.output = keep(t.output, line)
	m := logged.FindStringSubmatch(line)
	if m == nil {
		return
	}
	t.last = strings.TrimSpace(m[1])
	if part, counts, ok := result.Parse(m[1]); ok {
		t.counts = append(t.counts, part+": "+counts)
	}
}

var execs = regexp.MustCompile(`^fuzz: .*\bexecs: (\d+)`)

// fuzzExecs returns how many inputs a fuzz target had so far.
func fuzzExecs(line string) (int64, bool) {
	m := execs.FindStringSubmatch(line)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	return n, err == nil
}

// execs is what the target has said last.
func (t *test) execs() int64 {
	n, _ := fuzzExecs(t.last)
	return n
}

// top reports whether it is no test inside another.
func (t *test) top() bool { return !strings.Contains(t.Name, "/") }

// demand notes as problems what a command of these tests should have done. Before it, so many
// tests had begun; the error is how it ended.
func (o *outcome) demand(tests []string, before int, err error) {
	known, began := len(o.problems), o.order[before:]
	for _, name := range tests {
		if !slices.ContainsFunc(began, func(t *test) bool { return t.Name == name }) {
			o.problem("%s is not there, or did not begin", name)
		}
	}
	passed := 0
	for _, t := range began {
		switch {
		case t.Outcome == "pass":
			passed++
		case t.Outcome == "fail":
			o.problem("%s failed", t.Name)
		case t.Outcome == "run":
			o.problem("%s did not end", t.Name)
		case slices.Contains(tests, parent(t.Name)):
			o.problem("%s was skipped: %s", t.Name, t.last)
		}
	}
	if passed == 0 {
		o.problem("no test has passed")
	}
	if err != nil && len(o.problems) == known {
		o.problem("go test: %v", err)
	}
}

// parent returns the name of the test that a test is inside of, or its own.
func parent(name string) string {
	top, _, _ := strings.Cut(name, "/")
	return top
}

// problem notes one, unless it is known.
func (o *outcome) problem(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(o.problems, text) {
		o.problems = append(o.problems, text)
	}
}

// counts are the lines that say what was done: the reports of the tests or, of those that
// have none, what they logged last. Tests that were not asked for by name are only counted.
func (o *outcome) counts(tests []string) (lines []string) {
	passed, skipped := 0, 0
	for _, t := range o.order {
		lines = append(lines, t.counts...)
		switch {
		case !t.top():
			continue
		case t.Outcome == "pass":
			passed++
		case t.Outcome == "skip":
			skipped++
		}
		if slices.Contains(tests, t.Name) && t.last != "" && t.execs() == 0 && !o.reported(t.Name) {
			lines = append(lines, t.Name+": "+t.last)
		}
	}
	switch {
	case o.execs > 0:
		lines = append(lines, fmt.Sprintf("%d targets, %d inputs", passed, o.execs))
	case len(tests) == 0:
		lines = append(lines, fmt.Sprintf("%d tests passed, %d skipped", passed, skipped))
	case len(lines) == 0:
		lines = append(lines, fmt.Sprintf("%d tests passed", passed))
	}
	return lines
}

// reported tells whether a test, or one inside it, has reported counts.
func (o *outcome) reported(name string) bool {
	return slices.ContainsFunc(o.order, func(t *test) bool { return parent(t.Name) == name && len(t.counts) > 0 })
}

// excerpt is what the tests that failed said last or, if none did, what else was printed.
func (o *outcome) excerpt() (lines []string) {
	for _, t := range o.order {
		if t.Outcome == "fail" || t.Outcome == "run" {
			lines = append(lines, t.output...)
		}
	}
	if len(lines) == 0 {
		lines = o.other
	}
	return lines
}
