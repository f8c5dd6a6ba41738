package main

import (
	"context"

	"github.com/millstream-db/millstream/bench/limits"
	"github.com/millstream-db/millstream/bench/workload"
	"github.com/millstream-db/millstream/engine/batch"
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

func consume(ctx context.Context, c *config) (measurement, error) {
	w, err := limits.Consume(ctx, c.addr, topic, partitions, c.records)
	return measurement{Records: w.Records, Bytes: w.Bytes, Visible: w.Took}, err
}

func decodeOnly(_ context.Context, c *config) (measurement, error) {
	clicks := workload.NewClicks(seed)
	values := make([][]byte, limits.DecodedRecords)
	for i := range values {
		values[i] = clicks.AppendValue(nil, int64(i), base)
	}
	w, err := limits.Decode(values, clickColumns, c.records)
	return measurement{Records: w.Records, Bytes: w.Bytes, Visible: w.Took}, err
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
