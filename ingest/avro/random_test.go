package avro

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	avrolib "github.com/twmb/avro"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

// written is a type of a random schema, and makes random values of it.
type written struct {
	form, logical    string
	name             string
	fields           []written // of a record, whose names are f0, f1, …
	item             *written
	branches         []written
	symbols          []string
	size             int
	precision, scale int
}

var simpleForms = [][2]string{
	{"boolean"}, {"int"}, {"long"}, {"float"}, {"double"}, {"bytes"}, {"string"},
	{"int", "date"}, {"int", "time-millis"}, {"long", "time-micros"},
	{"long", "timestamp-millis"}, {"long", "timestamp-micros"}, {"long", "timestamp-nanos"},
	{"long", "local-timestamp-millis"}, {"long", "local-timestamp-micros"}, {"long", "local-timestamp-nanos"},
	{"bytes", "decimal"}, {"fixed", "decimal"}, {"string", "uuid"}, {"fixed", "uuid"}, {"fixed", "duration"}, {"fixed"}, {"enum"},
}

// randomType returns a type in which at most depth others are nested.
func randomType(r *rand.Rand, depth int, names *int) written {
	name := func() string {
		*names++
		return fmt.Sprintf("T%d", *names)
	}
	if depth > 0 {
		switch r.IntN(8) {
		case 0:
			item := randomType(r, depth-1, names)
			return written{form: []string{"array", "map"}[r.IntN(2)], item: &item}
		case 1:
			t := written{form: "record", name: name()}
			for range r.IntN(4) {
				t.fields = append(t.fields, randomType(r, depth-1, names))
			}
			return t
		case 2, 3:
			t := written{form: "union", branches: []written{{form: "null"}}}
			for range 1 + r.IntN(3) {
				b := randomType(r, depth-1, names)
				same := func(o written) bool { return o.name == "" && o.form == b.form || b.form == "union" }
				if !slices.ContainsFunc(t.branches, same) {
					t.branches = append(t.branches, b)
				}
			}
			r.Shuffle(len(t.branches), func(i, j int) { t.branches[i], t.branches[j] = t.branches[j], t.branches[i] })
			return t
		}
	}
	form := simpleForms[r.IntN(len(simpleForms))]
	t := written{form: form[0], logical: form[1]}
	switch {
	case t.form == "enum":
		t.name, t.symbols = name(), []string{"RED", "GREEN", "BLUE"}[:1+r.IntN(3)]
	case t.form == "fixed":
		t.name, t.size = name(), map[string]int{"decimal": 8, "uuid": 16, "duration": 12, "": r.IntN(5) + 1}[t.logical]
	}
	if t.logical == "decimal" {
		t.precision = 1 + r.IntN(18)
		t.scale = r.IntN(t.precision + 1)
	}
	return t
}

// schema returns the type as JSON knows it.
func (t written) schema() any {
	switch t.form {
	case "union":
		var branches []any
		for _, b := range t.branches {
			branches = append(branches, b.schema())
		}
		return branches
	case "array":
		return map[string]any{"type": t.form, "items": t.item.schema()}
	case "map":
		return map[string]any{"type": t.form, "values": t.item.schema()}
	}
	m := map[string]any{"type": t.form}
	if t.name != "" {
		m["name"] = t.name
	}
	if t.logical != "" {
		m["logicalType"] = t.logical
	}
	switch {
	case t.form == "record":
		fields := []any{}
		for i, f := range t.fields {
			fields = append(fields, map[string]any{"name": fmt.Sprintf("f%d", i), "type": f.schema()})
		}
		m["fields"] = fields
	case t.form == "enum":
		m["symbols"] = t.symbols
	case t.form == "fixed":
		m["size"] = t.size
	}
	if t.logical == "decimal" {
		m["precision"], m["scale"] = t.precision, t.scale
	}
	return m
}

// value returns a random value for the library to write.
func (t written) value(r *rand.Rand) any {
	switch t.form {
	case "null":
		return nil
	case "union":
		b := t.branches[r.IntN(len(t.branches))]
		if b.form == "null" {
			return nil
		}
		return map[string]any{b.branchName(): b.value(r)}
	case "array":
		out := []any{}
		for range r.IntN(4) {
			out = append(out, t.item.value(r))
		}
		return out
	case "map":
		out := map[string]any{}
		for range r.IntN(4) {
			out[randomText(r)] = t.item.value(r)
		}
		return out
	case "record":
		out := map[string]any{}
		for i, f := range t.fields {
			out[fmt.Sprintf("f%d", i)] = f.value(r)
		}
		return out
	case "enum":
		return t.symbols[r.IntN(len(t.symbols))]
	case "boolean":
		return r.IntN(2) == 0
	case "float":
		return []float32{0, 1.5, -2e30, 1e-20, r.Float32(), float32(math.Inf(1))}[r.IntN(6)]
	case "double":
		return []float64{0, 0.1, -2e300, 1e-200, r.NormFloat64(), math.Inf(-1), math.NaN()}[r.IntN(7)]
	}
	return t.scalar(r)
}

func (t written) scalar(r *rand.Rand) any {
	switch t.logical {
	case "date":
		return int32(r.IntN(200_000) - 100_000)
	case "time-millis":
		return time.Duration(r.IntN(86_400_000)) * time.Millisecond
	case "time-micros":
		return time.Duration(r.Int64N(86_400_000_000)) * time.Microsecond
	case "decimal":
		limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.precision)), nil).Int64()
		v := r.Int64N(limit)
		if r.IntN(2) == 0 {
			v = -v
		}
		return new(big.Rat).SetFrac(big.NewInt(v), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.scale)), nil))
	case "uuid":
		var u batch.UUIDValue
		for i := range u {
			u[i] = byte(r.Uint32())
		}
		return u.String()
	case "duration":
		return avrolib.Duration{Months: r.Uint32() >> 1, Days: r.Uint32() >> 1, Milliseconds: r.Uint32()}
	}
	switch {
	case strings.HasSuffix(t.logical, "-millis"):
		return r.Int64N(4e12) - 2e12
	case strings.HasSuffix(t.logical, "-micros"):
		return r.Int64N(4e15) - 2e15
	case strings.HasSuffix(t.logical, "-nanos"):
		return r.Int64N(4e18) - 2e18
	}
	switch t.form {
	case "int":
		return []int32{0, -1, math.MaxInt32, math.MinInt32, int32(r.Uint32())}[r.IntN(5)]
	case "long":
		return []int64{0, -1, math.MaxInt64, math.MinInt64, int64(r.Uint64()) >> r.IntN(60)}[r.IntN(5)]
	case "string":
		return randomText(r)
	}
	size := t.size
	if t.form == "bytes" {
		size = r.IntN(6)
	}
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func randomText(r *rand.Rand) string {
	return []string{"", "a", "käse", "line\nbreak", `"quoted\"`, "\x01\t", "日本", strings.Repeat("x", r.IntN(80))}[r.IntN(8)]
}

func (t written) branchName() string {
	if t.name != "" {
		return t.name
	}
	return t.form
}

// columnTypes are types of columns that must be able to hold the type.
func (t written) columnTypes() []string {
	switch t.form {
	case "union":
		var values []written
		for _, b := range t.branches {
			if b.form != "null" {
				values = append(values, b)
			}
		}
		if len(values) == 1 {
			return values[0].columnTypes()
		}
		if !slices.ContainsFunc(values, func(v written) bool { return v.form != "string" && v.form != "enum" && v.form != "int" }) {
			return []string{"JSON", "VARCHAR"}
		}
		return []string{"JSON"}
	case "record", "array", "map":
		return []string{"JSON"}
	case "enum":
		return []string{"VARCHAR", "JSON"}
	}
	switch {
	case t.logical == "date":
		return []string{"DATE", "JSON"}
	case t.logical == "decimal":
		return []string{fmt.Sprintf("DECIMAL(%d,%d)", t.precision, t.scale), fmt.Sprintf("DECIMAL(%d,%d)", t.precision+5, t.scale+3), "JSON"}
	case t.logical == "uuid" && t.form == "string":
		return []string{"UUID", "VARCHAR", "JSON"}
	case t.logical == "uuid":
		return []string{"UUID", "JSON"}
	case t.logical == "duration":
		return []string{"INTERVAL", "JSON"}
	case strings.HasPrefix(t.logical, "time-"):
		return []string{"TIME", "JSON"}
	case t.logical != "":
		return []string{"TIMESTAMP", "TIMESTAMPTZ", "JSON"}
	}
	return map[string][]string{
		"boolean": {"BOOLEAN", "JSON"}, "float": {"REAL", "DOUBLE", "JSON"}, "double": {"DOUBLE", "JSON"},
		"int":  {"INTEGER", "BIGINT", "HUGEINT", "DECIMAL(12,2)", "DECIMAL(38,10)", "REAL", "DOUBLE", "JSON"},
		"long": {"BIGINT", "HUGEINT", "DECIMAL(25,3)", "REAL", "DOUBLE", "JSON"}, "string": {"VARCHAR", "BLOB", "JSON"},
		"bytes": {"BLOB", "JSON"}, "fixed": {"BLOB", "JSON"},
	}[t.form]
}

// expected is what a column should show of a value that the library has read.
func (t written) expected(v any, column string) string {
	if t.form == "union" {
		if v == nil {
			return "NULL"
		}
		for _, b := range t.branches {
			if inner, ok := v.(map[string]any)[b.branchName()]; ok {
				return b.expected(inner, column)
			}
		}
		panic(fmt.Sprintf("%v is of no branch", v))
	}
	switch column {
	case "DATE":
		return strconv.FormatInt(v.(time.Time).Unix()/86400, 10)
	case "TIME":
		return strconv.FormatInt(v.(time.Duration).Microseconds(), 10)
	case "TIMESTAMP", "TIMESTAMPTZ":
		return strconv.FormatInt(v.(time.Time).UnixMicro(), 10)
	case "INTERVAL":
		d := v.(avrolib.Duration)
		return fmt.Sprintf("%d %d %d", d.Months, d.Days, int64(d.Milliseconds)*1000)
	case "REAL":
		return strconv.FormatFloat(floatOf(v), 'g', -1, 32)
	case "DOUBLE":
		return strconv.FormatFloat(floatOf(v), 'g', -1, 64)
	case "UUID":
		if u, ok := v.([16]byte); ok {
			return batch.UUIDValue(u).String()
		}
	case "BLOB":
		return fmt.Sprintf("x%x", v)
	}
	if strings.HasPrefix(column, "DECIMAL") {
		typ, _ := batch.ParseType(column)
		return ratOf(v).FloatString(int(typ.Scale))
	}
	return fmt.Sprint(v)
}

func floatOf(v any) float64 {
	switch v := v.(type) {
	case int32:
		return float64(v)
	case int64:
		return float64(v)
	case float32:
		return float64(v)
	}
	return v.(float64)
}

func ratOf(v any) *big.Rat {
	switch v := v.(type) {
	case int32:
		return big.NewRat(int64(v), 1)
	case int64:
		return big.NewRat(v, 1)
	}
	return v.(*big.Rat)
}

// sameJSON compares JSON that was decoded with a value that the library has read.
func (t written) sameJSON(got, v any) bool {
	if v == nil {
		return got == nil
	}
	switch t.form {
	case "union":
		for _, b := range t.branches {
			if inner, ok := v.(map[string]any)[b.branchName()]; ok {
				return b.sameJSON(got, inner)
			}
		}
		return false
	case "array":
		list, ok := got.([]any)
		return ok && len(list) == len(v.([]any)) && !slices.ContainsFunc(v.([]any), func(item any) bool {
			same := t.item.sameJSON(list[0], item)
			list = list[1:]
			return !same
		})
	case "map", "record":
		object, ok := got.(map[string]any)
		if !ok || len(object) != len(v.(map[string]any)) {
			return false
		}
		for key, inner := range v.(map[string]any) {
			of := t.item
			if t.form == "record" {
				i, _ := strconv.Atoi(key[1:])
				of = &t.fields[i]
			}
			if value, ok := object[key]; !ok || !of.sameJSON(value, inner) {
				return false
			}
		}
		return true
	}
	return t.sameScalar(got, v)
}

func (t written) sameScalar(got, v any) bool {
	text := fmt.Sprint(got)
	switch v := v.(type) {
	case float32:
		f, err := strconv.ParseFloat(text, 32)
		return err == nil && float32(f) == v
	case float64:
		f, err := strconv.ParseFloat(text, 64)
		return err == nil && (f == v || math.IsNaN(f) && math.IsNaN(v))
	case *big.Rat:
		r, ok := new(big.Rat).SetString(text)
		return ok && r.Cmp(v) == 0
	case []byte:
		return text == base64.StdEncoding.EncodeToString(v)
	case time.Duration:
		layout := "15:04:05.000000"
		if v%time.Second == 0 {
			layout = "15:04:05"
		}
		return text == time.Time{}.Add(v).Format(layout)
	case time.Time:
		layout := time.RFC3339Nano
		if t.logical == "date" {
			layout = "2006-01-02"
		}
		return strings.TrimSuffix(text, "Z") == strings.TrimSuffix(v.UTC().Format(layout), "Z")
	case [16]byte:
		return text == batch.UUIDValue(v).String()
	case avrolib.Duration:
		return text == fmt.Sprintf("P%dM%dDT%d.%03dS", v.Months, v.Days, v.Milliseconds/1000, v.Milliseconds%1000)
	}
	return text == fmt.Sprint(v)
}

// TestAgainstTheLibrary writes random records of random schemas, and compares
// each column with what the library reads.
func TestAgainstTheLibrary(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		names := 0
		record := written{form: "record", name: "Root"}
		var columns []batch.Column
		var types []string
		for i := range 1 + r.IntN(8) {
			f := randomType(r, 3, &names)
			record.fields = append(record.fields, f)
			all := f.columnTypes()
			text := all[r.IntN(len(all))]
			typ, err := batch.ParseType(text)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 || r.IntN(4) > 0 { // or else it is passed over
				columns = append(columns, batch.Column{Name: fmt.Sprintf("f%d", i), Type: typ})
				types = append(types, text)
			}
		}
		r.Shuffle(len(columns), func(i, j int) {
			columns[i], columns[j] = columns[j], columns[i]
			types[i], types[j] = types[j], types[i]
		})
		compareRandom(t, r, record, columns, types)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func compareRandom(t *testing.T, r *rand.Rand, record written, columns []batch.Column, types []string) {
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
		f := record.fields[at]
		for row, w := range want {
			got := batchtest.ShowScaled(rec.Column(c), row)
			if column.Type.Kind != batch.JSON {
				if expected := f.expected(w[column.Name], types[c]); got != expected {
					t.Errorf("%v in %s: got %s, want %s", f, types[c], got, expected)
				}
				continue
			}
			if got == "NULL" && w[column.Name] == nil {
				continue
			}
			var value any
			parser := json.NewDecoder(strings.NewReader(got))
			parser.UseNumber()
			if err := parser.Decode(&value); err != nil {
				t.Errorf("%s is not JSON: %v", got, err)
			} else if !f.sameJSON(value, w[column.Name]) {
				t.Errorf("%+v: got %s, want %v", f, got, w[column.Name])
			}
		}
	}
}
