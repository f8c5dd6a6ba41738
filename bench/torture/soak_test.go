package torture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/shopcheck"
	"github.com/millstream-db/millstream/bench/workload"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/ingest/broker"
)

var soakFor = flag.Duration("soak", 30*time.Second, "how long TestSoak runs")

const (
	// Records per second, of orders and of the rest.
	soakOrders = 1_000
	soakShop   = 500
	// soakDuckDB is to have room for comparing what two hours bring, beside everything else: 128 MiB
	// had not.
	soakDuckDB = 256 << 20
	// soakLives is how often a short soak starts the process. In a long one it lives for an hour, or
	// half of the time: so long that DuckDB's cache is full in the first part of it.
	soakLives = 5
	soakLife  = time.Hour
)

// soak is the test's state.
type soak struct {
	t       *testing.T
	options instance.Options
	random  *rand.Rand
	views   []relation

	// up is held for reading by whoever asks the database, and for writing while it is
	// started anew.
	up   sync.RWMutex
	db   *instance.Instance
	life int // how often it has been started anew

	growth                                      growth
	checks, queries, definitions, pushed, kills atomic.Int64
	told                                        subscriber
}

// TestSoak has a database do everything at once for a long time: topics of JSON, Avro and
// Protobuf, rows that are pushed, questions, a subscriber, DDL, and a process that is ended
// or killed now and then. Again and again everything is compared with plain SQL over the records;
// and in the long run memory, descriptors and goroutines do not grow, nor the file faster
// than the records.
func TestSoak(t *testing.T) {
	registry, err := broker.StartRegistry("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	b := startBroker(t, broker.Options{Topics: workload.ShopTopics(true)})
	s := &soak{
		t: t, options: options(t, "--pg=127.0.0.1:0", "--checkpoint_interval=1s", "--memory=64MiB", fmt.Sprintf("--duckdb_memory=%dB", soakDuckDB)),
		random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), views: soakViews(),
	}
	s.db = start(t, s.options)
	t.Cleanup(func() { s.db.Kill() })
	orders := shopcheck.NewOrders(1, time.Now().Add(-48*time.Hour), time.Millisecond)
	feed, err := shopcheck.NewFeed(t.Context(), shopcheck.FeedOptions{Brokers: []string{b.Addr()}, Topic: "checked_orders", Orders: orders, Rate: soakOrders})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	shop, err := workload.NewProducer(workload.ProducerOptions{Brokers: []string{b.Addr()}, Rate: soakShop, Registry: registry.URL()})
	if err == nil {
		err = shop.Register(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer shop.Close()
	s.define(b.Addr(), registry.URL())

	ctx, cancel := context.WithTimeout(t.Context(), *soakFor)
	defer cancel()
	began := time.Now()
	var all sync.WaitGroup
	run := func(f func(context.Context) error) {
		all.Go(func() {
			if err := f(ctx); err != nil {
				t.Error(err)
				cancel()
			}
		})
	}
	run(func(ctx context.Context) error { return feed.Run(ctx, 1<<40) })
	run(shop.Run)
	for _, f := range []func(context.Context) error{s.ask, s.redefine, s.push, s.follow, s.sample, s.check, s.restart} {
		run(f)
	}
	all.Wait()
	if !t.Failed() {
		s.finish(feed, orders)
	}
	if t.Failed() {
		t.Logf("until then: %d full checks, %d queries, %d restarts; %s", s.checks.Load(), s.queries.Load(), s.life, s.grown())
		return
	}
	result.Report(t, "soak", "%s, %d records of orders, %d of other topics, %d pushed rows; %d full checks, %d queries, %d definitions, %d rows told to a subscriber, 0 wrong; %d restarts, %d of them kills; %s",
		time.Since(began).Round(time.Second), feed.Sent(), shop.Sent(), s.pushed.Load(), s.checks.Load(), s.queries.Load(), s.definitions.Load(), s.told.rows.Load(), s.life, s.kills.Load(), s.grown())
}

// grown says what has grown, if the soak is long enough to tell.
func (s *soak) grown() string {
	if *soakFor < growthAfter {
		return fmt.Sprintf("what grows is told from %s on", growthAfter)
	}
	return s.growth.String()
}

// define creates everything.
func (s *soak) define(addr, registry string) {
	s.t.Helper()
	statements := shopcheck.Statements(addr, "checked_orders")
	statements = append(statements, workload.ShopSources(addr)[1]) // page_views
	statements = append(statements, workload.FulfilmentStatements(addr, registry)[:2]...)
	statements = append(statements,
		"CREATE SOURCE events (client BIGINT, line BIGINT) WITH (connector = 'push')",
		"CREATE TABLE regions (country VARCHAR PRIMARY KEY, region VARCHAR)",
		"INSERT INTO regions VALUES ('DE', 'Europe'), ('FR', 'Europe'), ('GB', 'Europe'), ('US', 'America'), ('CA', 'America'), ('JP', 'Asia')",
	)
	for _, v := range s.views {
		statements = append(statements, v.create(v.name))
	}
	mustExec(s.t, s.db, statements...)
}

// using calls f with the database, which runs all the while.
func (s *soak) using(f func(db *instance.Instance) error) error {
	s.up.RLock()
	defer s.up.RUnlock()
	return f(s.db)
}

// every calls f again and again until the context ends, which is no error.
func every(ctx context.Context, pause time.Duration, f func() error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		if err := f(); err != nil {
			return err
		}
	}
}

// ask asks how many orders there are, of the source and of its views, which is the same at any
// epoch.
func (s *soak) ask(ctx context.Context) error {
	return every(ctx, 50*time.Millisecond, func() error {
		return s.using(func(db *instance.Instance) error {
			rows, err := db.Integers(s.t.Context(), shopcheck.Totals())
			if err != nil {
				return fmt.Errorf("a question: %w", err)
			}
			for _, n := range rows[0] {
				if n != rows[0][0] {
					return fmt.Errorf("a question that has equal numbers as its answer has %v", rows[0])
				}
			}
			s.queries.Add(1)
			return nil
		})
	})
}

// redefine makes views and tables, changes and drops them, and looks at what is in
// them.
func (s *soak) redefine(ctx context.Context) error {
	n := 0
	return every(ctx, min(30*time.Second, *soakFor/50), func() error {
		return s.using(func(db *instance.Instance) error {
			n++
			v := s.views[n%len(s.views)]
			for _, sql := range []string{
				v.create("passing"), "ALTER MATERIALIZED VIEW passing RENAME TO passed", "CREATE OR REPLACE " + s.views[(n+1)%len(s.views)].create("passed")[len("CREATE "):],
				"DROP MATERIALIZED VIEW passed",
				"CREATE TABLE scratch (a BIGINT PRIMARY KEY, b VARCHAR)", "INSERT INTO scratch SELECT i, 'row ' || i FROM range(100) t(i)",
				"UPDATE scratch SET b = 'changed' WHERE a % 2 = 0", "DELETE FROM scratch WHERE a % 3 = 0",
			} {
				if err := db.Exec(s.t.Context(), sql); err != nil {
					return fmt.Errorf("%s: %w", sql, err)
				}
				s.definitions.Add(1)
			}
			rows, err := db.Integers(s.t.Context(), "SELECT count(*), count(*) FILTER (WHERE b = 'changed') FROM scratch")
			if err == nil && (rows[0][0] != 66 || rows[0][1] != 33) {
				err = fmt.Errorf("%v rows, and changed ones, are in a table that has 66 and 33", rows)
			}
			if err != nil {
				return err
			}
			return db.Exec(s.t.Context(), "DROP TABLE scratch")
		})
	})
}

// push sends rows, each request once.
func (s *soak) push(ctx context.Context) error {
	return every(ctx, 50*time.Millisecond, func() error {
		return s.using(func(db *instance.Instance) error {
			n := s.pushed.Load()
			body := fmt.Appendf(nil, `{"client": 1, "line": %d}`+"\n"+`{"client": 1, "line": %d}`+"\n", n, n+1)
			done, err := db.Push(s.t.Context(), "events", "application/x-ndjson", fmt.Sprint("soak-", n), body)
			if err != nil {
				return err
			}
			if done.Accepted != 2 {
				return fmt.Errorf("2 rows were pushed: %+v", done)
			}
			s.pushed.Add(2)
			return nil
		})
	})
}

// check compares everything with plain SQL, now and then.
func (s *soak) check(ctx context.Context) error {
	return every(ctx, min(10*time.Minute, *soakFor/10), func() error { return s.using(s.verify) })
}

// verify compares everything that is stored with the records, and all views with plain SQL.
func (s *soak) verify(db *instance.Instance) error {
	if _, err := shopcheck.Verify(s.t.Context(), db); err != nil {
		return err
	}
	for _, sql := range soakDifferences(s.views) {
		a, err := db.Query(s.t.Context(), sql)
		if err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
		if len(a.Rows) > 0 {
			return fmt.Errorf("these are wrong at epoch %d:\n%s\n%s", a.Epoch, a, sql)
		}
	}
	s.checks.Add(1)
	return nil
}

// restart ends the process, politely or not, and starts it again.
func (s *soak) restart(ctx context.Context) error {
	life := *soakFor / soakLives
	if *soakFor >= growthAfter {
		life = min(soakLife, *soakFor/2)
	}
	return every(ctx, life, func() error {
		s.up.Lock()
		defer s.up.Unlock()
		if ctx.Err() != nil {
			return nil
		}
		if s.life%2 == 0 {
			s.db.Kill()
			s.kills.Add(1)
		} else if err := s.db.Stop(); err != nil {
			return err
		}
		db, err := instance.Start(s.t.Context(), s.options)
		if err != nil {
			return err
		}
		s.db = db
		s.life++
		s.growth.begin()
		return s.verify(db)
	})
}

// sample notes what the process and its file take.
func (s *soak) sample(ctx context.Context) error {
	s.growth.begin()
	return every(ctx, min(10*time.Second, *soakFor/100), func() error {
		return s.using(func(db *instance.Instance) error {
			f, err := footprintOf(s.t.Context(), db)
			if err != nil {
				return err
			}
			size := int64(0)
			for _, name := range []string{checkpoint.FileName, checkpoint.FileName + ".wal"} {
				file, err := os.Stat(filepath.Join(s.options.Data, name))
				switch {
				case err == nil:
					size += file.Size()
				case !errors.Is(err, os.ErrNotExist): // there is a log only now and then
					return err
				}
			}
			stored, err := db.Integers(s.t.Context(), "SELECT sum(next_offset)::BIGINT FROM millstream.partitions")
			if err != nil {
				return err
			}
			s.growth.add(f, size, stored[0][0])
			return nil
		})
	})
}

// finish waits for all records and looks at everything once more, and at what has grown.
func (s *soak) finish(feed *shopcheck.Feed, orders *shopcheck.Orders) {
	s.t.Helper()
	const lag = "SELECT coalesce(sum(end_offset - next_offset), 0)::BIGINT FROM millstream.partitions WHERE end_offset >= 0"
	waitFor(s.t, s.db, feed.Sent())
	eventually(s.t, time.Minute, "all records of all topics", func() bool { return number(s.t, s.db, lag) == 0 }, func() string { return state(s.t, s.db) })
	if err := s.verify(s.db); err != nil {
		s.t.Fatal(err)
	}
	f := mustVerify(s.t, s.db)
	if f.Records != feed.Sent() {
		s.t.Errorf("%d records of orders are stored, %d were sent", f.Records, feed.Sent())
	}
	if err := shopcheck.VerifyContent(s.t.Context(), s.db, orders, f.Next); err != nil {
		s.t.Error(err)
	}
	if n := number(s.t, s.db, "SELECT count(DISTINCT line) FROM events"); n != s.pushed.Load() {
		s.t.Errorf("%d rows that were pushed are there, want %d", n, s.pushed.Load())
	}
	if n := number(s.t, s.db, "SELECT count(*) FROM events"); n != s.pushed.Load() {
		s.t.Errorf("%d rows are there of %d that were pushed", n, s.pushed.Load())
	}
	if s.checks.Load() < 2 || s.queries.Load() == 0 || s.definitions.Load() == 0 || s.told.rows.Load() == 0 || s.life == 0 {
		s.t.Errorf("%d checks, %d queries, %d definitions, %d rows told, %d restarts: something was not done",
			s.checks.Load(), s.queries.Load(), s.definitions.Load(), s.told.rows.Load(), s.life)
	}
	if *soakFor >= growthAfter {
		s.t.Log(s.growth.parts())
		for _, problem := range s.growth.problems(soakDuckDB) {
			s.t.Error(problem)
		}
	}
	if err := s.db.Stop(); err != nil {
		s.t.Error(err)
	}
}
