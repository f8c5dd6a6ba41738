package duck

import (
	"runtime/debug"
	"runtime/metrics"
)

const (
	// goSpare is what Go may have beyond its live objects and a quarter of them, however little
	// there is: with less, the collector would be at work all the time.
	goSpare = 32 << 20
	// goStep is by how much Go's limit has to be wrong to be set anew.
	goStep = 4 << 20
)

// goMemory holds Go's part of the process to what everything else leaves of its limit. By itself
// the collector lets the heap become twice what lives in it, and keeps pages that it may need again.
type goMemory struct {
	given   int64 // the limit of the environment (GOMEMLIMIT), which holds as well
	limit   int64 // that was set last
	samples []metrics.Sample
}

func newGoMemory() *goMemory {
	given := debug.SetMemoryLimit(-1)
	return &goMemory{given: given, limit: given, samples: []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/gc/heap/live:bytes"},
	}}
}

// fit sets Go's limit for a process that has so much memory, and may have most.
func (g *goMemory) fit(has, most int64) {
	metrics.Read(g.samples)
	own := int64(g.samples[0].Value.Uint64() - g.samples[1].Value.Uint64())
	live := int64(g.samples[2].Value.Uint64())
	limit := min(g.given, max(own+most-has, live+live/4+goSpare))
	if limit < g.limit-goStep || limit > g.limit+goStep {
		debug.SetMemoryLimit(limit)
		g.limit = limit
	}
}

// release lets Go have what the environment gives it.
func (g *goMemory) release() { debug.SetMemoryLimit(g.given) }
