package pgwire

import (
	"bufio"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/server/pgwire/datetime"
)

var postgresDSN = flag.String("postgres", "", "record testdata/postgres15.txt from the PostgreSQL server with this connection string")

const recordedValues = "testdata/postgres15.txt"

// value is a DuckDB value as it comes in an Arrow array, and the expression
// that gives the same value in PostgreSQL.
type value struct {
	postgres string
	typ      string // DuckDB's
	arrow    arrow.DataType
	value    any
	zone     string // of the session; "": UTC
}

var (
	micros   = &arrow.TimestampType{Unit: arrow.Microsecond}
	microsTZ = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	timeOf   = &arrow.Time64Type{Unit: arrow.Microsecond}
)

func listOf(t arrow.DataType) arrow.DataType { return arrow.ListOf(t) }

func decimalOf(precision, scale int32) arrow.DataType {
	return &arrow.Decimal128Type{Precision: precision, Scale: scale}
}

var values = []value{
	{postgres: "true", typ: "BOOLEAN", arrow: arrow.FixedWidthTypes.Boolean, value: "true"},
	{postgres: "false", typ: "BOOLEAN", arrow: arrow.FixedWidthTypes.Boolean, value: "false"},
	{postgres: "null::bool", typ: "BOOLEAN", arrow: arrow.FixedWidthTypes.Boolean},
	{postgres: "(-128)::int2", typ: "TINYINT", arrow: arrow.PrimitiveTypes.Int8, value: "-128"},
	{postgres: "255::int2", typ: "UTINYINT", arrow: arrow.PrimitiveTypes.Uint8, value: "255"},
	{postgres: "(-32768)::int2", typ: "SMALLINT", arrow: arrow.PrimitiveTypes.Int16, value: "-32768"},
	{postgres: "65535::int4", typ: "USMALLINT", arrow: arrow.PrimitiveTypes.Uint16, value: "65535"},
	{postgres: "(-2147483648)::int4", typ: "INTEGER", arrow: arrow.PrimitiveTypes.Int32, value: "-2147483648"},
	{postgres: "4294967295::int8", typ: "UINTEGER", arrow: arrow.PrimitiveTypes.Uint32, value: "4294967295"},
	{postgres: "(-9223372036854775808)::int8", typ: "BIGINT", arrow: arrow.PrimitiveTypes.Int64, value: "-9223372036854775808"},
	{postgres: "18446744073709551615::numeric", typ: "UBIGINT", arrow: arrow.PrimitiveTypes.Uint64, value: "18446744073709551615"},
	{postgres: "-170141183460469231731687303715884105728::numeric", typ: "HUGEINT", arrow: decimalOf(38, 0), value: decimal128.New(math.MinInt64, 0)},
	{postgres: "340282366920938463463374607431768211455::numeric", typ: "UHUGEINT", arrow: decimalOf(38, 0), value: "-1"},
	{postgres: "0::numeric", typ: "HUGEINT", arrow: decimalOf(38, 0), value: "0"},
	{postgres: "10000::numeric", typ: "HUGEINT", arrow: decimalOf(38, 0), value: "10000"},
	{postgres: "123::numeric", typ: "BIGNUM", arrow: arrow.BinaryTypes.Binary, value: []byte{0x80, 0, 1, 123}},
	{postgres: "(-123)::numeric", typ: "BIGNUM", arrow: arrow.BinaryTypes.Binary, value: []byte{0x7f, 0xff, 0xfe, 0xff - 123}},
	{postgres: "1.50::numeric(12,2)", typ: "DECIMAL(12,2)", arrow: decimalOf(12, 2), value: "1.50"},
	{postgres: "(-0.01)::numeric(12,2)", typ: "DECIMAL(12,2)", arrow: decimalOf(12, 2), value: "-0.01"},
	{postgres: "0::numeric(12,2)", typ: "DECIMAL(12,2)", arrow: decimalOf(12, 2), value: "0"},
	{postgres: "12345.678::numeric(9,3)", typ: "DECIMAL(9,3)", arrow: &arrow.Decimal32Type{Precision: 9, Scale: 3}, value: "12345.678"},
	{postgres: "(-100000000.0001)::numeric(18,4)", typ: "DECIMAL(18,4)", arrow: &arrow.Decimal64Type{Precision: 18, Scale: 4}, value: "-100000000.0001"},
	{postgres: "0.00000001::numeric(38,20)", typ: "DECIMAL(38,20)", arrow: decimalOf(38, 20), value: "0.00000001"},
	{postgres: "0.00010000::numeric(38,8)", typ: "DECIMAL(38,8)", arrow: decimalOf(38, 8), value: "0.00010000"},
	{postgres: "99999999999999999999999999999999999999::numeric(38,0)", typ: "DECIMAL(38,0)", arrow: decimalOf(38, 0), value: strings.Repeat("9", 38)},
	{postgres: "10000.00001::numeric(38,5)", typ: "DECIMAL(38,5)", arrow: decimalOf(38, 5), value: "10000.00001"},

	{postgres: "1.5::float4", typ: "FLOAT", arrow: arrow.PrimitiveTypes.Float32, value: "1.5"},
	{postgres: "1234567::float4", typ: "FLOAT", arrow: arrow.PrimitiveTypes.Float32, value: "1234567"},
	{postgres: "999999::float4", typ: "FLOAT", arrow: arrow.PrimitiveTypes.Float32, value: "999999"},
	{postgres: "0.1::float4", typ: "FLOAT", arrow: arrow.PrimitiveTypes.Float32, value: "0.1"},
	{postgres: "3.4028235e38::float4", typ: "FLOAT", arrow: arrow.PrimitiveTypes.Float32, value: "3.4028235e38"},
	{postgres: "'NaN'::float4", typ: "FLOAT", arrow: arrow.PrimitiveTypes.Float32, value: "NaN"},
	{postgres: "0::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "0"},
	{postgres: "'-0'::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "-0"},
	{postgres: "1e15::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "1e15"},
	{postgres: "999999999999999::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "999999999999999"},
	{postgres: "123456789012345678::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "123456789012345678"},
	{postgres: "0.0001::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "0.0001"},
	{postgres: "0.00001234::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "0.00001234"},
	{postgres: "5e-324::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "5e-324"},
	{postgres: "1.7976931348623157e308::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "1.7976931348623157e308"},
	{postgres: "'Infinity'::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "+Inf"},
	{postgres: "'-Infinity'::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: "-Inf"},
	{postgres: "'NaN'::float8", typ: "DOUBLE", arrow: arrow.PrimitiveTypes.Float64, value: nan},

	{postgres: "'grüße'::text", typ: "VARCHAR", arrow: arrow.BinaryTypes.String, value: "grüße"},
	{postgres: "''::text", typ: "VARCHAR", arrow: arrow.BinaryTypes.String, value: ""},
	{postgres: "'big'::text", typ: "VARCHAR", arrow: arrow.BinaryTypes.LargeString, value: "big"},
	{postgres: "'view'::text", typ: "VARCHAR", arrow: arrow.BinaryTypes.StringView, value: "view"},
	{postgres: "'b'::text", typ: "ENUM('a', 'b')", arrow: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint8, ValueType: arrow.BinaryTypes.String}, value: "b"},
	{postgres: "null::text", typ: `"NULL"`, arrow: arrow.PrimitiveTypes.Int32},
	{postgres: `'{"a": 1}'::json`, typ: "JSON", arrow: arrow.BinaryTypes.String, value: `{"a": 1}`},
	{postgres: `'\x00ff5c'::bytea`, typ: "BLOB", arrow: arrow.BinaryTypes.Binary, value: []byte{0, 0xff, '\\'}},
	{postgres: `''::bytea`, typ: "BLOB", arrow: arrow.BinaryTypes.Binary, value: []byte{}},
	{postgres: "'0101'::varbit", typ: "BIT", arrow: arrow.BinaryTypes.Binary, value: []byte{4, 0xf5}},
	{postgres: "'110000001'::varbit", typ: "BIT", arrow: arrow.BinaryTypes.Binary, value: []byte{7, 0xff, 0x81}},
	{postgres: "'0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0'::uuid", typ: "UUID", arrow: arrow.BinaryTypes.String, value: "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"},

	{postgres: "'2020-02-29'::date", typ: "DATE", arrow: arrow.FixedWidthTypes.Date32, value: int64(18321)},
	{postgres: "'1969-12-31'::date", typ: "DATE", arrow: arrow.FixedWidthTypes.Date32, value: int64(-1)},
	{postgres: "'0044-03-15 BC'::date", typ: "DATE", arrow: arrow.FixedWidthTypes.Date32, value: datetime.DaysFromCivil(-43, 3, 15)},
	{postgres: "'0001-12-31 BC'::date", typ: "DATE", arrow: arrow.FixedWidthTypes.Date32, value: datetime.DaysFromCivil(0, 12, 31)},
	{postgres: "'12345-06-07'::date", typ: "DATE", arrow: arrow.FixedWidthTypes.Date32, value: datetime.DaysFromCivil(12345, 6, 7)},
	{postgres: "'infinity'::date", typ: "DATE", arrow: arrow.FixedWidthTypes.Date32, value: int64(batch.InfinityDays)},
	{postgres: "'-infinity'::date", typ: "DATE", arrow: arrow.FixedWidthTypes.Date32, value: int64(batch.NegInfinityDays)},
	{postgres: "'00:00:00'::time", typ: "TIME", arrow: timeOf, value: int64(0)},
	{postgres: "'24:00:00'::time", typ: "TIME", arrow: timeOf, value: int64(datetime.MicrosPerDay)},
	{postgres: "'04:05:06.070809'::time", typ: "TIME", arrow: timeOf, value: int64(14706070809)},
	{postgres: "'04:05:06.5'::time", typ: "TIME_NS", arrow: &arrow.Time64Type{Unit: arrow.Nanosecond}, value: int64(14706500000999)},
	{postgres: "'12:00:00+00'::timetz", typ: "TIME WITH TIME ZONE", arrow: timeOf, value: int64(12 * datetime.MicrosPerHour)},
	{postgres: "'2020-01-01 00:00:00.123'::timestamp", typ: "TIMESTAMP", arrow: micros, value: int64(1577836800123000)},
	{postgres: "'1969-12-31 23:59:59.999999'::timestamp", typ: "TIMESTAMP", arrow: micros, value: int64(-1)},
	{postgres: "'0044-03-15 12:00:00 BC'::timestamp", typ: "TIMESTAMP", arrow: micros, value: datetime.DaysFromCivil(-43, 3, 15)*datetime.MicrosPerDay + 12*datetime.MicrosPerHour},
	{postgres: "'infinity'::timestamp", typ: "TIMESTAMP", arrow: micros, value: batch.InfinityMicros},
	{postgres: "'-infinity'::timestamp", typ: "TIMESTAMP", arrow: micros, value: batch.NegInfinityMicros},
	{postgres: "'2020-01-01 00:00:01'::timestamp", typ: "TIMESTAMP_S", arrow: &arrow.TimestampType{Unit: arrow.Second}, value: int64(1577836801)},
	{postgres: "'infinity'::timestamp", typ: "TIMESTAMP_S", arrow: &arrow.TimestampType{Unit: arrow.Second}, value: batch.InfinityMicros},
	{postgres: "'2020-01-01 00:00:00.001'::timestamp", typ: "TIMESTAMP_MS", arrow: &arrow.TimestampType{Unit: arrow.Millisecond}, value: int64(1577836800001)},
	{postgres: "'2020-01-01 00:00:00.123456'::timestamp", typ: "TIMESTAMP_NS", arrow: &arrow.TimestampType{Unit: arrow.Nanosecond}, value: int64(1577836800123456999)},
	{postgres: "'2020-01-01 00:00:00+00'::timestamptz", typ: "TIMESTAMP WITH TIME ZONE", arrow: microsTZ, value: int64(1577836800000000)},
	{postgres: "'2020-07-01 00:00:00+00'::timestamptz", typ: "TIMESTAMP WITH TIME ZONE", arrow: microsTZ, value: int64(1593561600000000), zone: "Europe/Berlin"},
	{postgres: "'2020-01-01 12:00:00+00'::timestamptz", typ: "TIMESTAMP WITH TIME ZONE", arrow: microsTZ, value: int64(1577880000000000), zone: "Asia/Kolkata"},
	{postgres: "'2020-01-01 00:30:00+00'::timestamptz", typ: "TIMESTAMP WITH TIME ZONE", arrow: microsTZ, value: int64(1577838600000000), zone: "America/New_York"},
	{postgres: "'1880-01-01 00:00:00+00'::timestamptz", typ: "TIMESTAMP WITH TIME ZONE", arrow: microsTZ, value: datetime.DaysFromCivil(1880, 1, 1) * datetime.MicrosPerDay, zone: "Europe/Berlin"},
	{postgres: "'0044-03-15 12:00:00+00 BC'::timestamptz", typ: "TIMESTAMP WITH TIME ZONE", arrow: microsTZ, value: datetime.DaysFromCivil(-43, 3, 15)*datetime.MicrosPerDay + 12*datetime.MicrosPerHour},
	{postgres: "'infinity'::timestamptz", typ: "TIMESTAMP WITH TIME ZONE", arrow: microsTZ, value: batch.InfinityMicros, zone: "Asia/Kolkata"},

	{postgres: "'0'::interval", typ: "INTERVAL", arrow: arrow.FixedWidthTypes.MonthDayNanoInterval, value: batch.IntervalValue{}},
	{postgres: "'1 year 2 mons 3 days 04:05:06.7'::interval", typ: "INTERVAL", arrow: arrow.FixedWidthTypes.MonthDayNanoInterval, value: batch.IntervalValue{Months: 14, Days: 3, Micros: 14706700000}},
	{postgres: "'-1 years -1 mons +1 day -00:00:01'::interval", typ: "INTERVAL", arrow: arrow.FixedWidthTypes.MonthDayNanoInterval, value: batch.IntervalValue{Months: -13, Days: 1, Micros: -datetime.MicrosPerSecond}},
	{postgres: "'-3 days +00:00:00.000001'::interval", typ: "INTERVAL", arrow: arrow.FixedWidthTypes.MonthDayNanoInterval, value: batch.IntervalValue{Days: -3, Micros: 1}},
	{postgres: "'1000:00:00'::interval", typ: "INTERVAL", arrow: arrow.FixedWidthTypes.MonthDayNanoInterval, value: batch.IntervalValue{Micros: 1000 * datetime.MicrosPerHour}},
	{postgres: "'5 mons'::interval", typ: "INTERVAL", arrow: arrow.FixedWidthTypes.MonthDayNanoInterval, value: batch.IntervalValue{Months: 5}},

	{postgres: "'{1,NULL,-3}'::int4[]", typ: "INTEGER[]", arrow: listOf(arrow.PrimitiveTypes.Int32), value: []any{"1", nil, "-3"}},
	{postgres: "'{1,2}'::int4[]", typ: "INTEGER[2]", arrow: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int32), value: []any{"1", "2"}},
	{postgres: "'{}'::int8[]", typ: "BIGINT[]", arrow: listOf(arrow.PrimitiveTypes.Int64), value: []any{}},
	{postgres: `array['a', '', 'null', 'x y', '"', '\', ',{}', null]::text[]`, typ: "VARCHAR[]", arrow: listOf(arrow.BinaryTypes.String), value: []any{"a", "", "null", "x y", `"`, `\`, ",{}", nil}},
	{postgres: "array[true,false]", typ: "BOOLEAN[]", arrow: listOf(arrow.FixedWidthTypes.Boolean), value: []any{"true", "false"}},
	{postgres: "array[1.50,-0.01]::numeric(12,2)[]", typ: "DECIMAL(12,2)[]", arrow: listOf(decimalOf(12, 2)), value: []any{"1.50", "-0.01"}},
	{postgres: "array['NaN',1.5]::float8[]", typ: "DOUBLE[]", arrow: listOf(arrow.PrimitiveTypes.Float64), value: []any{nan, 1.5}},
	{postgres: "array['2020-01-01','infinity']::date[]", typ: "DATE[]", arrow: listOf(arrow.FixedWidthTypes.Date32), value: []any{int64(18262), int64(batch.InfinityDays)}},
	{postgres: "array['2020-01-01 00:00:01']::timestamp[]", typ: "TIMESTAMP[]", arrow: listOf(micros), value: []any{int64(1577836801000000)}},
	{postgres: "array['2020-01-01 00:00:01+00']::timestamptz[]", typ: "TIMESTAMP WITH TIME ZONE[]", arrow: listOf(microsTZ), value: []any{int64(1577836801000000)}},
	{postgres: "array['1 day 00:00:01']::interval[]", typ: "INTERVAL[]", arrow: listOf(arrow.FixedWidthTypes.MonthDayNanoInterval), value: []any{batch.IntervalValue{Days: 1, Micros: datetime.MicrosPerSecond}}},
	{postgres: "array['0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0']::uuid[]", typ: "UUID[]", arrow: listOf(arrow.BinaryTypes.String), value: []any{"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"}},
	{postgres: `array['{"a": 1}']::json[]`, typ: "JSON[]", arrow: listOf(arrow.BinaryTypes.String), value: []any{`{"a": 1}`}},
	{postgres: `array['\x01']::bytea[]`, typ: "BLOB[]", arrow: listOf(arrow.BinaryTypes.Binary), value: []any{[]byte{1}}},

	{postgres: "'x'::name", typ: "PG_NAME", arrow: arrow.BinaryTypes.String, value: "x"},
	{postgres: "4294967295::oid", typ: "PG_OID", arrow: arrow.PrimitiveTypes.Int64, value: "4294967295"},
	{postgres: `'r'::"char"`, typ: "PG_CHAR", arrow: arrow.BinaryTypes.String, value: "r"},
	{postgres: "'1 2'::int2vector", typ: "PG_INT2VECTOR", arrow: listOf(arrow.PrimitiveTypes.Int16), value: []any{"1", "2"}},
	{postgres: "'{0,7}'::oid[]", typ: "PG_OID[]", arrow: listOf(arrow.PrimitiveTypes.Int64), value: []any{"0", "7"}},
}

// nan is the only NaN that DuckDB and PostgreSQL make; Go has another.
var nan = math.Float64frombits(0x7ff8000000000000)

// recorded is what PostgreSQL sent for a value.
type recorded struct{ oid, typmod, text, binary string }

// TestValuesAreSentAsPostgresSendsThem compares every type in both formats with
// what PostgreSQL 15 sent for the same value, byte by byte.
func TestValuesAreSentAsPostgresSendsThem(t *testing.T) {
	if *postgresDSN != "" {
		recordValues(t)
	}
	expected := readRecorded(t)
	for _, v := range values {
		t.Run(v.typ+" "+v.postgres, func(t *testing.T) {
			want, ok := expected[v.key()]
			if !ok {
				t.Fatalf("not recorded; run with -postgres")
			}
			typ := parseType(v.typ)
			got := recorded{oid: fmt.Sprint(typ.oid), typmod: fmt.Sprint(typ.typmod)}
			got.text = hex.EncodeToString(encodeValue(t, v, textFormat))
			got.binary = hex.EncodeToString(encodeValue(t, v, binaryFormat))
			if got != want {
				text, _ := hex.DecodeString(got.text)
				wantText, _ := hex.DecodeString(want.text)
				t.Errorf("got  %+v %q\nwant %+v %q", got, text, want, wantText)
			}
		})
	}
}

func (v value) key() string { return v.zone + " " + v.postgres }

// encodeValue returns the value in a DataRow with one column, from its length on.
func encodeValue(t *testing.T, v value, format int16) []byte {
	t.Helper()
	zone, err := time.LoadLocation(v.zone)
	if err != nil {
		t.Fatal(err)
	}
	e := newRowEncoder([]query.Column{{Type: v.typ}}, []*wireType{parseType(v.typ)}, []int16{format}, zone)
	if err := e.bind(record(arrayOfValues(t, v.arrow, nil, v.value))); err != nil {
		t.Fatal(err)
	}
	row, err := e.append(nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	return row[7:]
}

func readRecorded(t *testing.T) map[string]recorded {
	t.Helper()
	f, err := os.Open(recordedValues)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := make(map[string]recorded)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		p := strings.Split(lines.Text(), "\t")
		all[p[0]] = recorded{p[1], p[2], p[3], p[4]}
	}
	return all
}

// recordValues asks a PostgreSQL server.
func recordValues(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, *postgresDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var out strings.Builder
	seen := make(map[string]bool)
	for _, v := range values {
		if seen[v.key()] {
			continue
		}
		seen[v.key()] = true
		zone := v.zone
		if zone == "" {
			zone = "UTC"
		}
		if _, err := conn.Exec(ctx, "SET TimeZone = '"+zone+"'").ReadAll(); err != nil {
			t.Fatal(err)
		}
		var sent [2]string
		var typmod int32
		var oid uint32
		for format := range int16(2) {
			r := conn.ExecParams(ctx, "SELECT "+v.postgres, nil, nil, nil, []int16{format}).Read()
			if r.Err != nil {
				t.Fatalf("%s: %v", v.postgres, r.Err)
			}
			oid, typmod = r.FieldDescriptions[0].DataTypeOID, r.FieldDescriptions[0].TypeModifier
			sent[format] = "ffffffff"
			if raw := r.Rows[0][0]; raw != nil {
				sent[format] = fmt.Sprintf("%08x%x", len(raw), raw)
			}
		}
		fmt.Fprintf(&out, "%s\t%d\t%d\t%s\t%s\n", v.key(), oid, typmod, sent[0], sent[1])
	}
	if err := os.WriteFile(recordedValues, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestParametersAreReadInBothFormats sends back what PostgreSQL sent for a
// value as a parameter, in both formats. The two must give the same Go value,
// and a known one where the value's Go type is known.
func TestParametersAreReadInBothFormats(t *testing.T) {
	expected := readRecorded(t)
	for _, v := range values {
		oid := parseType(v.typ).oid
		if oid == oidInt2Vector {
			continue // nobody sends these
		}
		t.Run(v.typ+" "+v.postgres, func(t *testing.T) {
			want := expected[v.key()]
			var got [2]any
			for format, sent := range []string{want.text, want.binary} {
				var data []byte
				if sent != "ffffffff" {
					data, _ = hex.DecodeString(sent[8:])
					data = append([]byte{}, data...)
				}
				var err error
				if got[format], err = decodeParameter(1, oid, int16(format), data); err != nil {
					t.Fatalf("format %d: %v", format, err)
				}
			}
			if fmt.Sprintf("%T %v", got[0], got[0]) != fmt.Sprintf("%T %v", got[1], got[1]) {
				t.Errorf("text gives %T %v, binary %T %v", got[0], got[0], got[1], got[1])
			}
			if n, ok := v.value.(batch.IntervalValue); ok && got[1] != n {
				t.Errorf("got %v, want %v", got[1], n)
			}
			if n, ok := v.value.(int64); ok && v.arrow == arrow.DataType(micros) && got[1] != batch.TimestampValue(n) {
				t.Errorf("got %v, want %v", got[1], n)
			}
		})
	}
}

// TestJSONValues covers the types that PostgreSQL has no counterpart for.
func TestJSONValues(t *testing.T) {
	person := arrow.StructOf(
		arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		arrow.Field{Name: `b "c"`, Type: arrow.BinaryTypes.String, Nullable: true},
	)
	tests := []struct {
		typ   string
		arrow arrow.DataType
		value any
		want  string
	}{
		{`STRUCT(a INTEGER, "b ""c""" VARCHAR)`, person, []any{"1", "x\n\"\x01ä"}, `{"a":1,"b \"c\"":"x\u000a\"\u0001ä"}`},
		{`STRUCT(a INTEGER, "b ""c""" VARCHAR)`, person, []any{nil, nil}, `{"a":null,"b \"c\"":null}`},
		{`STRUCT(a INTEGER, "b ""c""" JSON)`, person, []any{"1", `{"x": []}`}, `{"a":1,"b \"c\"":{"x": []}}`},
		{"INTEGER[][]", listOf(listOf(arrow.PrimitiveTypes.Int32)), []any{[]any{"1", nil}, []any{}, nil}, `[[1,null],[],null]`},
		{"DOUBLE[][]", listOf(listOf(arrow.PrimitiveTypes.Float64)), []any{[]any{"1.5", "NaN", "-Inf", "1e20"}}, `[[1.5,"NaN","-Infinity",1e+20]]`},
		{"STRUCT(a INTEGER)[]", listOf(arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true})), []any{[]any{"1"}, nil}, `[{"a":1},null]`},
		{"STRUCT(t TIMESTAMP, d DECIMAL(4,2), u UUID, l VARCHAR[], b BOOLEAN)", arrow.StructOf(
			arrow.Field{Name: "t", Type: micros, Nullable: true},
			arrow.Field{Name: "d", Type: decimalOf(4, 2), Nullable: true},
			arrow.Field{Name: "u", Type: arrow.BinaryTypes.String, Nullable: true},
			arrow.Field{Name: "l", Type: listOf(arrow.BinaryTypes.String), Nullable: true},
			arrow.Field{Name: "b", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		), []any{int64(0), "1.50", "u", []any{"x y", nil}, "true"}, `{"t":"1970-01-01 00:00:00","d":1.50,"u":"u","l":["x y",null],"b":true}`},
		{"STRUCT(x BLOB)", arrow.StructOf(arrow.Field{Name: "x", Type: arrow.BinaryTypes.Binary, Nullable: true}), []any{[]byte{1}}, `{"x":"\\x01"}`},
	}
	for _, test := range tests {
		t.Run(test.typ, func(t *testing.T) {
			typ := parseType(test.typ)
			for format := range int16(2) {
				got := encodeValue(t, value{typ: test.typ, arrow: test.arrow, value: test.value}, format)
				if string(got[4:]) != test.want || typ.oid != oidJSON {
					t.Errorf("got %s as %d, want %s", got[4:], typ.oid, test.want)
				}
			}
		})
	}
}

// TestPgxDecodesBothFormats has pgx's own decoders agree on the two formats of
// every value.
func TestPgxDecodesBothFormats(t *testing.T) {
	m := pgtype.NewMap()
	for _, v := range values {
		typ, ok := m.TypeForOID(parseType(v.typ).oid)
		if !ok {
			continue
		}
		t.Run(v.typ+" "+v.postgres, func(t *testing.T) {
			var decoded [2]any
			for format := range int16(2) {
				raw := encodeValue(t, v, format)
				if v.value == nil {
					continue
				}
				var err error
				if decoded[format], err = typ.Codec.DecodeValue(m, typ.OID, format, raw[4:]); err != nil {
					t.Fatalf("format %d: %v", format, err)
				}
				switch d := decoded[format].(type) {
				case time.Time:
					decoded[format] = d.UTC()
				case pgtype.Numeric: // zero has many exponents
					decoded[format], _ = d.Float64Value()
				}
			}
			if !reflect.DeepEqual(decoded[0], decoded[1]) && fmt.Sprint(decoded[0]) != fmt.Sprint(decoded[1]) {
				t.Errorf("text gives %v, binary %v", decoded[0], decoded[1])
			}
		})
	}
}

// TestTextWithNULIsRefused: a client in C would take it for a shorter one.
func TestTextWithNULIsRefused(t *testing.T) {
	e := newRowEncoder([]query.Column{{Type: "VARCHAR"}}, []*wireType{textType}, []int16{textFormat}, time.UTC)
	if err := e.bind(texts("a\x00b", "c")); err != nil {
		t.Fatal(err)
	}
	row, err := e.append([]byte("before"), 0)
	if query.AsError(err) == nil || query.AsError(err).Code != codeUntranslatable || string(row) != "before" {
		t.Errorf("got %q, %v", row, err)
	}
	if _, err := e.append(nil, 1); err != nil {
		t.Errorf("the next row: %v", err)
	}
}
