package decode

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

func containsKind(text, kind string) bool { return strings.Contains(text, kind) }

// checkScalar compares a parser's result, or notA or out, with want.
func checkScalar(t *testing.T, text, want string, got fmt.Stringer, err error) {
	t.Helper()
	switch {
	case want == notA || want == out:
		if err == nil || !containsKind(err.Error(), want) {
			t.Errorf("%q: got %v, %v; want error %q", text, got, err, want)
		}
	case err != nil:
		t.Errorf("%q: %v, want %s", text, err, want)
	case got.String() != want:
		t.Errorf("%q: got %s, want %s", text, got, want)
	}
}

type shown string

func (s shown) String() string { return string(s) }

// The expectations of the tables below that DuckDB can parse are what
// DuckDB 1.5.6 casts the text to, unless a comment says otherwise.

func TestParseTimestampMicros(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"2024-02-29T23:59:59.123456", "1709251199123456"},
		{"2024-02-29 23:59:59.12345678901", "1709251199123456"},
		{"2024-02-29", "1709164800000000"},
		{"2023-02-29", out},
		{"1900-02-29", out},
		{"2000-02-29", "951782400000000"},
		{"2024-04-31", out},
		{"2024-00-01", out},
		{"2024-01-00", out},
		{"2024-01-01T24:00:00", "1704153600000000"},
		{"2024-01-01T24:00:01", out},
		{"2024-01-01 12", notA},
		{"2024-01-01T12:30:60", out},
		{"2024-01-01T12:60:00", out},
		{"2024-1-2 3:4:5", "1704164645000000"},
		{"1969-12-31 23:59:59.9999999", "-1"},
		{"0001-01-01", "-62135596800000000"},
		{"-0044-03-15 00:00:00", "-63549360000000000"},
		{"0045-03-15 (BC) 00:00:00", "-63549360000000000"},
		{"-0044-03-15 (BC)", notA},
		{"12024-01-01", "317273587200000000"},
		{"2024/01/02", "1704153600000000"},
		{"2024-01/02", notA},
		{"294247-01-10 04:00:54.775806", "9223372036854775806"},
		{"294247-01-10 04:00:54.775807", out},
		{"290309-12-22 (BC) 00:00:00", "-9223372022400000000"},
		{"290309-12-21 (BC) 23:59:59", out},
		{"290309-12-22 (BC) 00:00:00+01", out},
		{"294247-01-11", out},
		{"5877642-06-25", out},
		{"99999999-01-01", notA},
		{"infinity", "9223372036854775807"},
		{"-Infinity", "-9223372036854775807"},
		{"2024-01-01T12:30Z", "1704112200000000z"},
		{"2024-01-01T12:30:00+02", "1704105000000000z"},
		{"2024-01-01T12:30:00+0230", "1704103200000000z"},
		{"2024-01-01T12:30:00-02:30", "1704121200000000z"},
		{"2024-01-01T12:30:00+02:30:15", "1704103185000000z"},
		{"2024-01-01t12:30:00z", "1704112200000000z"},
		{"2024-01-01 12:30:00.5 UTC", "1704112200500000z"},
		{"2024-01-01 12:30:00 +02", "1704105000000000z"},
		{"2024-01-01 12:30:00+023015", "1704103185000000z"},
		{"2024-01-01 12:30:00+2", notA},
		{"2024-01-01 12:30:00+02:", notA},
		{"2024-01-01 12:30:00+02:3015", notA},
		{"2024-01-01 12:30:00+0230:15", notA},
		{"2024-01-01 12:30:00+24", out},
		{"2024-01-01 12:30:00+02:60", out},
		{"2024-01-01 12:30:00+02:30:15:00", notA},
		{"2024-01-01 12:30:00 Europe/Berlin", notA},
		{"2024-01-01 12:30:00 ", "1704112200000000"},
		{"2024-01-01T", notA},
		{"2024-01-01 12:30:00.", notA},
		{"2024-01-01 12:30:00,5", notA},
		{"2024-01-01Z", notA},
		{"2024-01-012", notA},
		{"", notA},
		{"-", notA},
		{"2024", notA},
		{"2024-", notA},
		{"2024-01", notA},
		{"2024-01-", notA},
		{"2024-01-01 1:", notA},
		{"2024-01-01 1", notA},
		{"2024-01-01 :1", notA},
		{"2024-01-01 012:00:00", notA},
		{"20a4-01-01", notA},
		{"now", notA},
	} {
		micros, hasZone, err := ParseTimestampMicros([]byte(tt.text))
		got := fmt.Sprint(micros)
		if hasZone {
			got += "z"
		}
		checkScalar(t, tt.text, tt.want, shown(got), err)
	}
}

// TestParseTimestampAgainstTime compares with package time over the years that
// both can write, and the parsers' fast paths with their slow ones.
func TestParseTimestampAgainstTime(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	first, last := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix()
	for range 20_000 {
		zone := time.FixedZone("", (rng.IntN(48)-24)*1800)
		at := time.Unix(first+86_400+rng.Int64N(last-first-2*86_400), rng.Int64N(1e9)).In(zone)
		for _, layout := range []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-1-2 15:4:5.000000Z0700"} {
			text := at.Format(layout)
			got, hasZone, err := ParseTimestampMicros([]byte(text))
			if err != nil || !hasZone || got != at.UnixMicro() {
				t.Fatalf("%s: got %d, %v, %v; want %d", text, got, hasZone, err, at.UnixMicro())
			}
		}
		day, err := ParseDate([]byte(at.Format(time.RFC3339Nano)))
		if _, offset := at.Zone(); err != nil || int64(day) != floorDiv(at.Unix()+int64(offset), 86_400) {
			t.Fatalf("%s: day %d, %v", at, day, err)
		}
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func TestEpochMicros(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"0", "0"},
		{"1700000000", "1700000000000000"},
		{"1700000000123", "1700000000123000"},
		{"1700000000123456", "1700000000123456"},
		{"1700000000123456789", "1700000000123456"},
		{"99999999999", "99999999999000000"},
		{"100000000000", "100000000000000"},
		{"99999999999999", "99999999999999000"},
		{"100000000000000", "100000000000000"},
		{"99999999999999999", "99999999999999999"},
		{"100000000000000000", "100000000000000"},
		{"-1", "-1000000"},
		{"-99999999999", "-99999999999000000"},
		{"-1700000000123456789", "-1700000000123457"},
		{"1700000000.123456789", "1700000000123456"},
		{"1.7e9", "1700000000000000"},
		{"1.700000000123E12", "1700000000123000"},
		{"1700000000.5", "1700000000500000"},
		{"99999999999999.5", "99999999999999500"},
		{"99999999999999999.5", "99999999999999999"},
		{"10000000000000000.5", "10000000000000000"},
		{"1700000000123.4567", "1700000000123456"},
		{"-0.0000001", "-1"},
		{"-0.5", "-500000"},
		{"1e-300", "0"},
		{"-1e-300", "-1"},
		{"99999999999.9999999", "99999999999999999"},
		{"1e30", out},
		{"1e400", out},
		{"9223372036854775806999", "9223372036854775806"},
		{"9223372036854775807000", out},
		{"-9223372022400000000000", "-9223372022400000000"},
		{"-9223372022400000000001", out},
		{"-9223372036854775806000", out},
	} {
		var s scanner
		s.data = []byte(tt.text)
		var n number
		if end := s.number(0, &n); end != len(tt.text) {
			t.Fatalf("%s: scanned up to %d", tt.text, end)
		}
		micros, f := epochMicros(n, s.data)
		var err error
		if f != fine {
			err = parseError(f, s.data, batch.Type{Kind: batch.Timestamp})
		}
		checkScalar(t, tt.text, tt.want, shown(fmt.Sprint(micros)), err)
	}
}

func TestParseDate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"5881580-07-10", "2147483646"},
		{"5881580-07-11", out},
		{"5877642-06-25 (BC)", "-2147483646"},
		{"5877642-06-24 (BC)", out},
		{" 2024-01-01 ", "19723"},
		{"99-01-01", "-683368"},
		{"2024-001-01", notA},
		{"2024-01-01T24:00:00", "19723"},
		{"+2024-01-01", "19723"}, // DuckDB takes no +
		{"12024-01-01T00:00:00Z", "3672148"},
		{"2024-01-01 nonsense", notA}, // DuckDB ignores what follows the date
	} {
		days, err := ParseDate([]byte(tt.text))
		checkScalar(t, tt.text, tt.want, shown(fmt.Sprint(days)), err)
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"00:00", "0"},
		{"12:30:15", "45015000000"},
		{"1:2:3", "3723000000"},
		{" 12:30:00 ", "45000000000"},
		{"24:00:00", "86400000000"},
		{"25:00:00", out},
		{"23:59:60", out},
		{"12", notA},
		{"12:", notA},
		{"12:3x", notA},
		{"12:30:", notA},
		{"-1:00", notA},
		{"123:00", notA},
		{"", notA},
	} {
		micros, err := ParseTime([]byte(tt.text))
		checkScalar(t, tt.text, tt.want, shown(fmt.Sprint(micros)), err)
	}
}

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text             string
		precision, scale uint8
		want             string
	}{
		{"1.005", 12, 2, "1.01"},
		{"1.004999", 12, 2, "1.00"},
		{"-1.005", 12, 2, "-1.01"},
		{"-0.005", 12, 2, "-0.01"},
		{"1e2", 12, 2, "100.00"},
		{"1.5e-1", 12, 2, "0.15"},
		{".5", 4, 2, "0.50"},
		{"5.", 4, 2, "5.00"},
		{"+5", 4, 2, "5.00"},
		{"0e400", 12, 2, "0.00"},
		{"1e-400", 12, 2, "0.00"},
		{" 12 ", 12, 2, "12.00"},
		{"1.23456e3", 12, 2, "1234.56"},
		{"99.995", 4, 2, out},
		{"99.994", 4, 2, "99.99"},
		{"1e40", 38, 10, out},
		{"125e-3", 12, 2, "0.13"},
		{"124e-3", 12, 2, "0.12"},
		{"1249e-4", 12, 2, "0.12"},
		{"5e-3", 12, 2, "0.01"},
		{"4e-3", 12, 2, "0.00"},
		{"50e-4", 12, 2, "0.01"},
		{"49e-4", 12, 2, "0.00"},
		{"1.0049999e0", 12, 2, "1.00"},
		{"12345678901234567890123456789012345678", 38, 0, "12345678901234567890123456789012345678"},
		{"99999999999999999999999999999999999999.4", 38, 0, "99999999999999999999999999999999999999"},
		{"99999999999999999999999999999999999999.5", 38, 0, out},
		{"0.00000000000000000000000000000000000001", 38, 38, "0.00000000000000000000000000000000000001"},
		{"0.000000000000000000000000000000000000005", 38, 38, "0.00000000000000000000000000000000000001"},
		{"0.0000000000000000000000000000000000000049", 38, 38, "0.00000000000000000000000000000000000000"},
		{"1e", 12, 2, notA},
		{"abc", 12, 2, notA},
		{"", 12, 2, notA},
		{"1e+", 12, 2, notA},
		{".", 12, 2, notA},
		{"1.2.3", 12, 2, notA},
		{"1 2", 12, 2, notA},
		{"NaN", 12, 2, notA},
		{"0x10", 12, 2, notA},
		{"--1", 12, 2, notA},
		{"1", 39, 0, "cannot be decoded"},
		{"1", 4, 5, "cannot be decoded"},
	} {
		v, err := ParseDecimal([]byte(tt.text), tt.precision, tt.scale)
		if tt.want == "cannot be decoded" {
			if err == nil {
				t.Errorf("DECIMAL(%d,%d) is accepted", tt.precision, tt.scale)
			}
			continue
		}
		checkScalar(t, tt.text, tt.want, batch.DecimalValue{Unscaled: v, Scale: tt.scale}, err)
	}
}

// TestParseDecimalAgainstBig compares with exact arithmetic.
func TestParseDecimalAgainstBig(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	half := big.NewRat(1, 2)
	for range 50_000 {
		var b strings.Builder
		if rng.IntN(3) == 0 {
			b.WriteByte('-')
		}
		for i := range 1 + rng.IntN(24) {
			if i > 0 && rng.IntN(12) == 0 && !strings.Contains(b.String(), ".") {
				b.WriteByte('.')
			}
			b.WriteByte("0123456789550"[rng.IntN(13)])
		}
		if rng.IntN(3) == 0 {
			fmt.Fprintf(&b, "e%d", rng.IntN(50)-25)
		}
		precision := uint8(1 + rng.IntN(38))
		scale := uint8(rng.IntN(int(precision) + 1))
		exact, ok := new(big.Rat).SetString(b.String())
		if !ok {
			t.Fatalf("big.Rat refuses %s", b.String())
		}
		ten := func(n uint8) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
		rounded := new(big.Rat).Mul(new(big.Rat).Abs(exact), new(big.Rat).SetInt(ten(scale)))
		rounded.Add(rounded, half)
		want := new(big.Int).Div(rounded.Num(), rounded.Denom())
		fits := want.Cmp(ten(precision)) < 0
		if exact.Sign() < 0 {
			want.Neg(want)
		}
		got, err := ParseDecimal([]byte(b.String()), precision, scale)
		if (err == nil) != fits || fits && got.Big().Cmp(want) != 0 {
			t.Fatalf("%s as DECIMAL(%d,%d): got %s, %v; want %s, fits: %v", b.String(), precision, scale, got.Big(), err, want, fits)
		}
	}
}

// TestFloatsAgainstStrconv compares the short cut for short numbers with
// strconv, which rounds correctly, on digits of every length around its limits.
func TestFloatsAgainstStrconv(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	for range 100_000 {
		text := fmt.Sprint(rng.Uint64() >> rng.IntN(60))
		if point := rng.IntN(len(text) + 1); point < len(text) {
			text = text[:point] + "." + text[point:]
		}
		if rng.IntN(2) == 0 {
			text = "-" + text
		}
		n := readNumber([]byte(text))
		want64, err := strconv.ParseFloat(text, 64)
		if got, f := float64Of(n, []byte(text)); err != nil || f != fine || got != want64 {
			t.Fatalf("%s: got %v, want %v, %v", text, got, want64, err)
		}
		want32, err := strconv.ParseFloat(text, 32)
		if got, f := float32Of(n, []byte(text)); err != nil || f != fine || got != float32(want32) {
			t.Fatalf("%s: got %v, want %v, %v", text, got, float32(want32), err)
		}
	}
}

func TestParseInterval(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		// ISO 8601, which DuckDB does not read.
		{"P1Y2M3DT4H5M6.7S", "14 3 14706700000"},
		{"P2W", "0 14 0"},
		{"PT-5M", "0 0 -300000000"},
		{"-P1D", "0 -1 0"},
		{"P-1D", "0 -1 0"},
		{"-P-1DT1S", "0 1 -1000000"},
		{"p1dt1h", "0 1 3600000000"},
		{"P1.5D", "0 1 43200000000"},
		{"PT0.0000019S", "0 0 1"},
		{"PT36H", "0 0 129600000000"},
		{"P0D", "0 0 0"},
		{"PT1M", "0 0 60000000"},
		{"P1M", "1 0 0"},
		{"P", notA},
		{"PT", notA},
		{"P1DT", notA},
		{"P1", notA},
		{"P1H", notA},
		{"PT1D", notA},
		{"PT1H2H", notA},
		{"P1D1M", notA},
		{"PT1S1M", notA},
		{"PTT1S", notA},
		{"PD", notA},
		{"P1X", notA},
		{"--P1D", notA},
		// Postgres's and DuckDB's notation.
		{"1 day 02:03:04", "0 1 7384000000"},
		{"3 hours", "0 0 10800000000"},
		{"-5 minutes", "0 0 -300000000"},
		{"1 year 2 mons", "14 0 0"},
		{"1.5 days", "0 1 43200000000"},
		{"1.5 months", "1 15 0"},
		{"2 weeks", "0 14 0"},
		{"1 day -02:03:04", "0 1 -7384000000"},
		{"-1 day 02:03:04", "0 -1 7384000000"},
		{"3 hours ago", "0 0 -10800000000"},
		{"1h", "0 0 3600000000"},
		{"1.5 years", "18 0 0"},
		{"1.99 years", "23 0 0"},
		{"0.15 months", "0 4 0"},
		{"0.5 centuries", "600 0 0"},
		{"1.25 quarters", "3 22 0"},
		{"-1.5 months", "-1 -15 0"},
		{"1.111 days", "0 1 9590400000"},
		{"0.33 weeks", "0 2 26784000000"},
		{"1 millennium", "12000 0 0"},
		{"5", "0 0 5000000"},
		{"-5.5", "0 0 -5500000"},
		{"@ 1 minute", "0 0 60000000"},
		{"@ 1 day ago", "0 -1 0"},
		{"100:00:00", "0 0 360000000000"},
		{"1:2", "0 0 3720000000"},
		{"-1:2:3", "0 0 -3723000000"},
		{"1 us", "0 0 1"},
		{"1 ms", "0 0 1000"},
		{"1y2mon", "14 0 0"},
		{"4 days 12:00", "0 4 43200000000"},
		{"1.0000019 seconds", "0 0 1000001"},
		{"1.999999999 seconds", "0 0 1999999"},
		{"12:30:45.1234567", "0 0 45045123456"},
		{"1 day 2 hours 03:00:00", "0 1 18000000000"},
		{"3 HOURS", "0 0 10800000000"},
		{"-1 day 5 minutes ago", "0 1 -300000000"},
		{"-2147483648 days", "0 -2147483648 0"},
		{"9223372036854775807 us", "0 0 9223372036854775807"},
		{"  1 day  ", "0 1 0"},
		{"1.days", "0 1 0"},
		{"+1 day", "0 1 0"}, // DuckDB takes no +, Postgres does
		{"00:61:00", out},
		{"00:00:61", out},
		{"2147483648 days", out},
		{"-2147483648 days ago", out},
		{"3000000000 months", out},
		{"200000000 years", out},
		{"9223372036855 seconds", out},
		{"9999999999:00:00", out},
		{"9223372036854775807 us 1 us", out},
		{"-9223372036854775807 us -1 us ago", out},
		{"-9223372036854775807 us -1 us", "0 0 -9223372036854775808"},
		{"18446744073709552 ms", out},
		{"18446744073709551616 us", out},
		{"99999999999999999999 us", out},
		{"", notA},
		{"@", notA},
		{"ago", notA},
		{"1 day, 2 hours", notA},
		{"1 hour 30", notA},
		{"1 day 5", notA},
		{"3 hours ago 1 day", notA},
		{"infinity", notA},
		{"- 5 minutes", notA},
		{"1e3 seconds", notA},
		{"1_000 days", notA},
		{".5 days", notA},
		{"1 fortnight", notA},
		{"1.5:00", notA},
		{"1:", notA},
		{"1:2:", notA},
		{"1:2:3.", notA},
		{"1:234", notA},
		{"1 ns", notA},
		{"day", notA},
	} {
		v, err := ParseInterval([]byte(tt.text))
		checkScalar(t, tt.text, tt.want, shown(fmt.Sprint(v.Months, v.Days, v.Micros)), err)
	}
}
