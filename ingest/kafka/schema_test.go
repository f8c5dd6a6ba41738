package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	avrolib "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/broker"
	"github.com/millstream-db/millstream/ingest/registry"
)

const (
	narrowSchema = `{"type":"record","name":"Order","fields":[{"name":"id","type":"int"}]}`
	wideSchema   = `{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},{"name":"name","type":["null","string"],"default":null}]}`
	otherSchema  = `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}`
)

// registryOf is a registry that can be down, or say something else.
type registryOf struct {
	*srfake.Registry
	url string

	mu      sync.Mutex // mu protects the field below
	instead http.HandlerFunc
}

func newRegistry(t *testing.T) *registryOf {
	t.Helper()
	r := &registryOf{Registry: srfake.NewRegistry()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		instead := r.instead
		r.mu.Unlock()
		if instead != nil {
			instead(w, q)
			return
		}
		r.Handler().ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// answers sets what the registry says; nil is the truth.
func (r *registryOf) answers(h http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.instead = h
}

func (r *registryOf) register(t *testing.T, schema string) uint32 {
	t.Helper()
	id, _, err := r.RegisterSchema("orders-value", sr.Schema{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	return uint32(id)
}

// avroRecord writes an order, in the frame of its schema's id.
func avroRecord(t *testing.T, partition int32, id uint32, schema string, order map[string]any) *kgo.Record {
	t.Helper()
	value, err := avrolib.MustParse(schema).AppendEncode(binary.BigEndian.AppendUint32([]byte{0}, id), order)
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{Topic: topic, Partition: partition, Value: value}
}

// openEncoded starts a reader of records with schemas, closed with the test.
func openEncoded(t *testing.T, addr, encode string, options map[string]string, start ...source.Position) run {
	t.Helper()
	sink := newSink(start...)
	sp := spec(t, addr, nil)
	sp.Encode, sp.EncodeOptions = encode, options
	r, err := New(quick).Open(sp, start, sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if sink.fault != nil {
			t.Error(sink.fault)
		}
		if left := sp.Alloc.Bytes(); left != 0 {
			t.Errorf("%d bytes of columns were not released", left)
		}
	})
	return run{r, sink}
}

func (r run) wantIDs(t *testing.T, partition int32, want ...int64) {
	t.Helper()
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	if got := r.sink.ids[partition]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("partition %d: ids %v, want %v", partition, got, want)
	}
}

func TestAvroOfSeveralSchemas(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	reg := newRegistry(t)
	narrow, wide := reg.register(t, narrowSchema), reg.register(t, wideSchema)
	b.write(t,
		avroRecord(t, 0, narrow, narrowSchema, map[string]any{"id": 1}),
		avroRecord(t, 0, wide, wideSchema, map[string]any{"id": int64(1) << 40, "name": "x"}),
		&kgo.Record{Topic: topic, Value: []byte(`{"id":3}`)},
		&kgo.Record{Topic: topic, Value: []byte{0, 0, 0, 0, byte(narrow), 0x80}},
		&kgo.Record{Topic: topic},
		avroRecord(t, 0, narrow, narrowSchema, map[string]any{"id": 4}))
	r := openEncoded(t, b.Addr(), "AVRO", map[string]string{"schema.registry": reg.url})
	r.reach(t, 0, 6)
	r.wantOffsets(t, 0, sequence(0, 6))
	r.sink.mu.Lock()
	defer r.sink.mu.Unlock()
	for i, want := range []string{"begins with 0x7b", `column "id": the record ends`, "tombstone"} {
		if len(r.sink.rejected) != 3 || r.sink.rejected[i].Offset != int64(2+i) || !strings.Contains(r.sink.rejected[i].Error, want) {
			t.Errorf("rejected %+v, want %s", r.sink.rejected, want)
		}
	}
}

// TestRegistryTroubleHoldsTheSource reads records whose schemas can't be had for
// a while. What came before is delivered, nothing behind is lost or rejected.
func TestRegistryTroubleHoldsTheSource(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	for _, c := range []struct {
		name  string
		h     http.HandlerFunc
		state source.State
		says  string
	}{
		{"down", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, source.Retrying, "EOF"},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) }, source.Retrying, "503 Service Unavailable"},
		{"garbage", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, source.Retrying, "unable to decode"},
		{"unknown", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error_code":40403,"message":"Schema not found"}`))
		}, source.Stalled, "schema 2: the registry does not know this id"},
		{"does not fit", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"schema":%q}`, otherSchema)
		}, source.Stalled, `schema 2 (Order) does not fit: column "id" of type BIGINT can't hold field "id" of type string`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, 2, broker.Options{})
			reg := newRegistry(t)
			narrow, wide := reg.register(t, narrowSchema), reg.register(t, wideSchema)
			b.write(t, avroRecord(t, 0, narrow, narrowSchema, map[string]any{"id": 1}), avroRecord(t, 1, narrow, narrowSchema, map[string]any{"id": 2}))
			r := openEncoded(t, b.Addr(), "AVRO", map[string]string{"schema.registry": reg.url})
			r.reach(t, 0, 1)
			r.reach(t, 1, 1)
			reg.answers(c.h)
			b.write(t,
				avroRecord(t, 0, narrow, narrowSchema, map[string]any{"id": 3}),
				avroRecord(t, 0, wide, wideSchema, map[string]any{"id": int64(4)}),
				avroRecord(t, 0, narrow, narrowSchema, map[string]any{"id": 5}))
			r.reach(t, 0, 2) // what needs no other schema
			st := r.state(t, c.state, "partition 0, offset 2 waits for its schema", c.says)
			if st.Partitions[0].State != c.state || !strings.Contains(st.Partitions[0].Error, c.says) {
				t.Errorf("partition %+v", st.Partitions[0])
			}
			time.Sleep(2 * quick.HealthInterval)
			if next := r.sink.nextOf(0); next != 2 {
				t.Errorf("went on to %d", next)
			}
			reg.answers(nil)
			r.reach(t, 0, 4)
			r.state(t, source.Running)
			r.wantIDs(t, 0, 1, 3, 4, 5)
			r.wantIDs(t, 1, 2)
			if n := len(r.sink.rejected); n != 0 {
				t.Errorf("%d records were rejected", n)
			}
		})
	}
	t.Run("slow, and closed meanwhile", func(t *testing.T) {
		b := newBed(t, 1, broker.Options{})
		reg := newRegistry(t)
		b.write(t, avroRecord(t, 0, reg.register(t, narrowSchema), narrowSchema, map[string]any{"id": 1}))
		asked := make(chan struct{}, 10)
		reg.answers(func(_ http.ResponseWriter, q *http.Request) {
			asked <- struct{}{}
			select {
			case <-hold:
			case <-q.Context().Done():
			}
		})
		r := openEncoded(t, b.Addr(), "AVRO", map[string]string{"schema.registry": reg.url})
		<-asked
		begin := time.Now()
		if err := r.Close(); err != nil || time.Since(begin) > 5*time.Second {
			t.Errorf("closed after %s: %v", time.Since(begin), err)
		}
	})
}

func TestAvroOfOneSchemaInAFile(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	path := filepath.Join(t.TempDir(), "order.avsc")
	b.write(t, &kgo.Record{Topic: topic, Value: []byte{14}}, &kgo.Record{Topic: topic, Value: []byte{16, 0}}, &kgo.Record{Topic: topic, Value: []byte{18}})
	r := openEncoded(t, b.Addr(), "AVRO", map[string]string{"schema.location": "file://" + path})
	r.state(t, source.Retrying, path, "no such file")
	if err := os.WriteFile(path, []byte(narrowSchema), 0o600); err != nil {
		t.Fatal(err)
	}
	r.reach(t, 0, 3)
	r.wantIDs(t, 0, 7, 9, -1)
}

func TestAvroOptions(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"good.avsc": narrowSchema, "other.avsc": otherSchema} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	login := map[string]string{"schema.registry": "https://r:8081", "schema.registry.username": "u", "schema.registry.password": "top-secret"}
	for _, tt := range []struct {
		name           string
		encode, format string
		options        map[string]string
		want           []string // texts of the error; none: accepted
	}{
		{name: "least", options: map[string]string{"schema.registry": "http://r:8081"}},
		{name: "several", options: map[string]string{"schema.registry": "http://a:8081, https://b"}},
		{name: "login", options: login},
		{name: "login in the address", options: map[string]string{"schema.registry": "https://u:top-secret@r:8081"}},
		{name: "token", options: map[string]string{"schema.registry": "https://r", "schema.registry.token": "top-secret"}},
		{name: "file", options: map[string]string{"schema.location": "file://" + dir + "/good.avsc"}},
		{name: "none", want: []string{"needs schema.registry", "or schema.location"}},
		{name: "both", options: map[string]string{"schema.registry": "http://r", "schema.location": "file:///x"}, want: []string{"exclude each other"}},
		{name: "unknown", options: map[string]string{"schema.registry": "http://r", "schema.registri": "x", "schema.b": ""}, want: []string{"no option schema.registri", "no option schema.b", "knows schema.evolution, schema.location"}},
		{name: "no address", options: map[string]string{"schema.registry": "u:top-secret@r:8081"}, want: []string{"http://host:port"}},
		{name: "no password", options: map[string]string{"schema.registry": "http://r", "schema.registry.username": "u"}, want: []string{"need each other"}},
		{name: "no password in the address", options: map[string]string{"schema.registry": "http://u@r"}, want: []string{"need each other"}},
		{name: "two users", options: merged(login, "schema.registry", "https://v:top-secret@r"), want: []string{"give one of them"}},
		{name: "all at once", options: map[string]string{"schema.location": "file://" + dir + "/other.avsc", "x": ""}, want: []string{"no option x", "can't hold field"}},
		{name: "token and login", options: merged(login, "schema.registry.token", "top-secret"), want: []string{"exclude each other"}},
		{name: "CA without TLS", options: map[string]string{"schema.registry": "http://r", "schema.registry.ssl.ca.location": junkFile(t)}, want: []string{"needs https://", "no PEM certificate"}},
		{name: "no file", options: map[string]string{"schema.location": "file://" + dir + "/none.avsc"}, want: []string{"none.avsc: no such file"}},
		{name: "a file of another schema", options: map[string]string{"schema.location": "file://" + dir + "/other.avsc"}, want: []string{`column "id" of type BIGINT can't hold field "id" of type string`}},
		{name: "not a file", options: map[string]string{"schema.location": "s3://x", "schema.registry.username": "u"}, want: []string{"'file:///…'", "schema.registry.username needs schema.registry"}},
		{name: "upsert", format: "UPSERT", options: login},
		{name: "AVRO has no message", options: map[string]string{"schema.location": "file://" + dir + "/good.avsc", "message": "Order"}, want: []string{"ENCODE AVRO has no option message"}},
		{name: "JSON", encode: "JSON", options: login},
		{name: "JSON has no file", encode: "JSON", options: map[string]string{"schema.location": "file:///a.json"}, want: []string{"ENCODE JSON has no option schema.location"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := spec(t, "a:1", nil)
			s.Encode, s.Format, s.EncodeOptions = "AVRO", "PLAIN", maps.Clone(tt.options)
			if tt.encode != "" {
				s.Encode = tt.encode
			}
			if tt.format != "" {
				s.Format = tt.format
			}
			wantProblems(t, s, tt.want)
		})
	}
	o := optionReader{options: map[string]string{"schema.registry": "https://u:top-secret@r:8081/x"}}
	if p := o.schemaPlace("AVRO", registry.Avro{}); len(o.problems) > 0 || p.registry.URLs[0] != "https://r:8081/x" || p.registry.Username != "u" || p.registry.Password != "top-secret" {
		t.Errorf("%+v, %v", p, o.problems)
	}
}

const newerSchema = `{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},{"name":"coupon","type":["null","string"],"default":null}]}`

// TestSchemasBringFields reads a schema with a field that the source has no column
// for, as each schema.evolution says.
func TestSchemasBringFields(t *testing.T) {
	b := newBed(t, 1, broker.Options{})
	reg := newRegistry(t)
	narrow, newer := reg.register(t, narrowSchema), reg.register(t, newerSchema)
	b.write(t,
		avroRecord(t, 0, narrow, narrowSchema, map[string]any{"id": 1}),
		avroRecord(t, 0, newer, newerSchema, map[string]any{"id": int64(2), "coupon": "x"}),
		avroRecord(t, 0, narrow, narrowSchema, map[string]any{"id": 3}))
	says := fmt.Sprintf(`partition 0, offset 1 waits for its schema: schema %d (Order) has fields without a column: "coupon" VARCHAR`, newer)
	options := func(evolution string) map[string]string {
		return map[string]string{"schema.registry": reg.url, "schema.evolution": evolution}
	}
	ignoring := openEncoded(t, b.Addr(), "AVRO", options("ignore"))
	ignoring.reach(t, 0, 3)
	ignoring.wantIDs(t, 0, 1, 2, 3)
	refusing := openEncoded(t, b.Addr(), "AVRO", options("Refuse"))
	refusing.reach(t, 0, 1)
	refusing.state(t, source.Stalled, says, "add them to the source, or set schema.evolution to 'add' or 'ignore'")
	refusing.wantOffsets(t, 0, sequence(0, 1))
	helpless := openEncoded(t, b.Addr(), "AVRO", options("add")) // by somebody who can't
	helpless.state(t, source.Stalled, says)

	// The source can't grow at first, and then does: another reader goes on.
	sp := spec(t, b.Addr(), nil)
	sp.Encode, sp.EncodeOptions = "AVRO", options("add")
	asked := make(chan []batch.Column)
	answers := make(chan error)
	sp.Grow = func(ctx context.Context, columns []batch.Column) error {
		select {
		case asked <- columns:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case err := <-answers:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	sink := newSink()
	reader, err := New(quick).Open(sp, nil, sink)
	if err != nil {
		t.Fatal(err)
	}
	r := run{reader, sink}
	if columns := <-asked; len(columns) != 1 || columns[0] != (batch.Column{Name: "coupon", Type: batch.Type{Kind: batch.Varchar}}) {
		t.Errorf("asked for %v", columns)
	}
	answers <- errWanted
	r.state(t, source.Retrying, fmt.Sprintf("partition 0, offset 1 waits for its schema: schema %d (Order) has fields without a column: ", newer))
	<-asked
	if err := reader.Close(); err != nil || sink.fault != nil || sink.nextOf(0) != 1 {
		t.Errorf("closed: %v, %v, at %d", err, sink.fault, sink.nextOf(0))
	}
	sp.Schema, sp.Grow = batch.NewSchema(append(slices.Clone(schema.Columns), batch.Column{Name: "coupon", Type: batch.Type{Kind: batch.Varchar}})), nil
	if reader, err = New(quick).Open(sp, sink.positions(r.Status()), sink); err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	r = run{reader, sink}
	r.reach(t, 0, 3)
	r.wantIDs(t, 0, 1, 2, 3)
	r.state(t, source.Running)
}

func TestEvolutionNeedsARegistry(t *testing.T) {
	t.Parallel()
	for want, options := range map[string]map[string]string{
		"schema.evolution needs schema.registry":                             {"schema.location": "file:///x.avsc", "schema.evolution": "add"},
		"schema.evolution must be one of 'ignore', 'refuse', 'add', not 'x'": {"schema.registry": "http://r", "schema.evolution": "x"},
	} {
		sp := spec(t, "localhost:1", nil)
		sp.Encode, sp.EncodeOptions = "AVRO", options
		if err := New(quick).Validate(sp); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
