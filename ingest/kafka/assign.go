package kafka

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/source"
)

// decide acts on a survey: it finds where partitions begin, assigns those that
// can be read and detaches those that can't. Only the poller calls it, between
// two polls, when every record that was fetched has been looked at.
func (r *reader) decide(v *survey) {
	if v.err != nil || r.recreated(v) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.resolve(v) {
		return
	}
	r.client.UpdateFetchMaxBytes(r.settings.fetchBytes, partitionFetchBytes(r.settings, len(v.partitions)))
	assign := make(map[int32]kgo.Offset)
	listed := make(map[int32]bool, len(v.partitions))
	for i := range v.partitions {
		seen := &v.partitions[i]
		listed[seen.id] = true
		p := r.partitions[seen.id]
		p.topicID = r.topicID
		switch {
		case seen.err != nil || p.stalled != "":
		case p.assigned:
			r.recheck(p, seen)
		default:
			if at, ok := r.place(p, seen); ok {
				assign[p.id] = at
			}
		}
	}
	for id, p := range r.partitions {
		if !listed[id] {
			p.unlisted = r.surveyor.partitionError(id, errPartitionGone).Error()
		}
	}
	if len(assign) > 0 {
		r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{r.settings.topic: assign})
	}
	r.show()
}

// recreated detaches everything when the topic is another one of the same name.
func (r *reader) recreated(v *survey) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.topicID == "" || v.topicID == "" || r.topicID == v.topicID {
		return false
	}
	for _, p := range r.partitions {
		r.detach(p)
	}
	return true
}

// resolve finds where partitions begin that have no stored offset. The ones
// there are when a source is read for the first time begin together, where its
// startup mode says, and the sink is told before the first record, so that
// 'latest' means the same after a restart. One that is added later begins at 0.
// It returns whether reading may begin. r.mu is held.
func (r *reader) resolve(v *survey) bool {
	if !r.resolved {
		for _, seen := range v.partitions {
			if seen.err != nil || seen.startup < 0 {
				return false
			}
		}
	}
	for _, seen := range v.partitions {
		if r.partitions[seen.id] != nil {
			continue
		}
		p := newPartition(seen.id)
		p.start, p.end = seen.start, seen.stable
		if r.resolved {
			p.begin(0, -1)
			r.logger.Info("partition added", "partition", p.id)
		} else {
			p.begin(seen.startup, -1)
		}
		r.partitions[p.id] = p
		r.batcher.anchor(p, p.next)
	}
	r.resolved, r.batcher.partitions = true, len(r.partitions)
	if r.topicID == "" {
		r.topicID = v.topicID
	}
	return true
}

// place says from which offset a partition is to be fetched, if it can be: the
// one expected next, unless the broker does not have it. r.mu is held.
func (r *reader) place(p *partition, seen *surveyed) (kgo.Offset, bool) {
	from := p.next
	switch {
	case p.next < seen.start:
		gap := p.lost(r.settings.topic, p.next, seen.start, "the broker deleted them before they were read (retention)")
		if !r.lose(p, gap) {
			return kgo.Offset{}, false
		}
		r.batcher.anchor(p, seen.start)
		p.skip(seen.start)
		from = p.next
	case p.next > seen.end:
		gap := p.lost(r.settings.topic, seen.end, p.next, "they were read, but the broker's log ends before them now (truncated)")
		if !r.lose(p, gap) {
			return kgo.Offset{}, false
		}
		// What is written at these offsets from now on can't be told from what
		// was read before: it is dropped and counted.
		from = seen.end
	}
	if seen.epochEnd >= 0 && seen.epochEnd < from && from == p.next && p.epoch >= 0 {
		gap := p.lost(r.settings.topic, seen.epochEnd, p.next,
			"they were read, but a new leader of the partition has other records at these offsets (truncated)")
		if !r.lose(p, gap) {
			return kgo.Offset{}, false
		}
		p.epoch = -1 // the loss is reported; the client need not find it again
	}
	p.assigned, p.beyond = true, 0
	at := kgo.NewOffset().At(from)
	if p.epoch >= 0 && from == p.next {
		at = at.WithEpoch(p.epoch)
	}
	return at, true
}

// recheck looks at a partition that is being fetched. The client moves an
// offset past the end to the end without a word; that it was past it before
// the broker was asked, twice in a row, is no delay of the broker's. r.mu is held.
func (r *reader) recheck(p *partition, seen *surveyed) {
	if seen.before <= seen.end || p.truncatedTo(seen.end) {
		p.beyond = 0
		return
	}
	if p.beyond++; p.beyond > 1 {
		r.detach(p)
		r.wantSurvey()
	}
}

// lose applies the source's policy to offsets that are lost, and returns
// whether reading goes on. r.mu is held.
func (r *reader) lose(p *partition, gap source.Gap) bool {
	if r.settings.onLoss == continueOnLoss {
		p.gaps = append(p.gaps, gap)
		r.logger.Warn("offsets lost, reading goes on", "partition", p.id, "from", gap.From, "to", gap.To, "err", gap.Reason)
		return true
	}
	r.detach(p)
	p.stalled = gap.Reason + "; on_data_loss = 'continue' would go on without them"
	return false
}

// detach stops fetching a partition. What the client has fetched of it is
// dropped, what it has fetched of others is fetched again. r.mu is held.
func (r *reader) detach(p *partition) {
	if p.assigned {
		p.assigned = false
		r.client.RemoveConsumePartitions(map[string][]int32{r.settings.topic: {p.id}})
	}
}

// truncated handles the client's finding that the log diverged: what was read
// from offset to on was replaced. The client goes on from there by itself.
func (r *reader) truncated(p *partition, loss *kgo.ErrDataLoss) {
	if loss.ResetTo >= p.next {
		return // nothing that was delivered is concerned
	}
	r.lose(p, p.lost(r.settings.topic, loss.ResetTo, p.next,
		"they were read, but a new leader of the partition has other records at these offsets (truncated)"))
}

func isDataLoss(err error) (*kgo.ErrDataLoss, bool) {
	var loss *kgo.ErrDataLoss
	return loss, errors.As(err, &loss)
}
