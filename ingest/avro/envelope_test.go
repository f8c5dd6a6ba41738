package avro

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	avrolib "github.com/twmb/avro"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

// envelopeSchema is as Kafka Connect's converter writes that of Debezium's records.
const envelopeSchema = `{"type":"record","name":"Envelope","namespace":"shop.public.items","fields":[
{"name":"before","type":["null",{"type":"record","name":"Value","fields":[{"name":"id","type":"long"},
 {"name":"made","type":["null",{"type":"long","connect.version":1,"connect.name":"io.debezium.time.MicroTimestamp"}],"default":null},
 {"name":"seen","type":["null",{"type":"string","connect.version":1,"connect.name":"io.debezium.time.ZonedTimestamp"}],"default":null},
 {"name":"day","type":["null",{"type":"int","connect.version":1,"connect.name":"io.debezium.time.Date"}],"default":null},
 {"name":"at","type":["null",{"type":"long","connect.version":1,"connect.name":"io.debezium.time.MicroTime"}],"default":null},
 {"name":"tags","type":["null",{"type":"string","connect.version":1,"connect.name":"io.debezium.data.Json"}],"default":null},
 {"name":"price","type":["null",{"type":"bytes","scale":2,"precision":12,"logicalType":"decimal","connect.name":"org.apache.kafka.connect.data.Decimal"}],"default":null}],
 "connect.name":"shop.public.items.Value"}],"default":null},
{"name":"after","type":["null","Value"],"default":null},
{"name":"source","type":{"type":"record","name":"Source","namespace":"io.debezium.connector.postgresql","fields":[{"name":"lsn","type":["null","long"]}]}},
{"name":"op","type":"string"},{"name":"ts_ms","type":["null","long"],"default":null}],"connect.name":"shop.public.items.Envelope"}`

func envelopeRecord(t testing.TB, op string, before, after any) []byte {
	t.Helper()
	record := map[string]any{"before": before, "after": after, "source": map[string]any{"lsn": int64(5)}, "op": op, "ts_ms": nil}
	data, err := avrolib.MustParse(envelopeSchema).AppendEncode(nil, record)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func envelopeItem(id int64) map[string]any {
	return map[string]any{"id": id, "made": int64(1714564800123456), "seen": "2024-05-01T12:00:00.5Z", "day": int32(19844), "at": int64(43200000001), "tags": `{"a":1}`, "price": nil}
}

func openEnvelope(t testing.TB) (*Envelope, *Schema) {
	t.Helper()
	s, err := ParseSchema(envelopeSchema)
	if err != nil {
		t.Fatal(err)
	}
	e, row, err := s.Envelope(decode.Limits{MaxBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	return e, row
}

// TestEnvelopes opens envelopes, and decodes the rows in them, whose types mean what
// Kafka Connect says.
func TestEnvelopes(t *testing.T) {
	e, row := openEnvelope(t)
	table := batch.NewSchema(batchtest.Columns(t, "id BIGINT", "made TIMESTAMP", "seen TIMESTAMPTZ", "day DATE", "at TIME", "tags JSON", "price DECIMAL(12,2)"))
	d, err := Compile(row, table, decode.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		op            string
		before, after any
	}{{"c", nil, envelopeItem(1)}, {"u", envelopeItem(1), envelopeItem(2)}, {"d", envelopeItem(3), nil}, {"t", nil, nil}} {
		record := envelopeRecord(t, tt.op, tt.before, tt.after)
		op, before, after, err := e.Open(record)
		if err != nil || op != tt.op || (before == nil) != (tt.before == nil) || (after == nil) != (tt.after == nil) {
			t.Fatalf("%s: %s, %x, %x, %v", tt.op, op, before, after, err)
		}
		for i, datum := range [][]byte{before, after} {
			if datum == nil {
				continue
			}
			b := batchtest.NewBuilder(t, table)
			if err := d.Decode(datum, b); err != nil {
				t.Fatal(err)
			}
			rec := b.Finish()
			want := strings.ReplaceAll("ID 1714564800123456 1714564800500000 19844 43200000001 {\"a\":1} NULL", "ID", map[bool]string{true: "2", false: map[string]string{"c": "1", "u": "1", "d": "3"}[tt.op]}[i == 1 && tt.op == "u"])
			var got []string
			for _, col := range rec.Columns() {
				got = append(got, batchtest.Show(col, 0))
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: got %s, want %s", tt.op, got, want)
			}
			rec.Release()
		}
		for cut := range record {
			if _, _, _, err := e.Open(record[:cut]); err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %d of %d bytes are taken: %v", tt.op, cut, len(record), err)
			}
		}
		if _, _, _, err := e.Open(append(record[:len(record):len(record)], 0)); err == nil || !strings.Contains(err.Error(), "1 bytes are left behind the record") {
			t.Errorf("%s: %v", tt.op, err)
		}
	}
	if _, _, _, err := e.Open(make([]byte, 5000)); err == nil || !strings.Contains(err.Error(), "exceeds the limit of 4096") {
		t.Errorf("too long: %v", err)
	}
	// What counts microseconds is a number for those who want one.
	if _, err := Compile(row, batch.NewSchema(batchtest.Columns(t, "made BIGINT", "seen VARCHAR", "tags VARCHAR", "day INTEGER")), decode.Limits{}); err != nil {
		t.Error(err)
	}
	bad := envelopeItem(1)
	bad["seen"], bad["tags"] = "soon", "{"
	_, _, after, err := e.Open(envelopeRecord(t, "c", nil, bad))
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]string{"seen TIMESTAMP": `column "seen": "soon" is not a TIMESTAMP`, "tags JSON": `column "tags": "{" is not JSON`} {
		table := batch.NewSchema(batchtest.Columns(t, column))
		d, err := Compile(row, table, decode.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Decode(after, batchtest.NewBuilder(t, table)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", column, err)
		}
	}
}

func TestNoEnvelopes(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":"record","name":"R","fields":[{"name":"id","type":"long"}]}`:                                             "a field op of type string",
		`{"type":"record","name":"R","fields":[{"name":"op","type":"int"}]}`:                                              "a field op of type string",
		`{"type":"record","name":"R","fields":[{"name":"op","type":"string"}]}`:                                           "a field after with the row",
		`{"type":"record","name":"R","fields":[{"name":"op","type":"string"},{"name":"after","type":["null","string"]}]}`: "a field after with the row",
	} {
		s, err := ParseSchema(text)
		if err != nil {
			t.Fatal(err)
		}
		var refused *decode.RefusedError
		if _, _, err := s.Envelope(decode.Limits{}); !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	// A row that is never null, and a before of another type, which is passed over.
	s, err := ParseSchema(`{"type":"record","name":"R","fields":[{"name":"before","type":"string"},{"name":"op","type":"string"},{"name":"after","type":{"type":"record","name":"V","fields":[{"name":"id","type":"long"}]}}]}`)
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := s.Envelope(decode.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if op, before, after, err := e.Open([]byte("\x02x\x02c\x0e")); err != nil || op != "c" || before != nil || string(after) != "\x0e" {
		t.Errorf("%s, %x, %x, %v", op, before, after, err)
	}
}

func FuzzEnvelope(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, op := range []string{"c", "d"} {
		record := envelopeRecord(f, op, envelopeItem(1), envelopeItem(2))
		f.Add(record)
		f.Add(batchtest.Damage(r, record))
	}
	e, row := openEnvelope(f)
	table := batch.NewSchema(batchtest.Columns(f, "id BIGINT", "seen TIMESTAMPTZ", "tags JSON"))
	d, err := Compile(row, table, decode.Limits{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		defer batchtest.MustEnd()()
		_, before, after, err := e.Open(record)
		if err != nil && (before != nil || after != nil || strings.Contains(err.Error(), "\n")) {
			t.Fatalf("%x: %x, %x, %v", record, before, after, err)
		}
		for _, datum := range [][]byte{before, after} {
			if datum == nil {
				continue
			}
			b := batchtest.NewBuilder(t, table)
			if err := d.Decode(datum, b); (b.Rows() == 1) != (err == nil) {
				t.Errorf("%x: %d rows, %v", record, b.Rows(), err)
			}
			b.Truncate(0)
		}
	})
}
