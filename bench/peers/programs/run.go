package programs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/millstream-db/millstream/bench/child"
)

// The lines by which a program tells where it is.
const (
	Started  = "@started"
	Finished = "@finished"
	Visible  = "@visible"
)

// Linger is how long a program that is done stays, so that what it has used can
// be read.
const Linger = 300 * time.Millisecond

// Job is what a program is to do.
type Job struct {
	Mode    string // replay, nexmark or freshness
	Brokers string
	Topic   string
	Records int64  // that the topic has, but for freshness
	Key     string // page or user; the query of Nexmark
	Rows    string // the directory that gets the rows, but for freshness; it exists
}

// Args is the job as a command line.
func (j Job) Args() []string {
	return []string{j.Mode, j.Brokers, j.Topic, strconv.FormatInt(j.Records, 10), j.Key, j.Rows}
}

// Run is a program that runs. It is not safe for concurrent use.
type Run struct {
	proc    *child.Process
	log     *os.File
	rest    []byte // of a line that is not whole yet
	pending []string
	Began   time.Time
}

// Start starts the program, whose output goes to a file of dir.
func (i *Installed) Start(ctx context.Context, j Job, dir string) (*Run, error) {
	return Start(i.command(ctx, j.Args()...), filepath.Join(dir, i.Name+".log"))
}

// Start runs a command that tells where it is as programs do. What the file of
// its output held is gone.
func Start(cmd *exec.Cmd, path string) (*Run, error) {
	if err := os.RemoveAll(path); err != nil {
		return nil, err
	}
	r := &Run{Began: time.Now()}
	var err error
	if r.proc, err = child.Start(cmd, path); err != nil {
		return nil, err
	}
	if r.log, err = os.Open(path); err != nil {
		r.proc.Kill()
		return nil, fmt.Errorf("read what %s prints: %w", cmd.Path, err)
	}
	return r, nil
}

// patience is how often a log is read while nothing is new.
const patience = 2 * time.Millisecond

// Wait returns when the program has printed the line, at the latest when ctx ends. A program
// that ends without it is an error, with the end of what it printed.
func (r *Run) Wait(ctx context.Context, line string) error {
	for {
		text, err := r.Next(ctx)
		if err != nil {
			return fmt.Errorf("wait for %s: %w", line, err)
		}
		if text == line {
			return nil
		}
	}
}

// Next returns the next line that begins with "@". The error is io.EOF, wrapped,
// when the program has ended.
func (r *Run) Next(ctx context.Context) (string, error) {
	for {
		ended := !r.proc.Running() // before it is read, so that nothing is overlooked
		if err := r.read(); err != nil {
			return "", err
		}
		if len(r.pending) > 0 {
			line := r.pending[0]
			r.pending = r.pending[1:]
			return line, nil
		}
		if ended {
			return "", fmt.Errorf("%w: %s; the end of its output:\n%s", io.EOF, endOf(r.proc.Err()), r.Log(12))
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(patience):
		}
	}
}

// endOf writes how a program ended.
func endOf(err error) string {
	if err == nil {
		return "the program has ended with success"
	}
	return "the program has ended with " + err.Error()
}

// read takes in what is new.
func (r *Run) read() error {
	text, err := io.ReadAll(r.log)
	if err != nil {
		return fmt.Errorf("read what the program prints: %w", err)
	}
	r.rest = append(r.rest, text...)
	for {
		line, behind, whole := bytes.Cut(r.rest, []byte("\n"))
		if !whole {
			return nil
		}
		r.rest = behind
		if bytes.HasPrefix(line, []byte("@")) {
			r.pending = append(r.pending, strings.TrimSpace(string(line)))
		}
	}
}

// WaitEnd waits until the program has ended, which is an error unless it succeeded.
func (r *Run) WaitEnd(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.proc.Done():
	}
	if err := r.proc.Err(); err != nil {
		return fmt.Errorf("the program failed: %w\n%s", err, r.Log(12))
	}
	return nil
}

// Log returns the last lines that the program printed.
func (r *Run) Log(lines int) string { return r.proc.Log(lines) }

// CPUTime returns what the program and its children have used of the CPUs.
func (r *Run) CPUTime() time.Duration { return r.proc.CPUTime() }

// PeakMemoryBytes returns the most resident memory that it and its children ever had.
func (r *Run) PeakMemoryBytes() int64 { return r.proc.PeakMemoryBytes() }

// Close ends the program if it runs.
func (r *Run) Close() {
	r.proc.Kill()
	_ = r.log.Close() // it was only read
}
