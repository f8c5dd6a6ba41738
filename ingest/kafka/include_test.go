package kafka

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
)

// TestIncludedParts adds records to a batch and looks at the columns that are parts of
// them, behind those of their values.
func TestIncludedParts(t *testing.T) {
	included := func(name, typ string, part source.Part, header string) source.Included {
		c := batchtest.Columns(t, name+" "+typ)[0]
		return source.Included{Column: c, Part: part, PartName: header}
	}
	spec := source.Spec{
		Schema: batch.NewSchema(batchtest.Columns(t, "id BIGINT")), Alloc: batch.NewAllocator(),
		Included: []source.Included{
			included("trace", "VARCHAR", source.Header, "trace"), included("raw_trace", "BLOB", source.Header, "trace"), included("n", "BIGINT", source.Header, "n"),
			included("headers", "JSON", source.Headers, ""), included("raw", "BLOB", source.Payload, ""), included("body", "JSON", source.Payload, ""),
		},
	}
	header := func(pairs ...string) (h []kgo.RecordHeader) {
		for i := 0; i < len(pairs); i += 2 {
			h = append(h, kgo.RecordHeader{Key: pairs[i], Value: []byte(pairs[i+1])})
		}
		return h
	}
	for _, tt := range []struct {
		name    string
		headers []kgo.RecordHeader
		value   string
		want    string
	}{
		{"none", nil, `{"id":1}`, `1|NULL|NULL|NULL|[]|x7b226964223a317d|{"id":1}`},
		{"some", header("trace", "a", "n", "7", "x", "\xff\x00"), `{"id":1}`,
			`1|a|x61|7|[{"key":"trace","value":"a"},{"key":"n","value":"7"},{"key":"x","base64":"/wA="}]|x7b226964223a317d|{"id":1}`},
		{"the last one counts", header("trace", "a", "trace", "b"), `{"id":1}`, `1|b|x62|NULL|[{"key":"trace","value":"a"},{"key":"trace","value":"b"}]|x7b226964223a317d|{"id":1}`},
		{"null", []kgo.RecordHeader{{Key: "trace"}}, ` {} `, `NULL|NULL|NULL|NULL|[{"key":"trace","value":null}]|x207b7d20|{}`},
		{"empty", header("trace", ""), `{"id":1}`, `1||x|NULL|[{"key":"trace","value":""}]|x7b226964223a317d|{"id":1}`},
		{"names are exact", header("Trace", "a"), `{"id":1}`, `1|NULL|NULL|NULL|[{"key":"Trace","value":"a"}]|x7b226964223a317d|{"id":1}`},
		{"odd texts", header("k\n\xff", "\u0001\"é"), `{}`, "NULL|NULL|NULL|NULL|[{\"key\":\"k\\n\ufffd\",\"value\":\"\\u0001\\\"é\"}]|x7b7d|{}"},
		{"no number", header("n", "many"), `{"id":1}`, `error: header: column "n": "many" is not a BIGINT, at byte 0`},
		{"no text", header("trace", "\xff"), `{"id":1}`, "error: header: invalid UTF-8 at byte 0: 0xff"},
		{"NUL", header("trace", "a\x00"), `{"id":1}`, `error: header: column "trace": "a�" holds a NUL character, which VARCHAR cannot, at byte 0`},
		{"no value", nil, `{`, "error: invalid JSON at byte 1: expected a field name, found the end of the record"},
	} {
		d := decode.NewJSON(spec.Schema, decode.Limits{})
		b := newBatcher(Options{}.withDefaults(), spec, ofValue(d.Decode))
		b.open(newPartition(0), 10)
		b.add(&kgo.Record{Value: []byte(`{"id":0}`), Headers: header("n", "0")})
		b.add(&kgo.Record{Value: []byte(tt.value), Headers: tt.headers, Offset: 1})
		b.advance(2, 0)
		out := b.flush()
		got := ""
		if len(out.Rejected) > 0 {
			got = "error: " + out.Rejected[0].Error
		}
		if rows := out.Rows(); rows == 2 {
			var values []string
			for i := range 7 {
				values = append(values, batchtest.Show(out.Record.Column(i), 1))
			}
			got = strings.Join(values, "|")
			if text := values[4]; !json.Valid([]byte(text)) {
				t.Errorf("%s: headers are no JSON: %s", tt.name, text)
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		for i, c := range out.Record.Columns() {
			if c.Len() != out.Rows() || batchtest.Show(out.Record.Column(3), 0) != "0" {
				t.Errorf("%s: column %d has %d values for %d rows", tt.name, i, c.Len(), out.Rows())
			}
		}
		out.Release()
		b.release()
	}
	if left := spec.Alloc.Bytes(); left != 0 {
		t.Errorf("%d bytes were not released", left)
	}
}

// TestDeletedRowsHaveNoParts adds a record that deletes its key.
func TestDeletedRowsHaveNoParts(t *testing.T) {
	schema := batch.NewSchema(batchtest.Columns(t, "id BIGINT"))
	spec := source.Spec{
		Schema: schema, Key: []int{0}, Alloc: batch.NewAllocator(),
		Included: []source.Included{{Column: batchtest.Columns(t, "trace VARCHAR")[0], Part: source.Header, PartName: "trace"}},
	}
	b := newBatcher(Options{}.withDefaults(), spec, newDecoder(spec, encoding{format: "UPSERT", encode: "JSON"}, nil))
	defer b.release()
	b.open(newPartition(0), 10)
	for _, value := range []string{"{}", ""} {
		r := &kgo.Record{Key: []byte("7"), Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("x")}}}
		if value != "" {
			r.Value = []byte(value)
		}
		b.add(r)
	}
	b.advance(2, 0)
	out := b.flush()
	defer out.Release()
	for row, want := range []string{"7 x false", "7 NULL true"} {
		rec := out.Record
		last := int(rec.NumCols()) - 1
		if got := batchtest.Show(rec.Column(0), row) + " " + batchtest.Show(rec.Column(1), row) + " " + batchtest.Show(rec.Column(last), row); got != want {
			t.Errorf("row %d: got %s, want %s", row, got, want)
		}
	}
}

// BenchmarkInclude adds records without and with columns of their headers.
func BenchmarkInclude(b *testing.B) {
	id := batch.Column{Name: "id", Type: batch.Type{Kind: batch.BigInt}}
	trace := source.Included{Column: batch.Column{Name: "trace", Type: batch.Type{Kind: batch.Varchar}}, Part: source.Header, PartName: "trace"}
	record := &kgo.Record{Value: []byte(`{"id":1}`), Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("abc")}}}
	for name, included := range map[string][]source.Included{"nothing": nil, "a header": {trace}} {
		b.Run(name, func(b *testing.B) {
			spec := source.Spec{Schema: batch.NewSchema([]batch.Column{id}), Alloc: batch.NewAllocator(), Included: included}
			t := newBatcher(Options{}.withDefaults(), spec, ofValue(decode.NewJSON(spec.Schema, decode.Limits{}).Decode))
			defer t.release()
			p := newPartition(0)
			t.open(p, 0)
			b.ReportAllocs()
			for i := range b.N {
				if t.add(record); i%8192 == 0 {
					t.anchor(p, int64(i), 0)
					t.flush().Release()
					t.open(p, 0)
				}
			}
		})
	}
}
