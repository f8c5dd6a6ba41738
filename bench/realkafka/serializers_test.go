//go:build realkafka

package realkafka

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/python"
	"github.com/millstream-db/millstream/ingest/broker"
)

var foreign = flag.Int64("foreign", 2000, "how many records TestForeignSerializers has written to each topic")

// foreignColumns are what produce.py writes; amount is not in all of them.
const foreignColumns = `id BIGINT, customer VARCHAR, status VARCHAR, items JSON, counts JSON, ts TIMESTAMPTZ,
  note VARCHAR, card VARCHAR, voucher BIGINT, weight DOUBLE`

// foreignRows is what a source must have, and foreignExpected what of it is compared
// with, over the numbers n of the records.
const (
	foreignRows = `SELECT id, customer, status, json_array_length(items), items->0->>'product', CAST(counts->>'seen' AS BIGINT),
  CAST(counts->>'bought' AS BIGINT), ts, note, card, voucher, weight, shop, number, %s`
	foreignExpected = `SELECT n, 'Kundin ' || n || ' ✓', CASE WHEN n %% 3 = 0 THEN 'SHIPPED' ELSE 'PLACED' END, n %% 4, CASE WHEN n %% 4 > 0 THEN 'p0' END, n %% 5,
  n %% 2, TIMESTAMPTZ '2026-01-01 00:00:00Z' + to_milliseconds(1234 * n), CASE WHEN n %% 2 = 1 THEN 'note ' || n END,
  CASE WHEN n %% 5 = 1 THEN 'card-' || n END, CASE WHEN n %% 5 = 2 THEN n * 1000 END, CAST(n AS DOUBLE) / 8, 'shop ' || n %% 3, n, %s FROM range(%d) AS r(n)`
)

// TestForeignSerializers reads what the serializers of Confluent's Python client have
// written through a schema registry into a real Kafka.
func TestForeignSerializers(t *testing.T) {
	b := startBroker(t)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	registry, err := broker.StartRegistry("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	j := &job{t: t, broker: b, options: buildInstance(ctx, t)}
	j.start(ctx)
	const scripts = "testdata/serializers"
	interpreter, err := python.Install(ctx, "serializers", filepath.Join(scripts, "requirements.txt"))
	if errors.Is(err, python.ErrMissing) {
		t.Skipf("NOT TESTED WITH OTHER SERIALIZERS: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	admin, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	formats := []struct{ topic, columns, key, encode, amount, wantAmount string }{
		{"avro_orders", foreignColumns + ", amount DECIMAL(12,2)", "shop number", "AVRO", "amount", "CAST(CAST(n * 37 % 100000 AS DECIMAL(12,2)) / 100 AS DECIMAL(12,2))"},
		{"protobuf_orders", foreignColumns, "product quantity", "PROTOBUF", "0", "0"},
		{"json_orders", foreignColumns, "shop number", "JSON", "0", "0"},
	}
	for _, f := range formats {
		if _, err := kadm.NewClient(admin).CreateTopic(ctx, 2, 1, nil, f.topic); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { deleteTopic(t, b, f.topic) })
	}
	out, err := exec.CommandContext(ctx, interpreter, filepath.Join(scripts, "produce.py"), b.Addr(), registry.URL(), fmt.Sprint(*foreign), t.TempDir()).CombinedOutput()
	if err != nil {
		t.Fatalf("produce.py: %v\n%s", err, out)
	}
	for _, f := range formats {
		t.Run(f.topic, func(t *testing.T) {
			shop, number, _ := strings.Cut(f.key, " ")
			sql := fmt.Sprintf("CREATE SOURCE %s (%s) INCLUDE key '%s' VARCHAR AS shop INCLUDE key '%s' BIGINT AS number"+
				" WITH (connector = 'kafka', topic = '%[1]s', properties.bootstrap.server = '%[5]s') FORMAT PLAIN ENCODE %[6]s (schema.registry = '%[7]s') KEY ENCODE %[6]s",
				f.topic, f.columns, shop, number, b.Addr(), f.encode, registry.URL())
			if err := j.db.Exec(ctx, sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
			waitForRows(ctx, t, j.db, f.topic, *foreign)
			have := fmt.Sprintf(foreignRows, f.amount) + " FROM " + f.topic
			want := fmt.Sprintf(foreignExpected, f.wantAmount, *foreign)
			answer, err := j.db.Query(ctx, fmt.Sprintf("SELECT 'only have' AS side, * FROM (%[1]s EXCEPT ALL %[2]s) UNION ALL SELECT 'only want', * FROM (%[2]s EXCEPT ALL %[1]s) LIMIT 6", have, want))
			if err != nil {
				t.Fatal(err)
			}
			if len(answer.Rows) > 0 {
				t.Errorf("rows differ:\n%s", answer)
			}
		})
	}
}

// waitForRows waits until a source has so many rows, and fails the test if it rejects one.
func waitForRows(ctx context.Context, t *testing.T, db *instance.Instance, source string, count int64) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		got, err := db.Integers(ctx, fmt.Sprintf(`SELECT (SELECT count(*) FROM %s), (SELECT count(*) FROM "%[1]s$rejected")`, source))
		switch {
		case err != nil:
			t.Fatal(err)
		case got[0][1] > 0:
			answer, err := db.Query(ctx, fmt.Sprintf(`SELECT * FROM "%s$rejected" LIMIT 3`, source))
			t.Fatalf("%d records are rejected (%v):\n%v", got[0][1], err, answer)
		case got[0][0] == count:
			return
		case time.Now().After(end):
			t.Fatalf("%s has %d rows, want %d", source, got[0][0], count)
		}
	}
}
