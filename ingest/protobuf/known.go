package protobuf

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// known is what a message means, if that is more than its fields say.
type known uint8

const (
	ordinary known = iota
	timestamp
	duration
	wrapper
	structure
	anyValue // of a structure
	listValue
	anyMessage
	fieldMask
	date
	timeOfDay
	decimalText
	decimalBytes
)

// shape is what the known message of a name looks like: its fields have the numbers
// from 1 on.
type shape struct {
	known known
	kinds []protoreflect.Kind
}

var shapes = map[string]shape{
	"google.protobuf.Timestamp":   {timestamp, []protoreflect.Kind{protoreflect.Int64Kind, protoreflect.Int32Kind}},
	"google.protobuf.Duration":    {duration, []protoreflect.Kind{protoreflect.Int64Kind, protoreflect.Int32Kind}},
	"google.protobuf.BoolValue":   {wrapper, []protoreflect.Kind{protoreflect.BoolKind}},
	"google.protobuf.Int32Value":  {wrapper, []protoreflect.Kind{protoreflect.Int32Kind}},
	"google.protobuf.UInt32Value": {wrapper, []protoreflect.Kind{protoreflect.Uint32Kind}},
	"google.protobuf.Int64Value":  {wrapper, []protoreflect.Kind{protoreflect.Int64Kind}},
	"google.protobuf.UInt64Value": {wrapper, []protoreflect.Kind{protoreflect.Uint64Kind}},
	"google.protobuf.FloatValue":  {wrapper, []protoreflect.Kind{protoreflect.FloatKind}},
	"google.protobuf.DoubleValue": {wrapper, []protoreflect.Kind{protoreflect.DoubleKind}},
	"google.protobuf.StringValue": {wrapper, []protoreflect.Kind{protoreflect.StringKind}},
	"google.protobuf.BytesValue":  {wrapper, []protoreflect.Kind{protoreflect.BytesKind}},
	"google.protobuf.Struct":      {structure, []protoreflect.Kind{protoreflect.MessageKind}},
	"google.protobuf.Value": {anyValue, []protoreflect.Kind{protoreflect.EnumKind, protoreflect.DoubleKind,
		protoreflect.StringKind, protoreflect.BoolKind, protoreflect.MessageKind, protoreflect.MessageKind}},
	"google.protobuf.ListValue": {listValue, []protoreflect.Kind{protoreflect.MessageKind}},
	"google.protobuf.Any":       {anyMessage, []protoreflect.Kind{protoreflect.StringKind, protoreflect.BytesKind}},
	"google.protobuf.FieldMask": {fieldMask, []protoreflect.Kind{protoreflect.StringKind}},
	"google.type.Date":          {date, []protoreflect.Kind{protoreflect.Int32Kind, protoreflect.Int32Kind, protoreflect.Int32Kind}},
	"google.type.TimeOfDay": {timeOfDay, []protoreflect.Kind{protoreflect.Int32Kind, protoreflect.Int32Kind,
		protoreflect.Int32Kind, protoreflect.Int32Kind}},
	"google.type.Decimal":    {decimalText, []protoreflect.Kind{protoreflect.StringKind}},
	"confluent.type.Decimal": {decimalBytes, []protoreflect.Kind{protoreflect.BytesKind, protoreflect.Uint32Kind, protoreflect.Int32Kind}},
}

// repeating are the known messages whose one field comes many times.
var repeating = []known{structure, listValue, fieldMask}

// knownOf recognizes a message by its name and its shape: somebody else's message may
// have the name.
func knownOf(m *message) known {
	s, ok := shapes[m.name]
	if !ok || len(m.fields) != len(s.kinds) {
		return ordinary
	}
	for i, kind := range s.kinds {
		at := m.find(uint32(i + 1))
		if at < 0 || m.fields[at].kind != kind {
			return ordinary
		}
		if f := &m.fields[at]; (f.list || f.pairs) != slices.Contains(repeating, s.known) || f.pairs != (s.known == structure) {
			return ordinary
		}
	}
	return s.known
}

// part is a value of a known message of up to four fields: bits, or bytes.
type part struct {
	bits       uint64
	start, end int32
}

// partsMax is the largest number of a field that readParts reads.
const partsMax = 4

// readParts reads the fields of a message that is written in pieces[lo:hi], which are
// no lists, into d.parts, by number.
func (d *Decoder) readParts(m *message, lo, hi int32) bool {
	d.parts = [partsMax + 1]part{}
	for i := lo; i < hi; i++ {
		p := &d.pieces[i]
		d.at, d.end = int(p.start), int(p.end)
		for d.at < d.end {
			number, wire, ok := d.tag()
			if !ok {
				return false
			}
			if number > partsMax || wire != m.wires[number] {
				_, _, ok = d.value(number, wire, d.maxDepth)
			} else if part := &d.parts[number]; wire == protowire.BytesType {
				from, to, whole := d.value(number, wire, d.maxDepth)
				part.start, part.end, ok = int32(from), int32(to), whole
			} else {
				part.bits, ok = d.number(wire)
			}
			if !ok {
				return false
			}
		}
	}
	return true
}
