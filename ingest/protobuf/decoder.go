package protobuf

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Decoder decodes records of one message for the columns of one table. It is not
// safe for concurrent use: every reader has its own.
type Decoder struct {
	cursor
	maxBytes, maxDepth, maxText int

	types   map[string]*message
	table   numbers // the step of each field
	steps   []step  // in the order of the message's fields
	missing []int   // the columns that no field gives

	slots   []slot // of the steps
	chosen  []int  // of each oneof: the step whose field came last, -1 for none
	pieces  []piece
	entries []entry // of maps
	parts   [partsMax + 1]part
	wrapped slot   // of the value in a wrapper
	member  slot   // of a value in another one
	level   int    // values that the current one is in, the record apart
	spent   int    // scalar values in lists and maps of the record
	text    []byte // the JSON of a value
}

// step appends the values of one field to a column.
type step struct {
	run    func(*Decoder, *step, *slot, *batch.ColumnBuilder) bool
	field  *field
	column int32 // the builder's, -1 for a field that is only the end of another one's oneof
	oneof  int32 // -1 for none
	wire   protowire.Type

	pieces   bool // all its values count, not only the last one
	optional bool // the field's

	typ    batch.Type
	up     int   // the power of ten that makes a number the column's unscaled decimal
	within *step // of a wrapper: what reads the value in it

	inner *inner // of a nested value
	name  string
}

// slot is where a step's value is in the record.
type slot struct {
	bits       uint64 // of a number
	start, end int32  // of bytes in the record; of a step with pieces, those in d.pieces
	at         int32  // where the field begins, or what is before does not count
	set        bool
}

// piece is where one of the values of a field is, which may be many.
type piece struct {
	slot, field int32
	start, end  int32
	wire        protowire.Type
}

// inOrder compares pieces by their slots, and by where they are.
func inOrder(a, b piece) int {
	return cmp.Or(cmp.Compare(a.slot, b.slot), cmp.Compare(a.start, b.start))
}

// Decode appends the record in value to the first columns of b, one value to
// each, or returns an error and leaves b as it was. The error is one line that
// tells a person what is wrong with the record, and at which byte of it, counted
// from 0. Decode does not keep value.
//
// Columns that b has besides the schema's must not be ahead of them: the caller
// appends to those after Decode has succeeded.
func (d *Decoder) Decode(value []byte, b *batch.Builder) error {
	if len(value) > d.maxBytes {
		return fmt.Errorf("record of %d bytes exceeds the limit of %d", len(value), d.maxBytes)
	}
	d.data, d.at, d.end, d.pieces, d.entries = value, 0, len(value), d.pieces[:0], d.entries[:0]
	d.level, d.spent = 0, 0
	clear(d.slots)
	for i := range d.chosen {
		d.chosen[i] = -1
	}
	err := d.scan()
	if err == nil {
		err = d.appendRow(b)
	}
	d.data = nil
	if cap(d.pieces)+cap(d.entries) > keptMax {
		d.pieces, d.entries = nil, nil
	}
	return err
}

// Into makes Decode append to other columns of its builders, which are those of a
// wider table: at has the index of each column of the one that d was compiled for.
func (d *Decoder) Into(at []int) {
	for i := range d.steps {
		if s := &d.steps[i]; s.column >= 0 {
			s.column = int32(at[s.column])
		}
	}
	for i, column := range d.missing {
		d.missing[i] = at[column]
	}
}

// keptMax is how many pieces and entries a decoder keeps memory for.
const keptMax = 1 << 14

// scan notes where the values of the steps are.
func (d *Decoder) scan() error {
	steps, sorted := d.steps, true
	slots := d.slots[:len(steps)]
	for d.at < d.end {
		start := d.at
		number, wire, ok := d.tag()
		if !ok {
			return fmt.Errorf("%s, at byte %d", d.why, start)
		}
		i := d.table.find(number)
		if i < 0 || wire != steps[i].wire && !steps[i].field.reads(wire) {
			if _, _, ok := d.value(number, wire, d.maxDepth-1); !ok {
				return fmt.Errorf("field %d: %s, at byte %d", number, d.why, start)
			}
			continue
		}
		s, v := &steps[i], &slots[i]
		switch {
		case s.column < 0:
			_, _, ok = d.value(number, wire, d.maxDepth-1)
		case s.pieces:
			from, to, whole := d.value(number, wire, d.maxDepth-1)
			sorted, ok = sorted && (len(d.pieces) == 0 || d.pieces[len(d.pieces)-1].slot <= int32(i)), whole
			d.pieces = append(d.pieces, piece{slot: int32(i), start: int32(from), end: int32(to), wire: wire})
		case wire == protowire.BytesType:
			from, to, whole := d.value(number, wire, 0)
			v.start, v.end, v.at, ok = int32(from), int32(to), int32(start), whole
		default:
			v.at = int32(start)
			v.bits, ok = d.number(wire)
		}
		if !ok {
			return d.complaint(s, start)
		}
		v.set = true
		if s.oneof >= 0 {
			d.choose(i, start)
		}
	}
	if !sorted {
		slices.SortFunc(d.pieces, inOrder)
	}
	return nil
}

// choose notes that a member of a oneof has come: the others are not there then.
func (d *Decoder) choose(i, at int) {
	before := &d.chosen[d.steps[i].oneof]
	if *before == i {
		return
	}
	if *before >= 0 {
		d.slots[*before] = slot{}
	}
	*before, d.slots[i].at = i, int32(at)
}

func (d *Decoder) complaint(s *step, at int) error {
	if s.column < 0 {
		return fmt.Errorf("field %q: %s, at byte %d", s.field.name, d.why, at)
	}
	return fmt.Errorf("column %q: %s, at byte %d", s.name, d.why, at)
}

func (d *Decoder) appendRow(b *batch.Builder) error {
	rows := b.Rows() // a field behind the last column's may still be wrong
	next, count := 0, len(d.pieces)
	steps := d.steps
	slots := d.slots[:len(steps)]
	for i := range steps {
		s, v := &steps[i], &slots[i]
		if s.pieces {
			for next < count && d.pieces[next].slot == int32(i) && (!v.set || d.pieces[next].start < v.at) {
				next++
			}
			for v.start = int32(next); next < count && d.pieces[next].slot == int32(i); {
				next++
			}
			v.end = int32(next)
		}
		if s.column < 0 {
			continue
		}
		c := b.Column(int(s.column))
		if !v.set && s.optional {
			c.AppendNull()
			continue
		}
		if !s.run(d, s, v, c) {
			err := d.complaint(s, d.where(s, v))
			b.Truncate(rows)
			return err
		}
	}
	decode.AppendNulls(b, d.missing)
	return nil
}

// where returns the byte at which a value begins.
func (d *Decoder) where(s *step, v *slot) int {
	if s.pieces && v.start < v.end {
		return int(d.pieces[v.start].start)
	}
	return int(v.at)
}
