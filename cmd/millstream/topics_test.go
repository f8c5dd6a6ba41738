package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millstream-db/millstream/ingest/broker"
)

// topics is a whole process that reads topics of a broker beside it.
type topics struct {
	*pgx.Conn
	client *kgo.Client
	with   string // the WITH of a source, up to the topic's name
}

func startTopics(t *testing.T, names ...string) *topics {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	o := broker.Options{Topics: make(map[string]int)}
	for _, name := range names {
		o.Topics[name] = 1
	}
	b, err := broker.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	pg, _ := startServe(t)
	conn, err := pgx.Connect(ctx, fmt.Sprintf("postgres://me@%s/millstream?default_query_exec_mode=simple_protocol", pg))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	return &topics{conn, client, " WITH (connector = 'kafka', properties.bootstrap.server = '" + b.Addr() + "', properties.fetch.max.wait.ms = '50', topic = "}
}

// write writes records at once, so that most of them are read in one batch.
func (k *topics) write(t *testing.T, topic string, records ...*kgo.Record) {
	t.Helper()
	for _, r := range records {
		r.Topic = topic
	}
	if err := k.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func keyedRecord(key, value string) *kgo.Record {
	r := &kgo.Record{Value: []byte(value)}
	if key != "" {
		r.Key = []byte(key)
	}
	if value == "" {
		r.Value = nil
	}
	return r
}

func (k *topics) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := k.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// rows returns a query's rows as text, in order, with | between their values.
func (k *topics) rows(t *testing.T, sql string) []string {
	t.Helper()
	rows, err := k.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := []string{}
	for rows.Next() {
		var values []string
		for _, v := range rows.RawValues() {
			text := "NULL"
			if v != nil {
				text = string(v)
			}
			values = append(values, text)
		}
		all = append(all, strings.Join(values, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return all
}

// want waits until a query gives rows.
func (k *topics) want(t *testing.T, sql string, want ...string) {
	t.Helper()
	var have []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if have = k.rows(t, sql); slices.Equal(have, want) {
			return
		}
	}
	t.Fatalf("%s:\nhave %q\nwant %q\nsources %q", sql, have, want, k.rows(t, "SELECT name, status, error FROM millstream.sources"))
}

func TestDebeziumTopic(t *testing.T) {
	k := startTopics(t, "shop.customers", "clicks")
	k.exec(t, "CREATE SOURCE customers (id BIGINT PRIMARY KEY, name VARCHAR, since TIMESTAMPTZ, debt DECIMAL(12,2))"+k.with+"'shop.customers') FORMAT DEBEZIUM ENCODE JSON",
		"CREATE SOURCE clicks (customer BIGINT)"+k.with+"'clicks') FORMAT PLAIN ENCODE JSON",
		"CREATE MATERIALIZED VIEW per_name AS SELECT c.name, count(*) AS n FROM clicks k LEFT JOIN customers c ON c.id = k.customer GROUP BY c.name")
	const schema = `{"type":"struct","fields":[{"type":"struct","fields":[{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"since"},` +
		`{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"debt"}],"field":"after"}]}`
	value := func(op, before, after string) string {
		return fmt.Sprintf(`{"schema":%s,"payload":{"before":%s,"after":%s,"source":{"table":"customers"},"op":%q}}`, schema, before, after, op)
	}
	key := func(id int) string { return fmt.Sprintf(`{"schema":{"type":"struct"},"payload":{"id":%d}}`, id) }
	k.write(t, "shop.customers",
		keyedRecord(key(1), value("r", "null", `{"id":1,"name":"ann","since":1000001,"debt":"AeJA"}`)),
		keyedRecord(key(2), value("c", "null", `{"id":2,"name":"bob","since":null,"debt":null}`)),
		keyedRecord("", value("c", "null", `{"id":3,"name":"cy","since":0,"debt":"/w=="}`)))
	k.want(t, "SELECT id, name, since, debt FROM customers ORDER BY id", "1|ann|1970-01-01 00:00:01.000001+00|1234.56", "2|bob|NULL|NULL", "3|cy|1970-01-01 00:00:00+00|-0.01")
	k.write(t, "clicks", keyedRecord("", `{"customer":1}`), keyedRecord("", `{"customer":9}`))
	k.want(t, "SELECT * FROM per_name ORDER BY name", "ann|1", "NULL|1")
	k.write(t, "shop.customers",
		keyedRecord(key(1), value("u", `{"id":1}`, `{"id":1,"name":"anna","since":5,"debt":"AA=="}`)),
		keyedRecord(key(2), value("d", `{"id":2}`, "null")), keyedRecord(key(2), ""), // its key becomes 9
		keyedRecord(key(9), value("c", "null", `{"id":9,"name":"bob"}`)),
		keyedRecord("", value("d", `{"id":3}`, "null")),
		keyedRecord("", value("m", "null", "null")),
		keyedRecord(key(4), `{"id":4,"name":"flat"}`),
		keyedRecord("", ""),
		keyedRecord(key(5), value("c", "null", `{"id":5,"debt":"x"}`)),
		keyedRecord(key(10), value("c", "null", `{"id":10,"name":"zoe"}`)))
	k.want(t, "SELECT id, name, since, debt FROM customers ORDER BY id", "1|anna|1970-01-01 00:00:00.000005+00|0.00", "9|bob|NULL|NULL", "10|zoe|NULL|NULL")
	k.want(t, `SELECT _offset, error FROM "customers$rejected" ORDER BY _offset`,
		`8|op is "m": a logical decoding message, which is about no row`,
		"9|not a Debezium envelope, which has a field op: records that are nothing but the row are of FORMAT UPSERT",
		"10|the record has neither a key nor a value", `11|column "debt": "x" is not a DECIMAL(12,2), at byte 312`)
	k.write(t, "clicks", keyedRecord("", `{"customer":1}`), keyedRecord("", `{"customer":9}`), keyedRecord("", `{"customer":2}`))
	k.want(t, "SELECT * FROM per_name ORDER BY name", "ann|1", "anna|1", "bob|1", "NULL|2")
	k.exec(t, "CHECKPOINT")
	k.want(t, "SELECT count(*), sum(id) FROM customers", "3|20")
}

// TestUpsertBySchemas keeps the latest rows of topics whose values, and keys, are
// written by schemas of a registry, which headers may name as well.
func TestUpsertBySchemas(t *testing.T) {
	k := startTopics(t, "a", "b", "c", "d", "e")
	registry := srfake.NewRegistry()
	server := httptest.NewServer(registry.Handler())
	t.Cleanup(server.Close)
	register := func(subject string, s sr.Schema) (number []byte) {
		id, _, err := registry.RegisterSchema(subject, s)
		if err != nil {
			t.Fatal(err)
		}
		return binary.BigEndian.AppendUint32([]byte{0}, uint32(id))
	}
	frame := func(number []byte, datum string) []byte { return append(number[:5:5], datum...) }
	value := register("a-value", sr.Schema{Schema: `{"type":"record","name":"V","fields":[{"name":"name","type":"string"},{"name":"id","type":"string"}]}`})
	key := register("a-key", sr.Schema{Schema: `{"type":"record","name":"K","fields":[{"name":"id","type":"long"},{"name":"shop","type":["null","string"]}]}`})
	long := register("b-key", sr.Schema{Schema: `"long"`})
	proto := register("e-value", sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; message V { int64 id = 1; string name = 2; }`})
	registered := " (schema.registry = '" + server.URL + "')"
	for topic, format := range map[string]string{
		"a": "id BIGINT, name VARCHAR, shop VARCHAR, PRIMARY KEY (shop, id)) | FORMAT UPSERT ENCODE AVRO" + registered,
		"b": "name VARCHAR, id BIGINT PRIMARY KEY) | FORMAT UPSERT ENCODE AVRO" + registered + " KEY ENCODE AVRO",
		"c": "id VARCHAR PRIMARY KEY, name VARCHAR) | FORMAT UPSERT ENCODE AVRO" + registered + " KEY ENCODE TEXT",
		"d": "shop BIGINT, name VARCHAR, id BIGINT, PRIMARY KEY (id, shop)) | FORMAT UPSERT ENCODE AVRO" + registered + " KEY ENCODE JSON",
		"e": "name VARCHAR, id BIGINT PRIMARY KEY) | FORMAT UPSERT ENCODE PROTOBUF" + registered,
	} {
		columns, encode, _ := strings.Cut(format, "|")
		k.exec(t, "CREATE SOURCE "+topic+" ("+columns+k.with+"'"+topic+"')"+encode)
	}
	record := func(key, value []byte, headers ...kgo.RecordHeader) *kgo.Record {
		return &kgo.Record{Key: key, Value: value, Headers: headers}
	}
	wider := register("a-key", sr.Schema{Schema: `{"type":"record","name":"K","fields":[{"name":"shop","type":"string"},{"name":"id","type":"long"}]}`})
	named := func(name string, number []byte) kgo.RecordHeader { return kgo.RecordHeader{Key: name, Value: number} }
	ann, bob := "\x06ann\x02x", "\x06bob\x02x"
	k.write(t, "a",
		record(frame(key, "\x02\x02\x02s"), frame(value, ann)), record(frame(key, "\x04\x02\x02s"), frame(value, ann)),
		record(frame(key, "\x02\x02\x02s"), frame(value, bob)), record(frame(key, "\x04\x02\x02s"), nil),
		record(frame(key, "\x02\x00"), frame(value, ann)), record([]byte("1"), frame(value, ann)), record(nil, frame(value, ann)),
		record([]byte("\x06\x02\x02s"), []byte(ann), named("__key_schema_id", key), named("__value_schema_id", key), named("__value_schema_id", value)))
	k.want(t, "SELECT id, name, shop FROM a ORDER BY id", "1|bob|s", "3|ann|s")
	k.write(t, "a", record(frame(wider, "\x02s\x08"), frame(value, ann))) // whose key has a new schema
	k.want(t, "SELECT id, name, shop FROM a ORDER BY id", "1|bob|s", "3|ann|s", "4|ann|s")
	k.want(t, `SELECT _offset, error FROM "a$rejected" ORDER BY _offset`, `4|key: there is no value for column "shop"`,
		"5|key: the record does not name its schema: it begins with 0x31, not with 0x00 and the schema's id", "6|the record has no key")
	k.write(t, "b", record(frame(long, "\x0e"), frame(value, ann)), record(frame(long, "\x10"), frame(value, ann)), record(frame(long, "\x0e"), nil))
	k.want(t, "SELECT id, name FROM b", "8|ann")
	k.write(t, "c", record([]byte(`{"id":1}`), frame(value, ann)), record([]byte("x"), frame(value, bob)), record([]byte("x"), frame(value, ann)))
	k.want(t, "SELECT id, name FROM c ORDER BY id", "x|ann", `{"id":1}|ann`)
	k.write(t, "d", record([]byte(`{"id":1,"shop":2}`), frame(value, ann)), record([]byte(`{"id":1,"shop":3}`), frame(value, ann)), record([]byte(`{"shop":3,"id":1}`), nil))
	k.want(t, "SELECT id, shop, name FROM d", "1|2|ann")
	k.write(t, "e", record([]byte("7"), frame(proto, "\x00\x12\x03ann")), record([]byte("7"), frame(proto, "\x00\x08\x05\x12\x03bob")),
		record([]byte("8"), []byte("\x12\x03cyd"), named("__value_schema_id", append(proto[:5:5], 0))))
	k.want(t, "SELECT id, name FROM e ORDER BY id", "7|bob", "8|cyd")
	k.want(t, "SELECT name, status FROM millstream.sources ORDER BY name", "a|running", "b|running", "c|running", "d|running", "e|running")
}

// TestIncludedParts makes columns of headers and payloads, also behind a column that
// was added later, and after a restart of the reader.
func TestIncludedParts(t *testing.T) {
	k := startTopics(t, "events", "latest")
	k.exec(t, `CREATE SOURCE events (id BIGINT, loud VARCHAR AS upper(trace)) INCLUDE header 'trace' VARCHAR AS trace INCLUDE headers AS h INCLUDE payload VARCHAR AS raw INCLUDE offset AS o`+k.with+"'events') FORMAT PLAIN ENCODE JSON",
		`CREATE SOURCE latest (id BIGINT PRIMARY KEY) INCLUDE header 'by' VARCHAR AS who`+k.with+"'latest') FORMAT UPSERT ENCODE JSON",
		`CREATE SOURCE plain (id BIGINT) INCLUDE header 'trace' BLOB AS trace`+k.with+"'events') FORMAT PLAIN ENCODE JSON",
		"ALTER SOURCE plain ADD COLUMN name VARCHAR",
		"CREATE MATERIALIZED VIEW per_trace AS SELECT trace, count(*) AS n FROM events GROUP BY trace")
	record := func(key, value, header, text string) *kgo.Record {
		r := keyedRecord(key, value)
		r.Headers = []kgo.RecordHeader{{Key: header, Value: []byte(text)}}
		return r
	}
	k.write(t, "events", record("", `{"id":1}`, "trace", "a"), keyedRecord("", `{"id":2}`), record("", `{"id":3}`, "trace", "\xff"))
	k.want(t, "SELECT id, loud, trace, h, raw, o FROM events ORDER BY id", `1|A|a|[{"key":"trace","value":"a"}]|{"id":1}|0`, `2|NULL|NULL|[]|{"id":2}|1`)
	k.want(t, "SELECT * FROM per_trace ORDER BY trace", "a|1", "NULL|1")
	k.want(t, `SELECT _offset, error FROM "events$rejected"`, "2|header: invalid UTF-8 at byte 0: 0xff")
	k.exec(t, "ALTER SOURCE events ADD COLUMN name VARCHAR")
	k.write(t, "events", record("", `{"id":4,"name":"new"}`, "trace", "b"))
	k.want(t, "SELECT id, loud, trace, raw, o, name FROM events WHERE id > 1 ORDER BY id", `2|NULL|NULL|{"id":2}|1|NULL`, `4|B|b|{"id":4,"name":"new"}|3|new`)
	k.want(t, "SELECT id, decode(trace), name FROM plain WHERE id IN (1, 4) ORDER BY id", "1|a|NULL", "4|b|new")
	k.exec(t, "CHECKPOINT")
	k.want(t, "SELECT id, trace, h->0->>'key', name FROM events WHERE id = 4", "4|b|trace|new")
	k.write(t, "latest", record("1", "{}", "by", "ann"), record("2", "{}", "by", "ann"), record("1", "{}", "by", "bob"), record("2", "", "by", "cy"))
	k.want(t, "SELECT id, who FROM latest", "1|bob")
	if got := k.rows(t, "SHOW CREATE SOURCE latest"); !strings.Contains(got[0], "\nINCLUDE header 'by' VARCHAR AS who\n") {
		t.Errorf("shown as %s", got)
	}
}

// TestIncludedKeys makes columns of fields of keys, and groups by them.
func TestIncludedKeys(t *testing.T) {
	k := startTopics(t, "events")
	const keyed = " FORMAT PLAIN ENCODE JSON KEY ENCODE JSON"
	k.exec(t, "CREATE SOURCE events (n BIGINT, loud VARCHAR AS upper(region)) INCLUDE key 'region' AS region INCLUDE key AS raw INCLUDE key 'place' STRUCT(zip INTEGER) AS place"+k.with+"'events')"+keyed,
		"CREATE SOURCE whole (n BIGINT) INCLUDE key JSON AS k"+k.with+"'events')"+keyed,
		"CREATE MATERIALIZED VIEW per_region AS SELECT region, place.zip AS zip, sum(n) AS n FROM events GROUP BY region, place.zip")
	k.write(t, "events", keyedRecord(`{"region":"north","place":{"zip":1}}`, `{"n":1}`), keyedRecord(`{"region":"north","place":{"zip":1}}`, `{"n":2}`),
		keyedRecord("", `{"n":4}`), keyedRecord("north", `{"n":8}`), keyedRecord(`{"region":"south"}`, `{"n":16}`))
	k.want(t, "SELECT * FROM per_region ORDER BY n", "north|1|3", "NULL|NULL|4", "south|NULL|16")
	k.want(t, "SELECT loud, decode(raw), place.zip FROM events WHERE n = 1", `NORTH|{"region":"north","place":{"zip":1}}|1`)
	k.want(t, `SELECT _offset, error FROM "events$rejected"`, "3|key: record is not a JSON object: north")
	k.want(t, "SELECT CASE WHEN json_type(k) = 'OBJECT' THEN k->>'region' ELSE CAST(k AS VARCHAR) END, n FROM whole ORDER BY n", "north|1", "north|2", "NULL|4", `"north"|8`, "south|16")
	if got := k.rows(t, "SHOW CREATE SOURCE events"); !strings.Contains(got[0], "\nINCLUDE key 'region' VARCHAR AS region\nINCLUDE key BLOB AS raw\nINCLUDE key 'place' STRUCT(zip INTEGER) AS place\n") {
		t.Errorf("shown as %s", got)
	}
}

func TestPaths(t *testing.T) {
	k := startTopics(t, "events", "changes")
	k.exec(t, `CREATE SOURCE events (id BIGINT, total DOUBLE PATH 'payment.total.value', currency VARCHAR PATH 'payment.total.currency', first JSON PATH 'lines[0]', at TIMESTAMPTZ PATH 'meta.at', twice DOUBLE AS total * 2)`+
		k.with+"'events') FORMAT PLAIN ENCODE JSON (timestamp.format = 'epoch_millis')",
		`CREATE SOURCE changes (id BIGINT PRIMARY KEY PATH 'key.id', city VARCHAR PATH 'address.city')`+k.with+"'changes') FORMAT DEBEZIUM ENCODE JSON")
	k.write(t, "events", keyedRecord("", `{"id":1,"payment":{"total":{"value":1.5,"currency":"EUR"}},"lines":[{"x":1},{}],"meta":{"at":1000}}`), keyedRecord("", `{"id":2,"payment":[]}`))
	k.want(t, "SELECT * FROM events ORDER BY id", `1|1.5|EUR|{"x":1}|1970-01-01 00:00:01+00|3`, "2|NULL|NULL|NULL|NULL|NULL")
	k.exec(t, "ALTER SOURCE events ADD COLUMN tax DOUBLE PATH 'payment.tax'")
	k.write(t, "events", keyedRecord("", `{"id":3,"payment":{"tax":0.2,"total":{"value":7}}}`))
	k.want(t, "SELECT id, total, tax FROM events WHERE id = 3", "3|7|0.2")
	if got := k.rows(t, "SHOW CREATE SOURCE events"); !strings.Contains(got[0], "first JSON PATH 'lines[0]'") || !strings.Contains(got[0], "tax DOUBLE PATH 'payment.tax'") {
		t.Errorf("shown as %s", got)
	}
	k.write(t, "changes", keyedRecord(`{"key":{"id":7}}`, `{"op":"c","after":{"address":{"city":"Rome"}}}`), keyedRecord("", `{"op":"c","after":{"key":{"id":8},"address":{"city":"Oslo"}}}`),
		keyedRecord("", `{"op":"d","before":{"key":{"id":7}}}`))
	k.want(t, "SELECT id, city FROM changes", "8|Oslo")
}

func TestDebeziumAvroTopic(t *testing.T) {
	k := startTopics(t, "items", "text")
	registry := srfake.NewRegistry()
	server := httptest.NewServer(registry.Handler())
	t.Cleanup(server.Close)
	register := func(subject, schema string) (number []byte, write func(v any) []byte) {
		id, _, err := registry.RegisterSchema(subject, sr.Schema{Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		number = binary.BigEndian.AppendUint32([]byte{0}, uint32(id))
		return number, func(v any) []byte {
			data, err := avro.MustParse(schema).AppendEncode(number[:5:5], v)
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	_, value := register("items-value", `{"type":"record","name":"Envelope","fields":[{"name":"before","type":["null",{"type":"record","name":"Value","fields":[
		{"name":"id","type":["null","int"]},{"name":"name","type":["null","string"]},{"name":"made","type":["null",{"type":"long","connect.name":"io.debezium.time.MicroTimestamp"}]}]}]},
		{"name":"after","type":["null","Value"]},{"name":"op","type":"string"}]}`)
	_, key := register("items-key", `{"type":"record","name":"Key","fields":[{"name":"id","type":"int"}]}`)
	for topic, encode := range map[string]string{"items": "", "text": " KEY ENCODE TEXT"} {
		k.exec(t, "CREATE SOURCE "+topic+" (made TIMESTAMP, id BIGINT PRIMARY KEY, name VARCHAR)"+k.with+"'"+topic+"') FORMAT DEBEZIUM ENCODE AVRO (schema.registry = '"+server.URL+"')"+encode)
	}
	row := func(id int, name any) any {
		if id == 0 {
			return map[string]any{"id": nil, "name": name, "made": nil}
		}
		return map[string]any{"id": int32(id), "name": name, "made": int64(1000001)}
	}
	change := func(op string, before, after any) []byte {
		return value(map[string]any{"op": op, "before": before, "after": after})
	}
	id := func(id int) []byte { return key(map[string]any{"id": int32(id)}) }
	k.write(t, "items",
		&kgo.Record{Key: id(1), Value: change("r", nil, row(1, "ann"))}, &kgo.Record{Key: id(2), Value: change("c", nil, row(2, "bob"))},
		&kgo.Record{Value: change("c", nil, row(3, "cy"))}, &kgo.Record{Value: change("c", nil, row(4, "di"))},
		&kgo.Record{Key: id(1), Value: change("u", row(1, "ann"), row(1, nil))},
		&kgo.Record{Key: id(2), Value: change("d", row(2, "bob"), nil)}, &kgo.Record{Key: id(2)},
		&kgo.Record{Value: change("d", row(3, "cy"), nil)},
		&kgo.Record{Key: id(1), Value: change("m", nil, nil)}, &kgo.Record{Key: id(1), Value: change("c", nil, nil)}, &kgo.Record{Value: change("d", nil, nil)},
		&kgo.Record{Key: []byte("1"), Value: change("c", nil, row(1, "x"))}, &kgo.Record{Key: id(1), Value: change("c", nil, row(1, "x"))[:12]},
		&kgo.Record{Value: change("c", nil, row(0, "nobody"))}, &kgo.Record{Value: change("d", row(0, "nobody"), nil)},
		&kgo.Record{Key: id(6), Value: change("c", nil, row(6, "eve"))})
	k.want(t, "SELECT id, name, made FROM items ORDER BY id", "1|NULL|1970-01-01 00:00:01.000001", "4|di|1970-01-01 00:00:01.000001", "6|eve|1970-01-01 00:00:01.000001")
	k.want(t, `SELECT _offset, left(error, 40) FROM "items$rejected" ORDER BY _offset`, `8|op is "m": a logical decoding message, w`, `9|op is "c", but after has no row`,
		`10|op is "d", but the record has no key, an`, "11|key: the record does not name its schema", `12|field "after": the record ends inside th`,
		`13|there is no value for column "id"`, `14|before: there is no value for column "id`)
	k.write(t, "text", &kgo.Record{Key: []byte("7"), Value: change("c", nil, row(1, "ann"))}, &kgo.Record{Key: []byte("8"), Value: change("c", nil, row(1, "bob"))}, &kgo.Record{Key: []byte("7")})
	k.want(t, "SELECT id, name FROM text", "8|bob")
	k.write(t, "text", &kgo.Record{Key: []byte("9"), Value: change("c", nil, row(1, "cy"))}, &kgo.Record{Value: change("t", nil, nil)}, &kgo.Record{Key: []byte("10"), Value: change("c", nil, row(1, "di"))})
	k.want(t, "SELECT id, name FROM text", "10|di")
}

// TestTruncatedTable follows a table that is truncated elsewhere, and does not where
// records of several partitions come in no order.
func TestTruncatedTable(t *testing.T) {
	k := startTopics(t, "items", "clicks")
	if _, err := kadm.NewClient(k.client).CreateTopic(t.Context(), 3, 1, nil, "spread"); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"items", "spread"} {
		k.exec(t, "CREATE SOURCE "+topic+" (id BIGINT, shop VARCHAR, name VARCHAR, shout VARCHAR AS upper(name), PRIMARY KEY (shop, id)) INCLUDE header 'h'"+k.with+"'"+topic+"') FORMAT DEBEZIUM ENCODE JSON")
	}
	k.exec(t, "CREATE SOURCE clicks (item BIGINT)"+k.with+"'clicks') FORMAT PLAIN ENCODE JSON",
		"CREATE MATERIALIZED VIEW per_name AS SELECT i.name, count(*) AS n FROM clicks k LEFT JOIN items i ON i.id = k.item GROUP BY i.name")
	row := func(id int) *kgo.Record {
		return keyedRecord(fmt.Sprintf(`{"id":%d,"shop":"s"}`, id), fmt.Sprintf(`{"before":null,"after":{"id":%d,"shop":"s","name":"item %d"},"op":"c"}`, id, id))
	}
	// As Debezium's documentation shows it, with a schema around: before and after are left out.
	truncated := func() *kgo.Record {
		return keyedRecord("", `{"schema":{"type":"struct"},"payload":{"source":{"version":"3.1.0.Final","connector":"postgresql","ts_ms":1559033904863,"snapshot":false,"schema":"public","table":"items","txId":556,"lsn":46523128,"xmin":null},"op":"t","ts_ms":1559033904961}}`)
	}
	click := keyedRecord("", `{"item":1}`)
	k.write(t, "items", row(1), row(2))
	k.want(t, "SELECT id, shout FROM items ORDER BY id", "1|ITEM 1", "2|ITEM 2")
	k.write(t, "clicks", click)
	k.want(t, "SELECT * FROM per_name", "item 1|1")
	k.exec(t, "CHECKPOINT") // rows are in the file, and the truncation is not
	k.write(t, "items", row(3), truncated(), row(2), row(4))
	k.want(t, "SELECT id, shout FROM items ORDER BY id", "2|ITEM 2", "4|ITEM 4")
	k.want(t, "SELECT name FROM items WHERE id = 1 AND shop = 's'")
	k.write(t, "clicks", click, keyedRecord("", `{"item":4}`))
	k.want(t, "SELECT * FROM per_name ORDER BY name", "item 1|1", "item 4|1", "NULL|1")
	k.exec(t, "CREATE MATERIALIZED VIEW later AS SELECT i.name, count(*) AS n FROM clicks k JOIN items i ON i.id = k.item GROUP BY i.name", "CHECKPOINT")
	k.want(t, "SELECT * FROM later", "item 4|1")
	k.want(t, "SELECT id, shout FROM items ORDER BY id", "2|ITEM 2", "4|ITEM 4")
	k.write(t, "items", truncated(), truncated())
	k.want(t, "SELECT count(*) FROM items", "0")
	k.exec(t, "CHECKPOINT")
	k.want(t, "SELECT count(*) FROM items", "0")
	k.write(t, "items", row(5))
	k.want(t, "SELECT id FROM items", "5")
	k.want(t, `SELECT count(*) FROM "items$rejected"`, "0")

	k.write(t, "spread", row(1), row(2), truncated())
	k.want(t, `SELECT error FROM "spread$rejected"`, `op is "t": the table was truncated, but its topic has 3 partitions, between which no order is kept: which rows came before is not known, so none is deleted`)
	k.want(t, "SELECT id FROM spread ORDER BY id", "1", "2")
}

// TestCSVTablesTopic reads records that are small files, whose rows keep their order
// also where a view reads them from history.
func TestCSVTablesTopic(t *testing.T) {
	k := startTopics(t, "files")
	k.exec(t, "CREATE SOURCE files (n BIGINT, name VARCHAR)"+k.with+"'files') FORMAT PLAIN ENCODE CSV (header = 'true', delimiter = ';')")
	var b strings.Builder
	b.WriteString("name;n\n")
	const rows = 60_000
	for i := range rows {
		fmt.Fprintf(&b, "row %d;%d\n", i, i)
	}
	k.write(t, "files", keyedRecord("", b.String()), keyedRecord("", "n\n60000\nx\n60001"), keyedRecord("", "other\n1"))
	k.want(t, "SELECT count(*), sum(n), count(name), count(DISTINCT _offset), max(_offset) FROM files", "60002|1800090001|60000|2|1")
	k.want(t, `SELECT _offset, error FROM "files$rejected" ORDER BY _offset`, `1|column "n": "x" is not a BIGINT, at byte 0`, `2|the first line names column "other", which the source does not have`)
	k.exec(t, "CHECKPOINT", "CREATE MATERIALIZED VIEW ends AS SELECT n % 7 AS k, first(n) AS f, last(n) AS l FROM files GROUP BY n % 7")
	k.want(t, "SELECT * FROM ends ORDER BY k", "0|0|59997", "1|1|59998", "2|2|59999", "3|3|60000", "4|4|60001", "5|5|59995", "6|6|59996")
	k.want(t, "SELECT rows, rejected FROM millstream.partitions WHERE source = 'files'", "60002|2")
	if got := k.rows(t, "SHOW CREATE SOURCE files"); !strings.Contains(got[0], "header = 'true'") {
		t.Errorf("shown as %s", got)
	}
}
