package protobuf

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/millstream-db/millstream/ingest/decode"
)

func TestMessagesOfASchema(t *testing.T) {
	t.Parallel()
	s, err := ParseSchema(`syntax = "proto3"; package shop;
message A { map<string, int32> m = 1; message B { message C {} } message D {} }
message E {}`, noImports)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path []int
		want string
	}{
		{[]int{0}, "shop.A"}, {[]int{1}, "shop.E"}, {[]int{0, 0}, "shop.A.B"}, {[]int{0, 1}, "shop.A.D"}, {[]int{0, 0, 0}, "shop.A.B.C"},
		{[]int{2}, ""}, {[]int{-1}, ""}, {[]int{1, 0}, ""}, {[]int{0, 2}, ""},
	} {
		at, ok := -1, true
		for _, index := range c.path {
			if at, ok = s.Nested(at, index); !ok {
				break
			}
		}
		if ok != (c.want != "") || ok && s.Name(at) != c.want {
			t.Errorf("%v: %d, %t; want %s", c.path, at, ok, c.want)
		}
	}
	if at, err := s.Named("shop.A.B.C"); err != nil || s.Name(at) != "shop.A.B.C" {
		t.Errorf("%d, %v", at, err)
	}
	for name, want := range map[string]string{"": "several messages: say which one (shop.A, shop.A.B,", "A": "does not declare message A, but shop.A,"} {
		if _, err := s.Named(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}

func TestSchemasImportOthers(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"money/price.proto": `syntax = "proto3"; package money; import public "money/currency.proto"; message Price { Currency c = 1; int64 v = 2; }`,
		"money/currency.proto": `syntax = "proto3"; package money; enum Currency { EUR = 0; USD = 1; }
			message Unused { int32 x = 1; }`,
		"google/type/date.proto": `syntax = "proto3"; package google.type; message Date { string text = 1; }`, // not the one we know
		"broken.proto":           `syntax = "proto3"; message { secret }`,
	}
	imported := func(path string) (string, error) {
		if text, ok := files[path]; ok {
			return text, nil
		}
		return "", fs.ErrNotExist
	}
	s, err := ParseSchema(`syntax = "proto3"; package shop; import "money/price.proto"; import "google/type/date.proto"; import "google/protobuf/any.proto";
import "confluent/meta.proto"; option (confluent.file_meta).doc = "Orders";
message Order { money.Price price = 1; money.Currency paid = 2 [(confluent.field_meta) = {tags: "PII"}]; google.type.Date d = 3; google.protobuf.Any a = 4; }`, imported)
	if err != nil {
		t.Fatal(err)
	}
	table := columnsOf(t, "price JSON", "paid VARCHAR", "d JSON", "a JSON")
	d, err := Compile(s, 0, table, decode.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	record := wireOf("1:", wireOf("1:", 1, "2:", 250), "3:", wireOf("1:", "x"), "4:", wireOf("1:", "/money.Unused", "2:", wireOf("1:", 3)))
	if got, err := decodeRow(t, d, table, record); err != nil || got != `{"c":"USD","v":250}|EUR|{"text":"x"}|{"@type":"/money.Unused","x":3}` {
		t.Errorf("got %s, %v", got, err)
	}
	for text, want := range map[string]string{
		`import "nothing.proto"; message M {}`:                "nothing.proto",
		`import "broken.proto"; message M {}`:                 "it is not the text of a .proto file: line 1, column 28",
		`message M { optional Missing x = 1; }`:               "unknown type Missing",
		`message M { optional int32 a = 1, optional b = 2; }`: "line 1, column 33",
		"syntax = \"proto3\";\n\npassword: secret":            "line 3, column 1",
		"{\"type\":\"record\"}":                               "line 1, column 1",
		"enum E { A = 0; }":                                   "declares no message",
		"":                                                    "declares no message",
		strings.Repeat("message M {", openMax+1):              "brackets inside one another",
	} {
		_, err := ParseSchema(text, imported)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		}
		var syntax *SyntaxError
		if errors.As(err, &syntax) != strings.Contains(want, "column") {
			t.Errorf("%.60s: a syntax error: %v", text, err)
		}
	}
}

// inBase64 is a file as Confluent's Python client registers it: without the names of
// fields in JSON.
func inBase64(t testing.TB, file protoreflect.FileDescriptor) string {
	t.Helper()
	descriptor := protodesc.ToFileDescriptorProto(file)
	forgetJSON(descriptor.MessageType)
	data, err := proto.Marshal(descriptor)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(data)
}

func forgetJSON(messages []*descriptorpb.DescriptorProto) {
	for _, m := range messages {
		for _, f := range m.Field {
			f.JsonName = nil
		}
		forgetJSON(m.NestedType)
	}
}

func TestNamesInJSON(t *testing.T) {
	t.Parallel()
	d := descriptorOf(t, `syntax = "proto3"; message M { int32 plain = 1; int32 order_id = 2; int32 _x__y_ = 3; int32 aB_1c = 4; int32 Q_R = 5; }`, "M")
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		if got := camelCase(string(f.Name())); got != f.JSONName() {
			t.Errorf("%s: %s, the compiler says %s", f.Name(), got, f.JSONName())
		}
	}
}

func TestDescriptorsInBase64(t *testing.T) {
	t.Parallel()
	item := inBase64(t, descriptorOf(t, `syntax = "proto3"; package shop; message Item { string product = 1; }`, "shop.Item").ParentFile())
	s, err := ParseSchema(`syntax = "proto3"; import "item.proto"; message Order { repeated shop.Item items = 1; }`, func(path string) (string, error) {
		if path == "item.proto" {
			return item + "\n", nil
		}
		return "", fs.ErrNotExist
	})
	if err != nil || s.Name(0) != "Order" || s.types["shop.Item"] == nil {
		t.Errorf("an imported one: %v", err)
	}
	for _, text := range []string{"AAAA", "bm8gZmlsZQ==", item[:len(item)-4], ""} {
		if _, err := ParseSchema(text, noImports); err == nil {
			t.Errorf("%q is a schema", text)
		}
	}
}
