package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

// randomNested returns the text of a type with at most depth others inside.
func randomNested(r *rand.Rand, depth int) string {
	if depth > 0 {
		switch r.IntN(6) {
		case 0, 1:
			var fields []string
			for i := range 1 + r.IntN(4) {
				fields = append(fields, []string{"a", "b", `"c d"`, `"é\"`}[i]+" "+randomNested(r, depth-1))
			}
			return "STRUCT(" + strings.Join(fields, ", ") + ")"
		case 2:
			return randomNested(r, depth-1) + "[]"
		case 3:
			return "MAP(" + []string{"VARCHAR", "BIGINT", "BOOLEAN"}[r.IntN(3)] + ", " + randomNested(r, depth-1) + ")"
		}
	}
	return []string{"BIGINT", "VARCHAR", "BOOLEAN", "JSON", "DECIMAL(9,2)"}[r.IntN(5)]
}

// writeNested writes JSON that is mostly a value of the type.
func writeNested(r *rand.Rand, b *strings.Builder, typ batch.Type) {
	space := func() { b.WriteString([]string{"", "", "", " ", "\n\t"}[r.IntN(5)]) }
	object := func(n int, key func(i int) string, value func(i int)) {
		b.WriteByte('{')
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			space()
			b.WriteString(key(i))
			space()
			b.WriteByte(':')
			space()
			value(i)
			space()
		}
		b.WriteByte('}')
	}
	switch n := r.IntN(60); {
	case n < 4:
		b.WriteString("null")
		return
	case n == 4:
		b.WriteString([]string{"7", `"text"`, "[]", "{}", "true", `{"a": 1}`, "[1]"}[r.IntN(7)])
		return
	}
	switch typ.Kind {
	case batch.Struct:
		fields := typ.Children()
		var at []int // with repeated, missing and unknown ones
		for range r.IntN(2 * len(fields)) {
			at = append(at, r.IntN(len(fields)+1))
		}
		object(len(at), func(i int) string {
			if at[i] == len(fields) {
				return `"unknown"`
			}
			name, _ := json.Marshal(fields[at[i]].Name)
			return string(name)
		}, func(i int) {
			if at[i] == len(fields) {
				randomJSONValid(r, b)
				return
			}
			writeNested(r, b, fields[at[i]].Type)
		})
	case batch.Map:
		entry := typ.Element().Children()
		object(r.IntN(12), func(int) string {
			switch entry[0].Type.Kind {
			case batch.BigInt:
				return []string{`"1"`, `"-20"`, `"01"`, `"3"`, `"1e2"`}[r.IntN(5)]
			case batch.Boolean:
				return []string{`"true"`, `"f"`, `"0"`}[r.IntN(3)]
			}
			return []string{`""`, `"k"`, `"\u006b"`, `"käse"`, `"quoted\""`, `"` + strings.Repeat("x", 20) + `"`, `"a"`}[r.IntN(7)]
		}, func(int) { writeNested(r, b, entry[1].Type) })
	case batch.List:
		b.WriteByte('[')
		for i := range r.IntN(4) {
			if i > 0 {
				b.WriteByte(',')
			}
			space()
			writeNested(r, b, typ.Element())
			space()
		}
		b.WriteByte(']')
	case batch.BigInt:
		b.WriteString([]string{"0", "-5", "9223372036854775807", `"12"`}[r.IntN(4)])
	case batch.Boolean:
		b.WriteString([]string{"true", "false", "1", `"f"`}[r.IntN(4)])
	case batch.Decimal:
		b.WriteString([]string{"0", "-5.25", "1234567.89", `"12.5"`, "1e2"}[r.IntN(5)])
	case batch.JSON:
		randomJSONValid(r, b)
	default:
		b.WriteString([]string{`""`, `"text"`, `"\u00e9\n"`, `"a longer text than twelve bytes"`, "12"}[r.IntN(5)])
	}
}

func randomJSONValid(r *rand.Rand, b *strings.Builder) {
	b.WriteString([]string{"1", `"x"`, `{"a":[1,{}]}`, "[]", "true", `{"unknown":null}`}[r.IntN(6)])
}

// nestedOf is what a value that encoding/json has read becomes in a column, false
// if it does not fit. Scalars are rendered as a decoder of that one column has it.
func nestedOf(raw json.RawMessage, typ batch.Type) (string, bool) {
	text := bytes.TrimSpace(raw)
	if string(text) == "null" || len(text) == 0 {
		return "NULL", true
	}
	switch typ.Kind {
	case batch.Struct:
		var fields map[string]json.RawMessage
		if json.Unmarshal(text, &fields) != nil {
			return "", false
		}
		var names, values []string
		for _, f := range typ.Children() {
			value, ok := nestedOf(fields[f.Name], f.Type)
			if !ok {
				return "", false
			}
			names, values = append(names, f.Name), append(values, value)
		}
		return batchtest.Fields(names, values), true
	case batch.List:
		var items []json.RawMessage
		if json.Unmarshal(text, &items) != nil {
			return "", false
		}
		var values []string
		for _, item := range items {
			value, ok := nestedOf(item, typ.Element())
			if !ok {
				return "", false
			}
			values = append(values, value)
		}
		return batchtest.Elements(values), true
	case batch.Map:
		return entriesOf(text, typ)
	}
	return scalarOf(text, typ)
}

// entriesOf reads a map's entries one by one: those that a later one replaces must
// fit as well.
func entriesOf(text []byte, typ batch.Type) (string, bool) {
	if text[0] != '{' {
		return "", false
	}
	entry, entries := typ.Element().Children(), make(map[string]string)
	d := json.NewDecoder(bytes.NewReader(text))
	_, _ = d.Token()
	for d.More() {
		name, _ := d.Token()
		quoted, _ := json.Marshal(name)
		key, ok := scalarOf(quoted, entry[0].Type)
		var raw json.RawMessage
		if !ok || d.Decode(&raw) != nil {
			return "", false
		}
		if entries[key], ok = nestedOf(raw, entry[1].Type); !ok {
			return "", false
		}
	}
	return batchtest.Entries(entries), true
}

func scalarOf(text []byte, typ batch.Type) (string, bool) {
	schema := batch.NewSchema([]batch.Column{{Name: "x", Type: typ}})
	b := batch.NewBuilder(batch.NewAllocator(), schema)
	defer b.Release()
	if NewJSON(schema, Limits{}).Decode([]byte(`{"x":`+string(text)+`}`), b) != nil {
		return "", false
	}
	rec := b.Finish()
	defer rec.Release()
	return strconv.Quote(batchtest.ShowScaled(rec.Column(0), 0)), true
}

// TestNestedJSON compares nested columns with what encoding/json reads.
func TestNestedJSON(t *testing.T) {
	t.Parallel()
	accepted, rejected := 0, 0
	for seed := range uint64(800) {
		r := rand.New(rand.NewPCG(seed, 43))
		typ, err := batch.ParseType(randomNested(r, 5))
		if err != nil {
			t.Fatal(err)
		}
		schema := batch.NewSchema([]batch.Column{{Name: "id", Type: batch.Type{Kind: batch.BigInt}}, {Name: "v", Type: typ}})
		d, b := NewJSON(schema, Limits{}), batchtest.NewBuilder(t, schema)
		var want []string
		for range 12 {
			var text strings.Builder
			writeNested(r, &text, typ)
			record := fmt.Sprintf(`{"v": %s, "id": %d}`, text.String(), len(want))
			before := b.Bytes()
			err := d.Decode([]byte(record), b)
			shown, fits := nestedOf(json.RawMessage(text.String()), typ)
			switch {
			case fits != (err == nil):
				t.Fatalf("seed %d: %s for %s: %v; fits: %v", seed, record, typ, err, fits)
			case err != nil && b.Bytes() != before:
				t.Fatalf("seed %d: %s was rejected for %s, but %d bytes became %d", seed, record, typ, before, b.Bytes())
			case err != nil:
				rejected++
				continue
			}
			want = append(want, shown)
			accepted++
		}
		rec := b.Finish()
		for row, w := range want {
			if got := batchtest.ShowNested(rec.Column(1), row); got != w {
				t.Fatalf("seed %d: row %d of %s:\ngot  %s\nwant %s", seed, row, typ, got, w)
			}
		}
		rec.Release()
	}
	if accepted < 3000 || rejected < 200 {
		t.Errorf("%d records accepted, %d rejected, which tests one side only", accepted, rejected)
	}
}

// TestNestedComplaints: what is wrong inside of a value is named with its place.
func TestNestedComplaints(t *testing.T) {
	t.Parallel()
	typ := "STRUCT(total DECIMAL(5,2), lines STRUCT(sku VARCHAR, n INT)[], rates MAP(INT, DOUBLE))"
	for value, want := range map[string]string{
		`7`:                               `column "p": 7 is not a STRUCT("total" DECIMAL(5,2), "lines" STRUCT("sku" VARCHAR, "n" INTEGER)[], "rates" MAP(INTEGER, DOUBLE)), at byte 5`,
		`{"total": "x"}`:                  `column "p", in p.total: "x" is not a DECIMAL(5,2), at byte 15`,
		`{"lines": [{"n":1}, {"n":1.5}]}`: `column "p", in p.lines[1].n: 1.5 is not an INTEGER, at byte 30`,
		`{"lines": {}}`:                   `column "p", in p.lines: {} is not a STRUCT("sku" VARCHAR, "n" INTEGER)[], at byte 15`,
		`{"rates": {"1": [2]}}`:           `column "p", in p.rates["1"]: [2] is not a DOUBLE, at byte 21`,
		`{"rates": {"x": 2}}`:             `column "p", in p.rates: "x" is not an INTEGER, at byte 16`,
		`{"lines": [[]]}`:                 `column "p", in p.lines[0]: [] is not a STRUCT("sku" VARCHAR, "n" INTEGER), at byte 16`,
	} {
		schema := batch.NewSchema(batchtest.Columns(t, "p "+typ))
		err := NewJSON(schema, Limits{}).Decode([]byte(`{"p":`+value+`}`), batchtest.NewBuilder(t, schema))
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", value, err, want)
		}
	}
}

// TestNestedCost: a record of few bytes does not become many values.
func TestNestedCost(t *testing.T) {
	t.Parallel()
	var fields []string
	for i := range 900 {
		fields = append(fields, fmt.Sprintf("f%d BIGINT", i))
	}
	for _, typ := range []string{"STRUCT(" + strings.Join(fields, ", ") + ")[]", "STRUCT(" + strings.Join(fields, ", ") + ")[][]"} {
		schema := batch.NewSchema(batchtest.Columns(t, "p "+typ))
		d, b := NewJSON(schema, Limits{}), batchtest.NewBuilder(t, schema)
		list := "[" + strings.Repeat("{},", 600) + "{}]"
		if strings.HasSuffix(typ, "[][]") {
			list = "[" + strings.Repeat(list+",", 4) + list + "]"
		} else {
			list = "[" + strings.Repeat("{},", 3000) + "{}]"
		}
		for range 2 {
			if err := d.Decode([]byte(`{"p":`+list+`}`), b); err == nil || !strings.Contains(err.Error(), "more than 1048576 values") {
				t.Errorf("%v", err)
			}
			if err := d.Decode([]byte(`{"p":[]}`), b); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestNestedTimes: what numbers for times mean holds inside, too.
func TestNestedTimes(t *testing.T) {
	t.Parallel()
	schema := batch.NewSchema(batchtest.Columns(t, "s STRUCT(at TIMESTAMP, l TIMESTAMP[], m MAP(VARCHAR, TIMESTAMP))"))
	b := batchtest.NewBuilder(t, schema)
	d := NewJSONWith(schema, JSONOptions{Timestamps: EpochMillis}, Limits{})
	if err := d.Decode([]byte(`{"s": {"at": 1, "l": [2, null], "m": {"k": 3}}}`), b); err != nil {
		t.Fatal(err)
	}
	rec := b.Finish()
	defer rec.Release()
	if got, want := batchtest.ShowNested(rec.Column(0), 0), `{at: "1000", l: ["2000", NULL], m: MAP {"k" = "3000", }, }`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestNestedRows: rows of Debezium's, with and without an envelope around, and columns
// with paths, have nested columns as records have.
func TestNestedRows(t *testing.T) {
	t.Parallel()
	schema := batch.NewSchema(batchtest.Columns(t, "id BIGINT", "s STRUCT(a BIGINT, l STRUCT(b VARCHAR)[])", "a BIGINT", "again STRUCT(a VARCHAR)"))
	d := NewDebezium(schema, []int{0}, JSONOptions{Paths: []Path{nil, nil, {{Key: "s", Index: -1}, {Key: "a", Index: -1}}, {{Key: "s", Index: -1}}}}, Limits{})
	row := `{"op": "c", "before": null, "after": {"id": 1, "s": {"l": [{"b": "x"}, null], "a": 7}}}`
	for _, value := range []string{row, `{"schema": {"type": "struct"}, "payload": ` + row + `}`} {
		for _, key := range []string{`{"id": 1}`, ""} {
			b := batchtest.NewBuilder(t, schema)
			var k []byte
			if key != "" {
				k = []byte(key)
			}
			if _, err := d.Decode(k, []byte(value), b); err != nil {
				t.Fatalf("%s: %v", value, err)
			}
			rec := b.Finish()
			var got []string
			for i := range 4 {
				got = append(got, batchtest.ShowNested(rec.Column(i), 0))
			}
			if want := `"1" {a: "7", l: [{b: "x", }, NULL], } "7" {a: "7", }`; strings.Join(got, " ") != want {
				t.Errorf("%s: got %s, want %s", value, strings.Join(got, " "), want)
			}
			rec.Release()
		}
	}
}
