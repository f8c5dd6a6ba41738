package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// config is the command line.
type config struct {
	rows    int64
	rounds  int
	patient time.Duration // of each measurement
	clients []int
	only    *regexp.Regexp
	binary  string
	dir     string
}

func parseFlags(args []string) (*config, error) {
	c := &config{}
	flags := flag.NewFlagSet("queries", flag.ContinueOnError)
	flags.Int64Var(&c.rows, "rows", 1_000_000, "how many rows there are; a tenth of them are groups")
	flags.IntVar(&c.rounds, "rounds", 3, "how often everything is measured; the medians count")
	flags.DurationVar(&c.patient, "for", 2*time.Second, "how long a query is repeated in a round; each client runs it at least once")
	clients := flags.String("clients", "1,16", "how many clients ask at the same time, as a list")
	only := flags.String("only", "", "measure the queries whose names this `expression` matches")
	flags.StringVar(&c.binary, "millstream", "", "`path` of the program; by default it is built")
	flags.StringVar(&c.dir, "dir", "", "`directory` for both databases, which PostgreSQL's user must reach; a temporary one by default")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	for _, item := range strings.Split(*clients, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-clients: %q is not a number of clients", item)
		}
		c.clients = append(c.clients, n)
	}
	if c.rows < 10 || c.rounds < 1 {
		return nil, errors.New("-rows must be at least 10, -rounds at least 1")
	}
	var err error
	if c.only, err = regexp.Compile(*only); err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	return c, nil
}

func main() {
	c, err := parseFlags(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err = run(ctx, c, os.Stdout)
		stop()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "queries: %v\n", err)
		os.Exit(1)
	}
}

// run starts both databases, fills them, compares their answers, measures, and
// prints the table.
func run(ctx context.Context, c *config, out io.Writer) (err error) {
	if c.dir == "" {
		if c.dir, err = os.MkdirTemp("", "millstream-queries-"); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
		if err := os.Chmod(c.dir, 0o755); err != nil { //nolint:gosec // PostgreSQL runs as somebody else
			return fmt.Errorf("open the directory for PostgreSQL: %w", err)
		}
	}
	millstream, err := startMillstream(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, millstream.stop()) }()
	postgres, err := startPostgres(ctx, filepath.Join(c.dir, "postgres"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.stop()) }()
	servers := []*server{millstream, postgres}
	for _, s := range servers {
		started := time.Now()
		if err := s.fill(ctx, c.rows); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s has its rows after %.1f s\n", s.name, time.Since(started).Seconds())
	}
	var chosen []*workload
	for _, w := range workloads(c.rows) {
		if c.only.MatchString(w.name) {
			chosen = append(chosen, w)
		}
	}
	for _, w := range chosen {
		if err := compare(ctx, w, servers); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "the answers to %d queries are equal\n", len(chosen))
	results, err := measureAll(ctx, c, chosen, servers, out)
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\n", newTable(c, servers, results))
	return nil
}

// measureAll lets the servers take turns. The one that begins changes from round
// to round.
func measureAll(ctx context.Context, c *config, chosen []*workload, servers []*server, out io.Writer) ([]*comparison, error) {
	var results []*comparison
	for _, w := range chosen {
		for _, n := range c.clients {
			r := &comparison{workload: w, clients: n, rounds: make([][2]measurement, c.rounds)}
			results = append(results, r)
		}
	}
	for round := range c.rounds {
		for _, r := range results {
			for turn := range servers {
				i := (turn + round) % len(servers)
				m, err := measure(ctx, servers[i], r.workload, r.clients, c.patient)
				if err != nil {
					return nil, fmt.Errorf("%s: %s: %w", servers[i].name, r.workload.name, err)
				}
				r.rounds[round][i] = m
			}
			fmt.Fprintf(out, "round %d: %s, clients: %d, ratio: %.2f\n", round+1, r.workload.name, r.clients, r.ratioOf(round))
		}
	}
	return results, nil
}
