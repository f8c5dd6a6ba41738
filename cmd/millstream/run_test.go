package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal notes what happens in which order.
type journal struct {
	mu      sync.Mutex
	entries []string
}

func (j *journal) add(entry string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

type fakeDatabase struct {
	*journal
	checkpointErr error
}

func (d fakeDatabase) StopSources(context.Context) error { d.add("stop sources"); return nil }
func (d fakeDatabase) Checkpoint(context.Context) error {
	d.add("checkpoint")
	return d.checkpointErr
}
func (d fakeDatabase) Close() error { d.add("close"); return nil }

type fakeServer struct {
	*journal
	serveErr error
	done     chan struct{}
}

func (s fakeServer) Serve(_ context.Context, ln net.Listener) error {
	defer ln.Close()
	if s.serveErr != nil {
		return s.serveErr
	}
	<-s.done
	return nil
}

func (s fakeServer) Shutdown(context.Context) error {
	s.add("stop listeners")
	close(s.done)
	return nil
}

// fakeProcess is a process whose parts write to j.
func fakeProcess(j *journal, db database, serveErr error) process {
	return process{
		open: func(context.Context) (database, error) { j.add("open"); return db, nil },
		exec: func(_ context.Context, sql string) error {
			if strings.Contains(sql, "broken") {
				return errors.New("no such thing")
			}
			j.add(sql)
			return nil
		},
		endpoints: func() ([]endpoint, error) {
			return []endpoint{{"http", "127.0.0.1:0", fakeServer{j, serveErr, make(chan struct{})}}}, nil
		},
	}
}

func TestServeStopsInOrder(t *testing.T) {
	t.Parallel()
	j := &journal{}
	p := fakeProcess(j, fakeDatabase{journal: j}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	p.ready = func(_ context.Context, addrs map[string]string) {
		j.add("ready")
		if addrs["http"] == "" {
			t.Error("no address")
		}
		cancel()
	}
	if err := serve(ctx, defaultConfig(), slog.New(slog.DiscardHandler), p); err != nil {
		t.Error(err)
	}
	want := []string{"open", "ready", "stop listeners", "stop sources", "checkpoint", "close"}
	if !slices.Equal(j.entries, want) {
		t.Errorf("got  %v\nwant %v", j.entries, want)
	}
}

func TestServeTakesEveryStepThoughOneFails(t *testing.T) {
	t.Parallel()
	j := &journal{}
	p := fakeProcess(j, fakeDatabase{j, errors.New("disk full")}, errors.New("broken"))
	err := serve(t.Context(), defaultConfig(), slog.New(slog.DiscardHandler), p)
	if err == nil || err.Error() != "http: broken\nlast checkpoint: disk full" {
		t.Errorf("error %v", err)
	}
	if want := []string{"open", "stop listeners", "stop sources", "checkpoint", "close"}; !slices.Equal(j.entries, want) {
		t.Errorf("got  %v\nwant %v", j.entries, want)
	}
}

func TestPortInUseClosesTheDatabase(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	j := &journal{}
	p := fakeProcess(j, fakeDatabase{journal: j}, nil)
	p.endpoints = func() ([]endpoint, error) {
		return []endpoint{{name: "http", addr: "127.0.0.1:0"}, {name: "postgres", addr: taken.Addr().String()}}, nil
	}
	if err := serve(t.Context(), defaultConfig(), slog.New(slog.DiscardHandler), p); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("error %v", err)
	}
	if want := []string{"open", "stop sources", "checkpoint", "close"}; !slices.Equal(j.entries, want) {
		t.Errorf("got  %v\nwant %v", j.entries, want)
	}
}

func TestInitFileRunsAtFirstStart(t *testing.T) {
	t.Parallel()
	cfg := defaultConfig()
	cfg.Data = t.TempDir()
	cfg.Init = filepath.Join(t.TempDir(), "init.sql")
	write := func(text string) {
		if err := os.WriteFile(cfg.Init, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start := func() ([]string, error) {
		j := &journal{}
		p := fakeProcess(j, fakeDatabase{journal: j}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		p.ready = func(context.Context, map[string]string) { cancel() }
		err := serve(ctx, cfg, slog.New(slog.DiscardHandler), p)
		return slices.DeleteFunc(j.entries, func(s string) bool { return !strings.HasPrefix(s, "CREATE") }), err
	}
	write("CREATE a;\n-- a comment;\n\nbroken;")
	if _, err := start(); err == nil || !strings.Contains(err.Error(), "line 4: no such thing") {
		t.Errorf("error %v", err)
	}
	write("CREATE a;\nCREATE b;")
	if got, err := start(); err != nil || !slices.Equal(got, []string{"CREATE a", "CREATE b"}) {
		t.Errorf("ran %v, %v", got, err)
	}
	if got, err := start(); err != nil || len(got) != 0 {
		t.Errorf("the second start ran %v, %v", got, err)
	}
}

// Not parallel: signals reach the whole process.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	exited := make(chan int, 1)
	ctx, stop := untilSignal(t.Context(), slog.New(slog.DiscardHandler), func(code int) { exited <- code })
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case code := <-exited:
		if code == exitOK {
			t.Error("exit code 0")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still running")
	}
}

func TestDemoProducesUntilItsTimeIsUp(t *testing.T) {
	t.Parallel()
	for registry, want := range map[string]int{off: 4, "127.0.0.1:0": 6} {
		t.Run(registry, func(t *testing.T) {
			t.Parallel()
			testDemo(t, registry, want)
		})
	}
}

// testDemo runs the demo on a database that is none; statements and queries are wanted
// in so many pairs.
func testDemo(t *testing.T, registry string, want int) {
	t.Helper()
	cfg := defaultConfig()
	cfg.Data, cfg.Demo.Kafka, cfg.Demo.Registry, cfg.Demo.For = t.TempDir(), "127.0.0.1:0", registry, 50*time.Millisecond
	j := &journal{}
	var out bytes.Buffer
	d := demo{cfg: cfg, log: slog.New(slog.DiscardHandler), out: &out}
	var dbConfig *Config
	err := d.run(t.Context(), func(c *Config) process {
		dbConfig = c
		p := fakeProcess(j, fakeDatabase{journal: j}, nil)
		p.endpoints = func() ([]endpoint, error) {
			pg := newFakePostgres()
			return []endpoint{{"postgres", "127.0.0.1:0", pg}}, nil
		}
		return p
	})
	if err != nil {
		t.Fatal(err)
	}
	if dbConfig.Data == cfg.Data || !strings.HasPrefix(dbConfig.Data, cfg.Data) {
		t.Errorf("the database's directory is %s", dbConfig.Data)
	}
	created := slices.DeleteFunc(slices.Clone(j.entries), func(s string) bool { return !strings.HasPrefix(s, "CREATE") })
	if len(created) != 2*want-2 {
		t.Errorf("created %v", created)
	}
	if got := strings.Count(out.String(), "(2 rows)"); got != want {
		t.Errorf("%d results in\n%s", got, out.String())
	}
}
