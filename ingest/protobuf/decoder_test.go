package protobuf

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

func floatBits(v float64) uint64 { return math.Float64bits(v) }

func columnsOf(t testing.TB, decls ...string) *batch.Schema {
	t.Helper()
	return batch.NewSchema(batchtest.Columns(t, decls...))
}

func noImports(string) (string, error) { return "", fs.ErrNotExist }

func compile(t testing.TB, text, message string, table *batch.Schema, limits decode.Limits) *Decoder {
	t.Helper()
	s, err := ParseSchema(text, noImports)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	number, err := s.Named(message)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	d, err := Compile(s, number, table, limits)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d
}

// descriptorOf compiles a text for the library.
func descriptorOf(t testing.TB, text, message string) protoreflect.MessageDescriptor {
	t.Helper()
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		if path != "schema" {
			text, ok := bundled[path]
			if !ok {
				return protocompile.SearchResult{}, fs.ErrNotExist
			}
			return protocompile.SearchResult{Source: strings.NewReader(text)}, nil
		}
		return protocompile.SearchResult{Source: strings.NewReader(text)}, nil
	}))}
	files, err := c.Compile(t.Context(), "schema")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	d, ok := files[0].FindDescriptorByName(protoreflect.FullName(message)).(protoreflect.MessageDescriptor)
	if !ok {
		t.Fatalf("%s has no message %s", text, message)
	}
	return d
}

// decodeRow decodes one record and shows its values.
func decodeRow(t testing.TB, d *Decoder, table *batch.Schema, record []byte) (row string, err error) {
	t.Helper()
	decode := func(b *batch.Builder) error { return d.Decode(record, b) }
	err = batchtest.DecodeRow(t, fmt.Sprintf("%x", record), table, decode, func(rec arrow.RecordBatch) { row = batchtest.ShowRow(rec, 1) })
	return row, err
}

// inMessage is the text of a message Order with the given fields.
func inMessage(syntax, fields string) string {
	return `syntax = "` + syntax + `"; package shop;
import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto"; import "google/protobuf/any.proto"; import "google/protobuf/field_mask.proto";
import "google/type/date.proto"; import "google/type/timeofday.proto"; import "google/type/decimal.proto"; import "confluent/type/decimal.proto";
enum Status { NEW = 0; PAID = 1; LOST = -1; }
message Price { int64 units = 1; optional string currency = 2; optional Price tax = 3; repeated int32 steps = 4; }
message Order { ` + fields + ` }`
}

func TestFieldsFindTheirColumns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, fields string
		table        []string
		record       []byte
		want         string
	}{
		{"the order of columns is not that of fields", "int64 a = 1; int64 b = 2;", []string{"b BIGINT", "a BIGINT"}, wireOf("1:", 1, "2:", 2), "2|1"},
		{"fields in any order", "int64 a = 1; int64 b = 2;", []string{"a BIGINT", "b BIGINT"}, wireOf("2:", 2, "1:", 1), "1|2"},
		{"another letter case", "int64 OrderId = 1;", []string{"orderid BIGINT"}, wireOf("1:", 5), "5"},
		{"the same letter case comes first", "int64 id = 1; int64 ID = 2;", []string{"id BIGINT"}, wireOf("1:", 1, "2:", 2), "1"},
		{"the JSON name", "int64 order_id = 1;", []string{"orderId BIGINT"}, wireOf("1:", 7), "7"},
		{"a JSON name of its own", `int64 no = 1 [json_name = "id"];`, []string{"id BIGINT"}, wireOf("1:", 7), "7"},
		{"no field", "int64 id = 1;", []string{"id BIGINT", "note VARCHAR"}, wireOf("1:", 3), "3|NULL"},
		{"fields that no column wants", "int64 id = 1; repeated Price prices = 2; map<string, double> m = 3;", []string{"id BIGINT"},
			wireOf("2:", "not looked into", "3:", "", "1:", 9, "2:", "\xff"), "9"},
		{"fields that nobody knows", "int64 id = 1;", []string{"id BIGINT"},
			wireOf("2:", 1, "3:", "x", "4:", 1.5, "5:", uint32(1), "6:", group(wireOf("1:", 1, "7:", group(nil))), "536870911:", 1, "1:", 9, "1000:", 1), "9"},
		{"large numbers", "int64 id = 536870911; string s = 1001;", []string{"id BIGINT", "s VARCHAR"}, wireOf("536870911:", 9, "1001:", "x"), "9|x"},
		{"nothing", "int64 id = 1; string s = 2; optional bool b = 3;", []string{"id BIGINT", "s VARCHAR", "b BOOLEAN"}, nil, "0||NULL"},
	} {
		table := columnsOf(t, c.table...)
		got, err := decodeRow(t, compile(t, inMessage("proto3", c.fields), "shop.Order", table, decode.Limits{}), table, c.record)
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

// TestPresence decodes records in which a field comes never, or too often.
func TestPresence(t *testing.T) {
	t.Parallel()
	oneof := "oneof o { int64 a = 1; string b = 2; Price c = 3; bool unused = 4; }"
	for _, c := range []struct {
		name, syntax, fields, column string
		record                       []byte
		want                         string
	}{
		{"implicit", "proto3", "int32 v = 1;", "v INTEGER", nil, "0"},
		{"implicit bytes", "proto3", "bytes v = 1;", "v BLOB", nil, "x"},
		{"implicit double", "proto3", "double v = 1;", "v DOUBLE", nil, "0"},
		{"implicit enum", "proto3", "Status v = 1;", "v VARCHAR", nil, "NEW"},
		{"implicit enum, a number", "proto3", "Status v = 1;", "v BIGINT", nil, "0"},
		{"implicit list", "proto3", "repeated int32 v = 1;", "v JSON", nil, "[]"},
		{"implicit map", "proto3", "map<int32, string> v = 1;", "v JSON", nil, "{}"},
		{"implicit in JSON", "proto3", "Status v = 1;", "v JSON", nil, `"NEW"`},
		{"optional", "proto3", "optional int32 v = 1;", "v INTEGER", nil, "NULL"},
		{"optional zero", "proto3", "optional int32 v = 1;", "v INTEGER", wireOf("1:", 0), "0"},
		{"optional in JSON", "proto3", "optional int32 v = 1;", "v JSON", nil, "NULL"},
		{"a message", "proto3", "Price v = 1;", "v JSON", nil, "NULL"},
		{"an empty message", "proto3", "Price v = 1;", "v JSON", wireOf("1:", ""), `{"units":0,"steps":[]}`},
		{"a timestamp", "proto3", "google.protobuf.Timestamp v = 1;", "v TIMESTAMP", nil, "NULL"},
		{"an empty timestamp", "proto3", "google.protobuf.Timestamp v = 1;", "v TIMESTAMP", wireOf("1:", ""), "0"},
		{"proto2", "proto2", "optional int32 v = 1 [default = 7];", "v INTEGER", nil, "NULL"},
		{"required", "proto2", "required int32 v = 1;", "v INTEGER", nil, "NULL"},
		{"an edition", "2023", "int32 v = 1;", "v INTEGER", nil, "NULL"},
		{"an edition, implicit", "2023", "int32 v = 1 [features.field_presence = IMPLICIT];", "v INTEGER", nil, "0"},
		{"the last one counts", "proto3", "int32 v = 1;", "v INTEGER", wireOf("1:", 1, "1:", 2), "2"},
		{"the last one counts in JSON", "proto3", "int32 v = 1;", "v JSON", wireOf("1:", 1, "1:", 2), "2"},
		{"the last text counts", "proto3", "string v = 1;", "v VARCHAR", wireOf("1:", "\xff", "1:", "x"), "x"},
		{"messages are merged", "proto3", "Price v = 1;", "v JSON",
			wireOf("1:", wireOf("1:", 1, "2:", "EUR", "4:", 1), "9:", 1, "1:", wireOf("1:", 2, "3:", wireOf("1:", 3), "4:", 2), "1:", wireOf("3:", wireOf("2:", "USD"))),
			`{"units":2,"currency":"EUR","tax":{"units":3,"currency":"USD","steps":[]},"steps":[1,2]}`},
		{"timestamps are merged", "proto3", "google.protobuf.Timestamp v = 1;", "v TIMESTAMP", wireOf("1:", wireOf("1:", 5, "2:", 1000), "1:", wireOf("1:", 6)), "6000001"},
		{"lists, packed and not, with others between", "proto3", "repeated sint32 v = 1; string s = 2;", "v JSON",
			wireOf("1:", 1, "2:", "x", "1:", "\x02\x03", "2:", "y", "1:", "", "1:", 4), "[-1,1,-2,2]"},
		{"another wire type is nobody's", "proto3", "int32 v = 1;", "v INTEGER", wireOf("1:", 1, "1:", "xx", "1:", 1.5), "1"},
		{"oneof", "proto3", oneof, "a BIGINT, b VARCHAR, c JSON", wireOf("1:", 1), "1|NULL|NULL"},
		{"oneof, the last one", "proto3", oneof, "a BIGINT, b VARCHAR, c JSON", wireOf("1:", 1, "2:", "x"), "NULL|x|NULL"},
		{"oneof, the first one again", "proto3", oneof, "a BIGINT, b VARCHAR, c JSON", wireOf("1:", 1, "2:", "x", "1:", 0), "0|NULL|NULL"},
		{"oneof, one without a column", "proto3", oneof, "a BIGINT, b VARCHAR, c JSON", wireOf("1:", 1, "4:", 0), "NULL|NULL|NULL"},
		{"oneof, messages", "proto3", oneof, "a BIGINT, b VARCHAR, c JSON",
			wireOf("3:", wireOf("1:", 1), "1:", 1, "3:", wireOf("2:", "EUR"), "3:", wireOf("4:", 4)), `NULL|NULL|{"units":0,"currency":"EUR","steps":[4]}`},
		{"oneof in JSON", "proto3", "message M { " + oneof + "} M v = 9;", "v JSON", wireOf("9:", wireOf("3:", wireOf("1:", 1), "1:", 1, "2:", "x", "3:", wireOf("4:", 4))),
			`{"c":{"units":0,"steps":[4]}}`},
		{"oneof in JSON, merged", "proto3", "message M { " + oneof + "} M v = 9;", "v JSON", wireOf("9:", wireOf("3:", wireOf("1:", 1)), "9:", wireOf("2:", "x")), `{"b":"x"}`},
		{"maps", "proto3", "map<string, int32> v = 1;", "v JSON",
			wireOf("1:", wireOf("1:", "b", "2:", 1), "1:", wireOf("2:", 2, "1:", "a"), "1:", wireOf("1:", "b"), "1:", wireOf("2:", 4)), `{"":4,"a":2,"b":0}`},
		{"maps of numbers", "proto3", "map<sint64, Price> v = 1;", "v JSON",
			wireOf("1:", wireOf("1:", 4, "2:", wireOf("1:", 1)), "1:", wireOf("1:", 3), "1:", wireOf("2:", wireOf("1:", 9), "1:", 4, "2:", wireOf("4:", 1))),
			`{"-2":{"units":0,"steps":[]},"2":{"units":9,"steps":[1]}}`},
		{"maps of truth", "proto3", "map<bool, Status> v = 1;", "v JSON", wireOf("1:", wireOf("1:", 1), "1:", wireOf("1:", 0, "2:", 1), "1:", wireOf("1:", 2, "2:", 7)), `{"false":"PAID","true":7}`},
		{"a group", "proto2", "optional group V = 1 { optional int32 a = 1; optional Price p = 2; }", "v JSON",
			wireOf("1:", group(wireOf("1:", 5)), "1:", group(wireOf("2:", wireOf("1:", 1)))), `{"a":5,"p":{"units":1,"steps":[]}}`},
	} {
		text := inMessage(c.syntax, c.fields)
		if c.syntax != "proto3" { // whose enums and fields are others
			text = strings.Replace(text, "message Price { int64 units", "message Price { optional int64 units", 1)
		}
		if c.syntax == "2023" {
			text = strings.Replace(strings.ReplaceAll(text, "optional ", ""), "syntax", "edition", 1)
		}
		table := columnsOf(t, strings.Split(c.column, ", ")...)
		got, err := decodeRow(t, compile(t, text, "shop.Order", table, decode.Limits{}), table, c.record)
		if c.syntax == "proto2" {
			c.want = strings.ReplaceAll(c.want, `"units":0,`, "")
		}
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	minus := func(v int) uint64 { return uint64(-v) }
	for _, c := range []struct {
		typ, column string
		value       any
		want        string // or what the error says
	}{
		{"int32", "INTEGER", minus(7), "-7"},
		{"int32", "BIGINT", 1 << 32, "0"}, // cut, as the library does
		{"int32", "HUGEINT", minus(7), "-7"},
		{"int32", "DECIMAL(12,2)", minus(2147483648), "-2147483648.00"},
		{"sint32", "INTEGER", 3, "-2"},
		{"sint32", "BIGINT", 0xffffffff, "-2147483648"},
		{"sint32", "BIGINT", 1<<32 | 2, "1"}, // cut, too
		{"sfixed32", "BIGINT", uint32(0xffffffff), "-1"},
		{"uint32", "BIGINT", 0xffffffff, "4294967295"},
		{"uint32", "UINTEGER", 0xffffffff, "4294967295"},
		{"fixed32", "DOUBLE", uint32(0xffffffff), "4.294967295e+09"},
		{"int64", "BIGINT", minus(1 << 62), "-4611686018427387904"},
		{"int64", "DECIMAL(38,19)", 1<<63 - 1, "9223372036854775807.0000000000000000000"},
		{"sint64", "BIGINT", uint64(math.MaxUint64), "-9223372036854775808"},
		{"sfixed64", "REAL", math.Float64frombits(math.MaxUint64), "-1"},
		{"uint64", "UBIGINT", uint64(math.MaxUint64), "18446744073709551615"},
		{"uint64", "HUGEINT", uint64(math.MaxUint64), "18446744073709551615"},
		{"fixed64", "DECIMAL(22,2)", math.Float64frombits(math.MaxUint64), "18446744073709551615.00"},
		{"uint64", "DOUBLE", uint64(1 << 63), "9.223372036854776e+18"},
		{"uint64", "REAL", uint64(1 << 63), "9.223372e+18"},
		{"uint64", "JSON", uint64(math.MaxUint64), "18446744073709551615"},
		{"bool", "BOOLEAN", 2, "true"},
		{"bool", "JSON", 1, "true"},
		{"float", "DOUBLE", uint32(0x3fc00000), "1.5"},
		{"float", "REAL", uint32(0x3fc00000), "1.5"},
		{"float", "JSON", uint32(0x3dcccccd), "0.1"},
		{"double", "DOUBLE", 0.1, "0.1"},
		{"double", "JSON", math.Inf(-1), `"-Infinity"`},
		{"string", "VARCHAR", "käse", "käse"},
		{"string", "VARCHAR", "\xff", "not valid UTF-8"},
		{"string", "VARCHAR", "a\x00", "NUL"},
		{"string", "BLOB", "\x00\xff", "x00ff"},
		{"string", "JSON", "a\x00\n", `"a\u0000\n"`},
		{"string", "JSON", "\xff", "not valid UTF-8"},
		{"bytes", "VARCHAR", "a", "a"},
		{"bytes", "BLOB", "\x00", "x00"},
		{"bytes", "JSON", "ab", `"YWI="`},
		{"Status", "VARCHAR", 1, "PAID"},
		{"Status", "VARCHAR", minus(1), "LOST"},
		{"Status", "VARCHAR", 12, "12"},
		{"Status", "INTEGER", minus(1), "-1"},
		{"Status", "BIGINT", 12, "12"},
		{"Status", "JSON", 1, `"PAID"`},
		{"Status", "JSON", 12, "12"},
		{"repeated Status", "JSON", "\x01\x00\x0c", `["PAID","NEW",12]`},
		{"repeated string", "JSON", `"`, `["\""]`},
		{"repeated double", "JSON", "\x00\x00\x00", endsEarly},
		{"repeated int32", "JSON", "\x80", endsEarly},
		{"google.protobuf.Timestamp", "TIMESTAMPTZ", wireOf("1:", minus(1), "2:", 1999), "-999999"},
		{"google.protobuf.Timestamp", "TIMESTAMP", wireOf("2:", 1_000_000_000), "are not the nanoseconds of a timestamp"},
		{"google.protobuf.Timestamp", "TIMESTAMP", wireOf("1:", 1<<62), "out of range for TIMESTAMP"},
		{"google.protobuf.Timestamp", "TIMESTAMP", wireOf("1:", "x", "3:", 1, "1:", 2), "2000000"},
		{"google.protobuf.Timestamp", "TIMESTAMP", "\x08", endsEarly},
		{"google.protobuf.Timestamp", "JSON", wireOf("1:", 1, "2:", 500_000_000), `"1970-01-01T00:00:01.5Z"`},
		{"google.protobuf.Duration", "INTERVAL", wireOf("1:", 90_061, "2:", 1000), "0 0 90061000001"},
		{"google.protobuf.Duration", "INTERVAL", wireOf("1:", minus(1), "2:", minus(1000)), "0 0 -1000001"},
		{"google.protobuf.Duration", "INTERVAL", wireOf("1:", 1, "2:", minus(1)), "are not a duration"},
		{"google.protobuf.Duration", "INTERVAL", wireOf("1:", 300_000_000_000), "out of range for INTERVAL"},
		{"google.protobuf.Duration", "JSON", wireOf("1:", 3, "2:", 4_000_000), `"PT3.004S"`},
		{"google.protobuf.Duration", "JSON", wireOf("2:", minus(1)), `"PT-0.000000001S"`},
		{"google.protobuf.Int64Value", "BIGINT", wireOf("1:", 5), "5"},
		{"google.protobuf.Int64Value", "BIGINT", wireOf(), "0"},
		{"google.protobuf.UInt64Value", "UBIGINT", wireOf("1:", uint64(math.MaxUint64)), "18446744073709551615"},
		{"google.protobuf.StringValue", "VARCHAR", wireOf("1:", "a"), "a"},
		{"google.protobuf.StringValue", "VARCHAR", wireOf("1:", "\xff"), "not valid UTF-8"},
		{"google.protobuf.BoolValue", "BOOLEAN", wireOf("1:", 1), "true"},
		{"google.protobuf.FloatValue", "DOUBLE", wireOf("1:", uint32(0x3fc00000)), "1.5"},
		{"google.protobuf.BytesValue", "JSON", wireOf("1:", "a"), `"YQ=="`},
		{"google.protobuf.DoubleValue", "JSON", wireOf("1:", 1.5), "1.5"},
		{"google.type.Date", "DATE", wireOf("1:", 1969, "2:", 12, "3:", 31), "-1"},
		{"google.type.Date", "DATE", wireOf("1:", 2023, "2:", 2, "3:", 29), "year 2023, month 2, day 29 is not a DATE"},
		{"google.type.Date", "DATE", wireOf("1:", 2023), "is not a DATE"},
		{"google.type.Date", "JSON", wireOf("1:", 2023), `{"year":2023,"month":0,"day":0}`},
		{"google.type.TimeOfDay", "TIME", wireOf("1:", 1, "2:", 2, "3:", 3, "4:", 4000), "3723000004"},
		{"google.type.TimeOfDay", "TIME", wireOf("1:", 24), "86400000000"},
		{"google.type.TimeOfDay", "TIME", wireOf("1:", 24, "2:", 1), "are not a time of day"},
		{"google.type.Decimal", "DECIMAL(10,2)", wireOf("1:", "-1.5e1"), "-15.00"},
		{"google.type.Decimal", "DECIMAL(10,2)", wireOf(), "0.00"},
		{"google.type.Decimal", "DECIMAL(10,2)", wireOf("1:", "x"), `"x" is not a DECIMAL(10,2)`},
		{"confluent.type.Decimal", "DECIMAL(10,2)", wireOf("1:", "\xff\x85", "3:", 2), "-1.23"},
		{"confluent.type.Decimal", "DECIMAL(38,4)", wireOf("1:", "\x7b", "2:", 3, "3:", 2), "1.2300"},
		{"confluent.type.Decimal", "DECIMAL(4,2)", wireOf("1:", "\x27\x10", "3:", 2), "100.00 is out of range for DECIMAL(4,2)"},
		{"confluent.type.Decimal", "DECIMAL(4,2)", wireOf("1:", "\x01", "3:", 3), "3 digits behind the point"},
		{"confluent.type.Decimal", "DECIMAL(4,2)", wireOf("1:", "\x01", "3:", minus(1<<31)), "scale -2147483648"},
		{"confluent.type.Decimal", "DECIMAL(38,0)", wireOf("1:", "\x01"+strings.Repeat("\x00", 16)), "out of range"},
		{"confluent.type.Decimal", "JSON", wireOf("1:", "\x7b", "3:", 2), "1.23"},
		{"confluent.type.Decimal", "JSON", wireOf("1:", "\x7b", "3:", minus(2)), "123e2"},
		{"google.protobuf.Struct", "JSON", wireOf("1:", wireOf("1:", "b", "2:", wireOf("6:", wireOf("1:", wireOf("4:", 1), "1:", wireOf("1:", 0), "1:", wireOf())))),
			`{"b":[true,null,null]}`},
		{"google.protobuf.Value", "JSON", wireOf("2:", 1.5, "3:", "x"), `"x"`},
		{"google.protobuf.Value", "JSON", wireOf("5:", wireOf("1:", wireOf("1:", "k", "2:", wireOf("2:", 2.0)))), `{"k":2}`},
		{"google.protobuf.ListValue", "JSON", wireOf(), "[]"},
		{"google.protobuf.FieldMask", "JSON", wireOf("1:", "a.b", "1:", `c"`), `"a.b,c\""`},
		{"google.protobuf.Any", "JSON", wireOf("1:", "type.googleapis.com/shop.Price", "2:", wireOf("1:", 5)), `{"@type":"type.googleapis.com/shop.Price","units":5,"steps":[]}`},
		{"google.protobuf.Any", "JSON", wireOf("1:", "x/google.protobuf.Duration", "2:", wireOf("1:", 5)), `{"@type":"x/google.protobuf.Duration","value":"PT5S"}`},
		{"google.protobuf.Any", "JSON", wireOf("1:", "x/y", "2:", "ab"), `{"@type":"x/y","value":"YWI="}`},
		{"google.protobuf.Any", "JSON", wireOf("1:", "x/shop.Nothing", "2:", "\x08\x01"), `{"@type":"x/shop.Nothing"}`},
		{"google.protobuf.Any", "JSON", wireOf("1:", "x/shop.Price", "2:", "\x08"), endsEarly},
		{"google.protobuf.Any", "JSON", wireOf(), "{}"},
		{"Price", "JSON", wireOf("3:", "\x08"), endsEarly},
	} {
		table := columnsOf(t, "v "+c.column)
		d := compile(t, inMessage("proto3", c.typ+" v = 3;")+" message Nothing {}", "shop.Order", table, decode.Limits{})
		got, err := decodeRow(t, d, table, wireOf("3:", c.value))
		if err != nil && (!strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), `column "v": `) || !strings.Contains(err.Error(), ", at byte ")) || err == nil && got != c.want {
			t.Errorf("%s in %s: got %s, %v; want %s", c.typ, c.column, got, err, c.want)
		}
	}
}

func TestSchemasThatDoNotFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, column, want string }{
		{"int64", "INTEGER", `column "v" of type INTEGER can't hold field "V" of type int64 (some of its values would not fit)`},
		{"int32", "SMALLINT", "some of its values would not fit"},
		{"int32", "UINTEGER", "some of its values would not fit"},
		{"uint32", "INTEGER", "some of its values would not fit"},
		{"uint64", "BIGINT", "some of its values would not fit"},
		{"int32", "DECIMAL(11,2)", "some of its values would not fit"},
		{"uint64", "DECIMAL(19,0)", "some of its values would not fit"},
		{"double", "REAL", "some of its values would not fit"},
		{"double", "DECIMAL(10,2)", "some of its values would not fit"},
		{"float", "BIGINT", "some of its values would not fit"},
		{"string", "BIGINT", "can't hold"},
		{"string", "UUID", "can't hold"},
		{"bool", "BIGINT", "can't hold"},
		{"Status", "SMALLINT", "of type enum shop.Status (some of its values would not fit)"},
		{"Status", "DOUBLE", "of type enum shop.Status"},
		{"int32", "VARCHAR", "declare it by its own type, or as JSON"},
		{"repeated int32", "VARCHAR", "of type repeated int32 (declare the column as JSON"},
		{"map<string, Price>", "BIGINT", "of type map<string, message shop.Price> (declare the column as JSON"},
		{"Price", "VARCHAR", "of type message shop.Price (declare the column as JSON"},
		{"int64", "TIMESTAMPTZ", "declare the column as BIGINT"},
		{"google.protobuf.Timestamp", "BIGINT", "of type google.protobuf.Timestamp"},
		{"google.protobuf.Timestamp", "VARCHAR", "declare it by its own type"},
		{"google.protobuf.Int64Value", "INTEGER", "of type google.protobuf.Int64Value (some of its values would not fit)"},
		{"google.protobuf.Struct", "VARCHAR", "declare the column as JSON"},
		{"google.type.Date", "TIMESTAMP", "of type google.type.Date"},
	} {
		s, err := ParseSchema(inMessage("proto3", c.typ+" V = 1;"), noImports)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Compile(s, 1, columnsOf(t, "v "+c.column), decode.Limits{})
		var refused *decode.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s in %s: %v, want %q", c.typ, c.column, err, c.want)
		}
	}
	s, err := ParseSchema(inMessage("proto3", "int64 a = 1; string b = 2;"), noImports)
	if err != nil {
		t.Fatal(err)
	}
	var refused *decode.RefusedError
	if _, err := Compile(s, 1, columnsOf(t, "a INTEGER", "b DATE"), decode.Limits{}); !errors.As(err, &refused) || len(refused.Problems) != 2 {
		t.Errorf("not all problems at once: %v", err)
	}
	if _, err := Compile(s, 1, columnsOf(t, "x INTEGER"), decode.Limits{}); err == nil {
		t.Error("a message without any of the columns was taken")
	}
}

// TestLengthsAreNotBelieved decodes records that say more than they hold.
func TestLengthsAreNotBelieved(t *testing.T) {
	t.Parallel()
	nested := wireOf()
	groups := group(nil)
	for range 100 {
		nested, groups = wireOf("3:", nested), group(wireOf("9:", groups))
	}
	long := "x" + strings.Repeat("y", 200)
	names := "enum Long { " + long + " = 0; } repeated Long v = 3; string s = 4;"
	for _, c := range []struct {
		name, fields string
		record       []byte
		want         string // of the column, "" if it makes no difference
		skipped      string // of a record with another column
	}{
		{"a string", "string v = 3;", []byte("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a"), endsEarly, endsEarly},
		{"a fixed number", "double v = 3;", []byte("\x19\x00"), endsEarly, endsEarly},
		{"a shorter one", "fixed32 v = 3;", []byte("\x1d\x00"), endsEarly, endsEarly},
		{"a number without end", "int64 v = 3;", []byte("\x18" + strings.Repeat("\x80", 20)), badVarint, badVarint},
		{"a number of 65 bits", "int64 v = 3;", []byte("\x18" + strings.Repeat("\xff", 9) + "\x02"), badVarint, badVarint},
		{"a number cut off", "int64 v = 3;", []byte("\x18\x80"), endsEarly, endsEarly},
		{"no value", "int64 v = 3;", []byte("\x18"), endsEarly, endsEarly},
		{"a tag cut off", "int64 v = 3;", []byte("\x98"), endsEarly, endsEarly},
		{"field 0", "int64 v = 3;", []byte("\x00\x00"), badNumber, badNumber},
		{"a large field number", "int64 v = 3;", []byte("\x80\x80\x80\x80\x10\x00"), badNumber, badNumber},
		{"wire type 6", "int64 v = 3;", []byte("\x1e"), badWire, badWire},
		{"a group that did not begin", "int64 v = 3;", []byte("\x1c"), badGroup, badGroup},
		{"a group without end", "int64 v = 3;", []byte("\x1b\x08\x01"), endsEarly, endsEarly},
		{"a group that ends as another one", "int64 v = 3;", []byte("\x1b\x24"), badGroup, badGroup},
		{"deep groups", "int64 v = 3;", wireOf("9:", groups), tooDeep, tooDeep},
		{"deep messages", "Price v = 3;", nested, tooDeep, ""},
		{"long names", names, wireOf("3:", strings.Repeat("\x00", 200)), tooLong, ""},
		{"long names, not packed", names, []byte(strings.Repeat("\x18\x00", 200)), tooLong, ""},
		{"fields that are not there", "repeated Price v = 3;", []byte(strings.Repeat("\x1a\x00", 2000)), tooLong, ""},
		{"too long", "string v = 3;", wireOf("3:", strings.Repeat("x", 5000)), "exceeds the limit", "exceeds the limit"},
	} {
		for column, want := range map[string]string{"v JSON": c.want, "other BIGINT": c.skipped} {
			table := columnsOf(t, column, "id BIGINT")
			d := compile(t, inMessage("proto3", "int32 id = 1;"+c.fields), "shop.Order", table, decode.Limits{MaxBytes: 4096})
			_, err := decodeRow(t, d, table, append(wireOf("1:", 1), c.record...))
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s in %s: %v, want %q", c.name, column, err, want)
			}
		}
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	d, table, records := orders(t, 64)
	b := batchtest.NewBuilder(t, table)
	for i := range 20_000 { // so that the columns have room
		if err := d.Decode(records[i%len(records)], b); err != nil {
			t.Fatal(err)
		}
	}
	b.Truncate(0)
	at := 0
	allocs := testing.AllocsPerRun(10_000, func() {
		if err := d.Decode(records[at%len(records)], b); err != nil {
			t.Fatal(err)
		}
		at++
	})
	if allocs != 0 {
		t.Errorf("%v allocations per record", allocs)
	}
}
