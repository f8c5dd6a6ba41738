package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// config is the command line.
type config struct {
	records   int64
	short     int64
	bids      int64
	runs      int
	only      []string
	workloads []string
	groups    int64
	limit     time.Duration // of a replay
	steady    time.Duration // of a rate
	out       string
	dir       string
	fresh     bool
	binary    string
	args      []string // as they were typed

	role    string // of a process that peers started itself
	jobArgs []string
}

// The groups of workloads that can be chosen.
var workloadNames = []string{"replay", "nexmark", "freshness", "queries", "restart", "start-up", "size"}

func parseFlags(args []string, output io.Writer) (*config, error) {
	c := &config{args: args}
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.Int64Var(&c.records, "records", 20_000_000, "how many records the topic of a replay holds")
	flags.Int64Var(&c.short, "short-records", 0, "how many the topic of the slow systems (pathway, bytewax, loop) holds; by default a tenth of -records")
	flags.Int64Var(&c.bids, "nexmark-events", 2_000_000, "how many events, all of them bids, the topic of Nexmark's queries holds")
	flags.IntVar(&c.runs, "runs", 3, "how often everything is measured; the medians count")
	only := flags.String("only", "", "measure the systems whose names begin so, as a `list`; by default all")
	workloads := flags.String("workloads", "", "what is measured, as a `list` of "+strings.Join(workloadNames, ", ")+"; by default everything")
	flags.Int64Var(&c.groups, "groups", 1_000_000, "how many groups are open for queries under load and the restart")
	flags.DurationVar(&c.limit, "limit", 5*time.Minute, "what takes longer gets no figure")
	flags.DurationVar(&c.steady, "for", 10*time.Second, "how long a steady rate is measured")
	flags.StringVar(&c.out, "out", "bench", "`directory` of results.json, RESULTS.md and results.svg")
	flags.StringVar(&c.dir, "dir", "", "`directory` for data and logs; a temporary one by default")
	flags.BoolVar(&c.fresh, "fresh", false, "forget what results.json has")
	flags.StringVar(&c.binary, "millstream", "", "`path` of the program; by default it is built")
	flags.StringVar(&c.role, "role", "", "internal: what this process measures")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	c.jobArgs = flags.Args()
	if c.short == 0 {
		c.short = c.records / 10
	}
	c.only, c.workloads = splitList(*only), splitList(*workloads)
	if c.records < 10 || c.short < 1 || c.runs < 1 || c.groups < 10 || c.bids < 10 {
		return nil, errors.New("-records, -nexmark-events and -groups must be at least 10, -runs and -short-records at least 1")
	}
	for _, w := range c.workloads {
		if !slices.Contains(workloadNames, w) {
			return nil, fmt.Errorf("-workloads: there is no %q; there are %s", w, strings.Join(workloadNames, ", "))
		}
	}
	for _, prefix := range c.only {
		if !slices.ContainsFunc(systems, func(s *system) bool { return strings.HasPrefix(s.Name, prefix) }) {
			return nil, fmt.Errorf("-only: there is no system whose name begins with %q", prefix)
		}
	}
	return c, nil
}

func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// measures reports whether a group of workloads is chosen.
func (c *config) measures(group string) bool {
	return len(c.workloads) == 0 || slices.Contains(c.workloads, group)
}

// chosen returns the systems that are measured, as copies: what is learned of them
// belongs to one call.
func (c *config) chosen() []*system {
	var list []*system
	for _, s := range systems {
		if len(c.only) > 0 && !slices.ContainsFunc(c.only, func(prefix string) bool { return strings.HasPrefix(s.Name, prefix) }) {
			continue
		}
		x := *s
		list = append(list, &x)
	}
	return list
}

func main() {
	c, err := parseFlags(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		if c.role != "" {
			err = play(ctx, c, os.Stdout)
		} else {
			err = run(ctx, c, os.Stdout)
		}
		stop()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "peers: %v\n", err)
		os.Exit(1)
	}
}
