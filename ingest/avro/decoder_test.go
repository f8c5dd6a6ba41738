package avro

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

func columnsOf(t testing.TB, decls ...string) *batch.Schema {
	t.Helper()
	return batch.NewSchema(batchtest.Columns(t, decls...))
}

// recordOf is the schema of a record with the given fields.
func recordOf(fields string) string {
	return `{"type":"record","name":"Order","namespace":"shop","fields":[` + fields + `]}`
}

func compile(t testing.TB, text string, table *batch.Schema, limits decode.Limits) *Decoder {
	t.Helper()
	s, err := ParseSchema(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	d, err := Compile(s, table, limits)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d
}

// decodeRow decodes one record and shows its values.
func decodeRow(t testing.TB, d *Decoder, table *batch.Schema, record []byte) (row string, err error) {
	t.Helper()
	decode := func(b *batch.Builder) error { return d.Decode(record, b) }
	err = batchtest.DecodeRow(t, fmt.Sprintf("%x", record), table, decode, func(rec arrow.RecordBatch) { row = batchtest.ShowRow(rec, 1) })
	return row, err
}

// zigzag writes numbers as Avro does.
func zigzag(numbers ...int64) []byte {
	var out []byte
	for _, n := range numbers {
		out = binary.AppendVarint(out, n)
	}
	return out
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// text writes a string.
func text(s string) []byte { return join(zigzag(int64(len(s))), []byte(s)) }

func TestFieldsFindTheirColumns(t *testing.T) {
	t.Parallel()
	long := func(name, more string) string { return `{"name":"` + name + `","type":"long"` + more + `}` }
	for _, c := range []struct {
		name, fields string
		table        []string
		record       []byte
		want         string
	}{
		{"the order of columns is not that of fields", long("a", "") + "," + long("b", ""), []string{"b BIGINT", "a BIGINT"}, zigzag(1, 2), "2|1"},
		{"another letter case", long("OrderId", ""), []string{"orderid BIGINT"}, zigzag(5), "5"},
		{"the same letter case comes first", long("id", "") + "," + long("ID", ""), []string{"id BIGINT"}, zigzag(1, 2), "1"},
		{"an alias", long("order_no", `,"aliases":["id"]`), []string{"id BIGINT"}, zigzag(7), "7"},
		{"a name comes before an alias", long("x", `,"aliases":["id"]`) + "," + long("ID", ""), []string{"id BIGINT"}, zigzag(1, 2), "2"},
		{"no field", long("id", ""), []string{"id BIGINT", "note VARCHAR"}, zigzag(3), "3|NULL"},
		{"fields that no column wants", `{"name":"m","type":{"type":"map","values":{"type":"array","items":"string"}}},` + long("id", ""),
			[]string{"id BIGINT"}, join(zigzag(1), text("k"), zigzag(-1, 2), text("v"), zigzag(0, 0, 9)), "9"},
		{"a block of known size", `{"name":"m","type":{"type":"array","items":"int"}},` + long("id", ""),
			[]string{"id BIGINT"}, join(zigzag(-3, 3, 1, 2, 3, 0, 4)), "4"},
	} {
		table := columnsOf(t, c.table...)
		got, err := decodeRow(t, compile(t, recordOf(c.fields), table, decode.Limits{}), table, c.record)
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ, column string
		record      []byte
		want        string // or what the error says
	}{
		{`"int"`, "BIGINT", zigzag(-7), "-7"},
		{`"int"`, "INTEGER", zigzag(1 << 31), "more bytes than its type"},
		{`"int"`, "BIGINT", []byte{0x82, 0x80, 0x80, 0x80, 0x80, 0}, "more bytes than its type"},
		{`"long"`, "BIGINT", []byte{0x82, 0x80, 0x80, 0x80, 0x80, 0}, "1"},
		{`"int"`, "HUGEINT", zigzag(-7), "-7"},
		{`"long"`, "HUGEINT", zigzag(-1 << 63), "-9223372036854775808"},
		{`"int"`, "DECIMAL(12,2)", zigzag(-2147483648), "-2147483648.00"},
		{`"long"`, "DECIMAL(38,19)", zigzag(1<<63 - 1), "9223372036854775807.0000000000000000000"},
		{`"long"`, "DOUBLE", zigzag(3), "3"},
		{`"float"`, "DOUBLE", []byte{0, 0, 0xc0, 0x3f}, "1.5"},
		{`"boolean"`, "BOOLEAN", []byte{1}, "true"},
		{`"boolean"`, "BOOLEAN", []byte{2}, "0x02 is not a boolean"},
		{`"string"`, "VARCHAR", text("käse"), "käse"},
		{`"string"`, "VARCHAR", text("\xff"), "not valid UTF-8"},
		{`"string"`, "VARCHAR", text("a\x00"), "NUL"},
		{`"string"`, "BLOB", text("\x00\xff"), "x00ff"},
		{`"bytes"`, "VARCHAR", text("a"), "a"},
		{`"bytes"`, "BLOB", text("\x00"), "x00"},
		{`{"type":"enum","name":"E","symbols":["A","B"]}`, "VARCHAR", zigzag(1), "B"},
		{`{"type":"enum","name":"E","symbols":["A","B"]}`, "VARCHAR", zigzag(2), "has no symbol 2"},
		{`{"type":"enum","name":"E","symbols":["A","B"]}`, "JSON", zigzag(0), `"A"`},
		{`["null","int"]`, "INTEGER", zigzag(0), "NULL"},
		{`["int","null"]`, "INTEGER", zigzag(0, 5), "5"},
		{`["int","null"]`, "INTEGER", zigzag(2, 5), "no such branch"},
		{`["null","int","double","long"]`, "DOUBLE", zigzag(3, 5), "5"},
		{`["null","int","string"]`, "VARCHAR", zigzag(1, 5), "5"},
		{`["null","int","string"]`, "VARCHAR", join(zigzag(2), text(`a"b`)), `a"b`},
		{`["null","int",{"type":"array","items":"int"}]`, "VARCHAR", zigzag(2, 1, 7, 0), `[7]`},
		{`["int",{"type":"int","logicalType":"date"},"null"]`, "VARCHAR", nil, "invalid"},
		{`["string",{"type":"long","logicalType":"timestamp-millis"}]`, "VARCHAR", zigzag(1, 1500), "1970-01-01T00:00:01.5Z"},
		{`["null","string"]`, "JSON", join(zigzag(1), text("a\x00\n")), `"a\u0000\n"`},
		{`"null"`, "BIGINT", nil, "NULL"},
		{`{"type":"int","logicalType":"date"}`, "DATE", zigzag(-1), "-1"},
		{`{"type":"int","logicalType":"date"}`, "DATE", zigzag(1<<31 - 1), "out of range for DATE"},
		{`{"type":"int","logicalType":"date"}`, "JSON", zigzag(19000), `"2022-01-08"`},
		{`{"type":"int","logicalType":"time-millis"}`, "TIME", zigzag(86_399_999), "86399999000"},
		{`{"type":"long","logicalType":"time-micros"}`, "TIME", zigzag(86_400_000_001), "is not a time of day"},
		{`{"type":"long","logicalType":"time-micros"}`, "JSON", zigzag(3_723_000_004), `"01:02:03.000004"`},
		{`{"type":"long","logicalType":"timestamp-millis"}`, "TIMESTAMPTZ", zigzag(-1), "-1000"},
		{`{"type":"long","logicalType":"timestamp-millis"}`, "TIMESTAMP", zigzag(1 << 60), "1152921504606846976 is out of range for TIMESTAMP"},
		{`{"type":"long","logicalType":"timestamp-micros"}`, "TIMESTAMP", zigzag(1<<63 - 1), "out of range for TIMESTAMP"},
		{`{"type":"long","logicalType":"timestamp-nanos"}`, "TIMESTAMP", zigzag(-1), "-1"},
		{`{"type":"long","logicalType":"local-timestamp-nanos"}`, "TIMESTAMP", zigzag(1999), "1"},
		{`{"type":"long","logicalType":"local-timestamp-micros"}`, "JSON", zigzag(1), `"1970-01-01T00:00:00.000001"`},
		{`{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}`, "DECIMAL(10,2)", text("\xff\x85"), "-1.23"},
		{`{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}`, "DECIMAL(12,4)", text("\x7b"), "1.2300"},
		{`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, "DECIMAL(4,2)", text("\x27\x10"), "100.00 is out of range for DECIMAL(4,2)"},
		{`{"type":"bytes","logicalType":"decimal","precision":38,"scale":0}`, "DECIMAL(38,0)", text(strings.Repeat("\x00", 20) + "\x01"), "1"},
		{`{"type":"bytes","logicalType":"decimal","precision":38,"scale":0}`, "DECIMAL(38,0)", text("\x01" + strings.Repeat("\x00", 16)), "out of range"},
		{`{"type":"bytes","logicalType":"decimal","precision":5,"scale":4}`, "JSON", text("\xff"), "-0.0001"},
		{`{"type":"bytes","logicalType":"decimal","precision":60,"scale":2}`, "JSON", text("\x01" + strings.Repeat("\x00", 16)), "3402823669209384634633746074317682114.56"},
		{`{"type":"bytes","logicalType":"decimal","precision":900,"scale":900}`, "JSON", text("\x01"), "1e-900"},
		{`{"type":"string","logicalType":"uuid"}`, "UUID", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{`{"type":"string","logicalType":"uuid"}`, "UUID", text("a0ee"), `"a0ee" is not a UUID`},
		{`{"type":"fixed","name":"F","size":16,"logicalType":"uuid"}`, "UUID", []byte("0123456789abcdef"), "30313233-3435-3637-3839-616263646566"},
		{`{"type":"fixed","name":"F","size":16,"logicalType":"uuid"}`, "VARCHAR", []byte("0123456789abcdef"), "30313233-3435-3637-3839-616263646566"},
		{`{"type":"fixed","name":"F","size":12,"logicalType":"duration"}`, "INTERVAL", []byte("\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00"), "1 2 3000"},
		{`{"type":"fixed","name":"F","size":12,"logicalType":"duration"}`, "INTERVAL", []byte("\x00\x00\x00\x80\x02\x00\x00\x00\x03\x00\x00\x00"), "out of range for INTERVAL"},
		{`{"type":"fixed","name":"F","size":12,"logicalType":"duration"}`, "JSON", []byte("\x01\x00\x00\x00\x02\x00\x00\x00\xb9\x0b\x00\x00"), `"P1M2DT3.001S"`},
		{`{"type":"fixed","name":"F","size":2}`, "BLOB", []byte("ab"), "x6162"},
		{`{"type":"map","values":"bytes"}`, "JSON", join(zigzag(1), text("k"), text("ab"), zigzag(0)), `{"k":"YWI="}`},
		{`{"type":"record","name":"R","fields":[{"name":"x","type":["null","double"]},{"name":"l","type":["null","R"]}]}`, "JSON",
			zigzag(0, 1, 0, 0), `{"x":null,"l":{"x":null,"l":null}}`},
	} {
		table := columnsOf(t, "v "+c.column)
		s, err := ParseSchema(recordOf(`{"name":"v","type":` + c.typ + `}`))
		if err != nil {
			if c.want != "invalid" {
				t.Errorf("%s: %v", c.typ, err)
			}
			continue
		}
		d, err := Compile(s, table, decode.Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.typ, err)
			continue
		}
		got, err := decodeRow(t, d, table, c.record)
		if err != nil && (!strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), `column "v": `)) || err == nil && got != c.want {
			t.Errorf("%s in %s: got %s, %v; want %s", c.typ, c.column, got, err, c.want)
		}
	}
}

func TestSchemasThatDoNotFit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, column, want string }{
		{`"long"`, "INTEGER", `column "v" of type INTEGER can't hold field "V" of type long (some of its values would not fit)`},
		{`"int"`, "SMALLINT", "some of its values would not fit"},
		{`"int"`, "UBIGINT", "some of its values would not fit"},
		{`"int"`, "DECIMAL(11,2)", "some of its values would not fit"},
		{`"double"`, "REAL", "some of its values would not fit"},
		{`"double"`, "DECIMAL(10,2)", "some of its values would not fit"},
		{`"double"`, "BIGINT", "some of its values would not fit"},
		{`"string"`, "BIGINT", "can't hold"},
		{`"int"`, "VARCHAR", "declare it by its own type, or as JSON"},
		{`{"type":"array","items":"int"}`, "VARCHAR", "declare the column as JSON"},
		{`{"type":"array","items":"int"}`, "BIGINT", "of type array"},
		{`"long"`, "TIMESTAMPTZ", "declare the column as BIGINT"},
		{`{"type":"long","logicalType":"timestamp-millis"}`, "BIGINT", "of type timestamp-millis"},
		{`{"type":"int","logicalType":"date"}`, "TIMESTAMP", "of type date"},
		{`{"type":"bytes","logicalType":"decimal","precision":10,"scale":3}`, "DECIMAL(12,2)", "of type decimal(10,3) (some"},
		{`{"type":"bytes","logicalType":"decimal","precision":12,"scale":1}`, "DECIMAL(12,2)", "of type decimal(12,1) (some"},
		{`["null","int","string"]`, "INTEGER", "of type [null, int, string] (its branch string does not fit)"},
		{`["null",{"type":"record","name":"R","fields":[]}]`, "VARCHAR", "[null, record R]"},
	} {
		s, err := ParseSchema(strings.ReplaceAll(recordOf(`{"name":"V","type":`+c.typ+`}`), `,"namespace":"shop"`, ""))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Compile(s, columnsOf(t, "v "+c.column), decode.Limits{})
		var refused *decode.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s in %s: %v, want %q", c.typ, c.column, err, c.want)
		}
	}
	s, err := ParseSchema(recordOf(`{"name":"a","type":"long"},{"name":"b","type":"string"}`))
	if err != nil {
		t.Fatal(err)
	}
	var refused *decode.RefusedError
	if _, err := Compile(s, columnsOf(t, "a INTEGER", "b DATE"), decode.Limits{}); !errors.As(err, &refused) || len(refused.Problems) != 2 {
		t.Errorf("not all problems at once: %v", err)
	}
	if _, err := Compile(s, columnsOf(t, "x INTEGER"), decode.Limits{}); err == nil {
		t.Error("a schema without any of the columns was taken")
	}
	for _, text := range []string{`"string"`, `{`, `["null","int"]`, `{"type":"record","name":"R","fields":[{"name":"a","type":"Missing"}]}`} {
		if _, err := ParseSchema(text); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

// TestSchemasReferToOthers reads a schema whose types are in other ones.
func TestSchemasReferToOthers(t *testing.T) {
	t.Parallel()
	currency := `{"type":"enum","name":"Currency","namespace":"money","symbols":["EUR","USD"]}`
	price := `{"type":"record","name":"Price","namespace":"money","fields":[{"name":"c","type":"Currency"},{"name":"v","type":"long"}]}`
	order := recordOf(`{"name":"price","type":"money.Price"},{"name":"paid","type":["null","money.Currency"]}`)
	s, err := ParseSchema(order, currency, price)
	if err != nil {
		t.Fatal(err)
	}
	table := columnsOf(t, "price JSON", "paid VARCHAR")
	d, err := Compile(s, table, decode.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeRow(t, d, table, zigzag(1, 250, 1, 0)); err != nil || got != `{"c":"USD","v":250}|EUR` {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := ParseSchema(order); err == nil {
		t.Error("a schema was taken whose types are not defined")
	}
}

// TestLengthsAreNotBelieved decodes records that say more than they hold.
func TestLengthsAreNotBelieved(t *testing.T) {
	t.Parallel()
	nested := `{"type":"record","name":"N","fields":[{"name":"n","type":["null","N"]}]}`
	hollow := `{"type":"record","name":"H0","fields":[]}`
	for i := range 40 { // each has the one before twice: 2^40 values in no byte
		hollow = fmt.Sprintf(`{"type":"record","name":"H%d","fields":[{"name":"a","type":%s},{"name":"b","type":"H%d"}]}`, i+1, hollow, i)
	}
	for _, c := range []struct {
		name, typ string
		record    []byte
		want      string
	}{
		{"a string", `"string"`, zigzag(1 << 40), endsEarly},
		{"a negative length", `"bytes"`, zigzag(-1), badLength},
		{"an array", `{"type":"array","items":"int"}`, zigzag(1 << 40), endsEarly},
		{"an array of the least count", `{"type":"array","items":"int"}`, zigzag(-1 << 63), badLength},
		{"a block's size", `{"type":"array","items":"int"}`, zigzag(-1, 1<<40), endsEarly},
		{"a block's negative size", `{"type":"array","items":"int"}`, zigzag(-1, -4), badLength},
		{"items without bytes", `{"type":"array","items":"null"}`, zigzag(1 << 40), tooManyEmpty},
		{"items without bytes, in many blocks", `{"type":"array","items":"null"}`, bytes.Repeat(zigzag(1<<15), 3), tooManyEmpty},
		{"a map of nulls", `{"type":"map","values":"null"}`, zigzag(1 << 40), endsEarly},
		{"depth", nested, bytes.Repeat(zigzag(1), 100), tooDeep},
		{"a number without end", `"long"`, bytes.Repeat([]byte{0x80}, 20), badVarint},
		{"a number cut off", `"long"`, []byte{0x80}, endsEarly},
		{"nothing", `"double"`, nil, endsEarly},
		{"bytes behind", `"int"`, zigzag(1, 2), "left behind the record"},
		{"values without bytes", hollow, zigzag(0), "left behind the record"},
		{"too long", `"string"`, text(strings.Repeat("x", 5000)), "exceeds the limit"},
	} {
		for _, column := range []string{"v JSON", "other BIGINT"} {
			table := columnsOf(t, column, "id BIGINT")
			d := compile(t, recordOf(`{"name":"id","type":"int"},{"name":"v","type":`+c.typ+`}`), table, decode.Limits{MaxBytes: 4096})
			_, err := decodeRow(t, d, table, join(zigzag(1), c.record))
			longer := column == "v JSON" && strings.Contains(c.name, "without bytes") && err != nil && strings.Contains(err.Error(), tooLong)
			if err == nil || !strings.Contains(err.Error(), c.want) && !longer {
				t.Errorf("%s in %s: %v, want %q", c.name, column, err, c.want)
			}
		}
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	d, table, records := orders(t, 64)
	b := batchtest.NewBuilder(t, table)
	for i := range 20_000 { // so that the columns have room
		if err := d.Decode(records[i%len(records)], b); err != nil {
			t.Fatal(err)
		}
	}
	b.Truncate(0)
	at := 0
	allocs := testing.AllocsPerRun(10_000, func() {
		if err := d.Decode(records[at%len(records)], b); err != nil {
			t.Fatal(err)
		}
		at++
	})
	if allocs != 0 {
		t.Errorf("%v allocations per record", allocs)
	}
}
