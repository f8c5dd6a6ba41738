package subscription

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/duck"
)

// Options say how a relation is told.
type Options struct {
	Columns []duck.Column // of the relation
	// Key, when not nil, says which columns are a key: rows then tell what each
	// key stands for, by a column state in the place of diff, and have the key's
	// columns before the others.
	Key        []int
	NoSnapshot bool // only what changes from now on
	Progress   bool // a row of its own for each epoch up to which all is told

	AsOf    uint64 // the epoch to begin at, 0: the current one
	AtLeast bool   // or the first one after AsOf that can be had
	UpTo    uint64 // the epoch before which to end, 0: none
}

// Limits bound what subscriptions may cost.
type Limits struct {
	// Lag is for how long one may stand still although there is something to tell.
	Lag time.Duration
	// Bytes is how much memory one may keep from being freed.
	Bytes int64
	// Resume is for how long the place of one that has ended is kept.
	Resume time.Duration
}

// Host is the engine as subscriptions need it.
type Host interface {
	Epoch() uint64     // the current one
	Current() Snapshot // pinned
	// WithConn calls f with a connection that carries nothing.
	WithConn(f func(*duck.Conn) error) error
}

// Follower knows what a relation's changes are.
type Follower interface {
	// Start begins the subscription's place, unless at is not nil, where it is
	// then, and starts to tell the relation's rows there. If they are not to be
	// told there is no step.
	Start(s *Subscription, at Snapshot) (*Step, error)
	// Changes starts to tell what is different in the next snapshot that it can
	// go to, nil: there is none. There is no step if nothing is different.
	Changes(s *Subscription) (to Snapshot, st *Step, err error)
	// Close gives up what the follower holds.
	Close()
}

// Subscription tells of a relation as it is, and then of its changes, epoch
// after epoch; where it can't keep up it tells of several epochs together.
//
// Its rows are ts (the epoch, a BIGINT), progressed (a BOOLEAN, only with
// Progress), diff (a BIGINT: how many copies of the row have come, or gone if
// it is negative) and the columns of the relation. Of one step, what goes comes
// first. It is not safe for concurrent use, but for Close.
type Subscription struct {
	Options
	host   Host
	places *Places
	follow Follower
	place  *place
	resume time.Duration
	ctx    context.Context //nolint:containedctx // the subscription's own lifetime
	cancel context.CancelCauseFunc

	// mu protects the fields below. Next holds it while it computes, not while
	// it waits.
	mu    sync.Mutex
	err   error // why it has ended
	step  *Step // what is being told
	ready []arrow.RecordBatch
	out   arrow.RecordBatch // handed out last
	spent time.Duration     // by the last step
}

// Subscribe starts a subscription, which lasts until it is closed.
func (t *Places) Subscribe(ctx context.Context, h Host, f Follower, o Options, l Limits) (*Subscription, error) {
	s := &Subscription{Options: o, host: h, places: t, follow: f, place: &place{}, resume: l.Resume}
	if o.UpTo != 0 {
		if o.UpTo <= o.AsOf || o.AsOf == 0 && o.UpTo <= h.Epoch() {
			f.Close()
			return nil, ErrEmpty
		}
		s.place.last = o.UpTo - 1
	}
	s.place.sub = s
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	t.add(s.place)
	t.open.Add(1)
	if err := s.start(ctx); err != nil {
		s.end(err, 0)
		return nil, err
	}
	return s, nil
}

// Context returns the context of the subscription's statements.
func (s *Subscription) Context() context.Context { return s.ctx }

// Told returns the snapshot that has been told, or is being told first.
func (s *Subscription) Told() Snapshot { return s.place.told }

// Last returns the last epoch to tell, 0 if there is none.
func (s *Subscription) Last() uint64 { return s.place.last }

// Begin sets the first snapshot, which the subscription releases.
func (s *Subscription) Begin(at Snapshot) { s.places.begin(s.place, at) }

// Advance chooses the snapshot to tell next, nil when all is told. A follower
// that leaps does without the snapshots that hold, for the last time, what is
// then moved into history.
func (s *Subscription) Advance(leap bool) Snapshot { return s.places.next(s.place, s.host, leap) }

// Retreat takes the last Advance back.
func (s *Subscription) Retreat() { s.places.retreat(s.place) }

// start finds the first snapshot and begins to tell it.
func (s *Subscription) start(ctx context.Context) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })()
	var at Snapshot
	if s.AsOf != 0 {
		if at, err = s.places.find(s.place, s.host, s.AsOf, s.AtLeast); err != nil {
			return err
		}
	}
	st, err := s.follow.Start(s, at)
	if err != nil {
		return err
	}
	if s.step = st; st != nil {
		return nil
	}
	return s.progressOf(s.place.told)
}

// Next returns the next rows, waiting for them, or io.EOF behind the last epoch
// that was asked for. The record stays valid until the next call or Close.
func (s *Subscription) Next(ctx context.Context) (arrow.RecordBatch, error) {
	return s.Poll(ctx, -1)
}

// Poll is Next that gives up waiting after a time and then returns nil. It may
// take longer than that where rows have to be computed.
func (s *Subscription) Poll(ctx context.Context, patience time.Duration) (arrow.RecordBatch, error) {
	var timeout <-chan time.Time
	if patience >= 0 {
		t := time.NewTimer(patience)
		defer t.Stop()
		timeout = t.C
	}
	for {
		bell := s.places.bell.wait()
		rec, idle, err := s.work(ctx)
		if rec != nil || err != nil {
			return rec, err
		}
		if !idle {
			continue
		}
		select {
		case <-bell:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-s.ctx.Done():
		case <-timeout:
			return nil, nil
		}
	}
}

// work does what can be done without waiting for an epoch. It reports idle when
// there is nothing to do.
func (s *Subscription) work(ctx context.Context) (rec arrow.RecordBatch, idle bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropOut()
	if s.err != nil {
		return nil, false, s.err
	}
	if err := ctx.Err(); err != nil {
		return nil, false, context.Cause(ctx)
	}
	if s.ctx.Err() != nil {
		s.endLocked(context.Cause(s.ctx), 0)
		return nil, false, s.err
	}
	if len(s.ready) == 0 {
		defer context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })()
		if idle, err = s.compute(ctx); err != nil {
			s.endLocked(err, 0)
			return nil, false, err
		}
	}
	if len(s.ready) > 0 {
		s.out, s.ready = s.ready[0], s.ready[1:]
		s.places.rows.Add(s.out.NumRows())
	}
	return s.out, idle, nil
}

// compute fills ready, or finds that there is nothing to tell.
func (s *Subscription) compute(ctx context.Context) (idle bool, err error) {
	if s.step != nil {
		return false, s.fill()
	}
	s.pace(ctx)
	if p := s.place; p.last != 0 && p.told.Number() >= p.last {
		return false, io.EOF
	}
	began := time.Now()
	to, st, err := s.follow.Changes(s)
	if err != nil || to == nil {
		return true, err
	}
	s.step = st
	if s.step != nil {
		s.step.began = began
		return false, s.fill()
	}
	if err := s.progressOf(to); err != nil {
		return false, err
	}
	s.places.moved(s.place)
	return false, nil
}

// maxPause is the longest rest between two steps.
const maxPause = 100 * time.Millisecond

// pace rests for as long as the last step took, so that a subscription to a
// view that changes all the time takes half of a core at most: epochs that come
// meanwhile are told together.
func (s *Subscription) pace(ctx context.Context) {
	pause := min(s.spent, maxPause)
	s.spent = 0
	if pause <= 0 || s.host.Epoch() == s.place.told.Number() {
		return
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
}

// readyBytes is how much of a step is read ahead of the client.
const readyBytes = 4 << 20

// fill reads rows of the step, all of them if they are few, so that a small
// step's snapshots are let go of before its client reads.
func (s *Subscription) fill() error {
	for size := uint64(0); size < readyBytes; {
		rec, err := s.step.rows.NextRecord()
		if errors.Is(err, io.EOF) {
			return s.finishStep()
		}
		if err != nil {
			return err
		}
		rec.Retain()
		s.ready = append(s.ready, rec)
		for _, c := range rec.Columns() {
			size += c.Data().SizeInBytes()
		}
	}
	return nil
}

// finishStep ends the step whose rows have been read.
func (s *Subscription) finishStep() error {
	st, told := s.step, s.place.telling
	st.closeRows()
	first := told == nil
	if first {
		told = s.place.told
	}
	if err := s.progress(st.Conn, told); err != nil {
		return err
	}
	s.step = nil
	if err := st.Done(); err != nil || first {
		return err
	}
	s.spent = time.Since(st.began)
	s.places.moved(s.place)
	return nil
}

// progressOf is progress where no step has a connection.
func (s *Subscription) progressOf(told Snapshot) error {
	if !s.Progress {
		return nil
	}
	return s.host.WithConn(func(c *duck.Conn) error { return s.progress(c, told) })
}

// progress tells that all of an epoch has been told.
func (s *Subscription) progress(conn *duck.Conn, told Snapshot) error {
	if !s.Progress {
		return nil
	}
	rows, err := conn.Query(s.ctx, s.progressSQL(told.Number()))
	if err != nil {
		return err
	}
	defer rows.Close()
	rec, err := rows.NextRecord()
	if err != nil {
		return err
	}
	rec.Retain()
	s.ready = append(s.ready, rec)
	return nil
}

func (s *Subscription) dropOut() {
	if s.out != nil {
		s.out.Release()
		s.out = nil
	}
}

// Epoch returns the epoch whose rows have been told, or are being told first.
func (s *Subscription) Epoch() uint64 {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	if s.place.told == nil {
		return 0
	}
	return s.place.told.Number()
}

// Close ends the subscription. It may be called twice, and while Next works,
// which then returns ErrClosed.
func (s *Subscription) Close() {
	s.end(ErrClosed, s.resume)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropOut()
}

// fail ends the subscription for a reason that its next Next returns.
func (s *Subscription) fail(err error) { s.end(err, 0) }

func (s *Subscription) end(err error, keep time.Duration) {
	s.cancel(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(err, keep)
}

// endLocked gives up everything but the record that was handed out. The place
// is kept for as long as keep says.
func (s *Subscription) endLocked(err error, keep time.Duration) {
	if s.err != nil {
		return
	}
	s.err = err
	s.cancel(err)
	if s.step != nil {
		s.step.closeRows()
		s.step.Abort()
		s.step = nil
	}
	for _, rec := range s.ready {
		rec.Release()
	}
	s.ready = nil
	s.follow.Close()
	s.places.leave(s.place, keep)
	s.places.open.Add(-1)
}
