package epoch

import (
	"testing"
	"time"
)

// TestPace expects what rows took, the last ones most.
func TestPace(t *testing.T) {
	var p Pace
	if got := p.Expect(1000); got != 0 {
		t.Errorf("%v are expected before anything was seen", got)
	}
	for range 50 {
		p.Observe(1000, time.Millisecond)
		p.Observe(1, 2*time.Microsecond)
	}
	if got := p.Expect(10_000); got < 9*time.Millisecond || got > 11*time.Millisecond {
		t.Errorf("%v are expected of 10,000 rows of 1 µs", got)
	}
	for range 50 {
		p.Observe(1000, 10*time.Millisecond)
	}
	if got := p.Expect(1000); got < 9*time.Millisecond || got > 11*time.Millisecond {
		t.Errorf("%v are expected of 1,000 rows, which have come to take 10 ms", got)
	}
}
