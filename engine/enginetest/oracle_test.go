package enginetest_test

import (
	"context"
	"flag"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/enginetest/result"
)

var (
	seeds   = flag.Int("seeds", 25, "how many seeds TestOracle runs")
	from    = flag.Uint64("from", 1, "the first of them")
	oneSeed = flag.Uint64("seed", 0, "the one seed that TestOracle runs, 0 for all")
	// After some failed seeds the rest is not worth the time.
	failuresMax = flag.Int64("failures", 3, "after how many failed seeds TestOracle stops")
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// workers is how many seeds run at a time.
const workers = 2

// seedTimeout is for one seed; none takes more than a few seconds.
const seedTimeout = 10 * time.Minute

// totals is what all seeds together did.
type totals struct{ seeds, records, views, reads, told, failures atomic.Int64 }

func TestOracle(t *testing.T) {
	var (
		sum  totals
		wg   sync.WaitGroup
		next = make(chan uint64)
	)
	start := time.Now()
	for range workers {
		wg.Go(func() {
			for seed := range next {
				runSeed(t, seed, &sum)
			}
		})
	}
	if *oneSeed != 0 {
		next <- *oneSeed
	} else {
		for seed := *from; seed < *from+uint64(*seeds) && sum.failures.Load() < *failuresMax; seed++ {
			next <- seed
		}
	}
	close(next)
	wg.Wait()
	result.Report(t, "oracle", "%d seeds, %d records, %d views, %d comparisons of everything, %d rows told by subscriptions, %d mismatches, in %s",
		sum.seeds.Load(), sum.records.Load(), sum.views.Load(), sum.reads.Load(), sum.told.Load(), sum.failures.Load(), time.Since(start).Round(time.Second))
}

func runSeed(t *testing.T, seed uint64, sum *totals) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTimeout)
	defer cancel()
	plain, err := openPlain(ctx)
	if err != nil {
		t.Error(err)
		return
	}
	defer plain.Close()
	u, err := newRun(ctx, plain, t.TempDir(), seed)
	if err == nil {
		err = u.all(ctx)
	}
	if err == nil {
		err = u.finish(ctx)
	} else if u != nil && u.db != nil {
		if u.pin != nil {
			u.pin.Close()
		}
		u.unfollow()
		_ = u.db.Close(ctx)
	}
	sum.seeds.Add(1)
	if u != nil {
		sum.records.Add(int64(u.records))
		sum.views.Add(int64(len(u.views)))
		sum.reads.Add(int64(u.reads))
		sum.told.Add(int64(u.followed.told))
	}
	if err == nil {
		return
	}
	sum.failures.Add(1)
	trace := ""
	if u != nil {
		trace = "\n  " + strings.Join(u.trace, "\n  ")
	}
	t.Errorf("seed %d: %v\nrepeat with: go test ./engine/enginetest -run TestOracle -count=1 -args -seed=%d%s", seed, err, seed, trace)
}
