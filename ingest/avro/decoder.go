package avro

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Decoder decodes records of one schema for the columns of one table. It is not
// safe for concurrent use: every reader has its own.
type Decoder struct {
	cursor
	maxBytes, maxDepth, maxText int

	record  string
	steps   []step // in the order of the record
	missing []int  // the columns that no field gives
	text    []byte // the JSON of a value

	level int // values that the current one is in, the record apart
	spent int // scalar values in arrays and maps of the record
}

// step reads one field of a record, or one branch of its union.
type step struct {
	run    func(*Decoder, *step, *batch.ColumnBuilder) bool
	node   *node
	typ    batch.Type
	column int // the builder's, -1 for a field that is passed over
	name   string
	field  string

	branches []step // of a union
	up       int    // the power of ten that makes a number the column's unscaled decimal

	inner *inner // of a nested value
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
	d.data, d.at, d.empties, d.level, d.spent = value, 0, emptiesMax, 0, 0
	rows := b.Rows() // a field behind the last column's may still be wrong
	err := d.appendRow(b)
	if err != nil {
		b.Truncate(rows)
	}
	d.data = nil
	return err
}

// Into makes Decode append to other columns of its builders, which are those of a
// wider table: at has the index of each column of the one that d was compiled for.
func (d *Decoder) Into(at []int) {
	for i := range d.steps {
		if s := &d.steps[i]; s.column >= 0 {
			s.column = at[s.column]
		}
	}
	for i, column := range d.missing {
		d.missing[i] = at[column]
	}
}

func (d *Decoder) appendRow(b *batch.Builder) error {
	decode.AppendNulls(b, d.missing)
	var column *batch.ColumnBuilder
	for i := range d.steps {
		s := &d.steps[i]
		if s.column >= 0 {
			column = b.Column(s.column)
		}
		start := d.at
		if s.run(d, s, column) {
			continue
		}
		if s.column < 0 {
			return fmt.Errorf("field %q: %s, at byte %d", s.field, d.why, start)
		}
		return fmt.Errorf("column %q: %s, at byte %d", s.name, d.why, start)
	}
	if rest := len(d.data) - d.at; rest > 0 {
		return fmt.Errorf("%d bytes are left behind the record, at byte %d: it was not written as %s says", rest, d.at, d.record)
	}
	return nil
}
