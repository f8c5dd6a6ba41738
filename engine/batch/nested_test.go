package batch

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func parse(t testing.TB, name string) Type {
	t.Helper()
	typ, err := ParseType(name)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

func TestParseNestedTypes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"int[]": "INTEGER[]", "INT [ ] [ ]": "INTEGER[][]", "numeric(12, 2)[]": "DECIMAL(12,2)[]", "double precision[]": "DOUBLE[]",
		"Struct( A int , \"B \"\"c\" text )":        `STRUCT("a" INTEGER, "B ""c" VARCHAR)`,
		"row(a timestamp with time zone)":           `STRUCT("a" TIMESTAMP WITH TIME ZONE)`,
		"struct(a struct(b int[])[], c json)":       `STRUCT("a" STRUCT("b" INTEGER[])[], "c" JSON)`,
		"map(varchar, map(int, decimal(3,1)[]))[]":  "MAP(VARCHAR, MAP(INTEGER, DECIMAL(3,1)[]))[]",
		`STRUCT("struct(" INT, "a]" VARCHAR(20)[])`: `STRUCT("struct(" INTEGER, "a]" VARCHAR[])`,
	} {
		got := parse(t, name)
		if got.String() != want || got != parse(t, want) {
			t.Errorf("ParseType(%q) = %s, want %s", name, got, want)
		}
		text, err := json.Marshal(Column{Name: "x", Type: got})
		var back Column
		if err != nil || json.Unmarshal(text, &back) != nil || back.Type != got {
			t.Errorf("%s became %s in JSON and %v", got, text, back)
		}
	}
	for name, want := range map[string]string{
		"struct()": "does not exist", "struct(a)": "does not exist", "struct(a int": "does not exist", "struct(int)": "does not exist", "map(int)": "does not exist",
		"struct": "does not exist", "list": "does not exist", "[]": "does not exist", "int[": "fixed length", "int[3]": "fixed length", "int[]x": "does not exist",
		"struct(a int, A int)": "twice", "struct(\"\" int)": "no name", "map(double, int)": "keys of a MAP", "map(int[], int)": "keys of a MAP", "struct(a widget)": `"widget"`,
		"int" + strings.Repeat("[]", NestedDepthMax+1): "deeper", strings.Repeat("struct(a ", 3000) + "int": "deeper",
		"struct(" + strings.Repeat("a int,", 2000): "does not exist",
	} {
		if got, err := ParseType(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseType(%.80q) = %v, %v; want %s", name, got, err, want)
		}
	}
	var wide []Column
	for i := range NestedLeavesMax + 1 {
		wide = append(wide, Column{Name: fmt.Sprint("f", i), Type: Type{Kind: BigInt}})
	}
	if _, err := StructOf(wide); err == nil {
		t.Error("a STRUCT of too many fields")
	}
}

// TestOlderTypes: a catalog from before there were nested types is read as it was.
func TestOlderTypes(t *testing.T) {
	t.Parallel()
	var c Column
	if err := json.Unmarshal([]byte(`{"Name":"doc","Type":{"Kind":22,"Precision":0,"Scale":0}}`), &c); err != nil || c.Type != (Type{Kind: JSON}) {
		t.Errorf("%v, %v", c, err)
	}
	if text, err := json.Marshal(Type{Kind: Decimal, Precision: 9, Scale: 2}); err != nil || string(text) != `{"Kind":13,"Precision":9,"Scale":2}` {
		t.Errorf("%s, %v", text, err)
	}
}

func FuzzParseType(f *testing.F) {
	for _, name := range []string{"int", "decimal(5,2)[]", `STRUCT("a ""b" MAP(VARCHAR, INT[]), c ROW(d JSON))[]`, "map(varchar(3), timestamp without time zone)"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		typ, err := ParseType(name)
		if err != nil {
			return
		}
		if again, err := ParseType(typ.String()); err != nil || again != typ {
			t.Errorf("%q is %s, which is %s, %v", name, typ, again, err)
		}
	})
}

// appendRandom appends a random value.
func appendRandom(r *rand.Rand, c *ColumnBuilder) {
	switch {
	case r.IntN(5) == 0:
		c.AppendNull()
	case c.typ.Kind == Struct:
		for i := range c.typ.Children() {
			appendRandom(r, c.Child(i))
		}
		c.AppendStruct()
	case c.typ.Kind == List:
		for range r.IntN(4) {
			appendRandom(r, c.Child(0))
		}
		c.AppendList()
	case c.typ.Kind == Map:
		for range r.IntN(15) {
			c.Child(0).Child(0).AppendString(strings.Repeat("k", r.IntN(12)))
			appendRandom(r, c.Child(0).Child(1))
			c.Child(0).AppendStruct()
		}
		c.AppendMap()
	case c.typ.Kind == Boolean:
		c.AppendBool(r.IntN(2) == 0)
	default:
		c.AppendInt64(r.Int64())
	}
}

// half appends what is inside of a value, but not the value.
func half(r *rand.Rand, c *ColumnBuilder) {
	for i := range c.typ.Children() {
		appendRandom(r, c.Child(i))
	}
}

// TestNestedBuilder: rows that fail halfway leave no trace, and values that are copied,
// from a builder and from a cut of an array, are the same.
func TestNestedBuilder(t *testing.T) {
	t.Parallel()
	typ := parse(t, "STRUCT(a BIGINT, l STRUCT(b BOOLEAN, m MAP(VARCHAR, BIGINT[]))[])")
	schema := NewSchema([]Column{{Name: "x", Type: typ}, {Name: "n", Type: Type{Kind: BigInt}}})
	for seed := range uint64(40) {
		mem := NewAllocator()
		r, same := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(seed, 1))
		broken, whole, copied := NewBuilder(mem, schema), NewBuilder(mem, schema), NewBuilder(mem, schema)
		trouble := rand.New(rand.NewPCG(seed, 2))
		rows := 300
		for i := range rows {
			if trouble.IntN(3) == 0 {
				before := broken.Bytes()
				half(trouble, broken.Column(0))
				if broken.Truncate(broken.Rows()); broken.Bytes() != before {
					t.Fatalf("seed %d: %d bytes became %d", seed, before, broken.Bytes())
				}
			}
			for b, r := range map[*Builder]*rand.Rand{broken: r, whole: same} {
				appendRandom(r, b.Column(0))
				b.Column(1).AppendInt64(int64(i))
			}
		}
		v := whole.Column(0).Vector()
		for i := range rows {
			copied.Column(0).AppendFrom(&v, i)
			copied.Column(1).AppendInt64(int64(i))
		}
		a, b, c := broken.Finish(), whole.Finish(), copied.Finish()
		cut := b.NewSlice(100, 200)
		cutVector := VectorOf(cut.Column(0), typ)
		for i := range 100 {
			copied.Column(0).AppendFrom(&cutVector, i)
			copied.Column(1).AppendInt64(int64(100 + i))
		}
		d := copied.Finish()
		for i := range rows {
			want := b.Column(0).ValueStr(i)
			if got := a.Column(0).ValueStr(i); got != want {
				t.Fatalf("seed %d: row %d is %s behind broken ones, want %s", seed, i, got, want)
			}
			if got := c.Column(0).ValueStr(i); got != want {
				t.Fatalf("seed %d: the copy of row %d is %s, want %s", seed, i, got, want)
			}
			if i >= 100 && i < 200 && d.Column(0).ValueStr(i-100) != want {
				t.Fatalf("seed %d: the copy of row %d of a cut is %s, want %s", seed, i, d.Column(0).ValueStr(i-100), want)
			}
			checkKeys(t, a.Column(0).ValueStr(i))
		}
		for _, rec := range []interface{ Release() }{a, b, c, d, cut, broken, whole, copied} {
			rec.Release()
		}
		if n := mem.Bytes(); n != 0 {
			t.Fatalf("%d bytes leaked", n)
		}
	}
}

// TestPackedValues: a value that is packed and read again is the same, and equal values
// have the same canonical bytes.
func TestPackedValues(t *testing.T) {
	t.Parallel()
	typ := parse(t, "STRUCT(a BIGINT, l STRUCT(b BOOLEAN, m MAP(VARCHAR, BIGINT[]))[])")
	mem, r := NewAllocator(), rand.New(rand.NewPCG(3, 4))
	from, to := NewBuilder(mem, NewSchema([]Column{{Name: "x", Type: typ}})), NewBuilder(mem, NewSchema([]Column{{Name: "x", Type: typ}}))
	const rows = 500
	for range rows {
		appendRandom(r, from.Column(0))
	}
	v := from.Column(0).Vector()
	for i := range rows {
		if v.Null(i) {
			to.Column(0).AppendNull()
			continue
		}
		to.Column(0).AppendPacked(v.AppendPacked(nil, i, r.IntN(2) == 0))
	}
	a, b := from.Finish(), to.Finish()
	for i := range rows {
		if got, want := b.Column(0).ValueStr(i), a.Column(0).ValueStr(i); got != want {
			t.Fatalf("row %d is %s, was %s", i, got, want)
		}
	}
	for _, rec := range []interface{ Release() }{a, b, from, to} {
		rec.Release()
	}
	floats := NewBuilder(mem, NewSchema([]Column{{Name: "x", Type: parse(t, "STRUCT(d DOUBLE, f FLOAT)[]")}}))
	c := floats.Column(0)
	for _, f := range []float64{0, math.Copysign(0, -1), math.NaN(), math.Float64frombits(0xfff8000000000001), 1.5} {
		c.Child(0).Child(0).AppendFloat64(f)
		c.Child(0).Child(1).AppendFloat32(float32(f))
		c.Child(0).AppendStruct()
		c.AppendList()
	}
	v = c.Vector()
	same := func(i, j int, canonical bool) bool {
		return string(v.AppendPacked(nil, i, canonical)) == string(v.AppendPacked(nil, j, canonical))
	}
	if !same(0, 1, true) || !same(2, 3, true) || same(0, 2, true) || same(0, 4, true) || same(0, 1, false) {
		t.Error("zeros of both signs and all NaNs are equal as keys, and kept as they are as values")
	}
	floats.Release()
	if n := mem.Bytes(); n != 0 {
		t.Errorf("%d bytes leaked", n)
	}
}

// checkKeys checks that no key is in a map twice.
func checkKeys(t *testing.T, text string) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			seen := make(map[string]bool)
			for _, inner := range v {
				if entry, ok := inner.(map[string]any); ok && entry["key"] != nil {
					if key := fmt.Sprint(entry["key"]); seen[key] {
						t.Errorf("%s has key %s twice", text, key)
					} else {
						seen[key] = true
					}
				}
				walk(inner)
			}
		}
	}
	walk(v)
}
