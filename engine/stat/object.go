package stat

import (
	"time"

	"github.com/millstream-db/millstream/engine/source"
)

// Source is what there is to say about a source.
type Source struct {
	Name          string
	Status        source.Status
	Watermark     time.Time // zero: none yet
	Rows, Late    int64
	Rejected, Lag int64
	Partitions    []Partition
}

// Undecided returns how many offsets of a partition were found to be lost while it
// waits for somebody to decide.
func (s *Source) Undecided(partition int32) int64 {
	for i := range s.Status.Partitions {
		if p := &s.Status.Partitions[i]; p.Partition == partition {
			return p.Undecided
		}
	}
	return 0
}

// Partition is what there is to say about a partition.
type Partition struct {
	Partition int32
	Next, End int64 // End -1: unknown
	Lost      int64 // offsets that the broker has lost, those that wait for a decision included
}

// View is what there is to say about a view.
type View struct {
	Name                   string
	Windows, Groups, Bytes int64
	Late, Errors           int64
	Work
}

// Work is what a view has done since it was made or restored: the source's rows that it
// was given, what joins have made of them, and the time for it.
type Work struct {
	Rows, Joined        int64
	Join, Compute, Fold time.Duration
}

// Add takes in what another has done.
func (w *Work) Add(x Work) {
	w.Rows, w.Joined = w.Rows+x.Rows, w.Joined+x.Joined
	w.Join, w.Compute, w.Fold = w.Join+x.Join, w.Compute+x.Compute, w.Fold+x.Fold
}
