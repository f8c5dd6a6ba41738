package pgwire

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/server/pgwire/datetime"
)

func TestTextParameters(t *testing.T) {
	day := func(y int64, m, d int) batch.DateValue { return batch.DateValue(datetime.DaysFromCivil(y, m, d)) }
	tests := []struct {
		oid  uint32
		text string
		want any
	}{
		{oidBool, " Yes ", true},
		{oidBool, "of", false},
		{oidOID, "4294967295", int64(4294967295)},
		{oidFloat8, "-Infinity", math.Inf(-1)},
		{oidFloat4, "1e3", float32(1000)},
		{oidNumeric, "-1.50", batch.DecimalValue{Unscaled: batch.Int128From(-150), Scale: 2}},
		{oidNumeric, ".5", batch.DecimalValue{Unscaled: batch.Int128From(5), Scale: 1}},
		{oidNumeric, "1.5e3", batch.DecimalValue{Unscaled: batch.Int128From(1500)}},
		{oidNumeric, "15e-3", batch.DecimalValue{Unscaled: batch.Int128From(15), Scale: 3}},
		{oidNumeric, "1e-40", "0.0000000000000000000000000000000000000001"},
		{oidNumeric, "1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890"},
		{oidNumeric, "Infinity", math.Inf(1)},
		{oidBytea, `\x00 FF`, []byte{0, 255}},
		{oidBytea, `a\\b\001`, []byte("a\\b\x01")},
		{oidUUID, "{0f1e2d3c4b5a69788796a5b4c3d2e1f0}", batch.UUIDValue{0x0f, 0x1e, 0x2d, 0x3c, 0x4b, 0x5a, 0x69, 0x78, 0x87, 0x96, 0xa5, 0xb4, 0xc3, 0xd2, 0xe1, 0xf0}},
		{oidDate, "2020-02-29", day(2020, 2, 29)},
		{oidDate, "2021-02-29", "2021-02-29"}, // the engine says what is wrong
		{oidDate, "0001-01-01 BC", day(0, 1, 1)},
		{oidDate, "tomorrow", "tomorrow"},
		{oidDate, "-Infinity", batch.DateValue(batch.NegInfinityDays)},
		{oidTime, "04:05", batch.TimeValue(4*datetime.MicrosPerHour + 5*datetime.MicrosPerMinute)},
		{oidTime, "24:00:01", "24:00:01"},
		{oidTimestamp, "2020-01-01T00:00:00.5", batch.TimestampValue(1577836800500000)},
		{oidTimestamp, "2020-01-01", batch.TimestampValue(1577836800000000)},
		{oidTimestampTZ, "2020-01-01 05:30:00+05:30", batch.TimestampTZValue(1577836800000000)},
		{oidTimestampTZ, "2020-01-01 00:00:00Z", batch.TimestampTZValue(1577836800000000)},
		{oidTimestampTZ, "2020-01-01 00:00:00-0100", batch.TimestampTZValue(1577840400000000)},
		{oidTimestampTZ, "2020-01-01 00:00:00", "2020-01-01 00:00:00"}, // in the session's zone
		{oidTimestamp, "9999999-01-01 00:00:00", "9999999-01-01 00:00:00"},
		{oidInterval, "1 week 2 hours -00:00:30", batch.IntervalValue{Days: 7, Micros: 2*datetime.MicrosPerHour - 30*datetime.MicrosPerSecond}},
		{oidInterval, "P1Y", "P1Y"},
		{oidInterval, "100:00:00.5", batch.IntervalValue{Micros: 100*datetime.MicrosPerHour + 500000}},
		{oidInt4Array, " { 1 , NULL , 3 } ", []any{int64(1), nil, int64(3)}},
		{oidInt4Array, "{{1,2},{3,4}}", []any{[]any{int64(1), int64(2)}, []any{int64(3), int64(4)}}},
		{oidInt4Array, "[0:1]={1,2}", []any{int64(1), int64(2)}},
		{oidTextArray, `{"null",a b,"\"\\"}`, []any{"null", "a b", `"\`}},
		{oidUnknown, "as it is ", "as it is "},
	}
	for _, test := range tests {
		got, err := textParameter(test.oid, test.text)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%d %q: %v (-want +got)\n%s", test.oid, test.text, err, diff)
		}
	}
}

func TestInvalidTextParameters(t *testing.T) {
	tests := []struct {
		oid        uint32
		text, code string
	}{
		{oidBool, "maybe", query.CodeInvalidText},
		{oidBool, "", query.CodeInvalidText},
		{oidInt2, "32768", query.CodeNumericOutOfRange},
		{oidInt4, "1.0", query.CodeInvalidText},
		{oidOID, "-1", query.CodeInvalidText},
		{oidFloat8, "1e999", query.CodeNumericOutOfRange},
		{oidFloat8, "0x1p3", query.CodeInvalidText},
		{oidNumeric, "1_000", query.CodeInvalidText},
		{oidNumeric, "1e999999999", query.CodeInvalidText},
		{oidNumeric, "", query.CodeInvalidText},
		{oidBytea, `\x0`, query.CodeInvalidText},
		{oidBytea, `\9`, query.CodeInvalidText},
		{oidUUID, "0f1e", query.CodeInvalidText},
		{oidInt4Array, "{1,2", query.CodeInvalidText},
		{oidInt4Array, "{1,2} x", query.CodeInvalidText},
		{oidInt4Array, "{1,,2}", query.CodeInvalidText},
		{oidInt4Array, "1", query.CodeInvalidText},
		{oidInt4Array, "{x}", query.CodeInvalidText},
		{oidTextArray, `{"a`, query.CodeInvalidText},
	}
	for _, test := range tests {
		got, err := textParameter(test.oid, test.text)
		if e := query.AsError(err); e == nil || e.Code != test.code {
			t.Errorf("%d %q: got %v, %v, want %s", test.oid, test.text, got, err, test.code)
		}
	}
}

func TestBinaryArraysOfManyDimensions(t *testing.T) {
	header := "\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x15"
	got, err := decodeParameter(1, oidInt2Array, binaryFormat, []byte(header+
		"\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x01"+"\x00\x00\x00\x02\x00\x07"+"\xff\xff\xff\xff"))
	if diff := cmp.Diff([]any{[]any{int64(7), nil}}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, broken := range []string{
		"", header, header + "\xff\xff\xff\xff\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x01",
		header + "\x00\x00\x00\x09\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01",
		"\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03\xed" + "\x00\x00\x00\x01\x00\x00\x00\x01" + "\xff\xff\xff\xff",
	} {
		if v, err := decodeParameter(1, oidInt2Array, binaryFormat, []byte(broken)); err == nil {
			t.Errorf("%q is %v", broken, v)
		}
	}
}

func TestCivilIsItsOwnInverse(t *testing.T) {
	for days := int64(-5_000_000); days < 5_000_000; days += 37 {
		if y, m, d := datetime.Civil(days); datetime.DaysFromCivil(y, m, d) != days {
			t.Fatalf("day %d is %d-%d-%d", days, y, m, d)
		}
	}
}

func TestBeforeChristAsDuckDBReadsIt(t *testing.T) {
	for text, want := range map[string]string{
		"0044-03-15 BC": "0044-03-15 (BC)", "0044-03-15 12:30:00+02 BC": "0044-03-15 (BC) 12:30:00+02", "0044-03-15": "0044-03-15",
	} {
		if got := datetime.BeforeChrist(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
