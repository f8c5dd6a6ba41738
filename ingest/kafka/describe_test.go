package kafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/broker"
)

// describeSpec describes a source, and shows its columns and event time.
func describeSpec(t *testing.T, sp source.Spec) (columns string, d source.Description, err error) {
	t.Helper()
	sp.Schema, sp.Alloc = batch.NewSchema(nil), nil
	c := New(Options{HealthInterval: 100 * time.Millisecond, SampleTime: 3 * time.Second})
	if err := c.Validate(sp); err != nil {
		t.Errorf("not valid without columns: %v", err)
	}
	sp.Schema = nil
	d, err = c.Describe(limit(t), sp)
	var texts []string
	for _, c := range d.Columns {
		texts = append(texts, c.Name+" "+c.Type.String())
	}
	return strings.Join(texts, ", "), d, err
}

func TestDescribeJSON(t *testing.T) {
	b := newBed(t, 3, broker.Options{})
	sp := spec(t, b.Addr(), nil)
	if _, _, err := describeSpec(t, sp); !errors.Is(err, source.ErrNothingToDescribe) || !strings.Contains(err.Error(), "topic orders on "+b.Addr()) {
		t.Errorf("an empty topic: %v", err)
	}
	b.produce(t, 1, 0, 7000)
	b.write(t, &kgo.Record{Topic: topic, Partition: 2}, &kgo.Record{Topic: topic, Partition: 2, Value: []byte(`nonsense`)},
		&kgo.Record{Topic: topic, Partition: 2, Value: fmt.Appendf(nil, `{"id":1.5,"at":%q}`, time.Now().Format(time.RFC3339))})
	started := time.Now()
	columns, d, err := describeSpec(t, sp)
	if err != nil || columns != "id DOUBLE, name VARCHAR, at TIMESTAMP WITH TIME ZONE" || d.EventTime != "" ||
		!strings.HasPrefix(d.From, "topic orders, 2501 records (1 more can't be read: record is not a JSON object") {
		t.Errorf("got %s, %+v, %v", columns, d, err)
	}
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("waited %v for records that are there", took)
	}
}

// TestDescribeWhatWillBeRead samples the records that the source would begin with, or
// the newest if there are none.
func TestDescribeWhatWillBeRead(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	at := func(i int) time.Time { return time.UnixMilli(1_700_000_000_000 + int64(i)) }
	var records []*kgo.Record
	for i := range 6000 {
		records = append(records, &kgo.Record{Topic: topic, Timestamp: at(i), Value: fmt.Appendf(nil, `{"f%d":1}`, i/1000)})
	}
	b.write(t, records...)
	for _, c := range []struct {
		options map[string]string
		want    string
	}{
		{nil, "f0 f1 f2 f3 f4"},
		{map[string]string{"scan.startup.mode": "latest"}, "f1 f2 f3 f4 f5"},
		{map[string]string{"scan.startup.timestamp.millis": fmt.Sprint(at(4500).UnixMilli())}, "f4 f5"},
		{map[string]string{"scan.startup.timestamp.millis": fmt.Sprint(at(9000).UnixMilli())}, "f1 f2 f3 f4 f5"},
	} {
		columns, _, err := describeSpec(t, spec(t, b.Addr(), c.options))
		if got := strings.ReplaceAll(strings.ReplaceAll(columns, " BIGINT", ""), ",", ""); err != nil || got != c.want {
			t.Errorf("%v: %s, %v; want %s", c.options, got, err, c.want)
		}
	}
	b.deleteBefore(t, 0, 5500)
	if columns, _, err := describeSpec(t, spec(t, b.Addr(), nil)); err != nil || columns != "f5 BIGINT" {
		t.Errorf("behind the log's start: %s, %v", columns, err)
	}
}

func TestDescribeWhatCannotBeRead(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	sp := spec(t, b.Addr(), map[string]string{"topic": "nothing"})
	if _, _, err := describeSpec(t, sp); err == nil || !strings.Contains(err.Error(), "topic nothing on") || errors.Is(err, source.ErrNothingToDescribe) {
		t.Errorf("no topic: %v", err)
	}
	addr := b.Addr()
	b.Close()
	if _, _, err := describeSpec(t, spec(t, addr, nil)); err == nil || !strings.Contains(err.Error(), "connect to broker "+addr) {
		t.Errorf("no broker: %v", err)
	}
	sp = spec(t, addr, nil)
	sp.Encode = "CSV"
	if _, _, err := describeSpec(t, sp); !errors.Is(err, source.ErrUndescribed) {
		t.Errorf("CSV: %v", err)
	}
}

func TestDescribeSchemas(t *testing.T) {
	reg := newRegistry(t)
	reg.register(t, narrowSchema)
	id := reg.register(t, wideSchema)
	proto, _, err := reg.RegisterSchema("shop", sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; package shop; message A { int32 a = 1; } message B { string b = 1; }`})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "order.avsc")
	if err := os.WriteFile(file, []byte(narrowSchema), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		encode  string
		options map[string]string
		want    string // the columns, or the error
		from    string
	}{
		{"AVRO", map[string]string{"schema.registry": reg.url}, "id BIGINT, name VARCHAR", fmt.Sprintf("schema %d (Order), version 2 of subject orders-value", id)},
		{"AVRO", map[string]string{"schema.location": "file://" + file}, "id INTEGER", "schema file " + file + " (Order)"},
		{"AVRO", map[string]string{"schema.registry": reg.url, "schema.registry.subject": "shop"}, "subject shop: another format: it is not an Avro schema, but PROTOBUF", ""},
		{"AVRO", map[string]string{"schema.registry": reg.url, "schema.registry.subject": "none"}, "subject none: the registry does not know this subject", ""},
		{"PROTOBUF", map[string]string{"schema.registry": reg.url, "schema.registry.subject": "shop", "message": "shop.B"}, "b VARCHAR", fmt.Sprintf("schema %d (shop.B), version 1 of subject shop", proto)},
		{"PROTOBUF", map[string]string{"schema.registry": reg.url, "schema.registry.subject": "shop"}, "it declares several messages: say which one (shop.A, shop.B)", ""},
	} {
		sp := spec(t, "127.0.0.1:1", nil)
		sp.Encode, sp.EncodeOptions = c.encode, c.options
		columns, d, err := describeSpec(t, sp)
		if err != nil {
			columns = err.Error()
		}
		if !strings.HasSuffix(columns, c.want) || d.From != c.from {
			t.Errorf("%v: %s from %s, want %s from %s", c.options, columns, d.From, c.want, c.from)
		}
	}
}
