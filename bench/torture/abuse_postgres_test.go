package torture

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	// tooManyConnections and programLimit are SQLSTATEs.
	tooManyConnections = "53300"
	programLimit       = "54000"
	queryCanceled      = "57014"
	// tenMillion is a query of ten million rows.
	tenMillion = "SELECT a, b, 'row number ' || a AS c FROM range(1000000) x(a), range(10) y(b)"

	startupPatience = 15 * time.Second // the server's is 10 s
	dialPatience    = 10 * time.Second
)

// abuses are all that TestAbuse does.
func abuses() []abuse {
	return []abuse{
		{"slow startup packets", true, slowStartups},
		{"half-open TLS handshakes", true, halfOpenTLS},
		{"clients that don't read ten million rows", true, neverReading(tenMillion)},
		{"subscribers that don't read", true, neverReading("COPY (SUBSCRIBE orders) TO STDOUT")},
		{"2,000 idle connections", true, idleConnections},
		{"a storm of cancel requests", false, cancelStorm},
		{"100,000 prepared statements", false, preparedStatements},
		{"clients killed while they send COPY", false, killedCopies("COPY loaded FROM STDIN", sendSome)},
		{"clients killed while they receive COPY", false, killedCopies("COPY ("+tenMillion+") TO STDOUT", receiveSome)},
		{"a flood of connections", false, connectFlood},
		{"slow HTTP headers", true, slowHTTP("GET /v1/subscribe?q=SUBSCRIBE+orders HTTP/1.1\r\n", "Host: 127.0.0.1\r\nX-Slow: ", 15*time.Second)},
		{"slow bodies of /v1/query", true, slowHTTP("POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n", `{"sql": "SELECT 1`, 40*time.Second)},
		{"slow bodies of /v1/ingest", true, slowHTTP("POST /v1/ingest/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\nContent-Length: 30000000\r\n\r\n", `{"client": 3, "line": 1`, 75*time.Second)},
		{"HTTP clients that don't read ten million rows", true, neverReadingHTTP("/v1/query", tenMillion)},
		{"HTTP subscribers that don't read", true, neverReadingHTTP("/v1/subscribe", "SUBSCRIBE orders")},
	}
}

// atOnce runs f in so many goroutines and returns the first error.
func atOnce(n int, f func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = f(i) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// hold runs f so many times at once, each of which says when it has the connection that it
// keeps.
func (v *victim) hold(n int, f func(i int, ready func()) error) error {
	var missing atomic.Int64
	missing.Store(int64(n))
	return atOnce(n, func(i int) error {
		return f(i, sync.OnceFunc(func() {
			if missing.Add(-1) == 0 {
				v.up()
			}
		}))
	})
}

// dial opens a connection that is closed when the context ends, without a farewell: the
// server learns of it by a reset.
func dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialPatience}).Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = conn.(*net.TCPConn).SetLinger(0) // a reset: no port waits for late packets
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, nil
}

// rawSession is a session without a driver.
type rawSession struct {
	net.Conn
	wire   *pgproto3.Frontend
	pid    uint32
	secret []byte
}

// noSession is what the server said instead of a session.
type noSession struct{ code, message string }

func (r *noSession) Error() string { return r.message + " (SQLSTATE " + r.code + ")" }

// login opens a session. The error is a *noSession if the server says why there is none.
func login(ctx context.Context, addr string) (*rawSession, error) {
	conn, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	s := &rawSession{Conn: conn, wire: pgproto3.NewFrontend(conn, conn)}
	_ = conn.SetDeadline(time.Now().Add(neighborPatience)) // the next read tells
	s.wire.Send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{"user": "abuser"}})
	if err := s.wire.Flush(); err != nil {
		_ = conn.Close() // of no use
		return nil, err
	}
	for {
		m, err := s.wire.Receive()
		if err != nil {
			_ = conn.Close() // of no use
			return nil, err
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			_ = conn.Close() // of no use
			return nil, &noSession{m.Code, m.Message}
		case *pgproto3.BackendKeyData:
			s.pid, s.secret = m.ProcessID, append([]byte(nil), m.SecretKey...)
		case *pgproto3.ReadyForQuery:
			_ = conn.SetDeadline(time.Time{})
			return s, nil
		}
	}
}

// query sends a statement.
func (s *rawSession) query(sql string) error {
	s.wire.Send(&pgproto3.Query{String: sql})
	return s.wire.Flush()
}

// trickle sends a text and then one byte a second, again and again, until the server cuts
// the connection off, which it must do within a time. It goes on with another connection until
// the context ends, and returns how many were cut off.
func trickle(ctx context.Context, open func() (net.Conn, error), ready func(), first, then string, patience time.Duration) (cut int64, err error) {
	for ctx.Err() == nil {
		conn, err := open()
		if err != nil {
			return cut, ignore(ctx, err)
		}
		began := time.Now()
		_, err = conn.Write([]byte(first))
		ready()
		for i := 0; err == nil; i++ {
			if time.Since(began) > patience {
				_ = conn.Close() // it has told enough
				return cut, fmt.Errorf("a client that sends a byte a second is served for more than %s", patience)
			}
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			var answer [512]byte
			_, err = conn.Read(answer[:])
			var wait net.Error
			if errors.As(err, &wait) && wait.Timeout() {
				_, err = conn.Write([]byte{then[min(i, len(then)-1)]})
			}
		}
		_ = conn.Close() // it is cut off already
		if ctx.Err() == nil {
			cut++
		}
	}
	return cut, nil
}

// ignore returns the error unless the context has ended.
func ignore(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// slowStartups sends startup packets a byte a second.
func slowStartups(ctx context.Context, v *victim) (string, error) {
	const clients = 200
	packet, err := (&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{"user": "slow", "database": "millstream"}}).Encode(nil)
	if err != nil {
		return "", err
	}
	var cut atomic.Int64
	err = v.hold(clients, func(_ int, ready func()) error {
		n, err := trickle(ctx, func() (net.Conn, error) { return dial(ctx, v.pg) }, ready, "", string(packet), startupPatience)
		cut.Add(n)
		return err
	})
	return fmt.Sprintf("%d clients, cut off %d times", clients, cut.Load()), err
}

// halfOpenTLS begins handshakes, of the Postgres protocol and of HTTP, that never end.
func halfOpenTLS(ctx context.Context, v *victim) (string, error) {
	const clients = 100
	hello := string([]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}) // the first bytes of a ClientHello
	var cut atomic.Int64
	err := v.hold(2*clients, func(i int, ready func()) error {
		open := func() (net.Conn, error) { return dial(ctx, v.http) }
		if i%2 == 0 {
			open = func() (net.Conn, error) { return sslRequest(ctx, v.pg) }
		}
		n, err := trickle(ctx, open, ready, hello, "\x00", startupPatience)
		cut.Add(n)
		return err
	})
	return fmt.Sprintf("%d handshakes of each protocol, cut off %d times", clients, cut.Load()), err
}

// sslRequest asks for TLS and waits for the yes.
func sslRequest(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	var answer [1]byte
	packet, err := (&pgproto3.SSLRequest{}).Encode(nil)
	if err == nil {
		_, err = conn.Write(packet)
	}
	if err == nil {
		_, err = conn.Read(answer[:])
	}
	if err == nil && answer[0] != 'S' {
		err = fmt.Errorf("the server answers %q to a request for TLS", answer[0])
	}
	return conn, err
}

// neverReading asks for a lot and reads none of it.
func neverReading(sql string) func(context.Context, *victim) (string, error) {
	return func(ctx context.Context, v *victim) (string, error) {
		const clients = 16
		return fmt.Sprintf("%d clients", clients), v.hold(clients, func(_ int, ready func()) error {
			s, err := login(ctx, v.pg)
			if err != nil {
				return ignore(ctx, err)
			}
			_ = s.Conn.(*net.TCPConn).SetReadBuffer(4096) // the system's is large
			if err := s.query(sql); err != nil {
				return ignore(ctx, err)
			}
			ready()
			<-ctx.Done()
			return nil
		})
	}
}

// idleConnections opens more sessions than there may be. What is refused must be told
// so.
func idleConnections(ctx context.Context, v *victim) (string, error) {
	const clients, dialers = 2000, 150 // more at once than may be starting
	var next, open, full atomic.Int64
	err := atOnce(dialers, func(int) error {
		for next.Add(1) <= clients {
			_, err := login(ctx, v.pg)
			var no *noSession
			switch {
			case err == nil:
				open.Add(1)
			case errors.As(err, &no) && no.code == tooManyConnections:
				full.Add(1)
			case ctx.Err() != nil:
				return nil
			default:
				return fmt.Errorf("a client too many was not refused with %s: %w", tooManyConnections, err)
			}
		}
		return nil
	})
	did := fmt.Sprintf("%d open, %d refused with %s", open.Load(), full.Load(), tooManyConnections)
	if err == nil && ctx.Err() == nil && open.Load() != sessionsMax-1 { // and the neighbour's
		err = fmt.Errorf("%d sessions are open, want %d", open.Load(), sessionsMax-1)
	}
	v.up()
	<-ctx.Done()
	return did, err
}

// cancelStorm sends a thousand cancel requests a second: with wrong keys, for everybody's
// sessions, and with the right one for a session that asks something long.
func cancelStorm(ctx context.Context, v *victim) (string, error) {
	const perSecond, senders = 1000, 20
	s, err := login(ctx, v.pg)
	if err != nil {
		return "", err
	}
	var sent, canceled atomic.Int64
	err = atOnce(senders+1, func(i int) error {
		if i == senders {
			return beCanceled(ctx, s, &canceled)
		}
		for ticks := time.NewTicker(time.Second * senders / perSecond); ; {
			select {
			case <-ctx.Done():
				ticks.Stop()
				return nil
			case <-ticks.C:
			}
			n := sent.Add(1)
			pid, secret := uint32(n)%100, make([]byte, 4)
			if n%100 == 0 {
				pid, secret = s.pid, s.secret
			} else if _, err := rand.Read(secret); err != nil {
				return err
			}
			if err := cancelRequest(ctx, v.pg, pid, secret); err != nil {
				return ignore(ctx, err)
			}
		}
	})
	if err == nil && canceled.Load() == 0 {
		err = errors.New("no statement was canceled by its right key")
	}
	return fmt.Sprintf("%d requests, %d statements canceled", sent.Load(), canceled.Load()), err
}

// beCanceled asks something that takes long, again and again.
func beCanceled(ctx context.Context, s *rawSession, canceled *atomic.Int64) error {
	for ctx.Err() == nil {
		if err := s.query("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range, b.range) = 0"); err != nil {
			return ignore(ctx, err)
		}
		code, _, err := s.untilReady()
		if err != nil {
			return ignore(ctx, err)
		}
		if code != queryCanceled {
			return fmt.Errorf("a statement that was to be canceled ended with %q", code)
		}
		canceled.Add(1)
	}
	return nil
}

// untilReady reads an answer and returns the SQLSTATE and hint of the error in it.
func (s *rawSession) untilReady() (code, hint string, err error) {
	for {
		m, err := s.wire.Receive()
		if err != nil {
			return "", "", err
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			code, hint = m.Code, m.Hint
		case *pgproto3.ReadyForQuery:
			return code, hint, nil
		}
	}
}

// cancelRequest sends one and waits until the server has hung up.
func cancelRequest(ctx context.Context, addr string, pid uint32, secret []byte) error {
	conn, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // the server has closed it
	packet, err := (&pgproto3.CancelRequest{ProcessID: pid, SecretKey: secret}).Encode(nil)
	if err != nil {
		return err
	}
	if _, err := conn.Write(packet); err != nil {
		return err
	}
	var nothing [1]byte
	_ = conn.SetReadDeadline(time.Now().Add(neighborPatience))
	if _, err := conn.Read(nothing[:]); err == nil {
		return errors.New("a cancel request was answered")
	} else if wait := net.Error(nil); errors.As(err, &wait) && wait.Timeout() {
		return errors.New("the connection of a cancel request stays open")
	}
	return nil
}

// preparedStatements prepares without end, on one connection after the other: those that are too
// many are refused, and the session goes on.
func preparedStatements(ctx context.Context, v *victim) (string, error) {
	const most, chunk = 100_000, 200
	var prepared, refused, sessions int
	for again := true; again; again = ctx.Err() == nil { // once at least, however long it takes
		s, err := login(context.WithoutCancel(ctx), v.pg)
		if err != nil {
			return "", err
		}
		sessions++
		for n := 0; n < most; n += chunk {
			for i := range chunk {
				s.wire.Send(&pgproto3.Parse{Name: fmt.Sprint("s", n+i), Query: fmt.Sprintf("SELECT %d + id FROM prices WHERE id = $1", i)})
				s.wire.Send(&pgproto3.Sync{})
			}
			if err := s.wire.Flush(); err != nil {
				return "", err
			}
			for range chunk {
				code, hint, err := s.untilReady()
				switch {
				case err != nil:
					return "", err
				case code == "":
					prepared++
				case code == programLimit && hint != "":
					refused++
				default:
					return "", fmt.Errorf("a statement too many was refused with %q and the hint %q", code, hint)
				}
			}
		}
		if err := s.Close(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d sessions, %d statements prepared, %d refused with %s", sessions, prepared, refused, programLimit), nil
}

// killedCopies begins COPY again and again, and hangs up in the middle of its rows.
func killedCopies(sql string, some func(*rawSession) error) func(context.Context, *victim) (string, error) {
	return func(ctx context.Context, v *victim) (string, error) {
		const clients = 4
		var killed atomic.Int64
		err := atOnce(clients, func(int) error {
			for ctx.Err() == nil {
				s, err := login(ctx, v.pg)
				if err == nil {
					err = s.query(sql)
				}
				if err == nil {
					err = some(s)
				}
				if err != nil {
					return ignore(ctx, err)
				}
				killed.Add(1)
				if err := s.Close(); err != nil {
					return ignore(ctx, err)
				}
			}
			return nil
		})
		return fmt.Sprintf("%d clients killed", killed.Load()), err
	}
}

// sendSome sends rows, the last of them in half.
func sendSome(s *rawSession) error {
	m, err := s.wire.Receive()
	if err != nil {
		return err
	}
	if _, ok := m.(*pgproto3.CopyInResponse); !ok {
		return fmt.Errorf("%T instead of a request for rows", m)
	}
	var rows []byte
	for i := range 2000 {
		rows = fmt.Appendf(rows, "%d\tone of the rows that must not be there\n", i)
	}
	for range 10 {
		s.wire.Send(&pgproto3.CopyData{Data: rows})
	}
	if err := s.wire.Flush(); err != nil {
		return err
	}
	_, err = s.Write([]byte{'d', 0, 0, 1, 0, '4', '2'}) // of 252 bytes
	return err
}

// receiveSome reads rows for a while.
func receiveSome(s *rawSession) error {
	for range 10_000 {
		m, err := s.wire.Receive()
		if err != nil {
			return err
		}
		if e, ok := m.(*pgproto3.ErrorResponse); ok {
			return &noSession{e.Code, e.Message}
		}
	}
	return nil
}

// connectFlood connects hundreds of times a second: some say nothing, some something else
// than the protocol, some log in and hang up.
func connectFlood(ctx context.Context, v *victim) (string, error) {
	const perSecond, clients = 500, 20
	var connects, sessions atomic.Int64
	err := atOnce(clients, func(int) error {
		for ticks := time.NewTicker(time.Second * clients / perSecond); ; {
			select {
			case <-ctx.Done():
				ticks.Stop()
				return nil
			case <-ticks.C:
			}
			n := connects.Add(1)
			if n%3 == 0 {
				s, err := login(ctx, v.pg)
				var no *noSession
				switch {
				case errors.As(err, &no) && no.code == tooManyConnections: // those before are not gone yet
					continue
				case err != nil:
					return ignore(ctx, err)
				}
				sessions.Add(1)
				_ = s.Close() // as one who is killed
				continue
			}
			conn, err := dial(ctx, v.pg)
			if err != nil {
				return ignore(ctx, err)
			}
			if n%3 == 1 {
				_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")) // what comes of it does not matter
			}
			_ = conn.Close() // as one who is killed
		}
	})
	return fmt.Sprintf("%d connections, %d of them sessions", connects.Load(), sessions.Load()), err
}
