package decode

import "github.com/millstream-db/millstream/engine/batch"

// Texts decodes rows whose values somebody has as texts, one by one: they become
// what fields of a CSV do. It is not safe for concurrent use.
type Texts struct {
	row  *JSON
	data []byte
}

// NewTexts returns a decoder for the columns of schema that at has.
func NewTexts(schema *batch.Schema, at []int, limits Limits) *Texts {
	return &Texts{row: newCells(schema, at, limits)}
}

// Set gives the i-th of the columns its text in the next row, of which Texts
// keeps a copy. A column that is given none is NULL.
func (d *Texts) Set(i int, text []byte) {
	d.row.values[i+1].set(bareText, len(d.data), len(d.data)+len(text))
	d.data = append(d.data, text...)
}

// Decode appends the values that were set to their columns of b, or returns an
// error and leaves b as it was. The next row begins without values either way.
func (d *Texts) Decode(b *batch.Builder) error {
	err := textual(d.data, d.row.limits.MaxBytes)
	if err == nil {
		d.row.scan.data = d.data
		err = d.row.appendRow(b)
	}
	d.row.scan.data = nil
	d.data = d.data[:0]
	clear(d.row.values)
	return err
}
