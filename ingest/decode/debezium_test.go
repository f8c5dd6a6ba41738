package decode

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

// Records as Debezium's connectors write them: of PostgreSQL with schemas, of MySQL
// without.
const (
	postgresKey = `{"schema":{"type":"struct","fields":[{"type":"int32","optional":false,"default":0,"field":"id"}],"optional":false,"name":"shop.public.items.Key"},"payload":{"id":17}}`

	postgresRow = `"fields":[{"type":"int32","optional":false,"default":0,"field":"id"},{"type":"string","optional":true,"field":"name"},` +
		`{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2","connect.decimal.precision":"12"},"field":"price"},` +
		`{"type":"struct","fields":[{"type":"int32","optional":false,"field":"scale"},{"type":"bytes","optional":false,"field":"value"}],"optional":true,"name":"io.debezium.data.VariableScaleDecimal","version":1,"doc":"Variable scaled decimal","field":"any"},` +
		`{"type":"int64","optional":true,"name":"io.debezium.time.MicroTimestamp","version":1,"field":"made"},` +
		`{"type":"string","optional":true,"name":"io.debezium.time.ZonedTimestamp","version":1,"field":"seen"},` +
		`{"type":"int32","optional":true,"name":"io.debezium.time.Date","version":1,"field":"day"},` +
		`{"type":"int64","optional":true,"name":"io.debezium.time.MicroTime","version":1,"field":"at"},` +
		`{"type":"string","optional":true,"name":"io.debezium.time.ZonedTime","version":1,"field":"atz"},` +
		`{"type":"int64","optional":true,"name":"io.debezium.time.MicroDuration","version":1,"field":"lasts"},` +
		`{"type":"string","optional":true,"name":"io.debezium.data.Json","version":1,"field":"tags"},` +
		`{"type":"string","optional":true,"name":"io.debezium.data.Uuid","version":1,"field":"ref"},` +
		`{"type":"bytes","optional":true,"field":"raw"},{"type":"boolean","optional":true,"field":"on"}],"optional":true,"name":"shop.public.items.Value"`
	postgresSchema = `{"type":"struct","fields":[{"type":"struct",` + postgresRow + `,"field":"before"},{"type":"struct",` + postgresRow + `,"field":"after"},` +
		`{"type":"struct","fields":[{"type":"string","optional":false,"field":"version"}],"optional":false,"name":"io.debezium.connector.postgresql.Source","field":"source"},` +
		`{"type":"string","optional":false,"field":"op"},{"type":"int64","optional":true,"field":"ts_ms"}],"optional":false,"name":"shop.public.items.Envelope","version":2}`

	postgresAfter = `{"id":17,"name":"chair","price":"AeJA","any":{"scale":3,"value":"EtaH"},"made":1714564800123456,"seen":"2024-05-01T12:00:00.5Z","day":19844,` +
		`"at":43200000001,"atz":"12:30:00Z","lasts":90000000,"tags":"{\"a\": [1, \"\\u00e9\"]}","ref":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","raw":"AAH/","on":true}`
	postgresSource = `{"version":"3.1.0.Final","connector":"postgresql","name":"shop","ts_ms":1714564800200,"snapshot":"false","db":"shop","sequence":"[\"24023128\",\"24023128\"]","schema":"public","table":"items","txId":555,"lsn":24023128,"xmin":null}`
)

func postgresValue(op, before, after string) string {
	return `{"schema":` + postgresSchema + `,"payload":{"before":` + before + `,"after":` + after + `,"source":` + postgresSource + `,"op":"` + op + `","ts_ms":1714564800300,"transaction":null}}`
}

func mysqlValue(op, before, after string) string {
	return `{"before":` + before + `,"after":` + after + `,"source":{"version":"2.7.0.Final","connector":"mysql","name":"shop","ts_ms":1714564800000,"snapshot":"false","db":"shop","table":"items","server_id":223344,"gtid":null,"file":"mysql-bin.000003","pos":484,"row":0,"thread":7,"query":null},` +
		`"op":"` + op + `","ts_ms":1714564800300,"transaction":null}`
}

var itemColumns = []string{"id INTEGER", "name VARCHAR", "price DECIMAL(12,2)", "any DECIMAL(20,4)", "made TIMESTAMP", "seen TIMESTAMPTZ", "day DATE",
	"at TIME", "atz TIME", "lasts INTERVAL", "tags JSON", "ref UUID", "raw BLOB", "on BOOLEAN"}

// decodeChange decodes a record of a keyed topic and shows what it does; a key or
// value that is "-" is not there.
func decodeChange(t testing.TB, d interface {
	Decode(key, value []byte, b *batch.Builder) (bool, error)
}, schema *batch.Schema, key, value string) string {
	t.Helper()
	part := func(text string) []byte {
		if text == "-" {
			return nil
		}
		return []byte(text)
	}
	b := batchtest.NewBuilder(t, schema)
	deleted, err := d.Decode(part(key), part(value), b)
	switch {
	case err != nil:
		for i := range schema.Columns {
			if n := b.Column(i).Len(); n != 0 {
				t.Errorf("key %q, value %q: column %d has %d values after an error", key, value, i, n)
			}
		}
		return "error: " + err.Error()
	case deleted:
		return "deleted " + row(b)
	}
	return row(b)
}

func TestDebeziumOfPostgres(t *testing.T) {
	schema := batch.NewSchema(batchtest.Columns(t, itemColumns...))
	d := NewDebezium(schema, []int{0}, JSONOptions{}, Limits{})
	const want = `17 chair 123456 12345670 1714564800123456 1714564800500000 19844 43200000001 45000000000 0 0 90000000 {"a": [1, "\u00e9"]} ` +
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 x0001ff true"
	const gone = "deleted 17" + " NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL NULL"
	for _, key := range []string{postgresKey, "-"} {
		for _, op := range []string{"r", "c", "u"} {
			if got := decodeChange(t, d, schema, key, postgresValue(op, "null", postgresAfter)); got != want {
				t.Errorf("op %s: got %s, want %s", op, got, want)
			}
		}
		if got := decodeChange(t, d, schema, key, postgresValue("d", `{"id":17}`, "null")); got != gone {
			t.Errorf("op d: got %s", got)
		}
	}
}

// mysqlSchema is the schema of a record with one column besides its key.
func mysqlSchema(column string) string {
	row := `{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"},` + column + `],"optional":true,"name":"shop.shop.items.Value","field":"`
	return `{"type":"struct","fields":[` + row + `before"},` + row + `after"},{"type":"string","optional":false,"field":"op"}],"optional":false,"name":"shop.shop.items.Envelope","version":1}`
}

// TestDebeziumTypes reads the values of types as the schema beside them says.
func TestDebeziumTypes(t *testing.T) {
	for _, tt := range []struct{ typ, name, value, column, want string }{
		{"int64", "io.debezium.time.Timestamp", "1714564800123", "TIMESTAMP", "1714564800123000"},
		{"int64", "io.debezium.time.Timestamp", "1000", "TIMESTAMPTZ", "1000000"}, // which looks like seconds
		{"int64", "org.apache.kafka.connect.data.Timestamp", "-1", "TIMESTAMP", "-1000"},
		{"int64", "io.debezium.time.NanoTimestamp", "-1", "TIMESTAMP", "-1"},
		{"int64", "io.debezium.time.MicroTimestamp", "-62135596800000000", "TIMESTAMP", "-62135596800000000"},
		{"int64", "io.debezium.time.MicroTimestamp", "9223372036854775807", "TIMESTAMP", out},
		{"int64", "io.debezium.time.MicroTimestamp", "86399999999", "DATE", "0"},
		{"int64", "io.debezium.time.Timestamp", "-1", "DATE", "-1"},
		{"int64", "io.debezium.time.Timestamp", "1000", "BIGINT", "1000"},
		{"int64", "io.debezium.time.Timestamp", "1000", "VARCHAR", "1000"},
		{"int64", "io.debezium.time.Timestamp", "true", "TIMESTAMP", notA},
		{"string", "io.debezium.time.ZonedTimestamp", `"2024-05-01T12:00:00.5+02:00"`, "TIMESTAMP", "1714557600500000"},
		{"int32", "io.debezium.time.Date", "-1", "DATE", "-1"},
		{"int32", "io.debezium.time.Date", "19844", "TIMESTAMP", "1714521600000000"},
		{"int32", "org.apache.kafka.connect.data.Date", "19844", "DATE", "19844"},
		{"int32", "org.apache.kafka.connect.data.Date", "1e9", "DATE", "1000000000"},
		{"int32", "org.apache.kafka.connect.data.Date", "1e10", "DATE", out},
		{"int32", "io.debezium.time.Time", "86399999", "TIME", "86399999000"},
		{"int32", "io.debezium.time.Time", "86400001", "TIME", out},
		{"int32", "org.apache.kafka.connect.data.Time", "-1", "TIME", out},
		{"int64", "io.debezium.time.NanoTime", "1999", "TIME", "1"},
		{"int64", "io.debezium.time.NanoTime", "86400000001000", "TIME", out},
		{"string", "io.debezium.time.ZonedTime", `"10:00:00.5Z"`, "TIME", "36000500000"},
		{"string", "io.debezium.time.ZonedTime", `"10:00:00+01"`, "TIME", notA},
		{"int64", "io.debezium.time.NanoDuration", "-5999", "INTERVAL", "0 0 -5"},
		{"int64", "io.debezium.time.MicroDuration", "9223372036854775807", "INTERVAL", out},
		{"string", "io.debezium.time.Interval", `"P1Y2M3DT4H5M6.78S"`, "INTERVAL", "14 3 14706780000"},
		{"string", "io.debezium.data.Json", `"{\"a\":1}"`, "JSON", `{"a":1}`},
		{"string", "io.debezium.data.Json", `"{\"a\":1}"`, "VARCHAR", `{"a":1}`},
		{"string", "io.debezium.data.Json", `"{"`, "JSON", notA},
		{"string", "io.debezium.data.Xml", `"<a/>"`, "VARCHAR", "<a/>"},
		{"string", "io.debezium.data.Enum", `"big"`, "VARCHAR", "big"},
		{"int16", "", "1", "BOOLEAN", "true"},
		{"int32", "io.debezium.time.Year", "2024", "INTEGER", "2024"},
		{"string", "", `"1234.56"`, "DECIMAL(12,2)", "123456"},
		{"double", "", "1234.56", "DECIMAL(12,2)", "123456"},
		{"bytes", "org.apache.kafka.connect.data.Decimal", `"/w=="`, "DECIMAL(12,3)", "-10"},
		{"bytes", "org.apache.kafka.connect.data.Decimal", `"AeJA"`, "DOUBLE", "1234.56"},
		{"bytes", "org.apache.kafka.connect.data.Decimal", `"AeJA"`, "VARCHAR", "1234.56"},
		{"bytes", "org.apache.kafka.connect.data.Decimal", `"AeJA"`, "BLOB", "x01e240"},
		{"bytes", "org.apache.kafka.connect.data.Decimal", `"AeJA"`, "DECIMAL(4,2)", out},
		{"bytes", "org.apache.kafka.connect.data.Decimal", `"AeJA"`, "DECIMAL(5,1)", "12346"}, // rounded, as any number
		{"bytes", "org.apache.kafka.connect.data.Decimal", `"A"`, "DECIMAL(12,2)", notA},
		{"bytes", "org.apache.kafka.connect.data.Decimal", `""`, "DECIMAL(12,2)", notA},
		{"bytes", "org.apache.kafka.connect.data.Decimal", `{}`, "DECIMAL(12,2)", notA},
		{"bytes", "org.apache.kafka.connect.data.Decimal", `"S4xHnl+cFK1k5Y+XoYBgcg=="`, "DECIMAL(38,2)", out},
		{"bytes", "org.apache.kafka.connect.data.Decimal", `"S7P3JaDYzJ5tOt1VwAAAAA=="`, "VARCHAR", "1006265335579402354373385809067308482.56"},
		{"struct", "io.debezium.data.VariableScaleDecimal", `{"scale":-2,"value":"BQ=="}`, "DECIMAL(12,2)", "50000"},
		{"struct", "io.debezium.data.VariableScaleDecimal", `{"value":"BQ==","scale":0}`, "INTEGER", "5"},
		{"struct", "io.debezium.data.VariableScaleDecimal", `{"value":"BQ==","scale":0}`, "JSON", `{"value":"BQ==","scale":0}`},
		{"struct", "io.debezium.data.VariableScaleDecimal", `{"value":"BQ=="}`, "DECIMAL(12,2)", notA},
		{"struct", "io.debezium.data.VariableScaleDecimal", `{"value":"BQ==","scale":99999}`, "DOUBLE", notA},
		{"struct", "io.debezium.data.VariableScaleDecimal", `{"value":5,"scale":1}`, "DECIMAL(12,2)", notA},
		{"struct", "io.debezium.data.geometry.Point", `{"x":1.5,"y":2,"wkb":"AQ==","srid":null}`, "JSON", `{"x":1.5,"y":2,"wkb":"AQ==","srid":null}`},
		{"int64", "org.example.Unknown", "1714564800", "TIMESTAMP", "1714564800000000"}, // as it looks
	} {
		schema := batch.NewSchema(batchtest.Columns(t, "id INTEGER", "v "+tt.column))
		column := `{"type":"` + tt.typ + `","optional":true,"name":"` + tt.name + `","version":1,"parameters":{"scale":"2"},"field":"V"}`
		d := NewDebezium(schema, []int{0}, JSONOptions{}, Limits{})
		got := decodeChange(t, d, schema, "-", `{"schema":`+mysqlSchema(column)+`,"payload":{"before":null,"after":{"id":1,"V":`+tt.value+`},"op":"c"}}`)
		if tt.want == notA || tt.want == out {
			if !strings.HasPrefix(got, "error") || !containsKind(got, tt.want) {
				t.Errorf("%s %s into %s: got %s, want %s", tt.name, tt.value, tt.column, got, tt.want)
			}
		} else if got != "1 "+tt.want {
			t.Errorf("%s %s into %s: got %s, want %s", tt.name, tt.value, tt.column, got, tt.want)
		}
	}
}

// TestDebeziumSchemasChange reads records whose schemas come by turns: each is read
// by its own, also when it was passed over as known.
func TestDebeziumSchemasChange(t *testing.T) {
	schema := batch.NewSchema(batchtest.Columns(t, "id INTEGER", "v TIMESTAMP"))
	record := func(name string) string {
		return `{"schema":` + mysqlSchema(`{"type":"int64","optional":true,"name":"`+name+`","field":"v"}`) + `,"payload":{"op":"c","after":{"id":1,"v":5000}}}`
	}
	micros, millis := record("io.debezium.time.MicroTimestamp"), record("io.debezium.time.Timestamp")
	plain := `{"payload":{"op":"c","after":{"id":1,"v":5000}}}`
	for _, key := range []string{"-", "1"} {
		d := NewDebezium(schema, []int{0}, JSONOptions{}, Limits{})
		for i, c := range []struct{ record, want string }{
			{plain, "5000000000"}, {micros, "5000"}, {micros, "5000"}, {plain, "5000000000"}, {millis, "5000000"}, {micros, "5000"}, {millis, "5000000"},
			{strings.Replace(millis, `{"schema":`, `{ "schema" : `, 1), "5000000"},
			{`{"schema":{"type":1},"payload":{"op":"c","after":{"id":1,"v":5000}}}`, "5000000000"}, // no schema of Connect's
			{`{"schema":{},"payload":{"op":"c","after":{"id":1,"v":5000}}}`, "5000000000"},
			{`{"payload":{"op":"c","after":{"id":1,"v":5000}},"schema":` + mysqlSchema(`{"type":"int64","name":"io.debezium.time.Timestamp","field":"v"}`) + `}`, "5000000"},
		} {
			if got := decodeChange(t, d, schema, key, c.record); got != "1 "+c.want {
				t.Errorf("key %s, record %d: got %s, want 1 %s", key, i, got, c.want)
			}
		}
		for i := range 3 * connectSchemasMax { // nor are all schemas of the world kept
			if got := decodeChange(t, d, schema, key, record("io.debezium.time.Timestamp"+strings.Repeat("x", i))); !strings.HasPrefix(got, "1 5000") {
				t.Fatalf("schema %d: %s", i, got)
			}
		}
		for _, e := range []*envelope{&d.row, &d.whole} {
			if n := len(e.schema.known); n > connectSchemasMax {
				t.Errorf("%d schemas are kept", n)
			}
		}
	}
	// The key's columns mean what the key's schema says, or that of before.
	keyed := batch.NewSchema(batchtest.Columns(t, "id DATE", "v BIGINT"))
	d := NewDebezium(keyed, []int{0}, JSONOptions{}, Limits{})
	key := `{"schema":{"type":"struct","fields":[{"type":"int64","name":"io.debezium.time.Timestamp","field":"id"}]},"payload":{"id":86400000}}`
	if got := decodeChange(t, d, keyed, key, "-"); got != "deleted 1 NULL" {
		t.Errorf("got %s", got)
	}
	before := strings.Replace(`{"schema":`+mysqlSchema(`{"type":"int64","field":"v"}`)+`,"payload":{"op":"d","before":{"id":86400000}}}`,
		`{"type":"int32","optional":false,"field":"id"}`, `{"type":"int64","name":"io.debezium.time.Timestamp","field":"id"}`, 2)
	if got := decodeChange(t, d, keyed, "-", before); got != "deleted 1 NULL" {
		t.Errorf("got %s", got)
	}
}

func TestDebeziumRecords(t *testing.T) {
	for _, tt := range []struct {
		name, columns string
		primary       []int
		options       JSONOptions
		key, value    string
		want          string
	}{
		{name: "snapshot", key: `{"a":1}`, value: mysqlValue("r", "null", `{"a":1,"b":"x"}`), want: "1 x"},
		{name: "insert", key: `{"a":1}`, value: mysqlValue("c", "null", `{"a":1,"b":"x"}`), want: "1 x"},
		{name: "update", key: `{"a":1}`, value: mysqlValue("u", `{"a":1,"b":"w"}`, `{"a":1,"b":"x"}`), want: "1 x"},
		{name: "delete", key: `{"a":1}`, value: mysqlValue("d", `{"a":1,"b":"w"}`, "null"), want: "deleted 1 NULL"},
		{name: "delete without before", key: `{"a":1}`, value: mysqlValue("d", "null", "null"), want: "deleted 1 NULL"},
		{name: "tombstone", key: `{"a":1}`, value: "-", want: "deleted 1 NULL"},
		{name: "tombstone in an envelope", key: postgresKey, columns: "id BIGINT, b VARCHAR", value: `{"schema":null,"payload":null}`, want: "deleted 17 NULL"},
		{name: "tombstone under a schema", key: postgresKey, columns: "id BIGINT, b VARCHAR", value: "-", want: "deleted 17 NULL"},
		{name: "insert without a key", key: "-", value: mysqlValue("c", "null", `{"a":1,"b":"x"}`), want: "1 x"},
		{name: "delete without a key", key: "-", value: mysqlValue("d", `{"a":1,"b":"w"}`, "null"), want: "deleted 1 NULL"},
		{name: "the record's key counts", key: `{"a":2}`, value: mysqlValue("c", "null", `{"a":1,"b":"x"}`), want: "2 x"},
		{name: "a key as text", key: "1", value: mysqlValue("c", "null", `{"a":9,"b":"x"}`), want: "1 x"},
		{name: "a key without fields", key: `{"schema":{"type":"int64","optional":false},"payload":5}`, value: mysqlValue("c", "null", `{"b":"x"}`), want: "5 x"},
		{name: "a key of two", columns: "a BIGINT, b VARCHAR, c BIGINT", primary: []int{2, 0}, key: `{"c":3,"a":1}`, value: mysqlValue("c", "null", `{"b":"x"}`), want: "1 x 3"},
		{name: "columns named like the envelope", columns: "payload BIGINT, schema VARCHAR, op VARCHAR, after VARCHAR", key: `{"payload":7}`,
			value: mysqlValue("c", "null", `{"payload":1,"schema":"s","op":"o","after":"a"}`), want: "7 s o a"},
		{name: "and with schemas", columns: "payload BIGINT, schema VARCHAR", key: `{"schema":{},"payload":{"payload":7}}`,
			value: `{"schema":{},"payload":` + mysqlValue("c", "null", `{"payload":1,"schema":"s"}`) + `}`, want: "7 s"},
		{name: "only a key", columns: "a BIGINT", key: `{"a":1}`, value: mysqlValue("c", "null", `{"a":1}`), want: "1"},
		{name: "op in front", key: "-", value: `{"op":"u","after":{"b":"x","a":1}}`, want: "1 x"},
		{name: "letter case", key: "-", value: mysqlValue("c", "null", `{"A":1,"B":"x"}`), want: "1 x"},
		{name: "the last envelope wins", key: "-", value: `{"after":{"a":1,"b":"x"},"after":{"a":2},"op":"d","op":"c"}`, want: "2 NULL"},
		{name: "a path in the row", columns: "a BIGINT, b INTEGER", options: JSONOptions{Paths: []Path{nil, {{Key: "x", Index: -1}, {Index: 1}}}},
			key: "-", value: mysqlValue("c", "null", `{"a":1,"x":[4,5]}`), want: "1 5"},
		{name: "without a schema", columns: "a TIMESTAMP, b DECIMAL(12,2), c TIME", key: "-",
			options: JSONOptions{Timestamps: EpochMicros, Decimals: Unscaled, Times: DayMicros},
			value:   mysqlValue("c", "null", `{"a":1000001,"b":"AeJA","c":3600000000}`), want: "1000001 123456 3600000000"},

		{name: "nothing", key: "-", value: "-", want: "error: the record has neither a key nor a value"},
		{name: "no envelope", key: `{"a":1}`, value: `{"a":1,"b":"x"}`, want: "error: not a Debezium envelope"},
		{name: "no object", key: `{"a":1}`, value: `[1]`, want: "error: record is not a JSON object: [1]"},
		{name: "no JSON", key: `{"a":1}`, value: `{"op":"c"`, want: "error: invalid JSON at byte 9"},
		{name: "no row", key: `{"a":1}`, value: mysqlValue("c", "null", "null"), want: `error: op is "c", but after has no row`},
		{name: "truncate", key: "-", value: mysqlValue("t", "null", "null"), want: `error: op is "t": the table was truncated`},
		{name: "message", key: "-", value: mysqlValue("m", "null", "null"), want: `error: op is "m": a logical decoding message`},
		{name: "truncate of a key", key: `{"a":1}`, value: mysqlValue("t", "null", "null"), want: `error: op is "t": the table was truncated`},
		{name: "an unknown op", key: "-", value: mysqlValue("x", "null", "null"), want: `error: op is "x", which is none of c, r, u and d`},
		{name: "op is no text", key: "-", value: `{"op":1,"after":{"a":1}}`, want: "error: not a Debezium envelope"},
		{name: "delete of nothing", key: "-", value: mysqlValue("d", "null", "null"), want: `error: op is "d", but the record has no key, and before has no row`},
		{name: "delete of half a key", key: "-", value: mysqlValue("d", `{"b":"x"}`, "null"), want: `error: before: there is no value for column "a"`},
		{name: "insert without the key's column", key: "-", value: mysqlValue("c", "null", `{"b":"x"}`), want: `error: there is no value for column "a"`},
		{name: "a broken key", key: `{"a":`, value: mysqlValue("c", "null", `{"a":1}`), want: "error: key: invalid JSON"},
		{name: "a broken key of a tombstone", key: `{"x":1}`, value: "-", want: `error: key: there is no value for column "a"`},
		{name: "a value that does not fit", key: `{"a":1}`, columns: "a BIGINT, b BIGINT", value: mysqlValue("u", "null", `{"a":1,"b":"x"}`), want: `error: column "b": "x" is not a BIGINT, at byte 34`},
		{name: "a value that does not fit under a schema", key: "-", columns: "id BIGINT, made TIMESTAMP", value: postgresValue("c", "null", `{"id":1,"made":"soon"}`), want: `error: column "made": "soon" is not a TIMESTAMP`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.columns == "" {
				tt.columns = "a BIGINT, b VARCHAR"
			}
			if tt.primary == nil {
				tt.primary = []int{0}
			}
			schema := batch.NewSchema(batchtest.Columns(t, strings.Split(tt.columns, ", ")...))
			got := decodeChange(t, NewDebezium(schema, tt.primary, tt.options, Limits{}), schema, tt.key, tt.value)
			if strings.HasPrefix(tt.want, "error") && !strings.HasPrefix(got, tt.want) || !strings.HasPrefix(tt.want, "error") && got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestDebeziumKeepsTheLatestRows makes random changes of a table elsewhere, in the
// forms that they come in: what the records say, applied in their order, is that
// table.
func TestDebeziumKeepsTheLatestRows(t *testing.T) {
	schema := batch.NewSchema(batchtest.Columns(t, "id BIGINT", "v VARCHAR", "at TIMESTAMP"))
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := NewDebezium(schema, []int{0}, JSONOptions{}, Limits{})
		origin, copied := map[string]string{}, map[string]string{}
		row := func(id string) string {
			return fmt.Sprintf(`{"id":%s,"v":%q,"at":%d}`, id, origin[id], len(origin[id]))
		}
		apply := func(key, value string) {
			if got := decodeChange(t, d, schema, key, value); strings.HasPrefix(got, "deleted ") {
				delete(copied, strings.Fields(got)[1])
			} else if id, rest, ok := strings.Cut(got, " "); ok && id != "error:" {
				copied[id] = rest
			} else {
				t.Fatalf("%s, %s: %s", key, value, got)
			}
		}
		change := func(op, id, before, after string) {
			key := fmt.Sprintf(`{"id":%s}`, id)
			value := mysqlValue(op, before, after)
			if r.IntN(2) == 0 {
				key = `{"schema":{"type":"struct"},"payload":` + key + `}`
				value = `{"schema":` + mysqlSchema(`{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"at"}`) + `,"payload":` + value + `}`
			} else if r.IntN(2) == 0 {
				key = "-"
			}
			if value[2] == 'b' { // without a schema 5 is 5 seconds
				value = strings.NewReplacer(`"at":`, `"at":0.00000`).Replace(value)
			}
			apply(key, value)
			if op == "d" && key != "-" && r.IntN(4) > 0 {
				apply(key, "-")
			}
		}
		for i := range 300 {
			id := fmt.Sprint(r.IntN(12))
			old, there := origin[id]
			was := row(id)
			switch to := fmt.Sprint(r.IntN(12)); {
			case !there:
				origin[id] = strings.Repeat("x", 1+i%9)
				change([]string{"c", "r"}[r.IntN(2)], id, "null", row(id))
			case r.IntN(3) == 0:
				delete(origin, id)
				change("d", id, was, "null")
			case r.IntN(3) == 0 && origin[to] == "": // another key
				delete(origin, id)
				origin[to] = old
				change("d", id, was, "null")
				change("c", to, "null", row(to))
			default:
				origin[id] = strings.Repeat("y", 1+i%9)
				change("u", id, was, row(id))
			}
			want := map[string]string{}
			for id, v := range origin {
				want[id] = fmt.Sprintf("%s %d", v, len(v))
			}
			if !maps.Equal(copied, want) {
				t.Fatalf("seed %d, change %d: have %v, want %v", seed, i, copied, want)
			}
		}
	}
}

// FuzzDebezium decodes keys and values behind a row that is there already. All
// columns keep one length, which grows by one if and only if the record is
// accepted; the key's columns then have values.
func FuzzDebezium(f *testing.F) {
	f.Add([]byte(postgresKey), []byte(postgresValue("c", "null", postgresAfter)), byte(0))
	f.Add([]byte(postgresKey), []byte(postgresValue("d", postgresAfter, "null")), byte(1))
	f.Add([]byte(`{"id":1}`), []byte(mysqlValue("u", `{"id":1}`, `{"id":1,"name":"x"}`)), byte(0))
	f.Add([]byte("17"), []byte(`{"schema":null,"payload":null}`), byte(2))
	f.Add([]byte(`{"schema":{},"payload":3}`), []byte(`{"op":"t"}`), byte(0))
	columns := batchtest.Columns(f, itemColumns...)
	schema := batch.NewSchema(columns)
	var decoders []*Debezium // which learn from record to record
	for _, primary := range [][]int{{0}, {1}, {1, 0}} {
		decoders = append(decoders, NewDebezium(schema, primary, JSONOptions{}, Limits{MaxBytes: 8192, MaxDepth: 8, MaxFields: 50}))
	}
	f.Fuzz(func(t *testing.T, key, value []byte, without byte) {
		defer batchtest.MustEnd()()
		if without&1 != 0 {
			key = nil
		}
		if without&2 != 0 {
			value = nil
		}
		for i, primary := range [][]int{{0}, {1}, {1, 0}} {
			b := batchtest.NewBuilder(t, schema)
			if _, err := decoders[i].Decode([]byte(`{"id":1,"name":"k"}`), nil, b); err != nil {
				t.Fatal(err)
			}
			deleted, err := decoders[i].Decode(key, value, b)
			want := 1
			if err == nil {
				want = 2
			}
			for c := range columns {
				if n := b.Column(c).Len(); n != want {
					t.Fatalf("key %q, value %q: column %d has %d values, want %d (%v)", key, value, c, n, want, err)
				}
			}
			rec := b.Finish()
			for c, col := range rec.Columns() {
				_ = batchtest.Show(col, want-1)
				null := col.IsNull(want - 1)
				if k := slices.Contains(primary, c); k && null || err == nil && deleted && !k && !null {
					t.Errorf("key %q, value %q: column %d is NULL: %v (deleted: %v)", key, value, c, null, deleted)
				}
			}
			rec.Release()
		}
	})
}
