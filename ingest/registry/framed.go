package registry

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// Framed decodes records that name the schema they were written with, or their
// keys. It is not safe for concurrent use: every reader has its own.
type Framed struct {
	client *Client
	format Format
	table  *batch.Schema
	at     []int // nil: as in table
	limits decode.Limits
	known  map[schemaID]*fetched

	id   schemaID // of the record before
	last *fetched

	source *batch.Schema // a field without a column in it is an error, nil: it is not
	wider  bool          // columns may get wider types
}

// schemaID is what a registry calls a schema: a number, or a GUID, which is the same
// in all registries.
type schemaID struct {
	number uint32
	guid   [guidLength]byte
	isGUID bool
}

const guidLength = 16

// String returns the id as registries write it.
func (id schemaID) String() string {
	if !id.isGUID {
		return strconv.FormatUint(uint64(id.number), 10)
	}
	g := id.guid[:]
	return fmt.Sprintf("%x-%x-%x-%x-%x", g[:4], g[4:6], g[6:8], g[8:10], g[10:])
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
	return &Framed{client: client, format: format, table: table, limits: limits, known: make(map[schemaID]*fetched)}
}

// Into makes the table's columns those of a wider one, at the given indexes, in
// builders for that. It must be called before Fetch.
func (f *Framed) Into(at []int) { f.at = at }

// The headers of records that name the schemas of their keys and values, if these
// do not themselves.
const (
	KeyHeader   = "__key_schema_id"
	ValueHeader = "__value_schema_id"
)

// The first byte of a schema's id says which kind it is.
const (
	numberFollows = 0
	guidFollows   = 1
)

// frame is a record whose schema's id was read.
type frame struct {
	id     schemaID
	behind []byte // what follows the id
	value  []byte // the record, if the id was in a header; else nil
}

// readFrame reads the schema's id, from the header if there is one, or off the
// record's beginning.
func readFrame(header, value []byte) (frame, error) {
	named, where := value, "it"
	if header != nil {
		named, where = header, "its header"
	}
	var f frame
	switch {
	case len(value) == 0 && header == nil:
		return f, errors.New("empty record")
	case len(named) == 0:
		return f, errors.New("the record does not name its schema: its header is empty")
	case named[0] == numberFollows && len(named) > 4:
		f.id.number, f.behind = binary.BigEndian.Uint32(named[1:]), named[5:]
	case named[0] == guidFollows && len(named) > guidLength:
		f.id.isGUID, f.behind = true, named[1+copy(f.id.guid[:], named[1:]):]
	case named[0] == numberFollows:
		return f, fmt.Errorf("the record does not name its schema: %s has %d bytes, and the schema's id would end at the fifth", where, len(named))
	case named[0] == guidFollows:
		return f, fmt.Errorf("the record does not name its schema: %s has %d bytes, and the schema's GUID would end at the seventeenth", where, len(named))
	default:
		return f, fmt.Errorf("the record does not name its schema: %s begins with 0x%02x, not with 0x00 and the schema's id", where, named[0])
	}
	if header != nil {
		if f.value = value; value == nil {
			f.value = []byte{}
		}
	}
	return f, nil
}

// split finds out which message of the schema the record is, and where that is.
func (f *frame) split(s schema) (message int, datum []byte, err error) {
	message, datum, err = s.split(f.behind)
	if err == nil && f.value != nil {
		if len(datum) > 0 {
			return 0, nil, fmt.Errorf("%d bytes are left in the header behind the schema's id", len(datum))
		}
		datum = f.value
	}
	return message, datum, err
}

func (f *Framed) find(id schemaID) *fetched {
	if f.last == nil || f.id != id {
		f.id, f.last = id, f.known[id]
	}
	return f.last
}

// Awaits reports whether a schema has to be fetched before value can be decoded.
// header is the record's header that names the schema, nil if there is none.
func (f *Framed) Awaits(header, value []byte) bool {
	r, err := readFrame(header, value)
	if err != nil {
		return false
	}
	s := f.find(r.id)
	if s == nil {
		return true
	}
	message, _, err := r.split(s.schema)
	return err == nil && s.decoder(message) == nil
}

// Fetch gets the schema of a record that awaits it. A *decode.RefusedError says
// that records of the schema can't be rows of the table, a *NewFieldsError that they
// are more than that.
func (f *Framed) Fetch(ctx context.Context, header, value []byte) error {
	r, err := readFrame(header, value)
	if err != nil {
		return err
	}
	s := f.known[r.id]
	if s == nil {
		parsed, err := f.client.schema(ctx, r.id, f.format)
		if err != nil {
			return err
		}
		s = &fetched{schema: parsed}
	}
	message, _, err := r.split(s.schema)
	if err == nil {
		d, err := s.schema.compile(message, f.table, f.limits)
		if err != nil {
			err = fmt.Errorf("schema %s (%s) does not fit: %w", r.id, s.schema.title(message), err)
			return cmp.Or(f.widerColumns(r.id.String(), s.schema, message), err)
		}
		if f.at != nil {
			d.Into(f.at)
		}
		if err := f.newFields(r.id.String(), s.schema, message); err != nil {
			return err
		}
		for len(s.decoders) <= message {
			s.decoders = append(s.decoders, nil)
		}
		s.decoders[message] = d
	} // or else the record is wrong, which Decode says
	f.known[r.id] = s
	return nil
}

// Decode appends one row, or returns an error of one line and leaves b as it was.
// The record's schema must have been fetched.
func (f *Framed) Decode(header, value []byte, b *batch.Builder) error {
	d, datum, err := f.open(header, value)
	if err != nil {
		return err
	}
	return d.Decode(datum, b)
}

// DecodeChange appends what a record of the format Debezium does to its row, and
// reports whether it deletes that: all columns but the key's are NULL then. If keyed,
// the columns of the key have their values from the record's key already, and those
// in the record are passed over. After an error nothing was appended; decode.ErrTruncated
// says that the record deletes all rows.
func (f *Framed) DecodeChange(header, value []byte, keyed bool, b *batch.Builder) (deleted bool, err error) {
	d, datum, err := f.open(header, value)
	if err != nil {
		return false, err
	}
	return d.(*changes).change(datum, keyed, b)
}

// open finds the decoder of a record, and its datum.
func (f *Framed) open(header, value []byte) (decoder, []byte, error) {
	r, err := readFrame(header, value)
	if err != nil {
		return nil, nil, err
	}
	s := f.find(r.id)
	if s == nil {
		return nil, nil, fmt.Errorf("schema %s was not fetched", r.id)
	}
	message, datum, err := r.split(s.schema)
	if err != nil {
		return nil, nil, fmt.Errorf("schema %s: %w", r.id, err)
	}
	d := s.decoder(message)
	if d == nil {
		return nil, nil, fmt.Errorf("schema %s (%s) was not fetched", r.id, s.schema.title(message))
	}
	return d, datum, nil
}

// Close ends the client.
func (f *Framed) Close() { f.client.Close() }
