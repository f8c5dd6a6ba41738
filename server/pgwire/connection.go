package pgwire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
)

// closeGrace is how long a connection that is being terminated may still take
// to say so to its client.
const closeGrace = 2 * time.Second

// connection is one client's connection and, once it has started up, its
// session. One goroutine serves it; only the fields under mu are touched by
// others.
type connection struct {
	server  *Server
	in      *reader
	out     writer
	session Session // nil until the startup is over
	user    string

	encrypted   *tls.Conn         // nil: in the clear
	certificate *x509.Certificate // the server's, of the encryption

	statements     map[string]*prepared
	statementBytes int
	portals        map[string]*portal
	portalBytes    int
	skipping       bool      // an extended query failed: ignore messages until Sync
	begun          time.Time // when the extended query came that is not over yet

	reported  [len(reportedSettings)]string // what the client was told last
	zoneName  string
	zoneCache *time.Location

	processID uint32 // set by Server.register
	secret    []byte

	// mu protects the fields below. It is taken after Server.mu.
	mu       sync.Mutex
	conn     net.Conn // replaced by its encrypted self during the startup
	running  *execution
	draining bool // read no more from the client
	// What the client is to be told as a listener, whether the connection waits
	// for a message, has been woken by it, and waits for so long only.
	notifications           []query.Notification
	waiting, woken, limited bool
	cancel                  context.CancelCauseFunc
	closer                  *time.Timer // closes the connection hard
}

func newConnection(s *Server, conn net.Conn, cancel context.CancelCauseFunc) *connection {
	return &connection{
		server:     s,
		in:         newReader(conn),
		out:        writer{conn: conn, timeout: s.options.WriteTimeout},
		statements: make(map[string]*prepared),
		portals:    make(map[string]*portal),
		conn:       conn,
		cancel:     cancel,
	}
}

// serve talks to the client until one of them has enough.
func (c *connection) serve(ctx context.Context) {
	defer c.cancel(context.Canceled)
	defer c.closeConn()
	err := c.protect(func() error { return c.talk(ctx) })
	if c.session != nil {
		err = errors.Join(err, c.protect(func() error {
			c.closePortals()
			c.session.Close()
			return nil
		}))
	}
	c.server.unregister(c)
	c.sayGoodbye(err)
}

// protect calls f and turns a panic into an error.
func (c *connection) protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return f()
}

// talk starts a session and answers messages. It returns a fatalError for what
// the client should be told at the end.
func (c *connection) talk(ctx context.Context) error {
	packet, err := c.startUp(ctx)
	if err != nil {
		return c.readError(err)
	}
	if err := c.openSession(ctx, c.server.db, packet); err != nil {
		return err
	}
	for {
		if c.in.buf.Buffered() == 0 {
			if err := c.awaitMessage(); err != nil {
				return c.readError(err)
			}
		}
		kind, body, err := c.in.next()
		if err != nil {
			return c.readError(err)
		}
		if err := c.handle(ctx, kind, body); err != nil {
			return err
		}
		if c.out.err != nil {
			return errClosed
		}
	}
}

// readError returns what a failed read means. While the server shuts down,
// reads fail because their deadline is over.
func (c *connection) readError(err error) error {
	var fatal *fatalError
	if errors.As(err, &fatal) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return &fatalError{err: errShutdown}
	}
	return fmt.Errorf("%w: %w", errClosed, err)
}

// sayGoodbye tells the client why the connection ends, if there is a reason.
func (c *connection) sayGoodbye(err error) {
	var fatal *fatalError
	var crash *panicError
	switch {
	case errors.As(err, &crash):
		c.server.panics.Add(1)
		c.server.options.Logger.Error("session panicked", "err", crash, "stack", string(crash.stack))
		c.out.buf = c.out.buf[:0] // it may end in half a message
		c.out.sendError("FATAL", query.Errorf(query.CodeInternal, "the session met an internal error and was closed"))
	case errors.As(err, &fatal):
		c.out.sendError("FATAL", fatal.err)
	}
	c.out.flush()
}

// handle answers one message. An error ends the connection.
func (c *connection) handle(ctx context.Context, kind byte, body []byte) error {
	switch kind {
	case 'X':
		return errClosed
	case 'S':
		c.skipping = false
		c.ended()
		return c.ready()
	case 'd', 'c', 'f': // rows of a COPY that has failed already
		return nil
	case 'Q', 'P', 'B', 'D', 'E', 'C', 'H', 'F':
		if c.skipping {
			return nil
		}
	default:
		return protocolViolation("invalid frontend message type %d", kind)
	}
	switch kind {
	case 'Q':
		c.ended()
		return c.handleQuery(ctx, body)
	case 'F':
		c.out.sendError("ERROR", query.Errorf(query.CodeFeatureNotSupported, "the function call protocol is not supported"))
		return c.ready()
	case 'H':
		c.out.flush()
		return nil
	}
	err := c.begin()
	if err == nil {
		err = c.handleExtended(ctx, kind, body)
	}
	if err != nil {
		c.skipping = true
		err = c.report(err)
		c.out.flush() // the client may wait for it before it sends Sync
		return err
	}
	return nil
}

// handleExtended answers one message of the extended query protocol.
func (c *connection) handleExtended(ctx context.Context, kind byte, body []byte) (err error) {
	switch kind {
	case 'P':
		err = c.handleParse(ctx, body)
	case 'B':
		err = c.handleBind(ctx, body)
	case 'D':
		err = c.handleDescribe(ctx, body)
	case 'E':
		err = c.handleExecute(body)
		c.ended()
	case 'C':
		err = c.handleClose(body)
	}
	return err
}

// report sends an error to the client, or returns the one that ends the
// connection.
func (c *connection) report(err error) error {
	e := query.AsError(err)
	switch {
	case c.out.err != nil || e == errHangup:
		return errClosed
	case e == errShutdown:
		return &fatalError{err: e}
	}
	c.out.sendError("ERROR", e)
	return nil
}

// ready ends an answer with ReadyForQuery. Portals live as long as their
// transaction.
func (c *connection) ready() error {
	status := c.session.Status()
	if status != 'T' {
		c.closePortals()
	}
	c.reportSettings(false)
	if status == 'I' {
		c.sendNotifications()
	}
	c.out.send(&pgproto3.ReadyForQuery{TxStatus: status})
	c.out.flush()
	return nil
}

// observe tells the server's observer about a statement.
func (c *connection) observe(kind string, started time.Time, rows int64, err error) {
	if observe := c.server.options.Observe; observe != nil {
		if kind == "" {
			kind = "INVALID"
		}
		observe(kind, time.Since(started), rows, err)
	}
}

// drain makes the connection end as soon as its client waits for nothing.
func (c *connection) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	if c.running != nil && c.running.endless.Load() {
		c.running.cancel(errShutdown)
	}
	_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // a lost connection ends by itself
}

// terminate ends the connection whatever it is doing.
func (c *connection) terminate() {
	c.drain()
	c.cancel(errShutdown)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closer == nil {
		conn := c.conn
		c.closer = time.AfterFunc(closeGrace, func() { _ = conn.Close() })
	}
}

// closeConn closes the network connection.
func (c *connection) closeConn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closer != nil {
		c.closer.Stop()
	}
	_ = c.conn.Close() // nothing is left to be told about it
}
