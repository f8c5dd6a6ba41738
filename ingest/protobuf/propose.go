package protobuf

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Propose adds the columns to p that hold the fields of a message of s, in their
// order, but those that have a column of table already.
func Propose(s *Schema, message int, table *batch.Schema, p *decode.Proposal) {
	fields := s.messages[message].fields
	names := make([]decode.Field, len(fields))
	for i, f := range fields {
		names[i] = decode.Field{Name: f.name, Aliases: []string{f.alias}}
	}
	columnOf := decode.ColumnsOf(names, table)
	for i := range fields {
		if columnOf[i] < 0 {
			p.Add(fields[i].name, batch.Type{Kind: kindFor(&fields[i])})
		}
	}
}

// kinds are the columns of values of one kind; knownKinds those of messages that
// mean one value, whose digits or parts are not declared elsewhere.
var (
	kinds = map[protoreflect.Kind]batch.Kind{
		protoreflect.BoolKind: batch.Boolean, protoreflect.EnumKind: batch.Varchar,
		protoreflect.Int32Kind: batch.Integer, protoreflect.Sint32Kind: batch.Integer, protoreflect.Sfixed32Kind: batch.Integer,
		// Not UINTEGER, which few clients know.
		protoreflect.Uint32Kind: batch.BigInt, protoreflect.Fixed32Kind: batch.BigInt,
		protoreflect.Int64Kind: batch.BigInt, protoreflect.Sint64Kind: batch.BigInt, protoreflect.Sfixed64Kind: batch.BigInt,
		protoreflect.Uint64Kind: batch.UBigInt, protoreflect.Fixed64Kind: batch.UBigInt,
		protoreflect.FloatKind: batch.Real, protoreflect.DoubleKind: batch.Double,
		protoreflect.StringKind: batch.Varchar, protoreflect.BytesKind: batch.Blob,
	}
	knownKinds = map[known]batch.Kind{timestamp: batch.TimestampTZ, duration: batch.Interval, date: batch.Date, timeOfDay: batch.Time}
)

// kindFor returns the kind of a column for a field's values. Whatever SQL has no
// type for is JSON.
func kindFor(f *field) batch.Kind {
	switch {
	case f.list || f.pairs:
		return batch.JSON
	case !f.isMessage():
		return kinds[f.kind]
	case f.message.known == wrapper:
		return kindFor(&f.message.fields[0])
	}
	if kind, ok := knownKinds[f.message.known]; ok {
		return kind
	}
	return batch.JSON
}
