package decode

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

// recordDecoder is what the decoders of whole records have in common.
type recordDecoder interface {
	Decode(value []byte, b *batch.Builder) error
}

// decodeWith decodes one record and returns its values, separated by "|".
func decodeWith(t testing.TB, d recordDecoder, schema *batch.Schema, record string) (string, error) {
	t.Helper()
	b := batchtest.NewBuilder(t, schema)
	if err := d.Decode([]byte(record), b); err != nil {
		if b.Rows() != 0 || b.Bytes() != 0 {
			t.Errorf("%q: rejected, but left %d rows and %d bytes", record, b.Rows(), b.Bytes())
		}
		return "", err
	}
	rec := b.Finish()
	defer rec.Release()
	var values []string
	for _, col := range rec.Columns() {
		if col.Len() != 1 {
			t.Fatalf("%q: a column of %d values", record, col.Len())
		}
		values = append(values, batchtest.Show(col, 0))
	}
	return strings.Join(values, "|"), nil
}

// decodeRow decodes one JSON record.
func decodeRow(t testing.TB, columns []batch.Column, limits Limits, record string) (string, error) {
	t.Helper()
	schema := batch.NewSchema(columns)
	return decodeWith(t, NewJSON(schema, limits), schema, record)
}

func TestJSONFields(t *testing.T) {
	t.Parallel()
	columns := batchtest.Columns(t, "id BIGINT", "Name VARCHAR", "größe INTEGER", "b\"q BOOLEAN", " DOUBLE")
	for _, tt := range []struct{ name, record, want string }{
		{"all", `{"id":1,"Name":"x","größe":2,"b\"q":true,"":1.5}`, "1|x|2|true|1.5"},
		{"none", `{}`, "NULL|NULL|NULL|NULL|NULL"},
		{"other order", `{"":1.5,"größe":2,"Name":"x","id":1}`, "1|x|2|NULL|1.5"},
		{"missing is NULL", `{"id":1,"größe":3}`, "1|NULL|3|NULL|NULL"},
		{"null is NULL", `{"id":null,"Name":null,"größe":null,"b\"q":null,"":null}`, "NULL|NULL|NULL|NULL|NULL"},
		{"letter case", `{"ID":1,"nAME":"x","GRÖSSE":9,"GRÖßE":4}`, "1|x|4|NULL|NULL"},
		{"letter for letter wins", `{"id":1,"ID":2,"name":"no","Name":"yes","NAME":"no"}`, "1|yes|NULL|NULL|NULL"},
		{"the last one wins", `{"id":1,"id":2,"Name":7,"Name":null}`, "2|NULL|NULL|NULL|NULL"},
		{"an overridden value may be anything", `{"id":"seven","id":7}`, "7|NULL|NULL|NULL|NULL"},
		{"escaped name", `{"\u0069d":1,"N\u0061me":"x","gr\u00f6\u00dfe":2}`, "1|x|2|NULL|NULL"},
		{"unknown fields", `{"x":{"id":5,"y":[1,{"z":[]},"}"]},"id":1,"":2,"extra":"\"id\":3"}`, "1|NULL|NULL|NULL|2"},
		{"white space", " \t\r\n{ \"id\" \n:\t1 , \"Name\" : \"x\" } \r\n", "1|x|NULL|NULL|NULL"},
		{"byte order mark", "\xef\xbb\xbf {\"id\":1}", "1|NULL|NULL|NULL|NULL"},
		{"long strings", `{"Name":"` + strings.Repeat("0123456\\n", 50) + `"}`, "NULL|" + strings.Repeat("0123456\n", 50) + "|NULL|NULL|NULL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeRow(t, columns, Limits{}, tt.record)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestJSONRejects(t *testing.T) {
	t.Parallel()
	columns := batchtest.Columns(t, "id BIGINT", "amount DECIMAL(12,2)", "note VARCHAR", "small TINYINT", "d DATE", "i INTERVAL")
	limits := Limits{MaxBytes: 200, MaxDepth: 3, MaxFields: 4}
	long := strings.Repeat("x", 100)
	for _, tt := range []struct{ record, want string }{
		{"", "empty record"},
		{" \n", "empty record"},
		{"\xef\xbb\xbf", "empty record"},
		{"null", "record is not a JSON object: null"},
		{`[1]`, "record is not a JSON object: [1]"},
		{`"` + long, `record is not a JSON object: "` + long[:58] + "…"},
		{`{"id":1`, "invalid JSON at byte 7: expected ',' or '}' after a value, found the end of the record"},
		{`{"id":1,}`, "invalid JSON at byte 8: expected a field name, found '}'"},
		{`{"id":1}x`, "invalid JSON at byte 8: expected the end of the record, found 'x'"},
		{`{"id" 1}`, "invalid JSON at byte 6: expected ':' after a field name, found '1'"},
		{`{"id":ä}`, "invalid JSON at byte 6: expected a value, found 'ä'"},
		{`{"id":01}`, "invalid JSON at byte 6: a number with a leading zero"},
		{`{"id":1.}`, "invalid JSON at byte 8: expected a digit after the decimal point, found '}'"},
		{`{"id":1e}`, "invalid JSON at byte 8: expected a digit of the exponent, found '}'"},
		{`{"id":-}`, "invalid JSON at byte 7: expected a digit, found '}'"},
		{`{"id":nul}`, "invalid JSON at byte 6: expected null, found 'n'"},
		{`{"x":[1 2]}`, "invalid JSON at byte 8: expected ',' or ']' after a value, found '2'"},
		{`{"x":"a`, "invalid JSON at byte 7: a string does not end"},
		{`{"x":"a\`, "invalid JSON at byte 8: a string does not end"},
		{"{\"x\":\"a\nb\"}", "invalid JSON at byte 7: control character in a string"},
		{`{"x":"\x"}`, "invalid JSON at byte 6: invalid escape in a string"},
		{`{"x":"\u00g0"}`, `invalid JSON at byte 6: invalid \u escape in a string`},
		{`{"x":"\ud800"}`, "invalid JSON at byte 6: half a surrogate pair in a string"},
		{`{"x":"\udc00\ud800"}`, "invalid JSON at byte 6: half a surrogate pair in a string"},
		{`{"x":"\ud800\u0041"}`, "invalid JSON at byte 6: half a surrogate pair in a string"},
		{"{\"x\":\"\xff\"}", "invalid UTF-8 at byte 6: 0xff"},
		{`{"x":[[[1]]]}`, "invalid JSON at byte 7: nested deeper than 3 levels"},
		{`{"a":1,"b":1,"c":1,"d":1,"e":1}`, "invalid JSON at byte 25: more than 4 fields"},
		{`{"x":"` + long + long + `"}`, "record of 208 bytes exceeds the limit of 200"},
		{`{"amount": "abc"}`, `column "amount": "abc" is not a DECIMAL(12,2), at byte 11`},
		{`{"amount":12345678901.5}`, `column "amount": 12345678901.5 is out of range for DECIMAL(12,2), at byte 10`},
		{`{"id":1,"small":128}`, `column "small": 128 is out of range for TINYINT, at byte 16`},
		{`{"id":1.5}`, `column "id": 1.5 is not a BIGINT, at byte 6`},
		{`{"ID":{"a":1}}`, `column "id": {"a":1} is not a BIGINT, at byte 6`},
		{`{"i":true}`, `column "i": true is not an INTERVAL, at byte 5`},
		{`{"note":"a\u0000b"}`, `column "note": "a\u0000b" holds a NUL character, which VARCHAR cannot, at byte 8`},
		{`{"d":"` + long + `"}`, `column "d": "` + long[:58] + `… is not a DATE, at byte 5`},
		{"{\"d\":\"\u202e\u0085\"}", "column \"d\": \"\ufffd\ufffd\" is not a DATE, at byte 5"},
	} {
		t.Run(tt.record[:min(len(tt.record), 30)], func(t *testing.T) {
			t.Parallel()
			got, err := decodeRow(t, columns, limits, tt.record)
			if err == nil {
				t.Fatalf("got %s, want error %s", got, tt.want)
			}
			if err.Error() != tt.want {
				t.Errorf("error %s\nwant  %s", err, tt.want)
			}
		})
	}
}

// TestJSONDefaultLimits holds the defaults that users meet.
func TestJSONDefaultLimits(t *testing.T) {
	t.Parallel()
	columns := batchtest.Columns(t, "id BIGINT")
	nested := func(n int) string { return `{"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}` }
	fields := func(n int) string {
		return "{" + strings.TrimSuffix(strings.Repeat(`"x":1,`, n), ",") + "}"
	}
	padded := func(n int) string { return `{"id":1}` + strings.Repeat(" ", n-8) }
	for name, tt := range map[string]struct {
		record string
		ok     bool
	}{
		"depth 64": {nested(63), true}, "depth 65": {nested(64), false},
		"1000 fields": {fields(1000), true}, "1001 fields": {fields(1001), false},
		"1 MiB": {padded(1 << 20), true}, "more than 1 MiB": {padded(1<<20 + 1), false},
	} {
		if _, err := decodeRow(t, columns, Limits{}, tt.record); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJSONLeavesOtherColumnsAlone decodes good and bad records by turns into a
// builder that has metadata columns, which the caller fills afterwards.
func TestJSONLeavesOtherColumnsAlone(t *testing.T) {
	t.Parallel()
	schema := batch.NewSchema(batchtest.Columns(t, "note VARCHAR", "flag BOOLEAN", "n TINYINT"))
	b := batchtest.NewBuilder(t, schema.WithMetadata())
	d := NewJSON(schema, Limits{})
	for i := range 500 {
		record := fmt.Sprintf(`{"note":"n%d","flag":true,"n":%d}`, i, i)
		if i%5 == 0 {
			record = fmt.Sprintf(`{"n":%d}`, i)
		}
		err := d.Decode([]byte(record), b)
		if (err == nil) != (i < 128) {
			t.Fatalf("record %d: %v", i, err)
		}
		if err == nil {
			b.Column(3).AppendInt32(0)
			b.Column(4).AppendInt64(int64(i))
			b.Column(5).AppendInt64(0)
			b.Column(6).AppendNull()
		}
		if b.Rows() != min(i+1, 128) {
			t.Fatalf("record %d: %d rows", i, b.Rows())
		}
	}
	rec := b.Finish()
	defer rec.Release()
	for i := range 128 {
		want := fmt.Sprintf("n%d|true|%d|%d", i, i, i)
		if i%5 == 0 {
			want = fmt.Sprintf("NULL|NULL|%d|%d", i, i)
		}
		got := strings.Join([]string{batchtest.Show(rec.Column(0), i), batchtest.Show(rec.Column(1), i), batchtest.Show(rec.Column(2), i), batchtest.Show(rec.Column(4), i)}, "|")
		if got != want {
			t.Errorf("row %d: got %s, want %s", i, got, want)
		}
	}
}

// TestJSONNamesAreBounded feeds records whose names never come twice.
func TestJSONNamesAreBounded(t *testing.T) {
	t.Parallel()
	schema := batch.NewSchema(batchtest.Columns(t, "id BIGINT"))
	b := batchtest.NewBuilder(t, schema)
	d := NewJSON(schema, Limits{})
	for i := range 5000 {
		record := fmt.Sprintf(`{"x%d":1,"Id":%d,"%s%d":2}`, i, i, strings.Repeat("y", 200), i)
		if err := d.Decode([]byte(record), b); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(d.root.names.names); n > maxLearned+3 {
		t.Errorf("learned %d names", n)
	}
	for _, n := range d.root.names.names {
		if len(n.text) > maxLearnedBytes {
			t.Errorf("learned a name of %d bytes", len(n.text))
		}
	}
	rec := b.Finish()
	defer rec.Release()
	for i := range 5000 {
		if got := batchtest.Show(rec.Column(0), i); got != fmt.Sprint(i) {
			t.Fatalf("row %d: got %s", i, got)
		}
	}
}

func TestJSONAllocatesNothingPerRecord(t *testing.T) {
	schema := batch.NewSchema(batchtest.Columns(t, "id BIGINT", "note VARCHAR", "amount DECIMAL(12,2)", "ts TIMESTAMPTZ", "day DATE",
		"u UUID", "b BLOB", "gap INTERVAL", "f DOUBLE", "j JSON", "h HUGEINT"))
	record := []byte(`{"id":"12","note":"a\nb","amount":"1e1","ts":"2024-01-01 00:00:00+02","day":"2024-1-1","other":[1],` +
		`"u":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","b":"AAEC","gap":"1 day 2 HOURS","f":1.2345678901234567890,"j":{"a":1},"h":"170141183460469231731687303715884105727"}`)
	b := batchtest.NewBuilder(t, schema)
	d := NewJSON(schema, Limits{})
	for range 20_000 { // so that the columns have room
		if err := d.Decode(record, b); err != nil {
			t.Fatal(err)
		}
	}
	b.Truncate(0)
	allocs := testing.AllocsPerRun(10_000, func() {
		if err := d.Decode(record, b); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per record", allocs)
	}
}

func TestExcerptIsShort(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "x", strings.Repeat("x", 60), strings.Repeat("ü", 61), strings.Repeat("𝄞\n", 5000), "\xff" + strings.Repeat("\x00", 90)} {
		got := excerpt([]byte(s))
		if n := utf8.RuneCountInString(got); n > excerptMax || n < min(excerptMax, utf8.RuneCountInString(s)) {
			t.Errorf("%d characters: %q", n, got)
		}
	}
}
