package kafka

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/broker"
)

const (
	benchPartitions = 4
	benchRecords    = 1_000_000
)

func fill(b *testing.B, codec kgo.CompressionCodec) *broker.Broker {
	b.Helper()
	brk := startBroker(b, benchPartitions, broker.Options{DataDir: b.TempDir()})
	client := connect(b, brk.Addr(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(20*time.Millisecond))
	for i := range benchRecords {
		client.Produce(b.Context(), &kgo.Record{Topic: topic, Partition: int32(i % benchPartitions), Value: fmt.Appendf(nil,
			`{"id":%d,"name":"customer %d","country":"DE","amount":%d.25,"ts":"2026-05-01T12:00:00Z","note":"what the view does not read"}`, i, i%1000, i%100)}, nil)
	}
	if err := client.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	return brk
}

// BenchmarkConsume compares a client that throws records away with a reader
// that decodes two columns of six fields, both against a broker in the process.
func BenchmarkConsume(b *testing.B) {
	for _, codec := range []struct {
		name  string
		codec kgo.CompressionCodec
	}{{"none", kgo.NoCompression()}, {"snappy", kgo.SnappyCompression()}} {
		brk := fill(b, codec.codec)
		b.Run(codec.name+"/client", func(b *testing.B) {
			for b.Loop() {
				client := connect(b, brk.Addr(), kgo.ConsumeTopics(topic), kgo.FetchMaxPartitionBytes(4<<20))
				for got := 0; got < benchRecords; {
					got += client.PollFetches(b.Context()).NumRecords()
				}
				client.Close()
			}
			b.ReportMetric(float64(benchRecords*b.N)/b.Elapsed().Seconds(), "records/s")
		})
		b.Run(codec.name+"/reader", func(b *testing.B) {
			for b.Loop() {
				sink := newSink()
				sink.discard = true
				r := openInto(b, sink, Options{}, brk.Addr(), nil)
				r.until(b, "all records", func(source.Status) bool {
					sink.mu.Lock()
					defer sink.mu.Unlock()
					return sink.rows == benchRecords
				})
				r.Close()
			}
			b.ReportMetric(float64(benchRecords*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
