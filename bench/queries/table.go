package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/millstream-db/millstream/bench/figures"
	"github.com/millstream-db/millstream/bench/machine"
)

// comparison is what was measured of one query with so many clients, for each
// round the first server's and the second's.
type comparison struct {
	workload *workload
	clients  int
	rounds   [][2]measurement
}

// ratioOf is how many times as fast the first server was in a round.
func (r *comparison) ratioOf(round int) float64 {
	return r.rounds[round][0].rate(r.workload) / r.rounds[round][1].rate(r.workload)
}

// ratio is the median of the rounds' ratios: what else happens on the machine
// hits both servers of a round alike.
func (r *comparison) ratio() float64 {
	list := make([]float64, len(r.rounds))
	for i := range list {
		list[i] = r.ratioOf(i)
	}
	return figures.Median(list)
}

// of returns the median over the rounds of what f says about a server.
func (r *comparison) of(server int, f func(measurement) float64) float64 {
	list := make([]float64, len(r.rounds))
	for i, round := range r.rounds {
		list[i] = f(round[server])
	}
	return figures.Median(list)
}

// tailSamples is how many latencies there must be for the slowest hundredth to
// mean something.
const tailSamples = 100

// cells writes one server's figures.
func (r *comparison) cells(server int) string {
	each := rate(r.of(server, func(m measurement) float64 { return m.rate(r.workload) }))
	if r.workload.large {
		each += fmt.Sprintf(" rows, %.0f MB", r.of(server, measurement.megabytes))
	}
	cpu := r.of(server, func(m measurement) float64 { return m.cpu.Seconds() * 1000 / float64(m.queries) })
	return fmt.Sprintf("%s | %s | %s | %s", each, r.latency(server, 0.5), r.latency(server, 0.99), milliseconds(cpu))
}

// latency writes the median of a percentile in milliseconds.
func (r *comparison) latency(server int, share float64) string {
	samples := r.of(server, func(m measurement) float64 { return float64(m.queries) })
	if share > 0.5 && samples < tailSamples {
		return ""
	}
	return milliseconds(r.of(server, func(m measurement) float64 { return m.percentile(share).Seconds() * 1000 }))
}

func milliseconds(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.2f", ms)
	case ms < 100:
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

// rate writes how many there are in a second.
func rate(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.1f", v)
	}
	return figures.Thousands(v)
}

// newTable writes the medians as Markdown.
func newTable(c *config, servers []*server, results []*comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s rows, %s groups; medians of %d rounds of %s. %s; %s %s, %s %s; %s.\n\n",
		figures.Thousands(float64(c.rows)), figures.Thousands(float64(c.rows/10)), c.rounds, c.patient, machine.Describe(),
		servers[0].name, servers[0].version, servers[1].name, servers[1].version, time.Now().UTC().Format(time.DateOnly))
	fmt.Fprintf(&b, "| query | clients | %s: per second | p50 ms | p99 ms | CPU ms | %s: per second | p50 ms | p99 ms | CPU ms | ratio |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
		servers[0].name, servers[1].name)
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %d | %s | %s | %.2f |\n", r.workload.name, r.clients, r.cells(0), r.cells(1), r.ratio())
	}
	return b.String()
}
