package decode

import "github.com/millstream-db/millstream/engine/batch"

// Kind is what a field's value is in JSON.
type Kind uint8

// The kinds of values.
const (
	NullValue Kind = iota
	BooleanValue
	NumberValue
	StringValue
	ObjectValue
	ArrayValue
)

var kindsOf = [...]Kind{
	null: NullValue, boolFalse: BooleanValue, boolTrue: BooleanValue, numeric: NumberValue,
	plainString: StringValue, escapedString: StringValue, objectValue: ObjectValue, arrayValue: ArrayValue,
}

// Fields finds the fields of JSON records without knowing of any columns. It is
// not safe for concurrent use.
type Fields struct {
	record JSON
	name   []byte
}

// NewFields returns a finder under the limits that JSON would have.
func NewFields(limits Limits) *Fields {
	return &Fields{record: *NewJSON(batch.NewSchema(nil), limits)}
}

// Of calls found with each field of the record in value, in order: its name, and
// its value as it stands in the record, which is valid until found returns. For a
// record that JSON could not decode into any columns it calls nothing and returns
// the error that Decode would.
func (f *Fields) Of(value []byte, found func(name string, kind Kind, raw []byte)) error {
	f.record.scan.data = value
	err := f.record.locate()
	if err == nil {
		f.walk(found)
	}
	f.record.scan.data = nil
	return err
}

// walk goes over a record that is known to be right.
func (f *Fields) walk(found func(name string, kind Kind, raw []byte)) {
	s := &f.record.scan
	p := 0
	for s.data[p] != '{' { // a byte order mark, white space
		p++
	}
	for p = s.space(p + 1); s.data[p] == '"'; p = s.space(p + 1) {
		start := p + 1
		end, escaped := s.stringEnd(start)
		name := s.data[start : end-1]
		if escaped {
			f.name = unescape(f.name[:0], name)
			name = f.name
		}
		var v value
		p = s.space(s.value(s.colon(end), 1, &v))
		found(string(name), kindsOf[v.kind], s.data[v.start:v.end])
		if s.data[p] != ',' {
			break
		}
	}
}
