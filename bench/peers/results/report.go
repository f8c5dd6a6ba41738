package results

import (
	"fmt"
	"math"
	"strings"

	"github.com/millstream-db/millstream/bench/figures"
)

// Report writes everything as Markdown.
func (f *File) Report() string {
	var b strings.Builder
	b.WriteString("# Millstream beside other systems\n\n")
	fmt.Fprintf(&b, "%s; %s. Every system reads the same topics of one Apache Kafka broker on the same machine, alone at its time; its rows\n"+
		"are compared with those computed from the records, and a system with others has no figure. Medians of the runs.\n"+
		"Written by `make bench-peers` from `bench/results.json`, which has each run.\n\n![replay and freshness](results.svg)\n", f.Machine, strings.Join(f.Versions, ", "))
	for _, w := range Replays {
		f.writeReplay(&b, w)
	}
	f.writeNexmark(&b)
	f.writeCosts(&b)
	f.writeFreshness(&b)
	f.writeQueries(&b)
	f.writeRest(&b)
	f.writeSystems(&b)
	f.writeTargets(&b)
	return b.String()
}

// table is Markdown's.
type table struct {
	title, text, head string
	rows              []string
}

func (t *table) add(cells ...string) {
	t.rows = append(t.rows, "| "+strings.Join(cells, " | ")+" |\n")
}

// write writes a table that has rows.
func (t *table) write(b *strings.Builder) {
	if len(t.rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", t.title)
	if t.text != "" {
		fmt.Fprintf(b, "%s\n\n", t.text)
	}
	fmt.Fprintf(b, "| %s |\n|%s\n", t.head, strings.Repeat("---|", 1+strings.Count(t.head, "|")))
	for _, r := range t.rows {
		b.WriteString(r)
	}
}

func (f *File) writeReplay(b *strings.Builder, workload string) {
	t := table{
		title: strings.ToUpper(workload[:1]) + workload[1:],
		text: "From the moment when the program is up and begins to connect until the rows of the last record are there " +
			"(written, visible or, for Millstream, durable). The first seconds of a virtual machine, in which it compiles, are part of it: the more records, the less they weigh.",
		head: "system | records | runs | records/s | MB/s | seconds | start-up s | CPU s | peak memory MB | Millstream is",
	}
	ours, known := f.RecordRate(Millstream, workload)
	for _, s := range f.Systems {
		rate, ok := f.RecordRate(s.Name, workload)
		if !ok {
			continue
		}
		median := func(v Value) float64 { x, _ := f.Median(s.Name, workload, v); return x }
		ratio := ""
		if known && s.Name != Millstream {
			ratio = fmt.Sprintf("%.2f times as fast", ours/rate)
		}
		t.add(s.Title, figures.Thousands(median(Records)), fmt.Sprint(f.Runs(s.Name, workload)), figures.Thousands(rate), figure(rate*median(Bytes)/median(Records)/1e6),
			figure(median(Seconds)), figure(median(StartSeconds)), figure(median(CPUSeconds)), figures.Thousands(median(PeakBytes)/1e6), ratio)
	}
	t.write(b)
}

// writeCosts says what a record of the replays costs of a core, and how much of that
// its parts cost by themselves.
func (f *File) writeCosts(b *strings.Builder) {
	t := table{
		title: "What a record costs",
		text: "Microseconds of a core, all threads together, without the broker's. What the parts take by themselves is what Millstream can't do without; " +
			"the rest is what moves records between them, epochs, and the checkpoint.",
		head: "workload | Millstream | the consumer | the decoder | the view | the rest",
	}
	cost := func(system, workload string) float64 {
		seconds, _ := f.Median(system, workload, CPUSeconds)
		records, ok := f.Median(system, workload, Records)
		if !ok {
			return math.NaN()
		}
		return seconds / records * 1e6
	}
	for _, w := range Replays {
		whole, rest := cost(Millstream, w), cost(Millstream, w)
		cells := []string{w, figure(whole)}
		for _, part := range []string{Consumer, Decoder, Aggregation} {
			rest -= cost(part, w)
			cells = append(cells, figure(cost(part, w)))
		}
		if !math.IsNaN(rest) {
			t.add(append(cells, figure(rest))...)
		}
	}
	t.write(b)
}

func (f *File) writeFreshness(b *strings.Builder) {
	t := table{
		title: "Freshness",
		text: "From the moment when a record is handed to the producer until an answer that counts it has arrived (Millstream: a query " +
			"over the Postgres protocol; others: where their results come out), at a steady rate.",
		head: "system | records/s | runs | p50 ms | p99 ms | max ms | CPU of a core | peak memory MB",
	}
	for _, rate := range FreshnessRates {
		for _, s := range f.Systems {
			w := Freshness(rate)
			p50, ok := f.Median(s.Name, w, P50Millis)
			if !ok {
				continue
			}
			median := func(v Value) float64 { x, _ := f.Median(s.Name, w, v); return x }
			worst, _ := f.Worst(s.Name, w, MaxMillis)
			t.add(s.Title, figures.Thousands(median(Rate)), fmt.Sprint(f.Runs(s.Name, w)), figure(p50), figure(median(P99Millis)), figure(worst),
				fmt.Sprintf("%.2f", median(CPUSeconds)/max(median(Seconds), 1e-9)), figures.Thousands(median(PeakBytes)/1e6))
		}
	}
	t.write(b)
}

func (f *File) writeQueries(b *strings.Builder) {
	t := table{
		title: "Queries under load",
		text: "Millstream, while 100,000 records per second come in; the clients are on the same machine and ask again as soon as they are answered. " +
			"Ingest is what was taken in meanwhile.",
		head: "query | queries/s | p50 ms | p99 ms | max ms | ingest records/s",
	}
	if rate, ok := f.Median(Millstream, Query("", 0), IngestRate); ok {
		t.add("none", "", "", "", "", figures.Thousands(rate))
	}
	for _, q := range Questions {
		for _, clients := range ClientCounts {
			w := Query(q, clients)
			rate, ok := f.Median(Millstream, w, Rate)
			if !ok {
				continue
			}
			median := func(v Value) string { x, _ := f.Median(Millstream, w, v); return figure(x) }
			ingest, _ := f.Median(Millstream, w, IngestRate)
			t.add(w, figures.Thousands(rate), median(P50Millis), median(P99Millis), median(MaxMillis), figures.Thousands(ingest))
		}
	}
	t.write(b)
}

// writeRest writes what is one figure each.
func (f *File) writeRest(b *strings.Builder) {
	t := table{title: "Restart, start-up, memory, size", text: "Millstream.", head: "what | figure"}
	for _, row := range []struct {
		text, workload string
		value          Value
		unit           string
		size           float64
	}{
		{"restart with 1 million open groups after a kill, until it is ready", Restart, Seconds, "s", 1},
		{"start-up of an empty database, until it is ready", StartUp, Seconds, "ms", 1e-3},
		{"memory of an empty database", Memory, IdleBytes, "MB", 1e6},
		{"memory with 1 million open groups, the most it ever had", Memory, PeakBytes, "MB", 1e6},
		{"state of an open group beside its key", Memory, GroupBytes, "bytes", 1},
		{"binary", BinarySize, DiskBytes, "MB", 1e6},
	} {
		if x, ok := f.Median(Millstream, row.workload, row.value); ok {
			t.add(row.text, figure(x/row.size)+" "+row.unit)
		}
	}
	if bytes, ok := f.Median(MillstreamHistory, ReplayPages, DiskBytes); ok {
		records, _ := f.Median(MillstreamHistory, ReplayPages, Records)
		values, _ := f.Median(MillstreamHistory, ReplayPages, Bytes)
		t.add("history after the replay by page, of a record's "+figures.Thousands(values/records)+" bytes", figure(bytes/records)+" bytes")
	}
	t.write(b)
}

func (f *File) writeSystems(b *strings.Builder) {
	b.WriteString("\n## How each was run\n\n")
	for _, s := range f.Systems {
		version := s.Version
		if version != "" {
			version = " (" + version + ")"
		}
		fmt.Fprintf(b, "* **%s**%s: %s\n", s.Title, version, s.How)
	}
	if len(f.Missing) > 0 {
		b.WriteString("\nWithout a figure:\n\n")
	}
	for _, m := range f.Missing {
		of := ""
		if m.Workload != "" {
			of = " (" + m.Workload + ")"
		}
		fmt.Fprintf(b, "* %s%s: %s\n", m.System, of, strings.ReplaceAll(m.Reason, "\n", " "))
	}
	if len(f.Commands) > 0 {
		fmt.Fprintf(b, "\nCommands:\n\n```\n%s\n```\n", strings.Join(f.Commands, "\n"))
	}
}

func (f *File) writeTargets(b *strings.Builder) {
	t := table{title: "Targets", head: "target | figure | reached | what holds it"}
	for _, x := range f.Targets() {
		reached := "no"
		switch {
		case x.Reached:
			reached = "yes"
		case x.Figure == "":
			x.Figure, reached = "", "not measured"
		}
		if reached != "no" {
			x.Held = ""
		}
		t.add(x.Text, x.Figure, reached, x.Held)
	}
	t.write(b)
}

// figure writes a number with three digits that count.
func figure(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return figures.Thousands(v)
}
