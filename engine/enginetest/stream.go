package enginetest

import (
	"math/rand/v2"

	"github.com/millstream-db/millstream/engine/batch"
)

// Record is one record of a partition.
type Record struct {
	Offset int64
	Key    []byte  // nil for none
	Values []Value // of the source's decoded columns
}

// Stream is a topic: partitions of records, made when they are first asked
// for, that can be read again from any offset.
type Stream struct {
	source     *Source
	rand       *rand.Rand
	now        int64 // event time
	skew       []int64
	count      int64
	partitions [][]Record
}

// NewStream returns the records of a source.
func NewStream(r *rand.Rand, s *Source) *Stream {
	t := &Stream{source: s, rand: r, skew: make([]int64, s.Partitions), partitions: make([][]Record, s.Partitions)}
	t.now = pick(r, -3600e6, int64(946684800000000), 1577836800000000, 1700000000123456)
	for i := range t.skew {
		t.skew[i] = pick(r, 0, 0, -s.StepMicros*int64(r.IntN(100)), s.StepMicros*int64(r.IntN(100)))
	}
	return t
}

// record returns record number i of a partition.
func (t *Stream) record(partition, i int) *Record {
	for len(t.partitions[partition]) <= i {
		t.extend(partition)
	}
	return &t.partitions[partition][i]
}

func (t *Stream) extend(partition int) {
	r, records := t.rand, t.partitions[partition]
	next := int64(0)
	if n := len(records); n > 0 {
		next = records[n-1].Offset + 1
	}
	if chance(r, 30) { // transaction markers, compaction
		next += int64(r.IntN(5))
	}
	rec := Record{Offset: next}
	if chance(r, 2) {
		rec.Key = []byte(pick(r, words...))
	}
	for i, c := range t.source.Columns {
		switch {
		case c.Generated != "":
		case c.Name == t.source.number:
			t.count++
			rec.Values = append(rec.Values, t.count)
		case i == t.source.EventTime:
			rec.Values = append(rec.Values, t.eventTime(partition))
		default:
			rec.Values = append(rec.Values, c.value(r))
		}
	}
	t.partitions[partition] = append(records, rec)
}

// eventTime moves event time on and returns the time of a partition's next
// record: a little out of order, sometimes much, sometimes not of this world.
func (t *Stream) eventTime(partition int) Value {
	r, s := t.rand, t.source
	t.now += r.Int64N(2*s.StepMicros + 1)
	if chance(r, s.eventTime().nulls) {
		return nil
	}
	if s.Infinite && chance(r, 50) {
		return pick(r, batch.InfinityMicros, batch.NegInfinityMicros)
	}
	ts := t.now + t.skew[partition]
	if s.Rounded {
		ts -= ts % s.StepMicros
	}
	if s.calm {
		return ts - t.behind(3)
	}
	switch r.IntN(400) {
	case 0:
		return yearOne + r.Int64N(1e6)
	case 1:
		return yearLast
	case 2:
		return year2099
	case 3:
		return ClockStart.UnixMicro() + MaxFutureMicros + 1e12
	case 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19:
		return ts - t.behind(400)
	}
	return ts - t.behind(3)
}

// behind is how far a record is out of order: up to so many steps.
func (t *Stream) behind(steps int64) int64 {
	if t.source.Rounded {
		return t.source.StepMicros * t.rand.Int64N(steps)
	}
	return t.rand.Int64N(t.source.StepMicros*steps + 1)
}

// Seek moves a cursor to the given next offsets.
func (t *Stream) Seek(at Cursor, offsets map[int32]int64) {
	for p := range at {
		at[p] = 0
		for next := offsets[int32(p)]; at[p] < len(t.partitions[p]) && t.partitions[p][at[p]].Offset < next; {
			at[p]++
		}
	}
}
