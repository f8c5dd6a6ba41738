package pgwire

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millstream-db/millstream/query"
)

// Database opens sessions. It must be safe for concurrent use.
type Database interface {
	// NewSession opens a session for a client that has been let in.
	NewSession(o query.SessionOptions) Session
}

// Session runs the statements of one client, one at a time. It is not used
// concurrently, except that contexts end while it works.
type Session interface {
	// Prepare plans one statement. paramTypes are DuckDB's names of the types of
	// $1, $2, …, "" where the client gave none. A text without a statement gives
	// a Statement with an empty Tag. It may be called while a result is open.
	Prepare(ctx context.Context, sql string, paramTypes []string) (*query.Statement, error)
	// Execute runs a prepared statement. The args are nil or Go values as listed
	// in engine/batch/value.go, or []any of them for a list. The context stays
	// valid until the result is closed, and no other result is open. A count
	// that is not that of the result's rows, as of an INSERT, belongs in its Tag.
	Execute(ctx context.Context, st *query.Statement, args []any) (*query.Result, error)
	// Status returns the state of the transaction: 'I' for none, 'T', or 'E' for
	// one that has failed.
	Status() byte
	// Setting returns the current value of a setting, "" if it is not known.
	Setting(name string) string
	// Close ends the session. No result is open then.
	Close()
}

// maxStarting bounds the connections that have not got a session yet. They
// come on top of MaxConnections, so that a cancel request gets through when
// there are no sessions left.
const maxStarting = 100

// Of those that come on top of all these, maxRefusing at a time are told so, each for
// no longer than refuseTimeout.
const (
	maxRefusing   = 100
	refuseTimeout = time.Second
)

// Server serves the PostgreSQL wire protocol. Its methods are safe for
// concurrent use.
type Server struct {
	db      Database
	options Options
	panics  atomic.Int64
	serving sync.WaitGroup // one per connection

	// mu protects the fields below.
	mu          sync.Mutex
	closed      bool
	listeners   map[net.Listener]struct{}
	connections map[*connection]struct{}
	sessions    map[uint32]*connection // by process ID
	lastID      uint32
	refusing    int // connections that are told that there are too many
}

// New returns a server of db's sessions. It panics if the options don't
// validate; see Options.Validate.
func New(db Database, o Options) *Server {
	if err := o.Validate(); err != nil {
		panic(fmt.Errorf("pgwire: %w", err))
	}
	return &Server{
		db:          db,
		options:     o.withDefaults(),
		listeners:   make(map[net.Listener]struct{}),
		connections: make(map[*connection]struct{}),
		sessions:    make(map[uint32]*connection),
	}
}

// Sessions returns the number of open sessions.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Panics returns how many sessions have ended by a panic.
func (s *Server) Panics() int64 { return s.panics.Load() }

// ListenAndServe listens on Options.Addr and serves what comes; see Serve.
func (s *Server) ListenAndServe(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", s.options.Addr)
	if err != nil {
		return fmt.Errorf("listen for Postgres clients: %w", err)
	}
	return s.Serve(ctx, listener)
}

// Serve accepts connections from listener and serves them until Shutdown is
// called or ctx ends, which closes them at once. It closes the listener, waits
// for its connections and returns nil, or why it could not accept any more. It
// may be called for several listeners.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	if !s.addListener(listener) {
		_ = listener.Close() // it was not used
		return ErrServerClosed
	}
	defer s.serving.Wait()
	defer s.removeListener(listener)
	defer context.AfterFunc(ctx, func() {
		s.stopAccepting()
		s.forEach((*connection).terminate)
	})()
	// Connections outlive ctx by the time it takes to say why they end.
	ctx = context.WithoutCancel(ctx)
	s.options.Logger.Info("serving postgres clients", "addr", listener.Addr().String())
	var wait time.Duration
	for {
		conn, err := listener.Accept()
		switch {
		case err == nil:
			wait = 0
			s.start(ctx, conn)
		case s.isClosed():
			return nil
		case !isTransient(err):
			return fmt.Errorf("accept Postgres client: %w", err)
		default: // out of file descriptors, most likely
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.options.Logger.Warn("accepting a connection failed", "err", err)
			time.Sleep(wait)
		}
	}
}

func isTransient(err error) bool {
	transient, ok := err.(interface{ Temporary() bool }) //nolint:errorlint // net errors are not wrapped here
	return ok && transient.Temporary()
}

// Shutdown stops accepting, tells clients that the server ends (57P01) as soon
// as their statements are done, and waits for that. When ctx ends first, the
// statements are canceled and the error is ctx's.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopAccepting()
	s.forEach((*connection).drain)
	done := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.forEach((*connection).terminate)
		<-done
		return fmt.Errorf("shut down pgwire: %w", ctx.Err())
	}
}

// start serves a connection in a goroutine of its own, if there is room.
func (s *Server) start(ctx context.Context, conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Best effort: a connection lost already shows at the first read.
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 6,
		})
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c := newConnection(s, conn, cancel)
	s.mu.Lock()
	full := s.closed || len(s.connections) >= s.options.MaxConnections+maxStarting
	if !full {
		s.connections[c] = struct{}{}
		s.serving.Add(1)
	}
	s.mu.Unlock()
	if full {
		cancel(context.Canceled)
		s.refuse(conn)
		return
	}
	go func() {
		defer s.serving.Done()
		c.serve(ctx)
		s.mu.Lock()
		delete(s.connections, c)
		s.mu.Unlock()
	}()
}

// refuse tells a client that there are too many, and hangs up. Those that are told count
// apart; when there are too many of them as well, a client is told nothing.
func (s *Server) refuse(conn net.Conn) {
	s.mu.Lock()
	told := !s.closed && s.refusing < maxRefusing
	if told {
		s.refusing++
		s.serving.Add(1)
	}
	s.mu.Unlock()
	if !told {
		_ = conn.Close() // it was not used
		return
	}
	go func() {
		defer s.serving.Done()
		_ = conn.SetDeadline(time.Now().Add(refuseTimeout)) // a connection lost already shows below
		out := writer{conn: conn, timeout: refuseTimeout}
		out.sendError("FATAL", errTooManyClients)
		out.flush()
		// What the client has sent is read: to close with it unread would be a reset, which can
		// overtake the answer.
		if tcp, ok := conn.(*net.TCPConn); ok && tcp.CloseWrite() == nil {
			_, _ = io.CopyN(io.Discard, conn, maxStartupBytes) // nothing of it matters
		}
		_ = conn.Close() // it was not used
		s.mu.Lock()
		s.refusing--
		s.mu.Unlock()
	}()
}

// register gives a connection an ID and a secret under which its statements
// can be canceled, or refuses it because there are too many sessions, or more
// than limit of its user; a negative limit is none.
func (s *Server) register(c *connection, secretLength, limit int) error {
	secret := make([]byte, secretLength)
	if _, err := rand.Read(secret); err != nil {
		return fmt.Errorf("make a cancel key: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= s.options.MaxConnections {
		return &fatalError{err: errTooManyClients}
	}
	if limit >= 0 && s.sessionsOf(c.user) >= limit {
		return fatalf(query.CodeTooManyConnections, "too many connections for role %q", c.user)
	}
	for {
		s.lastID = (s.lastID + 1) & 0x7fffffff
		if _, taken := s.sessions[s.lastID]; s.lastID != 0 && !taken {
			break
		}
	}
	c.processID, c.secret = s.lastID, secret
	s.sessions[c.processID] = c
	return nil
}

func (s *Server) unregister(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[c.processID] == c {
		delete(s.sessions, c.processID)
	}
}

// cancelStatement cancels what a session is running, if the secret is right.
// Whoever asks is told nothing either way.
func (s *Server) cancelStatement(processID uint32, secret []byte) {
	s.mu.Lock()
	c := s.sessions[processID]
	s.mu.Unlock()
	if c != nil && subtle.ConstantTimeCompare(c.secret, secret) == 1 {
		c.interrupt(errCanceledByUser)
	}
}

func (s *Server) addListener(listener net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.listeners[listener] = struct{}{}
	}
	return !s.closed
}

func (s *Server) removeListener(listener net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, listener)
	_ = listener.Close() // often the second time
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Server) stopAccepting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for listener := range s.listeners {
		_ = listener.Close() // Accept reports it
	}
}

// forEach calls f for every connection.
func (s *Server) forEach(f func(*connection)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.connections {
		f(c)
	}
}
