package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/millstream-db/millstream/bench/child"
	"github.com/millstream-db/millstream/ingest/broker"
)

// roleBroker is the process that serves the topic until its input ends.
const roleBroker = "broker"

// measurement is what a process reports of itself.
type measurement struct {
	Records   int64
	Bytes     int64 // of the records' values
	Visible   time.Duration
	Durable   time.Duration // 0: nothing is kept
	CPU       time.Duration
	PeakBytes int64
	FileBytes int64 // of history, 0: none
}

// perSecond is the rate until everything was done, durability included.
func (m measurement) perSecond() float64 {
	return float64(m.Records) / max(m.Visible, m.Durable).Seconds()
}

func (m measurement) String() string {
	text := fmt.Sprintf("%8.0f records/s, %5.1f s", m.perSecond(), max(m.Visible, m.Durable).Seconds())
	if m.Durable > 0 {
		text += fmt.Sprintf(" (visible after %.1f s)", m.Visible.Seconds())
	}
	return text + fmt.Sprintf(", CPU %.1f s, peak %d MiB", m.CPU.Seconds(), m.PeakBytes>>20)
}

// self is a command that runs this program in a role.
func self(ctx context.Context, c *config, role string, args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	args = append([]string{
		"-role=" + role, "-addr=" + c.addr, "-dir=" + c.dir, fmt.Sprintf("-records=%d", c.records),
	}, args...)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// brokerProcess is the broker while it runs.
type brokerProcess struct {
	cmd   *exec.Cmd
	input io.Closer
	addr  string
}

func startBroker(ctx context.Context, c *config) (*brokerProcess, error) {
	cmd, err := self(ctx, c, roleBroker)
	if err != nil {
		return nil, err
	}
	// The broker ends with its input, and so with this process.
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	addr, err := bufio.NewReader(output).ReadString('\n')
	b := &brokerProcess{cmd: cmd, input: input, addr: strings.TrimSpace(addr)}
	if err != nil {
		b.stop()
		return nil, fmt.Errorf("start the broker: it gave no address: %w", err)
	}
	return b, nil
}

func (b *brokerProcess) stop() {
	_ = b.input.Close() // the end of its input ends it
	_ = b.cmd.Wait()    // its data is deleted: how it ended does not matter
}

// serveBroker is the broker's process.
func serveBroker(ctx context.Context, c *config, in io.Reader, out io.Writer) error {
	b, err := broker.Start(ctx, broker.Options{
		DataDir: filepath.Join(c.dir, "kafka"), RetentionBytes: -1, RetentionAge: -time.Hour,
	})
	if err != nil {
		return err
	}
	defer b.Close()
	if _, err := fmt.Fprintln(out, b.Addr()); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// measureRole runs one measurement in a process of its own.
func measureRole(ctx context.Context, c *config, role string, last bool) (measurement, error) {
	var m measurement
	var args []string
	if last && role == roleSystem && c.cpuProfile != "" {
		args = append(args, "-cpuprofile="+c.cpuProfile)
	}
	cmd, err := self(ctx, c, role, args...)
	if err != nil {
		return m, err
	}
	text, err := cmd.Output()
	if err != nil {
		return m, fmt.Errorf("measure %s: %w", role, err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("measure %s: it reported %q: %w", role, text, err)
	}
	m.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return m, nil
}

// play is a process that replay started.
func play(ctx context.Context, c *config, out io.Writer) error {
	if c.role == roleBroker {
		return serveBroker(ctx, c, os.Stdin, out)
	}
	for _, r := range roles {
		if r.name != c.role {
			continue
		}
		m, err := r.run(ctx, c)
		if err != nil {
			return err
		}
		m.PeakBytes = child.PeakMemoryBytes(os.Getpid())
		return json.NewEncoder(out).Encode(m)
	}
	return fmt.Errorf("there is no role %q", c.role)
}
