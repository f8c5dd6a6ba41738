package subscription

import "sync/atomic"

// bell wakes whoever waits for the next epoch. Ringing it costs the writer one
// atomic load while nobody does.
type bell struct{ waiting atomic.Pointer[chan struct{}] }

// wait returns a channel that is closed when the bell is rung next.
func (b *bell) wait() <-chan struct{} {
	for {
		if c := b.waiting.Load(); c != nil {
			return *c
		}
		c := make(chan struct{})
		if b.waiting.CompareAndSwap(nil, &c) {
			return c
		}
	}
}

func (b *bell) ring() {
	if b.waiting.Load() == nil {
		return
	}
	if c := b.waiting.Swap(nil); c != nil {
		close(*c)
	}
}
