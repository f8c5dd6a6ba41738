package kafka

import (
	"fmt"
	"time"

	"github.com/millstream-db/millstream/engine/source"
)

// partition is one partition of the topic. The poller owns it: only the poller
// writes it, always under the reader's mu, so that the poller may read it
// without and everyone else with the lock.
type partition struct {
	id      int32
	topicID string // the topic's identity when it was last read, "" unknown

	resolved bool  // next is known
	next     int64 // the offset expected next
	epoch    int32 // leader epoch of the record before next, -1 unknown
	compared int32 // the newest leader epoch whose log was compared with what was read
	assigned bool  // the client is fetching it
	beyond   int   // surveys in a row that saw the log end, or part from what was read, before next
	gaps     []source.Gap

	// The offset that a record must have to be new was lost by the broker, and
	// going on without a decision would hide that.
	stalled   string
	decide    bool  // with stalled: somebody has to decide what becomes of a loss
	undecided int64 // then: how many offsets were lost
	gone      bool  // the topic that had it is no more, and the one of its name has fewer

	waits     string       // why the next record can't be decoded yet, "" it can
	waitState source.State // with waits

	delivered  int64     // next, as far as the sink has taken it
	start, end int64     // the log's, as last seen; -1 unknown
	endBefore  int64     // the log's end as last seen by a reader before this one, or less
	unlisted   string    // what the last survey could not find out about it
	trouble    string    // what the client last said against reading it
	troubledAt time.Time // when trouble was last seen
}

func newPartition(id int32) *partition {
	return &partition{id: id, epoch: -1, compared: -1, start: -1, end: -1}
}

// begin sets the offset that is expected next.
func (p *partition) begin(next int64, epoch int32) {
	p.resolved, p.next, p.epoch, p.delivered = true, next, epoch, next
}

// skip moves past offsets that the broker lost. The epoch of the record before
// is unknown then, so that the broker can't be asked about it.
func (p *partition) skip(to int64) { p.next, p.epoch = max(p.next, to), -1 }

// restart begins at an offset of another log than the one that was read.
func (p *partition) restart(at int64) { p.next, p.epoch, p.beyond = at, -1, 0 }

// lost describes the offsets [from, to) that the broker no longer has.
func (p *partition) lost(topic string, from, to int64, why string) source.Gap {
	what := fmt.Sprintf("offsets %d to %d are lost", from, to-1)
	if from == to {
		what = fmt.Sprintf("it had been read up to its end at offset %d", from)
	}
	return source.Gap{
		From: from, To: to, At: time.Now(),
		Reason: fmt.Sprintf("topic %s partition %d: %s: %s", topic, p.id, what, why),
	}
}

// status is what the partition's row in a Status says. Trouble that was not
// seen again for a while is over: the client does not say when it ends.
func (p *partition) status(topicID string, forget time.Duration) source.PartitionStatus {
	s := source.PartitionStatus{
		Partition: p.id, TopicID: p.topicID, Next: p.delivered, Start: p.start, End: p.end,
		State: source.Starting, Gaps: append([]source.Gap(nil), p.gaps...), Undecided: p.undecided,
	}
	if s.TopicID == "" {
		s.TopicID = topicID
	}
	switch {
	case p.stalled != "":
		s.State, s.Error = source.Stalled, p.stalled
	case p.waits != "":
		s.State, s.Error = p.waitState, p.waits
	case p.unlisted != "":
		s.State, s.Error = source.Retrying, p.unlisted
	case p.trouble != "" && time.Since(p.troubledAt) < forget:
		s.State, s.Error = source.Retrying, p.trouble
	case p.assigned:
		s.State = source.Running
	}
	return s
}
