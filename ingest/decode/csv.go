package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
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
	opts   CSVOptions
	row    *JSON // whose columns take fields as bareText and doubledText
	absent []int // columns without a field
}

// NewCSV returns a decoder for the columns of schema, which are the first columns
// of the builders that Decode is given.
func NewCSV(schema *batch.Schema, o CSVOptions, limits Limits) *CSV {
	return NewCSVOf(schema, all(schema), o, limits)
}

// NewCSVOf is NewCSV for lines with fields for some of the columns, in the order
// that at has. The other columns are NULL.
func NewCSVOf(schema *batch.Schema, at []int, o CSVOptions, limits Limits) *CSV {
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	row := newCells(schema, at, limits)
	row.quote = o.Quote
	return &CSV{o, row, Others(schema, at)}
}

// CSVHeader reads a line of names.
func CSVHeader(record []byte, o CSVOptions) (names []string, err error) {
	if err := textual(record, (Limits{}).WithDefaults().MaxBytes); err != nil {
		return nil, err
	}
	record = line(record)
	d := NewCSVOf(batch.NewSchema(nil), nil, o, Limits{})
	for p := len(record) - len(bytes.TrimPrefix(record, []byte(byteOrderMark))); p <= len(record); {
		var v value
		if p, err = d.field(record, p, &v); err != nil {
			return nil, err
		}
		text := record[v.start:v.end]
		if v.kind == doubledText {
			text = undouble(nil, text, o.Quote)
		}
		names = append(names, string(text))
	}
	return names, nil
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
	if err == nil {
		AppendNulls(b, d.absent)
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
	p := 0
	if len(record) >= len(byteOrderMark) && string(record[:len(byteOrderMark)]) == byteOrderMark {
		p = len(byteOrderMark)
	}
	locate := d.fields
	if bytes.IndexByte(record, '\n') < 0 && (d.opts.Quote == 0 || bytes.IndexByte(record, d.opts.Quote) < 0) {
		locate = d.bareFields
	}
	count, err := locate(record, p)
	if values := d.row.values[1:]; err == nil && count < len(values) {
		err = fmt.Errorf("%d fields, the source has %d columns", count, len(values))
	}
	return err
}

// bareFields finds the fields of a record without quotes and line breaks from p on,
// and returns how many there are.
func (d *CSV) bareFields(record []byte, p int) (count int, err error) {
	values, start := d.row.values[1:], p
	delimiter := everyByte * uint64(d.opts.Delimiter)
	for ; p+8 <= len(record); p += 8 {
		// The high bit of each byte that is a delimiter, and of no other: what is
		// added carries into no byte above.
		x := binary.LittleEndian.Uint64(record[p:]) ^ delimiter
		for marks := ^((x&everyLow + everyLow) | x | everyLow); marks != 0; marks &= marks - 1 {
			end := p + bits.TrailingZeros64(marks)>>3
			if count == len(values) {
				return count, tooManyFields(count, start)
			}
			d.setBare(&values[count], record, start, end)
			count, start = count+1, end+1
		}
	}
	for ; p <= len(record); p++ {
		if p < len(record) && record[p] != d.opts.Delimiter {
			continue
		}
		if count == len(values) {
			return count, tooManyFields(count, start)
		}
		d.setBare(&values[count], record, start, p)
		count, start = count+1, p+1
	}
	return count, nil
}

func (d *CSV) setBare(v *value, record []byte, start, end int) {
	v.set(bareText, start, end)
	if end-start == len(d.opts.Null) && string(record[start:end]) == d.opts.Null {
		v.kind = null
	}
}

func tooManyFields(count, p int) error {
	return fmt.Errorf("more than the %d fields of the source's columns, at byte %d", count, p)
}

// fields is bareFields for any record.
func (d *CSV) fields(record []byte, p int) (count int, err error) {
	values := d.row.values[1:]
	for ; p <= len(record); count++ {
		if count == len(values) {
			return count, tooManyFields(count, p)
		}
		if p, err = d.field(record, p, &values[count]); err != nil {
			return count, err
		}
	}
	return count, nil
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
	d.setBare(v, record, p, end)
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
