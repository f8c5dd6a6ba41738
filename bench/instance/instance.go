package instance

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/millstream-db/millstream/bench/child"
)

// command is the package that Build builds.
const command = "github.com/millstream-db/millstream/cmd/millstream"

// ErrRefused is returned by Start when the process ended before it was ready.
var ErrRefused = errors.New("millstream ended while it started")

// Build builds the binary into dir, with further flags of go build, and returns its
// path.
func Build(ctx context.Context, dir string, flags ...string) (string, error) {
	path := filepath.Join(dir, "millstream")
	args := append(append([]string{"build", "-o", path}, flags...), command)
	cmd := exec.CommandContext(ctx, "go", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", command, err, out)
	}
	return path, nil
}

// Options say what is started.
type Options struct {
	Binary   string
	Data     string        // the data directory
	Log      string        // the file that takes the process's output; it is appended to
	Settings []string      // further flags of serve, such as --memory=64MiB or --pg=127.0.0.1:0
	Env      []string      // added to the environment
	Timeout  time.Duration // until it is ready; one minute by default
	// Roots are what proves the certificate that the settings name; nil: HTTP is in
	// the clear.
	Roots *x509.CertPool
}

// Instance is a running millstream. It is safe for concurrent use.
type Instance struct {
	proc    *child.Process
	url     string
	http    string
	pg      string
	client  *http.Client
	startup time.Duration
}

// Start starts an instance and waits until it answers. The error wraps
// ErrRefused when the process ended instead.
func Start(ctx context.Context, o Options) (*Instance, error) {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	seen, err := size(o.Log)
	if err != nil {
		return nil, err
	}
	args := append([]string{
		"serve", "--data=" + o.Data, "--pg=off", "--http=127.0.0.1:0", "--log_format=json",
	}, o.Settings...)
	// The process outlives ctx: that only bounds the start.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), o.Binary, args...)
	cmd.Env = append(os.Environ(), o.Env...)
	started := time.Now()
	proc, err := child.Start(cmd, o.Log)
	if err != nil {
		return nil, err
	}
	addrs, err := waitReady(ctx, proc, o, seen)
	if err != nil {
		proc.Kill()
		return nil, fmt.Errorf("%w\nthe end of its log:\n%s", err, proc.Log(20))
	}
	i := &Instance{proc: proc, url: "http://" + addrs.HTTP, http: addrs.HTTP, pg: addrs.Postgres, startup: time.Since(started)}
	// Many readers ask at once; each keeps its connection.
	// The server closes what idles for two minutes, and a POST that crosses that is not sent again.
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}
	if o.Roots != nil {
		i.url = "https://" + addrs.HTTP
		transport.TLSClientConfig = &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	}
	i.client = &http.Client{Transport: transport}
	return i, nil
}

func size(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("log of millstream: %w", err)
	}
	return info.Size(), nil
}

// addresses are where a process listens.
type addresses struct{ HTTP, Postgres string }

// waitReady reads the log from an offset on until it says where HTTP listens.
func waitReady(ctx context.Context, proc *child.Process, o Options, from int64) (addresses, error) {
	log, err := os.Open(o.Log)
	if err != nil {
		return addresses{}, fmt.Errorf("log of millstream: %w", err)
	}
	defer log.Close() //nolint:errcheck // it was only read
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	for {
		text, err := io.ReadAll(io.NewSectionReader(log, from, 1<<30))
		if err != nil {
			return addresses{}, fmt.Errorf("log of millstream: %w", err)
		}
		for line := range bytes.Lines(text) {
			var entry struct {
				Msg string
				addresses
			}
			if json.Unmarshal(line, &entry) == nil && entry.Msg == "ready" && entry.HTTP != "" {
				return entry.addresses, nil
			}
		}
		select {
		case <-proc.Done():
			return addresses{}, fmt.Errorf("%w: %w", ErrRefused, proc.Err())
		case <-ctx.Done():
			return addresses{}, fmt.Errorf("millstream is not ready after %s: %w", o.Timeout, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Startup returns how long the process took from its start until it was ready.
func (i *Instance) Startup() time.Duration { return i.startup }

// Postgres returns the address of the Postgres protocol, "" or "off" unless the
// settings ask for one.
func (i *Instance) Postgres() string { return i.pg }

// HTTP returns the address of HTTP.
func (i *Instance) HTTP() string { return i.http }

// Running reports whether the process lives.
func (i *Instance) Running() bool { return i.proc.Running() }

// Err returns how the process has ended.
func (i *Instance) Err() error { return i.proc.Err() }

// PID returns the number of the process.
func (i *Instance) PID() int { return i.proc.PID() }

// PeakMemoryBytes returns the most resident memory the process ever had.
func (i *Instance) PeakMemoryBytes() int64 { return i.proc.PeakMemoryBytes() }

// CPUTime returns what the process has used of the CPUs.
func (i *Instance) CPUTime() time.Duration { return i.proc.CPUTime() }

// Log returns the last lines that the process logged.
func (i *Instance) Log(lines int) string { return i.proc.Log(lines) }

// Kill ends the process at once.
func (i *Instance) Kill() {
	i.proc.Kill()
	i.client.CloseIdleConnections()
}

// Stop asks the process to end and waits for it. An error of the process, or
// one that takes longer than half a minute, is an error.
func (i *Instance) Stop() error {
	defer i.client.CloseIdleConnections()
	if err := i.proc.Terminate(30 * time.Second); err != nil {
		return err
	}
	if err := i.proc.Err(); err != nil {
		return fmt.Errorf("millstream stopped: %w\nthe end of its log:\n%s", err, i.Log(20))
	}
	return nil
}
