package disk

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

//go:embed calls.c
var calls string

// Build compiles the library that is loaded into a process into dir, with the C
// compiler, and returns its path. It works on Linux only.
func Build(ctx context.Context, dir string) (library string, err error) {
	source, library := filepath.Join(dir, "calls.c"), filepath.Join(dir, "calls.so")
	if err := os.WriteFile(source, []byte(calls), 0o600); err != nil {
		return "", fmt.Errorf("write the library's source: %w", err)
	}
	cmd := exec.CommandContext(ctx, "cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source, "-ldl", "-lpthread")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the library: %w\n%s", err, out)
	}
	return library, nil
}

// Watch says which of a process's calls are looked at, and what becomes of them.
type Watch struct {
	Library   string // as Build made it
	Directory string // its files and those below are watched
	Journal   string // the file that the calls are appended to, not in Directory
	Fail      Fault
}

// Fault is what befalls some of the calls.
type Fault struct {
	At    int64         // the number of the first call that fails, from 1; 0: none does
	Error syscall.Errno // what it fails with
	For   time.Duration // so long all fail that come after it
	Torn  bool          // a write that fails has written its first half
}

func (f Fault) String() string {
	s := fmt.Sprintf("call %d fails with %s (%s)", f.At, errorName(f.Error), f.Error)
	if f.For > 0 {
		s += fmt.Sprintf(", and all for %s", f.For)
	}
	if f.Torn {
		s += ", half written"
	}
	return s
}

func errorName(e syscall.Errno) string {
	switch e {
	case syscall.EIO:
		return "EIO"
	case syscall.ENOSPC:
		return "ENOSPC"
	default:
		return fmt.Sprintf("errno %d", int(e))
	}
}

// Env returns what a process needs in its environment to be watched.
func (w Watch) Env() []string {
	env := []string{"LD_PRELOAD=" + w.Library, "DISK_DIRECTORY=" + w.Directory, "DISK_JOURNAL=" + w.Journal}
	if w.Fail.At > 0 {
		torn := 0
		if w.Fail.Torn {
			torn = 1
		}
		env = append(env, fmt.Sprintf("DISK_FAIL=%d %d %d %d", w.Fail.At, int(w.Fail.Error), w.Fail.For.Milliseconds(), torn))
	}
	return env
}
