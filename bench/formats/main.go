package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/millstream-db/millstream/bench/machine"
)

// config is the command line.
type config struct {
	records int
	rounds  int
	patient time.Duration // of each measurement
}

// round is one turn of a format's decoder and of the library.
type round struct{ ours, theirs measurement }

func main() {
	var c config
	flags := flag.NewFlagSet("formats", flag.ContinueOnError)
	flags.IntVar(&c.records, "records", 4*batchRows, "how many different records there are")
	flags.IntVar(&c.rounds, "rounds", 5, "how often everything is measured; the medians count")
	flags.DurationVar(&c.patient, "for", 500*time.Millisecond, "how long records are decoded in a round")
	err := flags.Parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil && (c.records < 1 || c.rounds < 1) {
		err = errors.New("-records and -rounds must be at least 1")
	}
	if err == nil {
		err = run(c, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "formats: %v\n", err)
		os.Exit(1)
	}
}

// run compares what all formats are read as, measures, and prints the table.
func run(c config, out io.Writer) error {
	all, schema, err := newFormats(c.records)
	if err != nil {
		return err
	}
	if err := compare(all, schema); err != nil {
		return err
	}
	rounds := make(map[*format][]round)
	for range c.rounds {
		for _, f := range all {
			var r round
			if r.ours, err = f.into(schema, c.patient); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			if r.theirs, err = f.byLibrary(c.patient); err != nil {
				return fmt.Errorf("%s by the library: %w", f.name, err)
			}
			rounds[f] = append(rounds[f], r)
		}
	}
	_, err = io.WriteString(out, table(c, all, rounds))
	return err
}

// table writes the medians as Markdown.
func table(c config, all []*format, rounds map[*format][]round) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d records of %d fields; one goroutine; medians of %d rounds of %s. %s; %s.\n\n",
		c.records, len(fields), c.rounds, c.patient, machine.Describe(), time.Now().UTC().Format(time.DateOnly))
	b.WriteString("| format | bytes | into columns: M records/s | MB/s | allocations each | by the library | M records/s | allocations each | ratio |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, f := range all {
		of := func(what func(round) float64) float64 { return median(rounds[f], what) }
		fmt.Fprintf(&b, "| %s | %.0f | %.2f | %.0f | %.3f | %s | %.2f | %.0f | %.1f |\n", f.name,
			of(func(r round) float64 { return float64(r.ours.bytes) / float64(r.ours.records) }),
			of(func(r round) float64 { return r.ours.rate() / 1e6 }), of(func(r round) float64 { return r.ours.megabytes() }),
			of(func(r round) float64 { return r.ours.each() }), f.reader,
			of(func(r round) float64 { return r.theirs.rate() / 1e6 }), of(func(r round) float64 { return r.theirs.each() }),
			of(func(r round) float64 { return r.ours.rate() / r.theirs.rate() }))
	}
	return b.String()
}
