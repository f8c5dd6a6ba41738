package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/query"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDB answers every statement by its script.
type fakeDB struct {
	notReady error
	params   []string // the types of each statement's parameters
	prepare  func(ctx context.Context, sql string) error
	execute  func(ctx context.Context, args []any) (*query.Result, error)
	rows     *fakeRows
	live     bool

	mu     sync.Mutex
	opened int
	closed int
	args   []any
	sql    string
	role   string // of the last session
}

func (d *fakeDB) Ready() error { return d.notReady }

func (d *fakeDB) NewSession(role string) Session {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened++
	d.role = role
	return &fakeSession{d}
}

type fakeSession struct{ d *fakeDB }

func (s *fakeSession) Prepare(ctx context.Context, sql string, _ []string) (*query.Statement, error) {
	s.d.mu.Lock()
	s.d.sql = sql
	s.d.mu.Unlock()
	if s.d.prepare != nil {
		if err := s.d.prepare(ctx, sql); err != nil {
			return nil, err
		}
	}
	tag := "SELECT"
	if sql == "" {
		tag = ""
	}
	st := &query.Statement{SQL: sql, Tag: tag, Params: s.d.params}
	if s.d.live {
		st.Tag, st.Live, st.Columns = "SUBSCRIBE", true, s.d.rows.columns
	}
	return st, nil
}

func (s *fakeSession) Execute(ctx context.Context, _ *query.Statement, args []any) (*query.Result, error) {
	s.d.mu.Lock()
	s.d.args = args
	s.d.mu.Unlock()
	if s.d.execute != nil {
		return s.d.execute(ctx, args)
	}
	result := query.NewResult(s.d.rows.columns, "SELECT", s.d.rows.Next, s.d.rows.Close)
	result.Epoch = 42
	return result, nil
}

func (s *fakeSession) Close() {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.d.closed++
}

// fakeRows gives its batches, then err (nil: the end).
type fakeRows struct {
	columns []query.Column
	batches []arrow.RecordBatch
	err     error
	block   bool // wait for the context after the batches
	closed  bool
}

func (r *fakeRows) Next(ctx context.Context) (arrow.RecordBatch, error) {
	if len(r.batches) > 0 {
		b := r.batches[0]
		r.batches = r.batches[1:]
		return b, nil
	}
	if r.block {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if r.err != nil {
		return nil, r.err
	}
	return nil, io.EOF
}

func (r *fakeRows) Close() { r.closed = true }

func newTestServer(t *testing.T, db *fakeDB, change func(*Options)) *Server {
	t.Helper()
	opts := Options{Database: db}
	if change != nil {
		change(&opts)
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

func post(t *testing.T, s *Server, accept, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://localhost:8488/v1/query", strings.NewReader(body))
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if cause := recover(); cause != nil {
				if cause != http.ErrAbortHandler {
					panic(cause)
				}
				w.Header().Set("Test-Aborted", "true")
			}
		}()
		s.Handler().ServeHTTP(w, r)
	}()
	return w
}

func TestErrorsHaveTheirStatus(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error
		status int
		body   string
	}{
		{"syntax", query.Errorf("42601", "syntax error at %q", "SELEC").At(1).WithHint("try SELECT"), 400,
			`{"error":{"code":"42601","message":"syntax error at \"SELEC\"","position":1,"hint":"try SELECT"}}`},
		{"undefined table", query.Errorf("42P01", "no table x"), 400, `{"error":{"code":"42P01","message":"no table x"}}`},
		{"forbidden", query.Errorf("42501", "no"), 403, `{"error":{"code":"42501","message":"no"}}`},
		{"memory", query.Errorf("53200", "full"), 503, `{"error":{"code":"53200","message":"full"}}`},
		{"canceled", query.Errorf("57014", "canceled"), 408, `{"error":{"code":"57014","message":"canceled"}}`},
		{"shutdown", query.Errorf("57P01", "bye"), 503, `{"error":{"code":"57P01","message":"bye"}}`},
		{"internal", errors.New("broken"), 500, `{"error":{"code":"XX000","message":"broken"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := &fakeDB{prepare: func(context.Context, string) error { return tt.err }}
			w := post(t, newTestServer(t, db, nil), "", `{"sql":"x"}`)
			if w.Code != tt.status {
				t.Errorf("status = %d, want %d", w.Code, tt.status)
			}
			if got := strings.TrimSpace(w.Body.String()); got != tt.body {
				t.Errorf("body = %s\nwant   %s", got, tt.body)
			}
			if db.opened != 1 || db.closed != 1 {
				t.Errorf("sessions opened %d, closed %d", db.opened, db.closed)
			}
		})
	}
}

func TestRequestIsChecked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, accept, body string
		status             int
		code, message      string
	}{
		{"not JSON", "", "select 1", 400, "08P01", "not valid"},
		{"unknown member", "", `{"sql":"x","query":"y"}`, 400, "08P01", `unknown field`},
		{"no sql", "", `{}`, 400, "08P01", `has no \"sql\"`},
		{"no statement", "", `{"sql":""}`, 400, "42601", "no statement"},
		{"two objects", "", `{"sql":"x"}{"sql":"y"}`, 400, "08P01", "text after"},
		{"bad timeout", "", `{"sql":"x","timeout":"5"}`, 400, "22023", "positive duration"},
		{"array parameter", "", `{"sql":"x","params":[[1]]}`, 400, "22023", "$1 is an array"},
		{"huge parameter", "", `{"sql":"x","params":[1,99999999999999999999]}`, 400, "22023", "$2 is an integer beyond"},
		{"parameter count", "", `{"sql":"x","params":[1]}`, 400, "42P02", "0 parameters, but 1"},
		{"too large", "", `{"sql":"` + strings.Repeat("x", DefaultBodyBytesMax) + `"}`, 413, "54000", "larger than 1048576"},
		{"format", "application/xml", `{"sql":"x"}`, 406, "0A000", "no format"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := post(t, newTestServer(t, &fakeDB{}, nil), tt.accept, tt.body)
			body := w.Body.String()
			if w.Code != tt.status || !strings.Contains(body, `"code":"`+tt.code+`"`) || !strings.Contains(body, tt.message) {
				t.Errorf("got %d %s\nwant %d %s %s", w.Code, body, tt.status, tt.code, tt.message)
			}
		})
	}
}

func TestParametersKeepTheirTypes(t *testing.T) {
	t.Parallel()
	db := &fakeDB{rows: &fakeRows{}, params: make([]string, 7)}
	w := post(t, newTestServer(t, db, nil), "", `{"sql":"q","params":[null,true,7,-9223372036854775808,18446744073709551615,1.5,"a"]}`)
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	want := []any{nil, true, int64(7), int64(-9223372036854775808), uint64(18446744073709551615), 1.5, "a"}
	for i, v := range want {
		if db.args[i] != v {
			t.Errorf("$%d = %T %v, want %T %v", i+1, db.args[i], db.args[i], v, v)
		}
	}
}

func TestStatementTimesOut(t *testing.T) {
	t.Parallel()
	db := &fakeDB{rows: &fakeRows{block: true}}
	w := post(t, newTestServer(t, db, nil), "", `{"sql":"x","timeout":"10ms"}`)
	if w.Code != http.StatusRequestTimeout || !strings.Contains(w.Body.String(), "statement timeout of 10ms") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !db.rows.closed || db.closed != 1 {
		t.Error("result or session left open")
	}
}

func TestServerLimitIsTheLongestTimeout(t *testing.T) {
	t.Parallel()
	db := &fakeDB{rows: &fakeRows{block: true}}
	s := newTestServer(t, db, func(o *Options) { o.StatementTimeout = 10 * time.Millisecond })
	if w := post(t, s, "", `{"sql":"x","timeout":"1h"}`); w.Code != http.StatusRequestTimeout {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestStatementsAreLimited(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, &fakeDB{rows: &fakeRows{}}, func(o *Options) { o.QueriesMax = 1 })
	s.places.patience = 10 * time.Millisecond
	taken := s.places.take(t.Context(), nil)
	if taken == nil {
		t.Fatal("there is no place")
	}
	if w := post(t, s, "", `{"sql":"x"}`); w.Code != 503 || !strings.Contains(w.Body.String(), "53300") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	s.places.giveBack(taken)
	if w := post(t, s, "", `{"sql":"x"}`); w.Code != 200 || len(s.places.free) != 0 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// stalledServer answers the parameter "endless" without an end, "long" with many rows,
// and any other with none. Endless answers that have begun are counted.
func stalledServer(t *testing.T, places int) (s *Server, url string, began *atomic.Int64) {
	column := []query.Column{{Name: "a", Type: "VARCHAR"}}
	large := bigBatch(t)
	began = new(atomic.Int64)
	db := &fakeDB{params: []string{"VARCHAR"}, execute: func(_ context.Context, args []any) (*query.Result, error) {
		left := 0
		switch args[0] {
		case "endless":
			left = math.MaxInt
			began.Add(1)
		case "long":
			left = longBatches
		}
		return query.NewResult(column, "SELECT", func(ctx context.Context) (arrow.RecordBatch, error) {
			if left--; left < 0 || ctx.Err() != nil {
				return nil, io.EOF
			}
			return large, nil
		}, func() {}), nil
	}}
	s = newTestServer(t, db, func(o *Options) { o.QueriesMax = places })
	server := httptest.NewServer(s.Handler())
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { // Close does not wait for the handlers
			s.places.mu.Lock()
			taken, lent, answers := len(s.places.free), s.places.lent, len(s.places.answers)
			s.places.mu.Unlock()
			if taken == 0 && lent == 0 && answers == 0 {
				break
			}
			if time.Now().After(end) {
				t.Errorf("%d places are taken, %d are lent, %d answers are known", taken, lent, answers)
				break
			}
		}
		large.Release()
	})
	return s, server.URL, began
}

const longBatches = 20

// TestClientsThatDontReadKeepNobodyOut has all places taken by clients that don't read
// their answers, as many rest, and more come. Who asks for little is answered at once.
func TestClientsThatDontReadKeepNobodyOut(t *testing.T) {
	t.Parallel()
	const places = 3
	s, url, began := stalledServer(t, places)
	const body = `{"sql":"x","params":["endless"]}`
	for range 4 * places {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
			t.Fatal(err)
		}
	}
	for began.Load() < 4*places {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(2 * lentAfter)
	slow := 0 // on a busy machine one or two may be, for no fault of the places
	for range 5 {
		asked := time.Now()
		if w := post(t, s, "", `{"sql":"x","params":[""]}`); w.Code != 200 {
			t.Errorf("beside clients that don't read: %d %s", w.Code, w.Body)
		}
		if time.Since(asked) > 2*lentAfter {
			slow++
		}
	}
	if slow > 2 {
		t.Errorf("%d of 5 were answered after more than %s", slow, 2*lentAfter)
	}
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	if n := len(s.places.answers); n != 2*places-1 {
		t.Errorf("%d answers rest, want those of all places but one, which was lent and is free, and of those that were lent", n)
	}
}

// TestWhoReadsLateGetsAll has the only place of a client lent to others, until it reads.
func TestWhoReadsLateGetsAll(t *testing.T) {
	t.Parallel()
	s, url, _ := stalledServer(t, 1)
	resp, err := http.Post(url+"/v1/query", "application/json", strings.NewReader(`{"sql":"x","params":["long"]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lent := false
	for end := time.Now().Add(10 * time.Second); !lent && time.Now().Before(end); time.Sleep(time.Millisecond) {
		if w := post(t, s, "", `{"sql":"x","params":[""]}`); w.Code != 200 {
			t.Fatalf("beside a client that doesn't read: %d %s", w.Code, w.Body)
		}
		s.places.mu.Lock()
		lent = s.places.lent == 1
		s.places.mu.Unlock()
	}
	var answer struct{ Rows [][]string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Rows) != longBatches*3000 || !lent {
		t.Errorf("its place was lent: %v; it has %d rows, %v", lent, len(answer.Rows), err)
	}
}

func TestStatementsAreObserved(t *testing.T) {
	t.Parallel()
	var got []string
	observe := func(o *Options) {
		o.Observe = func(kind string, _ time.Duration, rows int64, err error) {
			got = append(got, fmt.Sprint(kind, rows, err))
		}
	}
	b := bigBatch(t)
	defer b.Release()
	rows := &fakeRows{columns: []query.Column{{Name: "a", Type: "VARCHAR"}}, batches: []arrow.RecordBatch{b}}
	post(t, newTestServer(t, &fakeDB{rows: rows}, observe), "", `{"sql":"x"}`)
	post(t, newTestServer(t, &fakeDB{prepare: func(context.Context, string) error { return errors.New("no") }}, observe), "", `{"sql":"x"}`)
	if want := []string{"SELECT3000 <nil>", "INVALID0 no"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	db := &fakeDB{prepare: func(context.Context, string) error { panic("broken") }}
	if w := post(t, newTestServer(t, db, nil), "", `{"sql":"x"}`); w.Code != 500 || !strings.Contains(w.Body.String(), "XX000") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	db := &fakeDB{notReady: errors.New("recovering")}
	s := newTestServer(t, db, func(o *Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeText(w, 200, "metrics") })
	})
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/metrics": 200, "/": 200, "/none": 404, "/v1/query": 405} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil))
		if w.Code != want {
			t.Errorf("GET %s = %d, want %d", path, w.Code, want)
		}
	}
	if w := post(t, s, "", `{"sql":"x"}`); w.Code != 503 || !strings.Contains(w.Body.String(), "recovering") {
		t.Errorf("query while not ready: %d %s", w.Code, w.Body)
	}
}

func TestForeignPagesAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		host, origin string
		anyHost      bool
		want         int
	}{
		{"localhost:8488", "", false, 200},
		{"127.0.0.1:8488", "", false, 200},
		{"127.0.0.1", "", false, 200},
		{"[::1]:8488", "", false, 200},
		{"[::1]", "", false, 200},
		{"db.example:8488", "", false, 200},
		{"evil.example:8488", "", false, 403},
		{"localhost.evil.example", "", false, 403},
		{"10.0.0.1:8488", "", false, 403},
		{"10.0.0.1:8488", "", true, 200},
		{"localhost:8488", "http://localhost:8488", false, 200},
		{"localhost:8488", "http://evil.example", false, 403},
		{"localhost:8488", "null", false, 403},
	}
	for _, tt := range tests {
		s := newTestServer(t, &fakeDB{}, func(o *Options) { o.AllowedHosts, o.AnyHost = []string{"db.example"}, tt.anyHost })
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.Host = tt.host
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("host %q origin %q: %d, want %d", tt.host, tt.origin, w.Code, tt.want)
		}
	}
}

func TestNegotiation(t *testing.T) {
	t.Parallel()
	tests := []struct{ accept, want string }{
		{"*/*", jsonType},
		{"text/csv", csvType},
		{"text/html, text/csv;q=0.5", csvType},
		{"application/json;q=0.1, application/x-ndjson", ndjsonType},
		{arrowType + ", application/json", arrowType},
		{"text/csv;q=0, */*;q=0.1", jsonType},
	}
	for _, tt := range tests {
		f, ok := negotiate([]string{tt.accept})
		if !ok || !strings.HasPrefix(f().contentType(), tt.want) {
			t.Errorf("%s: ok %v", tt.accept, ok)
		}
	}
	if _, ok := negotiate([]string{"image/png"}); ok {
		t.Error("image/png is served")
	}
}

// listen serves db on a real connection.
func listen(t *testing.T, db *fakeDB) (*Server, string, chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newTestServer(t, db, nil)
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background(), ln) }()
	return s, "http://" + ln.Addr().String(), done
}

func TestDisconnectCancelsTheStatement(t *testing.T) {
	t.Parallel()
	began, canceled := make(chan struct{}), make(chan struct{})
	db := &fakeDB{execute: func(ctx context.Context, _ []any) (*query.Result, error) {
		close(began)
		<-ctx.Done()
		close(canceled)
		return nil, ctx.Err()
	}}
	s, url, done := listen(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/query", strings.NewReader(`{"sql":"x"}`))
	client := &http.Client{Transport: &http.Transport{}}
	if _, err := client.Do(r); err == nil {
		t.Error("request succeeded")
	}
	select {
	case <-canceled:
	case <-time.After(10 * time.Second):
		t.Fatal("statement not canceled")
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestEndOfContextEndsTheServer(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newTestServer(t, &fakeDB{}, nil).Serve(ctx, ln); err != nil {
		t.Error(err)
	}
}

func TestShutdownCancelsStatementsInTheEnd(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	db := &fakeDB{execute: func(ctx context.Context, _ []any) (*query.Result, error) {
		close(began)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	s, url, done := listen(t, db)
	answer := make(chan string, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Post(url+"/v1/query", jsonType, strings.NewReader(`{"sql":"x"}`))
		if err != nil {
			answer <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		answer <- resp.Status + string(b)
	}()
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown = %v", err)
	}
	if got := <-answer; !strings.Contains(got, "57P01") {
		t.Errorf("answer %s", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
