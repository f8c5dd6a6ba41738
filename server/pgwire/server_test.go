package pgwire

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/millstream-db/millstream/query"
)

func wantCode(t testing.TB, err error, code, message string) {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, message) {
		t.Errorf("got %v, want %s %s", err, code, message)
	}
}

// waitFor waits until f is true.
func waitFor(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// started returns a statement that says so when it runs, and then waits for
// its context.
func started() (canned, chan struct{}) {
	running := make(chan struct{}, 1)
	return canned{tag: "SELECT", columns: []query.Column{{Name: "i", Type: "BIGINT"}},
		batches: func(ctx context.Context, _ []any) ([]arrow.RecordBatch, error) {
			running <- struct{}{}
			<-ctx.Done()
			return nil, errors.New("INTERRUPT Error: Interrupted!")
		}}, running
}

func TestCancelRequest(t *testing.T) {
	wait, running := started()
	_, addr := startServer(t, &fakeDatabase{statements: map[string]canned{"wait": wait}}, Options{MaxConnections: 1})
	conn := connectPgx(t, addr)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeCacheStatement} {
		canceled := make(chan error, 1)
		go func() {
			<-running
			canceled <- conn.PgConn().CancelRequest(context.Background())
		}()
		_, err := conn.Exec(context.Background(), "wait", mode)
		wantCode(t, err, "57014", "user request")
		if err := <-canceled; err != nil {
			t.Error(err)
		}
		if _, err := conn.Exec(context.Background(), "rows 1", mode); err != nil {
			t.Errorf("the session after a cancel: %v", err)
		}
	}
}

func TestCancelRequestWithWrongSecretDoesNothing(t *testing.T) {
	s, addr := startServer(t, &fakeDatabase{}, Options{})
	conn := connectPgx(t, addr)
	pid := conn.PgConn().PID()
	packet := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 16}, cancelRequestCode)
	packet = binary.BigEndian.AppendUint32(packet, pid)
	packet = append(packet, 1, 2, 3, 4)
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write(packet); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(nc); err != nil || len(answer) > 0 {
		t.Errorf("answered %q, %v", answer, err)
	}
	if _, err := conn.Exec(context.Background(), "rows 1"); err != nil || s.Sessions() != 1 {
		t.Error(err)
	}
}

func TestStatementTimeout(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{})
	conn := connectPgx(t, addr)
	ctx := context.Background()
	if _, err := conn.Exec(ctx, "set statement_timeout 200ms"); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeCacheStatement} {
		_, err := conn.Exec(ctx, "sleep", mode)
		wantCode(t, err, "57014", "statement timeout")
	}
	if _, err := conn.Exec(ctx, "rows 1"); err != nil {
		t.Error(err)
	}
}

func TestParseTimeout(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "250": 250 * time.Millisecond, "5s": 5 * time.Second, "1.5s": 1500 * time.Millisecond,
		"2min": 2 * time.Minute, " 1 h ": time.Hour, "1d": 24 * time.Hour, "1600us": 2 * time.Millisecond, "100us": 0,
		"-1": 0, "x": 0, "5 parsecs": 0, "1e300": 0, "99999999999d": 0,
	} {
		if got := parseTimeout(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestClientsTooManyAreToldSo fills the server with connections that say nothing. Whoever
// comes then is told why he can't stay, in the clear since nothing was agreed on.
func TestClientsTooManyAreToldSo(t *testing.T) {
	s, addr := startServer(t, &fakeDatabase{}, Options{MaxConnections: 1})
	for range maxStarting + 1 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	waitFor(t, "all have been accepted", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.connections) == maxStarting+1
	})
	for range 20 {
		_, err := pgx.Connect(context.Background(), "postgres://ann@"+addr+"/db?sslmode=disable")
		wantCode(t, err, "53300", "too many clients")
	}
}

// TestStatementTooManyIsNotPlanned refuses a statement before it costs anything.
func TestStatementTooManyIsNotPlanned(t *testing.T) {
	db := &fakeDatabase{}
	_, addr := startServer(t, db, Options{MaxStatements: 1})
	conn := connectPgx(t, addr)
	if _, err := conn.Prepare(context.Background(), "one", "rows 1"); err != nil {
		t.Fatal(err)
	}
	planned := func() int {
		db.mu.Lock()
		defer db.mu.Unlock()
		return len(db.prepared)
	}
	before := planned()
	_, err := conn.Prepare(context.Background(), "two", "rows 2")
	wantCode(t, err, "54000", "too many prepared statements")
	if n := planned() - before; n != 0 {
		t.Errorf("it was planned %d times", n)
	}
}

// TestHangupCancels closes the connection under a running statement, also when
// the client has sent ahead.
func TestHangupCancels(t *testing.T) {
	for _, ahead := range []string{"", "Query {\"String\":\"rows 1\"}\nSync"} {
		wait, running := started()
		db := &fakeDatabase{statements: map[string]canned{"wait": wait}}
		s, addr := startServer(t, db, Options{})
		client := dialTranscript(t, addr)
		client.write(t, startupBytes(0, "user", "ann"))
		client.readUntil(t, "ReadyForQuery", 1)
		client.write(t, encodeMessages(t, "Query {\"String\":\"wait\"}\n"+ahead))
		<-running
		client.conn.Close()
		waitFor(t, "the session is gone", func() bool { return s.Sessions() == 0 && db.closed.Load() == 1 && db.open.Load() == 0 })
	}
}

func TestNeverReadingClientIsGivenUp(t *testing.T) {
	db := &fakeDatabase{statements: map[string]canned{"much": {tag: "SELECT", columns: []query.Column{{Name: "t", Type: "VARCHAR"}},
		batches: func(context.Context, []any) ([]arrow.RecordBatch, error) {
			return slices.Repeat([]arrow.RecordBatch{texts(strings.Repeat("x", 1<<20))}, 100), nil
		}}}}
	s, addr := startServer(t, db, Options{WriteTimeout: 50 * time.Millisecond})
	client := dialTranscript(t, addr)
	defer client.conn.Close()
	client.write(t, startupBytes(0, "user", "ann"))
	client.readUntil(t, "ReadyForQuery", 1)
	client.write(t, encodeMessages(t, `Query {"String":"much"}`))
	waitFor(t, "the session is gone", func() bool { return s.Sessions() == 0 && db.closed.Load() == 1 && db.open.Load() == 0 })
}

// TestSlowClient sends and reads a byte at a time; a neighbour does not wait for it.
func TestSlowClient(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{})
	neighbour := connectPgx(t, addr)
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sent := slices.Concat(startupBytes(0, "user", "ann"), encodeMessages(t, "Query {\"String\":\"rows 7\"}\nTerminate"))
	for i := range sent {
		if _, err := nc.Write(sent[i : i+1]); err != nil {
			t.Fatal(err)
		}
		if i%16 == 0 {
			if _, err := neighbour.Exec(context.Background(), "rows 1"); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer, err := io.ReadAll(iotest.OneByteReader(nc))
	if err != nil || !strings.Contains(string(answer), "SELECT 7\x00Z\x00\x00\x00\x05I") {
		t.Errorf("answered %q, %v", answer, err)
	}
}

// TestHalfClosedClient says all it has to say and closes its side: it is answered.
// One that stops in the middle of a message is given up.
func TestHalfClosedClient(t *testing.T) {
	s, addr := startServer(t, &fakeDatabase{}, Options{})
	whole := encodeMessages(t, "Query {\"String\":\"rows 7\"}")
	for _, c := range []struct {
		sent []byte
		want bool
	}{{whole, true}, {whole[:len(whole)-3], false}, {whole[:2], false}} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write(slices.Concat(startupBytes(0, "user", "ann"), c.sent)); err != nil {
			t.Fatal(err)
		}
		if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := io.ReadAll(nc)
		if err != nil || strings.Contains(string(answer), "SELECT 7") != c.want {
			t.Errorf("%q: answered %q, %v", c.sent, answer, err)
		}
		nc.Close()
	}
	waitFor(t, "the sessions are gone", func() bool { return s.Sessions() == 0 })
}

func TestPanicEndsOneSession(t *testing.T) {
	db := &fakeDatabase{}
	s, addr := startServer(t, db, Options{})
	neighbour, conn := connectPgx(t, addr), connectPgx(t, addr)
	_, err := conn.Exec(context.Background(), "panic")
	wantCode(t, err, "XX000", "closed")
	waitFor(t, "the session is gone", func() bool { return s.Sessions() == 1 })
	if _, err := neighbour.Exec(context.Background(), "rows 1"); err != nil || s.Panics() != 1 || db.closed.Load() != 1 {
		t.Errorf("%v; %d panics, %d sessions closed", err, s.Panics(), db.closed.Load())
	}
}

func TestTooManyConnections(t *testing.T) {
	s, addr := startServer(t, &fakeDatabase{}, Options{MaxConnections: 1})
	conn := connectPgx(t, addr)
	_, err := pgx.Connect(context.Background(), "postgres://ann@"+addr+"/?sslmode=disable")
	wantCode(t, err, "53300", "too many clients")
	if err := conn.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the session is gone", func() bool { return s.Sessions() == 0 })
	connectPgx(t, addr)
}

func TestStartupDeadline(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{StartupTimeout: 20 * time.Millisecond})
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte{0, 0}); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(nc); err != nil || len(answer) > 0 {
		t.Errorf("answered %q, %v", answer, err)
	}
}

// TestJunkAtStartup sends what isn't a startup packet. The server answers with
// an error or not at all, and closes.
func TestJunkAtStartup(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{})
	for _, junk := range []string{
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"\x00\x00\x00\x07\x00\x00\x00",
		"\x00\x00\x27\x11\x00\x03\x00\x00",
		"\xff\xff\xff\xff\x00\x03\x00\x00",
		"\x00\x00\x00\x08\x00\x02\x00\x00",
		"\x00\x00\x00\x09\x00\x03\x00\x00\x00",
		"\x00\x00\x00\x0c\x00\x03\x00\x00user",
		"\x00\x00\x00\x0e\x00\x03\x00\x00user\x00a",
		"\x00\x00\x00\x0b\x04\xd2\x16\x2e\x00\x00\x00",
		"\x00\x00\x00\x08\x04\xd2\x16\x2f\x00\x00\x00\x08\x04\xd2\x16\x2f",
		"\x00\x00\x00\x08\x04\xd2\x16\x30\x00\x00\x00\x08\x04\xd2\x16\x30",
	} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write([]byte(junk)); err != nil {
			t.Fatal(err)
		}
		_ = nc.(*net.TCPConn).CloseWrite()
		_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := io.ReadAll(nc)
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%q: %v", junk, err)
		}
		if strings.Contains(string(answer), "Z\x00\x00\x00\x05") {
			t.Errorf("%q was let in: %q", junk, answer)
		}
		nc.Close()
	}
}

func TestShutdownLetsStatementsFinish(t *testing.T) {
	gate, running := make(chan struct{}), make(chan struct{})
	db := &fakeDatabase{statements: map[string]canned{"wait": {tag: "SELECT", columns: []query.Column{{Name: "i", Type: "BIGINT"}},
		batches: func(context.Context, []any) ([]arrow.RecordBatch, error) {
			close(running)
			<-gate
			return numbers(1), nil
		}}}}
	s, addr := startServer(t, db, Options{})
	busy, idle := connectPgx(t, addr), dialTranscript(t, addr)
	defer idle.conn.Close()
	idle.write(t, startupBytes(0, "user", "ann"))
	idle.readUntil(t, "ReadyForQuery", 1)
	answered := make(chan error, 1)
	go func() {
		_, err := busy.Exec(context.Background(), "wait", pgx.QueryExecModeSimpleProtocol)
		answered <- err
	}()
	<-running
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	if got := idle.readUntil(t, "", 0); !strings.Contains(got, "FATAL 57P01") {
		t.Errorf("the idle client got %s", got)
	}
	close(gate)
	if err := <-answered; err != nil {
		t.Errorf("the busy client got %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestShutdownCancelsWhatTakesTooLong(t *testing.T) {
	wait, running := started()
	s, addr := startServer(t, &fakeDatabase{statements: map[string]canned{"wait": wait}}, Options{})
	conn := connectPgx(t, addr)
	answered := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "wait")
		answered <- err
	}()
	<-running
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	wantCode(t, <-answered, "57P01", "administrator")
	if err := s.Serve(ctx, dummyListener{}); !errors.Is(err, ErrServerClosed) {
		t.Errorf("serve after shutdown: %v", err)
	}
}

type dummyListener struct{ net.Listener }

func (dummyListener) Close() error { return nil }

func TestServeEndsWithItsContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- New(&fakeDatabase{}, Options{}).Serve(ctx, listener) }()
	client := dialTranscript(t, listener.Addr().String())
	defer client.conn.Close()
	client.write(t, startupBytes(0, "user", "ann"))
	client.readUntil(t, "ReadyForQuery", 1)
	cancel()
	if got := client.readUntil(t, "", 0); !strings.Contains(got, "FATAL 57P01") {
		t.Errorf("the client got %s", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestObserve(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	_, addr := startServer(t, &fakeDatabase{}, Options{Observe: func(kind string, _ time.Duration, rows int64, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			kind += " failed"
		}
		seen = append(seen, strings.Repeat("+", int(rows))+kind)
	}})
	conn := connectPgx(t, addr)
	ctx := context.Background()
	_, _ = conn.Exec(ctx, "rows 3", pgx.QueryExecModeSimpleProtocol)
	_, _ = conn.Exec(ctx, "rows 2", pgx.QueryExecModeCacheStatement)
	_, _ = conn.Exec(ctx, "fail x", pgx.QueryExecModeSimpleProtocol)
	_, _ = conn.Exec(ctx, "fail x", pgx.QueryExecModeCacheStatement)
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(seen, ", "); got != "+++SELECT, ++SELECT, INVALID failed, INVALID failed" {
		t.Errorf("observed %s", got)
	}
}

func TestOptions(t *testing.T) {
	if err := (Options{}).Validate(); err != nil {
		t.Error(err)
	}
	err := (Options{MaxConnections: -1, WriteTimeout: -1}).Validate()
	if err == nil || !strings.Contains(err.Error(), "MaxConnections") || !strings.Contains(err.Error(), "WriteTimeout") {
		t.Errorf("got %v", err)
	}
}

func TestStartupOptions(t *testing.T) {
	packet, err := parseStartup(startupBytes(0, "user", "ann", "DateStyle", "ISO",
		"options", `-c search_path=x -cTimeZone=Asia/Tokyo --Application-Name=it\ is\\`)[4:])
	if err != nil {
		t.Fatal(err)
	}
	o, err := packet.sessionOptions("here")
	if err != nil {
		t.Fatal(err)
	}
	if o.User != "ann" || o.Database != "ann" || o.Application != `it is\` || o.Remote != "here" || len(o.Settings) != 3 ||
		o.Settings["search_path"] != "x" || o.Settings["timezone"] != "Asia/Tokyo" || o.Settings["datestyle"] != "ISO" {
		t.Errorf("got %+v", o)
	}
}
