package kafka

import (
	"context"
	"time"

	"github.com/millstream-db/millstream/engine/source"
)

// restlessInterval is the time between surveys while something has to be found
// before reading can begin, unless the health interval is shorter.
const restlessInterval = time.Second

// survey asks the broker again and again, for as long as the reader lives.
func (r *reader) survey(ctx context.Context) {
	for ctx.Err() == nil {
		before, epochs, startup := r.expectations()
		v := r.surveyor.ask(ctx, startup, epochs)
		if ctx.Err() != nil {
			return
		}
		for i := range v.partitions {
			p := &v.partitions[i]
			p.before = -1
			if next, ok := before[p.id]; ok {
				p.before = next
			}
		}
		r.await(ctx, r.note(v))
	}
}

// await waits for the next survey: until it is due, or something needs it. Even
// then there is a pause, because what needs it may need it again at once.
func (r *reader) await(ctx context.Context, interval time.Duration) {
	pause := min(200*time.Millisecond, interval)
	select {
	case <-ctx.Done():
		return
	case <-time.After(pause):
	}
	select {
	case <-ctx.Done():
	case <-time.After(interval - pause):
	case <-r.surveyNow:
	}
}

// wantSurvey asks for a survey before it is due.
func (r *reader) wantSurvey() {
	select {
	case r.surveyNow <- struct{}{}:
	default: // one is wanted already
	}
}

// expectations returns, before the broker is asked, the offsets expected next
// of the partitions, the leader epochs in which those were read last that are
// not fetched yet, and whether the startup offsets are wanted.
func (r *reader) expectations() (before map[int32]int64, epochs map[int32]int32, startup bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, epochs = make(map[int32]int64, len(r.partitions)), make(map[int32]int32)
	for id, p := range r.partitions {
		if p.resolved {
			before[id] = p.next
		}
		if !p.assigned && p.epoch >= 0 && p.stalled == "" {
			epochs[id] = p.epoch
		}
	}
	return before, epochs, !r.resolved
}

// note takes a survey's facts into the status and leaves the decisions to the
// poller, which it wakes. It returns when to survey again.
func (r *reader) note(v *survey) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.judge(v, now)
	if v.err == nil {
		r.proved = now
	}
	another := r.recreated(v)
	for _, seen := range v.partitions {
		p := r.partitions[seen.id]
		switch {
		case p == nil || another: // what is known of the topic that was read stays
		case seen.err != nil:
			p.unlisted = seen.err.Error()
		default:
			p.unlisted = ""
			p.start, p.end = seen.start, seen.stable
		}
	}
	r.news = v
	if r.cancelPoll != nil {
		r.cancelPoll()
	}
	if state, _ := r.show(); state == source.Running {
		return r.opts.HealthInterval
	}
	return min(restlessInterval, r.opts.HealthInterval)
}

// judge decides what a survey means for the topic as a whole. r.mu is held.
func (r *reader) judge(v *survey, now time.Time) {
	r.failure, r.failState = nil, ""
	switch {
	case v.err != nil && r.topicID != "" && isUnknownTopic(v.err):
		r.failure, r.failState = r.surveyor.because(errTopicDeleted), source.Stalled
	case v.err != nil && now.Sub(r.proved) < r.opts.HealthInterval && !isUnknownTopic(v.err):
		// Records came in after all: that proves more than a survey that failed.
	case v.err != nil:
		r.failure, r.failState = v.err, v.state
	case r.recreated(v) && r.settings.onLoss != continueOnLoss:
		r.failure, r.failState = r.surveyor.because(errTopicRecreated), source.Stalled
	case !r.resolved:
		for _, seen := range v.partitions {
			if seen.err != nil {
				r.failure, r.failState = seen.err, source.Retrying
			}
		}
	}
}
