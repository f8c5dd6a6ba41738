package engine

import (
	"context"
	"sync"
)

// budget bounds the bytes between a reader and history: that is the
// back-pressure. It is safe for concurrent use.
type budget struct {
	limit int64

	mu sync.Mutex
	// mu protects the fields below.
	used  int64
	freed chan struct{} // closed and replaced when bytes are given back
}

func newBudget(limit int64) *budget { return &budget{limit: limit, freed: make(chan struct{})} }

// acquire takes n bytes, waiting while others hold so many that n does not fit.
// One batch larger than the limit passes when it is alone.
func (b *budget) acquire(ctx context.Context, n int64) error {
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

func (b *budget) release(n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	b.used -= n
	close(b.freed)
	b.freed = make(chan struct{})
	b.mu.Unlock()
}

// inUse returns the bytes held.
func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// force takes bytes that are there already, beyond the limit if need be.
func (b *budget) force(n int64) {
	b.mu.Lock()
	b.used += n
	b.mu.Unlock()
}
