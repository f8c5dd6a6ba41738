// Package admission lets only so many queries work at a time. The others wait in
// the order in which they came, and give up after a while rather than make all of
// them slower.
package admission

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// ErrFull is returned when a query has waited for too long.
var ErrFull = errors.New("too many queries are running")

// ErrNoMemory is returned when a query has waited for too long for others to give
// their memory up.
var ErrNoMemory = errors.New("out of memory: other queries have all that the process may have")

// Queue counts those that work. The zero value lets everybody in. It is safe for
// concurrent use.
type Queue struct {
	places   chan struct{}
	patience time.Duration
	waiting  atomic.Int64
	// Hold, when set, reports whether no query is to begin for now. It must be set
	// before the queue is used, and be quick.
	Hold func() bool
}

// NewQueue returns a queue for so many at a time, who wait no longer than patience
// for their first turn.
func NewQueue(places int, patience time.Duration) *Queue {
	return &Queue{places: make(chan struct{}, places), patience: patience}
}

// Enter waits for a place, no longer than the queue's patience, and returns how to
// give it back. A query gives it back whenever it waits for its client.
func (q *Queue) Enter(ctx context.Context) (leave func(), err error) {
	if q.places == nil {
		return func() {}, nil
	}
	if !q.held() {
		select {
		case q.places <- struct{}{}:
			return q.leave, nil
		default:
		}
	}
	q.waiting.Add(1)
	defer q.waiting.Add(-1)
	timer := time.NewTimer(q.patience)
	defer timer.Stop()
	for q.held() {
		select {
		case <-time.After(holdPause):
		case <-timer.C:
			return nil, ErrNoMemory
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return q.wait(ctx, timer.C)
}

// holdPause is between two looks at whether queries may begin again.
const holdPause = 10 * time.Millisecond

func (q *Queue) held() bool { return q.Hold != nil && q.Hold() }

// GoOn waits for a place as long as it takes: one that has begun is not sent away.
func (q *Queue) GoOn(ctx context.Context) (leave func(), err error) {
	if q.places == nil {
		return func() {}, nil
	}
	return q.wait(ctx, nil)
}

func (q *Queue) wait(ctx context.Context, tooLong <-chan time.Time) (leave func(), err error) {
	select {
	case q.places <- struct{}{}:
		return q.leave, nil
	case <-tooLong:
		return nil, ErrFull
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (q *Queue) leave() { <-q.places }

// Waiting returns how many wait for their first turn.
func (q *Queue) Waiting() int64 { return q.waiting.Load() }
