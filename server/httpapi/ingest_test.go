package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/query"
)

// fakeIngest remembers what it was given.
type fakeIngest struct {
	err  error
	wait chan struct{} // nil: it does not wait

	mu   sync.Mutex
	got  []Push
	body []string
}

func (f *fakeIngest) Push(ctx context.Context, p Push) (Pushed, error) {
	f.mu.Lock()
	f.got, f.body = append(f.got, p), append(f.body, string(p.Body))
	f.mu.Unlock()
	if f.wait != nil {
		select {
		case <-f.wait:
		case <-ctx.Done():
			return Pushed{}, query.Errorf(query.CodeQueryCanceled, "canceled")
		}
	}
	return Pushed{Accepted: 2, Rejected: 1, Repeated: p.Key == "again"}, f.err
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if errors.Join(err, w.Close()) != nil {
		panic(err)
	}
	return b.String()
}

// send sends a body; headers are names and values in turns.
func send(s *Server, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://localhost:8488"+path, io.NopCloser(strings.NewReader(body)))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func TestRowsAreHandedOver(t *testing.T) {
	t.Parallel()
	f := &fakeIngest{}
	var seen []int
	s := newTestServer(t, &fakeDB{}, func(o *Options) {
		o.Ingest = f
		o.ObserveIngest = func(status int, _ time.Duration) { seen = append(seen, status) }
		o.Authenticate = func(*http.Request) (string, error) { return "writer", nil }
	})
	for _, c := range []struct {
		headers []string
		body    string
		want    Push
		answer  string
	}{
		{[]string{"Content-Type", "application/x-ndjson"}, "{}", Push{MediaType: ndjsonType}, `{"accepted":2,"rejected":1}`},
		{[]string{"Content-Type", "application/jsonl; charset=utf-8"}, "{}", Push{MediaType: ndjsonType}, `{"accepted":2,"rejected":1}`},
		{[]string{"Content-Type", "Application/JSON", "Idempotency-Key", "again"}, "[]", Push{MediaType: jsonType, Key: "again"}, `{"accepted":2,"rejected":1,"repeated":true}`},
		{[]string{"Content-Type", "text/csv", "Idempotency-Key", `"a-1"`, "Content-Encoding", "gzip"}, zipped("id\n1\n"), Push{MediaType: csvType, Key: "a-1"}, `{"accepted":2,"rejected":1}`},
		{[]string{"Content-Type", arrowType, "Content-Encoding", "identity"}, strings.Repeat("x", 300_000), Push{MediaType: arrowType}, `{"accepted":2,"rejected":1}`},
	} {
		w := send(s, "/v1/ingest/my%20source", c.body, c.headers...)
		if w.Code != 200 || strings.TrimSpace(w.Body.String()) != c.answer {
			t.Errorf("%v: %d %s", c.headers, w.Code, w.Body)
		}
		p, body := f.got[len(f.got)-1], f.body[len(f.body)-1]
		if want := strings.ReplaceAll(c.body, zipped("id\n1\n"), "id\n1\n"); body != want {
			t.Errorf("%v: the body is %.40q, want %.40q", c.headers, body, want)
		}
		if p.Source != "my source" || p.Role != "writer" || p.MediaType != c.want.MediaType || p.Key != c.want.Key || (p.Digest != "") != (p.Key != "") {
			t.Errorf("%v: %+v", c.headers, p)
		}
	}
	if len(seen) != 5 || seen[4] != 200 {
		t.Errorf("observed %v", seen)
	}
	if s.load.requests != 0 || s.load.bytes != 0 {
		t.Errorf("%d requests and %d bytes are claimed after the last one", s.load.requests, s.load.bytes)
	}
}

func TestDigestsTellRequestsApart(t *testing.T) {
	t.Parallel()
	f := &fakeIngest{}
	s := newTestServer(t, &fakeDB{}, func(o *Options) { o.Ingest = f })
	for _, c := range [][2]string{{ndjsonType, "{}"}, {ndjsonType, "{} "}, {jsonType, "{}"}, {ndjsonType, "{}"}} {
		send(s, "/v1/ingest/s", c[1], "Content-Type", c[0], "Idempotency-Key", "k")
	}
	d := func(i int) string { return f.got[i].Digest }
	if d(0) == d(1) || d(0) == d(2) || d(1) == d(2) || d(0) != d(3) || len(d(0)) != 32 {
		t.Errorf("digests %v", f.got)
	}
}

func TestRowsAreRefused(t *testing.T) {
	t.Parallel()
	nd := []string{"Content-Type", ndjsonType}
	with := func(more ...string) []string { return append(append([]string(nil), nd...), more...) }
	for _, c := range []struct {
		name       string
		headers    []string
		body       string
		err        error
		status     int
		code, text string
	}{
		{"no type", nil, "{}", nil, 415, "0A000", "no Content-Type"},
		{"bad type", []string{"Content-Type", "a/b/c"}, "{}", nil, 415, "0A000", "is not valid"},
		{"other type", []string{"Content-Type", "application/x-www-form-urlencoded"}, "{}", nil, 415, "0A000", "Send application/x-ndjson"},
		{"other encoding", with("Content-Encoding", "br"), "{}", nil, 415, "0A000", `\"br\"`},
		{"not gzip", with("Content-Encoding", "gzip"), "{}", nil, 400, "08P01", "read the body"},
		{"broken gzip", with("Content-Encoding", "gzip"), zipped(strings.Repeat("{}\n", 9))[:20], nil, 400, "08P01", "read the body"},
		{"too large", nd, strings.Repeat("x", 1001), nil, 413, "54000", "larger than 1000 bytes"},
		{"too large unpacked", with("Content-Encoding", "gzip"), zipped(strings.Repeat("x", 1001)), nil, 413, "54000", "larger than 1000 bytes"},
		{"empty key", with("Idempotency-Key", ""), "{}", nil, 400, "22023", "between 1 and 255"},
		{"long key", with("Idempotency-Key", strings.Repeat("k", 256)), "{}", nil, 400, "22023", "between 1 and 255"},
		{"key with a space", with("Idempotency-Key", "a b"), "{}", nil, 400, "22023", "printable"},
		{"two keys", with("Idempotency-Key", "a", "Idempotency-Key", "b"), "{}", nil, 400, "22023", "2 times"},
		{"no source", nd, "{}", query.Errorf("42P01", "no source"), 404, "42P01", "no source"},
		{"other kind", nd, "{}", query.Errorf("42809", "a table"), 400, "42809", "a table"},
		{"no right", nd, "{}", query.Errorf("42501", "denied"), 403, "42501", "denied"},
		{"bad body", nd, "{}", query.Errorf("22P02", "not JSON"), 400, "22P02", "not JSON"},
		{"reused key", nd, "{}", query.Errorf("23505", "reused"), 422, "23505", "reused"},
		{"full", nd, "{}", query.Errorf("53000", "full"), 429, "53000", "full"},
		{"disk", nd, "{}", query.Errorf("53100", "disk"), 503, "53100", "disk"},
		{"paused", nd, "{}", query.Errorf("55000", "paused"), 503, "55000", "paused"},
		{"closing", nd, "{}", query.Errorf("57P01", "bye"), 503, "57P01", "bye"},
		{"internal", nd, "{}", errors.New("broken"), 500, "XX000", "broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, &fakeDB{}, func(o *Options) { o.Ingest, o.IngestBodyMax = &fakeIngest{err: c.err}, 1000 })
			w := send(s, "/v1/ingest/s", c.body, c.headers...)
			if body := w.Body.String(); w.Code != c.status || !strings.Contains(body, `"code":"`+c.code+`"`) || !strings.Contains(body, c.text) {
				t.Errorf("%d %s", w.Code, body)
			}
			if again := w.Header().Get("Retry-After"); (again != "") != (c.status == 429 || c.status == 503) {
				t.Errorf("Retry-After %q with %d", again, c.status)
			}
			if s.load.requests != 0 || s.load.bytes != 0 {
				t.Errorf("%d requests and %d bytes are still claimed", s.load.requests, s.load.bytes)
			}
		})
	}
}

func TestRequestsAtWorkAreBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		requests int
		bytes    int64
		want     string
	}{
		{2, 1 << 20, "2 requests that bring rows are at work already"},
		{3, 2500, "the bodies of the requests at work take more than 2500 bytes"},
	} {
		f := &fakeIngest{wait: make(chan struct{})}
		s := newTestServer(t, &fakeDB{}, func(o *Options) {
			o.Ingest, o.IngestsMax, o.IngestBodyMax, o.IngestBytesMax = f, c.requests, 1000, c.bytes
		})
		var running sync.WaitGroup
		for n := range 2 {
			running.Go(func() {
				if w := send(s, "/v1/ingest/s", "{}", "Content-Type", ndjsonType); w.Code != 200 {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			})
			for have := 0; have <= n; time.Sleep(time.Millisecond) {
				f.mu.Lock()
				have = len(f.got)
				f.mu.Unlock()
			}
		}
		w := send(s, "/v1/ingest/s", "{}", "Content-Type", ndjsonType)
		if w.Code != 429 || !strings.Contains(w.Body.String(), c.want) || w.Header().Get("Retry-After") == "" {
			t.Errorf("one too many: %d %s", w.Code, w.Body)
		}
		close(f.wait)
		running.Wait()
		if w := send(s, "/v1/ingest/s", "{}", "Content-Type", ndjsonType); w.Code != 200 {
			t.Errorf("afterwards: %d %s", w.Code, w.Body)
		}
	}
}

// TestSlowBodiesKeepNobodyOut has more clients begin large bodies than may be at work, and
// than there may be bytes of. Who sends nothing takes nothing.
func TestSlowBodiesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, &fakeDB{}, func(o *Options) {
		o.Ingest, o.IngestsMax, o.IngestBodyMax, o.IngestBytesMax = &fakeIngest{}, 2, 400_000, 1<<20
	})
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	const slow = 20
	for range slow {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("POST /v1/ingest/s HTTP/1.1\r\nHost: localhost\r\nContent-Type: " + ndjsonType + "\r\nContent-Length: 390000\r\n\r\n{")); err != nil {
			t.Fatal(err)
		}
	}
	for claimed, deadline := int64(0), time.Now().Add(10*time.Second); claimed < slow*firstBytes; time.Sleep(time.Millisecond) {
		s.load.mu.Lock()
		claimed = s.load.bytes
		s.load.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are claimed for %d bodies that have begun", claimed, slow)
		}
	}
	if w := send(s, "/v1/ingest/s", "{}", "Content-Type", ndjsonType); w.Code != 200 {
		t.Errorf("beside slow clients: %d %s", w.Code, w.Body)
	}
}

func TestIngestNeedsSomebodyWhoTakesRows(t *testing.T) {
	t.Parallel()
	if w := send(newTestServer(t, &fakeDB{}, nil), "/v1/ingest/s", "{}", "Content-Type", ndjsonType); w.Code != 404 {
		t.Errorf("without Ingest: %d", w.Code)
	}
	s := newTestServer(t, &fakeDB{notReady: errors.New("starting")}, func(o *Options) { o.Ingest = &fakeIngest{} })
	if w := send(s, "/v1/ingest/s", "{}", "Content-Type", ndjsonType); w.Code != 503 {
		t.Errorf("not ready: %d", w.Code)
	}
}
