package torture

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/ingest/broker"
)

// keyedTopic is a topic of changes and what they leave.
type keyedTopic struct {
	rand   *rand.Rand
	client *kgo.Client
	latest map[int]string
	sent   int
	// of returns what tells that the name of an id is another one now, "" for none,
	// and what it was before.
	of func(id int, was, name string) []*kgo.Record
	// truncates has changes that delete all rows among the others.
	truncates bool
}

// upsert is a change as FORMAT UPSERT has it.
func upsert(id int, _, name string) []*kgo.Record {
	r := &kgo.Record{Key: fmt.Append(nil, id)}
	if name != "" {
		r.Value = fmt.Appendf(nil, `{"name": %q}`, name)
	}
	return []*kgo.Record{r}
}

// debezium is a change as Debezium writes it, with a tombstone behind a deletion.
func debezium(id int, was, name string) []*kgo.Record {
	row := func(name string) string {
		if name == "" {
			return "null"
		}
		return fmt.Sprintf(`{"id":%d,"name":%q}`, id, name)
	}
	op := "u"
	switch {
	case was == "" && name == "":
		return nil
	case was == "":
		op = "c"
	case name == "":
		op = "d"
	}
	key := fmt.Appendf(nil, `{"schema":{"type":"struct"},"payload":{"id":%d}}`, id)
	records := []*kgo.Record{{Key: key, Value: fmt.Appendf(nil, `{"schema":{"type":"struct"},"payload":{"before":%s,"after":%s,"source":{"table":"names"},"op":%q,"ts_ms":%d}}`,
		row(was), row(name), op, id)}}
	if op == "d" {
		records = append(records, &kgo.Record{Key: key})
	}
	return records
}

// truncated is what Debezium writes when a table was truncated.
func truncated() *kgo.Record {
	return &kgo.Record{Value: []byte(`{"schema":{"type":"struct"},"payload":{"before":null,"after":null,"source":{"table":"names"},"op":"t","ts_ms":1}}`)}
}

// change produces changes of random keys, of which some are deleted.
func (k *keyedTopic) change(t *testing.T, n int) {
	t.Helper()
	var records []*kgo.Record
	for range n {
		if k.truncates && k.rand.IntN(400) == 0 {
			clear(k.latest)
			records = append(records, truncated())
		}
		id := k.rand.IntN(500)
		was := k.latest[id]
		if k.rand.IntN(5) == 0 {
			delete(k.latest, id)
		} else {
			k.latest[id] = fmt.Sprint("name ", k.sent+len(records))
		}
		records = append(records, k.of(id, was, k.latest[id])...)
	}
	k.sent += len(records)
	if err := k.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// want waits until the source has read everything and compares its rows.
func (k *keyedTopic) want(t *testing.T, db *instance.Instance) {
	t.Helper()
	wantNumber(t, db, "SELECT coalesce(sum(rows), 0)::BIGINT FROM millstream.partitions WHERE source = 'names'", int64(k.sent))
	a, err := db.Query(t.Context(), "SELECT id, name FROM names ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	var have, want []string
	for _, row := range a.Rows {
		have = append(have, fmt.Sprint(row...))
	}
	for _, id := range slices.Sorted(maps.Keys(k.latest)) {
		want = append(want, fmt.Sprint(fmt.Sprint(id), k.latest[id]))
	}
	if !slices.Equal(have, want) {
		t.Fatalf("%d rows, want %d, after %d changes:\n%s", len(have), len(want), k.sent, strings.Join(have[:min(5, len(have))], "\n"))
	}
}

func wantNumber(t *testing.T, db *instance.Instance, sql string, want int64) {
	t.Helper()
	eventually(t, patience, fmt.Sprintf("%d from %s", want, sql), func() bool { return number(t, db, sql) == want },
		func() string { return fmt.Sprintf("%d; %s", number(t, db, sql), state(t, db)) })
}

// TestKeyedTopic follows a topic of upserts and tombstones through kills.
func TestKeyedTopic(t *testing.T) { followKeyed(t, "UPSERT", 3, upsert) }

// TestDebeziumTopic does so with topics of Debezium's: one of a single partition,
// whose table is truncated now and then, and one of several.
func TestDebeziumTopic(t *testing.T) {
	for _, partitions := range []int{1, 3} {
		t.Run(fmt.Sprint(partitions), func(t *testing.T) { followKeyed(t, "DEBEZIUM", partitions, debezium) })
	}
}

func followKeyed(t *testing.T, format string, partitions int, of func(id int, was, name string) []*kgo.Record) {
	b := startBroker(t, broker.Options{Topics: map[string]int{"names": partitions, "clicks": 1}})
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic("names"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	k := &keyedTopic{rand: rand.New(rand.NewPCG(1, 2)), client: client, latest: make(map[int]string), of: of, truncates: partitions == 1}
	o := options(t, "--checkpoint_interval", "300ms")
	db := start(t, o)
	with := " WITH (connector = 'kafka', properties.bootstrap.server = '" + b.Addr() + "', topic = "
	mustExec(t, db, "CREATE SOURCE names (id BIGINT PRIMARY KEY, name VARCHAR)"+with+"'names') FORMAT "+format+" ENCODE JSON",
		"CREATE SOURCE clicks (id BIGINT, name_id INTEGER)"+with+"'clicks') FORMAT PLAIN ENCODE JSON",
		"CREATE MATERIALIZED VIEW per_name AS SELECT n.name, count(*) AS n FROM clicks c LEFT JOIN names n ON n.id = c.name_id GROUP BY n.name")
	for range 6 {
		k.change(t, 1+k.rand.IntN(2000))
		k.want(t, db)
		k.change(t, 500)
		db.Kill()
		db = start(t, o)
		k.want(t, db)
	}
	for id := range k.latest {
		produce(t, b.Addr(), "clicks", fmt.Sprintf(`{"id": 1, "name_id": %d}`, id))
		break
	}
	produce(t, b.Addr(), "clicks", `{"id": 2, "name_id": 1000}`)
	wantNumber(t, db, "SELECT count(*) FROM per_name", 2)
	wantNumber(t, db, "SELECT count(*) FROM per_name WHERE name IN (SELECT name FROM names)", 1)

	if err := client.ProduceSync(t.Context(), &kgo.Record{Value: []byte(`{"name": "nobody"}`)}, &kgo.Record{Key: []byte("x"), Value: []byte(`{}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	wantRows(t, db, "names$rejected", 2)
	k.want(t, db)
	if err := db.Stop(); err != nil {
		t.Error(err)
	}
}
