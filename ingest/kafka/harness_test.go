package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "orders"

// quick are the connector's intervals in tests.
var quick = Options{HealthInterval: 100 * time.Millisecond, CommitInterval: 50 * time.Millisecond}

var schema = batch.NewSchema([]batch.Column{
	{Name: "id", Type: batch.Type{Kind: batch.BigInt}},
	{Name: "name", Type: batch.Type{Kind: batch.Varchar}},
})

func startBroker(t testing.TB, partitions int, opts broker.Options) *broker.Broker {
	t.Helper()
	if partitions > 0 && len(opts.Kfake) == 0 {
		opts.Topics = map[string]int{topic: partitions}
	} else if partitions > 0 {
		opts.Kfake = append(opts.Kfake, kfake.SeedTopics(int32(partitions), topic))
	}
	b, err := broker.Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// bed is a test's broker and a client to produce and to administrate with.
type bed struct {
	*broker.Broker
	client *kgo.Client
	admin  *kadm.Client

	observing sync.Once
	observed  *kfake.FaultHandle
}

func newBed(t testing.TB, partitions int, opts broker.Options) *bed {
	t.Helper()
	b := startBroker(t, partitions, opts)
	client := connect(t, b.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	return &bed{Broker: b, client: client, admin: kadm.NewClient(client)}
}

func connect(t testing.TB, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts = append(opts, kgo.SeedBrokers(addr), kgo.MetadataMinAge(10*time.Millisecond), kgo.ProducerBatchMaxBytes(32<<20), kgo.MaxBufferedRecords(1_000_000))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func limit(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// produce writes n records to a partition, numbered on from first.
func (b *bed) produce(t testing.TB, partition int32, first, n int) {
	t.Helper()
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = numbered(partition, first+i)
	}
	b.write(t, records...)
}

func numbered(partition int32, i int) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, `{"id":%d,"name":"order %d"}`, i, i)}
}

func (b *bed) write(t testing.TB, records ...*kgo.Record) {
	t.Helper()
	if err := b.client.ProduceSync(limit(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// elect makes the other one of two brokers the leader of partition 0.
func (b *bed) elect(t testing.TB) {
	t.Helper()
	if err := b.Cluster().MoveTopicPartition(topic, 0, 1-b.Cluster().LeaderFor(topic, 0)); err != nil {
		t.Fatal(err)
	}
}

// deleteBefore moves a partition's log start.
func (b *bed) deleteBefore(t testing.TB, partition int32, offset int64) {
	t.Helper()
	offsets := make(kadm.Offsets)
	offsets.AddOffset(topic, partition, offset, -1)
	responses, err := b.admin.DeleteRecords(limit(t), offsets)
	if err == nil {
		err = responses.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// memorySink checks every batch against the ones before and keeps its offsets.
type memorySink struct {
	gate chan struct{} // when not nil, Append waits until it is closed

	mu       sync.Mutex
	next     map[int32]int64   // where the next range must begin
	lost     map[int32]int64   // as ranges said
	offsets  map[int32][]int64 // of rows and rejected records
	ids      map[int32][]int64 // column id, -1 for rejected records
	rejected []batch.Rejected
	batches  []batch.Batch // without their records
	waiting  int
	discard  bool // keep no offsets
	rows     int64
	fault    error
}

func newSink(start ...source.Position) *memorySink {
	s := &memorySink{next: map[int32]int64{}, lost: map[int32]int64{}, offsets: map[int32][]int64{}, ids: map[int32][]int64{}}
	for _, p := range start {
		s.next[p.Partition] = p.Next
	}
	return s
}

func (s *memorySink) Append(ctx context.Context, b *batch.Batch) error {
	defer b.Release()
	if s.gate != nil {
		s.mu.Lock()
		s.waiting++
		s.mu.Unlock()
		select {
		case <-s.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.take(b); err != nil && s.fault == nil {
		s.fault = err
	}
	return nil
}

func (s *memorySink) take(b *batch.Batch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	s.rows += int64(b.Rows())
	s.batches = append(s.batches, batch.Batch{Ranges: b.Ranges, Bytes: b.Bytes, Rejected: b.Rejected, Arrival: b.Arrival})
	for _, g := range b.Ranges {
		if next, ok := s.next[g.Partition]; ok && next != g.First && !g.StartsOver {
			return fmt.Errorf("partition %d: range begins at %d, the one before ended at %d", g.Partition, g.First, next)
		}
		s.next[g.Partition] = g.Next
		s.lost[g.Partition] += g.Lost
	}
	if s.discard {
		return nil
	}
	meta := int(b.Record.NumCols()) - len(batch.MetadataColumns())
	ids, partitions := b.Record.Column(0).(*array.Int64), b.Record.Column(meta).(*array.Int32)
	offsets := b.Record.Column(meta + 1).(*array.Int64)
	row := 0
	for _, g := range b.Ranges {
		for range g.Rows {
			if partitions.Value(row) != g.Partition || offsets.Value(row) < g.First || offsets.Value(row) >= g.Next {
				return fmt.Errorf("row at partition %d, offset %d is in range %+v", partitions.Value(row), offsets.Value(row), g)
			}
			s.offsets[g.Partition] = append(s.offsets[g.Partition], offsets.Value(row))
			s.ids[g.Partition] = append(s.ids[g.Partition], ids.Value(row))
			row++
		}
	}
	for _, r := range b.Rejected {
		s.rejected = append(s.rejected, r)
		s.offsets[r.Partition] = append(s.offsets[r.Partition], r.Offset)
		s.ids[r.Partition] = append(s.ids[r.Partition], -1)
	}
	return nil
}

func (s *memorySink) nextOf(partition int32) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if next, ok := s.next[partition]; ok {
		return next
	}
	return -1
}

// positions returns where a reader must begin that follows.
func (s *memorySink) positions(st source.Status) []source.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []source.Position
	for _, id := range slices.Sorted(maps.Keys(s.next)) {
		p := source.Position{Partition: id, Next: s.next[id], LeaderEpoch: -1}
		for _, b := range s.batches {
			for _, g := range b.Ranges {
				if g.Partition == id {
					p.LeaderEpoch, p.TopicID = g.Epoch, g.Topic
				}
			}
		}
		for _, ps := range st.Partitions {
			if ps.Partition == id && p.TopicID == "" {
				p.TopicID = ps.TopicID
			}
		}
		out = append(out, p)
	}
	return out
}

// run is a reader under test.
type run struct {
	source.Reader
	sink *memorySink
}

func spec(t testing.TB, addr string, options map[string]string) source.Spec {
	t.Helper()
	all := map[string]string{"connector": "kafka", "topic": topic, "properties.bootstrap.server": addr, "properties.fetch.max.wait.ms": "50"}
	maps.Copy(all, options)
	s := source.Spec{
		Name: "orders", Options: all, Format: "PLAIN", Encode: "JSON", Schema: schema, Alloc: batch.NewAllocator(),
	}
	if os.Getenv("KAFKA_TEST_LOG") != "" {
		s.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return s
}

// open starts a reader that is closed with the test, when nothing may be left.
func open(t testing.TB, addr string, options map[string]string, start ...source.Position) run {
	t.Helper()
	return openInto(t, newSink(start...), quick, addr, options, start...)
}

func openInto(t testing.TB, sink *memorySink, opts Options, addr string, options map[string]string, start ...source.Position) run {
	t.Helper()
	sp := spec(t, addr, options)
	r, err := New(opts).Open(sp, start, sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		sink.mu.Lock()
		defer sink.mu.Unlock()
		if sink.fault != nil {
			t.Error(sink.fault)
		}
		if left := sp.Alloc.Bytes(); left != 0 {
			t.Errorf("%d bytes of columns were not released", left)
		}
		if st := r.Status(); st.State != source.Stopped {
			t.Errorf("state %s after Close", st.State)
		}
	})
	return run{r, sink}
}

// until waits for a condition, and fails the test when it does not come true.
func (r run) until(t testing.TB, what string, ok func(source.Status) bool) source.Status {
	t.Helper()
	end := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		st := r.Status()
		if ok(st) {
			return st
		}
		select {
		case <-end:
			t.Fatalf("never came: %s\nstatus %+v\nnext %v fault %v", what, st, r.sink.next, r.sink.fault)
		case <-tick.C:
		}
	}
}

// reach waits until the sink has taken a partition up to next.
func (r run) reach(t testing.TB, partition int32, next int64) {
	t.Helper()
	r.until(t, fmt.Sprintf("partition %d at %d", partition, next), func(source.Status) bool {
		return r.sink.nextOf(partition) >= next
	})
}

// state waits for a state whose error holds all of the texts.
func (r run) state(t testing.TB, want source.State, texts ...string) source.Status {
	t.Helper()
	return r.until(t, fmt.Sprintf("%s %q", want, texts), func(st source.Status) bool {
		for _, text := range texts {
			if !strings.Contains(st.Error, text) {
				return false
			}
		}
		return st.State == want
	})
}

// wantOffsets compares all records of a partition with the offsets expected.
func (r run) wantOffsets(t testing.TB, partition int32, want []int64) {
	t.Helper()
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	got := slices.Sorted(slices.Values(r.sink.offsets[partition]))
	if !slices.Equal(got, want) {
		t.Errorf("partition %d: %d records %s, want %d %s", partition, len(got), brief(got), len(want), brief(want))
	}
}

// wantLost compares how many offsets of a partition ranges have called lost.
func (r run) wantLost(t testing.TB, partition int32, want int64) {
	t.Helper()
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	if got := r.sink.lost[partition]; got != want {
		t.Errorf("partition %d: %d offsets were delivered as lost, want %d", partition, got, want)
	}
}

func brief(offsets []int64) string {
	if len(offsets) > 20 {
		return fmt.Sprintf("%v … %v", offsets[:10], offsets[len(offsets)-10:])
	}
	return fmt.Sprint(offsets)
}

func sequence(from, to int64) []int64 {
	out := make([]int64, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

var errWanted = errors.New("wanted")

// held returns the bytes that the client has fetched and nobody has polled.
func (r *reader) held() int64 { return r.client.BufferedFetchBytes() }

// surveys returns how often the broker was asked for metadata.
func (b *bed) surveys(t testing.TB) int {
	t.Helper()
	b.observing.Do(func() {
		b.observed = b.Cluster().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Observe: true, Count: -1})
	})
	return b.observed.Hits()
}

// sinkFunc is a sink that is one function.
type sinkFunc func(*batch.Batch) error

func (f sinkFunc) Append(_ context.Context, b *batch.Batch) error { return f(b) }
