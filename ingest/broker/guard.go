package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// maxFrameBytes is Kafka's own default for socket.request.max.bytes.
	maxFrameBytes = 100 << 20
	// minFrameBytes is a request header: key, version, correlation id and the
	// length of the client id.
	minFrameBytes = 10
	// frameHeadBytes are the size and the key, which decide about a frame.
	frameHeadBytes = 6
	// frameTimeout ends a connection that stops in the middle of a frame, whose
	// buffer would otherwise be held for ever.
	frameTimeout = 30 * time.Second
)

// errBadFrame is returned when a client sends what is no Kafka request.
var errBadFrame = errors.New("not a kafka request")

// guardedListener puts a guard in front of every connection, and tells the
// address that clients are to use.
type guardedListener struct {
	net.Listener
	advertise net.Addr
	logger    *slog.Logger
}

// Addr returns the advertised address, not the one that is listened on: it is
// what the broker's metadata sends clients to.
func (l *guardedListener) Addr() net.Addr { return l.advertise }

// Accept returns the next connection, guarded.
func (l *guardedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guardedConn{Conn: conn, logger: l.logger}, nil
}

// guardedConn reads a frame's size and key itself before it lets its reader
// see a byte of them. A bad frame ends this connection and nothing else.
type guardedConn struct {
	net.Conn
	logger *slog.Logger

	head    [frameHeadBytes]byte
	pending []byte // of head, still to be given to the reader
	body    int    // bytes of the frame behind the head, still to be read
	err     error  // what ended the connection
}

// Read returns bytes of checked frames only.
func (c *guardedConn) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if len(c.pending) == 0 && c.body == 0 {
		if c.err = c.readHead(); c.err != nil {
			_ = c.Close()
			return 0, c.err
		}
	}
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	if err := c.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p[:min(len(p), c.body)])
	c.body -= n
	return n, err
}

// readHead waits as long as it takes for the next frame to begin.
func (c *guardedConn) readHead() error {
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	for have := 0; have < len(c.head); {
		n, err := c.Conn.Read(c.head[have:])
		if have == 0 && n > 0 {
			if err := c.SetReadDeadline(time.Now().Add(frameTimeout)); err != nil {
				return err
			}
		}
		if have += n; err != nil && have < len(c.head) {
			return err
		}
	}
	size := binary.BigEndian.Uint32(c.head[:4])
	key := int16(binary.BigEndian.Uint16(c.head[4:]))
	if err := checkFrame(size, key); err != nil {
		c.logger.Warn("connection refused", "client", c.RemoteAddr().String(), "err", err)
		return err
	}
	c.pending = c.head[:]
	c.body = int(size) - (frameHeadBytes - 4)
	return nil
}

// checkFrame tells a Kafka request from anything else by its first bytes.
func checkFrame(size uint32, key int16) error {
	switch {
	case size < minFrameBytes || size > maxFrameBytes:
		return fmt.Errorf("frame of %d bytes: %w", size, errBadFrame)
	case kmsg.RequestForKey(key) == nil:
		return fmt.Errorf("request key %d: %w", key, errBadFrame)
	}
	return nil
}

// advertised is an address as the options spell it.
type advertised string

// Network returns tcp.
func (advertised) Network() string { return "tcp" }

// String returns host:port.
func (a advertised) String() string { return string(a) }
