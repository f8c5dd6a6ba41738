package pgwire

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
)

const (
	minStartupBytes = 8 // a length and a code
	maxStartupBytes = 10_000

	cancelRequestCode = 80877102
	sslRequestCode    = 80877103
	gssEncRequestCode = 80877104

	protocolMajor       = 3
	newestMinor         = 2
	minorWithLongSecret = 2 // from this minor version on, secrets may be longer than 4 bytes

	secretBytes     = 4
	longSecretBytes = 32
	maxSecretBytes  = 256
)

// startupPacket is the first packet of a connection, or of what follows the
// answer to a request for encryption.
type startupPacket struct {
	code uint32 // one of the request codes, or the protocol version

	// Of a cancel request:
	processID uint32
	secret    []byte

	// Of a startup message:
	minor        uint32
	parameters   map[string]string
	unrecognized []string // protocol options, which start with _pq_.
}

// parseStartup reads a startup packet without its length.
func parseStartup(packet []byte) (startupPacket, error) {
	if len(packet) < minStartupBytes-4 {
		return startupPacket{}, protocolViolation("invalid length of startup packet")
	}
	p := startupPacket{code: binary.BigEndian.Uint32(packet)}
	rest := packet[4:]
	switch p.code {
	case sslRequestCode, gssEncRequestCode:
		return p, nil
	case cancelRequestCode:
		if len(rest) < 4+secretBytes || len(rest) > 4+maxSecretBytes {
			return p, protocolViolation("invalid length of cancel request")
		}
		p.processID, p.secret = binary.BigEndian.Uint32(rest), bytes.Clone(rest[4:])
		return p, nil
	}
	if major := p.code >> 16; major != protocolMajor {
		return p, fatalf(query.CodeFeatureNotSupported, "unsupported frontend protocol %d.%d: server supports 3.0 to 3.%d",
			major, p.code&0xffff, newestMinor)
	}
	p.minor = p.code & 0xffff
	p.parameters = make(map[string]string)
	for {
		name, after, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return p, protocolViolation("invalid startup packet layout: expected terminator as last byte")
		}
		if len(name) == 0 {
			if len(after) > 0 {
				return p, protocolViolation("invalid startup packet layout: expected terminator as last byte")
			}
			return p, nil
		}
		value, after, ok := bytes.Cut(after, []byte{0})
		if !ok {
			return p, protocolViolation("invalid startup packet layout: expected terminator as last byte")
		}
		if bytes.HasPrefix(name, []byte("_pq_.")) {
			p.unrecognized = append(p.unrecognized, string(name))
		} else {
			p.parameters[string(name)] = string(value)
		}
		rest = after
	}
}

// sessionOptions turns the parameters of a startup message into those of a
// session.
func (p startupPacket) sessionOptions(remote string) (query.SessionOptions, error) {
	o := query.SessionOptions{Remote: remote, Settings: make(map[string]string), PostgresNames: true}
	for name, value := range p.parameters {
		if checkText(name) != nil || checkText(value) != nil {
			return o, fatalf(codeInvalidEncoding, `invalid byte sequence for encoding "UTF8" in the startup packet`)
		}
		switch name {
		case "user":
			o.User = value
		case "database":
			o.Database = value
		case "options", "replication":
		default:
			o.Settings[strings.ToLower(name)] = value
		}
	}
	if o.User == "" {
		return o, fatalf(query.CodeInvalidAuthorization, "no PostgreSQL user name specified in startup packet")
	}
	if o.Database == "" {
		o.Database = o.User
	}
	switch strings.ToLower(p.parameters["replication"]) {
	case "", "false", "off", "no", "0":
	default:
		return o, fatalf(query.CodeFeatureNotSupported, "replication connections are not supported")
	}
	if err := parseOptions(p.parameters["options"], o.Settings); err != nil {
		return o, err
	}
	o.Application = o.Settings["application_name"]
	delete(o.Settings, "application_name")
	return o, nil
}

// parseOptions reads the command line options of a backend, of which only
// settings make sense: -c name=value, -cname=value and --name=value. A
// backslash takes away the meaning of the space or backslash after it.
func parseOptions(text string, settings map[string]string) error {
	words := splitOptions(text)
	for i := 0; i < len(words); i++ {
		word, setting := words[i], ""
		switch {
		case word == "-c" && i+1 < len(words):
			i++
			setting = words[i]
		case strings.HasPrefix(word, "-c"):
			setting = word[2:]
		case strings.HasPrefix(word, "--"):
			setting = word[2:]
		}
		name, value, ok := strings.Cut(setting, "=")
		if !ok || name == "" {
			return fatalf(query.CodeSyntaxError, "invalid command-line argument for server process: %s", word)
		}
		settings[strings.ReplaceAll(strings.ToLower(name), "-", "_")] = value
	}
	return nil
}

func splitOptions(text string) []string {
	var words []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
			inWord = true
		case c == ' ' || c >= '\t' && c <= '\r':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

// startUp talks to the client until it asks for a session, and returns that
// request. It deals with cancel requests itself and returns errClosed for them.
func (c *connection) startUp(ctx context.Context) (startupPacket, error) {
	ctx, cancel := context.WithTimeout(ctx, c.server.options.StartupTimeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	c.setReadDeadline(deadline)
	if err := c.acceptDirectTLS(ctx); err != nil {
		return startupPacket{}, err
	}
	askedTLS, askedGSS := c.encrypted != nil, false
	for {
		packet, err := c.readStartup()
		if err != nil {
			return packet, err
		}
		switch packet.code {
		case sslRequestCode:
			if askedTLS {
				return packet, protocolViolation("duplicate SSL request")
			}
			askedTLS = true
			if err := c.answerTLS(ctx); err != nil {
				return packet, err
			}
		case gssEncRequestCode:
			if askedGSS {
				return packet, protocolViolation("duplicate GSS encryption request")
			}
			askedGSS = true
			c.out.buf = append(c.out.buf, 'N')
			c.out.flush()
		case cancelRequestCode:
			c.server.cancelStatement(packet.processID, packet.secret)
			return packet, errClosed
		default:
			c.resetReadDeadline()
			return packet, nil
		}
	}
}

func (c *connection) readStartup() (startupPacket, error) {
	var header [4]byte
	if _, err := io.ReadFull(c.in.buf, header[:]); err != nil {
		return startupPacket{}, fmt.Errorf("read startup packet: %w", err)
	}
	length := binary.BigEndian.Uint32(header[:])
	if length < minStartupBytes || length > maxStartupBytes {
		return startupPacket{}, protocolViolation("invalid length of startup packet")
	}
	body, err := c.in.readBody(int(length) - 4)
	if err != nil {
		return startupPacket{}, err
	}
	return parseStartup(body)
}

// answerTLS answers an SSLRequest. Bytes that came with the request were sent
// before the encryption began; taking them for encrypted ones would let a third
// party slip in a statement.
func (c *connection) answerTLS(ctx context.Context) error {
	if c.server.options.TLSConfig == nil {
		c.out.buf = append(c.out.buf, 'N')
		c.out.flush()
		return c.out.err
	}
	if c.in.buf.Buffered() > 0 {
		return protocolViolation("received unencrypted data after SSL request")
	}
	c.out.buf = append(c.out.buf, 'S')
	if c.out.flush(); c.out.err != nil {
		return c.out.err
	}
	return c.encrypt(ctx, c.conn)
}

// openSession lets the client in, or not, and greets it.
func (c *connection) openSession(ctx context.Context, db Database, packet startupPacket) error {
	if packet.minor > newestMinor || len(packet.unrecognized) > 0 {
		c.out.send(&pgproto3.NegotiateProtocolVersion{
			NewestMinorProtocol: protocolMajor<<16 | min(packet.minor, newestMinor),
			UnrecognizedOptions: packet.unrecognized,
		})
	}
	o, err := packet.sessionOptions(c.remote())
	if err != nil {
		return err
	}
	limit, err := c.logIn(ctx, o.User)
	if err != nil {
		return err
	}
	c.user = o.User
	length := secretBytes
	if packet.minor >= minorWithLongSecret {
		length = longSecretBytes
	}
	if err := c.server.register(c, length, limit); err != nil {
		return err
	}
	o.Process = int32(c.processID)
	o.Interrupt = func(terminate bool) {
		if terminate {
			c.terminate()
		} else {
			c.interrupt(errCanceledByUser)
		}
	}
	o.Notify, o.Prepared = c.notify, c.listStatements
	c.session = db.NewSession(o)
	c.out.send(&pgproto3.AuthenticationOk{})
	c.reportSettings(true)
	c.out.send(&pgproto3.BackendKeyData{ProcessID: c.processID, SecretKey: c.secret})
	return c.ready()
}

func (c *connection) remote() string {
	if address := c.conn.RemoteAddr(); address != nil {
		return address.String()
	}
	return ""
}

// setReadDeadline sets the deadline for reads, unless the server is shutting
// down and has set one that is over.
func (c *connection) setReadDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.draining {
		_ = c.conn.SetReadDeadline(t) // the next read reports a lost connection
	}
}
