package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/millstream-db/millstream/bench/workload"
)

const (
	topic      = "clicks"
	partitions = 4
	seed       = 1
)

// base is the event time of the first record: a time long past, so that none
// is from the future.
var base = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// config is the command line.
type config struct {
	records    int64
	runs       int
	write      bool
	results    string
	cpuProfile string
	dir        string

	role string // of a process that replay started itself
	addr string // of the broker
}

func main() {
	c := &config{}
	flag.Int64Var(&c.records, "records", 5_000_000, "how many records the topic holds")
	flag.IntVar(&c.runs, "runs", 3, "how often everything is measured; the median counts")
	flag.BoolVar(&c.write, "write", false, "write the table to the file of -results as well")
	flag.StringVar(&c.results, "results", "bench/replay/RESULTS.md", "`file` that -write writes")
	flag.StringVar(&c.cpuProfile, "cpuprofile", "", "write millstream's CPU profile of the last run to this `file`")
	flag.StringVar(&c.dir, "dir", "", "`directory` for the broker's log and the database; a temporary one by default")
	flag.StringVar(&c.role, "role", "", "internal: what this process measures")
	flag.StringVar(&c.addr, "addr", "", "internal: the broker's address")
	flag.Parse()
	if err := run(context.Background(), c, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "replay: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c *config, out io.Writer) error {
	if c.role != "" {
		return play(ctx, c, out)
	}
	return measure(ctx, c, out)
}

// measure starts the broker, fills the topic, measures everything in turn and
// prints the table.
func measure(ctx context.Context, c *config, out io.Writer) (err error) {
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "millstream-replay-"); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	}
	broker, err := startBroker(ctx, c)
	if err != nil {
		return err
	}
	defer broker.stop()
	c.addr = broker.addr
	fmt.Fprintf(out, "filling the topic with %d records\n", c.records)
	started := time.Now()
	if err := workload.Fill(ctx, []string{c.addr}, topic, partitions, c.records, workload.NewClicks(seed), base); err != nil {
		return err
	}
	fmt.Fprintf(out, "filled in %.1f s\n", time.Since(started).Seconds())
	byRole := map[string][]measurement{}
	for n := range c.runs {
		for _, r := range roles {
			m, err := measureRole(ctx, c, r.name, n == c.runs-1)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "run %d: %-9s %s\n", n+1, r.name, m)
			byRole[r.name] = append(byRole[r.name], m)
		}
	}
	table := newTable(c, byRole)
	fmt.Fprint(out, "\n", table)
	if c.write {
		if err := os.WriteFile(c.results, []byte(table), 0o644); err != nil { //nolint:gosec // a file of the repository
			return fmt.Errorf("write results: %w", err)
		}
	}
	return nil
}
