package subscription

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Snapshot is one epoch of the database, which lasts while it is pinned.
type Snapshot interface {
	Number() uint64 // of the epoch
	Acquire() bool  // pins it; false if it has gone
	Again()         // pins it once more for who has it pinned
	Release()
}

// place is where a subscription stands: the snapshot it has told, the one it is
// telling, and those that it must not leap over. All of them are pinned.
type place struct {
	sub     *Subscription // nil: it has ended, and another one may go on here
	told    Snapshot      // nil: not begun
	telling Snapshot
	stops   []Snapshot    // by epoch
	last    uint64        // the last epoch to tell, 0: there is none
	behind  time.Time     // since when it has not moved although there is something to tell
	seen    uint64        // the epoch it stood at then
	cutting bool          // it was too slow and is being ended
	keep    time.Duration // if it has ended: for how long the place is kept,
	until   time.Time     // and until when, once Check has seen it
}

// held returns the snapshots that the place holds.
func (p *place) held() []Snapshot {
	list := slices.Clone(p.stops)
	if p.telling != nil {
		list = append(list, p.telling)
	}
	if p.told != nil {
		list = append(list, p.told)
	}
	return list
}

func (p *place) epochs() []uint64 {
	var list []uint64
	for _, s := range p.held() {
		list = append(list, s.Number())
	}
	return list
}

func (p *place) release() {
	for _, s := range p.held() {
		s.Release()
	}
	p.told, p.telling, p.stops = nil, nil, nil
}

// Places are the places of all subscriptions of one engine. The zero value is
// ready. Its lock is held for a few assignments at a time, by the writer only
// at checkpoints, at ticks and where a subscription ends.
type Places struct {
	bell bell
	kept atomic.Int64 // places
	ends atomic.Int64 // of them, those with a last epoch

	open, rows, cut atomic.Int64 // see Stats

	// mu protects the fields below, and those of every place.
	mu  sync.Mutex
	all map[*place]struct{}
}

// Stats are counters since the engine was opened, but for Open.
type Stats struct {
	Open int64 // subscriptions now
	Rows int64 // told to all subscriptions
	Cut  int64 // subscriptions that ended because they were too slow
}

// Stats returns the counters now.
func (t *Places) Stats() Stats { return Stats{t.open.Load(), t.rows.Load(), t.cut.Load()} }

func (t *Places) add(p *place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = make(map[*place]struct{})
	}
	t.all[p] = struct{}{}
	t.kept.Add(1)
	if p.last != 0 {
		t.ends.Add(1)
	}
}

// remove forgets a place. The caller holds mu.
func (t *Places) remove(p *place) {
	if _, ok := t.all[p]; !ok {
		return
	}
	delete(t.all, p)
	t.kept.Add(-1)
	if p.last != 0 {
		t.ends.Add(-1)
	}
	p.release()
}

// Published is called by the writer when an epoch has become the current one.
func (t *Places) Published(s Snapshot) {
	t.bell.ring()
	if t.ends.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for p := range t.all {
		if p.last == s.Number() {
			p.stop(s)
		}
	}
}

// Releasing is called by the writer before rows and windows that are in history
// now go out of memory: whoever has not told the current epoch yet has to do so
// before it goes on, since the next one lacks them.
func (t *Places) Releasing(current Snapshot) {
	if t.kept.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for p := range t.all {
		p.stop(current)
	}
}

// stop makes a place halt at the current snapshot, unless it is there already.
func (p *place) stop(current Snapshot) {
	at := uint64(0)
	for _, e := range p.epochs() {
		at = max(at, e)
	}
	if at < current.Number() && current.Acquire() {
		p.stops = append(p.stops, current)
	}
}

// next chooses what a place tells next, and pins it; nil when it has told
// everything. One that leaps needs no stops but that at its last epoch.
func (t *Places) next(p *place, h Host, leap bool) Snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.last != 0 && p.told.Number() >= p.last {
		return nil
	}
	for leap && len(p.stops) > 0 && p.stops[0].Number() != p.last {
		p.stops[0].Release()
		p.stops = slices.Delete(p.stops, 0, 1)
	}
	if len(p.stops) > 0 {
		p.telling = p.stops[0]
		p.stops = slices.Delete(p.stops, 0, 1)
		return p.telling
	}
	if h.Epoch() == p.told.Number() {
		return nil
	}
	p.telling = h.Current()
	return p.telling
}

// retreat gives up what next has chosen.
func (t *Places) retreat(p *place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.telling.Release()
	p.telling = nil
}

// moved ends a step: what was being told is told.
func (t *Places) moved(p *place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.told.Release()
	p.told, p.telling = p.telling, nil
}

// begin sets a place's first snapshot, which is pinned.
func (t *Places) begin(p *place, s Snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.told = s
	p.stops = slices.DeleteFunc(p.stops, func(stop Snapshot) bool {
		if stop.Number() > s.Number() {
			return false
		}
		stop.Release()
		return true
	})
}

// find begins a place at an epoch that another place, or the engine, still
// holds; with atLeast at the oldest one that is not before the epoch. The error
// is an *EpochError.
func (t *Places) find(p *place, h Host, epoch uint64, atLeast bool) (Snapshot, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	current := h.Current()
	defer current.Release()
	best, stops := current, []Snapshot(nil)
	oldest := current.Number()
	for q := range t.all {
		if q == p || q.told == nil {
			continue
		}
		oldest = min(oldest, q.told.Number())
		if at := q.told.Number(); at >= epoch && at < best.Number() {
			best, stops = q.told, slices.Clone(q.stops)
			if q.telling != nil {
				stops = append([]Snapshot{q.telling}, stops...)
			}
		}
	}
	if best.Number() != epoch && !(atLeast && best.Number() > epoch) {
		return nil, &EpochError{Wanted: epoch, Oldest: oldest, Current: current.Number()}
	}
	if p.last == current.Number() && best != current {
		stops = append(stops, current)
	}
	at := func(s Snapshot) bool { return s.Number() == p.last }
	if p.last < current.Number() && p.last > best.Number() && !slices.ContainsFunc(stops, at) {
		return nil, &EpochError{Wanted: p.last, Oldest: oldest, Current: current.Number()}
	}
	for _, s := range p.stops {
		s.Release()
	}
	p.told, p.stops = best, stops
	for _, s := range p.held() {
		s.Again()
	}
	return best, nil
}

// leave is the end of a subscription. Its place may be kept for a while, so that
// a client which lost its connection can go on with AS OF.
func (t *Places) leave(p *place, keep time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p.sub = nil
	if p.told == nil || keep == 0 {
		t.remove(p)
		return
	}
	if p.telling != nil { // it was not told to its end, and has to be passed
		p.stops = append([]Snapshot{p.telling}, p.stops...)
		p.telling = nil
	}
	p.keep = keep
}

// Check cuts off subscriptions that hold back too much memory or are too far
// behind, and forgets places that were kept long enough. The writer calls it
// from time to time; held says how many bytes could be freed but for epochs.
func (t *Places) Check(current uint64, now time.Time, l Limits, held func(epochs ...uint64) int64) {
	if t.kept.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for p := range t.all {
		at := uint64(0)
		if p.told != nil {
			at = p.told.Number()
		}
		if p.sub == nil && p.until.IsZero() {
			p.until = now.Add(p.keep)
		}
		if at == current {
			p.behind = time.Time{}
			if p.sub != nil || now.Before(p.until) {
				continue
			}
		}
		if p.behind.IsZero() || p.seen != at {
			p.behind, p.seen = now, at
		}
		bytes, behind := held(p.epochs()...), now.Sub(p.behind)
		switch {
		case p.sub == nil:
			if !now.Before(p.until) || bytes > l.Bytes/4 {
				t.remove(p)
			}
		case p.cutting:
		case bytes > l.Bytes, behind > l.Lag:
			p.cutting = true
			t.cut.Add(1)
			// It may be computing, and is waited for; the writer does not wait.
			go p.sub.fail(&SlowError{Epoch: at, Current: current, Behind: behind, Bytes: bytes, MaxBytes: l.Bytes})
		}
	}
}

// Close ends every subscription for the given reason, waits for the steps that
// are being computed, and gives up all snapshots.
func (t *Places) Close(reason error) {
	t.mu.Lock()
	var open []*Subscription
	for p := range t.all {
		if p.sub != nil {
			open = append(open, p.sub)
		}
	}
	t.mu.Unlock()
	for _, s := range open {
		s.fail(reason)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for p := range t.all {
		t.remove(p)
	}
}
