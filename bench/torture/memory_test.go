package torture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/ingest/broker"
)

var memoryKeys = flag.Int64("memory-keys", 300_000, "how many keys the records of TestMemory have")

const (
	// budgetBase and budgetPerKey are process_memory: a view with a few numbers for each key fits,
	// and one with more does not, nor what the readers ask for.
	budgetBase   = 512 << 20
	budgetPerKey = 700
	// The process may have a tenth more than process_memory, which it measures and does not reserve; but
	// moreMemory in any case, which ten statements take on a busy machine until they heed that they are ended.
	moreMemory = 256 << 20
	// memoryRecords are the records of each key.
	memoryRecords = 3
	heavyReaders  = 10
	heavyTimeout  = time.Minute
)

// heavy are statements that take what they can get: they sort, join and collect everything there is.
var heavy = []string{
	"SELECT * FROM by_key ORDER BY total DESC, key",
	"SELECT key, note, row_number() OVER (PARTITION BY key ORDER BY amount DESC) FROM readings",
	"SELECT a.key, count(*), max(b.note) FROM readings a JOIN readings b ON a.amount = b.amount AND a.key <> b.key GROUP BY a.key",
	"SELECT note, count(DISTINCT key), list(amount) FROM readings GROUP BY note",
	"SELECT sum(length(repeat(note, 20000))) FROM readings",
	"SELECT length(string_agg(note, ', ' ORDER BY amount)) FROM readings",
	"COPY (SELECT * FROM readings) TO STDOUT",
}

// crammedCodes are those of statements that are ended: for want of memory, after a time, and since the file is opened
// again after a COMMIT for which DuckDB had no memory.
var crammedCodes = []string{"53200", "57014", "57P03"}

// crammed is a database whose memory is too small for what is asked of it.
type crammed struct {
	t      *testing.T
	db     *instance.Instance
	budget int64
	broker *broker.Broker
	count  int64 // of the records

	answers, refused, checks atomic.Int64
}

// TestMemory sends records as fast as the broker takes them, many of each of a great number of keys,
// has views of all keys, one more than there is room for, and readers who sort, join and collect
// everything there is. The process stays within process_memory, ingest slows down, statements are
// ended and say why, the view that grows beyond its room is paused, and nothing is lost.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("how much is taken until a statement heeds that it is ended depends on what else the machine does: run it without -short, or make torture")
	}
	c := &crammed{t: t, count: *memoryKeys * memoryRecords, budget: budgetBase + budgetPerKey**memoryKeys, broker: startBroker(t, broker.Options{})}
	if err := c.broker.Cluster().CreateTopic("readings", 4, nil); err != nil {
		t.Fatal(err)
	}
	c.db = start(t, options(t, "--pg=127.0.0.1:0", fmt.Sprintf("--process_memory=%dB", c.budget), "--checkpoint_interval=2s",
		fmt.Sprintf("--memory=%dB", c.budget/8), fmt.Sprintf("--duckdb_memory=%dB", c.budget/4), fmt.Sprintf("--view_memory=%dB", c.budget),
		fmt.Sprintf("--statement_timeout=%s", heavyTimeout)))
	mustExec(t, c.db,
		fmt.Sprintf("CREATE SOURCE readings (key BIGINT, amount BIGINT, note VARCHAR) WITH (connector = 'kafka', topic = 'readings', properties.bootstrap.server = '%s') FORMAT PLAIN ENCODE JSON", c.broker.Addr()),
		"CREATE MATERIALIZED VIEW by_key AS SELECT key, count(*) AS n, sum(amount) AS total FROM readings GROUP BY key",
		"CREATE MATERIALIZED VIEW by_note AS SELECT key, note, min(amount) AS least, max(amount) AS most, avg(amount) AS mean, count(DISTINCT amount) AS amounts FROM readings GROUP BY key, note",
		"CREATE MATERIALIZED VIEW by_size AS SELECT amount % 10 AS size, count(*) AS n, sum(amount) AS total FROM readings GROUP BY size")
	began := time.Now()
	fed := c.crowd()
	if t.Failed() {
		return
	}
	c.finish()
	most := c.db.PeakMemoryBytes()
	if most > c.budget+max(c.budget/10, moreMemory) {
		t.Errorf("the process had %d MiB at most, process_memory is %d MiB", most>>20, c.budget>>20)
	}
	if t.Failed() {
		return
	}
	result.Report(t, "memory", "%d records of %d keys, which came %.1f times as fast as they were taken; process_memory %d MiB, at most %d MiB resident (%.2f of it); %d statements of %d heavy readers answered, %d ended, %d checks right; the file was opened again %.0f times; 0 lost; %.0f s",
		c.count, *memoryKeys, fed, c.budget>>20, most>>20, float64(most)/float64(c.budget), c.answers.Load(), heavyReaders, c.refused.Load(), c.checks.Load(), c.reopened(), time.Since(began).Seconds())
}

// crowd has everybody at it until all records are taken in. It returns how much faster they came than
// they were taken.
func (c *crammed) crowd() (fed float64) {
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	var all sync.WaitGroup
	run := func(f func(context.Context) error) {
		all.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				c.t.Error(err)
				cancel()
			}
		})
	}
	began := time.Now()
	var feeding time.Duration
	run(func(ctx context.Context) error {
		err := c.feed(ctx)
		feeding = time.Since(began)
		return err
	})
	for n := range heavyReaders {
		run(func(ctx context.Context) error { return c.read(ctx, rand.New(rand.NewPCG(uint64(n), 0))) })
	}
	run(c.check)
	for ctx.Err() == nil && c.taken(ctx) < c.count {
		time.Sleep(100 * time.Millisecond)
		if !c.db.Running() {
			c.t.Errorf("the process has ended: %v\n%s", c.db.Err(), c.db.Log(30))
			break
		}
	}
	took := time.Since(began)
	cancel()
	all.Wait()
	return took.Seconds() / feeding.Seconds()
}

// feed sends all records. The keys come in an order that jumps.
func (c *crammed) feed(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.broker.Addr()), kgo.DefaultProduceTopic("readings"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for n := int64(0); n < c.count && ctx.Err() == nil; n++ {
		client.Produce(ctx, &kgo.Record{Partition: int32(n % 4), Value: fmt.Appendf(nil, `{"key": %d, "amount": %d, "note": "reading number %d of the meter in room %d"}`, c.key(n), n%1000, n/2, n%97)},
			func(_ *kgo.Record, err error) {
				if err != nil {
					cancel(err)
				}
			})
	}
	if err := client.Flush(ctx); err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// key returns the key of a record: each once before any comes again.
func (c *crammed) key(n int64) int64 { return n * 7_368_787 % *memoryKeys }

// taken returns how many records have been taken in; it may be refused to tell.
func (c *crammed) taken(ctx context.Context) int64 {
	m, err := c.db.Metrics(ctx)
	if err != nil {
		return 0
	}
	return int64(m[`millstream_source_rows_total{source="readings"}`])
}

// reopened returns how often the file was opened again.
func (c *crammed) reopened() float64 {
	c.t.Helper()
	m, err := c.db.Metrics(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return m["millstream_history_reopened_total"]
}

// read asks for too much, again and again.
func (c *crammed) read(ctx context.Context, random *rand.Rand) error {
	for ctx.Err() == nil {
		sql := heavy[random.IntN(len(heavy))]
		err := c.ask(ctx, sql)
		var refused *pgconn.PgError
		switch {
		case err == nil:
			c.answers.Add(1)
		case errors.As(err, &refused) && slices.Contains(crammedCodes, refused.Code):
			c.refused.Add(1)
		case refused != nil:
			return fmt.Errorf("%s: %w (%s)", sql, err, refused.Detail)
		default:
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// ask runs a statement and reads the result, whatever it is.
func (c *crammed) ask(ctx context.Context, sql string) error {
	conn, err := pgconn.Connect(ctx, fmt.Sprintf("postgres://reader@%s/millstream?sslmode=disable", c.db.Postgres()))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the result is known
	if strings.HasPrefix(sql, "COPY") {
		_, err := conn.CopyTo(ctx, io.Discard, sql)
		return err
	}
	results := conn.Exec(ctx, sql)
	for results.NextResult() {
		for r := results.ResultReader(); r.NextRow(); {
		}
	}
	return results.Close()
}

// check asks now and then what is equal at any epoch.
func (c *crammed) check(ctx context.Context) error {
	return every(ctx, 500*time.Millisecond, func() error {
		rows, err := c.db.Integers(ctx, "SELECT (SELECT count(*) FROM readings), (SELECT sum(n)::BIGINT FROM by_key), (SELECT sum(n)::BIGINT FROM by_size), (SELECT sum(total)::BIGINT FROM by_key), (SELECT sum(total)::BIGINT FROM by_size)")
		var refused *instance.Error
		if errors.As(err, &refused) && slices.Contains(crammedCodes, refused.Code) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if r := rows[0]; r[0] != r[1] || r[1] != r[2] || r[3] != r[4] {
			return fmt.Errorf("%v: the first three are to be equal, and the last two", r)
		}
		c.checks.Add(1)
		return nil
	})
}

// finish looks at everything once nobody is there any more.
func (c *crammed) finish() {
	t := c.t
	t.Helper()
	views := c.patiently("SELECT string_agg(name || ' ' || status, ', ' ORDER BY name), max(error) FROM millstream.views").Rows[0]
	if views[0] != "by_key running, by_note paused, by_size running" {
		t.Errorf("the views: %v", views)
	}
	t.Logf("%v", views[1])
	if n := c.patiently("SELECT count(*) FROM readings").Rows[0][0]; fmt.Sprint(n) != fmt.Sprint(c.count) {
		t.Errorf("%v records are there, %d were sent", n, c.count)
	}
	// In parts, for which there is room.
	const parts = 16
	for part := range parts {
		where := fmt.Sprintf("WHERE key %% %d = %d", parts, part)
		is, want := "(SELECT key, n, total FROM by_key "+where+")", "(SELECT key, count(*), sum(amount) FROM readings "+where+" GROUP BY key)"
		for _, sql := range []string{is + " EXCEPT ALL " + want, want + " EXCEPT ALL " + is} {
			if a := c.patiently(sql + " LIMIT 5"); len(a.Rows) > 0 {
				t.Fatalf("%v: %s", a, sql)
			}
		}
	}
}

// patiently runs a statement for which there is room once what the readers had is given back.
func (c *crammed) patiently(sql string) *instance.Answer {
	c.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		a, err := c.db.Query(c.t.Context(), sql)
		var refused *instance.Error
		if err == nil {
			return a
		}
		if !errors.As(err, &refused) || refused.Code != "53200" || time.Now().After(deadline) {
			c.t.Fatalf("%s: %v", sql, err)
		}
	}
}
