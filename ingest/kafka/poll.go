package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/batch"
)

// poll fetches, decodes and queues until the reader is closed. The client goes
// on fetching meanwhile, one fetch per broker.
func (r *reader) poll(ctx context.Context) {
	defer close(r.queue)
	for ctx.Err() == nil {
		if v := r.takeNews(); v != nil {
			r.decide(v)
			if !r.send(ctx, r.batcher.flush()) {
				return
			}
		}
		r.client.UpdateFetchMaxBytes(r.settings.fetchLimits(r.sizes.bytes(), len(r.partitions)))
		fetches := r.fetch(ctx)
		r.heedLosses(fetches)
		for _, fetch := range fetches {
			for i := range fetch.Topics {
				if !r.readTopic(ctx, &fetch.Topics[i]) {
					return
				}
			}
		}
		if !r.send(ctx, r.batcher.flush()) {
			return
		}
		if fetches.NumRecords() == 0 && len(fetches) > 0 {
			// Only errors: the client repeats some as fast as they are polled.
			r.rest(ctx)
		}
	}
}

// heedLosses stops fetching partitions of which the client says that their logs part
// from what was read: it goes on by itself from there, and has its finding stand
// behind the records that it found there. What it means is for a survey to find
// out, which asks the same.
func (r *reader) heedLosses(fetches kgo.Fetches) {
	fetches.EachError(func(topic string, id int32, err error) {
		loss, ok := isDataLoss(err)
		p := r.partitions[id]
		if !ok || topic != r.settings.topic || p == nil || loss.ResetTo >= p.next {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.detach(p)
		r.wantSurvey()
	})
}

// errorPause is the time between polls that bring nothing but errors.
const errorPause = 50 * time.Millisecond

func (r *reader) rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(errorPause):
	}
}

// takeNews returns the latest survey that was not looked at, or nil.
func (r *reader) takeNews() *survey {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := r.news
	r.news = nil
	return v
}

// fetch waits for records, an error, or a survey.
func (r *reader) fetch(ctx context.Context) kgo.Fetches {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	if r.news != nil {
		r.mu.Unlock()
		return nil
	}
	r.cancelPoll = cancel
	r.mu.Unlock()
	fetches := r.client.PollFetches(ctx)
	r.mu.Lock()
	r.cancelPoll = nil
	r.mu.Unlock()
	if err := fetches.Err0(); err != nil && (errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed)) {
		return nil
	}
	return fetches
}

// send queues a batch, and blocks while the queue is full. It returns false
// when the reader is closing.
func (r *reader) send(ctx context.Context, b *batch.Batch) bool {
	if b == nil {
		return true
	}
	select {
	case r.queue <- b:
		return true
	case <-ctx.Done():
		b.Release()
		return false
	}
}

// readTopic reads what was fetched of the topic. It returns false when the
// reader is closing.
func (r *reader) readTopic(ctx context.Context, t *kgo.FetchTopic) bool {
	if t.Topic != r.settings.topic {
		return true // the poll was cancelled
	}
	if id := kadm.TopicID(t.TopicID); id != (kadm.TopicID{}) && r.topicID != "" && id.String() != r.topicID {
		r.wantSurvey() // another topic of the same name
		return true
	}
	for i := range t.Partitions {
		f := &t.Partitions[i]
		p := r.partitions[f.Partition]
		if p == nil || !p.assigned {
			continue // detached since it was fetched
		}
		if len(f.Records) > 0 && !r.readPartition(ctx, p, f) {
			return false
		}
		if f.Err != nil && p.assigned {
			r.readError(p, f.Err)
		}
	}
	return true
}

// readPartition decodes records that were fetched. It returns false when the
// reader is closing.
func (r *reader) readPartition(ctx context.Context, p *partition, f *kgo.FetchPartition) bool {
	end := f.LastStableOffset
	if end < 0 {
		end = f.HighWatermark
	}
	if !r.batcher.open(p, end) && !r.send(ctx, r.batcher.flush()) {
		return false
	}
	r.batcher.open(p, end)
	next, epoch := p.next, p.epoch
	var bytes, duplicates int64
	stop := false
	for _, record := range f.Records {
		if record.Offset < next {
			duplicates++
			continue
		}
		if record.Offset > next && f.LogStartOffset > next {
			stop = true
			break
		}
		if epoch >= 0 && record.LeaderEpoch > p.compared {
			// There is a leader who was not there when it was found that the log is the
			// one that was read. The client asks as well, but it may have been too early.
			if stop = !r.surveyor.continues(ctx, p.id, epoch, next); stop {
				break
			}
			p.compared = record.LeaderEpoch
		}
		// Offsets that are left out inside the log were compacted away or belong
		// to transactions.
		if r.awaits(record) {
			r.store(p, next, epoch)
			if !r.awaitSchema(ctx, p, record) {
				return false
			}
			r.batcher.open(p, end)
		}
		next, epoch = record.Offset+1, record.LeaderEpoch
		bytes += int64(len(record.Key) + len(record.Value))
		if !record.Attrs.IsControl() {
			r.batcher.add(record)
		}
		r.batcher.advance(next, epoch)
		if r.batcher.full() {
			r.store(p, next, epoch)
			if !r.send(ctx, r.batcher.flush()) {
				return false
			}
			r.batcher.open(p, end)
		}
	}
	r.store(p, next, epoch)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.proved = time.Now()
	p.end, p.start, p.trouble = max(end, p.end), f.LogStartOffset, ""
	r.bytes += bytes
	r.duplicates += duplicates
	if stop {
		// The records from there on are fetched again once it is known what that is.
		r.detach(p)
		r.wantSurvey()
	}
	return true
}

// store keeps how far a partition is decoded.
func (r *reader) store(p *partition, next int64, epoch int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.next, p.epoch = next, epoch
}

// readError handles what the client says about a partition. What is gone is
// looked for by a survey, which finds out what has become of it.
func (r *reader) readError(p *partition, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.show()
	if _, ok := isDataLoss(err); ok {
		return // it was heeded
	}
	p.trouble, p.troubledAt = r.surveyor.partitionError(p.id, err).Error(), time.Now()
	var tooLarge *kgo.ErrDecompressTooLarge
	switch {
	case errors.As(err, &tooLarge):
		r.detach(p)
		p.stalled = p.trouble
	case errors.Is(err, kerr.OffsetOutOfRange),
		errors.Is(err, kerr.UnknownTopicOrPartition),
		errors.Is(err, kerr.UnknownTopicID),
		errors.Is(err, kerr.InconsistentTopicID):
		// The client would say so again at every poll.
		r.detach(p)
		r.wantSurvey()
	case errors.Is(err, kerr.TopicAuthorizationFailed) && r.settings.security.username != "":
		p.trouble += " (user " + r.settings.security.username + ")"
	}
}
