package push

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/engine/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func spec(t *testing.T, encode string, options map[string]string) source.Spec {
	t.Helper()
	return source.Spec{
		Name: "s", Format: "PLAIN", Encode: encode, EncodeOptions: options, Options: map[string]string{"connector": "push"},
		Schema: batch.NewSchema(batchtest.Columns(t, "id BIGINT", "name VARCHAR")), Alloc: batch.NewAllocator(),
	}
}

func open(t *testing.T, s source.Spec) (*Connector, source.Reader) {
	t.Helper()
	c := New()
	if err := c.Validate(s); err != nil {
		t.Fatal(err)
	}
	r, err := c.Open(s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		if n := s.Alloc.Bytes(); n != 0 {
			t.Errorf("%d bytes leaked", n)
		}
	})
	return c, r
}

// decoded shows rows and, in their places, why records were rejected.
func decoded(t *testing.T, c *Connector, mediaType, body string) (string, error) {
	t.Helper()
	b, err := c.Decode("s", mediaType, []byte(body))
	if err != nil {
		return "", err
	}
	defer b.Release()
	var out []string
	rejected := b.Rejected
	for row, place := 0, int64(0); row < b.Rows() || len(rejected) > 0; place++ {
		if len(rejected) > 0 && rejected[0].Offset == place {
			out, rejected = append(out, "!"+string(rejected[0].Value)), rejected[1:]
			continue
		}
		out = append(out, b.Record.Column(0).ValueStr(row)+" "+b.Record.Column(1).ValueStr(row))
		row++
	}
	return strings.Join(out, "|"), nil
}

func arrowBody(t *testing.T) string {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "name", Type: arrow.BinaryTypes.String}, {Name: "id", Type: arrow.BinaryTypes.String}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for _, row := range [][2]string{{"a", "1"}, {"b", "x"}, {"c", "3"}} {
		b.Field(0).(*array.StringBuilder).Append(row[0])
		b.Field(1).(*array.StringBuilder).Append(row[1])
	}
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	if err := errors.Join(w.Write(b.NewRecordBatch()), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestBodies(t *testing.T) {
	c, r := open(t, spec(t, "JSON", nil))
	long := `{"id":1,"name":"` + strings.Repeat("x", 2<<20) + `"}`
	for _, x := range []struct{ mediaType, body, want string }{
		{NDJSON, "{\"id\":1,\"name\":\"a\"}\r\n\n  {\"id\":\"x\"}\n{\"id\":3}", "1 a|!{\"id\":\"x\"}|3 (null)"},
		{NDJSON, "", ""},
		{NDJSON, "[1]\n{\"ID\":\"7\"}\n" + long, "![1]|7 (null)|!" + long[:64<<10]},
		{JSON, `[{"id":1}, {"id":}, {"name":"b"}]`, "1 (null)|!{\"id\":}|(null) b"},
		{JSON, `{"id":1}`, "1 (null)"},
		{JSON, `[]`, ""},
		{CSV, "name,id\na,1\n\"b\nc\",2\nd,x\n", "1 a|2 b\nc|!d,x"},
		{CSV, "id\n1\n" + strings.Repeat("9", 2<<20) + "\n2\n", "1 (null)|!" + strings.Repeat("9", 64<<10) + "|2 (null)"},
		{Arrow, arrowBody(t), `1 a|!{"id":"x","name":"b"}|3 c`},
	} {
		got, err := decoded(t, c, x.mediaType, x.body)
		if err != nil || got != x.want {
			t.Errorf("%s %.60q:\n got %.200q, %v\nwant %.200q", x.mediaType, x.body, got, err, x.want)
		}
	}
	if s := r.Status(); s.State != source.Running || s.Records != 19 || s.Bytes < 4<<20 {
		t.Errorf("status %+v", s)
	}
}

func TestBodiesThatAreWrongAsAWhole(t *testing.T) {
	c, _ := open(t, spec(t, "JSON", nil))
	for _, x := range []struct{ mediaType, body, want string }{
		{JSON, "", "the body is not valid JSON: the body is empty"},
		{JSON, `[{"id":1}`, "not closed"},
		{CSV, "", "the first line must name the columns"},
		{CSV, "id,who\n1,2\n", `names column "who", which the source does not have`},
		{Arrow, "", "not valid Arrow IPC"},
		{Arrow, "junk of some length", "not valid Arrow IPC"},
		{"text/plain", "", "not decoded"},
	} {
		_, err := decoded(t, c, x.mediaType, x.body)
		var bad *BodyError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s %q: %v, want %q", x.mediaType, x.body, err, x.want)
		}
	}
}

func TestEncodingSaysHowFieldsAreSetApart(t *testing.T) {
	c, _ := open(t, spec(t, "CSV", map[string]string{"delimiter": ";", "quote": "'", "null": "-"}))
	if got, err := decoded(t, c, CSV, "id;name\n1;'a;b'\n2;-\n"); err != nil || got != "1 a;b|2 (null)" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := decoded(t, c, NDJSON, `{"id":1}`); err != nil || got != "1 (null)" {
		t.Errorf("JSON to the same source: %q, %v", got, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, x := range []struct {
		change func(*source.Spec)
		want   string
	}{
		{func(s *source.Spec) { s.Options["topic"] = "t" }, "unknown option topic"},
		{func(s *source.Spec) { s.Format = "UPSERT" }, "FORMAT UPSERT ENCODE JSON is not supported"},
		{func(s *source.Spec) { s.Encode = "AVRO" }, "ENCODE AVRO is not supported"},
		{func(s *source.Spec) { s.EncodeOptions = map[string]string{"delimiter": ";"} }, "ENCODE JSON of the push connector has no option delimiter"},
		{func(s *source.Spec) { s.Encode, s.EncodeOptions = "CSV", map[string]string{"quote": ","} }, "delimiter and quote of ENCODE CSV must differ"},
	} {
		s := spec(t, "JSON", nil)
		x.change(&s)
		if err := New().Validate(s); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v, want %q", err, x.want)
		}
		if _, err := New().Open(s, nil, nil); err == nil {
			t.Error("it opens")
		}
	}
}

func TestClosedSourceTakesNothing(t *testing.T) {
	c, r := open(t, spec(t, "JSON", nil))
	again, err := c.Open(spec(t, "JSON", nil), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close() // which another reader has taken the place of
	if _, err := decoded(t, c, NDJSON, "{}"); err != nil {
		t.Errorf("the new reader: %v", err)
	}
	_ = again.Close()
	if _, err := decoded(t, c, NDJSON, "{}"); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func BenchmarkNDJSON(b *testing.B) {
	s := source.Spec{Name: "s", Schema: batch.NewSchema([]batch.Column{{Name: "id", Type: batch.Type{Kind: batch.BigInt}}, {Name: "name", Type: batch.Type{Kind: batch.Varchar}}}), Alloc: batch.NewAllocator()}
	c := New()
	r, err := c.Open(s, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // it returns none
	var body []byte
	for i := range 1000 {
		body = fmt.Appendf(body, `{"id": %d, "name": "customer %d"}`+"\n", i, i)
	}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		rows, err := c.Decode("s", NDJSON, body)
		if err != nil {
			b.Fatal(err)
		}
		rows.Release()
	}
}
