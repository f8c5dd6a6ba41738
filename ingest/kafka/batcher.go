package kafka

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/decode"
)

const (
	// rejectedBytesMax is how much of a rejected record's value, and of its key,
	// is kept.
	rejectedBytesMax = 64 << 10
	// checkRows is how often the decoded size is looked at, which costs a step
	// per column.
	checkRows = 512
)

// batcher turns records into batches. A batch has one range per partition, and
// the rows of a range are together. It is not safe for concurrent use.
type batcher struct {
	maxRows    int
	maxBytes   int64
	decode     decoder
	builder    *batch.Builder
	meta       int  // the first metadata column
	keyed      bool // batch.DeletedColumn stands behind the metadata
	included   []included
	keyColumns []keyColumns // those of included that come from the key
	headers    []byte       // of a record, as JSON
	table      *csvTable    // nil: a record is a row

	partitions int // of the topic

	ranges   []batch.OffsetRange // the last one is open
	anchored bool                // keep ranges that cover nothing
	rows     int
	raw      int64 // bytes of keys and values
	kept     int64 // bytes of rejected records
	rejected []batch.Rejected
	now      func() time.Time
}

func newBatcher(opts Options, spec source.Spec, d decoder) *batcher {
	columns, parts := include(spec)
	schema, keyed := columns.WithMetadata(), len(spec.Key) > 0
	if keyed {
		schema = schema.WithDeleted()
	}
	return &batcher{
		maxRows: opts.MaxBatchRows, maxBytes: opts.MaxBatchBytes, decode: d,
		builder: batch.NewBuilder(spec.Alloc, schema), meta: len(columns.Columns), keyed: keyed, included: parts, now: time.Now,
	}
}

// open makes p's range the open one. It returns false when the batch has to be
// flushed first, because it holds an older range of the same partition.
func (t *batcher) open(p *partition, end int64) bool {
	for i := range t.ranges {
		if t.ranges[i].Partition != p.id {
			continue
		}
		t.ranges[i].End = max(t.ranges[i].End, end)
		return i == len(t.ranges)-1
	}
	t.ranges = append(t.ranges, batch.OffsetRange{
		Partition: p.id, First: p.next, Next: p.next, End: end, Epoch: p.epoch, Topic: p.topicID,
	})
	return true
}

// anchor adds a range without records: where a partition begins, or that it
// goes on at next without so many offsets, which were lost.
func (t *batcher) anchor(p *partition, next, lost int64) {
	g := t.rangeOf(p)
	if g.Next != next {
		g.Epoch = -1
	}
	g.Next = next
	g.Lost += lost
	t.anchored = true
}

// startOver adds a range without records: that the partition goes on at an offset
// of another log than the one that was read, of which so many offsets are lost.
func (t *batcher) startOver(p *partition, at, lost int64) {
	g := t.rangeOf(p)
	g.First, g.Next, g.Epoch, g.End, g.StartsOver = at, at, -1, -1, true
	g.Lost += lost
	t.anchored = true
}

// rangeOf returns a partition's range, the open one or another that has no records.
func (t *batcher) rangeOf(p *partition) *batch.OffsetRange {
	t.open(p, p.end)
	for i := range t.ranges {
		if t.ranges[i].Partition == p.id {
			return &t.ranges[i]
		}
	}
	panic("a range that was opened is not there")
}

// advance moves the open range's end.
func (t *batcher) advance(next int64, epoch int32) {
	g := &t.ranges[len(t.ranges)-1]
	g.Next, g.Epoch = next, epoch
}

// add decodes a record into the open range. Nothing of it is referred to
// afterwards.
func (t *batcher) add(r *kgo.Record) {
	t.raw += int64(len(r.Key) + len(r.Value))
	if t.table != nil {
		t.addTable(r)
		return
	}
	deleted, err := t.decode(r, t.builder)
	if errors.Is(err, decode.ErrTruncated) {
		deleted, err = true, t.truncate()
	}
	if err == nil {
		err = t.include(r, deleted)
	}
	if err != nil {
		t.reject(r, err.Error())
		return
	}
	t.complete(r, deleted)
}

// complete appends the metadata of a row whose other columns were appended.
func (t *batcher) complete(r *kgo.Record, deleted bool) {
	t.builder.Column(t.meta).AppendInt32(r.Partition)
	t.builder.Column(t.meta + 1).AppendInt64(r.Offset)
	if micros, ok := timestampMicros(r); ok {
		t.builder.Column(t.meta + 2).AppendInt64(micros)
	} else {
		t.builder.Column(t.meta + 2).AppendNull()
	}
	if r.Key != nil {
		t.builder.Column(t.meta + 3).AppendBytes(r.Key)
	} else {
		t.builder.Column(t.meta + 3).AppendNull()
	}
	if t.keyed {
		t.builder.Column(t.meta + 4).AppendBool(deleted)
	}
	t.rows++
	t.ranges[len(t.ranges)-1].Rows++
}

// truncate appends a row that deletes all that came before it. That is known where all
// records come in one order.
func (t *batcher) truncate() error {
	if t.partitions != 1 {
		return fmt.Errorf("%w, but its topic has %d partitions, between which no order is kept: which rows came before is not known, so none is deleted", decode.ErrTruncated, t.partitions)
	}
	for i := range t.meta - len(t.included) {
		t.builder.Column(i).AppendNull()
	}
	return nil
}

// timestampMicros returns the broker's timestamp. Old records have none, and a
// producer may have made one up that no SQL timestamp can hold.
func timestampMicros(r *kgo.Record) (int64, bool) {
	millis := r.Timestamp.UnixMilli()
	if r.Attrs.TimestampType() < 0 || millis == -1 || millis > math.MaxInt64/1000-1 || millis < math.MinInt64/1000+1 {
		return 0, false
	}
	return millis * 1000, true
}

// reject keeps a record that could not be decoded.
func (t *batcher) reject(r *kgo.Record, why string) {
	micros, _ := timestampMicros(r)
	rejected := batch.Rejected{
		Partition: r.Partition, Offset: r.Offset, TimestampMicros: micros,
		Key: cut(r.Key), Value: cut(r.Value),
		Truncated: len(r.Value) > rejectedBytesMax || len(r.Key) > rejectedBytesMax,
		Error:     why,
	}
	t.kept += int64(len(rejected.Key) + len(rejected.Value) + len(why) + 64)
	t.rejected = append(t.rejected, rejected)
}

// cut copies at most rejectedBytesMax bytes; nil stays nil.
func cut(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b[:min(len(b), rejectedBytesMax)]...)
}

// full reports whether the batch should be flushed.
func (t *batcher) full() bool {
	n := t.rows + len(t.rejected)
	if n >= t.maxRows || t.raw >= t.maxBytes || t.kept >= t.maxBytes {
		return true
	}
	return n > 0 && n%checkRows == 0 && t.builder.Bytes() >= t.maxBytes
}

// flush returns what there is as a batch, or nil when there is nothing.
func (t *batcher) flush() *batch.Batch {
	ranges := t.ranges[:0]
	for _, g := range t.ranges {
		if g.Next > g.First || t.anchored {
			ranges = append(ranges, g)
		}
	}
	if t.ranges = ranges; len(ranges) == 0 {
		return nil
	}
	b := &batch.Batch{
		Ranges: ranges, Rejected: t.rejected, Arrival: t.now(),
		Bytes: t.builder.Bytes() + t.kept,
	}
	b.Record = t.builder.Finish()
	t.ranges, t.rejected, t.rows, t.raw, t.kept, t.anchored = nil, nil, 0, 0, 0, false
	return b
}

// release frees what was never flushed.
func (t *batcher) release() { t.builder.Release() }
