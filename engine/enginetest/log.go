package enginetest

import (
	"math/rand/v2"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// Log is records in the order of their arrival, which can be cut into batches
// in many ways. It begins with a record of every partition, which come together:
// a partition counts for the watermark from the batch on in which it first
// appears.
type Log struct {
	source     *Source
	partitions int
	records    []placed
}

// placed is a record in a partition.
type placed struct {
	*Record
	partition int32
	first     int64 // the offset that is expected
}

// NewLog takes n records off the beginning of a stream.
func NewLog(r *rand.Rand, t *Stream, n int) *Log {
	l := &Log{source: t.source, partitions: t.source.Partitions}
	at := make(Cursor, l.partitions)
	add := func(partition int) {
		l.add(int32(partition), t.record(partition, at[partition]))
		at[partition]++
	}
	for p := range l.partitions {
		add(p)
	}
	for len(l.records) < n {
		p := r.IntN(l.partitions)
		for range skewed(r, 5000) {
			add(p)
		}
	}
	l.records = l.records[:n]
	return l
}

func (l *Log) add(partition int32, rec *Record) {
	first := int64(0)
	for i := len(l.records) - 1; i >= 0; i-- {
		if l.records[i].partition == partition {
			first = l.records[i].Offset + 1
			break
		}
	}
	l.records = append(l.records, placed{rec, partition, first})
}

// Records returns the length of the log.
func (l *Log) Records() int { return len(l.records) }

// Delivery returns up to so many records from a place on, no partition's in two
// runs, and the place that follows.
func (l *Log) Delivery(from, limit int, arrival time.Time) (*Delivery, int) {
	if from == 0 {
		limit = max(limit, l.partitions)
	}
	d := &Delivery{Arrival: arrival}
	seen := make(map[int32]bool)
	for ; from < len(l.records) && limit > 0; limit-- {
		p := l.records[from]
		last := len(d.Ranges) - 1
		if last < 0 || d.Ranges[last].Partition != p.partition {
			if seen[p.partition] {
				break
			}
			seen[p.partition] = true
			d.Ranges = append(d.Ranges, batch.OffsetRange{Partition: p.partition, First: p.first, End: -1, Epoch: -1})
			last++
		}
		d.Ranges[last].Rows++
		d.Ranges[last].Next = p.Offset + 1
		d.Records = append(d.Records, p.Record)
		from++
	}
	return d, from
}

// Find returns the place that the partitions' next offsets stand for, -1 if none.
func (l *Log) Find(offsets map[int32]int64) int {
	at := 0
	for at < len(l.records) && l.records[at].Offset < offsets[l.records[at].partition] {
		at++
	}
	for _, p := range l.records[at:] {
		if p.Offset < offsets[p.partition] {
			return -1
		}
	}
	return at
}

// Spread returns the records in the same order over other partitions.
func (l *Log) Spread(r *rand.Rand, partitions int) *Log {
	out := &Log{source: l.source, partitions: partitions}
	next := make([]int64, partitions)
	p, run := 0, 0
	for i, rec := range l.records {
		if run--; i < partitions {
			p = i
		} else if run <= 0 {
			p, run = r.IntN(partitions), skewed(r, 1000)
		}
		moved := *rec.Record
		moved.Offset = next[p]
		next[p]++
		out.records = append(out.records, placed{&moved, int32(p), moved.Offset})
	}
	return out
}

// Shuffle returns the records of one partition with the order changed within
// blocks of the given length.
func (l *Log) Shuffle(r *rand.Rand, block int) *Log {
	out := &Log{source: l.source, partitions: 1}
	for from := 0; from < len(l.records); from += block {
		part := l.records[from:min(from+block, len(l.records))]
		for _, i := range r.Perm(len(part)) {
			moved := *part[i].Record
			moved.Offset = int64(len(out.records))
			out.records = append(out.records, placed{&moved, 0, moved.Offset})
		}
	}
	return out
}

// ShuffleBlock is how far Shuffle may move records of a calm source without
// making one of them late.
const ShuffleBlock = 40

// Number adds a column that is different for each record, by which records can
// be ordered whatever their partitions and offsets are.
func (s *Source) Number() {
	s.number = "n"
	s.Columns = append(s.Columns, Column{Name: s.number, Type: batch.Type{Kind: batch.BigInt}})
}

// Calm makes event times such that no record is late, in whichever order the
// records of a block come.
func (s *Source) Calm() {
	s.calm, s.Infinite, s.Partitions = true, false, 1
	s.DelayMicros = (2*ShuffleBlock + 4) * s.StepMicros
}

// Waits reports whether what the view shows depends on how far the watermark
// has come.
func (v *View) Waits() bool {
	return v.window.final || v.ttl > 0 || v.of != nil && (!v.of.AppendOnly() || v.of.Waits())
}
