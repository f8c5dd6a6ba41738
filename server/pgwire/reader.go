package pgwire

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	// maxMessageBytes bounds a message after the startup.
	maxMessageBytes = 16 << 20
	// readBytes is the size of the read buffer. While a statement runs, that
	// much of what a client pipelines is read ahead.
	readBytes = 16 << 10
	// firstBodyBytes is what is reserved for a message before its bytes come.
	firstBodyBytes = 64 << 10
)

// reader reads a client's messages. It is not safe for concurrent use.
type reader struct {
	buf   *bufio.Reader
	body  []byte // of the last message
	limit uint32 // of a message's length; 0: maxMessageBytes

	// One of each, decoded into again and again.
	bind     pgproto3.Bind
	close    pgproto3.Close
	describe pgproto3.Describe
	execute  pgproto3.Execute
	parse    pgproto3.Parse
	query    pgproto3.Query
}

func newReader(r io.Reader) *reader { return &reader{buf: bufio.NewReaderSize(r, readBytes)} }

// next reads a message's type and body. The body is valid until the next call.
// The length is checked as the unsigned number that it is before any memory is
// reserved for it.
func (r *reader) next() (byte, []byte, error) {
	var header [5]byte
	if _, err := io.ReadFull(r.buf, header[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(header[1:])
	if length < 4 || length > cmp.Or(r.limit, maxMessageBytes) {
		return 0, nil, protocolViolation("invalid message length %d of message type %q", length, header[0])
	}
	body, err := r.readBody(int(length) - 4)
	return header[0], body, err
}

// readBody reads n bytes. A large body is given room only as it arrives, so
// that a header alone costs nothing.
func (r *reader) readBody(n int) ([]byte, error) {
	if cap(r.body) > firstBodyBytes {
		r.body = nil
	}
	r.body = r.body[:0]
	for len(r.body) < n {
		more := min(n-len(r.body), max(firstBodyBytes, len(r.body)))
		from := len(r.body)
		if from+more > cap(r.body) {
			grown := make([]byte, from, from+more)
			copy(grown, r.body)
			r.body = grown
		}
		r.body = r.body[:from+more]
		if _, err := io.ReadFull(r.buf, r.body[from:]); err != nil {
			return nil, fmt.Errorf("read message: %w", err)
		}
	}
	return r.body, nil
}

// decode reads a body into m.
func decode(m pgproto3.FrontendMessage, body []byte) error {
	if err := m.Decode(body); err != nil {
		return errMalformed
	}
	return nil
}

// readAhead blocks until a byte comes that is not buffered yet. It returns the
// reason why there will be none: the connection's end, or bufio.ErrBufferFull.
func (r *reader) readAhead() error {
	for {
		if _, err := r.buf.Peek(r.buf.Buffered() + 1); err != nil {
			return err
		}
	}
}

// isHangup reports whether a read failed because the client went away, rather
// than because a deadline passed or the buffer is full.
func isHangup(err error) bool {
	var timeout interface{ Timeout() bool }
	return !errors.Is(err, bufio.ErrBufferFull) && !(errors.As(err, &timeout) && timeout.Timeout())
}
