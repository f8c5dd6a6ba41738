package pgwire

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

// memoryConn is a connection whose client has sent everything and takes all
// answers. Reads at the end of the data wait a moment for a deadline, as the
// server sets one to end its watch of a running statement.
type memoryConn struct {
	mu      sync.Mutex
	data    []byte
	expired bool
	closed  bool
	answer  []byte
}

func (c *memoryConn) Read(p []byte) (int, error) {
	for range 3 {
		c.mu.Lock()
		expired, n := c.expired, copy(p, c.data)
		if !expired {
			c.data = c.data[n:]
		}
		c.mu.Unlock()
		if expired {
			return 0, os.ErrDeadlineExceeded
		}
		if n > 0 {
			return n, nil
		}
		time.Sleep(50 * time.Microsecond)
	}
	return 0, io.EOF
}

func (c *memoryConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answer) < 1<<20 {
		c.answer = append(c.answer, p...)
	}
	return len(p), nil
}

func (c *memoryConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expired = !t.IsZero() && t.Before(time.Now())
	return nil
}

func (c *memoryConn) Close() error {
	c.closed = true
	return nil
}
func (c *memoryConn) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (c *memoryConn) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (c *memoryConn) SetDeadline(time.Time) error      { return nil }
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

// serveBytes serves one connection whose client sends data. It returns the
// answer, and fails when the session panicked or was not closed.
func serveBytes(t *testing.T, data []byte) []byte {
	t.Helper()
	db := &fakeDatabase{calm: true}
	s := New(db, Options{MaxStatements: 10, MaxPortals: 10, PortalBufferBytes: 1 << 16})
	conn := &memoryConn{data: data}
	ctx, cancel := context.WithCancelCause(context.Background())
	newConnection(s, conn, cancel).serve(ctx)
	if s.Panics() != 0 {
		t.Fatalf("the session panicked; answer %q", conn.answer)
	}
	if len(db.options) != int(db.closed.Load()) || db.open.Load() != 0 || !conn.closed || s.Sessions() != 0 {
		t.Fatalf("%d sessions opened, %d closed, %d results open", len(db.options), db.closed.Load(), db.open.Load())
	}
	return conn.answer
}

func FuzzStartup(f *testing.F) {
	f.Add(startupBytes(0, "user", "ann", "database", "main", "options", `-c a=b --c=d`))
	f.Add(startupBytes(9999, "user", "ann", "_pq_.x", "1"))
	f.Add([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f" + string(startupBytes(2, "user", "ann"))))
	f.Add([]byte("\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01abcd"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		defer batchtest.MustEnd()()
		serveBytes(t, data)
	})
}

// FuzzSession sends data after a startup. The answer must consist of whole
// messages.
func FuzzSession(f *testing.F) {
	for _, seed := range []string{
		`Query {"String":"rows 4; set a b; begin"}`,
		`Parse {"Query":"rows 7"}
		Describe {"ObjectType":"S"}
		Bind {"ResultFormatCodes":[1]}
		Describe {"ObjectType":"P"}
		Execute {"MaxRows":2}
		Execute {"MaxRows":2}
		Sync`,
		`Query {"String":"begin"}
		Parse {"Name":"s","Query":"rows 20","ParameterOIDs":[1700,1007]}
		Bind {"DestinationPortal":"a","PreparedStatement":"s","ParameterFormatCodes":[1,0],"Parameters":[{"binary":"0000000000000000"},{"text":"{1,NULL}"}]}
		Execute {"Portal":"a","MaxRows":2}
		Query {"String":"rows 1"}
		Execute {"Portal":"a"}
		Close {"ObjectType":"P","Name":"a"}
		Close {"ObjectType":"S","Name":"s"}
		Flush
		Sync
		Terminate`,
		`FunctionCall {}
		CopyData {}
		Sync`,
	} {
		f.Add(encodeMessages(f, seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		defer batchtest.MustEnd()()
		answer := serveBytes(t, append(startupBytes(0, "user", "ann"), data...))
		client := pgproto3.NewFrontend(&memoryConn{data: answer}, io.Discard)
		for len(answer) < 1<<20 {
			if _, err := client.Receive(); err == io.ErrUnexpectedEOF {
				return
			} else if err != nil {
				t.Fatalf("after %q the answer is broken: %v\n%q", data, err, answer)
			}
		}
	})
}

func FuzzParameter(f *testing.F) {
	for _, v := range values {
		f.Add(parseType(v.typ).oid, false, []byte(v.postgres))
	}
	for _, r := range []string{"{{1,2},{3,NULL}}", `[0:1]={"a\"b",c}`, "-1 years +2 days -04:05:06", "2020-01-01 00:00:00+05:30:15 BC", "1e-9"} {
		for oid := range parameterTypes {
			f.Add(oid, false, []byte(r))
			f.Add(oid, true, []byte(r))
		}
	}
	f.Fuzz(func(t *testing.T, oid uint32, binary bool, data []byte) {
		defer batchtest.MustEnd()()
		format := int16(textFormat)
		if binary {
			format = binaryFormat
		}
		_, _ = decodeParameter(1, oid, format, data)
	})
}

func FuzzType(f *testing.F) {
	for _, v := range values {
		f.Add(v.typ)
	}
	f.Add(`STRUCT(a INTEGER, "b ""c""" MAP(VARCHAR, DECIMAL(3,1)[])[])`)
	f.Fuzz(func(t *testing.T, name string) {
		defer batchtest.MustEnd()()
		if typ := parseType(name); typ == nil || typ.oid == 0 {
			t.Errorf("%q is %+v", name, typ)
		}
	})
}
