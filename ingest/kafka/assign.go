package kafka

import (
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/engine/source"
)

// decide acts on a survey: it finds where partitions begin, assigns those that
// can be read and detaches those that can't. Only the poller calls it, between
// two polls, when every record that was fetched has been looked at.
func (r *reader) decide(v *survey) {
	if v.err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recreated(v) && !r.startOver(v) || !r.resolve(v) {
		r.show()
		return
	}
	assign := make(map[int32]kgo.Offset)
	listed := make(map[int32]bool, len(v.partitions))
	for i := range v.partitions {
		seen := &v.partitions[i]
		listed[seen.id] = true
		p := r.partitions[seen.id]
		if seen.err != nil {
			continue
		}
		if p.gone || p.topicID != "" && p.topicID != r.topicID {
			r.begin(p, seen, 0) // what the old topic had is counted
		}
		p.topicID = r.topicID
		switch {
		case p.stalled != "":
		case p.assigned:
			r.recheck(p, seen)
		default:
			if at, ok := r.place(p, seen); ok {
				assign[p.id] = at
			}
		}
	}
	for id, p := range r.partitions {
		switch {
		case listed[id]:
		case p.topicID != "" && p.topicID != r.topicID:
			p.gone = true // the topic that had it is no more
		default:
			p.unlisted = r.surveyor.partitionError(id, errPartitionGone).Error()
		}
	}
	if len(assign) > 0 {
		r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{r.settings.topic: assign})
	}
	r.show()
}

// recreated reports whether the topic is another one of the same name. r.mu is
// held.
func (r *reader) recreated(v *survey) bool {
	return r.topicID != "" && v.topicID != "" && r.topicID != v.topicID
}

// startOver applies the source's policy when the topic was deleted and created
// again: it goes on with the new one from its beginning, or detaches everything
// and waits for somebody to decide. What the old one had besides what was read
// is known as far as its last survey. It returns whether reading goes on. r.mu is
// held.
func (r *reader) startOver(v *survey) bool {
	listed := make(map[int32]*surveyed, len(v.partitions))
	for i := range v.partitions {
		if v.partitions[i].err != nil {
			return false
		}
		listed[v.partitions[i].id] = &v.partitions[i]
	}
	old := r.topicID
	if r.settings.onLoss == continueOnLoss {
		r.topicID = v.topicID
		// The client holds on to the identity of the topic that it has read.
		r.client.PurgeTopicsFromClient(r.settings.topic)
	}
	for _, id := range slices.Sorted(maps.Keys(r.partitions)) {
		p := r.partitions[id]
		r.detach(p)
		if p.gone || p.decide || p.topicID != "" && p.topicID != old {
			continue
		}
		gap := p.lost(r.settings.topic, p.next, max(p.next, p.end, p.endBefore), "the topic was deleted and created again")
		switch seen := listed[id]; {
		case !r.lose(p, gap):
		case seen != nil:
			r.begin(p, seen, gap.To-gap.From)
		default:
			p.gone, p.end = true, p.next // no more of it will come
			r.batcher.anchor(p, p.next, gap.To-gap.From)
		}
	}
	return r.topicID == v.topicID
}

// begin goes on with a partition of another topic than the one that was read, at its
// beginning. r.mu is held.
func (r *reader) begin(p *partition, seen *surveyed, lost int64) {
	p.compared = -1
	p.topicID, p.gone, p.stalled, p.decide, p.undecided = r.topicID, false, "", false, 0
	p.trouble, p.unlisted = "", ""
	p.start, p.end, p.endBefore = seen.start, seen.stable, -1
	r.batcher.startOver(p, seen.start, lost)
	p.restart(seen.start)
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
		r.batcher.anchor(p, p.next, 0)
	}
	r.resolved, r.batcher.partitions = true, len(v.partitions)
	if r.topicID == "" {
		r.topicID = v.topicID
	}
	return true
}

// place says from which offset a partition is to be fetched, if it can be: the
// one expected next, unless the broker does not have it. r.mu is held.
func (r *reader) place(p *partition, seen *surveyed) (kgo.Offset, bool) {
	if p.next < seen.start {
		gap := p.lost(r.settings.topic, p.next, seen.start, "the broker deleted them before they were read (retention)")
		if !r.lose(p, gap) {
			return kgo.Offset{}, false
		}
		r.batcher.anchor(p, seen.start, seen.start-p.next)
		p.skip(seen.start)
	} else if from, why := seen.parted(); from >= 0 && from < p.next {
		if p.beyond++; p.beyond < 2 {
			r.wantSurvey() // a new leader may not know yet how far its log goes
			return kgo.Offset{}, false
		}
		gap := p.lost(r.settings.topic, from, p.next, why)
		if !r.lose(p, gap) {
			return kgo.Offset{}, false
		}
		// What stands there now are other records than those that were read.
		at := max(from, seen.start)
		r.batcher.startOver(p, at, gap.To-gap.From)
		p.restart(at)
	}
	p.assigned, p.beyond, p.compared = true, 0, max(p.compared, seen.leaderEpoch)
	at := kgo.NewOffset().At(p.next)
	if p.epoch >= 0 {
		at = at.WithEpoch(p.epoch)
	}
	return at, true
}

// recheck looks at a partition that is being fetched. The client moves an
// offset past the end to the end without a word; that it was past it before
// the broker was asked, twice in a row, is no delay of the broker's. r.mu is held.
func (r *reader) recheck(p *partition, seen *surveyed) {
	if min(seen.before, p.next) <= seen.end {
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
	r.logger.Warn("offsets lost, the partition waits for a decision", "partition", p.id, "from", gap.From, "to", gap.To, "err", gap.Reason)
	p.decide = true
	p.stalled, p.undecided = gap.Reason+"; on_data_loss = 'continue' would go on without them", gap.To-gap.From
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

func isDataLoss(err error) (*kgo.ErrDataLoss, bool) {
	var loss *kgo.ErrDataLoss
	return loss, errors.As(err, &loss)
}
