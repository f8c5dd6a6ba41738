package avro

import (
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// inner is what reads the parts of a nested value.
type inner struct {
	parts   []step // of a record, its fields, whose columns are those of the STRUCT; of an array or a map, its items
	missing []int  // the columns of the STRUCT that no field gives
	cost    int    // scalar values of an item
}

// fitNested fits a step that reads records into STRUCTs, arrays into lists, or maps
// into MAPs.
func fitNested(s step) (step, error) {
	n, children := s.node, s.typ.Children()
	s.inner = &inner{cost: 1}
	switch {
	case s.typ.Kind == batch.Struct && n.kind == recordKind:
		s.run = takeStruct
		return s, s.fitFields()
	case s.typ.Kind == batch.List && n.kind == arrayKind:
		s.run = takeList
	case s.typ.Kind == batch.Map && n.kind == mapKind:
		s.run, children = takeMap, s.typ.Element().Children()[1:]
		if key := s.typ.Element().Children()[0].Type; key.Kind != batch.Varchar {
			return s, fmt.Errorf("its keys are texts, and not of type %s", key)
		}
	default:
		return s, decode.ErrFamily
	}
	item, err := fit(n.item, children[0].Type)
	if err != nil {
		return s, unfit("its items", n.item, children[0].Type, err)
	}
	s.inner.parts = []step{item}
	if nested := children[0].Type.Nested; nested != nil {
		s.inner.cost = nested.Leaves
	}
	return s, nil
}

func unfit(what string, n *node, typ batch.Type, why error) error {
	reason := ""
	if why.Error() != "" {
		reason = ": " + why.Error()
	}
	return fmt.Errorf("%s, of type %s, can't be %s%s", what, n, typ, reason)
}

// fitFields fits the fields of a record to those of a STRUCT, by their names.
func (s *step) fitFields() error {
	names := make([]decode.Field, len(s.node.fields))
	for i, f := range s.node.fields {
		names[i] = decode.Field{Name: f.name, Aliases: f.aliases}
	}
	table := batch.NewSchema(s.typ.Children())
	columnOf := decode.ColumnsOf(names, table)
	for i := range s.node.fields {
		f, c := &s.node.fields[i], columnOf[i]
		if c < 0 {
			s.inner.parts = append(s.inner.parts, step{run: skipValue, node: f.typ, column: -1, field: f.name})
			continue
		}
		part, err := fit(f.typ, table.Columns[c].Type)
		if err != nil {
			return unfit(fmt.Sprintf("its field %q", f.name), f.typ, table.Columns[c].Type, err)
		}
		part.column, part.field = c, f.name
		s.inner.parts = append(s.inner.parts, part)
	}
	if s.inner.missing = decode.Missing(columnOf, table); len(s.inner.missing) == len(table.Columns) {
		return errors.New("none of its fields has the name of one of the column's")
	}
	return nil
}

// deeper counts the values that the one which comes next is in.
func (d *Decoder) deeper() bool {
	d.level++
	return d.level < d.maxDepth || d.fail(tooDeep)
}

// depth returns how deeply the value that comes next may be nested.
func (d *Decoder) depth() int { return d.maxDepth - 1 - d.level }

func takeStruct(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	if !d.deeper() {
		return false
	}
	for i := range s.inner.parts {
		part := &s.inner.parts[i]
		var child *batch.ColumnBuilder
		if part.column >= 0 {
			child = c.Child(part.column)
		}
		if !part.run(d, part, child) {
			return d.failf("field %q: %s", part.field, d.why)
		}
	}
	for _, i := range s.inner.missing {
		c.Child(i).AppendNull()
	}
	c.AppendStruct()
	d.level--
	return true
}

// items takes all items of an array or map, whose blocks come next. They must not be too
// many.
func (d *Decoder) items(s *step, take func() bool) bool {
	if !d.deeper() {
		return false
	}
	for {
		count, ok := d.block(s.node)
		if !ok {
			return false
		}
		if count == 0 {
			d.level--
			return true
		}
		if d.spent += int(count) * s.inner.cost; d.spent > decode.NestedValuesMax {
			return d.failf("the arrays and maps of the record have more than %d values", decode.NestedValuesMax)
		}
		for range count {
			if !take() {
				return false
			}
		}
	}
}

func takeList(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	item, elements := &s.inner.parts[0], c.Child(0)
	ok := d.items(s, func() bool {
		return item.run(d, item, elements) || d.failf("item %d: %s", c.Elements()+1, d.why)
	})
	if ok {
		c.AppendList()
	}
	return ok
}

func takeMap(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	value, entries := &s.inner.parts[0], c.Child(0)
	ok := d.items(s, func() bool {
		key, ok := d.bytes(s.node)
		if !ok || !d.isText(key) {
			return false
		}
		entries.Child(0).AppendBytes(key)
		if !value.run(d, value, entries.Child(1)) {
			return d.failf("the value of %.60q: %s", key, d.why)
		}
		entries.AppendStruct()
		return true
	})
	if ok {
		c.AppendMap()
	}
	return ok
}
