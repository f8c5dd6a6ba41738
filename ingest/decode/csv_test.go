package decode

import (
	"encoding/csv"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

func TestCSVFields(t *testing.T) {
	t.Parallel()
	schema := batch.NewSchema(batchtest.Columns(t, "id BIGINT", "name VARCHAR", "price DECIMAL(9,2)", "at TIMESTAMP", "doc JSON"))
	quotes := CSVOptions{Quote: '"'}
	for _, tt := range []struct {
		name         string
		opts         CSVOptions
		record, want string // want begins with "error: " for one
	}{
		{"plain", quotes, "1,x,2.50,2020-01-01,{}", "1|x|250|1577836800000000|{}"},
		{"line break", quotes, "1,x,2.50,,\r\n", "1|x|250|NULL|NULL"},
		{"only a line feed", quotes, "1,x,2.50,,[]\n", "1|x|250|NULL|[]"},
		{"byte order mark", quotes, "\xef\xbb\xbf1,x,2,,", "1|x|200|NULL|NULL"},
		{"empty is NULL", quotes, ",,,,", "NULL|NULL|NULL|NULL|NULL"},
		{"quoted empty is none", quotes, `,"",,,`, "NULL||NULL|NULL|NULL"},
		{"quotes", quotes, `"1","a,b","2.5","2020-01-01 00:00:01","{""k"":1}"`, `1|a,b|250|1577836801000000|{"k":1}`},
		{"quotes twice", quotes, `1,"""a"" and """,,,`, `1|"a" and "|NULL|NULL|NULL`},
		{"a line break in quotes", quotes, "1,\"a\nb\",,,", "1|a\nb|NULL|NULL|NULL"},
		{"white space", quotes, " 1 , x , 2 , 2020-01-01 , [1] ", "1| x |200|1577836800000000|[1]"},
		{"another delimiter", CSVOptions{Delimiter: '\t', Quote: '"'}, "1\ta,b\t\t\t", "1|a,b|NULL|NULL|NULL"},
		{"another quote", CSVOptions{Quote: '\''}, `1,'it''s "so"',,,`, `1|it's "so"|NULL|NULL|NULL`},
		{"no quotes", CSVOptions{}, `1,"a",,,`, `1|"a"|NULL|NULL|NULL`},
		{"a word for NULL", CSVOptions{Quote: '"', Null: `\N`}, `1,\N,\N,\N,\N`, "1|NULL|NULL|NULL|NULL"},
		{"the word quoted", CSVOptions{Quote: '"', Null: `\N`}, `1,"\N",\N,\N,\N`, `1|\N|NULL|NULL|NULL`},
		{"empty beside the word", CSVOptions{Quote: '"', Null: `\N`}, `1,,\N,\N,\N`, "1||NULL|NULL|NULL"},

		{"nothing", quotes, "", "error: empty record"},
		{"an empty line", quotes, "\n", "error: empty record"},
		{"too few", quotes, "1,x", "error: 2 fields, the source has 5 columns"},
		{"too many", quotes, "1,x,,,,", "error: more than the 5 fields of the source's columns, at byte 7"},
		{"a header", quotes, "id,name,price,at,doc", `error: column "id": "id" is not a BIGINT, at byte 0`},
		{"wrong value", quotes, "1,x,abc,,", `error: column "price": "abc" is not a DECIMAL(9,2), at byte 4`},
		{"wrong value in quotes", quotes, `1,x,"a""c",,`, `error: column "price": "a""c" is not a DECIMAL(9,2), at byte 5`},
		{"wrong document", quotes, "1,x,,,{", `error: column "doc": "{" is not a JSON, at byte 6`},
		{"text behind a document", quotes, "1,x,,,{}x", `error: column "doc": "{}x" is not a JSON, at byte 6`},
		{"NUL", quotes, "1,a\x00b,,,", "error: column \"name\": \"a\uFFFDb\" holds a NUL character, which VARCHAR cannot, at byte 2"},
		{"an open quote", quotes, `1,"x,,,`, "error: the quote at byte 2 is not closed"},
		{"text behind a quote", quotes, `1,"x"y,,,`, "error: text behind a closing quote, at byte 5"},
		{"a quote inside", quotes, `1,x"y,,,`, "error: a quote inside of a field that is not quoted, at byte 3"},
		{"two lines", quotes, "1,x,,,\n2,y,,,", "error: a second line, at byte 7: a record is one line"},
		{"no text", quotes, "1,\xff,,,", "error: invalid UTF-8 at byte 2: 0xff"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeWith(t, NewCSV(schema, tt.opts, Limits{}), schema, tt.record)
			if err != nil {
				got = "error: " + err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestTextAndBytes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ column, record, want string }{
		{"a VARCHAR", "one\nof,\"many", "one\nof,\"many"},
		{"a VARCHAR", "", ""},
		{"a VARCHAR", "\xff", "error: invalid UTF-8 at byte 0: 0xff"},
		{"a VARCHAR", "a\x00", "error: column \"a\": \"a\uFFFD\" holds a NUL character, which VARCHAR cannot, at byte 0"},
		{"a BIGINT", " 17\n", "17"},
		{"a BIGINT", "", `error: column "a": "" is not a BIGINT, at byte 0`},
		{"a JSON", ` {"k":[1]}`, `{"k":[1]}`},
		{"a JSON", "{", `error: column "a": "{" is not a JSON, at byte 0`},
		{"a VARCHAR", strings.Repeat("x", 101), "error: record of 101 bytes exceeds the limit of 100"},
		{"a BLOB", "\x00\xff", "x00ff"},
		{"a BLOB", "", "x"},
		{"a BLOB", strings.Repeat("x", 101), "error: record of 101 bytes exceeds the limit of 100"},
	} {
		schema := batch.NewSchema(batchtest.Columns(t, tt.column))
		var d recordDecoder = NewText(schema, Limits{MaxBytes: 100})
		if schema.Columns[0].Type.Kind == batch.Blob {
			d = NewBytes(Limits{MaxBytes: 100})
		}
		got, err := decodeWith(t, d, schema, tt.record)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want {
			t.Errorf("%s of %q: got %q, want %q", tt.column, tt.record, got, tt.want)
		}
	}
}

// TestCSVValues reads what the cases of each type say of JSON strings: a field
// has the same value.
func TestCSVValues(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, tt := range typeCases {
		columns := batchtest.Columns(t, "c "+tt.typ)
		schema := batch.NewSchema(columns)
		for _, c := range tt.cases {
			var text string
			if columns[0].Type.Kind == batch.JSON || json.Unmarshal([]byte(c[0]), &text) != nil || !strings.HasPrefix(c[0], `"`) {
				continue
			}
			seen++
			field := `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
			want, wantErr := decodeRow(t, columns, Limits{}, `{"c":`+c[0]+`}`)
			got, err := decodeWith(t, NewCSV(schema, CSVOptions{Quote: '"'}, Limits{}), schema, field)
			if got != want || (err == nil) != (wantErr == nil) {
				t.Errorf("%s of %s: %q, %v; as JSON %q, %v", tt.typ, field, got, err, want, wantErr)
			}
		}
	}
	if seen < 100 {
		t.Errorf("%d cases of strings", seen)
	}
}

// TestCSVOfAnother reads what another implementation has written.
func TestCSVOfAnother(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	pieces := []string{"a", "ä", ",", ";", `"`, "\n", " ", "", "b", "'", "日本", `""`, "\t"}
	for range 2000 {
		delimiter := []rune{',', ';', '\t'}[r.IntN(3)]
		var fields []string
		var decls []string
		for range 1 + r.IntN(6) {
			var field strings.Builder
			field.WriteString("x") // an empty one is NULL
			for range r.IntN(6) {
				field.WriteString(pieces[r.IntN(len(pieces))])
			}
			fields = append(fields, field.String())
			decls = append(decls, "c VARCHAR")
		}
		var line strings.Builder
		w := csv.NewWriter(&line)
		w.Comma = delimiter
		if err := w.Write(fields); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		schema := batch.NewSchema(batchtest.Columns(t, decls...))
		got, err := decodeWith(t, NewCSV(schema, CSVOptions{Delimiter: byte(delimiter), Quote: '"'}, Limits{}), schema, line.String())
		if want := strings.Join(fields, "|"); got != want || err != nil {
			t.Fatalf("%q: got %q, %v, want %q", line.String(), got, err, want)
		}
	}
}

// FuzzCSV decodes a record into a column of every type: it is a row or an error,
// and nothing in between. What encoding/csv reads as one line of as many fields,
// texts take as it does.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b,c", `"a","b""c",`, "a,\"b\nc\",d\r\n", `"`, "", ",,", "1,2", "\xff,,"} {
		f.Add([]byte(s), byte(','), byte('"'))
	}
	f.Add([]byte(`a|'b'|c`), byte('|'), byte('\''))
	var all []batch.Column
	for _, tt := range typeCases {
		all = append(all, batchtest.Columns(f, "c "+tt.typ)...)
	}
	every, texts := batch.NewSchema(all), batch.NewSchema(batchtest.Columns(f, "a VARCHAR", "b VARCHAR", "c VARCHAR"))
	f.Fuzz(func(t *testing.T, record []byte, delimiter, quote byte) {
		defer batchtest.MustEnd()()
		if delimiter >= utf8.RuneSelf || quote >= utf8.RuneSelf || delimiter == quote || delimiter == '\n' || quote == '\n' {
			return
		}
		o := CSVOptions{Delimiter: delimiter, Quote: quote, Null: "\x01"}
		_, _ = decodeWith(t, NewCSV(every, o, Limits{MaxBytes: 4096}), every, string(record))
		got, err := decodeWith(t, NewCSV(texts, o, Limits{MaxBytes: 4096}), texts, string(record))
		if quote != '"' || delimiter == 0 || delimiter == '\r' || slices.Contains(record, '\r') || strings.HasPrefix(string(record), byteOrderMark) {
			return
		}
		other := csv.NewReader(strings.NewReader(string(record)))
		other.Comma = rune(delimiter)
		lines, otherErr := other.ReadAll()
		if err == nil && (otherErr != nil || len(lines) != 1 || strings.Join(lines[0], "|") != got) && !strings.Contains(string(record), "\x01") {
			t.Errorf("%q: %q, by encoding/csv %q, %v", record, got, lines, otherErr)
		}
	})
}

func BenchmarkCSV(b *testing.B) {
	schema := batch.NewSchema(batchtest.Columns(b, "id BIGINT", "n BIGINT", "a INTEGER", "b INTEGER", "ok BOOLEAN", "price DOUBLE", "s VARCHAR", "t VARCHAR", "u VARCHAR", "w VARCHAR"))
	record := []byte(`1234567890123,987654321,17,-4,true,1234.56,"some words, with a comma",user-123456,https://example.com/a/path/of/a/page,`)
	d := NewCSV(schema, CSVOptions{Quote: '"'}, Limits{})
	mem := batch.NewAllocator()
	builder := batch.NewBuilder(mem, schema)
	defer builder.Release()
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	rows := 0
	for b.Loop() {
		if err := d.Decode(record, builder); err != nil {
			b.Fatal(err)
		}
		if rows++; rows == 8192 {
			builder.Finish().Release()
			rows = 0
		}
	}
}
