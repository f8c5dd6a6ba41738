package budget

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestHeldBatchesWait has others hold too much memory: batches wait for them, but not for ever.
func TestHeldBatchesWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var held atomic.Bool
		held.Store(true)
		b := New(100)
		b.Hold = held.Load
		time.AfterFunc(305*time.Millisecond, func() { held.Store(false) })
		for _, c := range []struct{ want time.Duration }{{310 * time.Millisecond}, {0}} {
			began := time.Now()
			if err := b.Acquire(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != c.want {
				t.Errorf("a batch waited for %s, want %s", took, c.want)
			}
		}
		held.Store(true)
		began := time.Now()
		if err := b.Acquire(t.Context(), 10); err != nil || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Acquire(ctx, 10); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}
