package httpapi

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/millstream-db/millstream/query"
)

// ingestTimeout is how long a client may take to send rows.
const ingestTimeout = time.Minute

// firstBytes is how much of a body is made room for before any of it comes: who says that
// he sends a lot, and sends nothing, keeps that much from others.
const firstBytes = 16 << 10

// readBody reads a body of rows, unpacked. Its memory is the claim's.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request, claim *claim) ([]byte, *refusal) {
	limit := s.opts.IngestBodyMax
	tooLarge := refuse(http.StatusRequestEntityTooLarge, query.CodeProgramLimit, "the body is larger than %d bytes", limit).
		hint("Send it in pieces, each with an Idempotency-Key of its own; the setting ingest_body is the limit.")
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(ingestTimeout)) // a test's recorder has none
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	var in io.Reader = http.MaxBytesReader(w, r.Body, limit)
	size, whole := int64(firstBytes), limit+1
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		if r.ContentLength >= 0 {
			whole = r.ContentLength + 1 // and the read that finds the end
		}
	case "gzip":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, unreadable(err, tooLarge)
		}
		in = z
	default:
		return nil, refuse(http.StatusUnsupportedMediaType, query.CodeFeatureNotSupported, "Content-Encoding %q is not supported", encoding).hint("Send gzip, or the body as it is.")
	}
	var body []byte
	for {
		if len(body) == cap(body) {
			room := min(max(size, 2*int64(cap(body))), whole)
			if !claim.take(room - int64(cap(body))) {
				return nil, refuse(http.StatusTooManyRequests, query.CodeInsufficientResources, "the bodies of the requests at work take more than %d bytes", s.opts.IngestBytesMax)
			}
			body = append(make([]byte, 0, room), body...)
		}
		n, err := in.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, tooLarge
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return nil, unreadable(err, tooLarge)
		}
	}
}

// unreadable is the answer to a body that can't be read.
func unreadable(err error, tooLarge *refusal) *refusal {
	var most *http.MaxBytesError
	if errors.As(err, &most) {
		return tooLarge
	}
	return refuse(http.StatusBadRequest, query.CodeProtocolViolation, "read the body: %v", err)
}

// load bounds the requests that bring rows: the bytes of all bodies, also those that are still
// coming, and how many are at work once theirs has come. Clients that send
// slowly do not count as such. It is safe for concurrent use.
type load struct {
	requestsMax int
	bytesMax    int64

	mu sync.Mutex
	// mu protects the fields below.
	requests int
	bytes    int64
}

// claim is one request's part of the load. The caller must end it.
type claim struct {
	load  *load
	begun bool
	bytes int64
}

// begin counts the request as one at work; false: there are too many.
func (c *claim) begin() bool {
	c.load.mu.Lock()
	defer c.load.mu.Unlock()
	if c.load.requests == c.load.requestsMax {
		return false
	}
	c.load.requests++
	c.begun = true
	return true
}

// take claims bytes; false: there are not so many.
func (c *claim) take(n int64) bool {
	c.load.mu.Lock()
	defer c.load.mu.Unlock()
	if c.load.bytes+n > c.load.bytesMax {
		return false
	}
	c.load.bytes += n
	c.bytes += n
	return true
}

func (c *claim) end() {
	c.load.mu.Lock()
	defer c.load.mu.Unlock()
	if c.begun {
		c.load.requests--
	}
	c.load.bytes -= c.bytes
}
