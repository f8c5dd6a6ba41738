package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	avrolib "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millstream-db/millstream/ingest/broker"
)

// listening is a connection that keeps the notices it gets.
type listening struct {
	*pgx.Conn
	notices []string
}

func listenTo(t *testing.T, addr string) *listening {
	t.Helper()
	config, err := pgx.ParseConfig("postgres://me@" + addr + "/millstream")
	if err != nil {
		t.Fatal(err)
	}
	l := &listening{}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { l.notices = append(l.notices, n.Severity+": "+n.Message) }
	if l.Conn, err = pgx.ConnectConfig(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}

func (l *listening) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := l.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// until waits for the answer of a query that gives one text.
func (l *listening) until(t *testing.T, sql, want string) {
	t.Helper()
	got := ""
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err := l.QueryRow(t.Context(), sql).Scan(&got); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if got == want {
			return
		}
	}
	t.Fatalf("%s: %s, want %s", sql, got, want)
}

// write produces values to a topic of the broker.
func write(t *testing.T, b *broker.Broker, topic string, values ...[]byte) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, v := range values {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestColumnsAreTakenFromATopic(t *testing.T) {
	b, err := broker.Start(t.Context(), broker.Options{Topics: map[string]int{"clicks": 2, "orders": 1, "names": 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	registry := srfake.NewRegistry()
	server := httptest.NewServer(registry.Handler())
	t.Cleanup(server.Close)
	addr, _ := startServe(t)
	db := listenTo(t, addr)

	now := time.Now().UTC().Truncate(time.Minute)
	var clicks [][]byte
	for i := range 50 {
		clicks = append(clicks, fmt.Appendf(nil, `{"id":%d,"seen":%q,"price":%d.5,"user":{"name":"u%d"},"ok":true,"Select":null}`, i, now.Add(time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), i, i%3))
	}
	write(t, b, "clicks", clicks...)
	db.exec(t, fmt.Sprintf("CREATE SOURCE clicks INCLUDE partition AS part WITH (connector = 'kafka', topic = 'clicks', properties.bootstrap.server = '%s') FORMAT PLAIN ENCODE JSON", b.Addr()))
	statement := fmt.Sprintf(`CREATE SOURCE clicks (
  id BIGINT,
  seen TIMESTAMP WITH TIME ZONE,
  price DOUBLE,
  user JSON,
  ok BOOLEAN,
  "Select" VARCHAR,
  part INTEGER AS _partition,
  WATERMARK FOR seen AS seen - INTERVAL '5 seconds'
)
WITH (
  connector = 'kafka',
  topic = 'clicks',
  properties.bootstrap.server = '%s'
)
FORMAT PLAIN ENCODE JSON`, b.Addr())
	if got, want := strings.Join(db.notices, "|"), `NOTICE: columns of source "clicks" are taken from topic clicks, 50 records:`+"\n"+statement+";"; got != want {
		t.Errorf("told  %s\nwant %s", got, want)
	}
	db.until(t, "SELECT count(*)::TEXT FROM clicks", "50")
	db.until(t, `SELECT count(*)::TEXT FROM "clicks$rejected"`, "0")
	db.exec(t, `CREATE MATERIALIZED VIEW per_minute AS SELECT window_start, "user"->>'name' AS name, count(*) AS n FROM TUMBLE(clicks, seen, INTERVAL '1 minute') GROUP BY ALL`)
	db.until(t, "SELECT string_agg(name || ' ' || n, ', ' ORDER BY name) FROM per_minute", "u0 17, u1 17, u2 16")

	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, value := range []string{`{"name":"a"}`, `{"name":"b","tier":1}`, ""} {
		r := &kgo.Record{Topic: "names", Key: fmt.Append(nil, len(value)), Value: []byte(value)}
		if value == "" {
			r.Value = nil
		}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	db.exec(t, fmt.Sprintf("CREATE SOURCE names (id BIGINT PRIMARY KEY, *) WITH (connector = 'kafka', topic = 'names', properties.bootstrap.server = '%s') FORMAT UPSERT ENCODE JSON", b.Addr()))
	db.until(t, "SELECT COALESCE(string_agg(concat_ws(' ', id, name, tier), ', ' ORDER BY id), '') FROM names", "12 a, 21 b 1")

	const schema = `{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},{"name":"nothing","type":"null"},
		{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"note","type":["null","string"]},
		{"name":"payment","type":["null",{"type":"record","name":"Payment","fields":[{"name":"Total","type":"double"},{"name":"lines","type":{"type":"array","items":{"type":"map","values":"long"}}}]}]}]}`
	id, _, err := registry.RegisterSchema("orders-value", sr.Schema{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	record, err := avrolib.MustParse(schema).AppendEncode(binary.BigEndian.AppendUint32([]byte{0}, uint32(id)), map[string]any{"id": 7, "nothing": nil, "ts": now, "note": "x",
		"payment": map[string]any{"Total": 1.5, "lines": []any{map[string]any{"a": int64(1)}, map[string]any{}}}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, b, "orders", record)
	db.notices = nil
	db.exec(t, fmt.Sprintf(`CREATE SOURCE orders (*, day DATE AS CAST(ts AS DATE), WATERMARK FOR ts AS ts - INTERVAL '5 seconds')
		WITH (connector = 'kafka', topic = 'orders', properties.bootstrap.server = '%s') FORMAT PLAIN ENCODE AVRO (schema.registry = '%s')`, b.Addr(), server.URL))
	if got := strings.Join(db.notices, "|"); !strings.Contains(got, fmt.Sprintf("schema %d (Order), version 1 of subject orders-value", id)) ||
		!strings.HasSuffix(got, `|NOTICE: field "nothing" has no column: it is always null`) {
		t.Errorf("told %s", got)
	}
	db.until(t, "SELECT COALESCE(string_agg(concat_ws(' ', id, note, day = CAST(ts AS DATE), payment.\"Total\", payment.lines[1]['a']), ', '), '') FROM orders", "7 x true 1.5 1")
	var name, text string
	if err := db.QueryRow(t.Context(), "SHOW CREATE SOURCE orders").Scan(&name, &text); err != nil || !strings.Contains(text, "  payment STRUCT(\"Total\" DOUBLE, \"lines\" MAP(VARCHAR, BIGINT)[]),\n") {
		t.Errorf("shown as %s, %v", text, err)
	}
}
