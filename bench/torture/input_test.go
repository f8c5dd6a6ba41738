package torture

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/ingest/broker"
)

const patience = 30 * time.Second

// createSource creates a source of two columns.
func createSource(t *testing.T, db *instance.Instance, name, topic, addr, more string) {
	t.Helper()
	mustExec(t, db, fmt.Sprintf("CREATE SOURCE %s (id BIGINT, note VARCHAR) WITH (connector = 'kafka', topic = '%s', properties.bootstrap.server = '%s'%s) FORMAT PLAIN ENCODE JSON",
		name, topic, addr, more))
}

func produce(t *testing.T, addr, topic string, values ...string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchMaxBytes(64<<20),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, v := range values {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// wantStatus waits until the source's state and error are as wanted.
func wantStatus(t *testing.T, db *instance.Instance, source, status string, parts ...string) {
	t.Helper()
	sql := fmt.Sprintf("SELECT status || ': ' || coalesce(error, '') FROM millstream.sources WHERE name = '%s'", source)
	eventually(t, patience, source+" is "+status, func() bool {
		got := text(t, db, sql)
		for _, p := range parts {
			if !strings.Contains(got, p) {
				return false
			}
		}
		return strings.HasPrefix(got, status+":")
	}, func() string { return fmt.Sprintf("it is %q, want %s with %q", text(t, db, sql), status, parts) })
	t.Logf("%s", text(t, db, sql))
}

func wantRows(t *testing.T, db *instance.Instance, table string, want int64) {
	t.Helper()
	sql := fmt.Sprintf(`SELECT count(*) FROM "%s"`, table)
	eventually(t, patience, fmt.Sprintf("%d rows in %s", want, table), func() bool { return number(t, db, sql) == want },
		func() string { return fmt.Sprintf("%d rows; %s", number(t, db, sql), state(t, db)) })
}

// wantError runs a statement that must be refused with a text that names the thing.
func wantError(t *testing.T, db *instance.Instance, sql, code string, parts ...string) {
	t.Helper()
	err := db.Exec(t.Context(), sql)
	var refused *instance.Error
	if !errors.As(err, &refused) || refused.Code != code {
		t.Errorf("%s: %v, want SQLSTATE %s", sql, err, code)
		return
	}
	for _, p := range parts {
		if !strings.Contains(refused.Error(), p) {
			t.Errorf("%s: %q does not mention %q", sql, refused, p)
		}
	}
	t.Logf("%s", refused)
}

// TestBadInput gives the binary what it can't read and looks for an error that
// names the thing, a process that lives, and a stream that goes on.
func TestBadInput(t *testing.T) {
	b := startBroker(t, broker.Options{Topics: map[string]int{"notes": 1}})
	db := start(t, options(t))
	createSource(t, db, "notes", "notes", b.Addr(), "")
	t.Run("damaged records", func(t *testing.T) { damagedRecords(t, db, b) })
	t.Run("lines and texts", func(t *testing.T) { linesAndTexts(t, db, b) })
	t.Run("topic that does not exist", func(t *testing.T) {
		createSource(t, db, "nowhere", "no-such-topic", b.Addr(), "")
		wantStatus(t, db, "nowhere", "retrying", "no-such-topic", "does not exist", b.Addr())
		if err := b.CreateTopic(t.Context(), "no-such-topic", 1); err != nil {
			t.Fatal(err)
		}
		produce(t, b.Addr(), "no-such-topic", `{"id": 1}`)
		wantRows(t, db, "nowhere", 1)
		wantStatus(t, db, "nowhere", "running")
	})
	t.Run("broker that is down at the start", func(t *testing.T) { lateBroker(t, db) })
	t.Run("wrong password", func(t *testing.T) { wrongPassword(t, db) })
	t.Run("statements", func(t *testing.T) { badStatements(t, db, b) })
	if !db.Running() {
		t.Error("millstream has ended")
	}
	stopping := time.Now()
	if err := db.Stop(); err != nil {
		t.Error(err)
	}
	if d := time.Since(stopping); d > 10*time.Second {
		t.Errorf("millstream took %s to stop", d)
	}
}

func damagedRecords(t *testing.T, db *instance.Instance, b *broker.Broker) {
	huge := `{"id": 4, "note": "` + string(bytes.Repeat([]byte("x"), 20<<20)) + `"}`
	produce(t, b.Addr(), "notes", `{"id": 1, "note": "good"}`, `{"id": 2, "note": "cut o`, `{"id": "two", "note": "good"}`,
		"\xff\xfe", "", huge, `[1, 2]`, `{"id": 8, "note": "good"}`, `{}`)
	wantRows(t, db, "notes", 3)
	wantRows(t, db, "notes$rejected", 6)
	a, err := db.Query(t.Context(), `SELECT _offset, octet_length(value), error FROM "notes$rejected" ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(a)
	for i, part := range []string{"", "id", "UTF-8", "empty", "20971", ""} {
		if !strings.Contains(fmt.Sprint(a.Rows[i][2]), part) {
			t.Errorf("record %v was rejected with %q, which does not mention %q", a.Rows[i][0], a.Rows[i][2], part)
		}
	}
	wantStatus(t, db, "notes", "running")
}

// linesAndTexts reads one topic as lines of fields, as texts and as bytes.
func linesAndTexts(t *testing.T, db *instance.Instance, b *broker.Broker) {
	if err := b.CreateTopic(t.Context(), "lines", 1); err != nil {
		t.Fatal(err)
	}
	for name, rest := range map[string]string{
		"lines": "(id BIGINT, note VARCHAR, double BIGINT AS (id * 2)) %s FORMAT PLAIN ENCODE CSV (delimiter = ';', null = '-')",
		"texts": "(line VARCHAR, id BIGINT AS (TRY_CAST(split_part(line, ';', 1) AS BIGINT))) %s FORMAT PLAIN ENCODE TEXT",
		"raws":  "(raw BLOB) %s FORMAT PLAIN ENCODE BYTES",
	} {
		from := fmt.Sprintf("WITH (connector = 'kafka', topic = 'lines', properties.bootstrap.server = '%s')", b.Addr())
		mustExec(t, db, "CREATE SOURCE "+name+" "+fmt.Sprintf(rest, from))
	}
	mustExec(t, db, "CREATE MATERIALIZED VIEW notes_of_lines AS SELECT note, count(*) AS n, sum(double) AS twice FROM lines GROUP BY note")
	produce(t, b.Addr(), "lines", "1;a", "id;note", `2;"a"`, "3;-", "4", "\xff;b", `5;"a;b"`)
	for table, rows := range map[string]int64{"lines": 4, "lines$rejected": 3, "texts": 6, "texts$rejected": 1, "raws": 7, "raws$rejected": 0} {
		wantRows(t, db, table, rows)
	}
	for sql, want := range map[string]string{
		"SELECT string_agg(coalesce(note, 'NULL') || ' ' || n || ' ' || twice, ', ' ORDER BY twice, note) FROM notes_of_lines": "a 2 6, NULL 1 6, a;b 1 10",
		"SELECT string_agg(coalesce(id::VARCHAR, '-'), ' ' ORDER BY _offset) FROM texts":                                       "1 - 2 3 4 5",
		"SELECT sum(octet_length(raw))::VARCHAR FROM raws":                                                                     "29",
	} {
		if got := text(t, db, sql); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}

func lateBroker(t *testing.T, db *instance.Instance) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	createSource(t, db, "patient", "patient", addr, "")
	wantStatus(t, db, "patient", "retrying", addr)
	startBroker(t, broker.Options{Addr: addr, Topics: map[string]int{"patient": 1}})
	produce(t, addr, "patient", `{"id": 1}`)
	wantRows(t, db, "patient", 1)
	wantStatus(t, db, "patient", "running")
}

func wrongPassword(t *testing.T, db *instance.Instance) {
	b := startBroker(t, broker.Options{Kfake: []kfake.Opt{
		kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "alice", "right"), kfake.SeedTopics(1, "secrets"),
	}})
	createSource(t, db, "secrets", "secrets", b.Addr(), ", properties.security.protocol = 'SASL_PLAINTEXT', "+
		"properties.sasl.mechanism = 'SCRAM-SHA-256', properties.sasl.username = 'alice', properties.sasl.password = 'wr0ng'")
	wantStatus(t, db, "secrets", "retrying", b.Addr(), "alice")
	for _, sql := range []string{"SELECT error FROM millstream.sources", "SHOW CREATE SOURCE secrets"} {
		a, err := db.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(a.String(), "wr0ng") {
			t.Errorf("%s shows the password: %s", sql, a)
		}
	}
	if strings.Contains(db.Log(1000), "wr0ng") {
		t.Error("the password is in the log")
	}
}

func badStatements(t *testing.T, db *instance.Instance, b *broker.Broker) {
	for _, c := range []struct{ sql, code, part string }{
		{"SELECT nothing FROM notes", "42703", "nothing"},
		{"SELECT * FROM missing", "42P01", "missing"},
		{"CREATE MATERIALIZED VIEW v AS SELECT nothing, count(*) FROM notes GROUP BY nothing", "42703", "nothing"},
		{"CREATE MATERIALIZED VIEW v AS SELECT note, count(*) FROM missing GROUP BY note", "42P01", "missing"},
		{"CREATE SOURCE notes (id BIGINT) WITH (connector = 'kafka', topic = 'x', properties.bootstrap.server = '" + b.Addr() + "') FORMAT PLAIN ENCODE JSON", "42P07", "notes"},
		{"CREATE SOURCE s (id BIGINT) WITH (connector = 'kafka', topic = 'x', properties.bootstrap.server = 'h:1', tpic = 'y') FORMAT PLAIN ENCODE JSON", "22023", "tpic"},
		{"CREATE SOURCE s (id BIGNUMBER) WITH (connector = 'kafka', topic = 'x', properties.bootstrap.server = 'h:1') FORMAT PLAIN ENCODE JSON", "42704", "BIGNUMBER"},
		{"SELEC 1", "42601", "SELEC"},
	} {
		wantError(t, db, c.sql, c.code, c.part)
	}
}
