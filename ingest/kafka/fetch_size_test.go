package kafka

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/ingest/broker"
)

// TestFetchSizeFollowsWhatIsRead tells a fetchSize of batches and asks what the next fetch may be.
func TestFetchSizeFollowsWhatIsRead(t *testing.T) {
	t.Parallel()
	const memory = 32 << 20
	plain := kgo.FetchBatchMetrics{NumRecords: 1000, UncompressedBytes: 1 << 20, CompressedBytes: 1 << 20}
	packed := kgo.FetchBatchMetrics{NumRecords: 10_000, UncompressedBytes: 1 << 20, CompressedBytes: 64 << 10}
	read := func(f *fetchSize, broker int32, m kgo.FetchBatchMetrics) int32 {
		for range 200 {
			f.OnFetchBatchRead(kgo.BrokerMetadata{NodeID: broker}, topic, 0, m)
		}
		return f.bytes()
	}
	wantNear := func(what string, got, want int64) {
		t.Helper()
		if got < want*9/10 || got > want*11/10 {
			t.Errorf("%s: %d, want about %d", what, got, want)
		}
	}
	f := newFetchSize(memory)
	wantNear("the first fetch", int64(f.bytes()), memory/firstGrowth)
	wantNear("plain records", int64(read(f, 1, plain)), memory*(1<<20)/(1<<20+1000*recordMemory))
	small := int64(memory) * (64 << 10) / (1<<20 + 10_000*recordMemory)
	wantNear("short ones that compress well", int64(read(f, 1, packed)), small)
	wantNear("from two brokers", int64(read(f, 2, packed)), small/2)
	f.OnFetchBatchRead(kgo.BrokerMetadata{}, topic, 0, kgo.FetchBatchMetrics{}) // one that can't be decoded
	if got := read(newFetchSize(1<<20), 1, packed); got != leastFetch {
		t.Errorf("with little memory: %d, want %d", got, leastFetch)
	}
}

// TestFetchesTakeLittleMemory has a topic of short records that compress well, and a sink that waits:
// what the client holds meanwhile is what it was given.
func TestFetchesTakeLittleMemory(t *testing.T) {
	const memory, records = 8 << 20, 600_000
	b := startBroker(t, 4, broker.Options{})
	client := connect(t, b.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.ProducerBatchMaxBytes(256<<10), kgo.ProducerLinger(50*time.Millisecond))
	for i := range records {
		client.Produce(limit(t), numbered(int32(i%4), i), nil)
	}
	if err := client.Flush(limit(t)); err != nil {
		t.Fatal(err)
	}
	sink := newSink()
	sink.gate = make(chan struct{})
	o := quick
	o.FetchMemory = memory
	r := openInto(t, sink, o, b.Addr(), nil)
	defer r.Close()
	var most int64
	kafka := r.Reader.(*reader).client
	held := func() int64 { return kafka.BufferedFetchBytes() + kafka.BufferedFetchRecords()*recordMemory }
	for range 100 {
		most = max(most, held())
		time.Sleep(10 * time.Millisecond)
	}
	close(sink.gate)
	for deadline := time.Now().Add(20 * time.Second); ; {
		most = max(most, held())
		sink.mu.Lock()
		rows := sink.rows
		sink.mu.Unlock()
		if rows == records {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d rows of %d", rows, records)
		}
		time.Sleep(time.Millisecond)
	}
	t.Logf("the client held at most %d KiB, and was given %d KiB", most>>10, memory>>10)
	if most == 0 || most > 2*memory {
		t.Errorf("the client held %d bytes, and was given %d", most, memory)
	}
}
