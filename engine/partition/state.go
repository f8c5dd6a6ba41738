package partition

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/engine/watermark"
)

// State is a source's place in one partition.
type State struct {
	ID          int32
	Next, End   int64  // the offset expected next; the log's end as last seen, -1 unknown
	LeaderEpoch int32  // of the record before Next, -1 unknown
	TopicID     string // what the offsets are of, "" unknown
	// Records that became rows, came too late for some view, could not be decoded.
	Rows, Late, Rejected int64
	Lost                 int64 // offsets that the broker has lost, as far as reading went on without them
	MaxMicros            int64 // the greatest event time, watermark.None for none
	Idle                 bool
}

// New returns the state of a partition that begins at an offset.
func New(id int32, first int64) *State {
	return &State{ID: id, Next: first, End: -1, LeaderEpoch: -1, MaxMicros: watermark.None}
}

// Totals returns what was counted in partitions, and how many records are known that are yet
// to come.
func Totals(partitions []State) (rows, late, rejected, lag int64) {
	for i := range partitions {
		p := &partitions[i]
		rows, late, rejected, lag = rows+p.Rows, late+p.Late, rejected+p.Rejected, lag+max(0, p.End-p.Next)
	}
	return rows, late, rejected, lag
}

// Follows returns an error unless a range of offsets goes on where the partition
// stands, or says that it is of another log.
func (s *State) Follows(r *batch.OffsetRange) error {
	if r.First != s.Next && !r.StartsOver {
		return fmt.Errorf("partition %d: got offsets from %d on, expected %d", s.ID, r.First, s.Next)
	}
	return nil
}

// Rewinds reports whether a range has offsets that were taken before, of another log.
func (s *State) Rewinds(r *batch.OffsetRange) bool { return r.StartsOver && r.First < s.Next }

// Take moves on over a range of offsets.
func (s *State) Take(r *batch.OffsetRange) {
	if r.StartsOver { // the end and the leader were those of the other log
		s.End, s.LeaderEpoch = -1, -1
	}
	s.Next = r.Next
	s.Rows += int64(r.Rows)
	s.Lost += r.Lost
	if r.End >= 0 {
		s.End = r.End
	}
	if r.Epoch >= 0 || r.Lost > 0 {
		s.LeaderEpoch = r.Epoch
	}
	if r.Topic != "" {
		s.TopicID = r.Topic
	}
}

// Found takes what a reader knows of the partition before it delivers anything. The
// topic's identity is the one that came with the offsets, if one did: the reader may
// be ahead of them.
func (s *State) Found(p *source.PartitionStatus) {
	s.End = max(s.End, p.End)
	if s.TopicID == "" {
		s.TopicID = p.TopicID
	}
}

// Position returns where reading goes on.
func (s *State) Position() source.Position {
	return source.Position{Partition: s.ID, Next: s.Next, LeaderEpoch: s.LeaderEpoch, TopicID: s.TopicID, End: s.End}
}

// The counters that a checkpoint keeps, each followed by a partition's number. The
// end is there while something is behind Next: it says what is lost with a topic.
const (
	counterLost = "lost:"
	counterEnd  = "end:"
)

// Save adds the state to what a checkpoint of the source writes.
func (s *State) Save(w *checkpoint.Write, name string) {
	w.Partitions = append(w.Partitions, checkpoint.Partition{
		Source: name, Partition: s.ID, Next: s.Next, LeaderEpoch: s.LeaderEpoch, TopicID: s.TopicID,
		MaxMicros: s.MaxMicros, Late: s.Late, Rejected: s.Rejected, Rows: s.Rows,
	})
	count := func(counter string, value int64) {
		w.Counters = append(w.Counters, checkpoint.Counter{Object: name, Name: fmt.Sprint(counter, s.ID), Value: value})
	}
	if s.Lost > 0 {
		count(counterLost, s.Lost)
	}
	if s.End > s.Next {
		count(counterEnd, s.End)
	}
}

// Restore brings the state to where a checkpoint left it.
func (s *State) Restore(p *checkpoint.Partition, im *checkpoint.Image) {
	s.Next, s.LeaderEpoch, s.TopicID, s.MaxMicros = p.Next, p.LeaderEpoch, p.TopicID, p.MaxMicros
	s.Late, s.Rejected, s.Rows = p.Late, p.Rejected, p.Rows
	s.Lost, _ = im.Counter(p.Source, fmt.Sprint(counterLost, p.Partition))
	if end, ok := im.Counter(p.Source, fmt.Sprint(counterEnd, p.Partition)); ok {
		s.End = end
	}
}

// Show appends the partition's row of millstream.partitions. The delay is the
// source's, in microseconds; k is what the reader says.
func (s *State) Show(b *batch.Builder, name string, delay int64, k *source.PartitionStatus) {
	end := max(s.End, k.End)
	b.Column(0).AppendString(name)
	b.Column(1).AppendInt32(s.ID)
	b.Column(2).AppendInt64(s.Next)
	if end < 0 {
		b.Column(3).AppendNull()
		b.Column(4).AppendNull()
	} else {
		b.Column(3).AppendInt64(max(end, s.Next))
		b.Column(4).AppendInt64(max(0, end-s.Next))
	}
	if s.MaxMicros == watermark.None {
		b.Column(5).AppendNull()
	} else {
		b.Column(5).AppendInt64(s.MaxMicros - delay)
	}
	b.Column(6).AppendBool(s.Idle)
	for i, v := range []int64{s.Late, s.Rejected, s.Rows, s.Lost + k.Undecided} {
		b.Column(7 + i).AppendInt64(v)
	}
	b.Column(11).AppendString(string(k.State))
	b.Column(12).AppendText(k.Error)
	b.Column(13).AppendText(k.Name)
}
