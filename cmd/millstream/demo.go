package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/millstream-db/millstream/bench/workload"
	"github.com/millstream-db/millstream/ingest/broker"
)

// warmUp is how long the demo's stream runs before its queries are shown: the
// records of the first seconds are then in the views.
const warmUp = time.Second

// runDemo is the subcommand demo: a Kafka broker, a live stream of orders and
// page views and the database, all in this process.
func runDemo(ctx context.Context, inv invocation) error {
	cfg := defaultConfig()
	cfg.Data, cfg.LogLevel = "", "warn"
	cfg.ShutdownTimeout = time.Second
	validate := func() error {
		c := *cfg
		if c.Data == "" {
			c.Data = os.TempDir()
		}
		return c.validateDemo()
	}
	warnings, err := loadConfig("demo", cfg.demoSettings(), validate, inv)
	if err != nil {
		return err
	}
	log := newLogger(inv.stderr, cfg)
	for _, w := range warnings {
		log.Warn("configuration", "warning", w)
	}
	ctx, stop := untilSignal(ctx, log, os.Exit)
	defer stop()
	if cfg.Data == "" {
		dir, err := os.MkdirTemp("", "millstream-demo-")
		if err != nil {
			return fmt.Errorf("make a data directory: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // best effort: it is a temporary directory
		cfg.Data = dir
	}
	d := demo{cfg: cfg, log: log, out: inv.stdout, environ: inv.environ}
	return d.run(ctx, func(dbConfig *Config) process { return newProcess(dbConfig, log) })
}

// demo is the demo while it runs.
type demo struct {
	cfg     *Config
	log     *slog.Logger
	out     io.Writer
	environ []string
}

// run starts the broker and the stream, runs the database on top of them, and
// stops them after it.
func (d *demo) run(ctx context.Context, newProcess func(*Config) process) error {
	b, err := broker.Start(ctx, broker.Options{
		Addr:    d.cfg.Demo.Kafka,
		DataDir: filepath.Join(d.cfg.Data, "kafka"),
		Topics:  map[string]int{workload.OrdersTopic: workload.OrdersPartitions, workload.PageViewsTopic: workload.PageViewsPartitions},
		Logger:  d.log,
	})
	if err != nil {
		return err
	}
	defer b.Close()
	stopStream, err := d.startStream(ctx, b.Addr())
	if err != nil {
		return err
	}

	dbConfig := *d.cfg
	dbConfig.Data = filepath.Join(d.cfg.Data, "database")
	p := newProcess(&dbConfig)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.endpoints = d.createFirst(ctx, p.endpoints, p.exec, b.Addr())
	p.ready = func(ctx context.Context, addrs map[string]string) {
		started := time.Now()
		if err := d.show(ctx, addrs, b.Addr()); err != nil && ctx.Err() == nil {
			d.log.Error("a query of the demo", "err", err)
		}
		if d.cfg.Demo.For > 0 {
			defer cancel()
			sleep(ctx, d.cfg.Demo.For-time.Since(started))
		}
	}
	err = serve(ctx, &dbConfig, d.log, p)
	return errors.Join(err, stopStream())
}

// startStream begins to produce. The function it returns ends that and waits.
func (d *demo) startStream(ctx context.Context, addr string) (stop func() error, err error) {
	producer, err := workload.NewProducer(workload.ProducerOptions{
		Brokers: []string{addr}, Rate: d.cfg.Demo.Rate, Seed: uint64(d.cfg.Demo.Seed), Logger: d.log,
	})
	if err != nil {
		return nil, err
	}
	if err := producer.Resume(ctx); err != nil {
		producer.Close()
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	var runErr error
	running.Go(func() { runErr = producer.Run(ctx) })
	return sync.OnceValue(func() error {
		cancel()
		running.Wait()
		producer.Close()
		return runErr
	}), nil
}

// createFirst creates the demo's sources and views before the servers exist,
// so that nobody can ask for a view that is not there yet.
func (d *demo) createFirst(ctx context.Context, endpoints func() ([]endpoint, error), exec func(context.Context, string) error, addr string) func() ([]endpoint, error) {
	return func() ([]endpoint, error) {
		for _, sql := range append(workload.ShopSources(addr), workload.ShopViews()...) {
			if err := exec(ctx, sql); err != nil {
				return nil, fmt.Errorf("demo: %s: %w", firstLine(sql), err)
			}
		}
		return endpoints()
	}
}

// show prints what runs where, and the queries to try with their results.
func (d *demo) show(ctx context.Context, addrs map[string]string, kafka string) error {
	pg := addrs["postgres"]
	host, port, err := net.SplitHostPort(pg)
	if err != nil {
		return fmt.Errorf("address of postgres: %w", err)
	}
	fmt.Fprintf(d.out, `Millstream demo: %d orders and page views per second.

  Kafka     %s   topics orders and page_views
  Postgres  %s   psql -h %s -p %s -c 'SELECT * FROM revenue_per_minute ORDER BY 1 DESC LIMIT 5'
`, d.cfg.Demo.Rate, kafka, pg, host, port)
	if http := addrs["http"]; http != "" {
		fmt.Fprintf(d.out, "  HTTP      %s   curl -d '{\"sql\": \"SELECT * FROM product_totals\"}' http://%s/v1/query\n", http, http)
	}
	fmt.Fprintf(d.out, "  Data      %s\n\nSources: orders, page_views. Views: revenue_per_minute, page_stats_10s, product_totals, order_status.\nTry:\n", d.cfg.Data)
	if !sleep(ctx, warmUp) {
		return nil
	}
	c, err := connect(ctx, clientOptions{addr: pg, environ: d.environ})
	if err != nil {
		return err
	}
	defer c.close()
	for _, q := range workload.ShopQueries() {
		fmt.Fprintf(d.out, "\n# %s\nmillstream sql --addr %s -c \"%s\"\n\n", q.Title, pg, q.SQL)
		if err := c.execute(ctx, q.SQL, d.out); err != nil {
			return fmt.Errorf("%s: %w", q.Title, err)
		}
	}
	if d.cfg.Demo.For > 0 {
		fmt.Fprintf(d.out, "\nRunning for %s.\n", d.cfg.Demo.For)
	} else {
		fmt.Fprintln(d.out, "\nRunning until Ctrl-C.")
	}
	return nil
}

// sleep waits for d and reports whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func firstLine(sql string) string {
	line, _, _ := strings.Cut(sql, "\n")
	return line
}
