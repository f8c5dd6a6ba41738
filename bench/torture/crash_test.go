package torture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/shopcheck"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/ingest/broker"
)

var cycles = flag.Int("cycles", 5, "how often TestCrash kills the database")

const (
	crashRate = 20_000 // records per second
	// workMax is how long the process may work before it is killed; now and
	// then it gets longWorkMax, so that windows close and checkpoints pile up.
	workMax     = 250 * time.Millisecond
	longWorkMax = 2 * time.Second
	// crashCycles is how often one database is killed at most: all of its records are
	// looked at after each kill, so with more of them each cycle takes longer.
	crashCycles = 100
)

// crash is the test's state over the cycles of one database.
type crash struct {
	t       *testing.T
	random  *rand.Rand
	options instance.Options
	addr    string // of the broker
	orders  *shopcheck.Orders
	feed    *shopcheck.Feed
	durable [shopcheck.Partitions]int64 // as of the last look into the file
	crashes
}

// crashes is what is counted.
type crashes struct {
	kills                   int
	records, rejected, late int64
	restarts                []time.Duration
	refused                 int
	checks                  int // of everything
	queries                 int // answered while the process was about to be killed
	starting                int // kills before the process was ready
	defining                int // kills amid DDL
}

// TestCrash kills the database at random moments while it ingests. After every
// kill the file on the disk must hold each record below its offsets exactly
// once, and what comes up again must be right.
func TestCrash(t *testing.T) {
	seed := seedOf(t)
	var all crashes
	started := time.Now()
	for left := *cycles; left > 0 && !t.Failed(); left -= crashCycles {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { all.add(crashOne(t, seed, min(left, crashCycles))) })
		seed++
	}
	if t.Failed() {
		return
	}
	slices.Sort(all.restarts)
	percentile := func(p int) time.Duration { return all.restarts[(len(all.restarts)-1)*p/100].Round(time.Millisecond) }
	result.Report(t, "crash", "%d kills, %d records, %d rejected, %d late, 0 lost, 0 doubled; %d full checks, %d queries amid the kills; restart p50 %s p99 %s max %s; %d refused starts; %.0f s",
		all.kills, all.records, all.rejected, all.late, all.checks, all.queries, percentile(50), percentile(99), percentile(100), all.refused, time.Since(started).Seconds())
}

// add counts those of another database as well.
func (all *crashes) add(c crashes) {
	all.kills, all.records, all.rejected, all.late = all.kills+c.kills, all.records+c.records, all.rejected+c.rejected, all.late+c.late
	all.restarts, all.refused = append(all.restarts, c.restarts...), all.refused+c.refused
	all.checks, all.queries = all.checks+c.checks, all.queries+c.queries
	all.starting, all.defining = all.starting+c.starting, all.defining+c.defining
}

// newCrash prepares a database whose topic gets so many records a second.
func newCrash(t *testing.T, seed uint64, rate int, o broker.Options, settings ...string) *crash {
	t.Helper()
	b := startBroker(t, o)
	orders := shopcheck.NewOrders(seed, time.Now().Add(-48*time.Hour), time.Millisecond)
	feed, err := shopcheck.NewFeed(t.Context(), shopcheck.FeedOptions{
		Brokers: []string{b.Addr()}, Topic: "orders", Orders: orders, Rate: rate,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(feed.Close)
	return &crash{t: t, random: rand.New(rand.NewPCG(seed, 0)), options: options(t, settings...), addr: b.Addr(), orders: orders, feed: feed}
}

// begin starts the database and its feed.
func (c *crash) begin() (db *instance.Instance, stop func() error) {
	c.t.Helper()
	db = start(c.t, c.options)
	mustExec(c.t, db, shopcheck.Statements(c.addr, "orders")...)
	return db, c.produce()
}

// revive looks at what a kill has left, and starts the database and its feed again. The
// feed waits meanwhile, so that the records are as many as the kills, and not as the test is
// slow.
func (c *crash) revive(stop func() error) (*instance.Instance, func() error) {
	c.t.Helper()
	c.kills++
	if err := stop(); err != nil {
		c.t.Fatal(err)
	}
	c.inspect()
	stop = c.produce()
	return c.restart(), stop
}

// crashOne kills a new database so many times.
func crashOne(t *testing.T, seed uint64, cycles int) crashes {
	c := newCrash(t, seed, crashRate, broker.Options{}, "--checkpoint_interval=200ms")
	db, stop := c.begin()
	for range cycles {
		c.work(db)
		db.Kill()
		db, stop = c.revive(stop)
	}
	c.finish(db, stop)
	return c.crashes
}

// produce feeds the topic until stop is called.
func (c *crash) produce() (stop func() error) {
	ctx, cancel := context.WithCancel(c.t.Context())
	var running sync.WaitGroup
	var feedErr error
	running.Go(func() { feedErr = c.feed.Run(ctx, 1<<40) })
	stop = sync.OnceValue(func() error {
		cancel()
		running.Wait()
		return feedErr
	})
	c.t.Cleanup(func() { _ = stop() }) // its error has been seen or the test has failed already
	return stop
}

// work lets the database work for a random time, asked a question or not.
func (c *crash) work(db *instance.Instance) {
	limit := workMax
	if c.random.IntN(6) == 0 {
		limit = longWorkMax
	}
	if c.random.IntN(12) == 0 {
		c.verify(db)
	}
	until := time.Now().Add(time.Duration(c.random.Int64N(int64(limit))))
	if c.random.IntN(2) == 0 {
		ctx, cancel := context.WithDeadline(c.t.Context(), until)
		_, err := shopcheck.VerifyStored(ctx, db)
		cancel()
		switch {
		case err == nil:
			c.queries++
		case errors.Is(err, shopcheck.ErrWrong):
			c.t.Fatal(err)
		case !errors.Is(err, context.DeadlineExceeded):
			c.t.Fatalf("a query amid the work: %v", err)
		}
	}
	time.Sleep(time.Until(until))
	if !db.Running() {
		c.t.Fatalf("millstream ended by itself; the end of its log:\n%s", db.Log(30))
	}
}

// inspect looks into the file that the killed process left.
func (c *crash) inspect() {
	c.t.Helper()
	next, err := readFile(c.t.Context(), c.options.Data)
	if err != nil {
		c.t.Fatalf("the file after a kill: %v", err)
	}
	for p := range next {
		if next[p] < c.durable[p] {
			c.t.Fatalf("partition %d: the stored offset went back from %d to %d", p, c.durable[p], next[p])
		}
	}
	c.durable = next
}

// restart starts the database again; it must know what the file knows.
func (c *crash) restart() *instance.Instance {
	c.t.Helper()
	db, err := instance.Start(c.t.Context(), c.options)
	if errors.Is(err, instance.ErrRefused) {
		c.refused++
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(db.Kill)
	c.restarts = append(c.restarts, db.Startup())
	f, err := shopcheck.VerifyStored(c.t.Context(), db)
	if err != nil {
		c.t.Fatalf("after a restart: %v", err)
	}
	for p := range f.Next {
		if f.Next[p] < c.durable[p] {
			c.t.Fatalf("partition %d: reads on at %d though %d was durable", p, f.Next[p], c.durable[p])
		}
	}
	return db
}

func (c *crash) verify(db *instance.Instance) shopcheck.Findings {
	c.t.Helper()
	c.checks++
	return mustVerify(c.t, db)
}

// finish ends the feed, and looks at everything once all of it has come.
func (c *crash) finish(db *instance.Instance, stop func() error) {
	c.t.Helper()
	if err := stop(); err != nil {
		c.t.Fatal(err)
	}
	waitFor(c.t, db, c.feed.Sent())
	f := c.verify(db)
	if f.Records != c.feed.Sent() || f.Lag != 0 {
		c.t.Errorf("%d records are stored with a lag of %d, %d were sent", f.Records, f.Lag, c.feed.Sent())
	}
	if err := shopcheck.VerifyContent(c.t.Context(), db, c.orders, f.Next); err != nil {
		c.t.Error(err)
	}
	c.records, c.rejected, c.late = f.Records, f.Rejected, f.Late
	c.end(db)
}

// end stops the database politely, looks at what is left on the disk, and
// starts it once more.
func (c *crash) end(db *instance.Instance) {
	c.t.Helper()
	if err := db.Stop(); err != nil {
		c.t.Fatal(err)
	}
	c.inspect()
	if err := noFileLeft(c.options.Data); err != nil {
		c.t.Error(err)
	}
	if total := sum(c.durable); total != c.feed.Sent() {
		c.t.Errorf("the file holds %d records after a polite end, %d were sent", total, c.feed.Sent())
	}
	db = start(c.t, c.options)
	if f := c.verify(db); f.Records != c.feed.Sent() {
		c.t.Errorf("%d records after a polite restart, want %d", f.Records, c.feed.Sent())
	}
}

func sum(next [shopcheck.Partitions]int64) int64 {
	var total int64
	for _, n := range next {
		total += n
	}
	return total
}

// noFileLeft returns an error if there are files that a database which was closed does not need.
func noFileLeft(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var left []string
	for _, e := range entries {
		switch e.Name() {
		case "history.duckdb", "LOCK":
		case "tmp":
			inside, err := os.ReadDir(dir + "/tmp")
			if err != nil {
				return err
			}
			for _, f := range inside {
				left = append(left, "tmp/"+f.Name())
			}
		default:
			info, err := e.Info()
			if err != nil {
				return err
			}
			left = append(left, fmt.Sprintf("%s (%d bytes)", e.Name(), info.Size()))
		}
	}
	if len(left) > 0 {
		return fmt.Errorf("files left behind: %v", left)
	}
	return nil
}
