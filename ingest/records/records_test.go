package records

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

// cut returns all records of a text, and how long each is that is too long.
func cut(t *testing.T, in io.Reader, o LinesOptions) (got []string) {
	t.Helper()
	l := NewLines(in, o)
	for {
		record, err := l.Next()
		var long *LongError
		switch {
		case errors.Is(err, io.EOF):
			return got
		case errors.As(err, &long):
			got = append(got, fmt.Sprintf("%s… of %d", record, long.Bytes))
		case err != nil:
			t.Fatal(err)
		default:
			got = append(got, string(record))
		}
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	csv := LinesOptions{Most: 1 << 20, Quote: '"', Delimiter: ','}
	for _, c := range []struct {
		name, text string
		opts       LinesOptions
		want       []string
	}{
		{"nothing", "", csv, nil},
		{"lines", "a\nb\r\n\nc", LinesOptions{Most: 10}, []string{"a\n", "b\r\n", "\n", "c"}},
		{"a line break inside of quotes", "1,\"a\nb\"\n2,c\n", csv, []string{"1,\"a\nb\"\n", "2,c\n"}},
		{"doubled quotes", "\"a\"\"\nb\"\n\"\"\nc\n", csv, []string{"\"a\"\"\nb\"\n", "\"\"\n", "c\n"}},
		{"a quote inside of a field is no beginning", "a\"b\nc\"d\n", csv, []string{"a\"b\n", "c\"d\n"}},
		{"quotes are not looked at", "\"a\nb\"\n", LinesOptions{Most: 10}, []string{"\"a\n", "b\"\n"}},
		{"an open quote", "\"a\nb\n", csv, []string{"\"a\nb\n"}},
		{"just as long as allowed", "12345\n12345\r\n123456\n1\n", LinesOptions{Most: 5}, []string{"12345\n", "12345\r\n", "12345… of 6", "1\n"}},
		{"longer than the buffer", long + "\n" + long, LinesOptions{Most: 1 << 20}, []string{long + "\n", long}},
		{"much too long", long + "\nb\n", LinesOptions{Most: 3}, []string{"xxx… of 200000", "b\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
				if diff := cmp.Diff(c.want, cut(t, in, c.opts)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestLinesSayWhereTheyAre(t *testing.T) {
	l := NewLines(strings.NewReader("ab\ncde\n"), LinesOptions{Most: 10})
	for _, want := range []int64{3, 7} {
		if _, err := l.Next(); err != nil || l.At() != want {
			t.Errorf("at %d, want %d, %v", l.At(), want, err)
		}
	}
}

func TestReadErrorIsNoEnd(t *testing.T) {
	broken := errors.New("disk on fire")
	l := NewLines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), LinesOptions{Most: 10})
	if _, err := l.Next(); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Next(); !errors.Is(err, broken) {
		t.Errorf("got %q, %v", got, err)
	}
}

func elements(body string) (got []string, err error) {
	err = Elements([]byte(body), func(e []byte) { got = append(got, string(e)) })
	return got, err
}

func TestElements(t *testing.T) {
	for _, c := range []struct {
		body string
		want []string
		err  string
	}{
		{`[{"a":1},{"b":[1,{"c":"],["}]}]`, []string{`{"a":1}`, `{"b":[1,{"c":"],["}]}`}, ""},
		{" [ ] \n", nil, ""},
		{` {"a":1} `, []string{`{"a":1} `}, ""},
		{`[{"a":"\"]"},{"b":}, 3]`, []string{`{"a":"\"]"}`, `{"b":}`, `3`}, ""},
		{`[1,]`, []string{"1", ""}, ""},
		{"", nil, "empty"},
		{`[{"a":1}`, nil, "not closed"},
		{`[{"a":"x]`, nil, "not closed"},
		{`[1] 2`, []string{"1"}, "text behind the array, at byte 4"},
		{`[] x`, nil, "text behind the array"},
	} {
		got, err := elements(c.body)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.body, diff)
		}
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", c.body, err, c.err)
		}
	}
}

// FuzzElements: of a valid array the elements are encoding/json's.
func FuzzElements(f *testing.F) {
	for _, seed := range []string{`[{"a":1},{"b":[1,{"c":"],["}]}]`, `[]`, ` [ 1 , "\\" ] `, `[`, `[1,`, `{`, `["\`, `[}]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		defer batchtest.MustEnd()()
		got, err := elements(body)
		var want []json.RawMessage
		if json.Unmarshal([]byte(body), &want) != nil || want == nil {
			return
		}
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d elements, want %d, %v", len(got), len(want), err)
		}
		for i := range want {
			if strings.Trim(got[i], " \t\r\n") != string(want[i]) {
				t.Errorf("element %d is %q, want %q", i, got[i], want[i])
			}
		}
	})
}

func TestCSVTable(t *testing.T) {
	schema := batch.NewSchema(batchtest.Columns(t, "id BIGINT", "name VARCHAR", "amount DECIMAL(10,2)"))
	options := decode.CSVOptions{Quote: '"'}
	for _, c := range []struct{ text, want string }{
		{"Amount,ID\n1.50,7\n,8\n", "7 NULL 1.5|8 NULL NULL"},
		{"\xef\xbb\xbfid ,\"name\"\n1,\"a, \"\"b\"\"\nc\"\n", "1 a, \"b\"\nc NULL"},
		{"name\r\nx\r\n\r\n", "NULL x NULL|NULL NULL NULL"},
		{"id,name\n1\n1,2,3\nx,y\n2,z\n", "!1 fields, the source has 2 columns|!more than the 2 fields of the source's columns, at byte 4|" +
			"!column \"id\": \"x\" is not a BIGINT, at byte 0|2 z NULL"},
	} {
		table, err := OpenCSV(strings.NewReader(c.text), schema, options, decode.Limits{})
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		mem := batch.NewAllocator()
		collector := NewCollector(mem, schema)
		for {
			record, err := table.Lines().Next()
			if err != nil {
				break
			}
			collector.Add(record, table.Decode)
		}
		b := collector.Finish(time.Now())
		var got []string
		rejected := b.Rejected
		for row, place := 0, int64(0); row < b.Rows() || len(rejected) > 0; place++ {
			if len(rejected) > 0 && rejected[0].Offset == place {
				got, rejected = append(got, "!"+rejected[0].Error), rejected[1:]
				continue
			}
			var values []string
			for i := range schema.Columns {
				if b.Record.Column(i).IsNull(row) {
					values = append(values, "NULL")
				} else {
					values = append(values, strings.Clone(b.Record.Column(i).ValueStr(row)))
				}
			}
			got = append(got, strings.Join(values, " "))
			row++
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.text, s, c.want)
		}
		b.Release()
		if n := mem.Bytes(); n != 0 {
			t.Errorf("%d bytes leaked", n)
		}
	}
	for text, want := range map[string]string{
		"id,nope\n": `"nope", which the source does not have`, "id,ID\n": `"ID" twice`, "\"id\n": "is not closed", "\n": `column ""`,
		strings.Repeat("x", 3<<20) + "\n": "exceeds the limit",
	} {
		if _, err := OpenCSV(strings.NewReader(text), schema, options, decode.Limits{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
	if _, err := OpenCSV(strings.NewReader(""), schema, options, decode.Limits{}); !errors.Is(err, io.EOF) {
		t.Errorf("nothing: %v", err)
	}
}

func TestCollectorBounds(t *testing.T) {
	schema := batch.NewSchema(batchtest.Columns(t, "text VARCHAR"))
	c := NewCollector(batch.NewAllocator(), schema)
	defer c.Release()
	take := func(record []byte, b *batch.Builder) error {
		b.Column(0).AppendBytes(record)
		return nil
	}
	for n := 0; !c.Full(1000, 1<<20); n++ {
		if n > 1000 {
			t.Fatal("not full")
		}
		c.Add([]byte("x"), take)
	}
	if c.Records() != 1000 {
		t.Errorf("full at %d records", c.Records())
	}
	c.Finish(time.Now()).Release()
	big := slices.Repeat([]byte("y"), 100<<10)
	for !c.Full(1_000_000, 1<<20) {
		c.Reject(big, "no")
	}
	b := c.Finish(time.Now())
	defer b.Release()
	if x := b.Rejected[0]; len(x.Value) != rejectedBytesMax || !x.Truncated || len(b.Rejected) != 16 {
		t.Errorf("%d rejected, the first of %d bytes", len(b.Rejected), len(x.Value))
	}
}

// FuzzLines: the records of a text are its bytes, in order.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{"a,b\n\"x\ny\",1\n", "\"a\"\"b\n", "\r\n\n", "\"", "a\"b\n\"c\",\"d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		defer batchtest.MustEnd()()
		l := NewLines(strings.NewReader(text), LinesOptions{Most: 1 << 20, Quote: '"', Delimiter: ','})
		var all []byte
		for {
			record, err := l.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || len(record) == 0 {
				t.Fatalf("%q, %v", record, err)
			}
			if all = append(all, record...); l.At() != int64(len(all)) {
				t.Fatalf("at %d after %d bytes", l.At(), len(all))
			}
		}
		if string(all) != text {
			t.Fatalf("the records are %q", all)
		}
	})
}
