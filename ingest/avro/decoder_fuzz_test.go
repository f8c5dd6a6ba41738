package avro

import (
	"encoding/json"
	"testing"

	avrolib "github.com/twmb/avro"

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

// FuzzDecode decodes a record behind a row that is there already. Whatever the
// record is, all columns keep one length, which grows by one if and only if the
// record is accepted; the library accepts what we do; JSON is JSON.
func FuzzDecode(f *testing.F) {
	table := columnsOf(f, "i INTEGER", "s VARCHAR", "x JSON", "m JSON", "d DECIMAL(9,2)", "nulls JSON", "t TIME", "ts TIMESTAMPTZ", "e VARCHAR", "none DATE")
	d := compile(f, fuzzSchema, table, decode.Limits{MaxBytes: 4096, MaxDepth: 8})
	library := avrolib.MustParse(fuzzSchema)
	whole := map[string]any{
		"i": 1, "s": "text", "x": nil, "m": map[string]any{"k": []any{nil, 1.5, "v"}}, "d": "1.25", "skipped": []any{"a", int64(5)},
		"nulls": []any{nil}, "t": int64(5), "ts": int64(1), "e": "B",
	}
	for range 3 {
		data, err := library.Encode(whole)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)-1])
		outer := map[string]any{}
		for k, v := range whole {
			outer[k] = v
		}
		outer["x"] = whole
		whole = outer
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, record []byte) {
		b := newBuilder(t, table)
		for i := range table.Columns {
			b.Column(i).AppendNull()
		}
		want, before := 1, b.Bytes()
		err := d.Decode(record, b)
		if err == nil {
			want = 2
			var v any
			if rest, err := library.Decode(record, &v); err != nil || len(rest) > 0 {
				t.Errorf("accepted %x: %v", record, err)
			}
		} else if b.Bytes() != before {
			t.Errorf("rejected %x (%v), but %d bytes became %d", record, err, before, b.Bytes())
		}
		for i := range table.Columns {
			if n := b.Column(i).Len(); n != want {
				t.Errorf("%x: column %d has %d values, want %d (%v)", record, i, n, want, err)
			}
		}
		rec := b.Finish()
		defer rec.Release()
		for i, col := range rec.Columns() {
			if text := show(col, want-1); want == 2 && (i == 2 || i == 3) && text != "NULL" && !json.Valid([]byte(text)) {
				t.Errorf("%x: %s is not JSON", record, text)
			}
			if !col.IsNull(0) {
				t.Errorf("%x: column %d changed in the row before", record, i)
			}
		}
	})
}
