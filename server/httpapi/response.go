package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/query"
)

const (
	// heldBytes of a result are collected before its header leaves, so that
	// an error in a result of common size still gets its own status.
	heldBytes = 256 << 10
	// chunkBytes are collected between two flushes after that.
	chunkBytes = 64 << 10
)

// errClientGone is returned when bytes can't be delivered any more.
var errClientGone = errors.New("client gone")

// format writes a result in one media type. It serves one result.
type format interface {
	contentType() string
	// live formats deliver each batch when it comes; others fill chunks.
	live() bool
	// begin appends what stands before the rows; first is nil without rows.
	begin(dst []byte, result *query.Result, first arrow.RecordBatch) ([]byte, error)
	// bind turns to batch b and returns how many rows are to be appended by
	// row; a format that writes batches whole appends b here and returns 0.
	bind(dst []byte, b arrow.RecordBatch) ([]byte, int, error)
	row(dst []byte, i int) []byte
	// end appends what stands behind the rows, e included if it is not nil.
	// It returns false when the format can't express e.
	end(dst []byte, e *query.Error) ([]byte, bool)
}

// response streams one result to a client.
type response struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	format  format
	timeout time.Duration // of one flush
	buf     []byte
	sent    bool         // the header has left
	live    bool         // it has no end of its own
	rows    int64        // written so far
	rest    func()       // called when the answer begins to wait for its client
	goOn    func() error // called when it has ended, and there is more to send
}

func newResponse(w http.ResponseWriter, rc *http.ResponseController, timeout time.Duration, f format) *response {
	return &response{w: w, rc: rc, format: f, timeout: timeout, rest: func() {}, goOn: func() error { return nil }}
}

// started reports whether the client has received anything.
func (o *response) started() bool { return o.sent }

func (o *response) begin(result *query.Result, first arrow.RecordBatch) error {
	h := o.w.Header()
	h.Set("Content-Type", o.format.contentType())
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Millstream-Epoch", strconv.FormatUint(result.Epoch, 10))
	var err error
	o.buf, err = o.format.begin(o.buf, result, first)
	return err
}

func (o *response) batch(b arrow.RecordBatch) error {
	buf, rows, err := o.format.bind(o.buf, b)
	o.buf = buf
	if err != nil {
		return err
	}
	o.rows += b.NumRows()
	for i := range rows {
		o.buf = o.format.row(o.buf, i)
		if len(o.buf) >= chunkBytes && (o.sent || len(o.buf) >= heldBytes) {
			if err := o.flush(); err != nil {
				return err
			}
		}
	}
	if o.format.live() {
		return o.flush()
	}
	return nil
}

// end completes the answer, with an error behind the rows if e is not nil.
func (o *response) end(e *query.Error) error {
	buf, ok := o.format.end(o.buf, e)
	o.buf = buf
	if !ok {
		return errClientGone
	}
	return o.deliver()
}

// flush sends what is collected, before there is more.
func (o *response) flush() error {
	if err := o.deliver(); err != nil {
		return err
	}
	return o.goOn()
}

// deliver waits until the client has taken what is collected, as far as buffers between
// here and there don't.
func (o *response) deliver() error {
	o.sent = true
	o.rest()
	// Recorders and some middleware have no deadlines; net/http's writers do.
	_ = o.rc.SetWriteDeadline(time.Now().Add(o.timeout))
	if _, err := o.w.Write(o.buf); err != nil {
		return errors.Join(errClientGone, err)
	}
	o.buf = o.buf[:0]
	if err := o.rc.Flush(); err != nil {
		return errors.Join(errClientGone, err)
	}
	_ = o.rc.SetWriteDeadline(time.Time{})
	return nil
}
