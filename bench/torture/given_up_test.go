package torture

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/shopcheck"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/ingest/broker"
)

var givenUpRounds = flag.Int("rounds", 2, "how often TestFileGivenUp lets the file grow no more")

const (
	givenUpRate = 30_000 // records per second
	// largeBytes is the size from which on the file does not grow: the log, which is
	// folded at 16 MiB, stays smaller.
	largeBytes = 26 << 20
)

// limitFiles lets no file of a process grow beyond a size; a negative one lifts that.
func limitFiles(t *testing.T, pid int, size int64) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &limit); err != nil {
		t.Skipf("NOT TESTED WITH A FILE THAT CAN'T GROW: %v", err)
	}
	limit.Cur = limit.Max
	if size >= 0 {
		limit.Cur = uint64(size)
	}
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Skipf("NOT TESTED WITH A FILE THAT CAN'T GROW: %v", err)
	}
}

// TestFileGivenUp lets the database file grow no more until DuckDB has given it up,
// again and again, while records come and queries are asked. The process opens the
// file again by itself: no query has a wrong answer, and nothing is lost or there
// twice.
func TestFileGivenUp(t *testing.T) {
	b := startBroker(t, broker.Options{})
	orders := shopcheck.NewOrders(1, time.Now().Add(-48*time.Hour), time.Millisecond)
	feed, err := shopcheck.NewFeed(t.Context(), shopcheck.FeedOptions{Brokers: []string{b.Addr()}, Topic: "orders", Orders: orders, Rate: givenUpRate})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	o := options(t, "--checkpoint_interval=200ms", "--memory=16MiB")
	db := start(t, o)
	mustExec(t, db, shopcheck.Statements(b.Addr(), "orders")...)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var running sync.WaitGroup
	var feedErr error
	running.Go(func() { feedErr = feed.Run(ctx, 1<<40) })
	var q questions
	running.Go(func() { q.ask(ctx, t, db) })

	file := filepath.Join(o.Data, checkpoint.FileName)
	random := rand.New(rand.NewPCG(1, 0))
	givenUp := func() int { return count(t, o.Log, "the database file has to be opened again") }
	for range *givenUpRounds {
		size := int64(0)
		eventually(t, 5*time.Minute, "a large file", func() bool {
			info, err := os.Stat(file)
			if err == nil {
				size = info.Size()
			}
			return size >= largeBytes
		}, func() string { return db.Log(10) })
		before := givenUp()
		limitFiles(t, db.PID(), size+64<<10)
		eventually(t, 2*time.Minute, "DuckDB gives the file up", func() bool { return givenUp() > before }, func() string { return db.Log(10) })
		time.Sleep(time.Duration(random.Int64N(int64(2 * time.Second))))
		limitFiles(t, db.PID(), -1)
		sent := feed.Sent()
		eventually(t, 2*time.Minute, "all that was sent", func() bool { return taken(t, db) >= sent }, func() string { return db.Log(10) })
		q.round(t, db)
	}
	stop()
	running.Wait()
	if feedErr != nil {
		t.Fatal(feedErr)
	}
	waitFor(t, db, feed.Sent())
	f := mustVerify(t, db)
	if f.Records != feed.Sent() || f.Lag != 0 {
		t.Errorf("%d records are stored with a lag of %d, %d were sent", f.Records, f.Lag, feed.Sent())
	}
	if err := shopcheck.VerifyContent(t.Context(), db, orders, f.Next); err != nil {
		t.Error(err)
	}
	if err := db.Stop(); err != nil {
		t.Fatal(err)
	}
	if next, err := readFile(t.Context(), o.Data); err != nil || sum(next) != f.Records {
		t.Errorf("the file holds %d records (%v), %d were sent", sum(next), err, f.Records)
	}
	if err := noFileLeft(o.Data); err != nil {
		t.Error(err)
	}
	result.Report(t, "file given up", "%d rounds, opened again %d times, %d records, 0 lost, 0 doubled; %d queries were right, %d refused for now, longest wait %.1f s",
		*givenUpRounds, count(t, o.Log, "the database file is open again"), f.Records, q.right.Load(), q.refused.Load(), time.Duration(q.longest.Load()).Seconds())
}

// taken is how many records the source has taken in, 0 if that can't be asked now.
func taken(t *testing.T, db *instance.Instance) int64 {
	t.Helper()
	rows, err := db.Integers(t.Context(), "SELECT coalesce(sum(next_offset), 0)::BIGINT FROM millstream.partitions WHERE source = 'orders'")
	var refused *instance.Error
	if errors.As(err, &refused) && refused.Code == "57P03" {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows[0][0]
}

// count counts the lines of a log that have a message.
func count(t *testing.T, log, message string) (n int) {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), message)
}

// questions are asked all the time.
type questions struct{ right, refused, longest, before atomic.Int64 }

// ask asks until the context ends. An answer may be refused for now, but not wrong.
func (q *questions) ask(ctx context.Context, t *testing.T, db *instance.Instance) {
	for ctx.Err() == nil {
		began := time.Now()
		_, err := shopcheck.VerifyStored(ctx, db)
		q.longest.Store(max(q.longest.Load(), int64(time.Since(began))))
		var refused *instance.Error
		switch {
		case err == nil:
			q.right.Add(1)
		case ctx.Err() != nil:
		case errors.As(err, &refused) && refused.Code == "57P03" && refused.Hint != "":
			q.refused.Add(1)
		default:
			t.Errorf("a query while the file is given up: %v", err)
			return
		}
	}
}

// round waits until queries are answered that were not when it was called last.
func (q *questions) round(t *testing.T, db *instance.Instance) {
	t.Helper()
	eventually(t, 20*time.Second, "an answer", func() bool { return q.right.Load() > q.before.Load() }, func() string { return db.Log(10) })
	q.before.Store(q.right.Load())
}
