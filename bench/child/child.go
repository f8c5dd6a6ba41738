package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Process is a running or ended child. It is safe for concurrent use.
type Process struct {
	cmd     *exec.Cmd
	logPath string
	done    chan struct{}
	err     error // of Wait; set before done is closed
}

// Start starts cmd, whose output is appended to the file at logPath.
func Start(cmd *exec.Cmd, logPath string) (*Process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of %s: %w", cmd.Path, err)
	}
	defer log.Close() //nolint:errcheck // the child has its own descriptor
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithParent(cmd.SysProcAttr)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, logPath: logPath, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running reports whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Err returns how the process ended: nil for exit code 0. It waits for the end.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Kill ends the process at once, as SIGKILL does, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended already
	<-p.done
}

// Terminate asks the process to end and waits at most patience for it; then it
// is killed, which is an error.
func (p *Process) Terminate(patience time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.cmd.Path, err)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		p.Kill()
		return fmt.Errorf("%s did not end within %s of SIGTERM and was killed", p.cmd.Path, patience)
	}
}

// PeakMemoryBytes returns the most resident memory that the process ever had, and
// those of its children that live, 0 where the system does not tell. The process must
// still run.
func (p *Process) PeakMemoryBytes() int64 {
	total := PeakMemoryBytes(p.PID())
	for _, c := range children(p.PID()) {
		total += PeakMemoryBytes(c)
	}
	return total
}

// CPUTime returns what the process and its children have used of the CPUs, in steps of
// 10 ms, 0 where the system does not tell. The process must still run.
func (p *Process) CPUTime() time.Duration { return cpuTime(p.PID()) }

// Log returns the last lines of what the process printed.
func (p *Process) Log(lines int) string {
	text, err := os.ReadFile(p.logPath)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
