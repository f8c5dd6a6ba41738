package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Framed decodes records that name the schema they were written with. It is not
// safe for concurrent use: every reader has its own.
type Framed struct {
	client *Client
	format Format
	table  *batch.Schema
	limits decode.Limits
	known  map[uint32]*fetched

	id   uint32 // of the record before
	last *fetched

	source *batch.Schema // a field without a column in it is an error, nil: it is not
}

// fetched is a schema and the decoders of its messages, nil for those that no
// record has asked for.
type fetched struct {
	schema   schema
	decoders []decoder
}

func (f *fetched) decoder(message int) decoder {
	if message >= len(f.decoders) {
		return nil
	}
	return f.decoders[message]
}

// NewFramed returns a decoder for the columns of table, which are the first columns
// of the builders that Decode is given. It closes client when it is closed.
func NewFramed(client *Client, format Format, table *batch.Schema, limits decode.Limits) *Framed {
	return &Framed{client: client, format: format, table: table, limits: limits, known: make(map[uint32]*fetched)}
}

// frameLength is how many bytes the schema's id ends behind.
const frameLength = 5

// frame takes the schema's id off a record.
func frame(value []byte) (id uint32, framed []byte, err error) {
	switch {
	case len(value) == 0:
		return 0, nil, errors.New("empty record")
	case value[0] != 0:
		return 0, nil, fmt.Errorf("the record does not name its schema: it begins with 0x%02x, not with 0x00 and the schema's id", value[0])
	case len(value) < frameLength:
		return 0, nil, fmt.Errorf("the record does not name its schema: it has %d bytes, and the schema's id would end at the fifth", len(value))
	}
	return binary.BigEndian.Uint32(value[1:]), value[frameLength:], nil
}

func (f *Framed) find(id uint32) *fetched {
	if f.last == nil || f.id != id {
		f.id, f.last = id, f.known[id]
	}
	return f.last
}

// Awaits reports whether a schema has to be fetched before value can be decoded.
func (f *Framed) Awaits(value []byte) bool {
	id, framed, err := frame(value)
	if err != nil {
		return false
	}
	s := f.find(id)
	if s == nil {
		return true
	}
	message, _, err := s.schema.split(framed)
	return err == nil && s.decoder(message) == nil
}

// Fetch gets the schema of a record that awaits it. A *decode.RefusedError says
// that records of the schema can't be rows of the table, a *NewFieldsError that they
// are more than that.
func (f *Framed) Fetch(ctx context.Context, value []byte) error {
	id, framed, err := frame(value)
	if err != nil {
		return err
	}
	s := f.known[id]
	if s == nil {
		parsed, err := f.client.schema(ctx, id, f.format)
		if err != nil {
			return err
		}
		s = &fetched{schema: parsed}
	}
	message, _, err := s.schema.split(framed)
	if err == nil {
		d, err := s.schema.compile(message, f.table, f.limits)
		if err != nil {
			return fmt.Errorf("schema %d (%s) does not fit: %w", id, s.schema.title(message), err)
		}
		if err := f.newFields(fmt.Sprint(id), s.schema, message); err != nil {
			return err
		}
		for len(s.decoders) <= message {
			s.decoders = append(s.decoders, nil)
		}
		s.decoders[message] = d
	} // or else the record is wrong, which Decode says
	f.known[id] = s
	return nil
}

// Decode appends one row, or returns an error of one line and leaves b as it was.
// The record's schema must have been fetched.
func (f *Framed) Decode(value []byte, b *batch.Builder) error {
	id, framed, err := frame(value)
	if err != nil {
		return err
	}
	s := f.find(id)
	if s == nil {
		return fmt.Errorf("schema %d was not fetched", id)
	}
	message, datum, err := s.schema.split(framed)
	if err != nil {
		return fmt.Errorf("schema %d: %w", id, err)
	}
	d := s.decoder(message)
	if d == nil {
		return fmt.Errorf("schema %d (%s) was not fetched", id, s.schema.title(message))
	}
	return d.Decode(datum, b)
}

// Close ends the client.
func (f *Framed) Close() { f.client.Close() }
