package results

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// sample has a figure or two of everything.
func sample() *File {
	f := &File{Machine: "2 CPUs (a CPU)", Versions: []string{"Apache Kafka 4", "go1"}, Commands: []string{"go run ./bench/peers"}}
	for _, s := range []System{
		{Name: Millstream, Title: "Millstream", How: "as it is."},
		{Name: MillstreamHistory, Title: "Millstream with history", How: "with history."},
		{Name: Consumer, Title: "limit: the consumer", How: "reads.", Limit: true},
		{Name: Decoder, Title: "limit: the decoder", How: "decodes.", Limit: true},
		{Name: Aggregation, Title: "limit: the view", How: "adds.", Limit: true},
		{Name: Spark, Title: "Spark", Version: "4", How: "as its guide says."},
		{Name: "loop", Title: "A <loop>", How: "by hand."},
	} {
		f.Declare(s)
	}
	for system, seconds := range map[string][]float64{
		Millstream: {2, 1, 4}, MillstreamHistory: {3, 3, 3}, Consumer: {1, 1, 1}, Decoder: {1.2, 1.2, 1.2}, Aggregation: {0.3, 0.3, 0.3}, Spark: {31, 29, 28}, "loop": {9, 10, 11},
	} {
		for run, s := range seconds {
			for _, w := range Replays {
				f.Add(Measurement{Workload: w, System: system, Run: run + 1, Values: map[Value]float64{
					Records: 1e6, Bytes: 200e6, Seconds: s, StartSeconds: s / 10, CPUSeconds: 1.5 * s, PeakBytes: 100e6 * s,
					DiskBytes: 40e6,
				}})
			}
		}
	}
	for _, rate := range FreshnessRates[:2] {
		f.Add(Measurement{Workload: Freshness(rate), System: Millstream, Run: 1, Values: map[Value]float64{
			Rate: float64(rate), Seconds: 10, CPUSeconds: 4, P50Millis: 5, P99Millis: 60, MaxMillis: 70, PeakBytes: 300e6}})
		f.Add(Measurement{Workload: Freshness(rate), System: Spark, Run: 1, Values: map[Value]float64{
			Rate: float64(rate), Seconds: 10, CPUSeconds: 12, P50Millis: 900, P99Millis: 2100, MaxMillis: 2200, PeakBytes: 1e9}})
	}
	for _, m := range []Measurement{
		{Workload: Nexmark("q0"), System: Millstream, Values: map[Value]float64{Records: 1e6, Seconds: 2}},
		{Workload: Nexmark("q0"), System: Spark, Values: map[Value]float64{Records: 1e6, Seconds: 20}},
		{Workload: Nexmark("q7"), System: Millstream, Values: map[Value]float64{Records: 1e6, Seconds: 2.5}},
		{Workload: Nexmark("q17"), System: Spark, Values: map[Value]float64{Records: 1e6, Seconds: 30}},
	} {
		m.Run = 1
		f.Add(m)
	}
	one := func(workload string, values map[Value]float64) {
		f.Add(Measurement{Workload: workload, System: Millstream, Run: 1, Values: values})
	}
	one(Query("", 0), map[Value]float64{IngestRate: 100_000})
	one(Query(PointLookup, 1), map[Value]float64{Rate: 700, P50Millis: 1, P99Millis: 4, MaxMillis: 9, IngestRate: 99_000})
	one(Query(PointLookup, 16), map[Value]float64{Rate: 900, P50Millis: 12, P99Millis: 40, MaxMillis: 90, IngestRate: 75_000})
	one(Query(HistoryScan, 16), map[Value]float64{Rate: 80, P50Millis: 150, P99Millis: 300, MaxMillis: 310, IngestRate: 90_000})
	one(Restart, map[Value]float64{Seconds: 1.5})
	one(StartUp, map[Value]float64{Seconds: 0.25})
	one(Memory, map[Value]float64{IdleBytes: 80e6, PeakBytes: 900e6, GroupBytes: 250})
	one(BinarySize, map[Value]float64{DiskBytes: 70e6})
	f.Miss(Missing{System: "flink", Reason: "cannot be installed:\nno mvn"})
	f.Miss(Missing{System: "loop", Workload: Freshness(50_000), Reason: "it was not done in time"})
	f.Miss(Missing{System: Spark, Workload: Nexmark("q7"), Reason: "it has no rank"})
	return f
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestReport(t *testing.T) { golden(t, "report.md", sample().Report()) }

func TestChart(t *testing.T) {
	chart := sample().Chart()
	golden(t, "chart.svg", chart)
	for d := xml.NewDecoder(strings.NewReader(chart)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestEmptyFile(t *testing.T) {
	f := &File{}
	for _, x := range f.Targets() {
		if x.Reached || x.Figure != "" {
			t.Errorf("%q is reached by nothing: %q", x.Text, x.Figure)
		}
	}
	if f.Report() == "" || f.Chart() == "" {
		t.Error("there is no report")
	}
}

// TestTargetsFollowTheFigures makes every figure of the sample good, and then bad.
func TestTargetsFollowTheFigures(t *testing.T) {
	for _, tt := range []struct {
		name    string
		ours    float64 // times what Millstream's figures are
		reached int
	}{
		// Ingest beside readers stays what it is, history beside none too.
		{"good", 0.01, 12}, {"bad", 1000, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := sample()
			for _, m := range f.Measurements {
				if m.System != Millstream && m.System != MillstreamHistory {
					continue
				}
				for name := range m.Values {
					if name != Records && name != IngestRate {
						m.Values[name] *= tt.ours
					}
				}
			}
			reached := 0
			for _, x := range f.Targets() {
				if x.Reached {
					reached++
				}
			}
			if reached != tt.reached {
				t.Errorf("%d targets are reached, want %d: %+v", reached, tt.reached, f.Targets())
			}
		})
	}
}

// TestMerge: a run of some systems replaces theirs and leaves the others.
func TestMerge(t *testing.T) {
	dir := t.TempDir()
	if err := sample().Save(dir); err != nil {
		t.Fatal(err)
	}
	f, err := Load(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample().Report(), f.Report()); diff != "" {
		t.Errorf("what was loaded reports something else: %s", diff)
	}
	kept, _ := f.RecordRate(Spark, ReplayPages)
	f.Add(Measurement{Workload: ReplayPages, System: "loop", Run: 1, Values: map[Value]float64{Records: 100, Seconds: 1}})
	f.Add(Measurement{Workload: ReplayPages, System: "loop", Run: 2, Values: map[Value]float64{Records: 100, Seconds: 2}})
	if rate, _ := f.RecordRate("loop", ReplayPages); rate != 75 || f.Runs("loop", ReplayPages) != 2 || f.Runs("loop", ReplayUsers) != 3 {
		t.Errorf("%v records/s of %d runs", rate, f.Runs("loop", ReplayPages))
	}
	if rate, _ := f.RecordRate(Spark, ReplayPages); rate != kept {
		t.Errorf("Spark has %v, had %v", rate, kept)
	}
	f.Miss(Missing{System: Spark, Workload: ReplayPages, Reason: "wrong rows"})
	if _, ok := f.RecordRate(Spark, ReplayPages); ok {
		t.Error("a system with wrong rows has a figure")
	}
	f.Add(Measurement{Workload: ReplayPages, System: Spark, Run: 1, Values: map[Value]float64{Records: 100, Seconds: 1}})
	if len(f.Missing) != 3 {
		t.Errorf("what is measured is missing: %v", f.Missing)
	}
	if !f.Knows(Spark) || f.Knows("flink") {
		t.Error("what is known is not what was measured")
	}
	f.Sort([]string{Spark, Millstream})
	if f.Systems[0].Name != Spark || f.Systems[1].Name != Millstream || f.Systems[2].Name != MillstreamHistory {
		t.Errorf("the order is %v", f.Systems)
	}
	none, err := Load(filepath.Join(dir, "none.json"))
	if err != nil || len(none.Measurements) > 0 {
		t.Errorf("%v, %v", none, err)
	}
}
