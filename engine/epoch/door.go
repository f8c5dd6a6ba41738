package epoch

import (
	"sync"
	"sync/atomic"
	"time"
)

// Snapshot is what an epoch shows. It is valid while its pin is held.
type Snapshot[S any] interface {
	*S
	// Held returns the pin that Publish of the [Reclaimer] gave for it.
	Held() *Pin
}

// Door is where readers come in to the newest snapshot, and which the writer shuts
// for as long as it changes in place what that snapshot shows.
//
// What somebody may be reading has to be copied before it is changed, a page for each
// row of a small epoch. So it is cheaper for everybody if readers wait for the end of
// an epoch that is short, and the writer for readers who will soon have gone. Neither
// waits in vain for long: see Begin.
//
// Enter and Newest are for any goroutine, everything else for the writer.
type Door[S any, P Snapshot[S]] struct {
	reclaim *Reclaimer
	newest  atomic.Pointer[S]
	came    atomic.Uint64 // the epoch at which a reader came last

	mu      sync.Mutex
	waiting []chan P // for the next snapshot

	inPlace, copied Pace
	shut            bool
	tired           time.Time     // until then no reader is waited for
	rest            time.Duration // how long it was tired last
}

const (
	// Nobody comes any more who has not come for so many epochs.
	quietEpochs = 8
	// Readers wait for an epoch that should take no longer, or for one that would
	// take so many times as long if it were copied.
	shortEpoch  = 2 * time.Millisecond
	cheaper     = 4
	longestShut = 20 * time.Millisecond
	// The writer waits for readers for as long as they cost it, and no longer than this.
	mostPatience = 5 * time.Millisecond
	// After it has waited in vain it does not wait for so many times as long, and
	// for twice as long after each further time.
	restFactor = 16
	mostRest   = time.Second
)

// NewDoor returns a door to snapshots of a reclaimer's epochs. The first must be
// published before anybody comes.
func NewDoor[S any, P Snapshot[S]](reclaim *Reclaimer) *Door[S, P] {
	return &Door[S, P]{reclaim: reclaim}
}

// Newest returns the newest snapshot without holding it.
func (d *Door[S, P]) Newest() P { return d.newest.Load() }

// Enter returns the newest snapshot, whose pin the caller releases. While the door is
// shut it waits.
func (d *Door[S, P]) Enter() P {
	for {
		s := P(d.newest.Load())
		d.came.Store(s.Held().Epoch)
		if s.Held().Acquire() {
			return s
		}
		d.mu.Lock()
		switch { // who lets in may have been here already
		case P(d.newest.Load()) != s:
			d.mu.Unlock()
			continue
		case s.Held().Acquire():
			d.mu.Unlock()
			return s
		}
		next := make(chan P, 1)
		d.waiting = append(d.waiting, next)
		d.mu.Unlock()
		return <-next
	}
}

// Publish makes a snapshot, of whose epoch the reclaimer has just made the pin, the
// newest, and opens the door.
func (d *Door[S, P]) Publish(s P) {
	d.newest.Store(s)
	d.letIn(s)
}

// letIn gives the newest snapshot to those who wait.
func (d *Door[S, P]) letIn(s P) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, next := range d.waiting {
		s.Held().Again() // the reclaimer has it
		next <- s
	}
	clear(d.waiting)
	d.waiting = d.waiting[:0]
}

// Room reports whether an epoch of so many rows may get more: while readers come it
// is kept short.
func (d *Door[S, P]) Room(rows int) bool { return d.quiet() || d.expect(rows) < shortEpoch }

// quiet reports whether nobody has come for some time.
func (d *Door[S, P]) quiet() bool {
	return d.Newest().Held().Epoch >= d.came.Load()+quietEpochs
}

// expect returns how long an epoch should take in place.
func (d *Door[S, P]) expect(rows int) time.Duration {
	long := d.inPlace.Expect(rows)
	if copied := d.copied.Expect(rows); copied > 0 {
		long = min(long, copied) // it was measured when all was slow
	}
	return long
}

// Begin is called before an epoch of so many rows. It shuts the door if that is
// right for readers, and if those who are in leave in time.
func (d *Door[S, P]) Begin(rows int) {
	long, copied := d.expect(rows), d.copied.Expect(rows)
	if !d.quiet() && long > shortEpoch && long > min(copied/cheaper, longestShut) {
		return
	}
	started, patience := time.Now(), min(copied-long, mostPatience)
	if started.Before(d.tired) {
		patience = 0
	}
	d.shut = d.reclaim.Withdraw(patience)
	switch {
	case d.shut:
		d.rest = 0
	case patience > 0:
		d.letIn(d.Newest())
		d.rest = min(max(2*d.rest, restFactor*patience), mostRest)
		d.tired = time.Now().Add(d.rest)
	}
}

// End is called after the epoch has been published, and learns from how long it took.
func (d *Door[S, P]) End(rows int, took time.Duration) {
	if d.shut {
		d.inPlace.Observe(rows, took)
	} else {
		d.copied.Observe(rows, took)
		d.inPlace.Forget()
	}
	d.shut = false
}
