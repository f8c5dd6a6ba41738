package torture

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/torture/disk"
	"github.com/millstream-db/millstream/engine/enginetest/result"
)

// cut is a disk after a power cut.
type cut struct {
	data string
	end  int64 // of the journal
	name string
	// killed is not nil after a kill, which is a power cut with all that was written: another
	// power cut follows when the process runs again.
	killed *disk.Image
}

// TestPowerCuts lets the power fail at many or all calls by which a process changes its files: what
// was not made durable by then is on the disk, or is not, or a part of it is. A start on
// that must be right without anybody's help: what was answered is there once, the rest
// whole or not at all, and it goes on.
func TestPowerCuts(t *testing.T) {
	seed := seedOf(t)
	random := rand.New(rand.NewPCG(seed, 0))
	began := time.Now()
	var calls, cuts int
	for _, s := range stages(t) {
		list, journal, image := s.play(t)
		at := chosen(random, len(journal))
		calls += len(journal)
		next, done := inParallel(func(c cut) {
			if err := s.recover(t.Context(), c, slices.Concat(s.first, list)); err != nil {
				t.Errorf("%s, %s: %v", s.name, c.name, err)
				return
			}
			_ = os.RemoveAll(c.data) // it goes with the test anyway
		})
		for n, c := range journal {
			if err := image.Apply(c); err != nil {
				t.Fatalf("%s: call %d: %v", s.name, n, err)
			}
			if !at[n] || t.Failed() {
				continue
			}
			for _, keep := range []float64{0, 0.5, 1} {
				cuts++
				c := cut{data: filepath.Join(s.dir, fmt.Sprintf("cut-%d-%.0f", n, 100*keep)), end: c.End, name: fmt.Sprintf("power cut behind call %d of %d, a %s; %.0f %% of what was not durable is there", n+1, len(journal), c.Kind, 100*keep)}
				if err := image.PowerCut(c.data, keep, random); err != nil {
					t.Fatal(err)
				}
				if keep == 1 {
					c.killed = image.Killed(c.data)
				}
				next <- c
			}
		}
		done()
	}
	if !t.Failed() {
		result.Report(t, "power cuts", "%d after calls of 3 scenarios that have %d, 0 lost, 0 doubled, 0 refused starts; %.0f s; seed %d", cuts, calls, time.Since(began).Seconds(), seed)
	}
}
