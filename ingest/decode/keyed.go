package decode

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millstream-db/millstream/engine/batch"
)

// Rows decodes one part of a record, its key or its value, into some of the
// columns of a table.
type Rows interface {
	// Decode appends one value to each of its columns, or returns an error and
	// leaves b as it was. It does not keep part.
	Decode(part []byte, b *batch.Builder) error
}

// Keyed decodes records whose key says which row they are about: the columns of
// a primary key come from the record's key, the others from its value. It is not
// safe for concurrent use.
type Keyed struct {
	key, value Rows
	primary    []int
	others     []int
	schema     *batch.Schema
}

// NewKeyed returns a decoder for the columns of schema, of which those with the
// given indexes are the primary key: key decodes these, value all others.
func NewKeyed(schema *batch.Schema, primary []int, key, value Rows) *Keyed {
	return &Keyed{key: key, value: value, primary: primary, others: Others(schema, primary), schema: schema}
}

// Others returns the indexes of the columns that are not in the primary key.
func Others(schema *batch.Schema, primary []int) (others []int) {
	for i := range schema.Columns {
		if !slices.Contains(primary, i) {
			others = append(others, i)
		}
	}
	return others
}

// NewJSONColumns returns a decoder for those columns of schema that have the
// given indexes. Fields of a record with the names of other columns are passed over.
func NewJSONColumns(schema *batch.Schema, at []int, o JSONOptions, limits Limits) *JSON {
	return newJSON(schema, at, o, limits)
}

// Decode appends one row to the columns of b that belong to the schema, and
// reports whether the record deletes the key: it has no value then (it is
// nil), and all columns but the key's are NULL. After an error b is as it was.
// It keeps neither key nor value.
func (d *Keyed) Decode(key, value []byte, b *batch.Builder) (deleted bool, err error) {
	if key == nil {
		return false, errors.New("the record has no key")
	}
	rows := b.Column(d.primary[0]).Len()
	if err := d.DecodeKey(key, b); err != nil {
		return false, err
	}
	if value == nil {
		AppendNulls(b, d.others)
		return true, nil
	}
	if err := d.value.Decode(value, b); err != nil {
		b.Truncate(rows)
		return false, err
	}
	return false, nil
}

// DecodeKey appends a key to the columns of the primary key, or returns an error and
// leaves b as it was.
func (d *Keyed) DecodeKey(key []byte, b *batch.Builder) error {
	rows := b.Column(d.primary[0]).Len()
	if err := d.key.Decode(key, b); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	for _, i := range d.primary {
		if v := b.Column(i).Vector(); v.Null(rows) {
			b.Truncate(rows)
			return fmt.Errorf("key: there is no value for column %q", d.schema.Columns[i].Name)
		}
	}
	return nil
}

// Pick returns the columns of a schema with the given indexes.
func Pick(s *batch.Schema, at []int) *batch.Schema {
	columns := make([]batch.Column, len(at))
	for i, c := range at {
		columns[i] = s.Columns[c]
	}
	return batch.NewSchema(columns)
}

// AppendNulls appends NULL to columns of b.
func AppendNulls(b *batch.Builder, columns []int) {
	for _, i := range columns {
		b.Column(i).AppendNull()
	}
}
