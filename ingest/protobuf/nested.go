package protobuf

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// inner is what reads the parts of a nested value.
type inner struct {
	parts   []step // of a message, its fields by slot, whose columns are those of the STRUCT; of a list, its values; of a map, key and value
	missing []int  // the columns of the STRUCT that no field gives
	cost    int    // scalar values of an element
}

// fitNested fits messages to STRUCTs, repeated fields to lists, and maps to MAPs.
func (s *step) fitNested() error {
	f, kind := s.field, s.typ.Kind
	s.pieces, s.inner = true, &inner{}
	switch {
	case kind == batch.Map && f.pairs:
		s.run = takeMap
		entry := s.typ.Element().Children()
		for i := range entry {
			part := step{field: &f.message.fields[i], column: int32(i), typ: entry[i].Type}
			if err := part.fit(); err != nil {
				return unfit([...]string{"its keys", "its values"}[i], part.field, part.typ, err)
			}
			s.inner.parts = append(s.inner.parts, part)
		}
		s.inner.cost = cost(s.typ)
	case kind == batch.List && f.list && !f.pairs:
		s.run = takeList
		one := *f
		one.list, one.optional = false, false
		part := step{field: &one, typ: s.typ.Element()}
		if err := part.fit(); err != nil {
			return unfit("its values", part.field, part.typ, err)
		}
		s.inner.parts, s.inner.cost = []step{part}, cost(s.typ)
	case kind == batch.Struct && f.isMessage() && !f.list && !f.pairs && slices.Contains(plainMessages, f.message.known):
		s.run = takeStruct
		return s.fitFields()
	default:
		return decode.ErrFamily
	}
	return nil
}

// plainMessages are messages that are what their fields say, and perhaps more.
var plainMessages = []known{ordinary, timestamp, duration, date, timeOfDay, decimalText, decimalBytes}

// cost returns how many scalar values an element of a list or a MAP has.
func cost(t batch.Type) int {
	if nested := t.Element().Nested; nested != nil {
		return nested.Leaves
	}
	return 1
}

func unfit(what string, f *field, typ batch.Type, why error) error {
	reason := ""
	if why.Error() != "" {
		reason = ": " + why.Error()
	}
	return fmt.Errorf("%s, of type %s, can't be %s%s", what, f, typ, reason)
}

// fitFields fits the fields of a message to those of a STRUCT, by their names.
func (s *step) fitFields() error {
	fields := s.field.message.fields
	names := make([]decode.Field, len(fields))
	for i, f := range fields {
		names[i] = decode.Field{Name: f.name, Aliases: []string{f.alias}}
	}
	table := batch.NewSchema(s.typ.Children())
	columnOf := decode.ColumnsOf(names, table)
	for i := range fields {
		if columnOf[i] < 0 {
			continue
		}
		part := step{field: &fields[i], column: int32(columnOf[i]), optional: fields[i].optional, typ: table.Columns[columnOf[i]].Type}
		if err := part.fit(); err != nil {
			return unfit(fmt.Sprintf("its field %q", fields[i].name), part.field, part.typ, err)
		}
		s.inner.parts = append(s.inner.parts, part)
	}
	slices.SortStableFunc(s.inner.parts, func(a, b step) int { return cmp.Compare(a.field.slot, b.field.slot) })
	if s.inner.missing = decode.Missing(columnOf, table); len(s.inner.missing) == len(table.Columns) {
		return errors.New("none of its fields has the name of one of the column's")
	}
	return nil
}

// deeper counts the values that the one which comes next is in.
func (d *Decoder) deeper() bool {
	d.level++
	return d.level < d.maxDepth || d.fail(tooDeep)
}

// depth returns how deeply the value that comes next may be nested.
func (d *Decoder) depth() int { return d.maxDepth - 1 - d.level }

// takeStruct appends the message whose pieces the slot has.
func takeStruct(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	if !d.deeper() || !d.appendParts(s, v.start, v.end, c) {
		return false
	}
	d.level--
	return true
}

// appendParts appends the fields of the message that is written in pieces[lo:hi].
func (d *Decoder) appendParts(s *step, lo, hi int32, c *batch.ColumnBuilder) bool {
	m := s.field.message
	first, ok := d.open(m, lo, hi)
	if !ok {
		return false
	}
	at, end := first, int32(len(d.pieces))
	for i := range s.inner.parts {
		part := &s.inner.parts[i]
		for at < end && int(d.pieces[at].slot) < part.field.slot {
			at++
		}
		var from, to int32
		if at < end && int(d.pieces[at].slot) == part.field.slot {
			var f *field
			if f, from, to, _ = d.run(m, at, end); f != part.field {
				from, to = 0, 0 // another member of its oneof
			}
		}
		child := c.Child(int(part.column))
		if from == to && part.optional {
			child.AppendNull()
		} else if !d.appendPart(part, from, to, child) {
			return d.failf("field %q: %s", part.field.name, d.why)
		}
	}
	for _, i := range s.inner.missing {
		c.Child(i).AppendNull()
	}
	c.AppendStruct()
	d.pieces = d.pieces[:first]
	return true
}

// appendPart appends the value of a field that is written in pieces[lo:hi], or its
// zero if there are none.
func (d *Decoder) appendPart(s *step, lo, hi int32, c *batch.ColumnBuilder) bool {
	switch {
	case s.pieces:
		d.member = slot{start: lo, end: hi}
	case lo == hi:
		d.member = slot{}
	default:
		p := d.pieces[hi-1]
		if d.member = (slot{start: p.start, end: p.end}); p.wire != protowire.BytesType {
			d.at, d.end = int(p.start), int(p.end)
			bits, ok := d.number(p.wire)
			if !ok {
				return false
			}
			d.member.bits = bits
		}
	}
	return s.run(d, s, &d.member, c)
}

// spend counts an element of a list or a map, which may be one too many.
func (d *Decoder) spend(s *step) bool {
	if d.spent += s.inner.cost; d.spent > decode.NestedValuesMax {
		return d.failf("the lists and maps of the record have more than %d values", decode.NestedValuesMax)
	}
	return true
}

func takeList(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	lo, hi := v.start, v.end
	if !d.deeper() {
		return false
	}
	part, elements := &s.inner.parts[0], c.Child(0)
	for i := lo; i < hi; i++ {
		ok := true
		if p := d.pieces[i]; p.wire == protowire.BytesType && s.field.wire != protowire.BytesType {
			ok = d.takePacked(s, p, elements)
		} else {
			ok = d.spend(s) && d.appendPart(part, i, i+1, elements)
		}
		if !ok {
			return d.failf("value %d: %s", c.Elements()+1, d.why)
		}
	}
	c.AppendList()
	d.level--
	return true
}

// takePacked appends the numbers that are written as one value.
func (d *Decoder) takePacked(s *step, p piece, c *batch.ColumnBuilder) bool {
	first := int32(len(d.pieces))
	for at := int(p.start); at < int(p.end); {
		d.at, d.end = at, int(p.end)
		if _, ok := d.number(s.field.wire); !ok {
			return false
		}
		d.pieces = append(d.pieces, piece{start: int32(at), end: int32(d.at), wire: s.field.wire})
		at = d.at
		if !d.spend(s) || !d.appendPart(&s.inner.parts[0], first, first+1, c) {
			return false
		}
		d.pieces = d.pieces[:first]
	}
	return true
}

func takeMap(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	lo, hi := v.start, v.end
	if !d.deeper() {
		return false
	}
	for i := lo; i < hi; i++ {
		if !d.spend(s) || !d.appendParts(s, i, i+1, c.Child(0)) {
			return d.failf("entry %d: %s", c.Elements()+1, d.why)
		}
	}
	c.AppendMap()
	d.level--
	return true
}
