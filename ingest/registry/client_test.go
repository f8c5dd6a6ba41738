package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"
	avrolib "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/ingest/decode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	first  = `{"type":"record","name":"Order","fields":[{"name":"id","type":"int"}]}`
	second = `{"type":"record","name":"Order","fields":[{"name":"note","type":["null","string"]},{"name":"id","type":"long"}]}`
)

var table = batch.NewSchema([]batch.Column{
	{Name: "id", Type: batch.Type{Kind: batch.BigInt}}, {Name: "note", Type: batch.Type{Kind: batch.Varchar}},
})

// serve starts a registry that is asked through wrap.
func serve(t *testing.T, wrap func(http.Handler) http.Handler, opts ...srfake.Option) (*srfake.Registry, string) {
	t.Helper()
	r := srfake.NewRegistry(opts...)
	handler := r.Handler()
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return r, server.URL
}

func client(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func register(t *testing.T, r *srfake.Registry, subject string, s sr.Schema) uint32 {
	t.Helper()
	id, _, err := r.RegisterSchema(subject, s)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(id)
}

// framed writes a record with the id of its schema.
func framed(t *testing.T, id uint32, schema string, v map[string]any) []byte {
	t.Helper()
	data, err := avrolib.MustParse(schema).AppendEncode(binary.BigEndian.AppendUint32([]byte{0}, id), v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// read decodes records as a reader does, and returns the values of id.
func read(t *testing.T, a interface {
	Awaits(header, value []byte) bool
	Fetch(ctx context.Context, header, value []byte) error
	Decode(header, value []byte, b *batch.Builder) error
}, records ...[]byte) []int64 {
	t.Helper()
	b := batch.NewBuilder(batch.NewAllocator(), table)
	for _, record := range records {
		if a.Awaits(nil, record) {
			if err := a.Fetch(t.Context(), nil, record); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Decode(nil, record, b); err != nil {
			t.Fatal(err)
		}
	}
	rec := b.Finish()
	defer rec.Release()
	return append([]int64(nil), rec.Column(0).(*array.Int64).Int64Values()...)
}

func TestRecordsOfSeveralSchemas(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	r, url := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			asked.Add(1)
			next.ServeHTTP(w, q)
		})
	})
	one, two := register(t, r, "orders-value", sr.Schema{Schema: first}), register(t, r, "orders-value", sr.Schema{Schema: second})
	a := NewFramed(client(t, Options{URLs: []string{url}}), Avro{}, table, decode.Limits{})
	old, young := map[string]any{"id": 1}, map[string]any{"id": int64(1 << 40), "note": "x"}
	got := read(t, a, framed(t, one, first, old), framed(t, two, second, young), framed(t, one, first, old), framed(t, two, second, young))
	if len(got) != 4 || got[0] != 1 || got[1] != 1<<40 || got[2] != 1 || got[3] != 1<<40 {
		t.Errorf("got %v", got)
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the registry was asked %d times for two schemas", n)
	}
}

func TestFrames(t *testing.T) {
	t.Parallel()
	a := NewFramed(client(t, Options{URLs: []string{"http://127.0.0.1:1"}}), Avro{}, table, decode.Limits{})
	b := batch.NewBuilder(batch.NewAllocator(), table)
	for _, c := range []struct{ record, want string }{
		{"", "empty record"},
		{`{"id":1}`, "it begins with 0x7b"},
		{"\x00\x00\x01", "it has 3 bytes"},
	} {
		if a.Awaits(nil, []byte(c.record)) {
			t.Errorf("%q awaits a schema", c.record)
		}
		if err := a.Decode(nil, []byte(c.record), b); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.record, err, c.want)
		}
	}
	if !a.Awaits(nil, []byte{0, 1, 2, 3, 4}) {
		t.Error("awaits nothing")
	}
	if err := a.Fetch(t.Context(), nil, []byte{0, 1, 2, 3, 4}); err == nil || !strings.Contains(err.Error(), "schema 16909060:") {
		t.Errorf("fetched another schema: %v", err)
	}
	if n := b.Rows(); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestReferencesAreFollowed(t *testing.T) {
	t.Parallel()
	r, url := serve(t, nil)
	currency := `{"type":"enum","name":"Currency","namespace":"money","symbols":["EUR"]}`
	price := `{"type":"record","name":"Price","namespace":"money","fields":[{"name":"c","type":"Currency"}]}`
	register(t, r, "currency", sr.Schema{Schema: currency})
	toCurrency := sr.SchemaReference{Name: "money.Currency", Subject: "currency", Version: 1}
	register(t, r, "price", sr.Schema{Schema: price, References: []sr.SchemaReference{toCurrency}})
	id := register(t, r, "orders-value", sr.Schema{
		Schema:     `{"type":"record","name":"Order","fields":[{"name":"price","type":"money.Price"},{"name":"c","type":"money.Currency"},{"name":"id","type":"int"}]}`,
		References: []sr.SchemaReference{{Name: "money.Price", Subject: "price", Version: 1}, toCurrency},
	})
	a := NewFramed(client(t, Options{URLs: []string{url}}), Avro{}, table, decode.Limits{})
	record := append(binary.BigEndian.AppendUint32([]byte{0}, id), 0, 0, 14)
	if got := read(t, a, record); len(got) != 1 || got[0] != 7 {
		t.Errorf("got %v", got)
	}
}

// seven is a record of schema 7.
var seven = []byte{0, 0, 0, 0, 7}

// TestWhatFetchSays asks registries that have no answer.
func TestWhatFetchSays(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			})
		}
	}
	quoted := func(schema string) string { return strings.ReplaceAll(schema, `"`, `\"`) }
	for _, c := range []struct {
		name string
		wrap func(http.Handler) http.Handler
		want string
		is   error
	}{
		{"unknown", nil, "schema 7: the registry does not know this id", ErrUnknownID},
		{"no registry", answer(404, "<html>\nnothing here"), "the answer is 404 Not Found: <html> nothing here", nil},
		{"broken", answer(503, strings.Repeat("x", 5000)), "the answer is 503 Service Unavailable: xxx", nil},
		{"not let in", answer(401, `{"error_code":401,"message":"who?"}`), "access refused (401 Unauthorized)", nil},
		{"garbage", answer(200, "hello"), "unable to decode", nil},
		{"without end", answer(200, `{"schema":"`+strings.Repeat("x", answerBytesMax)+`"}`), "unable to decode", nil},
		{"nothing", answer(200, "{}"), "no schema in it", nil},
		{"no schema", answer(200, `{"schema":"{}"}`), "schema 7:", nil},
		{"another kind", answer(200, `{"schema":"x","schemaType":"PROTOBUF"}`), "it is not an Avro schema, but PROTOBUF", ErrOtherFormat},
		{"does not fit", answer(200, `{"schema":"`+quoted(strings.Replace(first, `"int"`, `"double"`, 1))+`"}`),
			`schema 7 (Order) does not fit: column "id" of type BIGINT can't hold field "id" of type double`, nil},
	} {
		_, url := serve(t, c.wrap)
		a := NewFramed(client(t, Options{URLs: []string{url}}), Avro{}, table, decode.Limits{})
		err := a.Fetch(t.Context(), nil, seven)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) || len(err.Error()) > 500 {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		var refused *decode.RefusedError
		if errors.As(err, &refused) != (c.name == "does not fit") {
			t.Errorf("%s: refused: %v", c.name, err)
		}
		if !a.Awaits(nil, seven) {
			t.Errorf("%s: the schema is known", c.name)
		}
	}
	a := NewFramed(client(t, Options{URLs: []string{"http://127.0.0.1:1"}}), Avro{}, table, decode.Limits{})
	if err := a.Fetch(t.Context(), nil, seven); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("down: %v", err)
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	_, url := serve(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hold })
	})
	defer close(hold)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	a := NewFramed(client(t, Options{URLs: []string{url}}), Avro{}, table, decode.Limits{})
	if err := a.Fetch(ctx, nil, seven); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestWhoAsks(t *testing.T) {
	t.Parallel()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("reader:secret"))
	for _, c := range []struct {
		auth string
		o    Options
		ok   bool
	}{
		{basic, Options{Username: "reader", Password: "secret"}, true},
		{basic, Options{Username: "reader", Password: "wrong"}, false},
		{basic, Options{}, false},
		{"Bearer abc", Options{Token: "abc"}, true},
	} {
		r, url := serve(t, nil, srfake.WithAuth(c.auth))
		id := register(t, r, "s", sr.Schema{Schema: first})
		c.o.URLs = []string{url}
		_, err := client(t, c.o).schema(t.Context(), schemaID{number: id}, Avro{})
		if (err == nil) != c.ok {
			t.Errorf("%s, %+v: %v", c.auth, c.o, err)
		}
		if err != nil && (strings.Contains(err.Error(), "wrong") || !strings.Contains(err.Error(), "access refused")) {
			t.Errorf("the error is %v", err)
		}
	}
	r := srfake.NewRegistry()
	id := register(t, r, "s", sr.Schema{Schema: first})
	server := httptest.NewTLSServer(r.Handler())
	defer server.Close()
	if _, err := client(t, Options{URLs: []string{server.URL}}).schema(t.Context(), schemaID{number: id}, Avro{}); err == nil {
		t.Error("a certificate of nobody was trusted")
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	if _, err := client(t, Options{URLs: []string{server.URL}, TLS: &tls.Config{RootCAs: roots}}).schema(t.Context(), schemaID{number: id}, Avro{}); err != nil {
		t.Error(err)
	}
}

func TestSchemaInAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "order.avsc")
	f := NewFile(path, Avro{}, table, decode.Limits{})
	if err := f.Fetch(t.Context(), nil, nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("no file: %v", err)
	}
	for text, want := range map[string]string{
		"password: secret":                         "it is not the JSON of an Avro record's schema",
		`{"secret":"x"}`:                           "it is not the JSON of an Avro record's schema",
		`"string"`:                                 "it is not the JSON",
		strings.Repeat(" ", fileBytesMax+1):        "longer than",
		strings.Replace(first, "int", "string", 1): "does not fit",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := f.Fetch(t.Context(), nil, nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.30s: %v, want %q", text, err, want)
		}
	}
	if err := NewFile(t.TempDir(), Avro{}, table, decode.Limits{}).Fetch(t.Context(), nil, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a directory: %v", err)
	}
	if err := os.WriteFile(path, []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f, []byte{14}, []byte{16}); len(got) != 2 || got[1] != 8 {
		t.Errorf("got %v", got)
	}
}

func TestNewFieldsAreRefused(t *testing.T) {
	t.Parallel()
	r, url := serve(t, nil)
	const more = `{"type":"record","name":"Order","fields":[{"name":"note","type":["null","string"]},{"name":"_key","type":"int"},
		{"name":"coupon","type":["null","string"]},{"name":"id","type":"long"},{"name":"lines","type":{"type":"array","items":"int"}},{"name":"nothing","type":"null"}]}`
	known, id := register(t, r, "o", sr.Schema{Schema: second}), register(t, r, "o", sr.Schema{Schema: more})
	f := NewFramed(client(t, Options{URLs: []string{url}}), Avro{}, table, decode.Limits{})
	if err := f.Fetch(t.Context(), nil, framed(t, id, more, map[string]any{"id": 1, "note": nil, "_key": 1, "coupon": nil, "lines": []any{}, "nothing": nil})); err != nil {
		t.Errorf("passed over: %v", err)
	}
	f = NewFramed(client(t, Options{URLs: []string{url}}), Avro{}, table, decode.Limits{})
	f.RefuseNewFields(table)
	if err := f.Fetch(t.Context(), nil, framed(t, known, second, map[string]any{"id": 1, "note": nil})); err != nil {
		t.Errorf("no new fields: %v", err)
	}
	err := f.Fetch(t.Context(), nil, framed(t, id, more, map[string]any{"id": 1, "note": nil, "_key": 1, "coupon": nil, "lines": []any{}, "nothing": nil}))
	var refused *NewFieldsError
	if !errors.As(err, &refused) || len(refused.Columns) != 2 || err.Error() != fmt.Sprintf(`schema %d (Order) has fields without a column: "coupon" VARCHAR, "lines" INTEGER[]`, id) {
		t.Errorf("new fields: %v", err)
	}
	// What another part of the source has is not new.
	f.RefuseNewFields(batch.NewSchema(append([]batch.Column{{Name: "LINES"}, {Name: "coupon"}}, table.Columns...)))
	if err := f.Fetch(t.Context(), nil, framed(t, id, more, map[string]any{"id": 1, "note": nil, "_key": 1, "coupon": nil, "lines": []any{}, "nothing": nil})); err != nil {
		t.Errorf("fields of other columns: %v", err)
	}
}

// TestWiderFields asks for wider columns where that makes a schema fit, and for nothing
// where it does not.
func TestWiderFields(t *testing.T) {
	t.Parallel()
	r, url := serve(t, nil)
	columns := batch.NewSchema(batchtest.Columns(t, "id INTEGER", "Price REAL", "note VARCHAR", "n BIGINT"))
	fields := func(id, price, note, n string) string {
		return `{"type":"record","name":"Order","fields":[{"name":"id","type":` + id + `},{"name":"price","type":` + price + `},{"name":"note","type":` + note + `},{"name":"n","type":` + n + `},{"name":"more","type":"int"}]}`
	}
	for _, tt := range []struct{ schema, want string }{
		{fields(`"int"`, `"float"`, `"string"`, `"long"`), ""},
		{fields(`"long"`, `"float"`, `"string"`, `"int"`), `needs columns of wider types: "id" BIGINT`},
		{fields(`["null","long"]`, `["null","double"]`, `"string"`, `"int"`), `needs columns of wider types: "id" BIGINT, "Price" DOUBLE`},
		{fields(`"double"`, `"float"`, `"string"`, `"int"`), `needs columns of wider types: "id" DOUBLE`},
		{fields(`"long"`, `"float"`, `"int"`, `"int"`), `does not fit: column "id" of type INTEGER can't hold field "id" of type long (some of its values would not fit); column "note" of type VARCHAR`},
		{fields(`"int"`, `"float"`, `"string"`, `"double"`), `does not fit: column "n" of type BIGINT can't hold field "n" of type double`},
		{fields(`"string"`, `"float"`, `"string"`, `"int"`), `does not fit: column "id" of type INTEGER can't hold field "id" of type string`},
	} {
		id := register(t, r, "wider", sr.Schema{Schema: tt.schema})
		for _, wider := range []bool{true, false} {
			f := NewFramed(client(t, Options{URLs: []string{url}}), Avro{}, columns, decode.Limits{})
			if wider {
				f.ProposeWider()
			}
			err := f.Fetch(t.Context(), nil, binary.BigEndian.AppendUint32([]byte{0}, uint32(id)))
			var more *NewFieldsError
			switch {
			case tt.want == "" && err != nil, tt.want != "" && err == nil:
				t.Errorf("%s: %v", tt.schema, err)
			case wider && err != nil && !strings.Contains(err.Error(), tt.want):
				t.Errorf("got %v, want %s", err, tt.want)
			case !wider && errors.As(err, &more):
				t.Errorf("asked for columns: %v", err)
			}
		}
	}
}
