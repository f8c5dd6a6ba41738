package infer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// written is when the records of the tests were.
var written = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(partition int32, after time.Duration) Position {
	return Position{partition, written.Add(after).UnixMicro()}
}

// describe returns what records that were written a second apart are described as.
func describe(t *testing.T, records ...string) (source.Description, error) {
	t.Helper()
	s := NewSample(decode.Limits{})
	defer s.Release()
	for i, r := range records {
		s.Add([]byte(r), at(0, time.Duration(i)*time.Second))
	}
	return s.Describe()
}

func show(columns []batch.Column) string {
	var texts []string
	for _, c := range columns {
		texts = append(texts, c.Name+" "+c.Type.String())
	}
	return strings.Join(texts, ", ")
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values string // separated by |
		want   string
	}{
		{`true|false|null`, "BOOLEAN"},
		{`1|-2|9223372036854775807`, "BIGINT"},
		{`9223372036854775808|1`, "HUGEINT"},
		{`170141183460469231731687303715884105728`, "VARCHAR"}, // which a DOUBLE would round
		{`1|2.5`, "DOUBLE"},
		{`1e3`, "DOUBLE"},
		{`1.0|1e999`, "VARCHAR"},
		{`12.50|3.10`, "DOUBLE"},
		{`"a"|""`, "VARCHAR"},
		{`"1"|"2"`, "VARCHAR"},
		{`null|null`, "VARCHAR"},
		{`"a\u0000b"`, "JSON"},
		{`"2026-01-02"|"2026-02-03"`, "DATE"},
		{`"2026-13-02"`, "VARCHAR"},
		{`"2026-01-02"|"2026-01-02T03:04:05"`, "TIMESTAMP"},
		{`"2026-01-02T03:04:05Z"|"2026-01-02 03:04:05.123+02:00"`, "TIMESTAMP WITH TIME ZONE"},
		{`"2026-01-02T03:04:05Z"|"2026-01-02T03:04:05"`, "TIMESTAMP WITH TIME ZONE"},
		{`"2026-01-02T03:04:05Z"|""`, "VARCHAR"},
		{`"2026-01-02T03:04:05Z"|1767322800`, "VARCHAR"},
		{`"infinity"`, "VARCHAR"},
		{`"6ba7b810-9dad-11d1-80b4-00c04fd430c8"|"6BA7B810-9DAD-11D1-80B4-00C04FD430C8"`, "UUID"},
		{`"6ba7b810-9dad-11d1-80b4-00c04fd430cx"`, "VARCHAR"},
		{`"6ba7b8109dad11d180b400c04fd430c8"`, "VARCHAR"},
		{`1|"a"|true`, "VARCHAR"},
		{`{"a":1}|null`, "JSON"},
		{`[1]|{"a":1}|"text"|5`, "JSON"},
	} {
		var records []string
		for v := range strings.SplitSeq(c.values, "|") {
			records = append(records, `{"f":`+v+`}`)
		}
		d, err := describe(t, records...)
		if got := show(d.Columns); err != nil || got != "f "+c.want {
			t.Errorf("%s: %s, %v; want %s", c.values, got, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	d, err := describe(t, `{"b":1,"A":2,"_key":3}`, `{"a":2.5,"c":null,"":1,"x\u0000":1,"`+strings.Repeat("n", 64)+`":1,"select":1,"B b":1}`)
	if got := show(d.Columns); err != nil || got != "b BIGINT, A DOUBLE, c VARCHAR, select BIGINT, B b BIGINT" {
		t.Errorf("got %s, %v", got, err)
	}
	if len(d.Omitted) != 4 || d.Omitted[0].Field != "_key" || d.From != "2 records" {
		t.Errorf("omitted %+v from %s", d.Omitted, d.From)
	}
}

func TestNothingToGoBy(t *testing.T) {
	t.Parallel()
	if _, err := describe(t); !errors.Is(err, source.ErrNothingToDescribe) {
		t.Errorf("no records: %v", err)
	}
	if _, err := describe(t, "a,b", "1,2"); err == nil || !strings.Contains(err.Error(), "none of 2 records can be read; the first: record is not a JSON object") {
		t.Errorf("no JSON: %v", err)
	}
	if _, err := describe(t, "{}", `{"_key":1}`); err == nil || !strings.Contains(err.Error(), "none of 2 records has a field") {
		t.Errorf("no fields: %v", err)
	}
	d, err := describe(t, `{"a":1}`, `{"a":`, `{"a":2}`)
	if err != nil || !strings.HasPrefix(d.From, "2 records (1 more can't be read: invalid JSON") {
		t.Errorf("got %s, %v", d.From, err)
	}
}

func TestTooManyFields(t *testing.T) {
	t.Parallel()
	var records []string
	for i := range 30 {
		var fields []string
		for j := range 100 {
			fields = append(fields, fmt.Sprintf(`"f%d":1`, 100*i+j))
		}
		records = append(records, "{"+strings.Join(fields, ",")+"}")
	}
	d, err := describe(t, records...)
	if err != nil || len(d.Columns) != 1000 || len(d.Omitted) != 1000 || !strings.Contains(d.From, "besides the first 2000") {
		t.Errorf("%d columns, %d without, from %s, %v", len(d.Columns), len(d.Omitted), d.From, err)
	}
}

func TestEventTime(t *testing.T) {
	t.Parallel()
	iso := func(after time.Duration) string { return written.Add(after).Format(time.RFC3339Nano) }
	second := func(i int) time.Duration { return time.Duration(i) * time.Second }
	for _, c := range []struct {
		name   string
		record func(i int) string
		want   string
		delay  time.Duration
	}{
		{"text", func(i int) string { return fmt.Sprintf(`{"id":%d,"ts":%q}`, i, iso(second(i))) }, "ts TIMESTAMP WITH TIME ZONE", 5 * time.Second},
		{"milliseconds", func(i int) string { return fmt.Sprintf(`{"sent":%d}`, written.Add(second(i)).UnixMilli()) }, "sent TIMESTAMP WITH TIME ZONE", 5 * time.Second},
		{"seconds with a fraction", func(i int) string { return fmt.Sprintf(`{"at":%d.25}`, written.Add(second(i)).Unix()) }, "at TIMESTAMP WITH TIME ZONE", 5 * time.Second},
		{"the better name", func(i int) string {
			return fmt.Sprintf(`{"updated_at":%q,"created_at":%q,"other":%q}`, iso(second(i)), iso(second(i-5)), iso(second(i)))
		}, "created_at TIMESTAMP WITH TIME ZONE", 5 * time.Second},
		{"the closer one", func(i int) string { return fmt.Sprintf(`{"a":%q,"b":%q}`, iso(second(i-50)), iso(second(i))) }, "b TIMESTAMP WITH TIME ZONE", 5 * time.Second},
		{"old events by name", func(i int) string {
			return fmt.Sprintf(`{"birth":"1990-01-01T00:00:00","time":%q}`, iso(second(i)-1e6*time.Second))
		}, "time TIMESTAMP WITH TIME ZONE", 5 * time.Second},
		{"old events without a name", func(i int) string { return fmt.Sprintf(`{"shipped_at":%q}`, iso(second(i)-1e6*time.Second)) }, "", 0},
		{"the future", func(i int) string { return fmt.Sprintf(`{"expires_at":%q}`, iso(second(i)+time.Hour)) }, "", 0},
		{"mostly missing", func(i int) string {
			if i%4 > 0 {
				return `{"id":1}`
			}
			return fmt.Sprintf(`{"ts":%q}`, iso(second(i)))
		}, "", 0},
		{"numbers that are no times", func(i int) string {
			return fmt.Sprintf(`{"id":%d,"cpu_time":1200000000,"time":%d}`, 1700000000000+i, i)
		}, "", 0},
		{"out of order", func(i int) string { return fmt.Sprintf(`{"ts":%q}`, iso(second(i-i%20*2))) }, "ts TIMESTAMP WITH TIME ZONE", 30 * time.Second},
		{"one from the far future", func(i int) string {
			after := second(i)
			if i == 3 {
				after = time.Hour * 1e4
			}
			return fmt.Sprintf(`{"ts":%q}`, iso(after))
		}, "ts TIMESTAMP WITH TIME ZONE", 5 * time.Second},
	} {
		s := NewSample(decode.Limits{})
		for i := range 100 {
			s.Add([]byte(c.record(i)), at(0, second(i)))
		}
		d, err := s.Describe()
		s.Release()
		got := ""
		if i := slices.IndexFunc(d.Columns, func(c batch.Column) bool { return c.Name == d.EventTime }); i >= 0 {
			got = show(d.Columns[i : i+1])
		}
		if err != nil || got != c.want || d.Delay != c.delay {
			t.Errorf("%s: %s, %v of %s, %v; want %s, %v", c.name, got, d.Delay, show(d.Columns), err, c.want, c.delay)
		}
	}
	// What another partition has read does not make a record late.
	s := NewSample(decode.Limits{})
	defer s.Release()
	for i := range 100 {
		s.Add(fmt.Appendf(nil, `{"ts":%q}`, iso(second(i))), at(0, second(i)))
		s.Add(fmt.Appendf(nil, `{"ts":%q}`, iso(second(i)-time.Hour)), at(1, second(i)))
	}
	if d, err := s.Describe(); err != nil || d.Delay != 5*time.Second {
		t.Errorf("two partitions: %v, %v", d.Delay, err)
	}
}

func TestNamesOfTimes(t *testing.T) {
	t.Parallel()
	for i, same := range [][]string{{"event_time", "Event-Time", "eventTime"}, {"ts", "@ts"}, {"created_at", "createdAt"}, {"sentAt", "SENT_AT", "shipped_time", "doneTs"}, {"format", "events", "id", ""}} {
		for _, name := range same {
			if rank(name) != rank(same[0]) {
				t.Errorf("%s is not like %s", name, same[0])
			}
			if i > 0 && rank(name) <= rank("event_time") {
				t.Errorf("%s is as good as event_time", name)
			}
		}
	}
	if rank("sentAt") != len(names) || rank("format") != len(names)+1 {
		t.Errorf("sentAt %d, format %d of %d", rank("sentAt"), rank("format"), len(names))
	}
}

// odd are values of all kinds, among them those that only some types take.
var odd = []string{
	"null", "true", "false", "0", "-0", "7", "-9223372036854775808", "18446744073709551615", "1e400", "1E5", "0.1", "-2.50", "1767322800", "1767322800123",
	"1e11", "123456789012345678901234567890", "1" + strings.Repeat("0", 60), `""`, `"x"`, `"\u0000"`, `"\n"`, `"\ud83d\ude00"`, `"2026-01-02"`, `"0000-01-01"`, `"2026-02-30"`,
	`"2026-01-02T03:04:05Z"`, `"2026-01-02T03:04:05"`, `"2026-01-02 24:00:00"`, `"2026-01-02T03:04:05+99:00"`, `"9999999-01-02"`, `"294247-01-10T04:00:54.775807Z"`,
	`"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`, `"6ba7b810-9dad-11d1-80b4-00c04fd430-8"`, `"zzzzzzzz-9dad-11d1-80b4-00c04fd430c8"`,
	`{}`, `[]`, `{"a":[{"b":null}]}`, `[1,"a",null]`, `{"ts":1}`,
}

// randomValue returns a value of a field that prefers some kinds.
func randomValue(r *rapid.T, prefers []string) string {
	if len(prefers) > 0 && rapid.IntRange(0, 60).Draw(r, "usual") > 0 {
		return rapid.SampledFrom(prefers).Draw(r, "value")
	}
	return rapid.SampledFrom(odd).Draw(r, "odd")
}

// TestEveryRecordOfTheSampleIsAccepted describes random records, and decodes them
// into the columns that come of it.
func TestEveryRecordOfTheSampleIsAccepted(t *testing.T) {
	t.Parallel()
	names := []string{"id", "ID", "ts", "name", "a b", `q\"uote`, `\u0041`, "_offset", "created_at", "f1", "f2", "f3", ""}
	rapid.Check(t, func(r *rapid.T) {
		usual := make(map[string][]string)
		for _, n := range names {
			from := rapid.IntRange(0, len(odd)-1).Draw(r, "usual values") // neighbours are alike
			usual[n] = odd[from:min(from+rapid.IntRange(0, 4).Draw(r, "so many"), len(odd))]
		}
		s := NewSample(decode.Limits{})
		defer s.Release()
		var records [][]byte
		for i := range rapid.IntRange(1, 30).Draw(r, "records") {
			var fields []string
			for _, n := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 8).Draw(r, "names") {
				fields = append(fields, `"`+n+`": `+randomValue(r, usual[n]))
			}
			record := []byte(" {" + strings.Join(fields, ",") + "}")
			if rapid.IntRange(0, 20).Draw(r, "broken") == 0 {
				record = record[:rapid.IntRange(0, len(record)).Draw(r, "cut")]
			}
			records = append(records, record)
			s.Add(record, at(0, time.Duration(i)*time.Second))
		}
		readable := acceptedBy(r, batch.NewSchema(nil), records)
		d, err := s.Describe()
		if err != nil {
			if readable > 0 && !strings.Contains(err.Error(), "has a field") {
				r.Fatalf("%d records can be read: %v", readable, err)
			}
			return
		}
		if got := acceptedBy(r, batch.NewSchema(d.Columns), records); got != readable || s.records != readable {
			r.Fatalf("%d of %d records are accepted for %s, %d were sampled\n%s", got, readable, show(d.Columns), s.records, records)
		}
	})
}

// acceptedBy returns how many records the decoder takes for some columns.
func acceptedBy(r *rapid.T, schema *batch.Schema, records [][]byte) (n int) {
	decoder, b := decode.NewJSON(schema, decode.Limits{}), batch.NewBuilder(batch.NewAllocator(), schema)
	defer b.Release()
	for _, record := range records {
		if err := decoder.Decode(record, b); err == nil {
			n++
		} else if len(schema.Columns) > 0 {
			r.Logf("%s: %v", record, err)
		}
	}
	return n
}

// FuzzSample describes records that may be anything.
func FuzzSample(f *testing.F) {
	f.Add(`{"a":1}`, `{"a":"2026-01-02T03:04:05Z"}`)
	f.Add("\xef\xbb\xbf {\"\\u0000\":1e999}", `[`)
	f.Fuzz(func(t *testing.T, first, second string) {
		defer batchtest.MustEnd()()
		s := NewSample(decode.Limits{})
		defer s.Release()
		s.Add([]byte(first), at(0, 0))
		s.Add([]byte(second), Position{})
		d, err := s.Describe()
		if err != nil {
			return
		}
		schema := batch.NewSchema(d.Columns)
		decoder, b := decode.NewJSON(schema, decode.Limits{}), batch.NewBuilder(batch.NewAllocator(), schema)
		defer b.Release()
		for _, record := range []string{first, second} {
			none := decode.NewJSON(batch.NewSchema(nil), decode.Limits{})
			if err := decoder.Decode([]byte(record), b); err != nil && none.Decode([]byte(record), batch.NewBuilder(batch.NewAllocator(), batch.NewSchema(nil))) == nil {
				t.Fatalf("%q for %s: %v", record, show(d.Columns), err)
			}
		}
	})
}
