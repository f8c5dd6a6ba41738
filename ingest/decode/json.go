package decode

import (
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
)

// JSON decodes records that are one JSON object each. It is not safe for
// concurrent use: every reader has its own.
//
// A field belongs to the column of its name; if there is none, to the column
// whose name differs in letter case only. Of fields for the same column the
// last one wins, but a name that is the column's letter for letter wins over
// one that is not. A column without a field is NULL, as is one whose field is
// null. Fields that no column wants are validated and passed over. So it is with
// the fields of objects inside that the [Path] of a column leads through, and with
// those that become a STRUCT.
type JSON struct {
	limits  Limits
	columns []column
	at      []int // by column, the builder's
	root    node
	scan    scanner
	values  []value // of each column, and of what columns are in, behind one that takes what nobody wants
	scratch []byte  // the text of a string with escapes
	decoded []byte  // the bytes of a BLOB
	number  []byte  // a decimal in text
	inner   []byte  // JSON that was in a string
	within  *JSON   // reads the parts of a value

	spent   *int   // scalar values in lists and maps, of the record
	problem string // with a value inside of another one's

	quote byte // which doubledText has twice
}

// NewJSON returns a decoder for the columns of schema, which are the first
// columns of the builders that Decode is given.
func NewJSON(schema *batch.Schema, limits Limits) *JSON {
	return NewJSONWith(schema, JSONOptions{}, limits)
}

// NewJSONWith is NewJSON with options.
func NewJSONWith(schema *batch.Schema, o JSONOptions, limits Limits) *JSON {
	return newJSON(schema, all(schema), o, limits)
}

// Into moves the columns to other indexes of the builders.
func (d *JSON) Into(at []int) { d.at = at }

// all returns the indexes of all columns.
func all(schema *batch.Schema) []int {
	at := make([]int, len(schema.Columns))
	for i := range at {
		at[i] = i
	}
	return at
}

// newJSON returns a decoder for some of the columns of schema.
func newJSON(schema *batch.Schema, at []int, o JSONOptions, limits Limits) *JSON {
	d := newColumns(schema, at, o, limits)
	var t wish
	for i := range d.columns {
		d.columns[i].slot = t.want(o.path(d.at[i], d.columns[i].name), i+1)
	}
	d.plant(&t, len(d.columns)+1)
	return d
}

// newColumns returns a decoder that looks for no column yet: see plant.
func newColumns(schema *batch.Schema, at []int, o JSONOptions, limits Limits) *JSON {
	limits = limits.WithDefaults()
	d := &JSON{limits: limits, at: at, scan: scanner{maxDepth: limits.MaxDepth}, spent: new(int)}
	for _, column := range at {
		c := newColumn(schema.Columns[column])
		c.slot = len(d.columns) + 1
		c.mean(o.meaning(c.typ))
		d.nest(&c, &o)
		d.columns = append(d.columns, c)
	}
	return d
}

// newCells returns a decoder whose values somebody else finds, each column's
// behind the first one.
func newCells(schema *batch.Schema, at []int, limits Limits) *JSON {
	d := newColumns(schema, at, JSONOptions{}, limits)
	d.plant(&wish{}, len(d.columns)+1)
	return d
}

// plant makes the decoder look for what t wants, which has so many slots.
func (d *JSON) plant(t *wish, slots int) {
	for i := range d.columns {
		slots = d.columns[i].plant(t, slots)
	}
	d.root = t.node(&slots)
	d.values = make([]value, slots)
}

// require makes columns of the schema need a value.
func (d *JSON) require(columns []int) {
	for i := range d.columns {
		d.columns[i].required = slices.Contains(columns, d.at[i])
	}
}

var byteOrderMark = "\xef\xbb\xbf"

// Decode appends the record in value to the first columns of b, one value to
// each, or returns an error and leaves b as it was. The error is one line that
// tells a person what is wrong with the record, and at which byte of it,
// counted from 0. Decode does not keep value.
//
// Columns that b has besides the schema's must not be ahead of them: the
// caller appends to those after Decode has succeeded.
func (d *JSON) Decode(value []byte, b *batch.Builder) error {
	d.scan.data = value
	err := d.locate()
	if err == nil {
		err = d.appendRow(b)
	}
	d.scan.data = nil
	return err
}

// locate validates the whole record and notes where each column's value is.
// Nothing is converted before that: a record that is not JSON says so,
// whatever its values, and a value that is overridden may be anything.
func (d *JSON) locate() error {
	data := d.scan.data
	if len(data) == 0 {
		return errors.New("empty record")
	}
	if len(data) > d.limits.MaxBytes {
		return fmt.Errorf("record of %d bytes exceeds the limit of %d", len(data), d.limits.MaxBytes)
	}
	if !utf8.Valid(data) {
		return invalidUTF8(data)
	}
	p := 0
	if data[0] == byteOrderMark[0] && len(data) >= len(byteOrderMark) && string(data[:len(byteOrderMark)]) == byteOrderMark {
		p = len(byteOrderMark)
	}
	if p = d.scan.space(p); p == len(data) {
		return errors.New("empty record")
	}
	if data[p] != '{' {
		return fmt.Errorf("record is not a JSON object: %s", excerpt(data[p:]))
	}
	clear(d.values)
	if p = d.fields(&d.root, d.scan.space(p+1), 1); p >= 0 {
		if p = d.scan.space(p); p == len(data) {
			return nil
		}
		d.scan.unexpected(p, "the end of the record")
	}
	return fmt.Errorf("invalid JSON at byte %d: %s", d.scan.at, d.scan.problem)
}

// again notes where the values of the object at start are, once the record is
// known to be valid: it looks no further than the object's end.
func (d *JSON) again(start int) {
	clear(d.values)
	d.fields(&d.root, d.scan.space(start+1), 2) // inside of the record
}

func invalidUTF8(data []byte) error {
	p := 0
	for {
		r, size := utf8.DecodeRune(data[p:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("invalid UTF-8 at byte %d: 0x%02x", p, data[p])
		}
		p += size
	}
}

// appendRow converts what locate found and appends it.
func (d *JSON) appendRow(b *batch.Builder) error {
	*d.spent = 0
	for i := range d.columns {
		c := &d.columns[i]
		v := &d.values[c.slot]
		if v.kind <= null {
			if c.required {
				b.Truncate(b.Rows())
				return fmt.Errorf("there is no value for column %q", c.name)
			}
			b.Column(d.at[i]).AppendNull()
			continue
		}
		if f := c.append(d, c, v, b.Column(d.at[i])); f != fine {
			b.Truncate(b.Rows())
			place := ": "
			if f == innerFault {
				place = ", in " + c.name
			}
			return fmt.Errorf("column %q%s%s", c.name, place, d.complaint(f, c, v))
		}
	}
	return nil
}

// complaint says what is wrong with the value of a column, and where.
func (d *JSON) complaint(f fault, c *column, v *value) string {
	if f == innerFault {
		return d.problem
	}
	shown := excerpt(d.scan.data[v.start:v.end])
	if v.kind >= bareText {
		shown = `"` + shown + `"`
	}
	return fmt.Sprintf("%s, at byte %d", complaint(f, shown, c.typ.String()), v.start)
}

// text returns the text of a string, which is valid until the next call.
func (d *JSON) text(v *value) ([]byte, bool) {
	switch v.kind {
	case plainString:
		return d.scan.data[v.start+1 : v.end-1], true
	case escapedString:
		d.scratch = unescape(d.scratch[:0], d.scan.data[v.start+1:v.end-1])
		return d.scratch, true
	case bareText:
		return d.scan.data[v.start:v.end], true
	case doubledText:
		d.scratch = undouble(d.scratch[:0], d.scan.data[v.start:v.end], d.quote)
		return d.scratch, true
	default:
		return nil, false
	}
}

// digits returns the number in v, which may be a string that holds one, and
// its text. It reports false if v is neither a number nor a string.
func (d *JSON) digits(v *value) (number, []byte, bool) {
	if v.kind == numeric {
		return v.number, d.scan.data[v.start:v.end], true
	}
	text, ok := d.text(v)
	if !ok {
		return number{}, nil, false
	}
	text = trim(text)
	return readNumber(text), text, true
}
