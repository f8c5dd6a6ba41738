package realkafka

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/child"
)

// stopPatience is how long a broker may take to stop politely.
const stopPatience = 30 * time.Second

// Stop is how a broker is ended.
type Stop int

const (
	// Graceful lets the broker flush its log and say goodbye.
	Graceful Stop = iota
	// Killed ends it by SIGKILL, so that it recovers its log when it starts.
	Killed
)

// String returns the word for it in sentences.
func (s Stop) String() string {
	if s == Killed {
		return "killed"
	}
	return "graceful"
}

// Broker is a running Kafka broker.
type Broker struct {
	opts  Options
	addrs []string // of the clients' listener
	dir   string   // data, settings and log; "" when the broker is not ours
	java  string
	jars  string

	mu   sync.Mutex // protects proc
	proc *child.Process
}

// Start starts a broker, or takes those of KAFKA_BROKERS, and waits until it
// answers. ctx bounds the start only; Close ends the broker.
func Start(ctx context.Context, opts Options) (*Broker, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Broker{opts: opts}
	if addrs := os.Getenv(BrokersVariable); addrs != "" {
		b.addrs = strings.Split(addrs, ",")
		if err := b.waitReady(ctx, nil); err != nil {
			return nil, err
		}
		return b, nil
	}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Broker) start(ctx context.Context) (err error) {
	if b.java, err = exec.LookPath("java"); err != nil {
		return fmt.Errorf("%w: %w", ErrNoJava, err)
	}
	if b.jars, err = fetchJars(ctx, b.opts); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "millstream-kafka-"); err != nil {
		return fmt.Errorf("make a directory for the broker: %w", err)
	}
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	b.addrs = []string{loopback(ports[0])}
	if err := b.writeSettings(ports[0], ports[1]); err != nil {
		return err
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	format := b.command(ctx, "kafka.tools.StorageTool", "format",
		"--cluster-id="+base64.RawURLEncoding.EncodeToString(id[:]), "--config", b.path("server.properties"))
	if out, err := format.CombinedOutput(); err != nil {
		return fmt.Errorf("format the broker's data directory: %w\n%s", err, out)
	}
	return b.run(ctx)
}

// run starts the process and waits until it answers.
func (b *Broker) run(ctx context.Context) error {
	// The process outlives ctx: that only bounds the start.
	cmd := b.command(context.WithoutCancel(ctx), "kafka.Kafka", b.path("server.properties"))
	proc, err := child.Start(cmd, b.path("broker.log"))
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.proc = proc
	b.mu.Unlock()
	started := time.Now()
	if err := b.waitReady(ctx, proc); err != nil {
		return fmt.Errorf("%w\nthe end of its log:\n%s", err, proc.Log(30))
	}
	b.opts.Logger.Info("kafka broker started", "version", Version, "addr", b.Addr(), "duration", time.Since(started))
	return nil
}

// command returns a call of one of Kafka's main classes.
func (b *Broker) command(ctx context.Context, args ...string) *exec.Cmd {
	heap := strconv.Itoa(b.opts.HeapMB) + "m"
	java := []string{
		"-Xms" + heap, "-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4",
		"-Dlog4j2.configurationFile=" + b.path("log4j2.properties"),
		"-cp", filepath.Join(b.jars, "*"),
	}
	cmd := exec.CommandContext(ctx, b.java, append(java, args...)...)
	cmd.Dir = b.dir
	return cmd
}

func (b *Broker) path(name string) string { return filepath.Join(b.dir, name) }

// waitReady asks for metadata until the broker gives it. proc may be nil.
func (b *Broker) waitReady(ctx context.Context, proc *child.Process) error {
	ctx, cancel := context.WithTimeout(ctx, b.opts.StartTimeout)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addrs...), kgo.DialTimeout(time.Second), kgo.RequestRetries(0))
	if err != nil {
		return fmt.Errorf("kafka client for %v: %w", b.addrs, err)
	}
	defer client.Close()
	var exited <-chan struct{} // nil, never ready, when the process is not ours
	if proc != nil {
		exited = proc.Done()
	}
	for {
		pingErr := client.Ping(ctx)
		if pingErr == nil {
			return nil
		}
		select {
		case <-exited:
			return fmt.Errorf("kafka broker ended while it started: %w", proc.Err())
		case <-ctx.Done():
			return fmt.Errorf("kafka broker %v does not answer: %w", b.addrs, pingErr)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Addr returns the host:port of the broker, or of the first of several.
func (b *Broker) Addr() string { return b.addrs[0] }

// Addrs returns all addresses.
func (b *Broker) Addrs() []string { return append([]string(nil), b.addrs...) }

// Ours reports whether the broker was started here and can be restarted.
func (b *Broker) Ours() bool { return b.dir != "" }

// Restart stops the broker and starts it again on the same data and the same
// port. It returns when the broker answers again.
func (b *Broker) Restart(ctx context.Context, how Stop) error {
	if !b.Ours() {
		return ErrNotOurs
	}
	if err := b.stop(how); err != nil {
		return err
	}
	return b.run(ctx)
}

func (b *Broker) stop(how Stop) error {
	b.mu.Lock()
	proc := b.proc
	b.proc = nil
	b.mu.Unlock()
	switch {
	case proc == nil:
		return nil
	case how == Killed:
		proc.Kill()
		return nil
	}
	return proc.Terminate(stopPatience)
}

// Log returns the last lines that the broker printed.
func (b *Broker) Log(lines int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.proc == nil {
		return ""
	}
	return b.proc.Log(lines)
}

// Close ends the broker and removes its data. It may be called twice.
func (b *Broker) Close() error {
	err := b.stop(Killed) // nobody needs the data any more
	if b.dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

// freePorts returns ports of the loopback interface that are free now.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		ln, err := net.Listen("tcp", loopback(0))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		// Held until all are found, so that they differ.
		defer ln.Close() //nolint:errcheck // nothing was accepted on it
		ports[i] = ln.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
