package decode

import (
	"fmt"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
)

var orderColumns = []batch.Column{
	{Name: "order_id", Type: batch.Type{Kind: batch.BigInt}},
	{Name: "customer", Type: batch.Type{Kind: batch.Varchar}},
	{Name: "country", Type: batch.Type{Kind: batch.Varchar}},
	{Name: "product_id", Type: batch.Type{Kind: batch.Integer}},
	{Name: "quantity", Type: batch.Type{Kind: batch.SmallInt}},
	{Name: "amount", Type: batch.Type{Kind: batch.Decimal, Precision: 12, Scale: 2}},
	{Name: "discount", Type: batch.Type{Kind: batch.Double}},
	{Name: "express", Type: batch.Type{Kind: batch.Boolean}},
	{Name: "note", Type: batch.Type{Kind: batch.Varchar}},
	{Name: "ts", Type: batch.Type{Kind: batch.TimestampTZ}},
}

func orderRecords(n int) (records [][]byte, size int64) {
	countries := []string{"DE", "FR", "US", "JP", "BR", "ZA"}
	for i := range n {
		note := "null"
		if i%4 == 0 {
			note = `"leave it with the neighbour"`
		}
		r := fmt.Appendf(nil, `{"order_id":%d,"customer":"customer-%05d","country":"%s","product_id":%d,"quantity":%d,"amount":%d.%02d,`+
			`"discount":0.%d,"express":%t,"note":%s,"ts":"2024-05-%02dT%02d:%02d:%02d.%03dZ"}`,
			10_000_000+i, i%9973, countries[i%6], i%5000, 1+i%9, 5+i%400, i%100, i%40, i%3 == 0, note,
			1+i%28, i%24, i%60, i*7%60, i%1000)
		records = append(records, r)
		size += int64(len(r))
	}
	return records, size
}

// BenchmarkJSON decodes shop orders into batches of 8,192 rows. One iteration
// is one record.
func BenchmarkJSON(b *testing.B) {
	for _, unknown := range []bool{false, true} {
		name, columns := "all fields wanted", orderColumns
		if unknown {
			name, columns = "half of the fields wanted", []batch.Column{orderColumns[0], orderColumns[2], orderColumns[5], orderColumns[7], orderColumns[9]}
		}
		b.Run(name, func(b *testing.B) {
			records, size := orderRecords(8192)
			schema := batch.NewSchema(columns)
			builder := batch.NewBuilder(batch.NewAllocator(), schema)
			defer builder.Release()
			d := NewJSON(schema, Limits{})
			b.SetBytes(size / int64(len(records)))
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if err := d.Decode(records[i&8191], builder); err != nil {
					b.Fatal(err)
				}
				if i&8191 == 8191 {
					builder.Finish().Release()
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
		})
	}
}

func BenchmarkParseTimestampMicros(b *testing.B) {
	text := []byte("2024-05-17T12:34:56.789Z")
	for range b.N {
		if _, _, err := ParseTimestampMicros(text); err != nil {
			b.Fatal(err)
		}
	}
}
