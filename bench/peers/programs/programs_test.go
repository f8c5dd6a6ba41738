package programs

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func shell(t *testing.T, script string) *Run {
	t.Helper()
	r, err := Start(exec.Command("sh", "-c", script), filepath.Join(t.TempDir(), "program.log"))
	if err != nil {
		t.Skipf("no shell: %v", err)
	}
	t.Cleanup(r.Close)
	return r
}

// TestRunReadsWhatAProgramTells: lines of others are passed over, one that comes in
// two parts is one.
func TestRunReadsWhatAProgramTells(t *testing.T) {
	t.Parallel()
	r := shell(t, `echo warming up; echo @started; printf '@visible page-1000'; sleep 0.05; echo ' 5 7'; echo done >&2; echo @finished`)
	var got []string
	for {
		line, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	if diff := cmp.Diff([]string{Started, Visible + " page-1000 5 7", Finished}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := r.WaitEnd(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRunThatFails(t *testing.T) {
	t.Parallel()
	r := shell(t, `echo @started; echo out of memory >&2; exit 3`)
	if err := r.Wait(t.Context(), Started); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{r.Wait(t.Context(), Finished), r.WaitEnd(t.Context())} {
		if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.HasSuffix(err.Error(), "out of memory") {
			t.Errorf("%v does not say how it failed", err)
		}
	}
	if err := shell(t, `sleep 10`).Wait(expired(t), Started); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func expired(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// TestMissing: what can't be installed says so, and a later try is a new one.
func TestMissing(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	t.Setenv("PATH", "")
	for _, p := range []Program{Spark, Flink, KafkaStreams, Pathway, Bytewax, Loop} {
		if _, err := p.Install(t.Context(), t.TempDir()); !errors.Is(err, ErrMissing) {
			t.Errorf("%s: %v, want %v", p.Name, err, ErrMissing)
		}
		if _, err := sources.ReadFile(path.Join(p.Name, p.Main)); err != nil && !p.isJava() {
			t.Error(err)
		}
	}
	if marked, _ := filepath.Glob(filepath.Join(cache, "*", "*", "*", "installed")); len(marked) > 0 {
		t.Errorf("%v are marked as installed", marked)
	}
}
