package checkpoint

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	compare "github.com/google/go-cmp/cmp"
)

// TestChangedPartitionsAreWritten: whatever changes from checkpoint to checkpoint,
// and whether one fails, the file has the partitions of the last.
func TestChangedPartitionsAreWritten(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	random := rand.New(rand.NewPCG(1, 2))
	now := make(places)
	for n := range 60 {
		for range random.IntN(40) {
			at := place{fmt.Sprint("it's ", random.IntN(3)), int32(random.IntN(60))}
			now[at] = Partition{Source: at.source, Partition: at.partition, Next: random.Int64N(1000), TopicID: fmt.Sprint("'", random.IntN(5))}
		}
		if random.IntN(4) == 0 { // a source is dropped, or has another name
			maps.DeleteFunc(now, func(at place, _ Partition) bool { return at.source == "it's 1" })
		}
		w := &Write{Epoch: uint64(n + 1), At: start, Partitions: slices.Collect(maps.Values(now))}
		if random.IntN(5) == 0 {
			w.Rows = []Rows{{Table: "nothing"}}
			if _, err := s.Commit(ctx, w); err == nil {
				t.Fatal("a broken checkpoint was committed")
			}
			w.Rows = nil
		}
		if _, err := s.Commit(ctx, w); err != nil {
			t.Fatal(err)
		}
		if random.IntN(6) == 0 {
			s.Close()
			s = open(t, dir)
		}
		im, err := s.Load(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		sort := func(list []Partition) []Partition {
			slices.SortFunc(list, func(a, b Partition) int {
				return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Partition, b.Partition))
			})
			return list
		}
		if diff := compare.Diff(sort(w.Partitions), sort(im.Partitions)); diff != "" && len(now) > 0 {
			t.Fatalf("checkpoint %d of %d partitions: %s", n, len(now), diff)
		}
	}
	if len(now) <= wholePartitions {
		t.Errorf("only %d partitions", len(now))
	}
	s.Close()
}
