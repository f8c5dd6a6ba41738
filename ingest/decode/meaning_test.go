package decode

import (
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

// TestFormatsOfTimes decodes {"v": …} where the source says what its numbers count.
func TestFormatsOfTimes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		format, column, value, want string
	}{
		{"", "TIMESTAMP", "1714564800", "1714564800000000"}, // as it looks
		{"", "TIMESTAMP", "1714564800123", "1714564800123000"},
		{"iso8601", "TIMESTAMP", "1714564800", notA},
		{"iso8601", "TIMESTAMP", `"1714564800"`, notA},
		{"iso8601", "TIMESTAMPTZ", `"2024-05-01T14:00:00+02"`, "1714564800000000"},
		{"iso8601", "TIME", "1", notA},
		{"iso8601", "TIME", `"00:00:01"`, "1000000"},
		{"iso8601", "DATE", "1", "1"}, // which is no timestamp
		{"epoch_seconds", "TIMESTAMP", "1714564800", "1714564800000000"},
		{"epoch_seconds", "TIMESTAMP", "1714564800.5", "1714564800500000"},
		{"epoch_seconds", "TIMESTAMP", "-0.0000001", "-1"},
		{"epoch_seconds", "TIMESTAMP", "200000000000", "200000000000000000"},
		{"epoch_seconds", "TIMESTAMP", "1714564800123", "1714564800123000000"}, // the year 56302
		{"epoch_seconds", "TIMESTAMP", "99999999999999", out},
		{"epoch_seconds", "TIMESTAMP", "1e9", "1000000000000000"},
		{"epoch_seconds", "TIMESTAMP", `"1714564800"`, "1714564800000000"},
		{"epoch_seconds", "TIMESTAMP", `"2024-05-01 12:00"`, "1714564800000000"},
		{"epoch_seconds", "TIMESTAMP", `"soon"`, notA},
		{"epoch_seconds", "TIMESTAMP", "true", notA},
		{"epoch_seconds", "TIMESTAMP", "{}", notA},
		{"epoch_seconds", "TIMESTAMP", "null", "NULL"},
		{"epoch_millis", "TIMESTAMP", "1", "1000"},
		{"epoch_millis", "TIMESTAMPTZ", "-1.5", "-1500"},
		{"epoch_millis", "TIMESTAMP", "99999999999999", "99999999999999000"},
		{"epoch_millis", "TIMESTAMP", "100000000000000", "100000000000000000"},
		{"epoch_millis", "TIMESTAMP", "9223372036854775807", out},
		{"epoch_micros", "TIMESTAMP", "1714564800", "1714564800"},
		{"epoch_micros", "TIMESTAMP", "-62135596800000000", "-62135596800000000"},
		{"epoch_micros", "TIMESTAMP", "123456789012345678", "123456789012345678"},
		{"epoch_micros", "TIMESTAMP", "-9223372036854775807", out},
		{"epoch_nanos", "TIMESTAMP", "1714564800000000999", "1714564800000000"},
		{"epoch_nanos", "TIMESTAMP", "-1", "-1"},
		{"epoch_nanos", "TIMESTAMP", "1e400", out},
		{"millis", "TIME", "3600000", "3600000000"},
		{"micros", "TIME", "86400000000", "86400000000"},
		{"micros", "TIME", "86400000001", out},
		{"nanos", "TIME", "86400000000000", "86400000000"},
		{"nanos", "TIME", "86400000000001", out},
		{"nanos", "TIME", `"10:00"`, "36000000000"},
		{"nanos", "TIME", `"x"`, notA},
		{"nanos", "TIME", "1.5", notA},
		{"nanos", "TIME", "[]", notA},
	} {
		schema := batch.NewSchema(batchtest.Columns(t, "v "+tt.column))
		o := JSONOptions{Timestamps: TimestampFormats[tt.format], Times: TimeFormats[tt.format]}
		got, err := decodeWith(t, NewJSONWith(schema, o, Limits{}), schema, `{"v":`+tt.value+`}`)
		switch {
		case tt.want == notA || tt.want == out:
			if err == nil || !containsKind(err.Error(), tt.want) {
				t.Errorf("%s %s of %s: got %s, %v; want error %q", tt.column, tt.value, tt.format, got, err, tt.want)
			}
		case err != nil || got != tt.want:
			t.Errorf("%s %s of %s: got %s, %v; want %s", tt.column, tt.value, tt.format, got, err, tt.want)
		}
	}
	if got := Words(TimeFormats); got != "'iso8601', 'micros', 'millis', 'nanos'" {
		t.Error(got)
	}
}

// FuzzMeanings decodes a value into columns of every type that each meaning is for.
// The builder grows by whole rows only, and a value that is shown in an error is the
// record's.
func FuzzMeanings(f *testing.F) {
	for _, value := range []string{"1714564800123", "-1", `"AeJA"`, `{"scale":3,"value":"EtaH"}`, `"{\"a\":[1]}"`, `"10:00Z"`, "1e5", "null", `"\u0041"`} {
		f.Add(value)
	}
	schema := batch.NewSchema(batchtest.Columns(f, "a TIMESTAMP", "b TIMESTAMPTZ", "c DATE", "d TIME", "e INTERVAL", "f DECIMAL(38,5)", "g JSON", "h DOUBLE", "i VARCHAR", "j BIGINT"))
	var decoders []*JSON
	for m := AsItLooks; m <= JSONText; m++ {
		for i := range schema.Columns {
			d := newJSON(schema, []int{i}, JSONOptions{Paths: make([]Path, 10)}, Limits{MaxBytes: 4096, MaxDepth: 8})
			d.columns[0].mean(m, int(m)-3)
			decoders = append(decoders, d)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		defer batchtest.MustEnd()()
		for _, d := range decoders {
			record := []byte(`{"` + d.columns[0].name + `":` + text + `}`)
			b := batchtest.NewBuilder(t, schema)
			err := d.Decode(record, b)
			if n := b.Column(d.at[0]).Len(); (n == 1) != (err == nil) || n > 1 {
				t.Fatalf("%s: %d values, %v", record, n, err)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\n\x00") {
				t.Errorf("%q", err)
			}
			b.Truncate(0)
		}
	})
}
