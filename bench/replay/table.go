package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/bench/machine"
)

// newTable writes the medians as Markdown.
func newTable(c *config, byRole map[string][]measurement) string {
	medians := map[string]measurement{}
	for name, all := range byRole {
		slices.SortFunc(all, func(a, b measurement) int { return int(a.perSecond() - b.perSecond()) })
		medians[name] = all[len(all)/2]
	}
	m := medians[roleSystem]
	var b strings.Builder
	fmt.Fprintf(&b, "# Replay\n\n%d JSON records of %d bytes over %d partitions; the median of %d runs. %s; %s.\n\n",
		c.records, medians[roleConsume].Bytes/max(1, medians[roleConsume].Records), partitions, c.runs, machine.Describe(), runtime.Version())
	b.WriteString("| | records/s | MB/s | seconds | CPU seconds | peak memory | millstream is |\n|---|---|---|---|---|---|---|\n")
	for _, r := range roles {
		x := medians[r.name]
		ratio := "-"
		if r.name != roleSystem {
			ratio = fmt.Sprintf("%.2f of it", m.perSecond()/x.perSecond())
		}
		bytes := float64(medians[roleConsume].Bytes) / 1e6 * x.perSecond() / float64(x.Records)
		fmt.Fprintf(&b, "| %s | %.0f | %.0f | %.1f | %.1f | %d MiB | %s |\n", r.title, x.perSecond(), bytes,
			max(x.Visible, x.Durable).Seconds(), x.CPU.Seconds(), x.PeakBytes>>20, ratio)
	}
	slower := min(medians[roleConsume].perSecond(), medians[roleDecode].perSecond())
	fmt.Fprintf(&b, "\nMillstream reaches %.2f of the slower limit. All records were visible after %.1f s and durable after %.1f s; the database takes %d MiB on the disk.\n\nRun it with `make bench`.\n",
		m.perSecond()/slower, m.Visible.Seconds(), m.Durable.Seconds(), m.FileBytes>>20)
	return b.String()
}
