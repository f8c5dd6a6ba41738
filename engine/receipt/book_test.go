package receipt

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func fill(b *Book, from, n int, at time.Time) {
	for i := from; i < from+n; i++ {
		b.Add(Receipt{Request: Request{Key: fmt.Sprint(i), Digest: "d"}, Accepted: int64(i), At: at})
	}
}

func known(t *testing.T, b *Book, key int, now time.Time) bool {
	t.Helper()
	r, ok, err := b.Find(Request{Key: fmt.Sprint(key), Digest: "d"}, now)
	if err != nil || ok && (r.Accepted != int64(key) || !r.Repeated) {
		t.Errorf("key %d: %+v, %v", key, r, err)
	}
	return ok
}

func TestOldReceiptsAreForgotten(t *testing.T) {
	var b Book
	fill(&b, 0, 10, start)
	later := start.Add(Oldest + time.Second)
	if !known(t, &b, 3, later) {
		t.Error("a receipt was forgotten before it was saved")
	}
	s := b.Save(start)
	if len(s.Receipts) != 10 || s.Delete != 0 {
		t.Fatalf("to save: %d, to delete: below %d", len(s.Receipts), s.Delete)
	}
	s.Done()
	if !known(t, &b, 3, start.Add(Oldest)) || known(t, &b, 3, later) {
		t.Error("a day counts otherwise")
	}
	if len(b.Save(later).Receipts) != 0 {
		t.Error("saved twice")
	}
}

func TestReceiptsAreBounded(t *testing.T) {
	var b Book
	fill(&b, 0, Most+2*forgetStep, start)
	b.Save(start).Done()
	if known(t, &b, 2*forgetStep-1, start) || !known(t, &b, 2*forgetStep, start) {
		t.Error("not the last ones are kept")
	}
	s := b.Save(start)
	if s.Delete != 2*forgetStep {
		t.Errorf("to delete: below %d", s.Delete)
	}
	if again := b.Save(start); again.Delete != s.Delete {
		t.Error("what was not committed is not tried again")
	}
	s.Done()
	if b.Save(start).Delete != 0 {
		t.Error("deleted twice")
	}
}

func TestFailedCheckpointSavesAgain(t *testing.T) {
	var b Book
	fill(&b, 0, 2, start)
	b.Save(start) // and no Done
	fill(&b, 2, 1, start)
	if s := b.Save(start); len(s.Receipts) != 3 {
		t.Errorf("%d receipts to save, want 3", len(s.Receipts))
	}
}

func TestRestoredReceiptsGoOn(t *testing.T) {
	var b Book
	b.Restore(Receipt{Request: Request{"7", "d"}, Number: 70, Accepted: 7, At: start})
	fill(&b, 8, 1, start)
	s := b.Save(start)
	if len(s.Receipts) != 1 || s.Receipts[0].Number != 71 || !known(t, &b, 7, start) {
		t.Errorf("to save: %+v", s.Receipts)
	}
	if _, _, err := b.Find(Request{"7", "other"}, start); !errors.Is(err, ErrReused) {
		t.Errorf("another digest: %v", err)
	}
	if b.Add(Receipt{Accepted: 1}); len(b.Save(start).Receipts) != 1 {
		t.Error("a request without a key was kept")
	}
}

// TestKeyOfTwoReceipts reads a key's old receipt, which was not deleted yet, and its new one.
func TestKeyOfTwoReceipts(t *testing.T) {
	var b Book
	later := start.Add(Oldest + time.Second)
	b.Restore(Receipt{Request: Request{"7", "d"}, Number: 1, Accepted: 1, At: start})
	b.Restore(Receipt{Request: Request{"7", "d"}, Number: 2, Accepted: 7, At: later})
	if !known(t, &b, 7, later) {
		t.Error("with the old receipt the new one was forgotten")
	}
}

// TestReceiptsTakeLittle bounds what a source's receipts take of Go's heap.
func TestReceiptsTakeLittle(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var b Book
	for i := range Most / 1000 {
		fill(&b, i*1000, 1000, start)
		b.Save(start).Done()
	}
	each := float64(heap()-before) / Most
	t.Logf("%.0f bytes a receipt", each)
	if each > 120 {
		t.Errorf("a receipt takes %.0f bytes, 120 are enough", each)
	}
	runtime.KeepAlive(&b)
}
