package httpapi

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/millstream-db/millstream/query"
)

// typeCase is one column: its values as Arrow JSON would have them are built
// by fill; json and csv are what is expected, row by row.
type typeCase struct {
	sqlType string
	arrow   arrow.DataType
	fill    func(array.Builder)
	json    []string
	csv     []string
}

func scalarCases() []typeCase {
	return []typeCase{
		{"BOOLEAN", arrow.FixedWidthTypes.Boolean, func(b array.Builder) {
			b.(*array.BooleanBuilder).AppendValues([]bool{true, false}, nil)
		}, []string{"true", "false"}, []string{"true", "false"}},
		{"TINYINT", arrow.PrimitiveTypes.Int8, func(b array.Builder) {
			b.(*array.Int8Builder).AppendValues([]int8{-128, 127}, nil)
		}, []string{"-128", "127"}, []string{"-128", "127"}},
		{"BIGINT", arrow.PrimitiveTypes.Int64, func(b array.Builder) {
			b.(*array.Int64Builder).AppendValues([]int64{1 << 53, -(1<<53 + 1)}, nil)
		}, []string{"9007199254740992", `"-9007199254740993"`}, []string{"9007199254740992", "-9007199254740993"}},
		{"UBIGINT", arrow.PrimitiveTypes.Uint64, func(b array.Builder) {
			b.(*array.Uint64Builder).AppendValues([]uint64{7, math.MaxUint64}, nil)
		}, []string{"7", `"18446744073709551615"`}, []string{"7", "18446744073709551615"}},
		{"HUGEINT", &arrow.Decimal128Type{Precision: 38}, func(b array.Builder) {
			d := b.(*array.Decimal128Builder)
			d.Append(decimal128.FromI64(-5))
			d.Append(decimal128.New(math.MaxInt64, math.MaxUint64))
		}, []string{"-5", "170141183460469231731687303715884105727"}, []string{"-5", "170141183460469231731687303715884105727"}},
		{"DECIMAL(12,2)", &arrow.Decimal128Type{Precision: 12, Scale: 2}, func(b array.Builder) {
			d := b.(*array.Decimal128Builder)
			d.Append(decimal128.FromI64(-5))
			d.Append(decimal128.FromI64(123456))
		}, []string{"-0.05", "1234.56"}, []string{"-0.05", "1234.56"}},
		{"FLOAT", arrow.PrimitiveTypes.Float32, func(b array.Builder) {
			b.(*array.Float32Builder).AppendValues([]float32{0.1, float32(math.Inf(-1))}, nil)
		}, []string{"0.1", `"-Infinity"`}, []string{"0.1", "-Infinity"}},
		{"DOUBLE", arrow.PrimitiveTypes.Float64, func(b array.Builder) {
			b.(*array.Float64Builder).AppendValues([]float64{1e300, math.NaN()}, nil)
		}, []string{"1e+300", `"NaN"`}, []string{"1e+300", "NaN"}},
		{"VARCHAR", arrow.BinaryTypes.String, func(b array.Builder) {
			b.(*array.StringBuilder).AppendValues([]string{"a \"b\", \\ \n\x01é", ""}, nil)
		}, []string{`"a \"b\", \\ \n\u0001é"`, `""`}, []string{"a \"b\", \\ \n\x01é", ""}},
		{"BLOB", arrow.BinaryTypes.Binary, func(b array.Builder) {
			b.(*array.BinaryBuilder).AppendValues([][]byte{{0, 255}, {}}, nil)
		}, []string{`"AP8="`, `""`}, []string{"AP8=", ""}},
		{"JSON", arrow.BinaryTypes.String, func(b array.Builder) {
			b.(*array.StringBuilder).AppendValues([]string{"{\"a\":\n [1, 2]}", "{broken"}, nil)
		}, []string{`{"a":[1,2]}`, `"{broken"`}, []string{"{\"a\":\n [1, 2]}", "{broken"}},
		{"UUID", arrow.BinaryTypes.String, func(b array.Builder) {
			b.(*array.StringBuilder).AppendValues([]string{"0f0e0d0c-0b0a-0908-0706-050403020100", "x"}, nil)
		}, []string{`"0f0e0d0c-0b0a-0908-0706-050403020100"`, `"x"`}, []string{"0f0e0d0c-0b0a-0908-0706-050403020100", "x"}},
		{"ENUM('a', 'b')", &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint8, ValueType: arrow.BinaryTypes.String}, func(b array.Builder) {
			d := b.(*array.BinaryDictionaryBuilder)
			for _, v := range []string{"b", "a"} {
				if err := d.AppendString(v); err != nil {
					panic(err)
				}
			}
		}, []string{`"b"`, `"a"`}, []string{"b", "a"}},
		{"NULL", arrow.Null, func(b array.Builder) { b.AppendNulls(2) }, []string{"null", "null"}, []string{"", ""}},
	}
}

func temporalCases() []typeCase {
	return []typeCase{
		{"DATE", arrow.FixedWidthTypes.Date32, func(b array.Builder) {
			b.(*array.Date32Builder).AppendValues([]arrow.Date32{19358, math.MaxInt32}, nil)
		}, []string{`"2023-01-01"`, `"infinity"`}, []string{"2023-01-01", "infinity"}},
		{"TIME", arrow.FixedWidthTypes.Time64us, func(b array.Builder) {
			b.(*array.Time64Builder).AppendValues([]arrow.Time64{86_400_000_000, 3_723_000_100}, nil)
		}, []string{`"24:00:00"`, `"01:02:03.0001"`}, []string{"24:00:00", "01:02:03.0001"}},
		{"TIMESTAMP", &arrow.TimestampType{Unit: arrow.Microsecond}, func(b array.Builder) {
			b.(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{-1, math.MaxInt64}, nil)
		}, []string{`"1969-12-31T23:59:59.999999"`, `"infinity"`}, []string{"1969-12-31T23:59:59.999999", "infinity"}},
		{"TIMESTAMP WITH TIME ZONE", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, func(b array.Builder) {
			b.(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{1_700_000_000_500_000, 253402300800_000_000}, nil)
		}, []string{`"2023-11-14T22:13:20.5Z"`, `"+010000-01-01T00:00:00Z"`}, []string{"2023-11-14T22:13:20.5Z", "+010000-01-01T00:00:00Z"}},
		{"TIMESTAMP_S", &arrow.TimestampType{Unit: arrow.Second}, func(b array.Builder) {
			b.(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{0, -62198755200}, nil)
		}, []string{`"1970-01-01T00:00:00"`, `"-000001-01-01T00:00:00"`}, []string{"1970-01-01T00:00:00", "-000001-01-01T00:00:00"}},
		{"INTERVAL", arrow.FixedWidthTypes.MonthDayNanoInterval, func(b array.Builder) {
			b.(*array.MonthDayNanoIntervalBuilder).AppendValues([]arrow.MonthDayNanoInterval{
				{Months: 14, Days: -3, Nanoseconds: 3_723_500_000_000}, {Nanoseconds: -500_000_000},
			}, nil)
		}, []string{`"P1Y2M-3DT1H2M3.5S"`, `"PT-0.5S"`}, []string{"P1Y2M-3DT1H2M3.5S", "PT-0.5S"}},
	}
}

func nestedCases() []typeCase {
	return []typeCase{
		{"JSON[]", arrow.ListOf(arrow.BinaryTypes.String), func(b array.Builder) {
			l := b.(*array.ListBuilder)
			l.Append(true)
			l.ValueBuilder().(*array.StringBuilder).AppendValues([]string{`{"a": 1}`, ""}, []bool{true, false})
			l.Append(true)
		}, []string{`[{"a":1},null]`, `[]`}, []string{`[{"a":1},null]`, `[]`}},
		{"STRUCT(a INTEGER, b VARCHAR)", arrow.StructOf(
			arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
			arrow.Field{Name: "b", Type: arrow.BinaryTypes.String, Nullable: true}), func(b array.Builder) {
			s := b.(*array.StructBuilder)
			for i := range 2 {
				s.Append(true)
				s.FieldBuilder(0).(*array.Int32Builder).Append(int32(i))
				s.FieldBuilder(1).(*array.StringBuilder).Append("x,y")
			}
		}, []string{`{"a":0,"b":"x,y"}`, `{"a":1,"b":"x,y"}`}, []string{`{"a":0,"b":"x,y"}`, `{"a":1,"b":"x,y"}`}},
		{"MAP(INTEGER, DOUBLE)", arrow.MapOf(arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Float64), func(b array.Builder) {
			m := b.(*array.MapBuilder)
			for i := range 2 {
				m.Append(true)
				m.KeyBuilder().(*array.Int32Builder).Append(int32(i))
				m.ItemBuilder().(*array.Float64Builder).Append(0.5)
			}
		}, []string{`{"0":0.5}`, `{"1":0.5}`}, []string{`{"0":0.5}`, `{"1":0.5}`}},
	}
}

// allTypes returns a batch of three rows with a column of every type, the
// last row being all NULL.
func allTypes(t *testing.T, mem memory.Allocator) ([]typeCase, []query.Column, arrow.RecordBatch) {
	t.Helper()
	cases := append(append(scalarCases(), temporalCases()...), nestedCases()...)
	var fields []arrow.Field
	var columns []query.Column
	var arrays []arrow.Array
	for i, c := range cases {
		b := array.NewBuilder(mem, c.arrow)
		c.fill(b)
		b.AppendNull()
		arrays = append(arrays, b.NewArray())
		b.Release()
		name := fmt.Sprintf("c%d", i)
		fields = append(fields, arrow.Field{Name: name, Type: c.arrow, Nullable: true})
		columns = append(columns, query.Column{Name: name, Type: c.sqlType})
	}
	b := array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, 3)
	for _, a := range arrays {
		a.Release()
	}
	return cases, columns, b
}

// serveAllTypes answers one query with allTypes, twice over.
func serveAllTypes(t *testing.T, accept string) ([]typeCase, string, http.Header) {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	cases, columns, b := allTypes(t, mem)
	t.Cleanup(b.Release)
	db := &fakeDB{rows: &fakeRows{columns: columns, batches: []arrow.RecordBatch{b, b}}}
	w := post(t, newTestServer(t, db, nil), accept, `{"sql":"SELECT"}`)
	if w.Code != http.StatusOK || w.Header().Get("Millstream-Epoch") != "42" || w.Header().Get("Test-Aborted") != "" {
		t.Fatalf("status %d, header %v: %s", w.Code, w.Header(), w.Body)
	}
	return cases, w.Body.String(), w.Header()
}

func TestJSONOfEveryType(t *testing.T) {
	t.Parallel()
	cases, body, _ := serveAllTypes(t, "")
	var got struct {
		Columns []struct{ Name, Type string }
		Rows    [][]json.RawMessage
		Epoch   uint64
		Tag     string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	if got.Epoch != 42 || got.Tag != "SELECT" || len(got.Rows) != 6 || len(got.Columns) != len(cases) {
		t.Fatalf("epoch %d, tag %s, %d rows, %d columns", got.Epoch, got.Tag, len(got.Rows), len(got.Columns))
	}
	for c, want := range cases {
		if got.Columns[c].Type != want.sqlType {
			t.Errorf("column %d: type %s, want %s", c, got.Columns[c].Type, want.sqlType)
		}
		for r := range 6 {
			value := "null"
			if r%3 < 2 {
				value = want.json[r%3]
			}
			if string(got.Rows[r][c]) != value {
				t.Errorf("%s row %d: %s, want %s", want.sqlType, r, got.Rows[r][c], value)
			}
		}
	}
}

func TestNDJSONOfEveryType(t *testing.T) {
	t.Parallel()
	cases, body, _ := serveAllTypes(t, ndjsonType)
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines", len(lines))
	}
	for r, line := range lines {
		var row map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		for c, want := range cases {
			value := "null"
			if r%3 < 2 {
				value = want.json[r%3]
			}
			if got := string(row[fmt.Sprintf("c%d", c)]); got != value {
				t.Errorf("%s row %d: %s, want %s", want.sqlType, r, got, value)
			}
		}
	}
}

func TestCSVOfEveryType(t *testing.T) {
	t.Parallel()
	cases, body, header := serveAllTypes(t, csvType)
	if got := header.Get("Content-Type"); !strings.HasPrefix(got, "text/csv") {
		t.Errorf("content type %s", got)
	}
	records, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 7 || records[0][0] != "c0" {
		t.Fatalf("%d records, first %v", len(records), records[0])
	}
	for c, want := range cases {
		for r, record := range records[1:] {
			value := ""
			if r%3 < 2 {
				value = want.csv[r%3]
			}
			if record[c] != value {
				t.Errorf("%s row %d: %q, want %q", want.sqlType, r, record[c], value)
			}
		}
	}
	if got := string(appendCSVField(nil, "")); got != `""` {
		t.Errorf("an empty string is %s, which is NULL", got)
	}
}

func TestArrowOfEveryType(t *testing.T) {
	t.Parallel()
	cases, body, _ := serveAllTypes(t, arrowType)
	r, err := ipc.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	_, _, want := allTypes(t, memory.DefaultAllocator)
	defer want.Release()
	n := 0
	for ; r.Next(); n++ {
		for c := range cases {
			if !array.Equal(r.RecordBatch().Column(c), want.Column(c)) && cases[c].sqlType != "DOUBLE" { // NaN is not itself
				t.Errorf("%s: %v, want %v", cases[c].sqlType, r.RecordBatch().Column(c), want.Column(c))
			}
		}
	}
	if n != 2 || r.Err() != nil {
		t.Errorf("%d batches, %v", n, r.Err())
	}
}

func TestSlicedBatchesKeepTheirRows(t *testing.T) {
	t.Parallel()
	cases, columns, b := allTypes(t, memory.DefaultAllocator)
	defer b.Release()
	part := b.NewSlice(1, 2)
	defer part.Release()
	for c, value := range appenders(nil, part, columns, jsonStyle) {
		if got := string(value(nil, 0)); got != cases[c].json[1] {
			t.Errorf("%s: %s, want %s", cases[c].sqlType, got, cases[c].json[1])
		}
	}
}

func TestResultWithoutRows(t *testing.T) {
	t.Parallel()
	columns := []query.Column{{Name: "a", Type: "DECIMAL(12,2)"}, {Name: "b", Type: "INTEGER[]"}}
	want := map[string]string{
		jsonType:   `{"columns":[{"name":"a","type":"DECIMAL(12,2)"},{"name":"b","type":"INTEGER[]"}],"rows":[],"epoch":42,"tag":"SELECT"}` + "\n",
		ndjsonType: "",
		csvType:    "a,b\r\n",
	}
	for accept, body := range want {
		w := post(t, newTestServer(t, &fakeDB{rows: &fakeRows{columns: columns}}, nil), accept, `{"sql":"x"}`)
		if w.Code != 200 || w.Body.String() != body {
			t.Errorf("%s: %d %q, want %q", accept, w.Code, w.Body, body)
		}
	}
	w := post(t, newTestServer(t, &fakeDB{rows: &fakeRows{columns: columns}}, nil), arrowType, `{"sql":"x"}`)
	r, err := ipc.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	if r.Schema().NumFields() != 2 || r.Schema().Field(0).Type.ID() != arrow.DECIMAL128 || r.Next() {
		t.Errorf("schema %v", r.Schema())
	}
}

// bigBatch has rows enough for the header to leave before the end.
func bigBatch(t *testing.T) arrow.RecordBatch {
	t.Helper()
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	for range 3000 {
		b.Append(strings.Repeat("x", 1000))
	}
	a := b.NewArray()
	defer a.Release()
	return array.NewRecordBatch(arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.BinaryTypes.String}}, nil), []arrow.Array{a}, 3000)
}

func TestErrorAfterTheFirstBytes(t *testing.T) {
	t.Parallel()
	columns := []query.Column{{Name: "a", Type: "VARCHAR"}}
	serve := func(accept string) (int, []byte, bool) {
		b := bigBatch(t)
		defer b.Release()
		db := &fakeDB{rows: &fakeRows{columns: columns, batches: []arrow.RecordBatch{b}, err: query.Errorf("53200", "out of memory")}}
		w := post(t, newTestServer(t, db, nil), accept, `{"sql":"x"}`)
		if !db.rows.closed {
			t.Error("result left open")
		}
		return w.Code, w.Body.Bytes(), w.Header().Get("Test-Aborted") != ""
	}
	status, body, aborted := serve(jsonType)
	var got struct {
		Rows  [][]string
		Error *errorBody
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if status != 200 || aborted || len(got.Rows) != 3000 || got.Error == nil || got.Error.Code != "53200" {
		t.Errorf("json: %d, aborted %v, %d rows, %v", status, aborted, len(got.Rows), got.Error)
	}
	_, body, aborted = serve(ndjsonType)
	if want := `{"error":{"code":"53200","message":"out of memory"}}` + "\n"; aborted || !bytes.HasSuffix(body, []byte(want)) {
		t.Errorf("ndjson ends with %s", body[max(0, len(body)-100):])
	}
	for _, accept := range []string{csvType, arrowType} {
		if _, _, aborted := serve(accept); !aborted {
			t.Errorf("%s: the answer looks complete", accept)
		}
	}
}

func TestErrorInASmallResultHasItsStatus(t *testing.T) {
	t.Parallel()
	_, columns, b := allTypes(t, memory.DefaultAllocator)
	defer b.Release()
	db := &fakeDB{rows: &fakeRows{columns: columns, batches: []arrow.RecordBatch{b}, err: query.Errorf("22003", "out of range")}}
	w := post(t, newTestServer(t, db, nil), csvType, `{"sql":"x"}`)
	if w.Code != 400 || w.Header().Get("Content-Type") != jsonType {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestRowsOverAConnection(t *testing.T) {
	t.Parallel()
	b := bigBatch(t)
	defer b.Release()
	db := &fakeDB{rows: &fakeRows{columns: []query.Column{{Name: "a", Type: "VARCHAR"}},
		batches: []arrow.RecordBatch{b}, err: errors.New("disk gone")}}
	s, url, done := listen(t, db)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, _ := http.NewRequest(http.MethodPost, url+"/v1/query", strings.NewReader(`{"sql":"x"}`))
	r.Header.Set("Accept", csvType)
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Errorf("read %d bytes to a clean end", n)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestJSONStringIsWhatEncodingJSONReads(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "é\u2028\u2029\U0001F600", "\x00\x1f\x7f\"\\/", "bad \xff\xc3 utf8", "\ufffd", "tab\t"} {
		var got string
		if err := json.Unmarshal(appendJSONString(nil, s), &got); err != nil || got != strings.ToValidUTF8(s, "\ufffd") && !strings.Contains(s, "\xff") {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	batch := func() arrow.RecordBatch {
		i := array.NewInt64Builder(memory.DefaultAllocator)
		s := array.NewStringBuilder(memory.DefaultAllocator)
		for k := range 2048 {
			i.Append(int64(k))
			s.Append("some country")
		}
		return array.NewRecordBatch(arrow.NewSchema([]arrow.Field{
			{Name: "i", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String},
		}, nil), []arrow.Array{i.NewArray(), s.NewArray()}, 2048)
	}()
	f := newJSON()
	buf, _ := f.begin(nil, &query.Result{Columns: []query.Column{{Name: "i", Type: "BIGINT"}, {Name: "s", Type: "VARCHAR"}}}, batch)
	for b.Loop() {
		buf = buf[:0]
		_, rows, _ := f.bind(buf, batch)
		for i := range rows {
			buf = f.row(buf, i)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2048, "ns/row")
}
