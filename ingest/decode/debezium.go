package decode

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millstream-db/millstream/engine/batch"
)

// Debezium decodes the JSON of Debezium's records, each of which says what has
// become of one row of a table elsewhere. It is not safe for concurrent use.
//
// The row is the field after of the record's value, with or without Kafka
// Connect's schema and payload around; op says whether it is there (c, r, u) or
// gone (d). A record without a value deletes its key, too. The columns of the
// primary key come from the record's key, which [Key] describes and which may
// have a schema and a payload as well, or, if there is none, from the row.
//
// Where a schema comes with the record, numbers and strings mean what it says:
// timestamps of all units, days, decimals. Without one they mean what the options
// say.
type Debezium struct {
	key       *Key
	row       envelope // of records with a key: the columns that are not in it
	whole     envelope // of others: all columns
	old       *JSON    // the key's columns of the field before
	rowOthers []int
}

// envelope is a decoder of the rows in envelopes.
type envelope struct {
	*JSON
	op, before, after, payload int // the slots of its fields
	schema                     *connectSchema
}

// NewDebezium returns a decoder for the columns of schema, of which those with the
// given indexes are the primary key. Paths begin at the row.
func NewDebezium(schema *batch.Schema, primary []int, o JSONOptions, limits Limits) *Debezium {
	d := &Debezium{key: newConnectKey(schema, primary, o, limits), rowOthers: Others(schema, primary)}
	d.row = newEnvelope(schema, d.rowOthers, &o, limits)
	d.whole = newEnvelope(schema, all(schema), &o, limits)
	d.whole.require(primary)
	d.old = newJSON(schema, primary, o, limits)
	d.old.require(primary)
	return d
}

func newEnvelope(schema *batch.Schema, at []int, o *JSONOptions, limits Limits) envelope {
	d := newColumns(schema, at, *o, limits)
	first := len(d.columns) + 1
	e := envelope{JSON: d, op: first, before: first + 1, after: first + 2, payload: first + 3}
	e.schema = &connectSchema{slot: first + 4, options: o}
	var t wish
	t.want(field("schema"), e.schema.slot)
	t.want(field("payload"), e.payload)
	for _, around := range []Path{nil, field("payload")} {
		in := func(name string) Path { return append(slices.Clone(around), field(name)...) }
		t.want(in("before"), e.before)
		t.want(in("after"), e.after)
		t.want(in("op"), e.op)
		for i := range d.columns {
			c := &d.columns[i]
			c.slot = t.want(append(in("after"), o.path(at[i], c.name)...), c.slot)
		}
	}
	d.plant(&t, e.schema.slot+1)
	e.schema.place(d)
	return e
}

// ErrTruncated is returned for a record that says that all rows are gone, whatever
// its key. It is no fault of the record's: whoever knows which rows came before it
// can delete them.
var ErrTruncated = errors.New(`op is "t": the table was truncated`)

// ErrMessage is returned for a record that is about no row: what a program of
// PostgreSQL's has told whoever reads its log (pg_logical_emit_message).
var ErrMessage = errors.New(`op is "m": a logical decoding message, which is about no row`)

// Decode appends one row to the columns of b that belong to the schema, and
// reports whether the record deletes the key: all columns but the key's are NULL
// then. After an error b is as it was. It keeps neither key nor value.
func (d *Debezium) Decode(key, value []byte, b *batch.Builder) (deleted bool, err error) {
	if deleted, err = d.decode(key, value, b); err != nil {
		b.Truncate(b.Rows())
	}
	return deleted, err
}

func (d *Debezium) decode(key, value []byte, b *batch.Builder) (deleted bool, err error) {
	if value == nil {
		return true, d.deleteKey(key, b)
	}
	e := &d.row
	if key == nil {
		e = &d.whole
	}
	e.scan.data = value
	defer func() { e.scan.data = nil }()
	if err := e.locate(); err != nil {
		return false, err
	}
	if e.values[e.payload].kind == null { // a tombstone in an envelope
		return true, d.deleteKey(key, b)
	}
	after := &e.values[e.after]
	switch op, _ := e.text(&e.values[e.op]); string(op) {
	case "c", "r", "u":
		if after.kind != objectValue {
			return false, fmt.Errorf("op is %q, but after has no row", op)
		}
	case "d":
		return true, d.deleteRow(e, key, value, b)
	case "":
		return false, errors.New("not a Debezium envelope, which has a field op: records that are nothing but the row are of FORMAT UPSERT")
	case "t":
		return false, ErrTruncated
	case "m":
		return false, ErrMessage
	default:
		return false, fmt.Errorf("op is %q, which is none of c, r, u and d", excerpt(op))
	}
	if key != nil {
		if err := d.key.Decode(key, b); err != nil {
			return false, fmt.Errorf("key: %w", err)
		}
	}
	e.schema.learn(e.JSON, value, "after", d.old)
	return false, e.appendRow(b)
}

// deleteKey deletes the row of a record's key.
func (d *Debezium) deleteKey(key []byte, b *batch.Builder) error {
	if key == nil {
		return errors.New("the record has neither a key nor a value")
	}
	if err := d.key.Decode(key, b); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	AppendNulls(b, d.rowOthers)
	return nil
}

// deleteRow deletes the row that an envelope has in before, unless the record's
// key says which one.
func (d *Debezium) deleteRow(e *envelope, key, value []byte, b *batch.Builder) error {
	if key != nil {
		return d.deleteKey(key, b)
	}
	before := &e.values[e.before]
	if before.kind != objectValue {
		return errors.New(`op is "d", but the record has no key, and before has no row`)
	}
	e.schema.learn(e.JSON, value, "after", d.old)
	d.old.scan.data = value
	defer func() { d.old.scan.data = nil }()
	d.old.again(before.start)
	if err := d.old.appendRow(b); err != nil {
		return fmt.Errorf("before: %w", err)
	}
	AppendNulls(b, d.rowOthers)
	return nil
}
