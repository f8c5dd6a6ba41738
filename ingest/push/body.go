package push

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/arrowstream"
	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/ingest/records"
)

// The media types that are decoded.
const (
	JSON   = "application/json"
	NDJSON = "application/x-ndjson"
	CSV    = "text/csv"
	Arrow  = "application/vnd.apache.arrow.stream"
)

// BodyError says what is wrong with a body as a whole.
type BodyError struct {
	Format string
	Cause  error
}

func (e *BodyError) Error() string {
	return fmt.Sprintf("the body is not valid %s: %v", e.Format, e.Cause)
}

// Unwrap returns the cause.
func (e *BodyError) Unwrap() error { return e.Cause }

// arrowMemory is what an Arrow stream may take when it is unpacked, for each byte
// of its body, and at least.
const (
	arrowMemoryTimes = 16
	arrowMemoryLeast = 16 << 20
)

func (r *reader) decode(mediaType string, body []byte) (*batch.Batch, error) {
	c := records.NewCollector(r.spec.Alloc, r.spec.Schema)
	err := r.collect(c, mediaType, body)
	if err != nil {
		c.Release()
		return nil, err
	}
	b := c.Finish(time.Now())
	r.bytes.Add(int64(len(body)))
	r.records.Add(int64(b.Rows() + len(b.Rejected)))
	return b, nil
}

func (r *reader) collect(c *records.Collector, mediaType string, body []byte) error {
	switch mediaType {
	case NDJSON:
		d := r.json.Get().(*decode.JSON)
		defer r.json.Put(d)
		for line := range bytes.Lines(body) {
			if line = bytes.TrimSpace(line); len(line) > 0 {
				c.Add(line, d.Decode)
			}
		}
	case JSON:
		d := r.json.Get().(*decode.JSON)
		defer r.json.Put(d)
		if err := records.Elements(body, func(element []byte) { c.Add(element, d.Decode) }); err != nil {
			return &BodyError{"JSON", err}
		}
	case CSV:
		if err := r.collectCSV(c, body); err != nil {
			return &BodyError{"CSV", err}
		}
	case Arrow:
		most := max(arrowMemoryLeast, arrowMemoryTimes*int64(len(body)))
		if err := arrowstream.Read(body, r.spec.Schema, r.limits, most, c); err != nil {
			return &BodyError{"Arrow IPC", err}
		}
	default:
		return &BodyError{mediaType, errors.New("bodies of this type are not decoded")}
	}
	return nil
}

func (r *reader) collectCSV(c *records.Collector, body []byte) error {
	t, err := records.OpenCSV(bytes.NewReader(body), r.spec.Schema, r.csv, r.limits)
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty: the first line must name the columns")
	}
	if err != nil {
		return err
	}
	for {
		record, err := t.Lines().Next()
		var long *records.LongError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &long):
			c.Reject(record, err.Error())
		case err != nil:
			return err
		default:
			c.Add(record, t.Decode)
		}
	}
}
