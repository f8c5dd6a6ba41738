package registry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/avro"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Avro decodes records that name the schema they were written with. It is not
// safe for concurrent use: every reader has its own.
type Avro struct {
	client *Client
	table  *batch.Schema
	limits decode.Limits
	known  map[uint32]*avro.Decoder

	id   uint32 // of the record before
	last *avro.Decoder
}

// NewAvro returns a decoder for the columns of table, which are the first columns
// of the builders that Decode is given. It closes client when it is closed.
func NewAvro(client *Client, table *batch.Schema, limits decode.Limits) *Avro {
	return &Avro{client: client, table: table, limits: limits, known: make(map[uint32]*avro.Decoder)}
}

// frameLength is how many bytes stand before the datum.
const frameLength = 5

// frame takes the frame off a record.
func frame(value []byte) (id uint32, datum []byte, err error) {
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

// Awaits returns the id of the schema that has to be fetched before value can be
// decoded, if there is one.
func (a *Avro) Awaits(value []byte) (id uint32, waits bool) {
	id, _, err := frame(value)
	if err != nil || a.find(id) != nil {
		return 0, false
	}
	return id, true
}

func (a *Avro) find(id uint32) *avro.Decoder {
	if a.last == nil || a.id != id {
		a.id, a.last = id, a.known[id]
	}
	return a.last
}

// Fetch gets a schema. An *decode.RefusedError says that its records can't be rows
// of the table.
func (a *Avro) Fetch(ctx context.Context, id uint32) error {
	schema, err := a.client.Schema(ctx, id)
	if err != nil {
		return err
	}
	d, err := avro.Compile(schema, a.table, a.limits)
	if err != nil {
		return fmt.Errorf("schema %d (%s) does not fit: %w", id, schema, err)
	}
	a.known[id], a.last = d, nil
	return nil
}

// Decode appends one row, under the promises of avro.Decoder. The record's schema
// must have been fetched.
func (a *Avro) Decode(value []byte, b *batch.Builder) error {
	id, datum, err := frame(value)
	if err != nil {
		return err
	}
	d := a.find(id)
	if d == nil {
		return fmt.Errorf("schema %d was not fetched", id)
	}
	return d.Decode(datum, b)
}

// Close ends the client.
func (a *Avro) Close() { a.client.Close() }
