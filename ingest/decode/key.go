package decode

import (
	"fmt"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/jsontext"
)

// KeyEncoding says how a record's key is written.
type KeyEncoding uint8

// The encodings of keys.
const (
	// KeyJSON is a JSON object that has the columns as fields. The key of one column
	// may also be a JSON string, or else is that column's text as it stands: a
	// number, a word, a UUID; for a BLOB, the bytes themselves.
	KeyJSON  KeyEncoding = iota
	KeyText              // the text of one column, whatever it looks like
	KeyBytes             // one BLOB
	// KeyValue is one JSON value of any kind, null included, or else the text of the
	// column as it stands.
	KeyValue
)

// Key decodes the keys of records, which have the columns of a primary key. It is
// not safe for concurrent use.
type Key struct {
	encoding KeyEncoding
	json     *JSON
	text     []byte // a key that is no JSON, in quotes
	inside   *node  // what is wanted of the parts of a KeyValue, nil: nothing

	// Of a key that may have Kafka Connect's envelope around it; else 0 and nil.
	payload int
	schema  *connectSchema
}

// NewKey returns a decoder for the columns of schema with the given indexes.
func NewKey(schema *batch.Schema, primary []int, encoding KeyEncoding, o JSONOptions, limits Limits) *Key {
	k := &Key{encoding: encoding, json: newJSON(schema, primary, o, limits)}
	if encoding == KeyValue {
		_, to, _ := k.json.root.names.find(0, []byte(k.json.columns[0].name))
		k.inside = to.inside
	} else {
		k.json.require(primary)
	}
	return k
}

// newConnectKey is NewKey for JSON keys that may have Kafka Connect's envelope
// around them.
func newConnectKey(schema *batch.Schema, primary []int, o JSONOptions, limits Limits) *Key {
	d := newColumns(schema, primary, o, limits)
	d.require(primary)
	k := &Key{json: d, payload: len(d.columns) + 1}
	k.schema = &connectSchema{slot: k.payload + 1, options: &o}
	var t wish
	t.want(field("payload"), k.payload)
	t.want(field("schema"), k.schema.slot)
	for i := range d.columns {
		c := &d.columns[i]
		path := o.path(d.at[i], c.name)
		c.slot = t.want(append(field("payload"), path...), i+1)
		if path[0].Key != "payload" && path[0].Key != "schema" {
			t.want(path, c.slot)
		}
	}
	d.plant(&t, k.schema.slot+1)
	k.schema.place(d)
	return k
}

// Into moves the columns to other indexes of the builders.
func (k *Key) Into(at []int) { k.json.Into(at) }

// Decode appends the key to its columns of b, or returns an error and leaves b as
// it was. It does not keep key.
func (k *Key) Decode(key []byte, b *batch.Builder) error {
	trimmed := trim(key)
	single := len(k.json.columns) == 1
	switch {
	case k.encoding == KeyJSON && len(trimmed) > 0 && trimmed[0] == '{':
		return k.object(key, b)
	case !single:
		return fmt.Errorf("not a JSON object with the fields of the primary key: %s", excerpt(key))
	case len(key) > k.json.limits.MaxBytes:
		return fmt.Errorf("%d bytes exceed the limit of %d", len(key), k.json.limits.MaxBytes)
	case k.json.columns[0].typ.Kind == batch.Blob:
		b.Column(k.json.at[0]).AppendBytes(key)
		return nil
	case !utf8.Valid(key):
		return invalidUTF8(key)
	}
	s := &k.json.scan
	defer func() { s.data = nil }()
	clear(k.json.values)
	v := &k.json.values[1]
	if s.data = trimmed; k.mayBeValue(trimmed) && k.value(v) == len(trimmed) {
		return k.json.appendRow(b)
	}
	if k.json.columns[0].typ.Kind == batch.JSON {
		k.text = jsontext.AppendString(k.text[:0], key)
	} else {
		k.text = append(append(append(k.text[:0], '"'), key...), '"')
	}
	s.data = k.text
	*v = value{kind: plainString, end: len(k.text)}
	return k.json.appendRow(b)
}

// mayBeValue reports whether a key is one JSON value if it is a well formed one, and not
// the column's text.
func (k *Key) mayBeValue(trimmed []byte) bool {
	switch k.encoding {
	case KeyValue:
		return len(trimmed) > 0
	case KeyJSON:
		return len(trimmed) > 0 && trimmed[0] == '"'
	}
	return false
}

// value scans a key that is one JSON value into v, and returns the position behind it.
func (k *Key) value(v *value) int {
	if k.inside == nil {
		return k.json.scan.value(0, 1, v)
	}
	return k.json.inside(k.inside, 0, 0, v)
}

// object decodes a key that is a JSON object.
func (k *Key) object(key []byte, b *batch.Builder) error {
	d := k.json
	d.scan.data = key
	defer func() { d.scan.data = nil }()
	if err := d.locate(); err != nil {
		return err
	}
	if k.payload > 0 {
		k.schema.learn(d, key, "")
		if v := &d.values[1]; len(d.columns) == 1 && v.kind == absent && d.values[k.payload].kind != objectValue {
			*v = d.values[k.payload] // a key without fields
		}
	}
	return d.appendRow(b)
}
