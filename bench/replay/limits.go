package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/workload"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

const (
	roleConsume = "franz-go"
	roleDecode  = "decoder"
	roleSystem  = "millstream"
)

// role is something that is measured.
type role struct {
	name, title string
	run         func(context.Context, *config) (measurement, error)
}

var roles = []role{
	{roleConsume, "franz-go consumes the topic and does nothing", consume},
	{roleDecode, "the decoder alone, one goroutine, records in memory", decodeOnly},
	{roleSystem, "millstream: three views, history, last record durable", system},
}

// consume reads the topic as fast as the client can, with millstream's own
// settings, and drops what it gets.
func consume(ctx context.Context, c *config) (measurement, error) {
	var m measurement
	starts := map[int32]kgo.Offset{}
	for p := range int32(partitions) {
		starts[p] = kgo.NewOffset().At(0)
	}
	started := time.Now()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(c.addr),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: starts}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(32<<20),
		kgo.FetchMaxPartitionBytes(8<<20),
	)
	if err != nil {
		return m, fmt.Errorf("kafka client: %w", err)
	}
	defer client.Close()
	for m.Records < c.records {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return m, fmt.Errorf("consume: %w", err)
		}
		for r := range fetches.RecordsAll() {
			m.Records++
			m.Bytes += int64(len(r.Value))
		}
	}
	m.Visible = time.Since(started)
	return m, nil
}

// decodeRecords is how many different records the decoder is given; more would
// measure the memory that they take.
const decodeRecords = 1 << 17

// decodeOnly decodes as many records as the topic holds into batches.
func decodeOnly(_ context.Context, c *config) (measurement, error) {
	var m measurement
	clicks := workload.NewClicks(seed)
	records := make([][]byte, decodeRecords)
	for i := range records {
		records[i] = clicks.AppendValue(nil, int64(i), base)
	}
	schema := batch.NewSchema(clickColumns)
	builder := batch.NewBuilder(batch.NewAllocator(), schema)
	defer builder.Release()
	decoder := decode.NewJSON(schema, decode.Limits{})
	const rows = 65_536 // as the kafka reader's batches
	started := time.Now()
	for m.Records < c.records {
		value := records[m.Records%decodeRecords]
		if err := decoder.Decode(value, builder); err != nil {
			return m, fmt.Errorf("decode %s: %w", value, err)
		}
		m.Records++
		m.Bytes += int64(len(value))
		if m.Records%rows == 0 {
			builder.Finish().Release()
		}
	}
	m.Visible = time.Since(started)
	return m, nil
}

// clickColumns are workload.ClicksColumns as the decoder wants them.
var clickColumns = []batch.Column{
	{Name: "id", Type: batch.Type{Kind: batch.BigInt}},
	{Name: "ts", Type: batch.Type{Kind: batch.TimestampTZ}},
	{Name: "user", Type: batch.Type{Kind: batch.Varchar}},
	{Name: "page", Type: batch.Type{Kind: batch.Varchar}},
	{Name: "country", Type: batch.Type{Kind: batch.Varchar}},
	{Name: "duration_ms", Type: batch.Type{Kind: batch.Integer}},
	{Name: "bytes", Type: batch.Type{Kind: batch.BigInt}},
	{Name: "price", Type: batch.Type{Kind: batch.Double}},
	{Name: "status", Type: batch.Type{Kind: batch.Integer}},
	{Name: "cached", Type: batch.Type{Kind: batch.Boolean}},
}
