package auth

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/millstream-db/millstream/query"
)

const (
	firstDelay = 250 * time.Millisecond // after the first failure; twice that after the second, …
	mostDelay  = 4 * time.Second
	// mostWait is how long an attempt may have to wait for those before it; one
	// that would take longer is refused without a look at its password.
	mostWait = 8 * time.Second
	// forgetAfter is how long a failure counts.
	forgetAfter = 15 * time.Minute
	// maxOffenders bounds the memory; the one that has been quiet for longest goes.
	maxOffenders = 10_000
	// maxRoleBytes of a role's name are told apart.
	maxRoleBytes = 64
)

// throttle slows down attempts to log in that follow failures of the same role
// from the same place.
type throttle struct {
	now func() time.Time

	mu        sync.Mutex
	offenders map[offender]*list.Element
	order     list.List // of *record, the latest failure first
}

type offender struct {
	role string
	from netip.Prefix
}

type record struct {
	offender
	failures int
	last     time.Time
	free     time.Time // when the next attempt may go on
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, offenders: make(map[offender]*list.Element)}
}

// offenderOf counts the 2^64 addresses that an IPv6 client has at its disposal
// as one.
func offenderOf(role string, from netip.Addr) offender {
	if len(role) > maxRoleBytes {
		role = role[:maxRoleBytes]
	}
	bits := from.BitLen()
	if from.Is6() {
		bits = 64
	}
	prefix, err := from.Prefix(bits)
	if err != nil {
		prefix = netip.Prefix{}
	}
	return offender{role, prefix}
}

func delayAfter(failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return min(firstDelay<<min(failures-1, 10), mostDelay)
}

// reserve returns how long an attempt has to wait, and takes that turn.
func (t *throttle) reserve(o offender) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.offenders[o]
	if e == nil {
		return 0, true
	}
	r, now := e.Value.(*record), t.now()
	if now.Sub(r.last) > forgetAfter {
		t.remove(e)
		return 0, true
	}
	turn := now
	if r.free.After(now) {
		turn = r.free
	}
	if turn.Sub(now) > mostWait {
		return 0, false
	}
	r.free = turn.Add(delayAfter(r.failures))
	return turn.Sub(now), true
}

// wait waits for an attempt's turn.
func (t *throttle) wait(ctx context.Context, o offender) error {
	d, ok := t.reserve(o)
	if !ok {
		return query.Errorf(query.CodeInvalidAuthorization, "too many failed logins as %q from this address", o.role).
			WithHint("Wait a few seconds and try again with the right password.")
	}
	if d == 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *throttle) failed(o offender) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.offenders[o]
	if e == nil {
		if len(t.offenders) >= maxOffenders {
			t.remove(t.order.Back())
		}
		e = t.order.PushFront(&record{offender: o})
		t.offenders[o] = e
	}
	t.order.MoveToFront(e)
	r, now := e.Value.(*record), t.now()
	r.failures++
	r.last = now
	if free := now.Add(delayAfter(r.failures)); free.After(r.free) {
		r.free = free
	}
}

func (t *throttle) succeeded(o offender) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.offenders[o]; e != nil {
		t.remove(e)
	}
}

func (t *throttle) remove(e *list.Element) {
	delete(t.offenders, e.Value.(*record).offender)
	t.order.Remove(e)
}
