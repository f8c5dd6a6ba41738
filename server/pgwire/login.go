package pgwire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
)

// Client is who asks for a session.
type Client struct {
	User        string
	Remote      net.Addr
	TLS         *tls.ConnectionState // nil: in the clear
	Certificate *x509.Certificate    // that the server has shown; nil without TLS
}

// Authenticator decides who may have a session. It must be safe for concurrent
// use. Its errors reach the client as they are; those without a SQLSTATE get
// 28000.
type Authenticator interface {
	// Begin refuses a client with an error, or says how it is to log in.
	Begin(ctx context.Context, c Client) (Login, error)
}

// Login is one client on its way in, a SASL exchange. It is for one goroutine.
type Login interface {
	// Mechanisms returns the names of the SASL mechanisms to choose from, the best
	// first; none: the client is in already.
	Mechanisms() []string
	// Step takes the client's next message, the first with the mechanism that it
	// has chosen, and returns the answer; done: with it the client is in. It may
	// take its time, up to the context's end.
	Step(ctx context.Context, mechanism string, message []byte) (reply []byte, done bool, err error)
	// ConnectionLimit returns how many sessions the user may have at once;
	// negative: any number.
	ConnectionLimit() int
}

const (
	// maxSASLBytes bounds a message of a client that is not in yet.
	maxSASLBytes = 64 << 10
	// alpn is the name of the protocol inside TLS.
	alpn = "postgresql"
	// tlsHandshake is the first byte of a client that begins with TLS.
	tlsHandshake = 0x16
)

// acceptDirectTLS begins TLS at once when the client does so, as it may since
// PostgreSQL 17 if it names the protocol.
func (c *connection) acceptDirectTLS(ctx context.Context) error {
	if c.server.options.TLSConfig == nil {
		return nil
	}
	first, err := c.in.buf.Peek(1)
	if err != nil {
		return fmt.Errorf("read startup packet: %w", err)
	}
	if first[0] != tlsHandshake {
		return nil
	}
	if err := c.encrypt(ctx, &bufferedConn{c.conn, c.in}); err != nil {
		return err
	}
	if c.encrypted.ConnectionState().NegotiatedProtocol != alpn {
		return fmt.Errorf("%w: TLS without the protocol's name", errClosed)
	}
	return nil
}

// bufferedConn is a connection some bytes of which have been read already.
type bufferedConn struct {
	net.Conn
	in *reader
}

func (b *bufferedConn) Read(p []byte) (int, error) { return b.in.buf.Read(p) }

// encrypt does the handshake on conn and goes on inside of it.
func (c *connection) encrypt(ctx context.Context, conn net.Conn) error {
	config := c.server.options.TLSConfig().Clone()
	config.NextProtos = []string{alpn}
	encrypted := tls.Server(conn, config)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS handshake: %w", err)
	}
	if own := config.Certificates; len(own) > 0 {
		if c.certificate = own[0].Leaf; c.certificate == nil {
			c.certificate, _ = x509.ParseCertificate(own[0].Certificate[0]) // it has just been used
		}
	}
	c.mu.Lock()
	c.conn = encrypted
	c.mu.Unlock()
	c.encrypted = encrypted
	c.in, c.out.conn = newReader(encrypted), encrypted
	return nil
}

// logIn lets the user in, or not, and returns how many sessions it may have.
func (c *connection) logIn(ctx context.Context, user string) (limit int, err error) {
	authenticator := c.server.options.Authenticator
	if authenticator == nil {
		if address, ok := c.conn.RemoteAddr().(*net.TCPAddr); ok && !address.IP.IsLoopback() {
			return 0, fatalf(query.CodeInvalidAuthorization, "no authentication is configured, so only clients on the same machine may connect")
		}
		return -1, nil
	}
	client := Client{User: user, Remote: c.conn.RemoteAddr(), Certificate: c.certificate}
	if c.encrypted != nil {
		state := c.encrypted.ConnectionState()
		client.TLS = &state
	}
	ctx, cancel := context.WithTimeout(ctx, c.server.options.StartupTimeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	c.setReadDeadline(deadline)
	defer c.resetReadDeadline()
	login, err := authenticator.Begin(ctx, client)
	if err != nil {
		return 0, refusal(err)
	}
	if mechanisms := login.Mechanisms(); len(mechanisms) > 0 {
		if err := c.exchange(ctx, login, mechanisms); err != nil {
			return 0, err
		}
	}
	return login.ConnectionLimit(), nil
}

// exchange passes SASL messages on until the client is in.
func (c *connection) exchange(ctx context.Context, login Login, mechanisms []string) error {
	c.out.send(&pgproto3.AuthenticationSASL{AuthMechanisms: mechanisms})
	c.in.limit = maxSASLBytes
	defer func() { c.in.limit = 0 }()
	mechanism := ""
	for {
		if c.out.flush(); c.out.err != nil {
			return errClosed
		}
		message, err := c.readSASL(&mechanism)
		if err != nil {
			return err
		}
		reply, done, err := login.Step(ctx, mechanism, message)
		switch {
		case ctx.Err() != nil:
			return errClosed
		case err != nil:
			return refusal(err)
		case done:
			c.out.send(&pgproto3.AuthenticationSASLFinal{Data: reply})
			return nil
		}
		c.out.send(&pgproto3.AuthenticationSASLContinue{Data: reply})
	}
}

// readSASL reads a client's message. The first one says its mechanism too.
func (c *connection) readSASL(mechanism *string) ([]byte, error) {
	kind, body, err := c.in.next()
	if err != nil {
		return nil, c.readError(err)
	}
	if kind != 'p' {
		return nil, protocolViolation("expected SASL response, got message type %d", kind)
	}
	if *mechanism != "" {
		return slices.Clone(body), nil
	}
	var first pgproto3.SASLInitialResponse
	if err := first.Decode(body); err != nil || first.AuthMechanism == "" {
		return nil, protocolViolation("malformed SASL message")
	}
	*mechanism = first.AuthMechanism
	return slices.Clone(first.Data), nil
}

// refusal is an error of the Authenticator as the client is told it.
func refusal(err error) error {
	e := *query.AsError(err)
	if e.Code == query.CodeInternal {
		e.Code = query.CodeInvalidAuthorization
	}
	return &fatalError{err: &e}
}

// sessionsOf counts a user's sessions. It is called under Server.mu.
func (s *Server) sessionsOf(user string) int {
	n := 0
	for _, c := range s.sessions {
		if c.user == user {
			n++
		}
	}
	return n
}
