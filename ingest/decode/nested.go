package decode

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
)

// NestedValuesMax is how many scalar values the lists and maps of one record may
// have, NULLs that stand for missing fields included: few bytes could ask for a lot
// of memory otherwise.
const NestedValuesMax = 1 << 20

// CheckTexts returns an error that names a column of a schema whose values can't be
// read from a text, such as a field of a CSV: one of a nested type. schema may be nil.
func CheckTexts(schema *batch.Schema) error {
	if schema == nil {
		return nil
	}
	for _, c := range schema.Columns {
		if c.Type.Nested != nil {
			return fmt.Errorf("column %q of type %s can't be read from a text: declare it as JSON, and a generated column that casts it", c.Name, c.Type)
		}
	}
	return nil
}

// parts are what the elements of a list, or the entries of a MAP, become. They are
// found only once their list is appended, by a decoder of their own.
type parts struct {
	*JSON         // its first value is the element's
	key   *column // of a MAP
	value column  // the element, or the value of an entry
	cost  int     // scalar values of an element
}

// nest gives a column of a nested type what its parts need.
func (d *JSON) nest(c *column, o *JSONOptions) {
	sub := func(to *JSON, child batch.Column) column {
		s := newColumn(child)
		s.mean(o.meaning(s.typ))
		to.nest(&s, o)
		return s
	}
	switch c.typ.Kind {
	case batch.Struct:
		for _, f := range c.typ.Children() {
			c.fields = append(c.fields, sub(d, f))
		}
	case batch.List, batch.Map:
		p := &parts{JSON: &JSON{limits: d.limits, scan: scanner{maxDepth: d.limits.MaxDepth}, spent: d.spent}, cost: 1}
		element := c.typ.Element()
		if element.Nested != nil {
			p.cost = element.Nested.Leaves
		}
		if c.typ.Kind == batch.Map {
			key := sub(p.JSON, element.Children()[0])
			p.key, p.value = &key, sub(p.JSON, element.Children()[1])
		} else {
			p.value = sub(p.JSON, batch.Column{Type: element})
		}
		p.value.slot = 1
		w := &wish{slot: 1}
		slots := p.value.plantIn(w, 2)
		p.root = w.node(&slots)
		p.values = make([]value, slots)
		c.parts = p
	}
}

// plant wishes for the fields of a STRUCT wherever its value is wished for, and
// returns the number of slots, of which there were so many.
func (c *column) plant(t *wish, slots int) int {
	if c.fields == nil {
		return slots
	}
	if t.slot == c.slot {
		return c.plantIn(t, slots)
	}
	for _, p := range t.parts {
		slots = c.plant(p, slots)
	}
	return slots
}

// plantIn is plant for the wish for the value itself.
func (c *column) plantIn(w *wish, slots int) int {
	for i := range c.fields {
		f := &c.fields[i]
		if f.slot == 0 {
			f.slot = slots
			slots++
		}
		f.slot = w.want(field(f.name), f.slot)
		slots = f.plantIn(w.at(field(f.name)), slots)
	}
	return slots
}

// wrong notes what is wrong with a value inside of another one, which is at a place.
func (d *JSON) wrong(place string, f fault, of *JSON, c *column, v *value) fault {
	text := of.complaint(f, c, v)
	if f != innerFault {
		text = ": " + text
	}
	d.problem = place + text
	return innerFault
}

// appendStruct appends an object whose fields have been found with it.
func appendStruct(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	if v.kind != objectValue {
		return malformed
	}
	for i := range c.fields {
		f, child := &c.fields[i], b.Child(i)
		found := &d.values[f.slot]
		if found.kind <= null {
			child.AppendNull()
			continue
		}
		if wrong := f.append(d, f, found, child); wrong != fine {
			return d.wrong("."+f.name, wrong, d, f, found)
		}
	}
	b.AppendStruct()
	return fine
}

// element scans the element, or the value of an entry, that begins at p, and
// appends it.
func (p *parts) element(at int, b *batch.ColumnBuilder) (end int, f fault) {
	if len(p.values) > 2 {
		clear(p.values)
	}
	v := &p.values[1]
	if end = at; len(p.root.slots) > 0 {
		v.kind = absent
		end = p.inside(&p.root, at, 2, v) // which is in a record and in a list at least
	} else {
		end = p.scan.value(at, 2, v)
	}
	if v.kind == null {
		b.AppendNull()
		return end, fine
	}
	return end, p.value.append(p.JSON, &p.value, v, b)
}

// spend counts an element, and reports whether it is one too many.
func (p *parts) spend() bool {
	*p.spent += p.cost
	return *p.spent > NestedValuesMax
}

func (d *JSON) tooMany() fault {
	d.problem = fmt.Sprintf(": its lists and maps have more than %d values", NestedValuesMax)
	return innerFault
}

// appendList appends an array, which is known to be valid.
func appendList(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	if v.kind != arrayValue {
		return malformed
	}
	p := c.parts
	p.scan.data = d.scan.data
	defer func() { p.scan.data = nil }()
	for at := p.scan.space(v.start + 1); p.scan.data[at] != ']'; {
		if p.spend() {
			return d.tooMany()
		}
		end, f := p.element(at, b.Child(0))
		if f != fine {
			return d.wrong(fmt.Sprintf("[%d]", b.Elements()), f, p.JSON, &p.value, &p.values[1])
		}
		if at = p.scan.space(end); p.scan.data[at] == ',' {
			at = p.scan.space(at + 1)
		}
	}
	b.AppendList()
	return fine
}

// appendMap appends an object of any fields, which is known to be valid.
func appendMap(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	if v.kind != objectValue {
		return malformed
	}
	p := c.parts
	p.scan.data = d.scan.data
	defer func() { p.scan.data = nil }()
	entries := b.Child(0)
	for at := p.scan.space(v.start + 1); p.scan.data[at] != '}'; {
		if p.spend() {
			return d.tooMany()
		}
		end, escaped := p.scan.stringEnd(at + 1)
		key := value{kind: plainString, start: at, end: end}
		if escaped {
			key.kind = escapedString
		}
		if f := p.key.append(p.JSON, p.key, &key, entries.Child(0)); f != fine {
			return d.wrong("", f, p.JSON, p.key, &key)
		}
		end, f := p.element(p.scan.colon(end), entries.Child(1))
		if f != fine {
			return d.wrong("["+excerpt(p.scan.data[key.start:key.end])+"]", f, p.JSON, &p.value, &p.values[1])
		}
		entries.AppendStruct()
		if at = p.scan.space(end); p.scan.data[at] == ',' {
			at = p.scan.space(at + 1)
		}
	}
	b.AppendMap()
	return fine
}
