package enginetest

import (
	"math/rand/v2"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// ClockStart is where the fake clock of a run begins: after all event times
// but those that the watermark has to ignore.
var ClockStart = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// MaxFutureMicros is how far ahead of the clock an event time may be and still
// move the watermark.
const MaxFutureMicros = 10 * 60 * 1e6

// Cursor is how far each partition has been delivered, in records.
type Cursor []int

// Delivery is one batch: runs of consecutive records of some partitions.
type Delivery struct {
	Ranges  []batch.OffsetRange
	Records []*Record // by range
	Arrival time.Time
}

// Deliver takes the next batch of up to limit records from the stream and
// moves the cursor over it.
func (t *Stream) Deliver(r *rand.Rand, at Cursor, limit int, arrival time.Time) *Delivery {
	d := &Delivery{Arrival: arrival}
	rows := skewed(r, limit)
	order := r.Perm(t.source.Partitions)
	used := 1 + r.IntN(len(order))
	for i, partition := range order[:used] {
		n := rows / used
		if i == 0 {
			n = rows - n*(used-1)
		}
		if n == 0 {
			continue
		}
		first := int64(0)
		if at[partition] > 0 {
			first = t.record(partition, at[partition]-1).Offset + 1
		}
		for range n {
			d.Records = append(d.Records, t.record(partition, at[partition]))
			at[partition]++
		}
		last := d.Records[len(d.Records)-1].Offset
		d.Ranges = append(d.Ranges, batch.OffsetRange{
			Partition: int32(partition), First: first, Next: last + 1, Rows: n, End: -1, Epoch: -1, // no end: nothing is ever idle
		})
	}
	return d
}

// Batch returns the delivery as the engine takes it.
func (d *Delivery) Batch(s *Source, mem *batch.Allocator) *batch.Batch {
	var columns []batch.Column
	for _, c := range s.Decoded() {
		columns = append(columns, batch.Column{Name: c.Name, Type: c.Type})
	}
	b := batch.NewBuilder(mem, batch.NewSchema(columns).WithMetadata())
	row := 0
	for _, g := range d.Ranges {
		for _, rec := range d.Records[row : row+g.Rows] {
			for i, v := range rec.Values {
				appendTo(b.Column(i), v)
			}
			meta := len(rec.Values)
			b.Column(meta).AppendInt32(g.Partition)
			b.Column(meta + 1).AppendInt64(rec.Offset)
			b.Column(meta + 2).AppendInt64(d.Arrival.UnixMicro())
			if rec.Key == nil {
				b.Column(meta + 3).AppendNull()
			} else {
				b.Column(meta + 3).AppendBytes(rec.Key)
			}
		}
		row += g.Rows
	}
	bytes := b.Bytes()
	return &batch.Batch{Record: b.Finish(), Ranges: append([]batch.OffsetRange(nil), d.Ranges...), Arrival: d.Arrival, Bytes: bytes}
}
