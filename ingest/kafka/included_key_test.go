package kafka

import (
	"encoding/binary"
	"strings"
	"testing"

	avrolib "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/engine/source"
)

// keyColumn is a column of INCLUDE key: of a field, or of all of the key.
func keyColumn(t *testing.T, name, typ, field string) source.Included {
	return source.Included{Column: batchtest.Columns(t, name+" "+typ)[0], Part: source.Key, PartName: field}
}

// addKeyed adds records to a batch and shows each row without its metadata, or why the
// record was rejected.
func addKeyed(t *testing.T, spec source.Spec, records ...*kgo.Record) (shown []string) {
	t.Helper()
	o := optionReader{options: map[string]string{}}
	e := o.encoding(spec)
	if o.problems != nil {
		t.Fatal(o.problems)
	}
	known, err := openSchemas(e, spec)
	if err != nil {
		t.Fatal(err)
	}
	if known != nil {
		defer known.close()
	}
	b := newBatcher(Options{}.withDefaults(), spec, newDecoder(spec, e, known))
	b.keyColumns = newKeyColumns(spec, e, known)
	defer b.release()
	b.open(newPartition(0), int64(len(records)))
	for i, r := range records {
		if known != nil && known.awaits(r) {
			if err := known.fetch(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		r.Offset = int64(i)
		b.add(r)
		b.advance(int64(i+1), 0)
	}
	out := b.flush()
	defer out.Release()
	shown = make([]string, len(records))
	for _, r := range out.Rejected {
		shown[r.Offset] = "error: " + r.Error
	}
	columns := out.Record.Columns()
	offsets := batch.VectorOf(columns[b.meta+1], batch.Type{Kind: batch.BigInt})
	for row := range out.Rows() {
		var values []string
		for _, c := range columns[:b.meta] {
			values = append(values, batchtest.Show(c, row))
		}
		shown[offsets.Integer(row)] = strings.Join(values, "|")
	}
	for i, c := range columns {
		if c.Len() != out.Rows() {
			t.Errorf("column %d has %d values for %d rows", i, c.Len(), out.Rows())
		}
	}
	return shown
}

// TestIncludedJSONKeys has columns of fields of keys that are JSON, of the whole key,
// and of a header beside them.
func TestIncludedJSONKeys(t *testing.T) {
	spec := source.Spec{
		Schema: batch.NewSchema(batchtest.Columns(t, "id BIGINT")), Format: "PLAIN", Encode: "JSON", KeyEncode: "JSON", Alloc: batch.NewAllocator(),
		Included: []source.Included{
			keyColumn(t, "customer", "BIGINT", "customer"),
			{Column: batchtest.Columns(t, "trace VARCHAR")[0], Part: source.Header, PartName: "trace"},
			keyColumn(t, "place", "STRUCT(city VARCHAR, zip INTEGER)", "place"),
		},
	}
	whole := spec
	whole.Included = []source.Included{keyColumn(t, "k", "JSON", ""), keyColumn(t, "text", "VARCHAR", "")}
	numbers := spec
	numbers.Included = []source.Included{keyColumn(t, "k", "INTEGER", "")}
	structs := spec
	structs.Included = []source.Included{keyColumn(t, "k", "STRUCT(a INTEGER, b VARCHAR[])", "")}
	moments := spec
	moments.EncodeOptions = map[string]string{"timestamp.format": "epoch_seconds"}
	moments.Paths = []string{"a.b"}
	moments.Included = []source.Included{keyColumn(t, "since", "TIMESTAMP", "since")}
	for _, tt := range []struct {
		name, key, value, want string // key "-": none
		spec                   source.Spec
	}{
		{"fields", `{"customer":7,"place":{"zip":1,"city":"B"},"more":[1]}`, `{"id":1}`, `1|7|x|{"city":"B","zip":1}`, spec},
		{"letter case", ` {"Customer":"7"} `, `{"id":1}`, "1|7|x|NULL", spec},
		{"null", `{"customer":null}`, `{"id":1}`, "1|NULL|x|NULL", spec},
		{"no key", "-", `{"id":1}`, "1|NULL|x|NULL", spec},
		{"no object", "7", `{"id":1}`, "error: key: record is not a JSON object: 7", spec},
		{"empty", "", `{"id":1}`, "error: key: empty record", spec},
		{"does not fit", `{"customer":"many"}`, `{"id":1}`, `error: key: column "customer": "many" is not a BIGINT`, spec},
		{"does not fit inside", `{"customer":1,"place":{"zip":"x"}}`, `{"id":1}`, `error: key: column "place", in place.zip: "x" is not an INTEGER`, spec},
		{"the value does not fit", `{"customer":1}`, `{"id":"x"}`, `error: column "id": "x" is not a BIGINT`, spec},
		{"an object as it is", ` {"a": [1] } `, `{"id":1}`, `1|{"a": [1] }|{"a": [1] }`, whole},
		{"a string", `"a\"b"`, `{"id":1}`, `1|"a\"b"|a"b`, whole},
		{"a number as JSON", "12", `{"id":1}`, "1|12|12", whole},
		{"a text that is no JSON", "north 12", `{"id":1}`, `1|"north 12"|north 12`, whole},
		{"half a text", `"a`, `{"id":1}`, `1|"\"a"|"a`, whole},
		{"null itself", "null", `{"id":1}`, "1|NULL|NULL", whole},
		{"no key at all", "-", `{"id":1}`, "1|NULL|NULL", whole},
		{"a number", "12", `{"id":1}`, "1|12", numbers},
		{"a number as a string", `"12"`, `{"id":1}`, "1|12", numbers},
		{"no number", "x", `{"id":1}`, `error: key: column "k": "x" is not an INTEGER`, numbers},
		{"a structure", `{"a":1,"b":["x","y"]}`, `{"id":1}`, `1|{"a":1,"b":["x","y"]}`, structs},
		{"no structure", `[1]`, `{"id":1}`, `error: key: column "k": [1] is not a STRUCT`, structs},
		{"options and paths are not the key's but its options", `{"since":1}`, `{"a":{"b":5}}`, "5|1000000", moments},
	} {
		record := func(value string) *kgo.Record {
			r := &kgo.Record{Value: []byte(value), Headers: []kgo.RecordHeader{{Key: "trace", Value: []byte("x")}}}
			if tt.key != "-" {
				r.Key = []byte(tt.key)
			}
			return r
		}
		first := &kgo.Record{Value: []byte(`{"id":0}`)}
		got := addKeyed(t, tt.spec, first, record(tt.value))[1]
		if got != tt.want && !(strings.HasPrefix(tt.want, "error") && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	if left := spec.Alloc.Bytes(); left != 0 {
		t.Errorf("%d bytes were not released", left)
	}
}

const (
	customerKey = `{"type":"record","name":"K","fields":[{"name":"customer","type":"long"},{"name":"region","type":"string"}]}`
	regionKey   = `{"type":"record","name":"K","fields":[{"name":"region","type":"string"}]}`
)

// TestIncludedKeysOfSchemas has keys in Avro, of several schemas, under values that are
// Avro, too.
func TestIncludedKeysOfSchemas(t *testing.T) {
	reg := newRegistry(t)
	value := reg.register(t, narrowSchema)
	key := func(schema string, datum any) []byte {
		id, _, err := reg.RegisterSchema("orders-key", sr.Schema{Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		b, err := avrolib.MustParse(schema).AppendEncode(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), datum)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	fields := source.Spec{
		Schema: batch.NewSchema(batchtest.Columns(t, "id BIGINT")), Format: "PLAIN", Encode: "AVRO", Alloc: batch.NewAllocator(),
		EncodeOptions: map[string]string{"schema.registry": reg.url},
		Included:      []source.Included{keyColumn(t, "r", "VARCHAR", "region"), keyColumn(t, "c", "BIGINT", "customer")},
	}
	field, whole, text, mixed := fields, fields, fields, fields
	field.Included = fields.Included[1:]
	whole.KeyEncode, whole.Included = "AVRO", []source.Included{keyColumn(t, "k", "STRUCT(region VARCHAR, customer BIGINT)", ""), keyColumn(t, "j", "JSON", "")}
	mixed.Included = []source.Included{keyColumn(t, "r", "VARCHAR", "region"), keyColumn(t, "j", "JSON", ""), keyColumn(t, "c", "BIGINT", "customer")}
	text.KeyEncode, text.Included = "AVRO", []source.Included{keyColumn(t, "k", "VARCHAR", "")}
	both := map[string]any{"customer": int64(7), "region": "north"}
	for _, tt := range []struct {
		name string
		spec source.Spec
		key  []byte
		want string
	}{
		{"fields", fields, key(customerKey, both), "1|north|7"},
		{"a schema without one of them", fields, key(regionKey, map[string]any{"region": "south"}), "1|south|NULL"},
		{"no key", fields, nil, "1|NULL|NULL"},
		{"one field", field, key(customerKey, both), "1|7"},
		{"one field, which is the key", field, key(`"long"`, int64(8)), "1|8"},
		{"cut", fields, key(customerKey, both)[:7], `error: key: column "region": the record ends`},
		{"no schema", fields, []byte("north"), "error: key: the record does not name its schema"},
		{"all of it", whole, key(customerKey, both), `1|{"customer":7,"region":"north"}|{"customer":7,"region":"north"}`},
		{"a string", text, key(`"string"`, "east"), "1|east"},
		{"fields beside all", mixed, key(customerKey, both), `1|north|{"customer":7,"region":"north"}|7`},
	} {
		record := avroRecord(t, 0, value, narrowSchema, map[string]any{"id": 1})
		record.Key = tt.key
		got := addKeyed(t, tt.spec, avroRecord(t, 0, value, narrowSchema, map[string]any{"id": 0}), record)[1]
		if got != tt.want && !(strings.HasPrefix(tt.want, "error") && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestIncludedProtobufKeys has keys in Protobuf under values in JSON whose schemas the
// registry has.
func TestIncludedProtobufKeys(t *testing.T) {
	reg := newRegistry(t)
	keys, _, err := reg.RegisterSchema("orders-key", sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; message K { int64 customer = 1; string region = 2; }`})
	if err != nil {
		t.Fatal(err)
	}
	values, _, err := reg.RegisterSchema("orders-value", sr.Schema{Type: sr.TypeJSON, Schema: `{"type":"object","properties":{"id":{"type":"integer"}}}`})
	if err != nil {
		t.Fatal(err)
	}
	frame := func(id int, rest string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), rest...)
	}
	spec := source.Spec{
		Schema: batch.NewSchema(batchtest.Columns(t, "id BIGINT")), Format: "PLAIN", Encode: "JSON", KeyEncode: "PROTOBUF", Alloc: batch.NewAllocator(),
		EncodeOptions: map[string]string{"schema.registry": reg.url},
		Included:      []source.Included{keyColumn(t, "r", "VARCHAR", "region"), keyColumn(t, "c", "BIGINT", "customer")},
	}
	got := addKeyed(t, spec, &kgo.Record{Key: frame(keys, "\x00\x08\x07\x12\x05north"), Value: frame(values, `{"id":1}`)})
	if got[0] != "1|north|7" {
		t.Errorf("got %s", got)
	}
}
