// Package ahead reads the beginning of a result before anybody asks for it: an error that comes so
// early has been seen by nobody, and what has failed by it can be done again.
package ahead

import (
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
)

const (
	// most is how many records are read ahead: so many that it is known of a small result that it is whole.
	most = 2
	// vectorRows are in a record of a large result, behind which there are mostly more: it is not worth
	// the memory to wait for them.
	vectorRows = 2048
)

// Records are the records of a result. They are not safe for concurrent use.
type Records struct {
	source func() (arrow.RecordBatch, error)
	read   []arrow.RecordBatch // ahead, retained
	end    error               // io.EOF, if that came behind them
	given  arrow.RecordBatch   // what Next has returned, of read
}

// New returns the records that source returns one by one, each valid until the next call, and io.EOF
// at the end. The caller must Close them before what they come from.
func New(source func() (arrow.RecordBatch, error)) *Records { return &Records{source: source} }

// Read reads the first records, if they have not been asked for. The error is the source's.
func (r *Records) Read() error {
	for more := true; more; {
		record, err := r.source()
		if errors.Is(err, io.EOF) {
			r.end = err
			return nil
		}
		if err != nil {
			return err
		}
		record.Retain()
		r.read = append(r.read, record)
		more = len(r.read) < most && record.NumRows() < vectorRows
	}
	return nil
}

// Next returns the next record, which is valid until the next call, or io.EOF.
func (r *Records) Next() (arrow.RecordBatch, error) {
	r.release()
	switch {
	case len(r.read) > 0:
		r.given, r.read = r.read[0], r.read[1:]
		return r.given, nil
	case r.end != nil:
		return nil, r.end
	}
	return r.source()
}

func (r *Records) release() {
	if r.given != nil {
		r.given.Release()
		r.given = nil
	}
}

// Close gives up what is held.
func (r *Records) Close() {
	r.release()
	for _, record := range r.read {
		record.Release()
	}
	r.read = nil
}
