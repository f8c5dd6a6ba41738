package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/avro"
	"github.com/millstream-db/millstream/ingest/broker"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/protobuf"
)

// TestFulfilment reads payments and shipments by their schemas and holds them
// against their orders.
func TestFulfilment(t *testing.T) {
	t.Parallel()
	shop := NewShop(3)
	payments := newReading(t, "order_id BIGINT", "method VARCHAR", "amount DECIMAL(12,2)", "card JSON", "paid_at TIMESTAMPTZ")
	schema, err := avro.ParseSchema(PaymentSchema)
	if err == nil {
		payments.decoder, err = avro.Compile(schema, payments.schema, decode.Limits{})
	}
	if err != nil {
		t.Fatal(err)
	}
	shipments := newReading(t, "order_id BIGINT", "carrier VARCHAR", "parcels JSON", "shipped_at TIMESTAMPTZ")
	file, err := protobuf.ParseSchema(ShipmentSchema, func(string) (string, error) { return "", fs.ErrNotExist })
	if err == nil {
		shipments.decoder, err = protobuf.Compile(file, 0, shipments.schema, decode.Limits{})
	}
	if err != nil {
		t.Fatal(err)
	}
	paid, shipped := 0, 0
	for n := range int64(2000) {
		o := shop.order(n, base)
		if p, ok := shop.Payment(n, base, 7); ok {
			paid++
			got := payments.read(t, p, 5)
			amount, err := strconv.ParseFloat(got[2], 64)
			if err != nil || got[0] != fmt.Sprint(n+1) || amount != float64(o.cents)/100 || (got[1] == "card") != json.Valid([]byte(got[3])) {
				t.Fatalf("order %+v, payment %q", o, got)
			}
		}
		if s, ok := shop.Shipment(n, base, 8); ok {
			shipped++
			got := shipments.read(t, s, 6)
			var parcels []struct{ Tracking, Grams any }
			if err := json.Unmarshal([]byte(got[2]), &parcels); err != nil || got[0] != fmt.Sprint(n+1) || len(parcels) != 1+(o.quantity-1)/2 {
				t.Fatalf("order %+v, shipment %q", o, got)
			}
		}
	}
	if paid < 1200 || paid > 1500 || shipped < 150 || shipped > 300 {
		t.Errorf("of 2000 orders %d are paid, and %d shipped", paid, shipped)
	}
}

// reading decodes records into rows.
type reading struct {
	schema  *batch.Schema
	decoder interface {
		Decode([]byte, *batch.Builder) error
	}
}

func newReading(t *testing.T, columns ...string) *reading {
	return &reading{schema: batch.NewSchema(batchtest.Columns(t, columns...))}
}

// read returns a record's values behind the first bytes, which frame it.
func (r *reading) read(t *testing.T, record Record, frame int) (values []string) {
	t.Helper()
	b := batchtest.NewBuilder(t, r.schema)
	if err := r.decoder.Decode(record.Value[frame:], b); err != nil {
		t.Fatal(err)
	}
	rec := b.Finish()
	defer rec.Release()
	for _, column := range rec.Columns() {
		values = append(values, string([]byte(column.ValueStr(0))))
	}
	return values
}

func TestProducerWithRegistry(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(t.Context(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	registry, err := broker.StartRegistry("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	p, err := NewProducer(ProducerOptions{Brokers: []string{b.Addr()}, Rate: 10_000, Seed: 1, Registry: registry.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	for _, step := range []func(context.Context) error{p.CreateTopics, p.Register, p.Register, p.Resume} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	consume(t, b, 100, PaymentsTopic, ShipmentsTopic)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if p.paymentSchema != 1 || p.shipmentSchema != 2 || p.Sent() == 0 || p.Failed() != 0 {
		t.Errorf("schemas %d and %d, %d records sent, %d failed", p.paymentSchema, p.shipmentSchema, p.Sent(), p.Failed())
	}
}
