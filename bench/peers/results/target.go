package results

import (
	"fmt"
	"strings"
)

// Target is something that Millstream is to reach.
type Target struct {
	Text   string
	Figure string // as it was measured, "" if it was not
	// Reached is false when nothing was measured.
	Reached bool
	// Held is what holds it where it is not reached, as profiles have shown.
	Held string
}

// Targets returns all targets with what the file has of each.
func (f *File) Targets() []Target {
	targets := []Target{
		f.ratioTarget("replay without history: at least 15 times Spark", 15, Millstream, func(w string) (float64, bool) { return f.RecordRate(Spark, w) }),
		f.ratioTarget("replay without history: at least 3 times the best other peer", 3, Millstream, f.bestOther),
		f.ratioTarget("replay without history: at least 0.6 of the slower limit", 0.6, Millstream, f.slowerLimit),
		f.ratioTarget("replay with history: at least 0.6 of that without", 0.6, MillstreamHistory, func(w string) (float64, bool) { return f.RecordRate(Millstream, w) }),
		f.atMost("freshness at 50,000 records/s: p50 at most 10 ms", Freshness(50_000), P50Millis, 10, "ms", 1),
		f.atMost("freshness at 50,000 records/s: p99 at most 50 ms", Freshness(50_000), P99Millis, 50, "ms", 1),
	}
	for i := range targets[:4] {
		targets[i].Held = heldReplay
	}
	for _, clients := range ClientCounts {
		lookup := f.atMost(fmt.Sprintf("%s under load: p99 at most 5 ms", Query(PointLookup, clients)), Query(PointLookup, clients), P99Millis, 5, "ms", 1)
		top := f.atMost(fmt.Sprintf("%s under load: p99 at most 25 ms", Query(TopTen, clients)), Query(TopTen, clients), P99Millis, 25, "ms", 1)
		lookup.Held, top.Held = heldLookup, heldTop
		targets = append(targets, lookup, top)
	}
	return append(targets,
		f.ingestTarget(),
		f.atMost("idle memory: at most 150 MB", Memory, IdleBytes, 150, "MB", 1e6),
		f.atMost("memory per open group beside its key: at most 200 bytes", Memory, GroupBytes, 200, "bytes", 1),
		f.atMost("restart with 1 million open groups: at most 2 s", Restart, Seconds, 2, "s", 1),
		f.atMost("start-up of an empty database: at most 200 ms", StartUp, Seconds, 200, "ms", 1e-3),
	)
}

// What profiles show of targets that were not reached on two cores.
const (
	heldReplay = "the cores: see what a record costs of them, above; the broker takes its share of the same two, and history takes as much CPU time again by page"
	heldLookup = "a core: a lookup takes 0.2 ms of one, and is answered in less than a millisecond by one client; the slowest hundredth waits " +
		"until broker, producer, the other clients or ingest let it have one. The door between epochs takes more than 2 ms of one in eight of these"
	heldTop = "the cores: all million groups' totals are compared, in 6 to 9 ms of one, which 16 clients wait for in turn, beside broker, producer and ingest"
)

// ratioTarget wants a system's replays to be at least so many times what
// another rate is, of all replays that were measured.
func (f *File) ratioTarget(text string, least float64, system string, other func(workload string) (float64, bool)) Target {
	t := Target{Text: text, Reached: true}
	var figures []string
	for _, w := range Replays {
		rate, ok := f.RecordRate(system, w)
		base, known := other(w)
		if !ok || !known {
			t.Reached = false
			continue
		}
		ratio := rate / base
		figures = append(figures, fmt.Sprintf("%.2f (%s)", ratio, strings.TrimPrefix(w, "replay ")))
		t.Reached = t.Reached && ratio >= least
	}
	t.Figure = strings.Join(figures, ", ")
	return t
}

// bestOther is the rate of the fastest system that is not Millstream, Spark or a limit.
func (f *File) bestOther(workload string) (best float64, found bool) {
	for _, s := range f.Systems {
		if s.Limit || s.Name == Millstream || s.Name == MillstreamHistory || s.Name == Spark {
			continue
		}
		if rate, ok := f.RecordRate(s.Name, workload); ok {
			best, found = max(best, rate), true
		}
	}
	return best, found
}

// slowerLimit is the lower rate of the two limits.
func (f *File) slowerLimit(workload string) (float64, bool) {
	consumed, ok := f.RecordRate(Consumer, workload)
	decoded, known := f.RecordRate(Decoder, workload)
	return min(consumed, decoded), ok && known
}

// atMost wants a median of Millstream's to be at most so many units.
func (f *File) atMost(text, workload string, v Value, most float64, unit string, size float64) Target {
	x, ok := f.Median(Millstream, workload, v)
	if !ok {
		return Target{Text: text}
	}
	return Target{Text: text, Figure: figure(x/size) + " " + unit, Reached: x/size <= most}
}

// ingestTarget compares what was taken in while 16 clients asked with what was while none did.
func (f *File) ingestTarget() Target {
	t := Target{Text: "16 readers cost ingest at most 0.2 of its rate"}
	alone, ok := f.Median(Millstream, Query("", 0), IngestRate)
	if !ok || alone == 0 {
		return t
	}
	worst, found := 0.0, false
	for _, q := range Questions {
		if rate, ok := f.Median(Millstream, Query(q, 16), IngestRate); ok {
			worst, found = max(worst, 1-rate/alone), true
		}
	}
	if found {
		t.Figure, t.Reached = fmt.Sprintf("%.2f (of the worst query)", worst), worst <= 0.2
	}
	return t
}
