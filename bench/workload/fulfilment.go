package workload

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The topics of what becomes of a [Shop]'s orders, and how many partitions they
// have.
const (
	PaymentsTopic       = "payments"
	PaymentsPartitions  = 2
	ShipmentsTopic      = "shipments"
	ShipmentsPartitions = 2
)

const (
	paymentsStream  = 5
	shipmentsStream = 6
)

// PaymentSchema is what payments are written with, in Avro.
const PaymentSchema = `{
  "type": "record", "name": "Payment", "namespace": "shop",
  "fields": [
    {"name": "order_id", "type": "long"},
    {"name": "method", "type": {"type": "enum", "name": "Method", "symbols": ["card", "paypal", "invoice", "voucher"]}},
    {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
    {"name": "card", "type": ["null", {"type": "record", "name": "Card", "fields": [
      {"name": "brand", "type": "string"}, {"name": "last4", "type": "string"}]}]},
    {"name": "paid_at", "type": {"type": "long", "logicalType": "timestamp-millis"}}
  ]
}`

// ShipmentSchema is what shipments are written with, in Protobuf.
const ShipmentSchema = `syntax = "proto3";
package shop;
import "google/protobuf/timestamp.proto";

message Shipment {
  int64 order_id = 1;
  Carrier carrier = 2;
  repeated Parcel parcels = 3;
  google.protobuf.Timestamp shipped_at = 4;
}

message Parcel {
  string tracking = 1;
  int32 grams = 2;
}

enum Carrier {
  POST = 0;
  COURIER = 1;
  BICYCLE = 2;
}
`

// The most frequent of each comes first.
var (
	methodWeights  = []float64{0.6, 0.85, 0.97, 1}
	carrierWeights = []float64{0.7, 0.95, 1}
	cardBrands     = []string{"Visa", "Mastercard", "Amex"}
)

// Payment returns that of order number n, counted from 0, as Avro behind the id of
// its schema, sent at at; false if the order is not paid.
func (s *Shop) Payment(n int64, at time.Time, schema uint32) (Record, bool) {
	o := s.order(n, at)
	if o.status == "placed" || o.status == "cancelled" {
		return Record{}, false
	}
	s.n.at(s.seed, paymentsStream, uint64(n))
	ts := s.eventTime(at)
	b := framed(schema)
	b = binary.AppendVarint(b, o.id)
	method := s.n.choice(methodWeights)
	b = binary.AppendVarint(b, int64(method))
	amount := binary.BigEndian.AppendUint64(nil, uint64(o.cents))
	b = append(binary.AppendVarint(b, int64(len(amount))), amount...)
	if method == 0 {
		b = binary.AppendVarint(b, 1) // the branch
		for _, text := range []string{cardBrands[s.n.IntN(len(cardBrands))], fmt.Sprintf("%04d", s.n.IntN(10_000))} {
			b = append(binary.AppendVarint(b, int64(len(text))), text...)
		}
	} else {
		b = binary.AppendVarint(b, 0)
	}
	b = binary.AppendVarint(b, ts.UnixMilli())
	return Record{Topic: PaymentsTopic, Key: fmt.Appendf(nil, "%d", o.id), Value: b, EventTime: ts}, true
}

// Shipment returns that of order number n, counted from 0, as Protobuf behind the id
// of its schema, sent at at; false if the order is not shipped.
func (s *Shop) Shipment(n int64, at time.Time, schema uint32) (Record, bool) {
	o := s.order(n, at)
	if o.status != "shipped" && o.status != "returned" {
		return Record{}, false
	}
	s.n.at(s.seed, shipmentsStream, uint64(n))
	ts := s.eventTime(at)
	b := append(framed(schema), 0) // the first message of the schema
	b = appendVarint(b, 1, uint64(o.id))
	b = appendVarint(b, 2, uint64(s.n.choice(carrierWeights)))
	for parcel := range 1 + (o.quantity-1)/2 {
		p := appendMessage(nil, 1, fmt.Appendf(nil, "MS%09d-%d", o.id, parcel+1))
		b = appendMessage(b, 3, appendVarint(p, 2, uint64(200+s.n.IntN(4_800))))
	}
	shipped := appendVarint(nil, 1, uint64(ts.Unix()))
	b = appendMessage(b, 4, appendVarint(shipped, 2, uint64(ts.Nanosecond())))
	return Record{Topic: ShipmentsTopic, Key: fmt.Appendf(nil, "%d", o.id), Value: b, EventTime: ts}, true
}

// framed begins a record as clients of schema registries do: a zero, and the id of
// the schema.
func framed(schema uint32) []byte { return binary.BigEndian.AppendUint32([]byte{0}, schema) }

// appendVarint appends a number to a Protobuf message, but for 0, which is what a
// field has anyway.
func appendVarint(b []byte, field int, v uint64) []byte {
	if v == 0 {
		return b
	}
	return binary.AppendUvarint(append(b, byte(field<<3)), v)
}

// appendMessage appends a text or a message to a Protobuf message.
func appendMessage(b []byte, field int, content []byte) []byte {
	return append(binary.AppendUvarint(append(b, byte(field<<3|2)), uint64(len(content))), content...)
}
