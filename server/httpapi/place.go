package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// placePatience is how long a statement waits for a place when all are taken.
	placePatience = 5 * time.Second
	// lentAfter is how long a client may take to accept some of its answer before its
	// place is lent to those that wait for one. While nobody does it has
	// Options.WriteTimeout.
	lentAfter = 100 * time.Millisecond
	// placeInterval is how often those that wait look for a place that can be lent.
	placeInterval = 50 * time.Millisecond
)

// places bound the statements that are at work. Those whose clients do not read are not:
// their places are lent to others, and they go on in another one. There may be as
// many of them as there are places; then the one that has waited for the longest
// time is cut off. It is safe for concurrent use.
type places struct {
	free     chan struct{} // holds one element per place that is taken
	patience time.Duration // of those that wait for one

	mu sync.Mutex
	// mu protects the fields below, and is held while an answer is cut off.
	answers map[*place]struct{}
	lent    int // of them, those whose places are lent
}

// place is what a statement has that is being answered.
type place struct {
	rc *http.ResponseController // of the answer
	// waiting is since when the answer waits for the client, in nanoseconds of Unix time;
	// 0: it does not.
	waiting atomic.Int64
	lent    bool // somebody else has it
}

func newPlaces(n int) *places {
	return &places{free: make(chan struct{}, n), patience: placePatience, answers: make(map[*place]struct{})}
}

// take waits for a place, which the caller must give back; nil: there is none.
func (p *places) take(ctx context.Context, rc *http.ResponseController) *place {
	if !p.acquire(ctx) {
		return nil
	}
	pl := &place{rc: rc}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[pl] = struct{}{}
	return pl
}

// acquire waits until a place is free, or can be lent.
func (p *places) acquire(ctx context.Context) bool {
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
		if p.lend() {
			return true
		}
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

// lend finds the answer that has waited for its client for the longest time, if that is
// long enough, and gives its place to the caller.
func (p *places) lend() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.longest(false, time.Now().Add(-lentAfter))
	if from == nil {
		return false
	}
	if p.lent == cap(p.free) {
		if cut := p.longest(true, time.Now()); cut != nil {
			// The write that waits fails; one that has just ended sets a deadline of its own.
			_ = cut.rc.SetWriteDeadline(time.Now())
			p.forget(cut)
		}
	}
	from.lent = true
	p.lent++
	return true
}

// longest returns the answer that has waited for its client for the longest time, from
// before a moment on, of those whose places are lent, or of the others.
func (p *places) longest(lent bool, before time.Time) (longest *place) {
	since := before.UnixNano()
	for pl := range p.answers {
		if at := pl.waiting.Load(); pl.lent == lent && at != 0 && at < since {
			longest, since = pl, at
		}
	}
	return longest
}

// forget takes an answer off the list. The caller holds mu.
func (p *places) forget(pl *place) {
	if _, there := p.answers[pl]; there && pl.lent {
		p.lent--
	}
	delete(p.answers, pl)
}

// giveBack ends what take began. It must be called before the answer's handler returns.
func (p *places) giveBack(pl *place) {
	p.mu.Lock()
	p.forget(pl)
	lent := pl.lent
	p.mu.Unlock()
	if !lent {
		<-p.free
	}
}

// errNoPlace is how an answer ends that can't go on.
var errNoPlace = fmt.Errorf("%w: no place is free to go on in", errClientGone)

// goOn ends an answer's waiting for its client: it has its place, or waits for another
// one.
func (p *places) goOn(ctx context.Context, pl *place) error {
	p.mu.Lock()
	pl.waiting.Store(0)
	lent := pl.lent
	p.mu.Unlock()
	if !lent {
		return nil
	}
	if !p.acquire(ctx) {
		return errNoPlace
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, there := p.answers[pl]; there {
		p.lent--
	}
	pl.lent = false
	return nil
}
