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

// runDemo is the subcommand demo: a Kafka broker, a schema registry, a live stream of
// orders, page views, payments and shipments, and the database, all in this process.
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
	cfg      *Config
	log      *slog.Logger
	out      io.Writer
	environ  []string
	kafka    string // the broker's address
	registry string // the URL of the schema registry, "": there is none
}

// run starts the broker, the registry and the stream, runs the database on top of
// them, and stops them after it.
func (d *demo) run(ctx context.Context, newProcess func(*Config) process) error {
	if d.cfg.Demo.Registry != off {
		r, err := broker.StartRegistry(d.cfg.Demo.Registry, d.log)
		if err != nil {
			return err
		}
		defer r.Close()
		d.registry = r.URL()
	}
	b, err := broker.Start(ctx, broker.Options{
		Addr:    d.cfg.Demo.Kafka,
		DataDir: filepath.Join(d.cfg.Data, "kafka"),
		Topics:  workload.ShopTopics(d.registry != ""),
		Logger:  d.log,
	})
	if err != nil {
		return err
	}
	defer b.Close()
	d.kafka = b.Addr()
	stopStream, err := d.startStream(ctx)
	if err != nil {
		return err
	}

	dbConfig := *d.cfg
	dbConfig.Data = filepath.Join(d.cfg.Data, "database")
	p := newProcess(&dbConfig)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.endpoints = d.createFirst(ctx, p.endpoints, p.exec)
	p.ready = func(ctx context.Context, addrs map[string]string) {
		started := time.Now()
		if err := d.show(ctx, addrs); err != nil && ctx.Err() == nil {
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
func (d *demo) startStream(ctx context.Context) (stop func() error, err error) {
	producer, err := workload.NewProducer(workload.ProducerOptions{
		Brokers: []string{d.kafka}, Rate: d.cfg.Demo.Rate, Seed: uint64(d.cfg.Demo.Seed), Registry: d.registry, Logger: d.log,
	})
	if err != nil {
		return nil, err
	}
	err = producer.Resume(ctx)
	if err == nil && d.registry != "" {
		err = producer.Register(ctx)
	}
	if err != nil {
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
func (d *demo) createFirst(ctx context.Context, endpoints func() ([]endpoint, error), exec func(context.Context, string) error) func() ([]endpoint, error) {
	return func() ([]endpoint, error) {
		statements := append(workload.ShopSources(d.kafka), workload.ShopViews()...)
		if d.registry != "" {
			statements = append(statements, workload.FulfilmentStatements(d.kafka, d.registry)...)
		}
		for _, sql := range statements {
			if err := exec(ctx, sql); err != nil {
				return nil, fmt.Errorf("demo: %s: %w", firstLine(sql), err)
			}
		}
		return endpoints()
	}
}

// show prints what runs where, and the queries to try with their results.
func (d *demo) show(ctx context.Context, addrs map[string]string) error {
	pg := addrs["postgres"]
	host, port, err := net.SplitHostPort(pg)
	if err != nil {
		return fmt.Errorf("address of postgres: %w", err)
	}
	topics, sources, views := "orders and page_views", "orders, page_views", "revenue_per_minute, page_stats_10s, product_totals, order_status"
	if d.registry != "" {
		topics, sources, views = "orders, page_views, payments and shipments", sources+", payments, shipments", views+", payment_methods, carriers"
	}
	fmt.Fprintf(d.out, `Millstream demo: %d orders and page views per second.

  Kafka     %s   topics %s
`, d.cfg.Demo.Rate, d.kafka, topics)
	if d.registry != "" {
		fmt.Fprintf(d.out, "  Registry  %s   payments are Avro, shipments Protobuf: curl %s/subjects/payments-value/versions/latest\n", strings.TrimPrefix(d.registry, "http://"), d.registry)
	}
	fmt.Fprintf(d.out, "  Postgres  %s   psql -h %s -p %s -c 'SELECT * FROM revenue_per_minute ORDER BY 1 DESC LIMIT 5'\n", pg, host, port)
	if http := addrs["http"]; http != "" {
		fmt.Fprintf(d.out, "  HTTP      %s   curl -d '{\"sql\": \"SELECT * FROM product_totals\"}' http://%s/v1/query\n", http, http)
	}
	fmt.Fprintf(d.out, "  Data      %s\n\nSources: %s.\nViews: %s.\nTry:\n", d.cfg.Data, sources, views)
	if !sleep(ctx, warmUp) {
		return nil
	}
	c, err := connect(ctx, clientOptions{addr: pg, environ: d.environ})
	if err != nil {
		return err
	}
	defer c.close()
	queries := workload.ShopQueries()
	if d.registry != "" {
		queries = append(queries, workload.FulfilmentQueries()...)
	}
	for _, q := range queries {
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
