package protobuf

import (
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Compile returns a decoder of records of a message of s for the columns of table,
// which are the first columns of the builders that Decode is given. If a field does
// not fit its column, the error is a *decode.RefusedError with all of them. Of the
// limits, MaxFields is none: how many fields a record has is the schema's affair.
func Compile(s *Schema, message int, table *batch.Schema, limits decode.Limits) (*Decoder, error) {
	limits = limits.WithDefaults()
	root := s.messages[message].message
	d := &Decoder{
		types: s.types, maxBytes: min(limits.MaxBytes, math.MaxInt32), maxDepth: limits.MaxDepth,
		maxText: 4 * limits.MaxBytes, // the names of fields are in JSON again and again, but not in the record
	}
	names := make([]decode.Field, len(root.fields))
	for i, f := range root.fields {
		names[i] = decode.Field{Name: f.name, Aliases: []string{f.alias}}
	}
	columnOf := decode.ColumnsOf(names, table)
	var refused decode.RefusedError
	oneofs := wantedOneofs(root, columnOf)
	for i := range root.fields {
		f := &root.fields[i]
		st := step{field: f, column: -1, wire: f.wire, optional: f.optional, oneof: int32(slices.Index(oneofs, f.slot))}
		if !f.oneof {
			st.oneof = -1
		}
		if c := columnOf[i]; c >= 0 {
			column := table.Columns[c]
			st.column, st.name, st.typ = int32(c), column.Name, column.Type
			if err := st.fit(); err != nil {
				refused.Add(column, f.name, f, err)
			}
		} else if st.oneof < 0 {
			continue
		}
		d.table.set(f.number, len(d.steps))
		d.steps = append(d.steps, st)
	}
	d.missing = decode.Missing(columnOf, table)
	if err := refused.Check(d.missing, table); err != nil {
		return nil, err
	}
	d.slots, d.chosen = make([]slot, len(d.steps)), make([]int, len(oneofs))
	return d, nil
}

// wantedOneofs returns the slots of the oneofs of which some column has a member.
func wantedOneofs(root *message, columnOf []int) (slots []int) {
	for i := range root.fields {
		if f := &root.fields[i]; f.oneof && columnOf[i] >= 0 && !slices.Contains(slots, f.slot) {
			slots = append(slots, f.slot)
		}
	}
	return slots
}

// fit chooses what reads the field's values into the column.
func (s *step) fit() (err error) {
	f := s.field
	switch {
	case s.typ.Kind == batch.JSON:
		s.run, s.pieces = takeJSON, true
		return nil
	case s.typ.Nested != nil:
		return s.fitNested()
	case f.list || f.pairs:
		return decode.ErrDeclare
	case f.isMessage():
		s.pieces = true
		return s.fitKnown()
	}
	switch s.typ.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Integer, batch.BigInt, batch.HugeInt,
		batch.UTinyInt, batch.USmallInt, batch.UInteger, batch.UBigInt:
		s.run, err = fitInteger(f.kind, s.typ.Kind)
	case batch.Decimal:
		s.run, err = fitDecimal(f.kind, s.typ)
		s.up = int(s.typ.Scale)
	case batch.Real, batch.Double:
		s.run, err = fitFloat(f.kind, s.typ.Kind)
	default:
		s.run, err = fitKind(f.kind, s.typ.Kind)
	}
	return err
}

// fitKnown fits a message that means one value.
func (s *step) fitKnown() error {
	type pair struct {
		known known
		kind  batch.Kind
	}
	m := s.field.message
	s.run = map[pair]taker{
		{timestamp, batch.Timestamp}: takeTimestamp, {timestamp, batch.TimestampTZ}: takeTimestamp,
		{duration, batch.Interval}: takeInterval, {date, batch.Date}: takeDate, {timeOfDay, batch.Time}: takeTime,
		{decimalText, batch.Decimal}: takeDecimalText, {decimalBytes, batch.Decimal}: takeDecimalBytes,
	}[pair{m.known, s.typ.Kind}]
	switch {
	case s.run != nil:
		return nil
	case m.known == wrapper:
		s.run, s.within = takeWrapped, &step{field: &m.fields[0], typ: s.typ}
		return s.within.fit()
	case s.typ.Kind != batch.Varchar && m.known != ordinary && m.known != structure && m.known != anyValue:
		return decode.ErrFamily
	case m.known >= date, m.known == timestamp, m.known == duration:
		return decode.ErrText
	}
	return decode.ErrDeclare
}

type taker = func(*Decoder, *step, *slot, *batch.ColumnBuilder) bool

// isInteger reports whether values of a kind are whole numbers, how many bits they
// have, and whether they have a sign.
func isInteger(kind protoreflect.Kind) (is bool, bits int, signed bool) {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind, protoreflect.EnumKind:
		return true, 32, true
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return true, 32, false
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return true, 64, true
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return true, 64, false
	}
	return false, 0, false
}

func isFloat(kind protoreflect.Kind) bool {
	return kind == protoreflect.FloatKind || kind == protoreflect.DoubleKind
}

func fitInteger(kind protoreflect.Kind, column batch.Kind) (taker, error) {
	is, bits, signed := isInteger(kind)
	switch {
	case isFloat(kind):
		return nil, decode.ErrNarrower
	case !is:
		return nil, decode.ErrFamily
	case column == batch.HugeInt:
		return takeHuge, nil
	case column == batch.BigInt && (signed || bits == 32), column == batch.UBigInt && !signed:
		return takeLong, nil
	case column == batch.Integer && signed && bits == 32, column == batch.UInteger && !signed && bits == 32:
		return takeInt, nil
	}
	return nil, decode.ErrNarrower
}

// fitDecimal fits a number by the digits that its type may have before the point.
func fitDecimal(kind protoreflect.Kind, typ batch.Type) (taker, error) {
	is, bits, signed := isInteger(kind)
	digits := 10
	if bits == 64 {
		digits = 20
		if signed {
			digits = 19
		}
	}
	switch {
	case isFloat(kind):
		return nil, decode.ErrNarrower
	case !is || kind == protoreflect.EnumKind:
		return nil, decode.ErrFamily
	case int(typ.Precision)-int(typ.Scale) < digits:
		return nil, decode.ErrNarrower
	}
	return takeWhole, nil
}

func fitFloat(kind protoreflect.Kind, column batch.Kind) (taker, error) {
	is, _, _ := isInteger(kind)
	number := is && kind != protoreflect.EnumKind
	switch {
	case column == batch.Double && (number || isFloat(kind)):
		return takeDouble, nil
	case column == batch.Real && (number || kind == protoreflect.FloatKind):
		return takeReal, nil
	case isFloat(kind):
		return nil, decode.ErrNarrower
	}
	return nil, decode.ErrFamily
}

// fitKind fits what is no number.
func fitKind(kind protoreflect.Kind, column batch.Kind) (taker, error) {
	text := wires[kind] == protowire.BytesType
	_, bits, _ := isInteger(kind)
	switch {
	case column == batch.Boolean && kind == protoreflect.BoolKind:
		return takeBoolean, nil
	case column == batch.Varchar && text:
		return takeText, nil
	case column == batch.Varchar && kind == protoreflect.EnumKind:
		return takeSymbol, nil
	case column == batch.Varchar:
		return nil, decode.ErrText
	case column == batch.Blob && text:
		return takeBytes, nil
	case (column == batch.Timestamp || column == batch.TimestampTZ) && bits == 64:
		return nil, decode.ErrTimestamp
	}
	return nil, decode.ErrFamily
}
