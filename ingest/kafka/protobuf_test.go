package kafka

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/broker"
)

const (
	narrowProto = `syntax = "proto3"; package shop; message Order { int32 id = 1; message Draft { optional string name = 5; sint64 id = 6; } }`
	wideProto   = `syntax = "proto3"; package shop; import "names.proto"; message Nothing { int32 x = 1; } message Order { int64 id = 1; names.Kind name = 2; }`
	namesProto  = `syntax = "proto3"; package names; enum Kind { NONE = 0; SALE = 1; }`
	otherProto  = `syntax = "proto3"; package shop; message Nothing {} message Order { string id = 1; }`
)

func (r *registryOf) registerProto(t *testing.T, subject, text string, references ...sr.SchemaReference) uint32 {
	t.Helper()
	id, _, err := r.RegisterSchema(subject, sr.Schema{Schema: text, Type: sr.TypeProtobuf, References: references})
	if err != nil {
		t.Fatal(err)
	}
	return uint32(id)
}

// registerOrders registers the schemas of orders: the wide one refers to another.
func (r *registryOf) registerOrders(t *testing.T) (narrow, wide uint32) {
	t.Helper()
	narrow = r.registerProto(t, "orders-value", narrowProto)
	r.registerProto(t, "names", namesProto)
	return narrow, r.registerProto(t, "orders-value", wideProto, sr.SchemaReference{Name: "names.proto", Subject: "names", Version: 1})
}

// protoRecord writes an order: the id of its schema, the indexes of its message, and
// numbers as fields.
func protoRecord(partition int32, schema uint32, indexes string, fields map[protowire.Number]int64) *kgo.Record {
	value := append(binary.BigEndian.AppendUint32([]byte{0}, schema), indexes...)
	for number, v := range fields {
		value = protowire.AppendVarint(protowire.AppendTag(value, number, protowire.VarintType), uint64(v))
	}
	return &kgo.Record{Topic: topic, Partition: partition, Value: value}
}

func TestProtobufOfSeveralSchemas(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	reg := newRegistry(t)
	narrow, wide := reg.registerOrders(t)
	type fields = map[protowire.Number]int64
	b.write(t,
		protoRecord(0, narrow, "\x00", fields{1: 1}),
		protoRecord(0, wide, "\x02\x02", fields{1: 1 << 40, 2: 1}),
		protoRecord(0, narrow, "\x04\x00\x00", fields{6: 5}), // -3
		protoRecord(0, narrow, "\x02\x02", fields{1: 1}),     // no such message
		&kgo.Record{Topic: topic, Value: []byte(`{"id":3}`)},
		&kgo.Record{Topic: topic, Value: []byte{0, 0, 0, 0, byte(narrow), 0, 0x08, 0x80}},
		&kgo.Record{Topic: topic},
		protoRecord(0, narrow, "\x00", nil)) // nothing but zeros
	r := openEncoded(t, b.Addr(), "PROTOBUF", map[string]string{"schema.registry": reg.url})
	r.reach(t, 0, 8)
	r.wantOffsets(t, 0, sequence(0, 8))
	r.wantIDs(t, 0, 1, 1<<40, -3, 0, -1, -1, -1, -1) // the rejected ones are last
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	for i, want := range []string{"the schema has no message 1", "begins with 0x7b", `column "id": the record ends`, "tombstone"} {
		if len(r.sink.rejected) != 4 || r.sink.rejected[i].Offset != int64(3+i) || !strings.Contains(r.sink.rejected[i].Error, want) {
			t.Errorf("rejected %+v, want %s", r.sink.rejected, want)
		}
	}
}

// TestRegistryTroubleHoldsProtobuf reads records whose schemas can't be had for a
// while: they are waited for as those of Avro are.
func TestRegistryTroubleHoldsProtobuf(t *testing.T) {
	for _, c := range []struct {
		name  string
		h     http.HandlerFunc
		state source.State
		says  string
	}{
		{"down", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, source.Retrying, "EOF"},
		{"garbage", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `{"schema":"message {","schemaType":"PROTOBUF"}`)
		}, source.Retrying, "it is not the text of a .proto file"},
		{"another kind", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintf(w, `{"schema":%q}`, wideSchema) },
			source.Stalled, "it is not a Protobuf schema, but AVRO"},
		{"does not fit", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"schema":%q,"schemaType":"PROTOBUF"}`, otherProto)
		}, source.Stalled, `schema 3 (shop.Order) does not fit: column "id" of type BIGINT can't hold field "id" of type string`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, 1, broker.Options{})
			reg := newRegistry(t)
			narrow, wide := reg.registerOrders(t)
			type fields = map[protowire.Number]int64
			b.write(t, protoRecord(0, narrow, "\x00", fields{1: 1}))
			r := openEncoded(t, b.Addr(), "PROTOBUF", map[string]string{"schema.registry": reg.url})
			r.reach(t, 0, 1)
			reg.answers(c.h)
			b.write(t,
				protoRecord(0, narrow, "\x00", fields{1: 2}),
				protoRecord(0, narrow, "\x04\x00\x00", fields{6: 6}), // of a schema that is known
				protoRecord(0, wide, "\x02\x02", fields{1: 4}),
				protoRecord(0, narrow, "\x00", fields{1: 5}))
			r.reach(t, 0, 3)
			r.state(t, c.state, "partition 0, offset 3 waits for its schema", c.says)
			time.Sleep(2 * quick.HealthInterval)
			if next := r.sink.nextOf(0); next != 3 {
				t.Errorf("went on to %d", next)
			}
			reg.answers(nil)
			r.reach(t, 0, 5)
			r.state(t, source.Running)
			r.wantIDs(t, 0, 1, 2, 3, 4, 5)
			if n := len(r.sink.rejected); n != 0 {
				t.Errorf("%d records were rejected", n)
			}
		})
	}
}

func TestProtobufOfOneSchemaInAFile(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	path := filepath.Join(t.TempDir(), "order.proto")
	b.write(t, &kgo.Record{Topic: topic, Value: []byte("\x30\x0e")}, &kgo.Record{Topic: topic, Value: []byte("\x30")}, &kgo.Record{Topic: topic, Value: []byte{}})
	r := openEncoded(t, b.Addr(), "PROTOBUF", map[string]string{"schema.location": "file://" + path, "message": "shop.Order.Draft"})
	r.state(t, source.Retrying, path, "no such file")
	if err := os.WriteFile(path, []byte(narrowProto), 0o600); err != nil {
		t.Fatal(err)
	}
	r.reach(t, 0, 3)
	r.wantIDs(t, 0, 7, 0, -1)
}

func TestProtobufOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "order.proto")
	if err := os.WriteFile(path, []byte(strings.Replace(wideProto, "names.Kind", "string", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "names.proto"), []byte(namesProto), 0o600); err != nil {
		t.Fatal(err)
	}
	file := map[string]string{"schema.location": "file://" + path}
	for _, tt := range []struct {
		name, format string
		options      map[string]string
		want         []string // texts of the error; none: accepted
	}{
		{name: "least", options: map[string]string{"schema.registry": "http://r:8081"}},
		{name: "file", options: merged(file, "message", "shop.Order")},
		{name: "none", want: []string{"ENCODE PROTOBUF needs schema.registry", "or schema.location"}},
		{name: "unknown", options: map[string]string{"schema.registry": "http://r", "schema.registri": "x"}, want: []string{"ENCODE PROTOBUF has no option schema.registri; it knows message, schema.evolution"}},
		{name: "a message of a registry", options: map[string]string{"schema.registry": "http://r", "message": "shop.Order"}},
		{name: "which message", options: file, want: []string{"order.proto: it declares several messages: say which one (shop.Nothing, shop.Order)"}},
		{name: "no such message", options: merged(file, "message", "Order"), want: []string{"it does not declare message Order, but shop.Nothing, shop.Order"}},
		{name: "a message that does not fit", options: merged(file, "message", "shop.Nothing"), want: []string{"(shop.Nothing) does not fit: none of its fields has the name of a column"}},
		{name: "upsert", format: "UPSERT", options: merged(file, "message", "shop.Order")},
		{name: "Debezium", format: "DEBEZIUM", options: merged(file, "message", "shop.Order"), want: []string{"FORMAT DEBEZIUM ENCODE PROTOBUF is not supported"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := spec(t, "a:1", nil)
			s.Encode, s.Format, s.EncodeOptions = "PROTOBUF", "PLAIN", maps.Clone(tt.options)
			if tt.format != "" {
				s.Format = tt.format
			}
			wantProblems(t, s, tt.want)
		})
	}
}
