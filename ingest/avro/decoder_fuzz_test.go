package avro

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	avrolib "github.com/twmb/avro"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

const fuzzSchema = `{"type":"record","name":"R","fields":[
	{"name":"i","type":"int"},{"name":"s","type":"string"},{"name":"x","type":["null","R"]},
	{"name":"m","type":{"type":"map","values":{"type":"array","items":["null","double","string"]}}},
	{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
	{"name":"skipped","type":{"type":"array","items":["string","long",{"type":"fixed","name":"F","size":3}]}},
	{"name":"nulls","type":{"type":"array","items":"null"}},
	{"name":"t","type":{"type":"long","logicalType":"time-micros"}},
	{"name":"ts","type":["null",{"type":"long","logicalType":"timestamp-millis"}]},
	{"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}}]}`

// checker decodes records of fuzzSchema behind a row that is there already.
// Whatever the record is, all columns keep one length, which grows by one if and
// only if the record is accepted; the library accepts what we do; JSON is JSON.
type checker struct {
	table   *batch.Schema
	decoder *Decoder
	second  *avrolib.Schema
}

func newChecker(t testing.TB) checker {
	table := columnsOf(t, "i INTEGER", "s VARCHAR", "x JSON", "m JSON", "d DECIMAL(9,2)", "nulls JSON", "t TIME", "ts TIMESTAMPTZ", "e VARCHAR", "none DATE")
	return checker{table, compile(t, fuzzSchema, table, decode.Limits{MaxBytes: 4096, MaxDepth: 8}), avrolib.MustParse(fuzzSchema)}
}

// records are some that are right.
func (c checker) records(t testing.TB) (records [][]byte) {
	whole := map[string]any{
		"i": 1, "s": "text", "x": nil, "m": map[string]any{"k": []any{nil, 1.5, "v"}}, "d": "1.25", "skipped": []any{"a", int64(5)},
		"nulls": []any{nil}, "t": int64(5), "ts": int64(1), "e": "B",
	}
	for range 3 {
		data, err := c.second.Encode(whole)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, data)
		outer := maps.Clone(whole)
		outer["x"] = whole
		whole = outer
	}
	return records
}

func (c checker) check(t *testing.T, record []byte) (accepted bool) {
	mem := batch.NewAllocator()
	b := batch.NewBuilder(mem, c.table)
	for i := range c.table.Columns {
		b.Column(i).AppendNull()
	}
	want, before := 1, b.Bytes()
	err := c.decoder.Decode(record, b)
	if err == nil {
		want = 2
		var v any
		if rest, err := c.second.Decode(record, &v); err != nil || len(rest) > 0 {
			t.Errorf("accepted %x: %v", record, err)
		}
	} else if b.Bytes() != before {
		t.Errorf("rejected %x (%v), but %d bytes became %d", record, err, before, b.Bytes())
	}
	for i := range c.table.Columns {
		if n := b.Column(i).Len(); n != want {
			t.Errorf("%x: column %d has %d values, want %d (%v)", record, i, n, want, err)
		}
	}
	rec := b.Finish()
	for i, col := range rec.Columns() {
		if text := show(col, want-1); want == 2 && (i == 2 || i == 3) && text != "NULL" && !json.Valid([]byte(text)) {
			t.Errorf("%x: %s is not JSON", record, text)
		}
		if !col.IsNull(0) {
			t.Errorf("%x: column %d changed in the row before", record, i)
		}
	}
	rec.Release()
	b.Release()
	if n := mem.Bytes(); n != 0 {
		t.Errorf("%x: %d bytes leaked", record, n)
	}
	return err == nil
}

func FuzzDecode(f *testing.F) {
	c := newChecker(f)
	for _, record := range c.records(f) {
		f.Add(record)
		f.Add(record[:len(record)-1])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, record []byte) { c.check(t, record) })
}

// TestDamagedRecords changes, cuts and repeats bytes of good records.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	c := newChecker(t)
	r := rand.New(rand.NewPCG(5, 6))
	good, accepted := c.records(t), 0
	const count = 10_000
	for range count {
		record := slices.Clone(good[r.IntN(len(good))])
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
		if c.check(t, record) {
			accepted++
		}
		if t.Failed() {
			return
		}
	}
	if accepted < count/100 || accepted > count*9/10 {
		t.Errorf("%d of %d records were accepted: nothing is tested", accepted, count)
	}
}
