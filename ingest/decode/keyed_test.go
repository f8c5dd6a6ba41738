package decode

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

func keyedSchema(types ...string) *batch.Schema {
	var columns []batch.Column
	for i, t := range types {
		typ, err := batch.ParseType(t)
		if err != nil {
			panic(err)
		}
		columns = append(columns, batch.Column{Name: string(rune('a' + i)), Type: typ})
	}
	return batch.NewSchema(columns)
}

// jsonKeyed decodes JSON values under JSON keys.
func jsonKeyed(schema *batch.Schema, primary []int, limits Limits) *Keyed {
	return NewKeyed(schema, primary, NewKey(schema, primary, KeyJSON, JSONOptions{}, limits),
		NewJSONColumns(schema, Others(schema, primary), JSONOptions{}, limits))
}

// row shows a builder's last row.
func row(b *batch.Builder) string {
	rec := b.Finish()
	defer rec.Release()
	var values []string
	for _, col := range rec.Columns() {
		values = append(values, batchtest.Show(col, int(rec.NumRows())-1))
	}
	return strings.Join(values, " ")
}

func TestKeyedRecords(t *testing.T) {
	for _, test := range []struct {
		types      string
		primary    []int
		key, value string // value "-": none
		want       string // "error: …" for a refusal, "deleted" before a tombstone's row
	}{
		{"BIGINT VARCHAR", []int{0}, "17", `{"b":"x"}`, "17 x"},
		{"BIGINT VARCHAR", []int{0}, " 17 ", `{"b":"x","a":99}`, "17 x"},
		{"BIGINT VARCHAR", []int{0}, `"17"`, `{}`, "17 NULL"},
		{"BIGINT VARCHAR", []int{0}, `{"a":17}`, `{"b":"x"}`, "17 x"},
		{"BIGINT VARCHAR", []int{0}, `{"A":17,"z":[1]}`, "-", "deleted 17 NULL"},
		{"BIGINT VARCHAR", []int{0}, "17", "-", "deleted 17 NULL"},
		{"VARCHAR BIGINT", []int{0}, `it's "so"`, `{"b":1}`, `it's "so" 1`},
		{"VARCHAR BIGINT", []int{0}, `"tab\t"`, `{"b":1}`, "tab\t 1"},
		{"VARCHAR BIGINT", []int{0}, `"half`, `{"b":1}`, `"half 1`},
		{"VARCHAR BIGINT", []int{0}, "007", `{"b":1}`, "007 1"},
		{"VARCHAR BIGINT", []int{0}, " padded ", `{"b":1}`, " padded  1"},
		{"VARCHAR BIGINT", []int{0}, "", `{"b":1}`, " 1"},
		{"BIGINT UUID", []int{1}, "a83ae804-eb09-f9dd-4b90-f75f020bd5ff", `{"a":1}`, "1 a83ae804-eb09-f9dd-4b90-f75f020bd5ff"},
		{"BOOLEAN BIGINT", []int{0}, "true", `{"b":1}`, "true 1"},
		{"BIGINT VARCHAR VARCHAR", []int{2, 0}, `{"a":1,"c":"z"}`, `{"b":"x","c":"other"}`, "1 x z"},
		{"BIGINT VARCHAR VARCHAR", []int{2, 0}, `{"a":1,"c":"z"}`, "-", "deleted 1 NULL z"},

		{"BIGINT VARCHAR", []int{0}, "x", `{"b":"x"}`, `error: key: column "a": "x" is not a BIGINT`},
		{"BIGINT VARCHAR", []int{0}, `{"b":17}`, `{"b":"x"}`, `error: key: there is no value for column "a"`},
		{"BIGINT VARCHAR", []int{0}, `{"a":null}`, "-", `error: key: there is no value for column "a"`},
		{"BIGINT VARCHAR", []int{0}, `{"a":17`, `{}`, "error: key: invalid JSON"},
		{"BIGINT VARCHAR", []int{0}, "\xff", `{}`, "error: key: invalid UTF-8 at byte 0"},
		{"BIGINT VARCHAR", []int{0}, "null", `{}`, `error: key: column "a": "null" is not a BIGINT`},
		{"BIGINT VARCHAR", []int{0}, "17", `{"b":"x"`, "error: invalid JSON"},
		{"BIGINT BIGINT", []int{0}, "17", `{"b":"x"}`, `error: column "b": "x" is not a BIGINT`},
		{"BIGINT VARCHAR", []int{0}, "17", "", "error: empty record"},
		{"BIGINT VARCHAR", []int{0}, "17", "null", "error: record is not a JSON object"},
		{"BIGINT VARCHAR VARCHAR", []int{0, 2}, "17", `{}`, "error: key: not a JSON object with the fields of the primary key: 17"},
	} {
		schema := keyedSchema(strings.Fields(test.types)...)
		d := jsonKeyed(schema, test.primary, Limits{})
		b := batchtest.NewBuilder(t, schema)
		value := []byte(test.value)
		if test.value == "-" {
			value = nil
		}
		deleted, err := d.Decode([]byte(test.key), value, b)
		got := ""
		switch {
		case err != nil:
			got = "error: " + err.Error()
			for i := range schema.Columns {
				if n := b.Column(i).Len(); n != 0 {
					t.Errorf("key %q, value %q: column %d has %d values after an error", test.key, test.value, i, n)
				}
			}
		case deleted:
			got = "deleted " + row(b)
		default:
			got = row(b)
		}
		if strings.HasPrefix(test.want, "error") && strings.HasPrefix(got, test.want) {
			continue
		}
		if got != test.want {
			t.Errorf("key %q, value %q of %s: %s, want %s", test.key, test.value, test.types, got, test.want)
		}
	}
}

func TestARecordWithoutAKeyIsRefused(t *testing.T) {
	schema := keyedSchema("BIGINT")
	if _, err := jsonKeyed(schema, []int{0}, Limits{}).Decode(nil, []byte("{}"), batchtest.NewBuilder(t, schema)); err == nil || err.Error() != "the record has no key" {
		t.Errorf("%v", err)
	}
}

func TestABlobIsTheKeysBytes(t *testing.T) {
	schema := keyedSchema("BLOB", "BIGINT")
	b := batchtest.NewBuilder(t, schema)
	if _, err := jsonKeyed(schema, []int{0}, Limits{}).Decode([]byte("\x00\xff"), []byte(`{"b":1}`), b); err != nil {
		t.Fatal(err)
	}
	rec := b.Finish()
	defer rec.Release()
	if v := batch.VectorOf(rec.Column(0), schema.Columns[0].Type); string(v.Bytes(0)) != "\x00\xff" {
		t.Errorf("%q", v.Bytes(0))
	}
}

// FuzzKeyed decodes keys and values behind a row that is there already. All
// columns keep one length, which grows by one if and only if the record is
// accepted; the key's columns then have values.
func FuzzKeyed(f *testing.F) {
	f.Add([]byte("17"), []byte(`{"b":"x","c":1.5}`), false)
	f.Add([]byte(`{"a":17,"d":"k"}`), []byte(`{"b":"x","c":"no"}`), true)
	f.Add([]byte(`"17"`), []byte(`{`), true)
	schema := keyedSchema("BIGINT", "VARCHAR", "DOUBLE", "VARCHAR")
	limits := Limits{MaxBytes: 4096, MaxDepth: 8, MaxFields: 50}
	decoders := [][]int{{0}, {3}, {3, 0}}
	f.Fuzz(func(t *testing.T, key, value []byte, tombstone bool) {
		defer batchtest.MustEnd()()
		if tombstone {
			value = nil
		} else if value == nil {
			value = []byte{}
		}
		for _, primary := range decoders {
			d := jsonKeyed(schema, primary, limits)
			b := batchtest.NewBuilder(t, schema)
			if _, err := d.Decode([]byte(`{"a":1,"d":"k"}`), []byte("{}"), b); err != nil {
				t.Fatal(err)
			}
			deleted, err := d.Decode(key, value, b)
			want := 1
			if err == nil {
				want = 2
			}
			if deleted != (tombstone && err == nil) {
				t.Errorf("key %q, value %q: deleted is %v (%v)", key, value, deleted, err)
			}
			for i := range schema.Columns {
				if n := b.Column(i).Len(); n != want {
					t.Fatalf("key %q, value %q: column %d has %d values, want %d (%v)", key, value, i, n, want, err)
				}
			}
			rec := b.Finish()
			for _, k := range primary {
				if rec.Column(k).NullN() > 0 {
					t.Errorf("key %q, value %q: column %d of the key is NULL", key, value, k)
				}
			}
			rec.Release()
		}
	})
}

// FuzzKeyValue decodes keys as one value each, behind a row that is there already. A
// column has one value more if and only if the key is accepted, and what is in one of
// type JSON is JSON.
func FuzzKeyValue(f *testing.F) {
	for _, key := range []string{`{"a":1,"b":["x"]}`, "[1,2]", "12", `"a\"b"`, "north", "null", `"half`, " {} ", "\xff", "a\x00"} {
		f.Add([]byte(key))
	}
	limits := Limits{MaxBytes: 4096, MaxDepth: 8, MaxFields: 50}
	var schemas []*batch.Schema
	for _, typ := range []string{"JSON", "VARCHAR", "BIGINT", "STRUCT(a INTEGER, b VARCHAR[])"} {
		schemas = append(schemas, batch.NewSchema(batchtest.Columns(f, "k "+typ)))
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		defer batchtest.MustEnd()()
		for _, schema := range schemas {
			d := NewKey(schema, []int{0}, KeyValue, JSONOptions{}, limits)
			b := batchtest.NewBuilder(t, schema)
			if err := d.Decode([]byte("null"), b); err != nil {
				t.Fatal(err)
			}
			err := d.Decode(key, b)
			if n := b.Column(0).Len(); (n == 2) != (err == nil) || n > 2 {
				t.Fatalf("key %q of %s: %d values (%v)", key, schema.Columns[0].Type, n, err)
			}
			rec := b.Finish()
			if v := batch.VectorOf(rec.Column(0), schema.Columns[0].Type); err == nil && v.Type.Kind == batch.JSON && !v.Null(1) && !json.Valid(v.Bytes(1)) {
				t.Errorf("key %q is %s", key, v.Bytes(1))
			}
			rec.Release()
		}
	})
}
