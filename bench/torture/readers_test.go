package torture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/bench/shopcheck"
	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/broker"
	"github.com/millstream-db/millstream/ingest/kafka"
	"github.com/millstream-db/millstream/query"
)

var readersFor = flag.Duration("readers-for", 5*time.Second, "how long TestReadersDuringCheckpoints asks")

const (
	readers         = 8
	readersRate     = 20_000 // records per second
	checkpointEvery = 50 * time.Millisecond
)

// offsets gives a row for each partition whose rows are not exactly the
// offsets from 0 to the one that it reads next.
const offsets = `WITH stored AS (SELECT _partition, _offset FROM orders UNION ALL SELECT _partition, _offset FROM "orders$rejected"),
counted AS (SELECT _partition, count(*) AS n, sum(_offset) AS total, max(_offset) AS top FROM stored GROUP BY _partition)
SELECT p.partition, p.next_offset, n, total, top FROM millstream.partitions p LEFT JOIN counted c ON p.partition = c._partition
WHERE coalesce(n, 0) <> next_offset OR coalesce(top, -1) + 1 <> next_offset OR coalesce(total, 0) <> next_offset * (next_offset - 1) // 2`

// crowd is readers that ask the same database all the time.
type crowd struct {
	db          *query.DB
	answers     atomic.Int64
	checkpoints atomic.Int64
	epochs      sync.Map // the different ones that were read
}

// TestReadersDuringCheckpoints asks questions whose answers are known at any
// epoch, over hot rows and history together, while rows move from one to the
// other many times a second.
func TestReadersDuringCheckpoints(t *testing.T) {
	b := startBroker(t, broker.Options{})
	orders := shopcheck.NewOrders(1, time.Now().Add(-48*time.Hour), time.Millisecond)
	feed, err := shopcheck.NewFeed(t.Context(), shopcheck.FeedOptions{Brokers: []string{b.Addr()}, Topic: "orders", Orders: orders, Rate: readersRate})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	db, err := query.Open(t.Context(), filepath.Join(t.TempDir(), "data"), query.Options{Engine: engine.Options{
		Connectors: map[string]source.Connector{"kafka": kafka.New(kafka.Options{})},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	for _, sql := range shopcheck.Statements(b.Addr(), "orders") {
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	c := &crowd{db: db}
	c.ask(t, feed)
	distinct := 0
	c.epochs.Range(func(any, any) bool { distinct++; return true })
	if t.Failed() {
		return
	}
	result.Report(t, "readers", "%d answers of %d readers at %d epochs during %d checkpoints, 0 inconsistent; %d records, %s",
		c.answers.Load(), readers, distinct, c.checkpoints.Load(), feed.Sent(), *readersFor)
}

// ask runs the feed, the checkpoints and the readers until the time is over or
// one of them has something to complain about.
func (c *crowd) ask(t *testing.T, feed *shopcheck.Feed) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), *readersFor)
	defer cancel()
	var all sync.WaitGroup
	run := func(f func() error) {
		all.Go(func() {
			if err := f(); err != nil && ctx.Err() == nil {
				t.Error(err)
				cancel()
			}
		})
	}
	run(func() error { return feed.Run(ctx, 1<<40) })
	run(func() error {
		for ctx.Err() == nil {
			if err := c.db.Checkpoint(ctx); err != nil {
				return fmt.Errorf("checkpoint: %w", err)
			}
			c.checkpoints.Add(1)
			time.Sleep(checkpointEvery)
		}
		return nil
	})
	for n := range readers {
		run(func() error { return c.read(ctx, rand.New(rand.NewPCG(uint64(n), 0))) })
	}
	all.Wait()
}

// read asks one question after the other.
func (c *crowd) read(ctx context.Context, random *rand.Rand) error {
	differences := shopcheck.Differences()
	names := slices.Sorted(maps.Keys(differences))
	for ctx.Err() == nil {
		var err error
		switch n := random.IntN(10); {
		case n == 0:
			name := names[random.IntN(len(names))]
			err = c.none(ctx, "view "+name, differences[name])
		case n < 4:
			err = c.none(ctx, "offsets", offsets)
		default:
			err = c.equal(ctx, shopcheck.Totals())
		}
		if err != nil {
			return err
		}
		c.answers.Add(1)
	}
	return nil
}

// none runs a statement that must give no rows.
func (c *crowd) none(ctx context.Context, what, sql string) error {
	return c.each(ctx, sql, func(r arrow.RecordBatch, epoch uint64) error {
		text, _ := r.MarshalJSON() // for people only
		return fmt.Errorf("%s at epoch %d: %s", what, epoch, text)
	})
}

// equal runs a statement that must give one row of equal values.
func (c *crowd) equal(ctx context.Context, sql string) error {
	return c.each(ctx, sql, func(r arrow.RecordBatch, epoch uint64) error {
		for i := 1; i < int(r.NumCols()); i++ {
			if r.Column(i).ValueStr(0) != r.Column(0).ValueStr(0) {
				text, _ := r.MarshalJSON() // for people only
				return fmt.Errorf("totals at epoch %d: %s", epoch, text)
			}
		}
		return nil
	})
}

func (c *crowd) each(ctx context.Context, sql string, f func(arrow.RecordBatch, uint64) error) error {
	result, err := c.db.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer result.Close()
	c.epochs.Store(result.Epoch, true)
	for {
		r, err := result.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(r, result.Epoch)
		}
		if err != nil {
			return err
		}
	}
}
