package httpapi

import (
	"context"
	"sync"
	"time"
)

const (
	// placePatience is how long a statement waits for a place when all are taken.
	placePatience = 5 * time.Second
	// stalledAfter is how long a client may take to accept some of its answer when others
	// wait for its place. While nobody does it has Options.WriteTimeout.
	stalledAfter = 500 * time.Millisecond
	// placeInterval is how often those that wait look for a client that has stalled.
	placeInterval = 50 * time.Millisecond
)

// places bound the statements that are being answered. A client that does not read its
// answer keeps its place only while nobody else needs it. It is safe for
// concurrent use.
type places struct {
	free     chan struct{} // holds one element per place that is taken
	patience time.Duration // of those that wait for one

	mu sync.Mutex
	// mu protects the fields below, and is held while an answer is cut off.
	answers map[*response]struct{}
}

func newPlaces(n int) *places {
	return &places{free: make(chan struct{}, n), patience: placePatience, answers: make(map[*response]struct{})}
}

// take waits for a place; false: there is none. The caller must give it back.
func (p *places) take(ctx context.Context) bool {
	select {
	case p.free <- struct{}{}:
		return true
	default:
	}
	patience := time.NewTimer(p.patience)
	defer patience.Stop()
	look := time.NewTicker(placeInterval)
	defer look.Stop()
	for {
		p.cutStalled()
		select {
		case p.free <- struct{}{}:
			return true
		case <-look.C:
		case <-patience.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func (p *places) giveBack() { <-p.free }

// add has an answer cut off if its client stalls and others wait; until remove is called,
// which must be before its handler returns.
func (p *places) add(o *response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[o] = struct{}{}
}

func (p *places) remove(o *response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.answers, o)
}

// cutStalled cuts off the client that has not read for the longest time, if that is too
// long.
func (p *places) cutStalled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	var longest *response
	since := time.Now().Add(-stalledAfter).UnixNano()
	for o := range p.answers {
		if at := o.waiting.Load(); at != 0 && at < since {
			longest, since = o, at
		}
	}
	if longest != nil {
		// The write that waits fails; one that has just ended sets a deadline of its own.
		_ = longest.rc.SetWriteDeadline(time.Now()) // a test's recorder has none, and never stalls
		delete(p.answers, longest)
	}
}
