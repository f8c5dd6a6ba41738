package torture

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/encoding/protowire"
)

// The schemas of a topic of Protobuf messages. Sale is the second message of the
// first one; the second one refers to a schema of its own for countries.
const (
	firstProto = `syntax = "proto3"; package shop; import "google/protobuf/timestamp.proto"; import "confluent/type/decimal.proto";
message Ping {}
message Sale {
  enum Land { DE = 0; FR = 1; US = 2; }
  Land Country = 1; confluent.type.Decimal amount = 2; int32 quantity = 3; google.protobuf.Timestamp sold_at = 4;
}`
	countryProto = `syntax = "proto3"; package land; enum Country { NONE = 0; DE = 1; US = 2; FR = 3; IT = 4; }`
	secondProto  = `syntax = "proto3"; package shop; import "google/protobuf/timestamp.proto"; import "confluent/type/decimal.proto"; import "land/country.proto";
message Sale {
  map<string, int64> internal = 900; google.protobuf.Timestamp sold_at = 1; optional string coupon = 2;
  land.Country Country = 3; int64 quantity = 4; confluent.type.Decimal amount = 5;
}`
)

var protobufSales = saleFormat{
	encode: "PROTOBUF", write: writeProtobuf,
	schemas: []sr.Schema{
		{Schema: firstProto, Type: sr.TypeProtobuf},
		{Schema: secondProto, Type: sr.TypeProtobuf, References: []sr.SchemaReference{{Name: "land/country.proto", Subject: "country", Version: 1}}},
	},
	poison: "\x00\x0a\x02\x08", says: `column "sold_at": the record ends inside the value`,
}

func writeProtobuf(t *testing.T, schema int, id uint32, s sale) []byte {
	t.Helper()
	number := func(b []byte, n protowire.Number, v int64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
	}
	bytes := func(b []byte, n protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
	}
	amount := number(bytes(nil, 1, []byte{byte(s.cents >> 16), byte(s.cents >> 8), byte(s.cents)}), 3, 2)
	soldAt := number(number(nil, 1, s.soldAtMillis/1000), 2, s.soldAtMillis%1000*1_000_000)
	value := frame(id)
	if schema == 0 {
		value = append(value, 2, 2) // one index, the second message
		value = number(value, 1, int64(slices.Index([]string{"DE", "FR", "US"}, s.country)))
		return bytes(number(bytes(value, 2, amount), 3, s.quantity), 4, soldAt)
	}
	value = append(value, 0) // the first message
	value = number(value, 3, int64(slices.Index([]string{"", "DE", "US", "FR", "IT"}, s.country)))
	value = bytes(number(bytes(value, 5, amount), 4, s.quantity), 1, soldAt)
	if s.coupon {
		value = bytes(value, 2, []byte("WINTER"))
	}
	return bytes(value, 900, number(bytes(nil, 1, []byte("k")), 2, s.cents))
}
