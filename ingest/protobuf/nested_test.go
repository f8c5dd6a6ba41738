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

// TestNestedDepth: values may be nested as deeply in a STRUCT as in JSON.
func TestNestedDepth(t *testing.T) {
	t.Parallel()
	record := wireOf("3:", wireOf("3:", wireOf("3:", wireOf("5:", "\x01\x02"))))
	refused := 0
	for depth := 1; depth < 10; depth++ {
		var errs [2]error
		for i, column := range []string{"x JSON", "x STRUCT(x STRUCT(x STRUCT(l BIGINT[])))"} {
			table := columnsOf(t, column)
			errs[i] = compile(t, fuzzProto, "R", table, decode.Limits{MaxDepth: depth}).Decode(record, batchtest.NewBuilder(t, table))
		}
		if (errs[0] == nil) != (errs[1] == nil) {
			t.Errorf("to a depth of %d: JSON %v, STRUCT %v", depth, errs[0], errs[1])
		}
		if errs[0] != nil {
			refused++
		}
	}
	if refused == 0 || refused == 9 {
		t.Errorf("%d of 9 depths are refused", refused)
	}
}

// TestNestedCost: a record of few bytes does not become many values.
func TestNestedCost(t *testing.T) {
	t.Parallel()
	var fields []string
	for i := range 900 {
		fields = append(fields, fmt.Sprintf("f%d BIGINT", i))
	}
	table := columnsOf(t, "m MAP(VARCHAR, STRUCT(i BIGINT, "+strings.Join(fields, ", ")+"))")
	d, b := compile(t, fuzzProto, "R", table, decode.Limits{}), batchtest.NewBuilder(t, table)
	for range 2 {
		if err := d.Decode([]byte(strings.Repeat("\x22\x00", 2000)), b); err == nil || !strings.Contains(err.Error(), "more than 1048576 values") {
			t.Errorf("%v", err)
		}
		if err := d.Decode([]byte("\x22\x00"), b); err != nil {
			t.Error(err)
		}
	}
}

// TestNestedRefusals: what can never fit is refused with the field inside that does not.
func TestNestedRefusals(t *testing.T) {
	t.Parallel()
	s, err := ParseSchema(fuzzProto, noImports)
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]string{
		"es STRUCT(i INT)[]":           `can't hold field "es" of type repeated enum E (its values, of type enum E, can't be STRUCT("i" INTEGER))`,
		"x STRUCT(x STRUCT(s INT))":    `can't hold field "x" of type message R (its field "x", of type message R, can't be STRUCT("s" INTEGER): its field "s", of type string, can't be INTEGER)`,
		"x STRUCT(nothing INT)":        `(none of its fields has the name of one of the column's)`,
		"m MAP(INT, STRUCT(i INT))":    `(its keys, of type string, can't be INTEGER)`,
		"m MAP(VARCHAR, BIGINT)":       `(its values, of type message R, can't be BIGINT: declare the column as JSON`,
		"l SMALLINT[]":                 `(its values, of type sint64, can't be SMALLINT: some of its values would not fit)`,
		"l BIGINT":                     `(declare the column as JSON, or as STRUCT, list or MAP, or leave it out)`,
		"i BIGINT[]":                   `column "i" of type BIGINT[] can't hold field "i" of type int32`,
		"st STRUCT(fields JSON)":       `can't hold field "st" of type google.protobuf.Struct`,
		"flags STRUCT(key INT, v INT)": `can't hold field "flags" of type map<int32, bool>`,
	} {
		if _, err := Compile(s, 0, columnsOf(t, column), decode.Limits{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", column, err, want)
		}
	}
}
