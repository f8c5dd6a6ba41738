package decode

import (
	"errors"
	"fmt"
	"strconv"
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
// null. Fields that no column wants are validated and passed over.
type JSON struct {
	limits  Limits
	columns []column
	at      []int // by column, the builder's
	names   nameTable
	scan    scanner
	values  []value // of each column, behind one that takes what no column wants
	scratch []byte  // the text of a string with escapes
	decoded []byte  // the bytes of a BLOB

	required bool // a column without a value is an error
	quote    byte // which doubledText has twice
}

// NewJSON returns a decoder for the columns of schema, which are the first
// columns of the builders that Decode is given.
func NewJSON(schema *batch.Schema, limits Limits) *JSON {
	all := make([]int, len(schema.Columns))
	for i := range all {
		all[i] = i
	}
	return newJSON(schema, all, limits)
}

// newJSON returns a decoder for some of the columns of schema.
func newJSON(schema *batch.Schema, at []int, limits Limits) *JSON {
	limits = limits.WithDefaults()
	own := make([]batch.Column, len(at))
	d := &JSON{limits: limits, at: at, scan: scanner{maxDepth: limits.MaxDepth}, values: make([]value, len(at)+1)}
	for i, column := range at {
		own[i] = schema.Columns[column]
		d.columns = append(d.columns, newColumn(own[i]))
	}
	d.names = newNameTable(batch.NewSchema(own))
	return d
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
	if p = d.fields(d.scan.space(p + 1)); p >= 0 {
		if p = d.scan.space(p); p == len(data) {
			return nil
		}
		d.scan.unexpected(p, "the end of the record")
	}
	return fmt.Errorf("invalid JSON at byte %d: %s", d.scan.at, d.scan.problem)
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

// fields scans the fields of the record, of which the first, or the closing
// brace, is at p, and returns the position behind that brace.
func (d *JSON) fields(p int) int {
	s := &d.scan
	data := s.data
	if p < len(data) && data[p] == '}' {
		return p + 1
	}
	current := 0
	for count := 1; ; count++ {
		if p >= len(data) || data[p] != '"' {
			return s.unexpected(p, "a field name")
		}
		if count > d.limits.MaxFields {
			return s.fail(p, "more than "+strconv.Itoa(d.limits.MaxFields)+" fields")
		}
		var slot int
		var exact bool
		if next := d.names.follow(current, data, p+1); next != 0 {
			n := &d.names.names[next]
			current, slot, exact = next, n.slot, n.exact
			p += len(n.text) + 2
		} else if current, slot, exact, p = d.findName(current, p+1); p < 0 {
			return p
		}
		if p = s.colon(p); p < 0 {
			return p
		}
		if !exact && d.values[slot].exact {
			slot = 0
		}
		v := &d.values[slot]
		v.exact = exact
		if p = s.value(p, 1, v); p < 0 {
			return p
		}
		if p = s.space(p); p >= len(data) || data[p] != ',' {
			break
		}
		p = s.space(p + 1)
	}
	if p < len(data) && data[p] == '}' {
		return p + 1
	}
	return s.unexpected(p, "',' or '}' after a value")
}

// findName looks up the name that begins at p, as the nameTable does, and
// returns the position behind its closing quote.
func (d *JSON) findName(prev, p int) (i, slot int, exact bool, end int) {
	end, escaped := d.scan.stringEnd(p)
	if end < 0 {
		return 0, 0, false, end
	}
	text := d.scan.data[p : end-1]
	if escaped {
		d.scratch = unescape(d.scratch[:0], text)
		text = d.scratch
	}
	i, slot, exact = d.names.find(prev, text)
	return i, slot, exact, end
}

// appendRow converts what locate found and appends it.
func (d *JSON) appendRow(b *batch.Builder) error {
	for i := range d.columns {
		c, v := &d.columns[i], &d.values[i+1]
		if v.kind <= null {
			if d.required {
				b.Truncate(b.Rows())
				return fmt.Errorf("there is no value for column %q", c.name)
			}
			b.Column(d.at[i]).AppendNull()
			continue
		}
		if f := c.append(d, c, v, b.Column(d.at[i])); f != fine {
			b.Truncate(b.Rows())
			shown := excerpt(d.scan.data[v.start:v.end])
			if v.kind >= bareText {
				shown = `"` + shown + `"`
			}
			return fmt.Errorf("column %q: %s, at byte %d", c.name, complaint(f, shown, c.typ.String()), v.start)
		}
	}
	return nil
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
