package avro

import (
	"fmt"
	"testing"

	avrolib "github.com/twmb/avro"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

const orderSchema = `{"type":"record","name":"Order","fields":[
	{"name":"order_id","type":"long"},{"name":"customer","type":"string"},{"name":"country","type":"string"},
	{"name":"product_id","type":"int"},{"name":"quantity","type":"int"},
	{"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
	{"name":"discount","type":"double"},{"name":"express","type":"boolean"},{"name":"note","type":["null","string"]},
	{"name":"tags","type":{"type":"array","items":"string"}},
	{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}}]}`

// orders returns a decoder of shop orders, their table, and some of them.
func orders(t testing.TB, n int) (*Decoder, *batch.Schema, [][]byte) {
	t.Helper()
	table := columnsOf(t, "order_id BIGINT", "customer VARCHAR", "country VARCHAR", "product_id INTEGER", "quantity INTEGER",
		"amount DECIMAL(12,2)", "discount DOUBLE", "express BOOLEAN", "note VARCHAR", "tags JSON", "ts TIMESTAMPTZ")
	library := avrolib.MustParse(orderSchema)
	var records [][]byte
	for i := range n {
		var note any
		if i%4 == 0 {
			note = "leave it with the neighbour"
		}
		data, err := library.Encode(map[string]any{
			"order_id": int64(10_000_000 + i), "customer": fmt.Sprintf("customer-%05d", i%9973), "country": "DE",
			"product_id": i % 5000, "quantity": 1 + i%9, "amount": fmt.Sprintf("%d.%02d", 5+i%400, i%100), "discount": 0.25,
			"express": i%3 == 0, "note": note, "tags": []any{"new", "web"}, "ts": int64(1_717_000_000_000 + i),
		})
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, data)
	}
	return compile(t, orderSchema, table, decode.Limits{}), table, records
}

// BenchmarkDecode decodes shop orders into batches of 8,192 rows, and into maps
// by the library. One iteration is one record.
func BenchmarkDecode(b *testing.B) {
	d, table, records := orders(b, 8192)
	builder := batch.NewBuilder(batch.NewAllocator(), table)
	defer builder.Release()
	batchtest.BenchRecords(b, "into columns", records, func(i int) error {
		if i == 8191 {
			builder.Finish().Release()
		}
		return d.Decode(records[i], builder)
	})
	library := avrolib.MustParse(orderSchema)
	batchtest.BenchRecords(b, "into maps by the library", records, func(i int) error {
		var v any
		_, err := library.Decode(records[i], &v)
		return err
	})
}
