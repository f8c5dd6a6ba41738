package protobuf

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

const orderProto = `syntax = "proto3"; package shop;
import "google/protobuf/timestamp.proto";
import "confluent/type/decimal.proto";
message Order {
  int64 order_id = 1; string customer = 2; string country = 3; int32 product_id = 4; int32 quantity = 5;
  confluent.type.Decimal amount = 6; double discount = 7; bool express = 8; optional string note = 9;
  repeated string tags = 10; google.protobuf.Timestamp ts = 11;
}`

// orders returns a decoder of shop orders, their table, and some of them.
func orders(t testing.TB, n int) (*Decoder, *batch.Schema, [][]byte) {
	t.Helper()
	table := columnsOf(t, "order_id BIGINT", "customer VARCHAR", "country VARCHAR", "product_id INTEGER", "quantity INTEGER",
		"amount DECIMAL(12,2)", "discount DOUBLE", "express BOOLEAN", "note VARCHAR", "tags JSON", "ts TIMESTAMPTZ")
	var records [][]byte
	for i := range n {
		cents := (5+i%400)*100 + i%100
		millis := 1_717_000_000_000 + i
		r := wireOf(
			"1:", 10_000_000+i, "2:", fmt.Sprintf("customer-%05d", i%9973), "3:", "DE", "4:", i%5000, "5:", 1+i%9,
			"6:", wireOf("1:", string([]byte{byte(cents >> 16), byte(cents >> 8), byte(cents)}), "2:", 12, "3:", 2),
			"7:", 0.25)
		if i%3 == 0 {
			r = append(r, wireOf("8:", 1)...)
		}
		if i%4 == 0 {
			r = append(r, wireOf("9:", "leave it with the neighbour")...)
		}
		records = append(records, append(r, wireOf("10:", "new", "10:", "web",
			"11:", wireOf("1:", millis/1000, "2:", millis%1000*1_000_000))...))
	}
	return compile(t, orderProto, "shop.Order", table, decode.Limits{}), table, records
}

// BenchmarkDecode decodes shop orders into batches of 8,192 rows, and into dynamic
// messages by the library. One iteration is one record.
func BenchmarkDecode(b *testing.B) {
	d, table, records := orders(b, 8192)
	builder := batch.NewBuilder(batch.NewAllocator(), table)
	defer builder.Release()
	batchtest.BenchRecords(b, "into columns", records, func(i int) error {
		if i == 8191 {
			builder.Finish().Release()
		}
		return d.Decode(records[i], builder)
	})
	order := descriptorOf(b, orderProto, "shop.Order")
	batchtest.BenchRecords(b, "into messages by the library", records, func(i int) error {
		return proto.Unmarshal(records[i], dynamicpb.NewMessage(order))
	})
}

// wireOf writes fields: "3:" and a value, whose type says its wire type.
func wireOf(parts ...any) (out []byte) {
	var number protowire.Number
	for i := 0; i < len(parts); i += 2 {
		if _, err := fmt.Sscanf(parts[i].(string), "%d:", &number); err != nil {
			panic(err)
		}
		switch v := parts[i+1].(type) {
		case int:
			out = protowire.AppendVarint(protowire.AppendTag(out, number, protowire.VarintType), uint64(v))
		case uint64:
			out = protowire.AppendVarint(protowire.AppendTag(out, number, protowire.VarintType), v)
		case uint32:
			out = protowire.AppendFixed32(protowire.AppendTag(out, number, protowire.Fixed32Type), v)
		case float64:
			out = protowire.AppendFixed64(protowire.AppendTag(out, number, protowire.Fixed64Type), floatBits(v))
		case string:
			out = protowire.AppendString(protowire.AppendTag(out, number, protowire.BytesType), v)
		case []byte:
			out = protowire.AppendBytes(protowire.AppendTag(out, number, protowire.BytesType), v)
		case group:
			out = protowire.AppendTag(out, number, protowire.StartGroupType)
			out = protowire.AppendTag(append(out, v...), number, protowire.EndGroupType)
		}
	}
	return out
}

// group is the fields of a group.
type group []byte
