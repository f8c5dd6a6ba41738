package batch

import (
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// OffsetRange says which offsets of a partition a batch covers. Rows are
// ordered by range: the first range's Rows rows come first, then the second's.
type OffsetRange struct {
	Partition int32
	First     int64 // the offset that was expected next when the range began
	Next      int64 // the offset to continue from; control and rejected records count
	Rows      int   // rows of the batch that belong to this range; may be 0
	End       int64 // the partition's end offset as last seen, for lag; -1 unknown
	Epoch     int32 // the leader epoch of the last record, -1 unknown
	// Topic is what the partition holds from now on, kept with the offsets: the
	// TopicID of source.Position. "" leaves it as it was.
	Topic string
	// Lost is how many offsets were lost by the broker, which the range passes over or
	// which had been read before: they are counted with the range, once.
	Lost int64
	// StartsOver says that the log is another one from First on than the one that was
	// read before: First may be any offset then.
	StartsOver bool
}

// Rejected is a record that could not be decoded.
type Rejected struct {
	Partition       int32
	Offset          int64
	TimestampMicros int64
	Key, Value      []byte // raw; Value may be cut, see Truncated
	Truncated       bool
	Error           string
}

// Batch is one decoded slice of one or more partitions of one source. Its
// Record has the source's schema WithMetadata. A Batch has one owner, who must
// Release it; after that no column may be touched.
type Batch struct {
	Record   arrow.RecordBatch
	Ranges   []OffsetRange // each partition at most once
	Rejected []Rejected
	Arrival  time.Time // the wall clock when the batch was read
	Bytes    int64     // off-heap bytes of Record plus Rejected's
}

// Rows returns the number of decoded rows.
func (b *Batch) Rows() int {
	if b.Record == nil {
		return 0
	}
	return int(b.Record.NumRows())
}

// Release gives up the batch's memory.
func (b *Batch) Release() {
	if b.Record != nil {
		b.Record.Release()
		b.Record = nil
	}
}

// Validate reports a batch whose ranges and rows do not agree: a reader's bug,
// caught before it can cost or repeat a record.
func (b *Batch) Validate() error {
	rows := 0
	seen := make(map[int32]bool, len(b.Ranges))
	for _, r := range b.Ranges {
		if seen[r.Partition] {
			return fmt.Errorf("partition %d appears twice in one batch", r.Partition)
		}
		seen[r.Partition] = true
		if r.Next < r.First || r.Rows < 0 {
			return fmt.Errorf("partition %d: range [%d, %d) with %d rows", r.Partition, r.First, r.Next, r.Rows)
		}
		rows += r.Rows
	}
	if rows != b.Rows() {
		return fmt.Errorf("ranges cover %d rows, the record batch has %d", rows, b.Rows())
	}
	return nil
}
