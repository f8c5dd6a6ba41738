package protobuf

import (
	"slices"

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
			p.Add(fields[i].name, typeFor(&fields[i], 0))
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

var jsonType = batch.Type{Kind: batch.JSON}

// typeFor returns the type of a column for a field's values. Whatever SQL has no
// type for is JSON. around is how many nested types it will be in.
func typeFor(f *field, around int) batch.Type {
	switch {
	case f.list || f.pairs || f.isMessage() && f.message.known == ordinary:
		return nestedFor(f, around)
	case !f.isMessage():
		return batch.Type{Kind: kinds[f.kind]}
	case f.message.known == wrapper:
		return typeFor(&f.message.fields[0], around)
	}
	if kind, ok := knownKinds[f.message.known]; ok {
		return batch.Type{Kind: kind}
	}
	return jsonType
}

// nestedFor returns the STRUCT, list or MAP of a message, a repeated field or a map, and
// JSON if there is none: of a message that contains itself, of one without fields or with
// some that differ in letter case only, and of what is too deep or too large.
func nestedFor(f *field, around int) batch.Type {
	if around >= batch.NestedDepthMax {
		return jsonType
	}
	var typ batch.Type
	var err error
	switch {
	case f.pairs:
		pair := f.message.fields
		typ, err = batch.MapOf(typeFor(&pair[0], around+1), typeFor(&pair[1], around+1))
	case f.list:
		one := *f
		one.list = false
		typ, err = batch.ListOf(typeFor(&one, around+1))
	case f.message.contains(f.message, map[*message]bool{}):
		return jsonType
	default:
		fields := make([]batch.Column, len(f.message.fields))
		for i := range fields {
			part := &f.message.fields[i]
			fields[i] = batch.Column{Name: part.name, Type: typeFor(part, around+1)}
		}
		typ, err = batch.StructOf(fields)
	}
	if err != nil {
		return jsonType
	}
	return typ
}

// contains reports whether messages of a type can be inside of one of m.
func (m *message) contains(of *message, seen map[*message]bool) bool {
	if seen[m] {
		return false
	}
	seen[m] = true
	return slices.ContainsFunc(m.fields, func(f field) bool {
		return f.message != nil && (f.message == of || f.message.contains(of, seen))
	})
}
