package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

func TestParsePath(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{ // a want that begins with ! is an error
		{"a", "a"},
		{"payment.total.value", "payment.total.value"},
		{"$.payment.total", "payment.total"},
		{"$", "!it names no field"}, {"$x.y", `"$x".y`}, {"x.$", "x.$"},
		{"lines[0].price", "lines[0].price"},
		{"m[1][20]", "m[1][20]"},
		{`"a.b".c`, `"a.b".c`}, {`"say ""x""".y`, `"say ""x""".y`}, {`a.""`, `a.""`}, {`"[0]"[0]`, `"[0]"[0]`},
		{"größe .x-y", "größe .x-y"},
		{"", "!a key is missing"}, {".", "!a key is missing"}, {"a.", "!a key is missing"}, {".a", "!a key is missing"}, {"a..b", "!a key is missing"},
		{"$.", "!it names no field"},
		{"a]", "!] is out of place"}, {`a"b"`, `!" is out of place`}, {`"a`, "!a quote is not closed"}, {`"a"b`, "!text behind a key in quotes"},
		{"a[", "!a bracket is not closed"}, {"a[]", "!an index is a number"}, {"a[-1]", "!an index is a number"}, {"a[*]", "!an index is a number"}, {"a[10000]", "!between 0 and 9999"},
		{"a[0]b", "!text behind an index"}, {"[0].a", "!it begins with an index"}, {"$[0]", "!it begins with an index"},
		{strings.Repeat("a.", 32) + "a", "!it has more than 32 steps"},
	} {
		path, err := ParsePath(tt.text)
		got := path.String()
		if err != nil {
			got = "!" + err.Error()
		}
		if want, isError := strings.CutPrefix(tt.want, "!"); isError != (err != nil) || isError && !strings.Contains(got, want) || !isError && got != want {
			t.Errorf("%q: got %s, want %s", tt.text, got, tt.want)
		}
	}
}

// FuzzParsePath reads a path; written again, it is the same path.
func FuzzParsePath(f *testing.F) {
	for _, text := range []string{"a.b[0].c", `"a.b"."""".$`, "$.x", "$[1]", "a[", `""`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		defer batchtest.MustEnd()()
		path, err := ParsePath(text)
		if err != nil {
			return
		}
		again, err := ParsePath(path.String())
		if err != nil || !slices.Equal(again, path) {
			t.Errorf("%q is %q, which is %v (%v)", text, path, again, err)
		}
	})
}

// withPaths returns a decoder of columns that are declared as "name TYPE path", or
// without a path.
func withPaths(t testing.TB, limits Limits, declarations ...string) (*JSON, *batch.Schema) {
	t.Helper()
	var columns []string
	var o JSONOptions
	for _, d := range declarations {
		parts := strings.SplitN(d, " ", 3)
		columns = append(columns, parts[0]+" "+parts[1])
		var path Path
		if len(parts) == 3 {
			var err error
			if path, err = ParsePath(parts[2]); err != nil {
				t.Fatal(err)
			}
		}
		o.Paths = append(o.Paths, path)
	}
	schema := batch.NewSchema(batchtest.Columns(t, columns...))
	return NewJSONWith(schema, o, limits), schema
}

func TestPaths(t *testing.T) {
	t.Parallel()
	payment := []string{"id BIGINT", "total DOUBLE payment.total.value", "currency VARCHAR payment.total.currency", "payment JSON"}
	for _, tt := range []struct {
		name    string
		columns []string
		record  string
		want    string // an error if it begins with !
	}{
		{"nested", payment, `{"id":1,"payment":{"total":{"value":1.5,"currency":"EUR"},"x":[1]}}`, `1|1.5|EUR|{"total":{"value":1.5,"currency":"EUR"},"x":[1]}`},
		{"other order", payment, `{"payment":{"x":{"value":2},"total":{"currency":"EUR","value":1.5}},"id":1}`, `1|1.5|EUR|{"x":{"value":2},"total":{"currency":"EUR","value":1.5}}`},
		{"missing", payment, `{"id":1,"payment":{}}`, "1|NULL|NULL|{}"},
		{"null on the way", payment, `{"id":1,"payment":null}`, "1|NULL|NULL|NULL"},
		{"no object on the way", payment, `{"id":1,"payment":[{"total":5}]}`, `1|NULL|NULL|[{"total":5}]`},
		{"a text on the way", payment, `{"payment":{"total":"1.5"}}`, `NULL|NULL|NULL|{"total":"1.5"}`},
		{"empty objects", payment, `{"payment":{"total":{}},"total":9,"value":8}`, `NULL|NULL|NULL|{"total":{}}`},
		{"letter case", payment, `{"Payment":{"TOTAL":{"Value":1.5}}}`, `NULL|1.5|NULL|{"TOTAL":{"Value":1.5}}`},
		{"letter for letter wins", payment, `{"payment":{"total":{"value":1}},"PAYMENT":{"total":{"value":2}}}`, `NULL|1|NULL|{"total":{"value":1}}`},
		{"and in between", payment, `{"payment":{"TOTAL":{"value":2},"total":{"value":1},"Total":{"currency":"x"}}}`, `NULL|1|NULL|{"TOTAL":{"value":2},"total":{"value":1},"Total":{"currency":"x"}}`},
		{"the last one wins", payment, `{"payment":{"total":{"value":1,"currency":"EUR"}},"payment":{"total":{"value":2}}}`, `NULL|2|NULL|{"total":{"value":2}}`},
		{"of inner ones, too", payment, `{"payment":{"total":{"value":1,"currency":"EUR"},"total":null}}`, `NULL|NULL|NULL|{"total":{"value":1,"currency":"EUR"},"total":null}`},
		{"the last one is none", payment, `{"payment":{"total":{"value":1}},"payment":7}`, "NULL|NULL|NULL|7"},
		{"escaped keys", payment, `{"p\u0061yment":{"\u0074otal":{"value":1}}}`, `NULL|1|NULL|{"\u0074otal":{"value":1}}`},
		{"white space", payment, " { \"payment\" : { \"total\" : { \"value\" : 1 } } } ", `NULL|1|NULL|{ "total" : { "value" : 1 } }`},
		{"elements", []string{"a BIGINT l[0].x", "b BIGINT l[2]", "c VARCHAR l[1]", "d BIGINT l[0].y[1]"}, `{"l":[{"x":1,"y":[2,3]},"two",4,5]}`, "1|4|two|3"},
		{"fewer elements", []string{"a BIGINT l[0].x", "b BIGINT l[2]"}, `{"l":[{"x":1}]}`, "1|NULL"},
		{"no elements", []string{"a BIGINT l[0].x", "b BIGINT l[2]"}, `{"l":[ ]}`, "NULL|NULL"},
		{"an object for an array", []string{"a BIGINT l[0]", "b BIGINT l.x"}, `{"l":{"0":5,"x":6}}`, "NULL|6"},
		{"and the other way round", []string{"a BIGINT l[0]", "b BIGINT l.x"}, `{"l":[5]}`, "5|NULL"},
		{"arrays that come again", []string{"a BIGINT l[0]", "b BIGINT l[1]"}, `{"l":[1,2],"l":[3]}`, "3|NULL"},
		{"the same place twice", []string{"a BIGINT x.y", "b VARCHAR x.y", "c VARCHAR X.y"}, `{"x":{"y":5}}`, "5|5|5"},
		{"a column's own name elsewhere", []string{"a BIGINT b", "b BIGINT a"}, `{"a":1,"b":2}`, "2|1"},
		{"keys in quotes", []string{`a BIGINT "x.y"."z[0]"`, `b BIGINT "".""`}, `{"x.y":{"z[0]":1},"":{"":2}}`, "1|2"},
		{"a part and its part", []string{"a JSON x.y", "b BIGINT x.y.z"}, `{"x":{"y":{"z":1}}}`, `{"z":1}|1`},
		{"no fit", payment, `{"payment":{"total":{"value":"much"}}}`, `!column "total": "much" is not a DOUBLE, at byte 29`},
		{"overridden", payment, `{"payment":{"total":{"value":"much"}},"payment":{}}`, "NULL|NULL|NULL|{}"},
		{"broken inside", payment, `{"payment":{"total":{"value":1]}}`, "!invalid JSON at byte 30: expected ',' or '}' after a value, found ']'"},
		{"cut off", payment, `{"payment":{"total":`, "!invalid JSON at byte 20: expected a value, found the end of the record"},
		{"cut off behind a name", payment, `{"payment":`, "!invalid JSON at byte 11: expected a value"},
		{"broken array", []string{"a BIGINT l[1]"}, `{"l":[1,]}`, "!invalid JSON at byte 8: expected a value"},
		{"array without an end", []string{"a BIGINT l[1]"}, `{"l":[1}`, "!invalid JSON at byte 7: expected ',' or ']' after a value"},
		{"no key", payment, `{"payment":{1:2}}`, "!invalid JSON at byte 12: expected a field name"},
	} {
		d, schema := withPaths(t, Limits{}, tt.columns...)
		for range 2 { // the second time, names are known
			got, err := decodeWith(t, d, schema, tt.record)
			if want, isError := strings.CutPrefix(tt.want, "!"); isError {
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%s: got %s, %v; want error %s", tt.name, got, err, want)
				}
			} else if err != nil || got != want {
				t.Errorf("%s: got %s, %v; want %s", tt.name, got, err, want)
			}
		}
	}
}

// TestPathsKeepLimits nests what a path leads through as deep as other values may be.
func TestPathsKeepLimits(t *testing.T) {
	t.Parallel()
	d, schema := withPaths(t, Limits{MaxDepth: 4, MaxFields: 3}, "v BIGINT a.b.c", "w BIGINT l[0][0][0]")
	for record, want := range map[string]string{
		`{"a":{"b":{"c":1}}}`:                   "1|NULL",
		`{"a":{"b":{"c":[1]}}}`:                 "!column",
		`{"a":{"b":{"c":[[1]]}}}`:               "!invalid JSON at byte 16: nested deeper than 4 levels",
		`{"a":{"b":{"x":[[1]]}}}`:               "!invalid JSON at byte 16: nested deeper than 4 levels",
		`{"l":[[[1]]]}`:                         "NULL|1",
		`{"l":[[[[1]]]]}`:                       "!invalid JSON at byte 8: nested deeper than 4 levels",
		`{"a":{"1":1,"2":2,"3":3,"b":{"c":4}}}`: "4|NULL", // as in values without a path
		`{"1":1,"2":2,"3":3,"a":4}`:             "!invalid JSON at byte 19: more than 3 fields",
	} {
		got, err := decodeWith(t, d, schema, record)
		if err != nil {
			got = "!" + err.Error()
		}
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s", record, got, want)
		}
	}
	shallow, schema := withPaths(t, Limits{MaxDepth: 2}, "v BIGINT a.b.c", "w BIGINT l[0][0]")
	for record, at := range map[string]int{`{"a":{"b":{"c":1}}}`: 10, `{"l":[[1]]}`: 6} {
		want := fmt.Sprintf("invalid JSON at byte %d: nested deeper than 2 levels", at)
		if _, err := decodeWith(t, shallow, schema, record); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", record, err, want)
		}
	}
}

// TestPathsAgainstALibrary decodes random records into columns at random paths, and
// compares with what is there when a library reads them.
func TestPathsAgainstALibrary(t *testing.T) {
	t.Parallel()
	keys := []string{"a", "b", "c.d", "e\"f"}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		var declarations []string
		var paths []Path
		for i := range 1 + r.IntN(8) {
			path := field(keys[r.IntN(len(keys))])
			for range r.IntN(4) {
				if r.IntN(3) == 0 {
					path = append(path, Step{Index: r.IntN(3)})
				} else {
					path = append(path, field(keys[r.IntN(len(keys))])...)
				}
			}
			paths = append(paths, path)
			declarations = append(declarations, fmt.Sprintf("c%d JSON %s", i, path))
		}
		d, schema := withPaths(t, Limits{}, declarations...)
		for range 20 {
			record := randomObject(r, keys, 5)
			text, err := json.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decodeWith(t, d, schema, string(text))
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			var want []string
			for _, path := range paths {
				want = append(want, showAt(t, record, path))
			}
			if got != strings.Join(want, "|") {
				t.Fatalf("seed %d, %q of %s: got %s, want %q", seed, declarations, text, got, want)
			}
		}
	}
}

func randomValue(r *rand.Rand, keys []string, depth int) any {
	switch n := r.IntN(8); {
	case n < 4 && depth > 0:
		return randomObject(r, keys, depth-1)
	case n < 6 && depth > 0:
		list := []any{}
		for range r.IntN(4) {
			list = append(list, randomValue(r, keys, depth-1))
		}
		return list
	case n == 6:
		return nil
	}
	return r.IntN(100)
}

func randomObject(r *rand.Rand, keys []string, depth int) map[string]any {
	o := map[string]any{}
	for _, key := range append(slices.Clone(keys), "other", "more") {
		if r.IntN(3) > 0 {
			o[key] = randomValue(r, keys, depth)
		}
	}
	return o
}

// showAt shows what is at a path, as JSON.
func showAt(t *testing.T, v any, path Path) string {
	t.Helper()
	for _, step := range path {
		object, _ := v.(map[string]any)
		list, _ := v.([]any)
		switch {
		case step.Index < 0:
			v = object[step.Key]
		case step.Index < len(list):
			v = list[step.Index]
		default:
			v = nil
		}
	}
	if v == nil {
		return "NULL"
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// FuzzPaths decodes a record with paths and without. Both take the same records, and
// what is at a path is what a library finds there.
func FuzzPaths(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[{"c":1},2]},"d":[[3]]}`))
	f.Add([]byte(`{"a":{"b":1,"B":2},"A":{"b":[]}}`))
	f.Add([]byte(`{"a":{"\u0062":[1,{"c":null}]},"a":7}`))
	limits := Limits{MaxBytes: 4096, MaxDepth: 8, MaxFields: 50}
	deep, schema := withPaths(f, limits, "x JSON a.b[0].c", "y JSON a.b", "z JSON d[0][0]", "a JSON", "w JSON a.b[1]")
	flat := NewJSON(schema, limits)
	f.Fuzz(func(t *testing.T, record []byte) {
		defer batchtest.MustEnd()()
		b := batchtest.NewBuilder(t, schema)
		deepErr := deep.Decode(record, b)
		if n := b.Rows(); (n == 1) != (deepErr == nil) {
			t.Fatalf("%q: %d rows, %v", record, n, deepErr)
		}
		rec := b.Finish()
		defer rec.Release()
		c := batchtest.NewBuilder(t, schema)
		if flatErr := flat.Decode(record, c); fmt.Sprint(flatErr) != fmt.Sprint(deepErr) {
			t.Fatalf("%q: %v with paths, %v without", record, deepErr, flatErr)
		}
		c.Truncate(0)
		if deepErr != nil || rec.Column(3).IsNull(0) {
			return
		}
		a := batchtest.Show(rec.Column(3), 0)
		var v struct{ B json.RawMessage }
		if json.Unmarshal([]byte(a), &v) == nil && v.B != nil && !bytes.Contains(bytes.ToLower([]byte(a)), []byte(`\u`)) && bytes.Count(bytes.ToLower([]byte(a)), []byte(`"b"`)) == 1 {
			got := batchtest.Show(rec.Column(1), 0)
			if want := string(v.B); got != want && !(got == "NULL" && want == "null") {
				t.Errorf("%q: a.b is %s, want %s", record, got, want)
			}
		}
	})
}

// BenchmarkPaths takes several columns out of one nested object, against taking them
// from the record itself.
func BenchmarkPaths(b *testing.B) {
	flat, deep := []string{"id BIGINT", "value DOUBLE", "currency VARCHAR", "country VARCHAR"}, []string{"id BIGINT", "value DOUBLE payment.total.value", "currency VARCHAR payment.total.currency", "country VARCHAR payment.address.country"}
	records := map[string]string{
		"flat":   `{"id":12345,"note":"abc","value":12.5,"currency":"EUR","street":"somewhere","country":"DE"}`,
		"nested": `{"id":12345,"payment":{"note":"abc","total":{"value":12.5,"currency":"EUR"},"address":{"street":"somewhere","country":"DE"}}}`,
	}
	for name, columns := range map[string][]string{"flat": flat, "nested": deep} {
		b.Run(name, func(b *testing.B) {
			d, schema := withPaths(b, Limits{}, columns...)
			builder := batch.NewBuilder(batch.NewAllocator(), schema)
			defer builder.Release()
			record := []byte(records[name])
			b.SetBytes(int64(len(record)))
			b.ReportAllocs()
			for i := range b.N {
				if err := d.Decode(record, builder); err != nil {
					b.Fatal(err)
				}
				if i&8191 == 8191 {
					builder.Finish().Release()
				}
			}
		})
	}
}
