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

// Queue counts those that work. The zero value lets everybody in. It is safe for
// concurrent use.
type Queue struct {
	places   chan struct{}
	patience time.Duration
	waiting  atomic.Int64
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
	select {
	case q.places <- struct{}{}:
		return q.leave, nil
	default:
	}
	q.waiting.Add(1)
	defer q.waiting.Add(-1)
	timer := time.NewTimer(q.patience)
	defer timer.Stop()
	return q.wait(ctx, timer.C)
}

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
