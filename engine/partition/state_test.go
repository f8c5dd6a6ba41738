package partition

import (
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/source"
)

func TestRangesGoOnOrStartOver(t *testing.T) {
	s := New(3, 10)
	for _, tt := range []struct {
		name    string
		r       batch.OffsetRange
		refused bool
		rewinds bool
		want    State
	}{
		{"the first", batch.OffsetRange{Partition: 3, First: 10, Next: 20, Rows: 9, End: 30, Epoch: 4, Topic: "a"}, false, false,
			State{Next: 20, End: 30, LeaderEpoch: 4, TopicID: "a", Rows: 9}},
		{"one that leaves a gap", batch.OffsetRange{First: 21, Next: 22}, true, false, State{}},
		{"one that comes again", batch.OffsetRange{First: 10, Next: 20}, true, false, State{}},
		{"one that knows no end, epoch or topic", batch.OffsetRange{First: 20, Next: 25, Rows: 5, End: -1, Epoch: -1}, false, false,
			State{Next: 25, End: 30, LeaderEpoch: 4, TopicID: "a", Rows: 14}},
		// The record before 40 was not read: its leader's epoch is not known.
		{"over what was lost", batch.OffsetRange{First: 25, Next: 40, End: 50, Epoch: -1, Lost: 15}, false, false,
			State{Next: 40, End: 50, LeaderEpoch: -1, TopicID: "a", Rows: 14, Lost: 15}},
		{"of another topic", batch.OffsetRange{First: 5, Next: 8, Rows: 3, End: -1, Epoch: -1, Topic: "b", Lost: 10, StartsOver: true}, false, true,
			State{Next: 8, End: -1, LeaderEpoch: -1, TopicID: "b", Rows: 17, Lost: 25}},
		{"of one that begins later", batch.OffsetRange{First: 100, Next: 100, End: 100, Epoch: -1, Topic: "c", StartsOver: true}, false, false,
			State{Next: 100, End: 100, LeaderEpoch: -1, TopicID: "c", Rows: 17, Lost: 25}},
	} {
		if err := s.Follows(&tt.r); (err != nil) != tt.refused {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if tt.refused {
			continue
		}
		if got := s.Rewinds(&tt.r); got != tt.rewinds {
			t.Errorf("%s: rewinds %t", tt.name, got)
		}
		s.Take(&tt.r)
		tt.want.ID, tt.want.MaxMicros = 3, s.MaxMicros
		if *s != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, *s, tt.want)
		}
	}
}

func TestReaderIsAheadOfTheOffsets(t *testing.T) {
	s := New(0, 0)
	s.Found(&source.PartitionStatus{TopicID: "a", End: 7})
	s.Take(&batch.OffsetRange{First: 0, Next: 3, End: 5, Epoch: -1, Topic: "a"})
	s.Found(&source.PartitionStatus{TopicID: "b", End: 6})
	if p := s.Position(); p.TopicID != "a" || p.Next != 3 || s.End != 6 {
		t.Errorf("%+v of %+v: offset 3 is not one of topic b", p, s)
	}
}

func TestCheckpointKeepsTheState(t *testing.T) {
	for _, lost := range []int64{0, 12} {
		s := &State{ID: 7, Next: 9, End: 9 + lost, LeaderEpoch: 2, TopicID: "x", Rows: 5, Late: 1, Rejected: 2, Lost: lost, MaxMicros: 99}
		var w checkpoint.Write
		s.Save(&w, "orders")
		New(8, 1).Save(&w, "orders")
		im := &checkpoint.Image{Partitions: w.Partitions, Counters: w.Counters}
		got := New(7, 0)
		got.Restore(&im.Partitions[0], im)
		want := *s
		if lost == 0 {
			want.End = -1 // the reader will say
		}
		if *got != want {
			t.Errorf("restored %+v, want %+v", *got, want)
		}
		if n := len(w.Counters); n != min(2, int(lost)) {
			t.Errorf("%d counters for %d offsets that are lost and behind", n, lost)
		}
	}
}
