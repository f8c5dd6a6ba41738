// Package watermark says how far a source's event time has come: the lower
// bound that future records are expected to respect. It is a pure function of
// the records, their order and the clock that the caller passes in.
package watermark

import (
	"math"
	"time"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// None is the watermark of a source that has shown no event time yet.
const None = int64(math.MinInt64)

// Options of a source's watermark.
type Options struct {
	// DelayMicros is how far the watermark stays behind the newest event time.
	DelayMicros int64
	// IdleTimeout: a partition that has been read to its end and was quiet for
	// so long does not hold the watermark back. When all are quiet, event time
	// is taken to pass at the clock's pace. 0 turns both off.
	IdleTimeout time.Duration
	// MaxFuture: an event time further ahead of the clock does not move the
	// watermark. 0 turns the clamp off.
	MaxFuture time.Duration
}

// Partition is what a tracker remembers of one partition.
type Partition struct {
	MaxMicros  int64     // the newest event time that counted, None before the first
	LastRecord time.Time // when the last record arrived
	CaughtUp   bool      // it was read to its end
}

// Tracker follows one source. It is not safe for concurrent use.
type Tracker struct {
	opts    Options
	parts   map[int32]*Partition
	current int64
}

// New returns a tracker without partitions.
func New(opts Options) *Tracker {
	return &Tracker{opts: opts, parts: make(map[int32]*Partition), current: None}
}

// SetOptions changes what the watermark follows from now on.
func (t *Tracker) SetOptions(opts Options) { t.opts = opts }

// Current returns the watermark. It never goes back.
func (t *Tracker) Current() int64 { return t.current }

// Partition returns what is known of a partition.
func (t *Tracker) Partition(id int32) (Partition, bool) {
	p, ok := t.parts[id]
	if !ok {
		return Partition{MaxMicros: None}, false
	}
	return *p, true
}

// Add makes a partition known, which holds the watermark back from now on
// until it shows an event time or falls idle.
func (t *Tracker) Add(id int32, now time.Time) {
	if _, ok := t.parts[id]; !ok {
		t.parts[id] = &Partition{MaxMicros: None, LastRecord: now}
	}
}

// Restore sets the state that a checkpoint recorded.
func (t *Tracker) Restore(current int64, maxMicros map[int32]int64, now time.Time) {
	t.current = current
	for id, m := range maxMicros {
		t.parts[id] = &Partition{MaxMicros: m, LastRecord: now}
	}
}

// Observe moves the watermark over a batch's rows, in their order. out[i], for
// each row, becomes the watermark in force before that row: a record is late
// where its window had ended by then.
func (t *Tracker) Observe(ranges []batch.OffsetRange, times *batch.Vector, arrival time.Time, out []int64) {
	limit := int64(math.MaxInt64)
	if t.opts.MaxFuture > 0 {
		limit = arrival.Add(t.opts.MaxFuture).UnixMicro()
	}
	for _, r := range ranges { // every partition counts from the batch's first row on
		t.Add(r.Partition, arrival)
	}
	row := 0
	for _, r := range ranges {
		p := t.parts[r.Partition]
		p.CaughtUp = r.End >= 0 && r.Next >= r.End
		if r.Rows == 0 {
			continue
		}
		p.LastRecord = arrival
		row += t.observeRun(p, times, row, r.Rows, limit, arrival, out)
	}
}

// observeRun is the loop over one partition's rows.
func (t *Tracker) observeRun(p *Partition, times *batch.Vector, first, n int, limit int64, now time.Time, out []int64) int {
	others := t.minimum(p, now)
	newest, current := p.MaxMicros, t.current
	nulls := times.HasNulls()
	for i := first; i < first+n; i++ {
		out[i] = current
		if nulls && times.Null(i) {
			continue
		}
		if ts := *(*int64)(unsafe.Add(times.Values, 8*i)); ts > newest && ts <= limit && ts != batch.InfinityMicros && ts != batch.NegInfinityMicros {
			newest = ts
			current = max(current, t.behind(min(others, newest)))
		}
	}
	p.MaxMicros, t.current = newest, current
	return n
}

// behind returns the watermark that follows from a newest event time: the delay
// before it, but None where int64 ends.
func (t *Tracker) behind(newest int64) int64 {
	if newest < math.MinInt64+t.opts.DelayMicros {
		return None
	}
	return newest - t.opts.DelayMicros
}

// minimum returns the least newest event time over the active partitions but one.
func (t *Tracker) minimum(but *Partition, now time.Time) int64 {
	low := int64(math.MaxInt64)
	for _, p := range t.parts {
		if p != but && !t.idle(p, now) {
			low = min(low, p.MaxMicros)
		}
	}
	return low
}

func (t *Tracker) idle(p *Partition, now time.Time) bool {
	return t.opts.IdleTimeout > 0 && p.CaughtUp && now.Sub(p.LastRecord) >= t.opts.IdleTimeout
}

// SetCaughtUp notes whether a partition has been read to its end.
func (t *Tracker) SetCaughtUp(id int32, caughtUp bool) {
	if p, ok := t.parts[id]; ok {
		p.CaughtUp = caughtUp
	}
}

// Idle reports whether a partition is left out of the minimum now.
func (t *Tracker) Idle(id int32, now time.Time) bool {
	p, ok := t.parts[id]
	return ok && t.idle(p, now)
}

// Tick lets idle partitions go and event time pass on a quiet stream. It
// reports whether the watermark moved.
func (t *Tracker) Tick(now time.Time) bool {
	low := t.minimum(nil, now)
	if low == math.MaxInt64 {
		newest, last := None, time.Time{}
		for _, p := range t.parts {
			newest = max(newest, p.MaxMicros)
			if p.LastRecord.After(last) {
				last = p.LastRecord
			}
		}
		if newest == None {
			return false
		}
		low = newest + (now.Sub(last) - t.opts.IdleTimeout).Microseconds()
	}
	mark := t.behind(low)
	if mark <= t.current {
		return false
	}
	t.current = mark
	return true
}
