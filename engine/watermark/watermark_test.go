package watermark

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/millstream-db/millstream/engine/batch"
)

var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// times makes an event time column; -1 is NULL.
func times(t *testing.T, values ...int64) *batch.Vector {
	t.Helper()
	typ := batch.Type{Kind: batch.Timestamp}
	b := batch.NewBuilder(batch.NewAllocator(), batch.NewSchema([]batch.Column{{Name: "ts", Type: typ}}))
	for _, v := range values {
		if v == -1 {
			b.Column(0).AppendNull()
		} else {
			b.Column(0).AppendInt64(v)
		}
	}
	rec := b.Finish()
	t.Cleanup(rec.Release)
	v := batch.VectorOf(rec.Column(0), typ)
	return &v
}

func rows(partition int32, n int, caughtUp bool) batch.OffsetRange {
	r := batch.OffsetRange{Partition: partition, Next: int64(n), Rows: n, End: 1 << 40}
	if caughtUp {
		r.End = r.Next
	}
	return r
}

func observe(tr *Tracker, at time.Time, v *batch.Vector, ranges ...batch.OffsetRange) []int64 {
	out := make([]int64, v.Len)
	tr.Observe(ranges, v, at, out)
	return out
}

func TestWatermarkIsTheSlowestPartitionLessTheDelay(t *testing.T) {
	tr := New(Options{DelayMicros: 5})
	got := observe(tr, start, times(t, 100, 90, -1, 120, 50, 110, 130), rows(0, 4, false), rows(1, 3, false))
	// Partition 1 is known from the first row on and holds everything back.
	want := []int64{None, None, None, None, None, 45, 105}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if tr.Current() != 115 {
		t.Errorf("watermark %d, want 115: partition 0's newest, less 5", tr.Current())
	}
}

func TestBatchBoundariesDoNotMatter(t *testing.T) {
	whole, pieces := New(Options{DelayMicros: 3}), New(Options{DelayMicros: 3})
	values := []int64{10, 30, 20, 50, 40, 70, 60}
	want := observe(whole, start, times(t, values...), rows(0, len(values), false))
	var got []int64
	for _, v := range values {
		got = append(got, observe(pieces, start, times(t, v), rows(0, 1, false))...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIdlePartitionLeavesTheMinimum(t *testing.T) {
	tr := New(Options{IdleTimeout: 10 * time.Second})
	observe(tr, start, times(t, 100, 40), rows(0, 1, false), rows(1, 1, true))
	if tr.Current() != 40 {
		t.Fatalf("watermark %d, want 40", tr.Current())
	}
	observe(tr, start.Add(9*time.Second), times(t, 200), rows(0, 1, false))
	if tr.Current() != 40 {
		t.Errorf("watermark %d moved before the idle timeout", tr.Current())
	}
	observe(tr, start.Add(11*time.Second), times(t, 300), rows(0, 1, false))
	if tr.Current() != 300 {
		t.Errorf("watermark %d, want 300: partition 1 is idle", tr.Current())
	}
}

func TestLaggingPartitionIsNotIdle(t *testing.T) {
	tr := New(Options{IdleTimeout: 10 * time.Second})
	observe(tr, start, times(t, 100, 40), rows(0, 1, false), rows(1, 1, false))
	tr.Tick(start.Add(time.Hour))
	if tr.Current() != 40 {
		t.Errorf("watermark %d, want 40: partition 1 has unread records", tr.Current())
	}
}

func TestQuietStreamLetsTimePass(t *testing.T) {
	tr := New(Options{DelayMicros: 1e6, IdleTimeout: 10 * time.Second})
	observe(tr, start, times(t, 50e6), rows(0, 1, true))
	if tr.Tick(start.Add(5 * time.Second)) {
		t.Error("moved before the idle timeout")
	}
	if !tr.Tick(start.Add(70*time.Second)) || tr.Current() != 109e6 {
		t.Errorf("watermark %d, want 50 s - 1 s + 60 s", tr.Current())
	}
}

func TestFutureRecordDoesNotPushTheWatermark(t *testing.T) {
	tr := New(Options{MaxFuture: 10 * time.Minute})
	now := start.UnixMicro()
	far := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	observe(tr, start, times(t, now, far, batch.InfinityMicros, now+1), rows(0, 4, false))
	if tr.Current() != now+1 {
		t.Errorf("watermark %d, want %d", tr.Current(), now+1)
	}
}

func TestInfiniteTimesDoNotMoveTheWatermark(t *testing.T) {
	tr := New(Options{DelayMicros: 5})
	got := observe(tr, start, times(t, batch.NegInfinityMicros, batch.InfinityMicros, 100, 110), rows(0, 4, false))
	if diff := cmp.Diff([]int64{None, None, None, 95}, got); diff != "" {
		t.Error(diff)
	}
}
