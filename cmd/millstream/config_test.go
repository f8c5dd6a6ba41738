package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// load loads a configuration for serve.
func load(t *testing.T, file string, environ []string, args ...string) (*Config, []string, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "millstream.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"--config", path}, args...)
	}
	cfg := defaultConfig()
	warnings, err := loadConfig("serve", cfg.settings(), cfg.Validate, invocation{args: args, environ: environ, stderr: &bytes.Buffer{}})
	return cfg, warnings, err
}

func TestLaterLayersOverrideEarlierOnes(t *testing.T) {
	t.Parallel()
	file := "memory: 64MiB\nthreads: 3\nhosts: [a.example, b.example]\nlog_level: debug\ncheckpoint_interval: 1s\n"
	cfg, warnings, err := load(t, file, []string{"MILLSTREAM_THREADS=4", "MILLSTREAM_MEMORY=128MiB", "MILLSTREAM_PORT=tcp://x", "HOME=/"},
		"--memory", "1GiB", "--log-level=warn")
	if err != nil {
		t.Fatal(err)
	}
	want := defaultConfig()
	want.Memory, want.Threads, want.LogLevel, want.CheckpointInterval = 1<<30, 4, "warn", time.Second
	want.Hosts = []string{"a.example", "b.example"}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got  %+v\nwant %+v", cfg, want)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "MILLSTREAM_PORT") {
		t.Errorf("warnings %q", warnings)
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, _, err := load(t, "memroy: 1GiB\nthreads: many\ndata: [[x]]\ncheckpointInterval: 1s\ndata: y\n",
		[]string{"MILLSTREAM_DUCKDB_MEMORY=12 parsecs"}, "--statement_timeout", "5", "--http", "0.0.0.0:80", "--pg", "here")
	var config *configError
	if !errors.As(err, &config) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{
		`:1: unknown setting "memroy"`, `:2: threads must be a whole number, 0 or more, not "many"`,
		":3: data must be a single value", `:4: unknown setting "checkpointInterval", did you mean checkpoint_interval?`,
		":5: data is set a second time", `environment: duckdb_memory must be a size such as "64MiB" or "2GB", not "12 parsecs"`,
		`flag: statement_timeout must be a duration`, "http: 0.0.0.0:80 can be reached from other machines", `pg: "here" is not an address`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args []string
		ok   bool
	}{
		{[]string{"--pg", "localhost:1"}, true},
		{[]string{"--pg", "[::1]:1"}, true},
		{[]string{"--pg", "off"}, true},
		{[]string{"--pg", "off", "--http", "off"}, false},
		{[]string{"--pg", ":5488"}, false},
		{[]string{"--pg", "192.168.1.1:5488"}, false},
		{[]string{"--pg", "localhost.evil.example:5488"}, false},
		{[]string{"--pg", ":5488", "--insecure"}, true},
	}
	for _, tt := range tests {
		if _, _, err := load(t, "", nil, tt.args...); (err == nil) != tt.ok {
			t.Errorf("%v: %v", tt.args, err)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	var n int64
	v := sizeValue{&n}
	for text, want := range map[string]string{
		"512MiB": "512MiB", "1.5 GiB": "1536MiB", "2GB": "2GB", "2gib": "2GiB", "0": "0B", "1000B": "1KB", "1025B": "1025B", "1024KiB": "1MiB",
	} {
		if err := v.Set(text); err != nil || v.String() != want {
			t.Errorf("%s = %s, %v, want %s", text, v, err, want)
		}
	}
	for _, text := range []string{"", "512", "MiB", "-1MiB", "1XiB", "NaNB", "1e300GiB", "9999999TiB"} {
		if err := v.Set(text); err == nil {
			t.Errorf("%q is taken as %s", text, v)
		}
	}
}

func runCommand(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), invocation{args, environ, strings.NewReader(""), &out, &errs})
	return code, out.String(), errs.String()
}

func TestCheckConfigPrintsAFileThatSetsTheSame(t *testing.T) {
	t.Parallel()
	code, out, _ := runCommand(t, nil, "check-config", "--memory=2GiB", "--hosts", "a,b", "--init", "")
	if code != exitOK || !strings.Contains(out, "memory: 2GiB\n") || !strings.HasSuffix(out, "# ok\n") {
		t.Fatalf("%d\n%s", code, out)
	}
	path := filepath.Join(t.TempDir(), "again.yaml")
	if err := os.WriteFile(path, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	code, again, errs := runCommand(t, []string{"MILLSTREAM_CONFIG=" + path}, "check-config")
	if code != exitOK || again != out {
		t.Errorf("%d %s\n%s\nwant\n%s", code, errs, again, out)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		args      []string
		code      int
		out, errs string
	}{
		{nil, exitUsage, "", "Usage: millstream"},
		{[]string{"help"}, exitOK, "check-config", ""},
		{[]string{"version"}, exitOK, "go         go1", ""},
		{[]string{"version", "x"}, exitUsage, "", "usage"},
		{[]string{"bake"}, exitUsage, "", `no command "bake"`},
		{[]string{"serve", "--help"}, exitOK, "", "--checkpoint_interval  longest time between two checkpoints (default 10s)"},
		{[]string{"serve", "--rate", "5"}, exitUsage, "", "rate"},
		{[]string{"serve", "now"}, exitUsage, "", `unexpected argument "now"`},
		{[]string{"check-config", "--config", "/nowhere.yaml"}, exitUsage, "", "read config"},
		{[]string{"check-config", "--threads", "-1"}, exitUsage, "", "threads"},
		{[]string{"sql", "SELECT 1"}, exitUsage, "", "behind -c"},
		{[]string{"sql", "--addr", "127.0.0.1:1", "-c", "SELECT 1"}, exitFailed, "", "no database answers on 127.0.0.1:1"},
		{[]string{"demo", "--rate", "0"}, exitUsage, "", "rate: at least 1"},
	}
	for _, tt := range tests {
		code, out, errs := runCommand(t, nil, tt.args...)
		if code != tt.code || !strings.Contains(out, tt.out) || !strings.Contains(errs, tt.errs) {
			t.Errorf("%v: %d\n%s\n%s", tt.args, code, out, errs)
		}
	}
}
