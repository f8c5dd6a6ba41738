package clienttest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	clients = flag.Bool("clients", false, "run the clients, for which their tools are needed")
	all     = flag.Bool("all", false, "fail where a tool is missing")
	rewrite = flag.Bool("rewrite", false, "write the files of differences anew")
)

// errMissing is returned when a tool isn't there that a client needs.
var errMissing = errors.New("a tool is missing")

func runMain(m *testing.M) int {
	flag.Parse()
	if !*clients {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "clienttest-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	err = os.Chmod(dir, 0o755)
	p, stop, startErr := startPair(context.Background(), dir)
	if err = errors.Join(err, startErr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	servers = &p
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// needServers skips a test that isn't asked for.
func needServers(t *testing.T) *pair {
	t.Helper()
	if servers == nil {
		t.Skip("run with -args -clients, or make test-clients")
	}
	return servers
}

// ready ends a test whose tools couldn't be had.
func ready(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, errMissing) && !*all {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// part is what a client printed under one name.
type part struct {
	name  string
	lines []string
}

// parts cuts the output of a client at its lines "== name".
func parts(output string) []part {
	var out []part
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, " \r\n")
		if name, ok := strings.CutPrefix(line, "== "); ok {
			out = append(out, part{name: name})
			continue
		}
		if len(out) == 0 {
			out = append(out, part{name: "before the first part"})
		}
		last := &out[len(out)-1]
		last.lines = append(last.lines, line)
	}
	return out
}

// mask replaces what differs between any two runs, such as OIDs and times.
type mask struct {
	pattern *regexp.Regexp
	with    string
}

func masked(text string, masks []mask) string {
	for _, m := range masks {
		text = m.pattern.ReplaceAllString(text, m.with)
	}
	return text
}

// execute runs a program against a server and returns all it prints. An exit
// code other than 0 is part of that.
func execute(ctx context.Context, s server, dir, input, name string, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir = s.environment(), dir
	cmd.Stdin = strings.NewReader(input)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(&output, "\n== exit\n%v\n", err)
	}
	return output.String()
}

// compareProgram runs a client's program on both servers and compares.
func compareProgram(t *testing.T, client string, masks []mask, name string, args ...string) {
	t.Helper()
	p := needServers(t)
	dir, err := filepath.Abs(filepath.Join("testdata", client))
	if err != nil {
		t.Fatal(err)
	}
	wanted := execute(t.Context(), p.postgres, dir, "", name, args...)
	if _, trace, broken := strings.Cut(wanted, "Traceback (most recent call last)"); broken {
		t.Fatalf("%s does not run to its end, even against PostgreSQL:%s", client, trace)
	}
	want := parts(masked(wanted, masks))
	got := parts(masked(execute(t.Context(), p.millstream, dir, "", name, args...), masks))
	compare(t, client, want, got)
}
