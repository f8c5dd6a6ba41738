package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/broker"
)

func TestReadFromEarliest(t *testing.T) {
	b := newBed(t, 3, broker.Options{})
	for p := range int32(3) {
		b.produce(t, p, 0, 100*int(p))
	}
	r := open(t, b.Addr(), nil)
	r.reach(t, 1, 100)
	r.reach(t, 2, 200)
	b.produce(t, 0, 0, 5)
	r.reach(t, 0, 5)
	st := r.until(t, "running with no lag", func(st source.Status) bool {
		for _, p := range st.Partitions {
			if p.State != source.Running || p.Next != p.End || p.TopicID == "" || p.Start != 0 {
				return false
			}
		}
		return st.State == source.Running && len(st.Partitions) == 3
	})
	if st.Records != 305 || st.Duplicates != 0 || st.Bytes == 0 {
		t.Errorf("status %+v", st)
	}
	for p, n := range []int64{5, 100, 200} {
		r.wantOffsets(t, int32(p), sequence(0, n))
	}
}

func TestMetadataColumns(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	at := time.UnixMilli(1_700_000_000_123)
	b.write(t,
		&kgo.Record{Topic: topic, Value: []byte(`{"id":1}`), Key: []byte("k\x00"), Timestamp: at},
		&kgo.Record{Topic: topic, Value: []byte(`{"id":2}`), Key: []byte{}, Timestamp: at},
		&kgo.Record{Topic: topic, Value: []byte(`{"id":3}`), Timestamp: at.Add(time.Millisecond)},
	)
	sink := newSink()
	var got string
	sp := spec(t, b.Addr(), nil)
	r, err := New(quick).Open(sp, nil, sinkFunc(func(x *batch.Batch) error {
		for i := range x.Rows() {
			key := x.Record.Column(5).(*array.Binary)
			ts := x.Record.Column(4)
			got += fmt.Sprintf("%s %s %s %q %v; ", x.Record.Column(2).ValueStr(i), x.Record.Column(3).ValueStr(i), ts.ValueStr(i), key.Value(i), key.IsNull(i))
		}
		return sink.Append(t.Context(), x)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	run{r, sink}.reach(t, 0, 3)
	r.Close()
	want := `0 0 2023-11-14T22:13:20.123Z "k\x00" false; 0 1 2023-11-14T22:13:20.123Z "" false; 0 2 2023-11-14T22:13:20.124Z "" true; `
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLatestIsDurableBeforeTheFirstRecord(t *testing.T) {
	b := newBed(t, 2, broker.Options{})
	b.produce(t, 0, 0, 50)
	r := open(t, b.Addr(), map[string]string{"scan.startup.mode": "latest"})
	r.reach(t, 0, 50)
	r.reach(t, 1, 0)
	r.sink.mu.Lock()
	first := r.sink.batches[0]
	r.sink.mu.Unlock()
	want := []batch.OffsetRange{{Partition: 0, First: 50, Next: 50, End: 50, Epoch: -1}, {Partition: 1, Epoch: -1}}
	if len(first.Ranges) != 2 || first.Ranges[0] != want[0] || first.Ranges[1] != want[1] {
		t.Fatalf("first batch %+v, want %+v", first.Ranges, want)
	}
	start := r.sink.positions(r.Status())
	r.Close()

	b.produce(t, 0, 50, 10)
	b.produce(t, 1, 0, 10)
	r = open(t, b.Addr(), map[string]string{"scan.startup.mode": "latest"}, start...)
	r.reach(t, 0, 60)
	r.reach(t, 1, 10)
	r.wantOffsets(t, 0, sequence(50, 60))
	r.wantOffsets(t, 1, sequence(0, 10))
}

func TestStartAtTimestamp(t *testing.T) {
	b := newBed(t, 2, broker.Options{})
	for i := range 20 {
		r := numbered(0, i)
		r.Timestamp = time.UnixMilli(1_000_000 + int64(i))
		b.write(t, r)
	}
	b.produce(t, 1, 0, 0)
	r := open(t, b.Addr(), map[string]string{"scan.startup.mode": "timestamp", "scan.startup.timestamp.millis": "1000007"})
	r.reach(t, 0, 20)
	r.reach(t, 1, 0)
	r.wantOffsets(t, 0, sequence(7, 20))
}

func TestRestartFromPositionsMidStream(t *testing.T) {
	b := newBed(t, 2, broker.Options{})
	b.produce(t, 0, 0, 3000)
	b.produce(t, 1, 0, 3000)
	var start []source.Position
	total := map[int32][]int64{}
	for round := range 6 {
		sink := newSink(start...)
		sink.gate = make(chan struct{})
		opts := quick
		opts.MaxBatchRows = 700
		r := openInto(t, sink, opts, b.Addr(), nil, start...)
		close(sink.gate)
		r.until(t, "something new", func(source.Status) bool {
			sink.mu.Lock()
			defer sink.mu.Unlock()
			return len(sink.batches) > 1 || round == 5 || sink.next[0]+sink.next[1] == 6000
		})
		st := r.Status()
		if round == 5 {
			r.reach(t, 0, 3000)
			r.reach(t, 1, 3000)
		}
		r.Close()
		start = sink.positions(st)
		for p, offsets := range sink.offsets {
			total[p] = append(total[p], offsets...)
		}
	}
	for p := range int32(2) {
		run{sink: &memorySink{offsets: total}}.wantOffsets(t, p, sequence(0, 3000))
	}
}

func TestMalformedRecordsAreRejected(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	huge := append(append([]byte(`{"id":1,"name":"`), bytes.Repeat([]byte("x"), 20<<20)...), `"}`...)
	b.produce(t, 0, 0, 3)
	b.write(t,
		&kgo.Record{Topic: topic, Value: []byte(`{"id":`), Key: []byte("key")},
		&kgo.Record{Topic: topic, Value: nil, Key: []byte("gone")},
		numbered(0, 5),
		&kgo.Record{Topic: topic, Value: []byte(`{"id":"no number"}`)},
	)
	b.write(t, &kgo.Record{Topic: topic, Value: huge, Key: bytes.Repeat([]byte("k"), 70_000)})
	b.produce(t, 0, 8, 2)
	r := open(t, b.Addr(), nil)
	r.reach(t, 0, 10)
	r.wantOffsets(t, 0, sequence(0, 10))
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	if len(r.sink.rejected) != 4 {
		t.Fatalf("%d rejected", len(r.sink.rejected))
	}
	for i, want := range []struct {
		offset    int64
		key       int
		value     int
		truncated bool
	}{{3, 3, 6, false}, {4, 4, 0, false}, {6, 0, 18, false}, {7, 64 << 10, 64 << 10, true}} {
		got := r.sink.rejected[i]
		if got.Offset != want.offset || len(got.Key) != want.key || len(got.Value) != want.value || got.Truncated != want.truncated || got.Error == "" || got.TimestampMicros == 0 {
			t.Errorf("rejected %d: offset %d, key of %d, value of %d, truncated %v: %s", i, got.Offset, len(got.Key), len(got.Value), got.Truncated, got.Error)
		}
	}
	if st := r.Status(); st.Records != 10 {
		t.Errorf("%d records, want 10", st.Records)
	}
}

func TestTransactions(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	ctx := limit(t)
	tx := connect(t, b.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("tx"))
	transact := func(first, n int, commit kgo.TransactionEndTry) {
		t.Helper()
		if err := tx.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := tx.ProduceSync(ctx, numbered(0, first+i)).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.EndTransaction(ctx, commit); err != nil {
			t.Fatal(err)
		}
	}
	transact(0, 5, kgo.TryCommit) // 0..4, marker at 5
	transact(6, 4, kgo.TryAbort)  // 6..9, marker at 10
	b.produce(t, 0, 11, 2)        // 11, 12
	transact(13, 3, kgo.TryAbort) // 13..15, marker at 16
	r := open(t, b.Addr(), nil)
	r.reach(t, 0, 17)
	r.wantOffsets(t, 0, []int64{0, 1, 2, 3, 4, 11, 12})
	r.until(t, "no lag", func(st source.Status) bool { return st.Partitions[0].Next == 17 && st.Partitions[0].End == 17 })

	// Records behind an open transaction wait for it, and come when it ends.
	if err := tx.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := tx.ProduceSync(ctx, numbered(0, 17)).FirstErr(); err != nil {
		t.Fatal(err)
	}
	b.produce(t, 0, 18, 1)
	r.until(t, "a survey", func(st source.Status) bool { return st.State == source.Running && st.Partitions[0].End == 17 })
	if err := tx.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	r.reach(t, 0, 20)
	r.wantOffsets(t, 0, []int64{0, 1, 2, 3, 4, 11, 12, 17, 18})
	if st := r.Status(); len(st.Partitions[0].Gaps) != 0 || st.Duplicates != 0 {
		t.Errorf("status %+v", st)
	}
}

func TestBackPressureStopsFetching(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	const records, size = 60, 1 << 20
	for i := range records {
		b.write(t, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, `{"id":%d,"name":%q}`, i, strings.Repeat("x", size-100))})
	}
	sink := newSink()
	sink.gate = make(chan struct{})
	opts := quick
	opts.MaxBatchBytes = 2 << 20
	sp := spec(t, b.Addr(), map[string]string{"properties.fetch.max.bytes": fmt.Sprint(4 << 20)})
	reader, err := New(opts).Open(sp, nil, sink)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	r := run{reader, sink}
	r.until(t, "a batch that waits", func(source.Status) bool {
		sink.mu.Lock()
		defer sink.mu.Unlock()
		return sink.waiting > 0
	})
	// The health loop goes on and the reader is running while the sink blocks;
	// after several rounds of it no more than a few batches have been read.
	before := b.surveys(t)
	r.until(t, "surveys while the sink blocks", func(st source.Status) bool {
		return b.surveys(t) > before+5 && st.State == source.Running && st.Partitions[0].End == records
	})
	held := reader.(interface{ held() int64 }).held()
	if st := r.Status(); st.Records != 0 || st.Bytes > 20<<20 || held > 30<<20 {
		t.Errorf("read %d bytes, holding %d, while the sink blocks", st.Bytes, held)
	}
	if off := sp.Alloc.Bytes(); off > 20<<20 {
		t.Errorf("%d bytes of columns while the sink blocks", off)
	}
	close(sink.gate)
	r.reach(t, 0, records)
	r.wantOffsets(t, 0, sequence(0, records))
}

func TestBatchesAreBounded(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	b.produce(t, 0, 0, 10_000)
	opts := quick
	opts.MaxBatchRows, opts.MaxBatchBytes = 300, 4<<10
	r := openInto(t, newSink(), opts, b.Addr(), nil)
	r.reach(t, 0, 10_000)
	r.wantOffsets(t, 0, sequence(0, 10_000))
	for _, x := range r.sink.batches {
		if x.Ranges[0].Rows > 300 || x.Bytes > 40<<10 {
			t.Fatalf("batch of %d rows, %d bytes", x.Ranges[0].Rows, x.Bytes)
		}
	}
}

func TestSinkThatRefusesEndsTheReader(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	b.produce(t, 0, 0, 10)
	sp := spec(t, b.Addr(), nil)
	r, err := New(quick).Open(sp, nil, sinkFunc(func(x *batch.Batch) error {
		x.Release()
		return errWanted
	}))
	if err != nil {
		t.Fatal(err)
	}
	run{r, newSink()}.state(t, source.Stopped, errWanted.Error())
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if left := sp.Alloc.Bytes(); left != 0 {
		t.Errorf("%d bytes left", left)
	}
}

func TestCommittedOffsetsReachTheGroup(t *testing.T) {
	b := newBed(t, 2, broker.Options{})
	b.produce(t, 0, 0, 10)
	r := open(t, b.Addr(), nil)
	r.reach(t, 0, 10)
	r.Committed(map[int32]int64{0: 10, 1: 0})
	ctx := limit(t)
	for {
		lag, err := b.admin.Lag(ctx, "millstream-orders")
		if err != nil {
			t.Fatal(err)
		}
		if l, ok := lag["millstream-orders"].Lag.Lookup(topic, 0); ok && l.Commit.At == 10 && l.Lag == 0 {
			return
		}
	}
}
