package limits

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Work is what was done, and how long it took.
type Work struct {
	Records int64
	Bytes   int64 // of the records' values
	Took    time.Duration
}

// Consume reads count records of a topic as fast as the client can, with
// millstream's own settings, and drops what it gets.
func Consume(ctx context.Context, addr, topic string, partitions int32, count int64) (Work, error) {
	var w Work
	starts := map[int32]kgo.Offset{}
	for p := range partitions {
		starts[p] = kgo.NewOffset().At(0)
	}
	started := time.Now()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(addr),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: starts}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(32<<20),
		kgo.FetchMaxPartitionBytes(8<<20),
	)
	if err != nil {
		return w, fmt.Errorf("kafka client: %w", err)
	}
	defer client.Close()
	for w.Records < count {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return w, fmt.Errorf("consume: %w", err)
		}
		for r := range fetches.RecordsAll() {
			w.Records++
			w.Bytes += int64(len(r.Value))
		}
	}
	w.Took = time.Since(started)
	return w, nil
}

// DecodedRecords is how many different records Decode should be given; more would
// measure the memory that they take.
const DecodedRecords = 1 << 17

// batchRows are the rows of a batch, as the kafka reader's.
const batchRows = 65_536

// Decode decodes count records, those of values again and again, into batches.
func Decode(values [][]byte, columns []batch.Column, count int64) (Work, error) {
	var w Work
	schema := batch.NewSchema(columns)
	builder := batch.NewBuilder(batch.NewAllocator(), schema)
	defer builder.Release()
	decoder := decode.NewJSON(schema, decode.Limits{})
	started := time.Now()
	for w.Records < count {
		value := values[w.Records%int64(len(values))]
		if err := decoder.Decode(value, builder); err != nil {
			return w, fmt.Errorf("decode %s: %w", value, err)
		}
		w.Records++
		w.Bytes += int64(len(value))
		if w.Records%batchRows == 0 {
			builder.Finish().Release()
		}
	}
	w.Took = time.Since(started)
	return w, nil
}
