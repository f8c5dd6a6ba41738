package registry

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

const orderProto = `syntax = "proto3"; package shop;
message Order { int64 id = 1; message Line { string note = 7; int32 id = 2; } }
message Other { int64 amount = 1; }
message Last { uint32 id = 3; }`

func registerProto(t *testing.T, register func(string, sr.Schema) (int, int, error), subject, text string, references ...sr.SchemaReference) uint32 {
	t.Helper()
	id, _, err := register(subject, sr.Schema{Schema: text, Type: sr.TypeProtobuf, References: references})
	if err != nil {
		t.Fatal(err)
	}
	return uint32(id)
}

// protoRecord writes the id, the indexes and a message.
func protoRecord(id uint32, indexes, message string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), indexes+message...)
}

func TestMessagesOfASchemaByIndex(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	r, url := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			asked.Add(1)
			next.ServeHTTP(w, q)
		})
	})
	id := registerProto(t, r.RegisterSchema, "orders-value", orderProto)
	f := NewFramed(client(t, Options{URLs: []string{url}}), Protobuf{}, table, decode.Limits{})
	got := read(t, f,
		protoRecord(id, "\x00", "\x08\x07"),         // the first one, in short
		protoRecord(id, "\x02\x00", "\x08\x08"),     // and not
		protoRecord(id, "\x04\x00\x00", "\x10\x09"), // the first one in it
		protoRecord(id, "\x02\x04", "\x18\x0a"),     // the last one
		protoRecord(id, "\x80\x00", "\x08\x0b"),
		protoRecord(id, "\x00", ""))
	if fmt.Sprint(got) != "[7 8 9 10 11 0]" {
		t.Errorf("got %v", got)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the registry was asked %d times for one schema", n)
	}
	// What is wrong with a record is never waited for: its schema will not change.
	b := batch.NewBuilder(batch.NewAllocator(), table)
	for indexes, want := range map[string]string{
		"":                     "does not name its message",
		"\x80":                 "does not name its message",
		"\x04\x00":             "does not name its message",
		"\x01":                 "has -1 indexes",
		"\x02\x06":             "the schema has no message 3",
		"\x02\x01":             "the schema has no message -1",
		"\x04\x02\x00":         "message shop.Other has no message 0 in it",
		"\xfe\xff\xff\xff\x0f": "does not name its message",
	} {
		record := protoRecord(id, indexes, "")
		if f.Awaits(nil, record) {
			t.Errorf("%q awaits a schema", indexes)
		}
		if err := f.Decode(nil, record, b); err == nil || !strings.Contains(err.Error(), want) || b.Rows() != 0 {
			t.Errorf("%q: %v, want %q", indexes, err, want)
		}
	}
	other := protoRecord(id, "\x02\x02", "")
	if !f.Awaits(nil, other) {
		t.Error("a message that was not compiled is not awaited")
	}
	if err := f.Fetch(t.Context(), nil, other); err == nil || !strings.Contains(err.Error(), "(shop.Other) does not fit: none of its fields") {
		t.Errorf("a message that does not fit: %v", err)
	}
	strict := NewFramed(client(t, Options{URLs: []string{url}}), Protobuf{}, table, decode.Limits{})
	strict.RefuseNewFields(table)
	if got := read(t, strict, protoRecord(id, "\x04\x00\x00", "\x10\x09")); len(got) != 1 {
		t.Errorf("a message without new fields: %v", got)
	}
	more := registerProto(t, r.RegisterSchema, "orders-value", `syntax = "proto3"; package shop; message Order { int64 id = 1; repeated string tags = 2; }`)
	if err := strict.Fetch(t.Context(), nil, protoRecord(more, "\x00", "")); err == nil || err.Error() != fmt.Sprintf(`schema %d (shop.Order) has fields without a column: "tags" VARCHAR[]`, more) {
		t.Errorf("a message with new fields: %v", err)
	}
	// The first record of a schema may be wrong, too.
	again := NewFramed(client(t, Options{URLs: []string{url}}), Protobuf{}, table, decode.Limits{})
	bad := protoRecord(id, "\x02\x06", "")
	if !again.Awaits(nil, bad) || again.Fetch(t.Context(), nil, bad) != nil || again.Awaits(nil, bad) {
		t.Error("a record with a wrong index is waited for")
	}
}

func TestProtobufReferencesAreFollowed(t *testing.T) {
	t.Parallel()
	r, url := serve(t, nil)
	registerProto(t, r.RegisterSchema, "currency", `syntax = "proto3"; package money; enum Currency { EUR = 0; USD = 1; }`)
	toCurrency := sr.SchemaReference{Name: "money/currency.proto", Subject: "currency", Version: 1}
	registerProto(t, r.RegisterSchema, "price", `syntax = "proto3"; package money; import "money/currency.proto"; message Price { Currency c = 1; }`, toCurrency)
	id := registerProto(t, r.RegisterSchema, "orders-value", `syntax = "proto3"; package shop;
import "price.proto"; import "money/currency.proto"; import "google/protobuf/wrappers.proto"; import "confluent/meta.proto";
message Order { money.Price note_price = 1; money.Currency note = 2; google.protobuf.Int64Value id = 3 [(confluent.field_meta).doc = "x"]; }`,
		sr.SchemaReference{Name: "price.proto", Subject: "price", Version: 1}, toCurrency)
	f := NewFramed(client(t, Options{URLs: []string{url}}), Protobuf{}, table, decode.Limits{})
	if got := read(t, f, protoRecord(id, "\x00", "\x10\x01\x1a\x02\x08\x07")); len(got) != 1 || got[0] != 7 {
		t.Errorf("got %v", got)
	}
	avro := register(t, r, "avro", sr.Schema{Schema: first})
	if err := f.Fetch(t.Context(), nil, protoRecord(avro, "\x00", "")); err == nil || !strings.Contains(err.Error(), "it is not a Protobuf schema, but AVRO") {
		t.Errorf("an Avro schema: %v", err)
	}
	broken := registerProto(t, r.RegisterSchema, "broken", "message {")
	if err := f.Fetch(t.Context(), nil, protoRecord(broken, "\x00", "")); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("schema %d: it is not the text of a .proto file", broken)) {
		t.Errorf("no schema: %v", err)
	}
}

func TestProtobufInAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "order.proto")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "secret.txt"), `syntax = "proto3";`) // no .proto by its name
	write(filepath.Join(dir, "secret.proto"), "top secret")
	write(filepath.Join(dir, "price.proto"), `syntax = "proto3"; message Price { int32 v = 1; }`)
	for _, c := range []struct{ text, message, want string }{
		{"password: secret", "", "it is not the text of a .proto file"},
		{`import "secret.txt"; message M {}`, "", `could not resolve path "secret.txt"`},
		{`import "secret.proto"; message M {}`, "", `could not resolve path "secret.proto": it is not the text of a .proto file`},
		{`import "../x.proto"; message M {}`, "", `could not resolve path "../x.proto"`},
		{`import "/etc/x.proto"; message M {}`, "", `could not resolve path "/etc/x.proto"`},
		{orderProto, "", "it declares several messages: say which one (shop.Order, shop.Order.Line, shop.Other, shop.Last)"},
		{orderProto, "Order", "it does not declare message Order, but shop.Order"},
		{orderProto, "shop.Other", "(shop.Other) does not fit"},
	} {
		write(path, c.text)
		err := NewFile(path, Protobuf{c.message}, table, decode.Limits{}).Fetch(t.Context(), nil, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "top secret") || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
	write(path, `syntax = "proto3"; import "price.proto"; message Order { Price note_price = 2; int64 id = 1; }`)
	if got := read(t, NewFile(path, Protobuf{}, table, decode.Limits{}), []byte("\x08\x07"), nil); fmt.Sprint(got) != "[7 0]" {
		t.Errorf("got %v", got)
	}
	write(path, orderProto)
	if got := read(t, NewFile(path, Protobuf{"shop.Order.Line"}, table, decode.Limits{}), []byte("\x10\x08")); fmt.Sprint(got) != "[8]" {
		t.Errorf("got %v", got)
	}
}

func TestWiderProtobufFields(t *testing.T) {
	t.Parallel()
	r, url := serve(t, nil)
	table := batch.NewSchema(batchtest.Columns(t, "id INTEGER", "u BIGINT", "f REAL"))
	for fields, want := range map[string]string{
		"int32 id = 1; uint32 u = 2; float f = 3;":   "",
		"sint64 id = 1; uint32 u = 2; double f = 3;": `needs columns of wider types: "id" BIGINT, "f" DOUBLE`,
		"fixed32 id = 1; uint64 u = 2; float f = 3;": `needs columns of wider types: "id" BIGINT, "u" HUGEINT`,
		"string id = 1; uint64 u = 2; float f = 3;":  `does not fit: column "id" of type INTEGER can't hold field "id"`,
		"repeated int64 id = 1; int64 u = 2;":        `does not fit: column "id" of type INTEGER can't hold field "id"`,
		"float id = 1; int64 u = 2; float f = 3;":    `needs columns of wider types: "id" DOUBLE`,
		"int32 id = 1; double u = 2; float f = 3;":   `does not fit: column "u" of type BIGINT can't hold field "u"`,
	} {
		id := registerProto(t, r.RegisterSchema, "wider", `syntax = "proto3"; message Order { `+fields+` }`)
		f := NewFramed(client(t, Options{URLs: []string{url}}), Protobuf{}, table, decode.Limits{})
		f.ProposeWider()
		err := f.Fetch(t.Context(), nil, protoRecord(id, "\x00", ""))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %s", fields, err, want)
		}
	}
}
