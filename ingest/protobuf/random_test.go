package protobuf

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

var scalarTypes = []string{
	"bool", "int32", "sint32", "uint32", "fixed32", "sfixed32", "int64", "sint64", "uint64", "fixed64", "sfixed64", "float", "double", "string", "bytes",
}

var knownTypes = []string{
	"google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.Int64Value", "google.protobuf.StringValue", "google.protobuf.BoolValue",
	"google.protobuf.UInt32Value", "google.protobuf.DoubleValue", "google.protobuf.Value", "google.protobuf.Struct", "google.protobuf.ListValue",
}

// randomFields returns the text of a message's fields. Messages M1 and up to depth
// have other ones in them.
func randomFields(r *rapid.T, depth int) string {
	var b strings.Builder
	number := 0
	next := func() int {
		number += rapid.SampledFrom([]int{1, 1, 1, 2, 900, 5000}).Draw(r, "step")
		return number
	}
	typ := func() string {
		switch kind := rapid.IntRange(0, 9).Draw(r, "kind"); {
		case kind < 6:
			return rapid.SampledFrom(scalarTypes).Draw(r, "scalar")
		case kind == 6:
			return "E"
		case kind == 7 && depth > 0:
			return fmt.Sprintf("M%d", depth)
		}
		return rapid.SampledFrom(knownTypes).Draw(r, "known")
	}
	for i := range rapid.IntRange(1, 7).Draw(r, "fields") {
		switch rapid.IntRange(0, 7).Draw(r, "label") {
		case 0, 1:
			packed := ""
			of := typ()
			if !strings.Contains(of, ".") && of != "string" && of != "bytes" && of[0] != 'M' && rapid.Bool().Draw(r, "unpacked") {
				packed = " [packed = false]"
			}
			fmt.Fprintf(&b, "repeated %s f%d = %d%s; ", of, i, next(), packed)
		case 2:
			key := rapid.SampledFrom([]string{"string", "int32", "sint64", "uint64", "bool", "fixed32"}).Draw(r, "key")
			fmt.Fprintf(&b, "map<%s, %s> f%d = %d; ", key, typ(), i, next())
		case 3:
			fmt.Fprintf(&b, "optional %s f%d = %d; ", typ(), i, next())
		case 4:
			fmt.Fprintf(&b, "oneof o%d { %s f%d = %d; %s g%d = %d; } ", i, typ(), i, next(), typ(), i, next())
		default:
			fmt.Fprintf(&b, "%s f%d = %d; ", typ(), i, next())
		}
	}
	return b.String()
}

func randomSchema(r *rapid.T) string {
	text := `syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
import "google/protobuf/wrappers.proto"; import "google/protobuf/struct.proto";
enum E { A = 0; B = 1; C = -5; D = 2000000000; }
message Root { ` + randomFields(r, 3) + " }\n"
	for depth := 3; depth > 0; depth-- {
		text += fmt.Sprintf("message M%d { %s }\n", depth, randomFields(r, depth-1))
	}
	return text
}

// fill gives the fields of a message random values.
func fill(r *rapid.T, m protoreflect.Message) {
	switch m.Descriptor().FullName() {
	case "google.protobuf.Timestamp":
		set(m, 1, protoreflect.ValueOfInt64(rapid.Int64Range(-62_135_596_800, 253_402_300_799).Draw(r, "seconds")))
		set(m, 2, protoreflect.ValueOfInt32(rapid.Int32Range(0, 999_999_999).Draw(r, "nanos")))
		return
	case "google.protobuf.Duration":
		seconds := rapid.Int64Range(-9_000_000_000, 9_000_000_000).Draw(r, "seconds")
		set(m, 1, protoreflect.ValueOfInt64(seconds))
		nanos := rapid.Int32Range(0, 999_999_999).Draw(r, "nanos")
		if seconds < 0 {
			nanos = -nanos
		}
		set(m, 2, protoreflect.ValueOfInt32(nanos))
		return
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if rapid.IntRange(0, 3).Draw(r, "absent") == 0 || m.Descriptor().FullName() == "google.protobuf.Value" && rapid.IntRange(0, 3).Draw(r, "end") > 0 {
			continue
		}
		switch {
		case f.IsList():
			list := m.Mutable(f).List()
			for range rapid.IntRange(0, 3).Draw(r, "items") {
				list.Append(randomValue(r, f, list.NewElement))
			}
		case f.IsMap():
			pairs := m.Mutable(f).Map()
			for range rapid.IntRange(0, 3).Draw(r, "pairs") {
				pairs.Set(randomValue(r, f.MapKey(), nil).MapKey(), randomValue(r, f.MapValue(), pairs.NewValue))
			}
		default:
			m.Set(f, randomValue(r, f, func() protoreflect.Value { return m.NewField(f) }))
		}
	}
}

func set(m protoreflect.Message, number protowire.Number, v protoreflect.Value) {
	m.Set(m.Descriptor().Fields().ByNumber(number), v)
}

func randomValue(r *rapid.T, f protoreflect.FieldDescriptor, empty func() protoreflect.Value) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(r, "v"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.SampledFrom([]int32{0, 1, -5, 2_000_000_000, 77, -1}).Draw(r, "v")))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(r, "v"))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(r, "v"))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(r, "v"))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(rapid.Uint64().Draw(r, "v"))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(rapid.SampledFrom([]float32{0, 1.5, -2e30, 1e-20, float32(math.Inf(1)), 0.1}).Draw(r, "v"))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.SampledFrom([]float64{0, 0.1, -2e300, math.Inf(-1), math.NaN(), 3}).Draw(r, "v"))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.SampledFrom([]string{"", "a", "käse", "line\nbreak", `"quoted\"`, "\x01\t", "日本"}).Draw(r, "v"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(r, "v"))
	}
	v := empty()
	fill(r, v.Message())
	return v
}

// record writes a message, or several that are to be merged, with the fields in
// another order.
func record(r *rapid.T, d protoreflect.MessageDescriptor) []byte {
	var fields [][]byte
	for range rapid.SampledFrom([]int{1, 1, 2, 3}).Draw(r, "messages") {
		m := dynamicpb.NewMessage(d)
		fill(r, m)
		data, err := proto.Marshal(m)
		if err != nil {
			r.Fatal(err)
		}
		for len(data) > 0 {
			_, _, n := protowire.ConsumeField(data)
			fields, data = append(fields, data[:n]), data[n:]
		}
	}
	if len(fields) > 1 && rapid.Bool().Draw(r, "shuffled") {
		fields = rapid.Permutation(fields).Draw(r, "order")
	}
	return slices.Concat(fields...)
}

// columnTypes are types of columns that can hold a field.
func columnTypes(f protoreflect.FieldDescriptor) []string {
	if f.IsList() || f.IsMap() {
		return []string{"JSON"}
	}
	kind := f.Kind()
	if kind == protoreflect.MessageKind {
		switch f.Message().FullName() {
		case "google.protobuf.Timestamp":
			return []string{"TIMESTAMP", "TIMESTAMPTZ", "JSON"}
		case "google.protobuf.Duration":
			return []string{"INTERVAL", "JSON"}
		case "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue":
			return []string{"JSON"}
		}
		if !strings.HasSuffix(string(f.Message().FullName()), "Value") {
			return []string{"JSON"}
		}
		kind = f.Message().Fields().Get(0).Kind()
	}
	switch kind {
	case protoreflect.BoolKind:
		return []string{"BOOLEAN", "JSON"}
	case protoreflect.EnumKind:
		return []string{"VARCHAR", "INTEGER", "BIGINT", "HUGEINT", "JSON"}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return []string{"INTEGER", "BIGINT", "HUGEINT", "DECIMAL(12,2)", "DECIMAL(38,10)", "REAL", "DOUBLE", "JSON"}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return []string{"UINTEGER", "BIGINT", "UBIGINT", "HUGEINT", "DECIMAL(12,2)", "REAL", "DOUBLE", "JSON"}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return []string{"BIGINT", "HUGEINT", "DECIMAL(25,3)", "REAL", "DOUBLE", "JSON"}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return []string{"UBIGINT", "HUGEINT", "DECIMAL(25,3)", "REAL", "DOUBLE", "JSON"}
	case protoreflect.FloatKind:
		return []string{"REAL", "DOUBLE", "JSON"}
	case protoreflect.DoubleKind:
		return []string{"DOUBLE", "JSON"}
	case protoreflect.StringKind:
		return []string{"VARCHAR", "BLOB", "JSON"}
	}
	return []string{"BLOB", "JSON"}
}

// expected is what a column that is not JSON shows of a field.
func expected(m protoreflect.Message, f protoreflect.FieldDescriptor, column batch.Type) string {
	if f.HasPresence() && !m.Has(f) {
		return "NULL"
	}
	v := m.Get(f)
	if f.Kind() == protoreflect.MessageKind {
		inner := v.Message()
		get := func(i int) protoreflect.Value { return inner.Get(f.Message().Fields().Get(i)) }
		switch f.Message().FullName() {
		case "google.protobuf.Timestamp":
			return strconv.FormatInt(time.Unix(get(0).Int(), get(1).Int()).UnixMicro(), 10)
		case "google.protobuf.Duration":
			return fmt.Sprintf("0 0 %d", get(0).Int()*1_000_000+get(1).Int()/1000)
		}
		f, v = f.Message().Fields().Get(0), get(0)
	}
	switch column.Kind {
	case batch.Blob:
		if f.Kind() == protoreflect.StringKind {
			return fmt.Sprintf("x%x", v.String())
		}
		return fmt.Sprintf("x%x", v.Bytes())
	case batch.Real:
		return strconv.FormatFloat(realOf(v), 'g', -1, 32)
	case batch.Double:
		return strconv.FormatFloat(floatOf(v), 'g', -1, 64)
	case batch.Decimal:
		n, _ := new(big.Int).SetString(fmt.Sprint(v.Interface()), 10)
		return new(big.Rat).SetInt(n).FloatString(int(column.Scale))
	}
	if f.Kind() != protoreflect.EnumKind {
		return fmt.Sprint(v.Interface())
	}
	if named := f.Enum().Values().ByNumber(v.Enum()); named != nil && column.Kind == batch.Varchar {
		return string(named.Name())
	}
	return fmt.Sprint(int32(v.Enum()))
}

func floatOf(v protoreflect.Value) float64 {
	switch v := v.Interface().(type) {
	case int32:
		return float64(v)
	case int64:
		return float64(v)
	case uint32:
		return float64(v)
	case uint64:
		return float64(v)
	}
	return v.Float()
}

func realOf(v protoreflect.Value) float64 {
	switch v := v.Interface().(type) {
	case int64:
		return float64(float32(v))
	case uint64:
		return float64(float32(v))
	}
	return float64(float32(floatOf(v)))
}

// jsonOf returns a message as encoding/json reads what we write.
func jsonOf(m protoreflect.Message) any {
	fields := m.Descriptor().Fields()
	get := func(i int) protoreflect.Value { return m.Get(fields.Get(i)) }
	switch name := m.Descriptor().FullName(); name {
	case "google.protobuf.Timestamp":
		return time.Unix(get(0).Int(), get(1).Int()).UTC().Format(time.RFC3339Nano)
	case "google.protobuf.Duration":
		n := new(big.Int).Add(new(big.Int).Mul(big.NewInt(get(0).Int()), big.NewInt(1e9)), big.NewInt(get(1).Int()))
		text := new(big.Rat).SetFrac(n, big.NewInt(1e9)).FloatString(9)
		return "PT" + strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "S"
	case "google.protobuf.Value":
		f := m.WhichOneof(m.Descriptor().Oneofs().Get(0))
		if f == nil || f.Kind() == protoreflect.EnumKind {
			return nil
		}
		return itemOf(f, m.Get(f))
	case "google.protobuf.Struct", "google.protobuf.ListValue":
		return fieldOf(m, fields.Get(0))
	default:
		if strings.HasPrefix(string(name), "google.protobuf.") { // a wrapper
			return itemOf(fields.Get(0), get(0))
		}
	}
	out := map[string]any{}
	for i := range fields.Len() {
		if f := fields.Get(i); !f.HasPresence() || m.Has(f) {
			out[string(f.Name())] = fieldOf(m, f)
		}
	}
	return out
}

func fieldOf(m protoreflect.Message, f protoreflect.FieldDescriptor) any {
	switch {
	case f.IsList():
		out := []any{}
		for i := range m.Get(f).List().Len() {
			out = append(out, itemOf(f, m.Get(f).List().Get(i)))
		}
		return out
	case f.IsMap():
		out := map[string]any{}
		m.Get(f).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			out[k.String()] = itemOf(f.MapValue(), v)
			return true
		})
		return out
	}
	return itemOf(f, m.Get(f))
}

func itemOf(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return jsonOf(v.Message())
	case protoreflect.BoolKind:
		return v.Bool()
	case protoreflect.StringKind:
		return v.String()
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case protoreflect.EnumKind:
		if named := f.Enum().Values().ByNumber(v.Enum()); named != nil {
			return string(named.Name())
		}
		return json.Number(fmt.Sprint(int32(v.Enum())))
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		bits := 64
		if f.Kind() == protoreflect.FloatKind {
			bits = 32
		}
		switch {
		case math.IsNaN(v.Float()):
			return "NaN"
		case math.IsInf(v.Float(), 0):
			return strings.TrimPrefix(strconv.FormatFloat(v.Float(), 'g', -1, 64), "+") + "inity"
		}
		return json.Number(strconv.FormatFloat(v.Float(), 'g', -1, bits))
	}
	return json.Number(fmt.Sprint(v.Interface()))
}

func readJSON(text string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v)
}

// TestAgainstTheLibrary writes random records of random schemas, and compares
// each column with what the library reads.
func TestAgainstTheLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		text := randomSchema(r)
		root := descriptorOf(t, text, "Root")
		var columns []batch.Column
		for i := range root.Fields().Len() {
			f := root.Fields().Get(i)
			if i > 0 && rapid.IntRange(0, 4).Draw(r, "skipped") == 0 {
				continue
			}
			text := rapid.SampledFrom(columnTypes(f)).Draw(r, "column")
			typ, err := batch.ParseType(text)
			if err != nil {
				r.Fatal(err)
			}
			columns = append(columns, batch.Column{Name: string(f.Name()), Type: typ})
		}
		table := batch.NewSchema(columns)
		if rapid.Bool().Draw(r, "by its descriptor") {
			text = inBase64(t, root.ParentFile())
		}
		d := compile(t, text, "Root", table, decode.Limits{})
		mem := batch.NewAllocator()
		b := batch.NewBuilder(mem, table)
		defer b.Release()
		var want []protoreflect.Message
		for range 5 {
			data := record(r, root)
			m := dynamicpb.NewMessage(root)
			if err := proto.Unmarshal(data, m); err != nil {
				r.Fatal(err)
			}
			if err := d.Decode(data, b); err != nil && !strings.Contains(err.Error(), "not a duration") { // two durations merged may be none
				r.Fatalf("%s\n%x: %v", text, data, err)
			} else if err == nil {
				want = append(want, m)
			}
		}
		rec := b.Finish()
		defer rec.Release()
		for row, m := range want {
			compare(r, rec, row, table, m)
		}
	})
}

// compare compares a row with the message that the library has read.
func compare(t interface{ Errorf(string, ...any) }, rec arrow.RecordBatch, row int, table *batch.Schema, m protoreflect.Message) {
	for c, column := range table.Columns {
		f := m.Descriptor().Fields().ByName(protoreflect.Name(column.Name))
		if column.Type.Nested != nil {
			if got, want := batchtest.ShowNested(rec.Column(c), row), shownField(m, f, column.Type); got != want {
				t.Errorf("%s in %s: got %s, want %s", f.FullName(), column.Type, got, want)
			}
			continue
		}
		got := batchtest.ShowScaled(rec.Column(c), row)
		if column.Type.Kind != batch.JSON || f.HasPresence() && !m.Has(f) {
			if want := expected(m, f, column.Type); got != want {
				t.Errorf("%s in %s: got %s, want %s", f.FullName(), column.Type, got, want)
			}
			continue
		}
		v, err := readJSON(got)
		want, _ := json.Marshal(fieldOf(m, f))
		if again, _ := json.Marshal(v); err != nil || string(again) != string(want) {
			t.Errorf("%s: got %s, %v; want %s", f.FullName(), got, err, want)
		}
	}
}
