package checkpoint

import (
	"sync"
	"time"
)

// gate keeps apart what must not happen at once: holders, of whom there may be many,
// and one who closes it.
type gate struct {
	mu      sync.Mutex
	moved   sync.Cond // of mu: something below has changed
	closed  bool
	last    uint64
	holders map[uint64]time.Time // since when
}

func newGate() *gate {
	g := &gate{holders: make(map[uint64]time.Time)}
	g.moved.L = &g.mu
	return g
}

// hold waits while the gate is closed. release is called once.
func (g *gate) hold() (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.closed {
		g.moved.Wait()
	}
	g.last++
	number := g.last
	g.holders[number] = time.Now()
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.holders, number)
		g.moved.Broadcast()
	}
}

// close lets nobody in and waits for those who are; false: they stay.
func (g *gate) close(patience time.Duration) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	late := false
	timer := time.AfterFunc(patience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		late = true
		g.moved.Broadcast()
	})
	defer timer.Stop()
	for len(g.holders) > 0 && !late {
		g.moved.Wait()
	}
	return len(g.holders) == 0
}

// closeIfQuick is close where it is of use: not if somebody has stayed for longer
// than the patience already. The gate is open when it returns false.
func (g *gate) closeIfQuick(patience time.Duration) bool {
	g.mu.Lock()
	stays := false
	for _, since := range g.holders {
		stays = stays || time.Since(since) > patience
	}
	g.mu.Unlock()
	if stays {
		return false
	}
	if g.close(patience) {
		return true
	}
	g.open()
	return false
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
	g.moved.Broadcast()
}
