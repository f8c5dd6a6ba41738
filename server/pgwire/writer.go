package pgwire

import (
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

const (
	// flushBytes is how much is gathered before it is written.
	flushBytes = 64 << 10
	// keepBytes is the largest buffer that is kept for the next message.
	keepBytes = 1 << 20
)

// writer gathers the messages to a client in one buffer. After an error it
// throws away what it is given. It is not safe for concurrent use.
type writer struct {
	conn    net.Conn
	timeout time.Duration
	buf     []byte
	err     error // the first error; the connection is lost
}

// send appends a message. Errors show at the next flush.
func (w *writer) send(m pgproto3.BackendMessage) {
	buf, err := m.Encode(w.buf)
	if err != nil {
		w.fail(fmt.Errorf("encode message: %w", err))
		return
	}
	w.buf = buf
	w.flushFull()
}

// flushFull writes the buffer if it is large enough to be worth it.
func (w *writer) flushFull() {
	if len(w.buf) >= flushBytes {
		w.flush()
	}
}

// flush writes the buffer. A client that takes nothing for the writer's timeout
// is given up.
func (w *writer) flush() {
	if w.err == nil && len(w.buf) > 0 {
		if err := w.conn.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
			w.fail(err)
		} else if _, err := w.conn.Write(w.buf); err != nil {
			w.fail(err)
		}
	}
	if cap(w.buf) > keepBytes {
		w.buf = nil
	}
	w.buf = w.buf[:0]
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = fmt.Errorf("write to client: %w", err)
	}
}
