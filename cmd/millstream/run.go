package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/query/parser"
)

// database is what has to be stopped step by step when the process ends.
type database interface {
	// StopSources stops reading from Kafka; what was read stays readable.
	StopSources(ctx context.Context) error
	// Checkpoint makes everything that was read durable.
	Checkpoint(ctx context.Context) error
	// Close gives everything up. It is called once.
	Close() error
}

// server answers on one listener. Serve returns nil after Shutdown; the end of
// its context would close connections at once, which only Shutdown may do.
type server interface {
	Serve(ctx context.Context, ln net.Listener) error
	Shutdown(ctx context.Context) error
}

// endpoint is a server and where it is to listen.
type endpoint struct {
	name   string // postgres, http
	addr   string
	server server
}

// process is everything that runs. The functions are called in the order in
// which they stand here, each once.
type process struct {
	// open opens the database, which replays what its last checkpoint lacks.
	open func(ctx context.Context) (database, error)
	// exec runs one statement on the open database.
	exec func(ctx context.Context, sql string) error
	// endpoints makes the servers of the open database.
	endpoints func() ([]endpoint, error)
	// ready is told the addresses by endpoint name once all servers answer; it
	// runs beside them and is waited for. Nil: nothing to do.
	ready func(ctx context.Context, addrs map[string]string)
}

// runServe is the subcommand serve.
func runServe(ctx context.Context, inv invocation) error {
	cfg := defaultConfig()
	warnings, err := loadConfig("serve", cfg.settings(), cfg.Validate, inv)
	if err != nil {
		return err
	}
	log := newLogger(inv.stderr, cfg)
	for _, w := range warnings {
		log.Warn("configuration", "warning", w)
	}
	ctx, stop := untilSignal(ctx, log, os.Exit)
	defer stop()
	return serve(ctx, cfg, log, newProcess(cfg, log))
}

// untilSignal returns a context that SIGINT or SIGTERM ends. A second signal
// calls exit at once: Kafka is the write-ahead log, so nothing is lost.
func untilSignal(parent context.Context, log *slog.Logger, exit func(code int)) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	signal.Ignore(syscall.SIGXFSZ) // a file that may not grow is an error to go on after, as a full disk is
	stopped := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stopped:
				return
			case s := <-signals:
				if n > 1 {
					log.Warn("second signal, ending at once", "signal", s.String())
					exit(exitFailed)
				}
				log.Info("stopping", "signal", s.String())
				cancel()
			}
		}
	})
	var once sync.Once
	return ctx, func() {
		once.Do(func() {
			signal.Stop(signals)
			close(stopped)
			watch.Wait()
			cancel()
		})
	}
}

// serve runs p until ctx ends or a server fails, and then stops it in this
// order: listeners, sources, a checkpoint, the database. Every step is taken
// even when one before it fails; the error joins all of theirs.
func serve(ctx context.Context, cfg *Config, log *slog.Logger, p process) (err error) {
	started := time.Now()
	db, err := p.open(ctx)
	if err != nil {
		return fmt.Errorf("open %s: %w", cfg.Data, err)
	}
	stopping := context.WithoutCancel(ctx)
	defer func() { err = errors.Join(err, stopDatabase(stopping, db, log)) }()

	if err := runInit(ctx, cfg, p.exec, log); err != nil {
		return err
	}
	endpoints, err := p.endpoints()
	if err != nil {
		return err
	}
	s, err := listen(ctx, endpoints)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.shutdown(stopping, cfg.ShutdownTimeout)) }()

	s.serve(stopping)
	log.Info("ready", "duration", time.Since(started), "data", cfg.Data, "postgres", s.addrs["postgres"], "http", s.addrs["http"])
	return s.wait(ctx, p.ready)
}

// stopDatabase ends what is left when nobody asks any more.
func stopDatabase(ctx context.Context, db database, log *slog.Logger) error {
	var errs []error
	step := func(name string, f func() error) {
		started := time.Now()
		if err := f(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			return
		}
		log.Debug("stopped", "step", name, "duration", time.Since(started))
	}
	step("stop sources", func() error { return db.StopSources(ctx) })
	step("last checkpoint", func() error { return db.Checkpoint(ctx) })
	step("close database", db.Close)
	if len(errs) == 0 {
		log.Info("stopped")
	}
	return errors.Join(errs...)
}

// servers are the endpoints while they listen.
type servers struct {
	endpoints []endpoint
	listeners []net.Listener
	addrs     map[string]string // by endpoint name, with the port that was bound

	running sync.WaitGroup
	failed  chan error // one slot per endpoint
}

// listen binds all addresses; if one can't be bound, none stays bound.
func listen(ctx context.Context, endpoints []endpoint) (*servers, error) {
	s := &servers{endpoints: endpoints, addrs: map[string]string{}, failed: make(chan error, len(endpoints))}
	var config net.ListenConfig
	for _, e := range endpoints {
		ln, err := config.Listen(ctx, "tcp", e.addr)
		if err != nil {
			for _, bound := range s.listeners {
				_ = bound.Close() // nothing was accepted on it
			}
			return nil, fmt.Errorf("listen for %s clients: %w", e.name, err)
		}
		s.listeners = append(s.listeners, ln)
		s.addrs[e.name] = ln.Addr().String()
	}
	return s, nil
}

func (s *servers) serve(ctx context.Context) {
	for i, e := range s.endpoints {
		s.running.Go(func() {
			if err := e.server.Serve(ctx, s.listeners[i]); err != nil {
				s.failed <- fmt.Errorf("%s: %w", e.name, err)
			}
		})
	}
}

// wait returns when ctx ends, with nil, or when a server fails.
func (s *servers) wait(ctx context.Context, ready func(context.Context, map[string]string)) error {
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	if ready != nil {
		background.Go(func() { ready(ctx, s.addrs) })
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

// shutdown stops all servers at once and waits for them. Statements that are
// still running after timeout are cancelled, which is no error.
func (s *servers) shutdown(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	errs := make([]error, len(s.endpoints))
	var all sync.WaitGroup
	for i, e := range s.endpoints {
		all.Go(func() {
			if err := e.server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				errs[i] = fmt.Errorf("stop %s: %w", e.name, err)
			}
		})
	}
	all.Wait()
	s.running.Wait()
	return errors.Join(errs...)
}

// runInit runs the statements of the init file, once per data directory. A start that
// fails in the middle of the file begins it again the next time.
func runInit(ctx context.Context, cfg *Config, exec func(context.Context, string) error, log *slog.Logger) error {
	if cfg.Init == "" {
		return nil
	}
	marker := filepath.Join(cfg.Data, checkpoint.InitMarker)
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	text, err := os.ReadFile(cfg.Init)
	if err != nil {
		return fmt.Errorf("read init file: %w", err)
	}
	pieces := parser.Split(string(text))
	for _, piece := range pieces {
		if err := exec(ctx, piece.Text); err != nil {
			return fmt.Errorf("init file %s, line %d: %w", cfg.Init, lineAt(string(text), piece.Offset), err)
		}
	}
	if err := os.WriteFile(marker, []byte(cfg.Init+"\n"), 0o600); err != nil {
		return fmt.Errorf("note that the init file has run: %w", err)
	}
	log.Info("init file has run", "file", cfg.Init, "statements", len(pieces))
	return nil
}

// lineAt returns the 1-based line of a byte offset.
func lineAt(text string, offset int) int {
	line := 1
	for _, c := range []byte(text[:offset]) {
		if c == '\n' {
			line++
		}
	}
	return line
}
