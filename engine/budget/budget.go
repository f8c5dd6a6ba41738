// Package budget bounds the memory that rows take between a reader and history:
// the back-pressure.
package budget

import (
	"context"
	"sync"
)

// Budget is a number of bytes that can be held at once. It is safe for
// concurrent use.
type Budget struct {
	limit int64

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
