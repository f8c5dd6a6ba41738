package pgwire

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/query"
)

// wideBatch is a batch of the types that dashboards ask for.
func wideBatch(t testing.TB, rows int) ([]query.Column, arrow.RecordBatch) {
	columns := []query.Column{
		{Type: "BIGINT"}, {Type: "VARCHAR"}, {Type: "DECIMAL(12,2)"}, {Type: "DOUBLE"},
		{Type: "TIMESTAMP WITH TIME ZONE"}, {Type: "DATE"}, {Type: "UUID"}, {Type: "INTEGER[]"},
	}
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, decimalOf(12, 2), arrow.PrimitiveTypes.Float64,
		microsTZ, arrow.FixedWidthTypes.Date32, arrow.BinaryTypes.String, listOf(arrow.PrimitiveTypes.Int32),
	}
	row := []any{"123456", "a customer", "1234.56", "3.25", int64(1577836800123456), int64(18262), "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", []any{"1", "2"}}
	arrays := make([]arrow.Array, len(types))
	for i, typ := range types {
		column := make([]any, rows)
		for r := range column {
			column[r] = row[i]
		}
		arrays[i] = arrayOfValues(t, typ, column...)
	}
	return columns, record(arrays...)
}

// TestRowsAreEncodedWithoutAllocation holds for a buffer that has grown.
func TestRowsAreEncodedWithoutAllocation(t *testing.T) {
	columns, rows := wideBatch(t, 10)
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for format := range int16(2) {
		formats := make([]int16, len(columns))
		for i := range formats {
			formats[i] = format
		}
		e := newRowEncoder(columns, columnTypes(columns), formats, zone)
		if err := e.bind(rows); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 0, 1<<16)
		if n := testing.AllocsPerRun(100, func() { buf, _ = e.append(buf[:0], 3) }); n != 0 {
			t.Errorf("format %d: %v allocations a row", format, n)
		}
	}
}

func BenchmarkEncodeRow(b *testing.B) {
	columns, rows := wideBatch(b, 1000)
	for format, name := range []string{"text", "binary"} {
		b.Run(name, func(b *testing.B) {
			formats := make([]int16, len(columns))
			for i := range formats {
				formats[i] = int16(format)
			}
			e := newRowEncoder(columns, columnTypes(columns), formats, time.UTC)
			if err := e.bind(rows); err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 0, 1<<16)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				buf, _ = e.append(buf[:0], i%1000)
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}
