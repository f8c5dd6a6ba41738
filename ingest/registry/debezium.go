package registry

import (
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/avro"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Debezium is the Format of Avro records that say what has become of a row: see
// [Framed.DecodeChange].
type Debezium struct {
	Avro
	// Primary are the columns of the table's primary key.
	Primary []int
}

func (f Debezium) parse(text string, references []reference) (schema, error) {
	s, err := f.Avro.parse(text, references)
	if err != nil {
		return nil, err
	}
	return debeziumSchema{s.(avroSchema), f.Primary}, nil
}

type debeziumSchema struct {
	avroSchema
	primary []int
}

func (s debeziumSchema) compile(_ int, table *batch.Schema, limits decode.Limits) (decoder, error) {
	envelope, row, err := s.schema.Envelope(limits)
	if err != nil {
		return nil, err
	}
	c := &changes{envelope: envelope, table: table, primary: s.primary, others: decode.Others(table, s.primary)}
	if c.whole, err = avro.Compile(row, table, limits); err != nil {
		return nil, err
	}
	pick := func(at []int) (*avro.Decoder, error) {
		d, err := avro.Compile(row, decode.Pick(table, at), limits)
		if err == nil {
			d.Into(at)
		}
		return d, err
	}
	// A part of the columns may have no fields at all.
	if c.rest, err = pick(c.others); err != nil {
		c.rest = nil
	}
	if c.old, err = pick(c.primary); err != nil {
		c.old = nil
	}
	return c, nil
}

// propose adds the columns of the rows, which envelopes have twice.
func (s debeziumSchema) propose(_ int, table *batch.Schema, p *decode.Proposal) {
	if _, row, err := s.schema.Envelope(decode.Limits{}); err == nil {
		avro.Propose(row, table, p)
	}
}

// changes decodes envelopes of one schema.
type changes struct {
	envelope         *avro.Envelope
	table            *batch.Schema
	primary, others  []int
	whole, rest, old *avro.Decoder // of all columns; without the key's, nil if no field gives any; of the key's, likewise
}

var errNotChange = errors.New("a record of Debezium's is decoded as a change")

// Decode is not for changes.
func (c *changes) Decode([]byte, *batch.Builder) error { return errNotChange }

// Into is not for changes, which fill whole tables.
func (c *changes) Into([]int) {}

// change appends what a record does, or returns an error and leaves b as it is. The
// columns of the key have their values already if keyed.
func (c *changes) change(datum []byte, keyed bool, b *batch.Builder) (deleted bool, err error) {
	op, before, after, err := c.envelope.Open(datum)
	if err != nil {
		return false, err
	}
	switch op {
	case "c", "r", "u":
		switch {
		case after == nil:
			return false, fmt.Errorf("op is %q, but after has no row", op)
		case !keyed:
			return false, c.row(c.whole, after, b)
		case c.rest == nil:
			decode.AppendNulls(b, c.others)
			return false, nil
		}
		return false, c.rest.Decode(after, b)
	case "d":
		if !keyed {
			if before == nil || c.old == nil {
				return false, errors.New(`op is "d", but the record has no key, and before has no row`)
			}
			if err := c.row(c.old, before, b); err != nil {
				return false, fmt.Errorf("before: %w", err)
			}
		}
		decode.AppendNulls(b, c.others)
		return true, nil
	case "t":
		return false, decode.ErrTruncated
	case "m":
		return false, decode.ErrMessage
	}
	return false, fmt.Errorf("op is %.20q, which is none of c, r, u and d", op)
}

// row decodes a row that must have the whole key.
func (c *changes) row(d *avro.Decoder, datum []byte, b *batch.Builder) error {
	rows := b.Column(c.primary[0]).Len()
	if err := d.Decode(datum, b); err != nil {
		return err
	}
	for _, i := range c.primary {
		if v := b.Column(i).Vector(); v.Null(rows) {
			b.Truncate(rows)
			return fmt.Errorf("there is no value for column %q", c.table.Columns[i].Name)
		}
	}
	return nil
}
