package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

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

func (k *topics) write(t *testing.T, topic string, records ...*kgo.Record) {
	t.Helper()
	for _, r := range records {
		r.Topic = topic
		if err := k.client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
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
		keyedRecord("", value("t", "null", "null")),
		keyedRecord(key(4), `{"id":4,"name":"flat"}`),
		keyedRecord("", ""))
	k.want(t, "SELECT id, name, since, debt FROM customers ORDER BY id", "1|anna|1970-01-01 00:00:00.000005+00|0.00", "9|bob|NULL|NULL")
	k.want(t, `SELECT _offset, error FROM "customers$rejected" ORDER BY _offset`,
		`8|op is "t": the table was truncated, which deletes no rows here`,
		"9|not a Debezium envelope, which has a field op: records that are nothing but the row are of FORMAT UPSERT",
		"10|the record has neither a key nor a value")
	k.write(t, "clicks", keyedRecord("", `{"customer":1}`), keyedRecord("", `{"customer":9}`), keyedRecord("", `{"customer":2}`))
	k.want(t, "SELECT * FROM per_name ORDER BY name", "ann|1", "anna|1", "bob|1", "NULL|2")
	k.exec(t, "CHECKPOINT")
	k.want(t, "SELECT count(*), sum(id) FROM customers", "2|10")
}
