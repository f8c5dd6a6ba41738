package records

import (
	"bytes"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// rejectedBytesMax is how much of a rejected record is kept.
const rejectedBytesMax = 64 << 10

// checkRows is how often the decoded size is looked at, which costs a step per
// column.
const checkRows = 512

// Decode turns a record into one value of each column, or returns an error and
// leaves the builder as it was.
type Decode func(record []byte, b *batch.Builder) error

// Collector makes batches of records. It is not safe for concurrent use.
type Collector struct {
	builder  *batch.Builder
	count    int64 // records since the last Finish
	kept     int64 // bytes of rejected records
	rejected []batch.Rejected
}

// NewCollector returns a collector of rows with the columns of schema.
func NewCollector(mem *batch.Allocator, schema *batch.Schema) *Collector {
	return &Collector{builder: batch.NewBuilder(mem, schema)}
}

// Add has a record decoded, which it does not keep.
func (c *Collector) Add(record []byte, decode Decode) {
	if err := decode(record, c.builder); err != nil {
		c.Reject(record, err.Error())
		return
	}
	c.count++
}

// Append has something else append the next row, and reports whether it did. Else
// it must leave the builder as it was, and call Reject.
func (c *Collector) Append(row func(b *batch.Builder) bool) {
	if row(c.builder) {
		c.count++
	}
}

// Reject notes that the next record can't be decoded.
func (c *Collector) Reject(record []byte, why string) {
	record = bytes.TrimRight(record, "\r\n")
	x := batch.Rejected{
		Offset: c.count, Value: append([]byte{}, record[:min(len(record), rejectedBytesMax)]...),
		Truncated: len(record) > rejectedBytesMax, Error: why,
	}
	c.count++
	c.kept += int64(len(x.Value) + len(why) + 64)
	c.rejected = append(c.rejected, x)
}

// Records returns how many there are, rejected ones included.
func (c *Collector) Records() int { return int(c.count) }

// Bytes returns the memory in use.
func (c *Collector) Bytes() int64 { return c.builder.Bytes() + c.kept }

// Full reports whether there are so many records or bytes; it looks at the bytes
// now and then only.
func (c *Collector) Full(records int, bytes int64) bool {
	return c.count >= int64(records) || c.kept >= bytes || c.count > 0 && c.count%checkRows == 0 && c.Bytes() >= bytes
}

// Finish returns the records as a batch without metadata and ranges, and leaves the
// collector empty. Offsets of rejected records are their places in the batch.
func (c *Collector) Finish(now time.Time) *batch.Batch {
	b := &batch.Batch{Rejected: c.rejected, Arrival: now, Bytes: c.Bytes()}
	b.Record = c.builder.Finish()
	c.rejected, c.count, c.kept = nil, 0, 0
	return b
}

// Release frees what was not finished.
func (c *Collector) Release() { c.builder.Release() }
