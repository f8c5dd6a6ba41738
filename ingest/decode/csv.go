package decode

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
)

// CSVOptions say how a line is cut into fields.
type CSVOptions struct {
	Delimiter byte   // between fields, default a comma
	Quote     byte   // around a field that holds delimiters, quotes (twice each) or line breaks; 0: there is none
	Null      string // an unquoted field that is this, letter for letter, is NULL; default the empty one
}

// CSV decodes records that are one line of separated values each, as RFC 4180
// has them: a field for each column, in the columns' order. A line break at the
// end is not part of it. It is not safe for concurrent use.
//
// Fields become values as the text of a JSON string does: numbers, dates and the
// like may have white space around them. A quoted field is never NULL.
type CSV struct {
	opts CSVOptions
	row  *JSON // whose columns take fields as bareText and doubledText
}

// NewCSV returns a decoder for the columns of schema, which are the first columns
// of the builders that Decode is given.
func NewCSV(schema *batch.Schema, o CSVOptions, limits Limits) *CSV {
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	row := newCells(schema, all(schema), limits)
	row.quote = o.Quote
	return &CSV{o, row}
}

// Decode appends the record in value to the first columns of b, one value to
// each, or returns an error and leaves b as it was, as that of JSON does.
func (d *CSV) Decode(value []byte, b *batch.Builder) error {
	if err := textual(value, d.row.limits.MaxBytes); err != nil {
		return err
	}
	if value = line(value); len(value) == 0 && len(d.row.columns) > 1 {
		return errors.New("empty record")
	}
	d.row.scan.data = value
	err := d.locate(value)
	if err == nil {
		err = d.row.appendRow(b)
	}
	d.row.scan.data = nil
	return err
}

// textual refuses what is no text, or too much of it.
func textual(value []byte, limit int) error {
	if len(value) > limit {
		return fmt.Errorf("record of %d bytes exceeds the limit of %d", len(value), limit)
	}
	if !utf8.Valid(value) {
		return invalidUTF8(value)
	}
	return nil
}

// line leaves the line break at the end of a record out.
func line(value []byte) []byte {
	if n := len(value); n > 0 && value[n-1] == '\n' {
		value = value[:n-1]
	}
	if n := len(value); n > 0 && value[n-1] == '\r' {
		value = value[:n-1]
	}
	return value
}

// locate notes where each column's field is.
func (d *CSV) locate(record []byte) error {
	values := d.row.values[1:]
	count, p := 0, 0
	if len(record) >= len(byteOrderMark) && string(record[:len(byteOrderMark)]) == byteOrderMark {
		p = len(byteOrderMark)
	}
	for ; ; count++ {
		if count == len(values) {
			return fmt.Errorf("more than the %d fields of the source's columns, at byte %d", len(values), p)
		}
		next, err := d.field(record, p, &values[count])
		if err != nil {
			return err
		}
		if next > len(record) {
			break
		}
		p = next
	}
	if count++; count < len(values) {
		return fmt.Errorf("%d fields, the source has %d columns", count, len(values))
	}
	return nil
}

// field finds the field that begins at p and returns where the next one does,
// behind the end of the record if there is none.
func (d *CSV) field(record []byte, p int, v *value) (next int, err error) {
	if d.opts.Quote != 0 && p < len(record) && record[p] == d.opts.Quote {
		return d.quoted(record, p, v)
	}
	end := len(record)
	if n := bytes.IndexByte(record[p:], d.opts.Delimiter); n >= 0 {
		end = p + n
	}
	text := record[p:end]
	if d.opts.Quote != 0 {
		if n := bytes.IndexByte(text, d.opts.Quote); n >= 0 {
			return 0, fmt.Errorf("a quote inside of a field that is not quoted, at byte %d", p+n)
		}
	}
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		return 0, fmt.Errorf("a second line, at byte %d: a record is one line", p+n+1)
	}
	v.set(bareText, p, end)
	if string(text) == d.opts.Null {
		v.kind = null
	}
	return end + 1, nil
}

func (d *CSV) quoted(record []byte, p int, v *value) (next int, err error) {
	doubled := false
	for end := p + 1; ; end++ {
		n := bytes.IndexByte(record[end:], d.opts.Quote)
		if n < 0 {
			return 0, fmt.Errorf("the quote at byte %d is not closed", p)
		}
		if end += n; end+1 < len(record) && record[end+1] == d.opts.Quote {
			end++
			doubled = true
			continue
		}
		if end+1 < len(record) && record[end+1] != d.opts.Delimiter {
			return 0, fmt.Errorf("text behind a closing quote, at byte %d", end+1)
		}
		v.set(bareText, p+1, end)
		if doubled {
			v.kind = doubledText
		}
		return end + 2, nil
	}
}

// Text decodes records that are one value each, as text. It is not safe for
// concurrent use.
type Text struct{ row *JSON }

// NewText returns a decoder for the one column of schema, which is the first
// column of the builders that Decode is given.
func NewText(schema *batch.Schema, limits Limits) *Text { return NewTextColumn(schema, 0, limits) }

// NewTextColumn returns a decoder for one of the columns of schema.
func NewTextColumn(schema *batch.Schema, column int, limits Limits) *Text {
	return &Text{newCells(schema, []int{column}, limits)}
}

// Decode appends the record in value, all of it, or returns an error and leaves b
// as it was.
func (d *Text) Decode(value []byte, b *batch.Builder) error {
	if err := textual(value, d.row.limits.MaxBytes); err != nil {
		return err
	}
	d.row.scan.data = value
	d.row.values[1].set(bareText, 0, len(value))
	err := d.row.appendRow(b)
	d.row.scan.data = nil
	return err
}

// Bytes appends records to the one BLOB column of a source as they are. It is
// safe for concurrent use.
type Bytes struct{ limit int }

// NewBytes returns a decoder for a source with one BLOB column.
func NewBytes(limits Limits) Bytes { return Bytes{limits.WithDefaults().MaxBytes} }

// Decode appends value to the first column of b, or returns an error and leaves b
// as it was.
func (d Bytes) Decode(value []byte, b *batch.Builder) error {
	if len(value) > d.limit {
		return fmt.Errorf("record of %d bytes exceeds the limit of %d", len(value), d.limit)
	}
	b.Column(0).AppendBytes(value)
	return nil
}
