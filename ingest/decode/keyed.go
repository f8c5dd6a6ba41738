package decode

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
)

// Keyed decodes records whose key says which row they are about: the columns of
// a primary key come from the record's key, the others from its value, which is
// a JSON object. It is not safe for concurrent use.
//
// A key is a JSON object that has the columns as fields. The key of one column
// may also be a JSON string, or else is that column's text as it stands: a
// number, a word, a UUID; for a BLOB, the bytes themselves. Fields of the value
// with the name of a key's column are passed over.
type Keyed struct {
	key, value *JSON
	text       []byte // a key that is no JSON, in quotes
}

// NewKeyed returns a decoder for the columns of schema, of which those with the
// given indexes are the primary key.
func NewKeyed(schema *batch.Schema, primary []int, limits Limits) *Keyed {
	d := &Keyed{key: newJSON(schema, primary, limits), value: newJSON(schema, others(schema, primary), limits)}
	d.key.required = true
	return d
}

// Decode appends one row to the columns of b that belong to the schema, and
// reports whether the record deletes the key: it has no value then (it is
// nil), and all columns but the key's are NULL. After an error b is as it was.
// It keeps neither key nor value.
func (d *Keyed) Decode(key, value []byte, b *batch.Builder) (deleted bool, err error) {
	if key == nil {
		return false, errors.New("the record has no key")
	}
	if err := d.decodeKey(key, b); err != nil {
		return false, fmt.Errorf("key: %w", err)
	}
	if value == nil {
		for _, i := range d.value.at {
			b.Column(i).AppendNull()
		}
		return true, nil
	}
	if err := d.value.Decode(value, b); err != nil {
		b.Truncate(b.Rows())
		return false, err
	}
	return false, nil
}

func (d *Keyed) decodeKey(key []byte, b *batch.Builder) error {
	trimmed := trim(key)
	if len(trimmed) > 0 && trimmed[0] == '{' {
		return d.key.Decode(key, b)
	}
	if len(d.key.columns) > 1 {
		return fmt.Errorf("not a JSON object with the fields of the primary key: %s", excerpt(key))
	}
	if d.key.columns[0].typ.Kind == batch.Blob {
		b.Column(d.key.at[0]).AppendBytes(key)
		return nil
	}
	if !utf8.Valid(key) {
		return invalidUTF8(key)
	}
	s := &d.key.scan
	defer func() { s.data = nil }()
	clear(d.key.values)
	v := &d.key.values[1]
	if s.data = trimmed; len(trimmed) > 0 && trimmed[0] == '"' && s.value(0, 1, v) == len(trimmed) {
		return d.key.appendRow(b)
	}
	d.text = append(append(append(d.text[:0], '"'), key...), '"')
	s.data = d.text
	*v = value{kind: plainString, end: len(d.text)}
	return d.key.appendRow(b)
}
