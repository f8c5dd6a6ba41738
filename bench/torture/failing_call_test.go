package torture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/torture/disk"
	"github.com/millstream-db/millstream/engine/enginetest/result"
)

var onlyFault = flag.String("fault", "", `the only fault of TestFailingCalls, such as "commits 88 28 300 1": scenario, call, errno, milliseconds, half written`)

// TestFailingCalls has one call, or all for a while, fail by which the process reads and changes its files.
// It may refuse to start, saying why; otherwise it goes on by itself, and does in the
// end what was asked. What it has answered is there, also if after that the power fails.
func TestFailingCalls(t *testing.T) {
	seed := seedOf(t)
	random := rand.New(rand.NewPCG(seed, 0))
	began := time.Now()
	var tried, refused, ended atomic.Int64
	calls := int64(0)
	for _, s := range stages(t) {
		_, journal, _ := s.play(t)
		n := journal[len(journal)-1].Number
		calls += n
		next, done := inParallel(func(fault disk.Fault) {
			tried.Add(1)
			switch err := s.fail(t.Context(), fault); {
			case errors.Is(err, instance.ErrRefused):
				refused.Add(1)
			case errors.Is(err, errEnded):
				ended.Add(1)
			case err != nil:
				t.Errorf("%s: %s: %v", s.name, fault, err)
			}
		})
		for _, fault := range faults(t, random, s.name, n) {
			if !t.Failed() {
				next <- fault
			}
		}
		done()
	}
	if !t.Failed() {
		result.Report(t, "failing calls", "%d of 3 scenarios that have %d, 0 lost, 0 doubled; %d starts refused while it lasted, %d processes ended by DuckDB since undoing failed as well, all other went on; 0 starts refused after it; %.0f s; seed %d",
			tried.Load(), calls, refused.Load(), ended.Load(), time.Since(began).Seconds(), seed)
	}
}

// faults returns what is to fail of a scenario that has so many calls.
func faults(t *testing.T, random *rand.Rand, scenario string, calls int64) (list []disk.Fault) {
	if *onlyFault != "" {
		var name string
		var at, errno, ms, torn int64
		if _, err := fmt.Sscan(*onlyFault, &name, &at, &errno, &ms, &torn); err != nil {
			t.Fatalf("-fault=%q: %v", *onlyFault, err)
		}
		if name != scenario {
			return nil
		}
		return []disk.Fault{{At: at, Error: syscall.Errno(errno), For: time.Duration(ms) * time.Millisecond, Torn: torn != 0}}
	}
	for _, at := range slices.Sorted(maps.Keys(chosen(random, int(calls)))) {
		fault := disk.Fault{At: int64(at) + 1, Error: syscall.EIO, Torn: random.IntN(2) == 0}
		if random.IntN(2) == 0 {
			fault.Error = syscall.ENOSPC
		}
		if random.IntN(2) == 0 {
			fault.For = 300 * time.Millisecond
		}
		list = append(list, fault)
	}
	return list
}

// fail plays the scenario with a fault. If all is right it returns an error that wraps
// instance.ErrRefused if the start was refused while the fault lasted, and errEnded if DuckDB has
// ended the process, which it may only do while calls fail again and again; else nil.
func (s *stage) fail(ctx context.Context, fault disk.Fault) error {
	data, err := s.fresh(fmt.Sprint("fault-", fault.At))
	if err != nil {
		return err
	}
	w := s.watch(data)
	w.Fail = fault
	image, err := disk.Load(w.Directory)
	if err != nil {
		return err
	}
	list, db, outcome := s.run(ctx, w)
	if db != nil {
		defer db.Kill()
	}
	all := slices.Concat(s.first, list)
	switch text := fmt.Sprint(outcome); {
	case outcome == nil:
		f, err := look(ctx, db)
		if err == nil {
			err = f.judge(all, never)
		}
		if err != nil {
			return err
		}
		if s.stops {
			_ = db.Stop() // the fault may be that of its end
		}
		db.Kill()
	case errors.Is(outcome, instance.ErrRefused) && strings.Contains(text, "exit status 1\n"):
	case errors.Is(outcome, instance.ErrRefused): // while it started, of which its log has the words
		if !mayEnd(fault, s.said(w.Directory)) {
			return fmt.Errorf("a start has crashed: %s", s.said(w.Directory))
		}
		outcome = errEnded
	case errors.Is(outcome, errEnded) && mayEnd(fault, text):
	default:
		return fmt.Errorf("%v", outcome) // what it wraps would excuse it
	}
	after, err := powerCut(w, image)
	if err != nil {
		return err
	}
	if err := s.recover(ctx, cut{data: after, end: never - 1}, all); err != nil {
		return fmt.Errorf("a power cut after the fault: %v; before that: %v", err, outcome)
	}
	if err := s.recover(ctx, cut{data: w.Directory, end: never - 1}, all); err != nil {
		return fmt.Errorf("a start after the fault: %v; before that: %v", err, outcome)
	}
	for _, path := range []string{w.Directory, after, w.Journal} {
		_ = os.RemoveAll(path) // it goes with the test anyway
	}
	return outcome
}

// mayEnd reports whether DuckDB may end the process: it does if undoing what has failed fails as well, as it does on a
// disk that is broken for a while, but not on a full one.
func mayEnd(fault disk.Fault, said string) bool {
	return fault.For > 0 && fault.Error != syscall.ENOSPC && strings.Contains(said, aborted)
}

// said returns what a process on a directory has logged.
func (s *stage) said(data string) string {
	text, err := os.ReadFile(data + ".log")
	if err != nil {
		return err.Error()
	}
	return string(text)
}
