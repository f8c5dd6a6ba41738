package protobuf

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

// nestedType returns a type without JSON that a field can have, false if there is
// none.
func nestedType(r *rapid.T, f protoreflect.FieldDescriptor) (string, bool) {
	switch {
	case f.IsMap():
		key := "VARCHAR"
		if f.MapKey().Kind() != protoreflect.StringKind {
			for key = "REAL"; key == "REAL" || key == "DOUBLE"; {
				key, _ = itemType(r, f.MapKey())
			}
		}
		value, ok := itemType(r, f.MapValue())
		return "MAP(" + key + ", " + value + ")", ok
	case f.IsList():
		item, ok := itemType(r, f)
		return item + "[]", ok
	}
	return itemType(r, f)
}

func itemType(r *rapid.T, f protoreflect.FieldDescriptor) (string, bool) {
	if m := f.Message(); f.Kind() == protoreflect.MessageKind && !strings.Contains(string(m.FullName()), ".") {
		var fields []string
		for i := range m.Fields().Len() {
			if inner := m.Fields().Get(i); rapid.IntRange(0, 4).Draw(r, "skipped") > 0 {
				if typ, ok := nestedType(r, inner); ok {
					fields = append(fields, string(inner.Name())+" "+typ)
				}
			}
		}
		if len(fields) == 0 {
			return "", false
		}
		if rapid.IntRange(0, 2).Draw(r, "more") == 0 {
			fields = append(fields, "missing STRUCT(a BIGINT)")
		}
		return "STRUCT(" + strings.Join(rapid.Permutation(fields).Draw(r, "order"), ", ") + ")", true
	}
	var types []string
	for _, typ := range columnTypes(scalar{f}) {
		if typ != "JSON" {
			types = append(types, typ)
		}
	}
	if len(types) == 0 {
		return "", false
	}
	return rapid.SampledFrom(types).Draw(r, "column"), true
}

// scalar is a field as if it came once.
type scalar struct{ protoreflect.FieldDescriptor }

func (scalar) IsList() bool      { return false }
func (scalar) IsMap() bool       { return false }
func (scalar) HasPresence() bool { return false }

// holder is a message with one value.
type holder struct {
	protoreflect.Message
	v protoreflect.Value
}

func (h holder) Get(protoreflect.FieldDescriptor) protoreflect.Value { return h.v }

// shownItem is what a column of the type shows of one value of a field.
func shownItem(f protoreflect.FieldDescriptor, v protoreflect.Value, typ batch.Type) string {
	if typ.Kind != batch.Struct {
		return strconv.Quote(expected(holder{v: v}, scalar{f}, typ))
	}
	m := v.Message()
	var names, values []string
	for _, c := range typ.Children() {
		names = append(names, c.Name)
		if c.Name == "missing" {
			values = append(values, "NULL")
			continue
		}
		values = append(values, shownField(m, m.Descriptor().Fields().ByName(protoreflect.Name(c.Name)), c.Type))
	}
	return batchtest.Fields(names, values)
}

// shownField is what a column of the type shows of a field.
func shownField(m protoreflect.Message, f protoreflect.FieldDescriptor, typ batch.Type) string {
	switch {
	case f.IsMap():
		entry, entries := typ.Element().Children(), make(map[string]string)
		m.Get(f).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			entries[shownItem(f.MapKey(), k.Value(), entry[0].Type)] = shownItem(f.MapValue(), v, entry[1].Type)
			return true
		})
		return batchtest.Entries(entries)
	case f.IsList():
		var elements []string
		for i := range m.Get(f).List().Len() {
			elements = append(elements, shownItem(f, m.Get(f).List().Get(i), typ.Element()))
		}
		return batchtest.Elements(elements)
	case f.HasPresence() && !m.Has(f):
		return "NULL"
	}
	return shownItem(f, m.Get(f), typ)
}

// TestNestedAgainstTheLibrary writes random records of random schemas, and compares
// the nested columns that they become with what the library reads.
func TestNestedAgainstTheLibrary(t *testing.T) {
	t.Parallel()
	nested := 0
	rapid.Check(t, func(r *rapid.T) {
		text := randomSchema(r)
		root := descriptorOf(t, text, "Root")
		var columns []batch.Column
		for i := range root.Fields().Len() {
			f := root.Fields().Get(i)
			text, ok := nestedType(r, f)
			if !ok {
				continue
			}
			typ, err := batch.ParseType(text)
			if err != nil {
				r.Fatal(err)
			}
			if typ.Nested != nil {
				nested++
			}
			columns = append(columns, batch.Column{Name: string(f.Name()), Type: typ})
		}
		if len(columns) == 0 {
			return
		}
		table := batch.NewSchema(columns)
		d := compile(t, text, "Root", table, decode.Limits{})
		mem := batch.NewAllocator()
		b := batch.NewBuilder(mem, table)
		var want []protoreflect.Message
		for range 5 {
			data := record(r, root)
			m := dynamicpb.NewMessage(root)
			if err := proto.Unmarshal(data, m); err != nil {
				r.Fatal(err)
			}
			before := b.Bytes()
			if err := d.Decode(data, b); err == nil {
				want = append(want, m)
			} else if !strings.Contains(err.Error(), "not a duration") || b.Bytes() != before { // two durations merged may be none
				r.Fatalf("%s\n%x: %v", text, data, err)
			}
		}
		rec := b.Finish()
		for row, m := range want {
			for c, column := range table.Columns {
				f := root.Fields().ByName(protoreflect.Name(column.Name))
				if got, want := batchtest.ShowNested(rec.Column(c), row), shownField(m, f, column.Type); got != want {
					r.Errorf("%s in %s:\ngot  %s\nwant %s", f.FullName(), column.Type, got, want)
				}
			}
		}
		rec.Release()
		b.Release()
		if n := mem.Bytes(); n != 0 {
			r.Error(fmt.Sprint(n, " bytes leaked"))
		}
	})
	if nested == 0 {
		t.Error("no column was nested")
	}
}
