package avro

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	avrolib "github.com/twmb/avro"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

// nestedType returns a type without JSON that values can have, false if there is
// none.
func (t written) nestedType(r *rand.Rand) (string, bool) {
	switch t.form {
	case "null":
		return "", false
	case "union":
		var some *written
		for i := range t.branches {
			if b := &t.branches[i]; b.form != "null" {
				if some != nil {
					return "", false
				}
				some = b
			}
		}
		if some == nil {
			return "", false
		}
		return some.nestedType(r)
	case "array":
		item, ok := t.item.nestedType(r)
		return item + "[]", ok
	case "map":
		item, ok := t.item.nestedType(r)
		return "MAP(VARCHAR, " + item + ")", ok
	case "record":
		var fields []string
		for i, f := range t.fields {
			if typ, ok := f.nestedType(r); ok && r.IntN(5) > 0 {
				fields = append(fields, fmt.Sprintf("f%d %s", i, typ))
			}
		}
		if len(fields) == 0 {
			return "", false
		}
		if r.IntN(3) == 0 {
			fields = append(fields, "missing BIGINT[]")
		}
		r.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		return "STRUCT(" + strings.Join(fields, ", ") + ")", true
	}
	types := t.columnTypes()
	for i, typ := range types {
		if typ == "JSON" {
			types = append(types[:i:i], types[i+1:]...)
		}
	}
	return types[r.IntN(len(types))], true
}

// shortNames are the names that expected knows types by.
var shortNames = map[string]string{"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "FLOAT": "REAL"}

// nested is what a column of the type should show of a value that the library has
// read.
func (t written) nested(v any, typ batch.Type) string {
	if v == nil {
		return "NULL"
	}
	switch t.form {
	case "union":
		for _, b := range t.branches {
			if inner, ok := v.(map[string]any)[b.branchName()]; ok {
				return b.nested(inner, typ)
			}
		}
		panic(fmt.Sprintf("%v is of no branch", v))
	case "array":
		var elements []string
		for _, item := range v.([]any) {
			elements = append(elements, t.item.nested(item, typ.Element()))
		}
		return batchtest.Elements(elements)
	case "map":
		entries := make(map[string]string)
		for key, item := range v.(map[string]any) {
			entries[strconv.Quote(key)] = t.item.nested(item, typ.Element().Children()[1].Type)
		}
		return batchtest.Entries(entries)
	case "record":
		var names, values []string
		for _, f := range typ.Children() {
			names = append(names, f.Name)
			if f.Name == "missing" {
				values = append(values, "NULL")
				continue
			}
			at, _ := strconv.Atoi(f.Name[1:])
			values = append(values, t.fields[at].nested(v.(map[string]any)[f.Name], f.Type))
		}
		return batchtest.Fields(names, values)
	}
	name := typ.String()
	if short, ok := shortNames[name]; ok {
		name = short
	}
	return strconv.Quote(t.expected(v, name))
}

// TestNestedAgainstTheLibrary writes random records of random nested schemas, and
// compares the nested columns that they become with what the library reads.
func TestNestedAgainstTheLibrary(t *testing.T) {
	t.Parallel()
	values, nested := 0, 0
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 41))
		names := 0
		record := written{form: "record", name: "Root"}
		var columns []batch.Column
		for i := range 1 + r.IntN(4) {
			f := randomType(r, 5, &names)
			record.fields = append(record.fields, f)
			if text, ok := f.nestedType(r); ok {
				typ, err := batch.ParseType(text)
				if err != nil {
					t.Fatal(err)
				}
				columns = append(columns, batch.Column{Name: fmt.Sprintf("f%d", i), Type: typ})
				if typ.Nested != nil {
					nested++
				}
			}
		}
		if len(columns) > 0 {
			values += compareNested(t, r, record, columns)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if nested < 300 {
		t.Errorf("%d values in only %d nested columns", values, nested)
	}
}

func compareNested(t *testing.T, r *rand.Rand, record written, columns []batch.Column) (values int) {
	text, _ := json.Marshal(record.schema())
	schema, err := ParseSchema(string(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	library := avrolib.MustParse(string(text))
	table := batch.NewSchema(columns)
	d, err := Compile(schema, table, decode.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	b := batchtest.NewBuilder(t, table)
	var want []map[string]any
	for range 20 {
		data, err := library.Encode(record.value(r))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if len(data) > 0 && r.IntN(3) == 0 { // what is cut off leaves no trace
			before := b.Bytes()
			if d.Decode(data[:r.IntN(len(data))], b) == nil || b.Bytes() != before {
				t.Errorf("%s: a record that ends early was taken", text)
			}
		}
		var read any
		if _, err := library.Decode(data, &read, avrolib.TaggedUnions()); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want = append(want, read.(map[string]any))
		if err := d.Decode(data, b); err != nil {
			t.Fatalf("%s: %v\n%x\n%v", text, err, data, read)
		}
	}
	rec := b.Finish()
	defer rec.Release()
	for c, column := range columns {
		at, _ := strconv.Atoi(column.Name[1:])
		for row, w := range want {
			values++
			if got, expected := batchtest.ShowNested(rec.Column(c), row), record.fields[at].nested(w[column.Name], column.Type); got != expected {
				t.Errorf("%s in %s:\ngot  %s\nwant %s", text, column.Type, got, expected)
			}
		}
	}
	return values
}

// TestNestedCost: a record of few bytes does not become many values, nor deep ones.
func TestNestedCost(t *testing.T) {
	t.Parallel()
	var fields []string
	for i := range 900 {
		fields = append(fields, fmt.Sprintf("f%d BIGINT", i))
	}
	table := columnsOf(t, "l STRUCT(a BIGINT, "+strings.Join(fields, ", ")+")[]")
	schema := `{"type":"record","name":"R","fields":[{"name":"l","type":{"type":"array","items":{"type":"record","name":"I","fields":[{"name":"a","type":"null"}]}}}]}`
	d, b := compile(t, schema, table, decode.Limits{}), batchtest.NewBuilder(t, table)
	for range 2 {
		if err := d.Decode([]byte{0xa0, 0x1f, 0}, b); err == nil || !strings.Contains(err.Error(), "more than 1048576 values") { // 2,000 items
			t.Errorf("%v", err)
		}
		if err := d.Decode([]byte{20, 0}, b); err != nil {
			t.Error(err)
		}
	}
}

// TestNestedDepth: values may be nested as deeply in a STRUCT as in JSON.
func TestNestedDepth(t *testing.T) {
	t.Parallel()
	schema := `{"type":"record","name":"R","fields":[{"name":"x","type":["null","R"]},{"name":"n","type":["null",{"type":"array","items":{"type":"array","items":"int"}}]}]}`
	value := map[string]any{"x": nil, "n": []any{[]any{1}}}
	for range 3 {
		value = map[string]any{"x": value, "n": nil}
	}
	record, err := avrolib.MustParse(schema).Encode(value)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for depth := 1; depth < 10; depth++ {
		var errs [2]error
		for i, column := range []string{"x JSON", "x STRUCT(x STRUCT(x STRUCT(n INT[][])))"} {
			table := columnsOf(t, column)
			errs[i] = compile(t, schema, table, decode.Limits{MaxDepth: depth}).Decode(record, batchtest.NewBuilder(t, table))
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
