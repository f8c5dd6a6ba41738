package arrowstream

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/records"
)

// stream writes columns, whose values are JSON as array.FromJSON has them.
func stream(t testing.TB, options []ipc.Option, fields ...any) []byte {
	t.Helper()
	var schema []arrow.Field
	var columns []arrow.Array
	for i := 0; i < len(fields); i += 3 {
		typ := fields[i+1].(arrow.DataType)
		arr, _, err := array.FromJSON(memory.DefaultAllocator, typ, strings.NewReader(fields[i+2].(string)))
		if err != nil {
			t.Fatal(err)
		}
		schema = append(schema, arrow.Field{Name: fields[i].(string), Type: typ, Nullable: true})
		columns = append(columns, arr)
	}
	s := arrow.NewSchema(schema, nil)
	rec := array.NewRecordBatch(s, columns, int64(columns[0].Len()))
	var out bytes.Buffer
	w := ipc.NewWriter(&out, append(options, ipc.WithSchema(s))...)
	for range 2 {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// read returns the rows of a stream as text, and the rejected ones behind "!".
func read(t testing.TB, body []byte, columns ...string) (string, error) {
	t.Helper()
	rows, err := readRows(t, body, columns...)
	return strings.Join(rows, "|"), err
}

func readRows(t testing.TB, body []byte, columns ...string) ([]string, error) {
	t.Helper()
	schema := batch.NewSchema(batchtest.Columns(t, columns...))
	mem := batch.NewAllocator()
	c := records.NewCollector(mem, schema)
	err := Read(body, schema, decode.Limits{}, 1<<20, c)
	defer func() {
		c.Release()
		if n := mem.Bytes(); n != 0 {
			t.Errorf("%d bytes leaked", n)
		}
	}()
	if err != nil {
		return nil, err
	}
	b := c.Finish(time.Now())
	defer b.Release()
	var out []string
	for row := range b.Rows() {
		var values []string
		for i := range schema.Columns {
			value := "NULL"
			if !b.Record.Column(i).IsNull(row) {
				value = strings.Clone(b.Record.Column(i).ValueStr(row))
			}
			values = append(values, value)
		}
		out = append(out, strings.Join(values, " "))
	}
	for _, x := range b.Rejected {
		out = append(out, fmt.Sprintf("!%d %s: %s", x.Offset, x.Value, x.Error))
	}
	return out, nil
}

func TestValuesOfEveryType(t *testing.T) {
	for _, c := range []struct {
		from   arrow.DataType
		values string
		to     string
		want   string // of the first of the two batches
	}{
		{arrow.PrimitiveTypes.Int64, `[1, null, -9]`, "BIGINT", "1|NULL|-9"},
		{arrow.PrimitiveTypes.Int64, `[127, -128]`, "TINYINT", "127|-128"},
		{arrow.PrimitiveTypes.Uint8, `[255]`, "SMALLINT", "255"},
		{arrow.PrimitiveTypes.Uint64, `[18446744073709551615]`, "UBIGINT", "18446744073709551615"},
		{arrow.PrimitiveTypes.Int16, `[7]`, "DOUBLE", "7"},
		{arrow.PrimitiveTypes.Int64, `[7]`, "DECIMAL(10,2)", "7"},
		{arrow.PrimitiveTypes.Int64, `[7]`, "HUGEINT", "7"},
		{arrow.PrimitiveTypes.Int64, `[7]`, "VARCHAR", "7"},
		{arrow.PrimitiveTypes.Float32, `[1.5]`, "DOUBLE", "1.5"},
		{arrow.PrimitiveTypes.Float64, `[1.5, null]`, "REAL", "1.5|NULL"},
		{arrow.FixedWidthTypes.Boolean, `[true, false, null]`, "BOOLEAN", "true|false|NULL"},
		{arrow.BinaryTypes.String, `["a", null]`, "VARCHAR", "a|NULL"},
		{arrow.BinaryTypes.LargeString, `["12.5"]`, "DECIMAL(10,2)", "12.5"},
		{arrow.BinaryTypes.StringView, `["2026-01-02T03:04:05Z"]`, "TIMESTAMPTZ", "2026-01-02T03:04:05Z"},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, `["x", "y", null, "x"]`, "VARCHAR", "x|y|NULL|x"},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.PrimitiveTypes.Int64}, `[5, 6]`, "INTEGER", "5|6"},
		{arrow.BinaryTypes.Binary, `["AAE="]`, "BLOB", "AAE="},
		{&arrow.FixedSizeBinaryType{ByteWidth: 2}, `["AAE="]`, "BLOB", "AAE="},
		{&arrow.Decimal128Type{Precision: 20, Scale: 3}, `["1.250", "-0.001"]`, "DECIMAL(10,3)", "1.25|-0.001"},
		{&arrow.Decimal256Type{Precision: 50, Scale: 1}, `["3.5"]`, "DOUBLE", "3.5"},
		{arrow.FixedWidthTypes.Date32, `["2026-01-02"]`, "DATE", "2026-01-02"},
		{arrow.FixedWidthTypes.Date64, `["1969-12-31"]`, "DATE", "1969-12-31"},
		{arrow.FixedWidthTypes.Time32ms, `["12:00:00.5"]`, "TIME", "12:00:00.500000"},
		{arrow.FixedWidthTypes.Time64ns, `["12:00:00.000000001"]`, "TIME", "12:00:00.000000"},
		{arrow.FixedWidthTypes.Timestamp_s, `["2026-01-02T03:04:05Z"]`, "TIMESTAMPTZ", "2026-01-02T03:04:05Z"},
		{arrow.FixedWidthTypes.Timestamp_ns, `["1969-12-31T23:59:59.999999999Z"]`, "TIMESTAMP", "1969-12-31T23:59:59.999999"},
		{arrow.FixedWidthTypes.Timestamp_ms, `["2026-01-02T00:00:00Z"]`, "VARCHAR", "2026-01-02T00:00:00Z"},
		{arrow.FixedWidthTypes.MonthDayNanoInterval, `[{"months": 1, "days": 2, "nanoseconds": 3000}]`, "INTERVAL", `{"months":1,"days":2,"nanoseconds":3000}`},
		{arrow.ListOf(arrow.PrimitiveTypes.Int8), `[[1, 2], null]`, "JSON", "[1,2]|NULL"},
		{arrow.StructOf(arrow.Field{Name: "a", Type: arrow.BinaryTypes.String}), `[{"a": "x"}]`, "JSON", `{"a":"x"}`},
		{arrow.Null, `[null]`, "BIGINT", "NULL"},

		{arrow.ListOf(arrow.PrimitiveTypes.Int8), `[[1, 2, null], null, []]`, "BIGINT[]", "[1,2,null]|NULL|[]"},
		{arrow.LargeListOf(arrow.BinaryTypes.String), `[["a"]]`, "VARCHAR[]", `["a"]`},
		{arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32), `[[1, 2.5]]`, "DOUBLE[]", "[1,2.5]"},
		{arrow.StructOf(arrow.Field{Name: "B", Type: arrow.BinaryTypes.String, Nullable: true}, arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int8, Nullable: true}, arrow.Field{Name: "c", Type: arrow.PrimitiveTypes.Int8}),
			`[{"a": 1, "B": "2.5", "c": 3}, null, {"a": null, "B": null, "c": 1}]`, "STRUCT(a BIGINT, b DECIMAL(4,2), d VARCHAR)", `{"a":1,"b":"2.5","d":null}|NULL|{"a":null,"b":null,"d":null}`},
		{arrow.ListOf(arrow.StructOf(arrow.Field{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int8), Nullable: true})), `[[{"l": [1]}, null, {"l": null}]]`, "STRUCT(l INT[])[]", `[{"l":[1]},null,{"l":null}]`},
		{arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32), `[[{"key": "a", "value": 1}, {"key": "b", "value": null}, {"key": "a", "value": 3}], []]`, "MAP(VARCHAR, BIGINT)",
			`[{"key":"b","value":null},{"key":"a","value":3}]|[]`},
		{arrow.ListOf(arrow.BinaryTypes.String), `[["1", "x"]]`, "BIGINT[]", `!0 {"x":["1","x"]}: column "x": element 2: "x" is not a BIGINT, at byte 0`},
		{arrow.StructOf(arrow.Field{Name: "a", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64)}), `[{"a": [300]}]`, "STRUCT(a UTINYINT[])",
			`!0 {"x":{"a":[300]}}: column "x": field "a": element 1: 300 is out of the range of UTINYINT`},

		{arrow.PrimitiveTypes.Int64, `[128]`, "TINYINT", `!0 {"x":128}: column "x": 128 is out of the range of TINYINT`},
		{arrow.PrimitiveTypes.Int64, `[-1]`, "UBIGINT", `!0 {"x":-1}: column "x": -1 is out of the range of UBIGINT`},
		{arrow.PrimitiveTypes.Uint64, `[9223372036854775808]`, "BIGINT", `!0 {"x":9223372036854775808}: column "x": 9223372036854775808 is out of the range of BIGINT`},
		{arrow.BinaryTypes.String, `["x"]`, "BIGINT", `!0 {"x":"x"}: column "x": "x" is not a BIGINT, at byte 0`},
		{arrow.PrimitiveTypes.Float64, `[1.5]`, "BIGINT", `!0 {"x":1.5}: column "x": "1.5" is not a BIGINT, at byte 0`},
		{&arrow.Decimal128Type{Precision: 20, Scale: 0}, `["12345"]`, "DECIMAL(4,0)", `!0 {"x":"12345"}: column "x": "12345" is out of range for DECIMAL(4,0), at byte 0`},
	} {
		got, err := read(t, stream(t, nil, "x", c.from, c.values), "x "+c.to)
		want := c.want + "|" + c.want
		if reject, ok := strings.CutPrefix(c.want, "!0 "); ok {
			want = c.want + "|!1 " + reject
		}
		if err != nil || got != want {
			t.Errorf("%s to %s:\n got %s, %v\nwant %s", c.from, c.to, got, err, want)
		}
	}
}

func TestFieldsFindTheirColumns(t *testing.T) {
	body := stream(t, []ipc.Option{ipc.WithZstd()}, "NAME", arrow.BinaryTypes.String, `["a", "b"]`, "other", arrow.PrimitiveTypes.Int8, `[1, 2]`, "id", arrow.PrimitiveTypes.Int32, `[1, 2000000000]`)
	got, err := read(t, body, "id SMALLINT", "name VARCHAR", "absent DATE")
	want := `1 a NULL|1 a NULL|!1 {"NAME":"b","id":2000000000,"other":2}: column "id": 2000000000 is out of the range of SMALLINT|` +
		`!3 {"NAME":"b","id":2000000000,"other":2}: column "id": 2000000000 is out of the range of SMALLINT`
	if err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	for _, refused := range []string{"STRUCT(a BIGINT)", "VARCHAR[]", "MAP(VARCHAR, VARCHAR)"} {
		if _, err := read(t, body, "name "+refused); err == nil || !strings.Contains(err.Error(), `can't hold field "NAME" of type utf8`) {
			t.Errorf("%s: %v", refused, err)
		}
	}
	if _, err := read(t, body, "nothing BIGINT"); err == nil || !strings.Contains(err.Error(), "none of its fields") {
		t.Errorf("no column: %v", err)
	}
}

func TestBrokenStreams(t *testing.T) {
	body := stream(t, nil, "x", arrow.BinaryTypes.String, `["aaaaaaaaaaaaaaaa", "b", "c"]`, "y", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, `["p", "q", "p"]`)
	if _, err := read(t, nil, "x VARCHAR"); err == nil {
		t.Error("nothing is a stream")
	}
	for i := range body { // each byte, and each length
		for _, to := range []byte{0xff, 0x7f, 0} {
			bad := bytes.Clone(body)
			bad[i] = to
			_, _ = read(t, bad, "x VARCHAR", "y VARCHAR")
		}
		_, _ = read(t, body[:i], "x VARCHAR", "y VARCHAR")
	}
	big := stream(t, []ipc.Option{ipc.WithZstd()}, "x", arrow.BinaryTypes.String, `["`+strings.Repeat("a", 4<<20)+`"]`)
	if len(big) > 1<<20 {
		t.Fatalf("a body of %d bytes proves nothing", len(big))
	}
	if _, err := read(t, big, "x VARCHAR"); err == nil || !strings.Contains(err.Error(), "more memory than is allowed") {
		t.Errorf("a stream that unpacks to 4 MiB: %v", err)
	}
}

// rowsByLibrary is a second opinion of how many rows a stream has that we have read.
func rowsByLibrary(body []byte) (rows int) {
	r, err := ipc.NewReader(bytes.NewReader(body))
	if err != nil {
		return -1
	}
	defer r.Release()
	for r.Next() {
		rows += int(r.RecordBatch().NumRows())
	}
	return rows
}

// FuzzRead reads what may be a stream: of one that is taken, each row is a row or a
// rejected record.
func FuzzRead(f *testing.F) {
	f.Add(stream(f, nil, "x", arrow.BinaryTypes.String, `["a", null]`))
	f.Add(stream(f, []ipc.Option{ipc.WithLZ4()}, "x", arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[1], null]`))
	f.Add(stream(f, nil, "x", arrow.ListOf(arrow.BinaryTypes.String), `[["a"], null]`, "y", arrow.MapOf(arrow.BinaryTypes.String, arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int64})),
		`[[{"key": "k", "value": {"a": 1}}], []]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		defer batchtest.MustEnd()()
		for _, columns := range [][]string{{"x VARCHAR", "y JSON"}, {"x VARCHAR[]", "y MAP(VARCHAR, STRUCT(a INT, b DATE[]))"}} {
			rows, err := readRows(t, body, columns...)
			if err != nil {
				continue
			}
			if want := rowsByLibrary(body); len(rows) != want {
				t.Errorf("%q: %d rows and rejected records, the stream has %d", columns, len(rows), want)
			}
		}
	})
}
