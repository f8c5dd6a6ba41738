package results

import (
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/bench/figures"
)

// NexmarkQueries are the queries of Nexmark that are measured, in the order of the report.
var NexmarkQueries = []string{"q0", "q1", "q2", "q5", "q7", "q15", "q16", "q17", "q18"}

// Nexmark names the workload of a query.
func Nexmark(query string) string { return "nexmark " + query }

// nexmarkTitles say what the queries are about.
var nexmarkTitles = map[string]string{
	"q0": "every bid as it comes", "q1": "prices in euros", "q2": "the bids on some auctions", "q5": "hot items: hopping windows, ranked",
	"q7": "the highest bid of each window", "q15": "statistics of days, with distinct counts", "q16": "the same of channels",
	"q17": "statistics of auctions", "q18": "the last bid of each bidder on each auction",
}

// writeNexmark writes a row of each query, with the systems that have any of them.
func (f *File) writeNexmark(b *strings.Builder) {
	var peers []System
	head := "query | bids | runs | Millstream records/s | seconds"
	for _, s := range f.Systems {
		if s.Name != Millstream && f.hasNexmark(s.Name) {
			peers = append(peers, s)
			head += fmt.Sprintf(" | %s records/s | seconds | Millstream is", s.Title)
		}
	}
	t := table{
		title: "Nexmark",
		text: "Queries of the Nexmark benchmark over one topic of bids as JSON, each by itself; the time is that of a replay, and the rows are compared with those of " +
			"plain DuckDB over the same bids. The first seconds of a virtual machine weigh the more the fewer bids there are. Millstream's records are durable in its database; the other systems write the rows, of results that change the last ones, as CSV. " +
			"Left out are q12, whose rows depend on the clock, so that no two systems have the same and a topic that ends leaves its last window open, " +
			"and the queries that join two streams, q3, q4, q6, q8, q9 and q20, which Millstream does not do.",
		head: head,
	}
	for _, q := range NexmarkQueries {
		if row := f.nexmarkRow(q, peers); row != nil {
			t.add(row...)
		}
	}
	t.write(b)
}

func (f *File) hasNexmark(system string) bool {
	for _, q := range NexmarkQueries {
		if f.Runs(system, Nexmark(q)) > 0 {
			return true
		}
	}
	return false
}

// nexmarkRow returns the cells of a query, nil if no system has a figure.
func (f *File) nexmarkRow(query string, peers []System) []string {
	w := Nexmark(query)
	records, runs := 0.0, 0
	of := func(system string) (rate, seconds string) {
		x, ok := f.RecordRate(system, w)
		if !ok {
			return "", ""
		}
		records, _ = f.Median(system, w, Records)
		runs = max(runs, f.Runs(system, w))
		took, _ := f.Median(system, w, Seconds)
		return figures.Thousands(x), figure(took)
	}
	rate, seconds := of(Millstream)
	cells := []string{rate, seconds}
	for _, s := range peers {
		rate, seconds := of(s.Name)
		ratio := ""
		ours, known := f.RecordRate(Millstream, w)
		if theirs, ok := f.RecordRate(s.Name, w); ok && known {
			ratio = fmt.Sprintf("%.2f times as fast", ours/theirs)
		}
		cells = append(cells, rate, seconds, ratio)
	}
	if runs == 0 {
		return nil
	}
	return append([]string{query + ": " + nexmarkTitles[query], figures.Thousands(records), fmt.Sprint(runs)}, cells...)
}
