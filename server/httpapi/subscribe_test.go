package httpapi

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/millstream-db/millstream/query"
)

var toldColumns = []query.Column{{Name: "ts", Type: "BIGINT"}, {Name: "progressed", Type: "BOOLEAN"}, {Name: "diff", Type: "BIGINT"}, {Name: "v", Type: "VARCHAR"}}

// toldBatch is a row of epoch 7, and that epoch 7 has been told.
func toldBatch() arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "ts", Type: arrow.PrimitiveTypes.Int64}, {Name: "progressed", Type: arrow.FixedWidthTypes.Boolean},
		{Name: "diff", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "v", Type: arrow.BinaryTypes.String, Nullable: true},
	}, nil))
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{7, 7}, nil)
	b.Field(1).(*array.BooleanBuilder).AppendValues([]bool{false, true}, nil)
	b.Field(2).(*array.Int64Builder).AppendValues([]int64{-1, 0}, []bool{true, false})
	b.Field(3).(*array.StringBuilder).AppendValues([]string{"a\nb", ""}, []bool{true, false})
	return b.NewRecordBatch()
}

const (
	toldRow      = `{"ts":7,"progressed":false,"diff":-1,"v":"a\nb"}`
	toldProgress = `{"ts":7,"progressed":true,"diff":null,"v":null}`
	toldLines    = toldRow + "\n" + toldProgress + "\n"
	toldEvents   = "data: " + toldRow + "\n\nid: 7\ndata: " + toldProgress + "\n\n"
	toldEnd      = "event: end\ndata: {}\n\n"
)

func TestSubscribeStreams(t *testing.T) {
	t.Parallel()
	slow := query.Errorf(query.CodeConfigurationLimit, "too slow")
	tests := []struct {
		name, method, target, accept, lastID, body string
		err                                        error
		status                                     int
		want, sql                                  string
	}{
		{name: "events", target: "?q=SUBSCRIBE+v", status: 200, want: toldEvents + toldEnd, sql: "SUBSCRIBE v"},
		{name: "lines", target: "?q=SUBSCRIBE+v", accept: "application/x-ndjson", status: 200, want: toldLines},
		{name: "posted", method: "POST", body: `{"sql":"SUBSCRIBE w"}`, accept: "text/event-stream", status: 200, want: toldEvents + toldEnd, sql: "SUBSCRIBE w"},
		{name: "cut off", target: "?q=SUBSCRIBE+v", err: slow, status: 200, want: toldEvents + "event: error\ndata: " + `{"code":"53400","message":"too slow"}` + "\n\n"},
		{name: "cut off lines", target: "?q=SUBSCRIBE+v", accept: "application/x-ndjson", err: slow, status: 200, want: toldLines + `{"error":{"code":"53400","message":"too slow"}}` + "\n"},
		{name: "back again", target: "?q=" + url.QueryEscape("SUBSCRIBE v WITH (PROGRESS);"), lastID: "7", status: 200, want: toldEvents + toldEnd,
			sql: "SUBSCRIBE v WITH (PROGRESS)\nWITH (SNAPSHOT = false) AS OF 7"},
		{name: "no statement", target: "", status: 400, want: `{"error":{"code":"08P01","message":"the request has no q","hint":"GET /v1/subscribe?q=SUBSCRIBE+name"}}` + "\n"},
		{name: "no such format", target: "?q=SUBSCRIBE+v", accept: "text/csv", status: 406},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := &fakeDB{live: true, rows: &fakeRows{columns: toldColumns, batches: []arrow.RecordBatch{toldBatch()}, err: tt.err}}
			s := newTestServer(t, db, nil)
			method := http.MethodGet
			if tt.method != "" {
				method = tt.method
			}
			r := httptest.NewRequest(method, "http://localhost:8488/v1/subscribe"+tt.target, strings.NewReader(tt.body))
			if tt.accept != "" {
				r.Header.Set("Accept", tt.accept)
			}
			if tt.lastID != "" {
				r.Header.Set("Last-Event-ID", tt.lastID)
			}
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code != tt.status || tt.want != "" && w.Body.String() != tt.want {
				t.Errorf("status %d, want %d\n got: %q\nwant: %q", w.Code, tt.status, w.Body.String(), tt.want)
			}
			if tt.sql != "" && db.sql != tt.sql {
				t.Errorf("ran %q, want %q", db.sql, tt.sql)
			}
			if db.opened != db.closed || tt.status == 200 && !db.rows.closed {
				t.Errorf("%d sessions opened, %d closed; the result is closed: %t", db.opened, db.closed, db.rows.closed)
			}
		})
	}
}

// TestSubscribeBeginsAnew checks what a client is told whose place is not kept.
func TestSubscribeBeginsAnew(t *testing.T) {
	t.Parallel()
	db := &fakeDB{live: true, rows: &fakeRows{columns: toldColumns}, prepare: func(_ context.Context, sql string) error {
		if strings.Contains(sql, "AS OF") {
			return query.Errorf(query.CodeInvalidParameter, "epoch 3 is not kept any more")
		}
		return nil
	}}
	r := httptest.NewRequest(http.MethodGet, "http://localhost:8488/v1/subscribe?q=SUBSCRIBE+v", nil)
	r.Header.Set("Last-Event-ID", "3")
	w := httptest.NewRecorder()
	newTestServer(t, db, nil).Handler().ServeHTTP(w, r)
	if got := w.Body.String(); got != "event: reset\ndata: {}\n\n"+toldEnd {
		t.Errorf("got %q", got)
	}
}

func TestOnlySubscriptionsAreStreamed(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, &fakeDB{rows: &fakeRows{columns: toldColumns}}, nil)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost:8488/v1/subscribe?q=SELECT+1", nil))
	if w.Code != 400 || !strings.Contains(w.Body.String(), "no SUBSCRIBE") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	live := newTestServer(t, &fakeDB{live: true, rows: &fakeRows{columns: toldColumns}}, nil)
	if w := post(t, live, "", `{"sql":"SUBSCRIBE v"}`); w.Code != 400 || !strings.Contains(w.Body.String(), "/v1/subscribe") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestShutdownEndsSubscriptions: they would keep the server for ever.
func TestShutdownEndsSubscriptions(t *testing.T) {
	t.Parallel()
	db := &fakeDB{live: true, rows: &fakeRows{columns: toldColumns, batches: []arrow.RecordBatch{toldBatch()}, block: true}}
	s := newTestServer(t, db, nil)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), ln) }()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("http://" + ln.Addr().String() + "/v1/subscribe?q=SUBSCRIBE+v")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	for range 5 { // it comes at once, not at the end
		if !lines.Scan() {
			t.Fatal(lines.Err())
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	began := time.Now()
	if err := s.Shutdown(ctx); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	last := ""
	for lines.Scan() {
		last += lines.Text() + "\n"
	}
	if !strings.Contains(last, "event: error") || !strings.Contains(last, "57P01") {
		t.Errorf("the client was told %q", last)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
