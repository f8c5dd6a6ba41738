package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/peers/rows"
	"github.com/millstream-db/millstream/bench/workload"
	"github.com/millstream-db/millstream/ingest/broker"
)

// TestMain lets the limits' processes be this program.
func TestMain(m *testing.M) {
	if slices.ContainsFunc(os.Args, func(arg string) bool { return strings.HasPrefix(arg, "-role=") }) {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// TestMillstreamAndLimits measures few records on the embedded broker: replays, and
// what else there is of Millstream's unless the test is to be short.
func TestMillstreamAndLimits(t *testing.T) {
	b, err := broker.Start(t.Context(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	out, workloads := t.TempDir(), "replay,nexmark,size"
	if !testing.Short() {
		workloads += ",queries,restart,start-up"
	}
	c, err := parseFlags([]string{
		"-records=4000", "-nexmark-events=12000", "-groups=2000", "-runs=1", "-for=200ms", "-only=millstream,franz-go,decoder,aggregation,memory", "-workloads=" + workloads, "-out=" + out,
	}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := measureOn(t.Context(), c, b.Addr(), "embedded broker", &said); err != nil {
		t.Fatalf("%v\n%s", err, said.Bytes())
	}
	f, err := results.Load(out + "/results.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range results.Replays {
		for _, name := range []string{results.Millstream, results.MillstreamHistory, results.Consumer, results.Decoder, results.Aggregation, results.MemoryReads} {
			if rate, ok := f.RecordRate(name, w); !ok || rate < 1 {
				t.Errorf("%s, %s: %v records/s", w, name, rate)
			}
			if peak, _ := f.Median(name, w, results.PeakBytes); peak < 1e6 {
				t.Errorf("%s, %s: a peak of %v bytes", w, name, peak)
			}
		}
	}
	figures := map[string]results.Value{results.BinarySize: results.DiskBytes}
	for _, q := range results.NexmarkQueries {
		figures[results.Nexmark(q)] = results.Seconds
	}
	if !testing.Short() {
		figures[results.Restart], figures[results.StartUp] = results.Seconds, results.Seconds
		figures[results.Memory] = results.GroupBytes
		figures[results.Query("", 0)] = results.IngestRate
		for _, q := range results.Questions {
			figures[results.Query(q, 16)] = results.P99Millis
		}
	}
	if disk, _ := f.Median(results.MillstreamHistory, results.ReplayPages, results.DiskBytes); disk < 1e5 {
		t.Errorf("history takes %v bytes", disk)
	}
	for w, value := range figures {
		if v, _ := f.Median(results.Millstream, w, value); v <= 0 {
			t.Errorf("%s: %s is %v", w, value, v)
		}
	}
	if len(f.Missing) > 0 {
		t.Errorf("missing: %v", f.Missing)
	}
}

func TestFlags(t *testing.T) {
	c, err := parseFlags([]string{"-records=1000", "-only=millstream, spark", "-workloads=replay"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range c.chosen() {
		names = append(names, s.Name)
	}
	if want := []string{results.Millstream, results.MillstreamHistory, results.Spark}; !slices.Equal(names, want) {
		t.Errorf("chosen are %v, want %v", names, want)
	}
	if c.short != 100 || !c.measures("replay") || c.measures("restart") {
		t.Errorf("%+v", c)
	}
	for _, wrong := range []string{"-records=1", "-nexmark-events=1", "-runs=0", "-only=oracle", "-workloads=replays"} {
		if _, err := parseFlags([]string{wrong}, t.Output()); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

// TestFeedCountsProbes: each probe's way ends when an answer counts it, those sent
// before the measurement do not count.
func TestFeedCountsProbes(t *testing.T) {
	b, err := broker.Start(t.Context(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s := &session{config: &config{}, addr: b.Addr()}
	f, err := s.newFeed(t.Context(), "steady", 20_000)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	if err := f.run(ctx); err != nil {
		t.Fatal(err)
	}
	records, probes, seen := f.progress()
	if records < 2000 || records > 12_000 || probes < 12*partitions || probes%partitions != 0 || seen != 0 { // the machine may be busy
		t.Fatalf("%d records, %d probes, %d seen", records, probes, seen)
	}
	each := int64(probes / partitions)
	f.observe(0, each, time.Now())
	if len(f.latencies()) != 0 {
		t.Error("a probe counts before the measurement begins")
	}
	f.from = f.probes[1][each-10]
	f.observe(1, each-10, time.Now())
	f.observe(1, each, f.probes[1][each-1].Add(time.Second))
	f.observe(1, each, time.Now())
	if late := f.latencies(); len(late) != 10 || late[9] != time.Second || late[0] < time.Second {
		t.Errorf("%v", late)
	}
	if probe := f.probe(2, time.Now()); probe.Cents != each || probe.Page != workload.PurchasePages+2 {
		t.Errorf("%+v", probe)
	}
}

// TestNexmarkOfASystemThatCannotOrIsWrong: a query that a system cannot answer is listed with
// the reason, which is no failure; one whose rows are wrong is one.
func TestNexmarkOfASystemThatCannotOrIsWrong(t *testing.T) {
	b, err := broker.Start(t.Context(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s := &session{
		config: &config{bids: 5000, runs: 1, limit: time.Minute, out: t.TempDir(), dir: t.TempDir()}, out: t.Output(), addr: b.Addr(), file: &results.File{},
	}
	cannot := map[string]string{}
	for _, q := range results.NexmarkQueries[1:] {
		cannot[q] = "it has no " + q
	}
	g := newBids()
	write := func(last int64) func(context.Context, *session, *system, nexmarkJob) (map[results.Value]float64, error) {
		return func(_ context.Context, _ *session, _ *system, j nexmarkJob) (map[results.Value]float64, error) {
			var text bytes.Buffer
			for n := range last {
				b := g.Bid(n)
				fmt.Fprintf(&text, "%d,%d,%d,%s,%s\n", b.Auction, b.Bidder, b.Price, b.At.Format(time.RFC3339Nano), b.Extra)
			}
			return map[results.Value]float64{results.Seconds: 1}, os.WriteFile(filepath.Join(j.rows, "rows.csv"), text.Bytes(), 0o600)
		}
	}
	s.systems = []*system{
		{System: results.System{Name: "right"}, nexmark: write(s.bids), cannot: cannot},
		{System: results.System{Name: "wrong"}, nexmark: write(s.bids - 1), cannot: cannot},
		{System: results.System{Name: "none"}},
	}
	if err := s.measureNexmark(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rate, ok := s.file.RecordRate("right", results.Nexmark("q0")); !ok || rate != 5000 {
		t.Errorf("the system with the right rows has %v records/s", rate)
	}
	if len(s.errs) != 1 || !errors.Is(s.errs[0], rows.ErrWrong) {
		t.Errorf("failed: %v", s.errs)
	}
	if want := 2*len(cannot) + 1; len(s.file.Missing) != want {
		t.Errorf("%d are missing, want %d: %v", len(s.file.Missing), want, s.file.Missing)
	}
}

// TestOnlyRightRowsHaveAFigure: what is wrong or too slow has none, does not stop the
// others, and only what is wrong makes the command fail.
func TestOnlyRightRowsHaveAFigure(t *testing.T) {
	b, err := broker.Start(t.Context(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	of := func(name string, replay func(ctx context.Context, dir string) error) *system {
		return &system{System: results.System{Name: name}, replay: func(ctx context.Context, _ *session, _ *system, j replayJob) (map[results.Value]float64, error) {
			return map[results.Value]float64{results.Seconds: 1}, replay(ctx, j.rows)
		}}
	}
	s := &session{
		config: &config{records: 10, runs: 2, limit: 100 * time.Millisecond, out: t.TempDir(), dir: t.TempDir()}, out: t.Output(), addr: b.Addr(),
		file: &results.File{}, topics: map[int64]*topic{},
	}
	s.systems = []*system{
		of("wrong", func(_ context.Context, dir string) error {
			return os.WriteFile(filepath.Join(dir, "rows.csv"), []byte("1767225600,page-0001,7,7,7,7\n"), 0o600)
		}),
		of("slow", func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		}),
		of("limit", func(context.Context, string) error { return nil }),
	}
	s.systems[2].Limit = true
	if err := s.measureReplays(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, runs := range map[string]int{"wrong": 0, "slow": 0, "limit": 2} {
		if got := s.file.Runs(name, results.ReplayPages); got != runs {
			t.Errorf("%s has figures of %d runs, want %d", name, got, runs)
		}
	}
	if len(s.file.Missing) != 4 {
		t.Errorf("missing: %v", s.file.Missing)
	}
	if len(s.errs) != 2 || !errors.Is(s.errs[0], rows.ErrWrong) {
		t.Errorf("failed: %v", s.errs)
	}
}
