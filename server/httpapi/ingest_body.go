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

// firstBytes is how much of a body of unknown size is made room for at first.
const firstBytes = 64 << 10

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
	size := int64(firstBytes)
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		if r.ContentLength >= 0 {
			size = r.ContentLength + 1 // and the read that finds the end
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
			room := min(max(size, 2*int64(cap(body))), limit+1)
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

// load bounds the requests that bring rows. It is safe for concurrent use.
type load struct {
	requestsMax int
	bytesMax    int64

	mu sync.Mutex
	// mu protects the fields below.
	requests int
	bytes    int64
}

// claim is one request's part of the load.
type claim struct {
	load  *load
	bytes int64
}

// begin admits a request; false: there are too many. The caller must end the claim.
func (l *load) begin() (*claim, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.requests == l.requestsMax {
		return nil, false
	}
	l.requests++
	return &claim{load: l}, true
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
	c.load.requests--
	c.load.bytes -= c.bytes
}
