package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// visitor sends requests to a server as a role, whose password is its name.
type visitor struct {
	t   *testing.T
	web string
}

func (v visitor) post(role, path, mediaType, key, body string) string {
	v.t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+v.web+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	r.SetBasicAuth(role, role)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(text)))
}

func (v visitor) query(sql string) string {
	v.t.Helper()
	return v.post("millstream", "/v1/query", "application/json", "", fmt.Sprintf(`{"sql": %q}`, sql))
}

func arrowStream(t *testing.T) string {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int32}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Int32Builder).AppendValues([]int32{7, 8}, nil)
	var out bytes.Buffer
	w := ipc.NewWriter(&out, ipc.WithSchema(schema))
	if err := w.Write(b.NewRecordBatch()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestRowsComeByHTTP runs the whole process with roles.
func TestRowsComeByHTTP(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("millstream"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, web := startServeWith(t, func(c *Config) {
		c.Access = AccessConfig{Rules: []string{"any all all scram"}, AdminPasswordFile: password}
		c.IngestBody = 1 << 20
	})
	v := visitor{t, web}
	for _, sql := range []string{
		"CREATE SOURCE events (id BIGINT, name VARCHAR) WITH (connector = 'push')", "CREATE TABLE t (id BIGINT)",
		"CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n, sum(id) AS ids FROM events",
		"CREATE ROLE ann LOGIN PASSWORD 'ann'", "CREATE ROLE tom LOGIN PASSWORD 'tom'", "GRANT INSERT ON events TO ann", "GRANT SELECT ON events TO tom",
	} {
		if got := v.query(sql); !strings.HasPrefix(got, "200") {
			t.Fatalf("%s: %s", sql, got)
		}
	}
	const ndjson, events = "application/x-ndjson", "/v1/ingest/events"
	for _, c := range []struct{ role, path, mediaType, key, body, want string }{
		{"ann", events, ndjson, "a", "{\"id\":1}\n{\"id\":\"x\"}\n", `200 {"accepted":1,"rejected":1}`},
		{"ann", events, ndjson, "a", "{\"id\":1}\n{\"id\":\"x\"}\n", `200 {"accepted":1,"rejected":1,"repeated":true}`},
		{"ann", events, ndjson, "a", "{\"id\":2}\n", `422 {"error":{"code":"23505"`},
		{"ann", events, "application/json", "", `[{"id":2},{"id":3}]`, `200 {"accepted":2,"rejected":0}`},
		{"ann", events, "text/csv", "", "name,id\nx,4\n", `200 {"accepted":1,"rejected":0}`},
		{"ann", events, "application/vnd.apache.arrow.stream", "", arrowStream(t), `200 {"accepted":2,"rejected":0}`},
		{"tom", events, ndjson, "a", "{}", `403 {"error":{"code":"42501","message":"permission denied for source events"`},
		{"nobody", events, ndjson, "", "{}", `401 {"error":{"code":"28P01"`},
		{"ann", "/v1/ingest/nothing", ndjson, "", "{}", `404 {"error":{"code":"42P01","message":"source \"nothing\" does not exist"`},
		{"millstream", "/v1/ingest/t", ndjson, "", "{}", `400 {"error":{"code":"42809"`},
		{"ann", events, "text/csv", "", "nope\n1\n", `400 {"error":{"code":"22P02","message":"the body is not valid CSV: the first line names column \"nope\"`},
		{"ann", events, ndjson, "", strings.Repeat("x", 1<<20+1), `413 {"error":{"code":"54000"`},
	} {
		if got := v.post(c.role, c.path, c.mediaType, c.key, c.body); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s %s %.30q: %s\nwant %s", c.role, c.path, c.body, got, c.want)
		}
	}
	if got := v.query("SELECT n, ids FROM n"); !strings.Contains(got, "[6,25]") {
		t.Errorf("the view has %s", got)
	}
	if got := v.query(`SELECT error FROM "events$rejected"`); !strings.Contains(got, "is not a BIGINT") {
		t.Errorf("rejected are %s", got)
	}
	v.query("ALTER SOURCE events PAUSE")
	if got := v.post("ann", events, ndjson, "", "{}"); !strings.HasPrefix(got, `503 {"error":{"code":"55000"`) {
		t.Errorf("paused: %s", got)
	}
	v.query("ALTER SOURCE events RESUME")
	v.query("ALTER SOURCE events ADD COLUMN note VARCHAR")
	if got := v.post("ann", events, ndjson, "", `{"id":9,"note":"new"}`); got != `200 {"accepted":1,"rejected":0}` {
		t.Errorf("after a change: %s", got)
	}
	if got := v.query("SELECT note FROM events WHERE id = 9"); !strings.Contains(got, `["new"]`) {
		t.Errorf("the new column has %s", got)
	}
	r, err := http.NewRequest(http.MethodGet, "http://"+web+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("millstream", "millstream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(resp.Body)
	for _, want := range []string{`millstream_push_seconds_count{status="200"} 6`, `millstream_push_seconds_count{status="422"} 1`, `millstream_source_rejected_total{source="events"} 1`} {
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("metrics lack %s, %v", want, err)
		}
	}
}
