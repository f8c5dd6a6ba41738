package batchtest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
)

// DecodeRow decodes a record behind a row of NULLs, and hands on the two rows if it
// is accepted. Whatever the record is, all columns keep one length, which grows by one
// if and only if it is accepted; what was there stays as it was, and all memory is
// given back. name tells the record in messages.
func DecodeRow(t testing.TB, name string, table *batch.Schema, decode func(*batch.Builder) error, accepted func(arrow.RecordBatch)) error {
	t.Helper()
	mem := batch.NewAllocator()
	b := batch.NewBuilder(mem, table)
	for i := range table.Columns {
		b.Column(i).AppendNull()
	}
	want, before := 1, b.Bytes()
	err := decode(b)
	if err == nil {
		want = 2
	} else if b.Bytes() != before {
		t.Errorf("rejected %s (%v), but %d bytes became %d", name, err, before, b.Bytes())
	}
	for i := range table.Columns {
		if n := b.Column(i).Len(); n != want {
			t.Errorf("%s: column %d has %d values, want %d (%v)", name, i, n, want, err)
		}
	}
	rec := b.Finish()
	for i, col := range rec.Columns() {
		if !col.IsNull(0) {
			t.Errorf("%s: column %d changed in the row before", name, i)
		}
	}
	if err == nil {
		accepted(rec)
	}
	rec.Release()
	b.Release()
	if n := mem.Bytes(); n != 0 {
		t.Errorf("%s: %d bytes leaked", name, n)
	}
	return err
}

// Damage returns a record with up to three bytes changed, cut or repeated.
func Damage(r *rand.Rand, record []byte) []byte {
	record = slices.Clone(record)
	for range 1 + r.IntN(3) {
		at := r.IntN(len(record))
		switch r.IntN(4) {
		case 0:
			record[at] ^= 1 << r.IntN(8)
		case 1:
			record[at] = byte(r.Uint32())
		case 2:
			record = slices.Delete(record, at, at+1)
		case 3:
			record = slices.Insert(record, at, record[r.IntN(len(record))])
		}
	}
	return record
}

// BenchRecords gives decode the records' numbers, over and over. One iteration is one
// record.
func BenchRecords(b *testing.B, name string, records [][]byte, decode func(i int) error) {
	var size int64
	for _, r := range records {
		size += int64(len(r))
	}
	b.Run(name, func(b *testing.B) {
		b.SetBytes(size / int64(len(records)))
		b.ReportAllocs()
		for i := range b.N {
			if err := decode(i % len(records)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
	})
}
