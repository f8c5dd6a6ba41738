// Package budget bounds the memory that rows take between a reader and history:
// the back-pressure.
package budget

import (
	"context"
	"sync"
	"time"
)

const (
	holdMost  = time.Second // that a batch waits because of Hold
	holdPause = 10 * time.Millisecond
)

// Budget is a number of bytes that can be held at once. It is safe for
// concurrent use.
type Budget struct {
	limit int64
	// Hold, when set, reports whether others have too much memory, who are about to give it back: then
	// a batch waits for up to a second. It must be set before the budget is used, and be quick.
	Hold func() bool

	mu sync.Mutex
	// mu protects the fields below.
	used  int64
	freed chan struct{} // closed and replaced when bytes are given back
}

// New returns a budget of so many bytes.
func New(limit int64) *Budget { return &Budget{limit: limit, freed: make(chan struct{})} }

// Acquire takes n bytes, waiting while others hold so many that n does not fit.
// One batch larger than the limit passes when it is alone.
func (b *Budget) Acquire(ctx context.Context, n int64) error {
	for held := time.Duration(0); held < holdMost && b.Hold != nil && b.Hold(); held += holdPause {
		select {
		case <-time.After(holdPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for {
		b.mu.Lock()
		if b.used == 0 || b.used+n <= b.limit {
			b.used += n
			b.mu.Unlock()
			return nil
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Release gives n bytes back.
func (b *Budget) Release(n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	b.used -= n
	close(b.freed)
	b.freed = make(chan struct{})
	b.mu.Unlock()
}

// InUse returns the bytes held.
func (b *Budget) InUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Force takes bytes that are there already, beyond the limit if need be.
func (b *Budget) Force(n int64) {
	b.mu.Lock()
	b.used += n
	b.mu.Unlock()
}
