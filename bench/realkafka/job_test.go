//go:build realkafka

package realkafka

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/shopcheck"
	"github.com/millstream-db/millstream/engine/enginetest/result"
)

var (
	records = flag.Int64("records", 2_000_000, "how many records TestRealKafka produces")
	seed    = flag.Uint64("seed", 1, "of the records")
)

// job is the test's state.
type job struct {
	t       *testing.T
	broker  *Broker
	feed    *shopcheck.Feed
	options instance.Options
	db      *instance.Instance
}

// TestRealKafka runs the demo's job on a real broker, restarts the broker and
// the database while it runs, politely and by SIGKILL, and then looks for lost
// and doubled records.
func TestRealKafka(t *testing.T) {
	b := startBroker(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	topic := fmt.Sprintf("orders-%d", time.Now().UnixNano()) // a broker that is not ours may know orders
	base := time.Now().Add(-time.Duration(*records) * time.Millisecond).Add(-time.Hour)
	orders := shopcheck.NewOrders(*seed, base, time.Millisecond)
	feed, err := shopcheck.NewFeed(ctx, shopcheck.FeedOptions{Brokers: b.Addrs(), Topic: topic, Orders: orders})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	defer deleteTopic(t, b, topic)
	j := &job{t: t, broker: b, feed: feed, options: buildInstance(ctx, t)}
	j.start(ctx)
	for _, sql := range shopcheck.Statements(b.Addr(), topic) {
		if err := j.db.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	started := time.Now()
	j.disturb(ctx)
	f := j.finish(ctx)
	seconds := time.Since(started).Seconds()
	if err := shopcheck.VerifyContent(ctx, j.db, orders, f.Next); err != nil {
		t.Error(err)
	}
	if f.Records != *records || f.Lag != 0 {
		t.Errorf("%d records are stored with a lag of %d, %d were sent", f.Records, f.Lag, *records)
	}
	if t.Failed() {
		return
	}
	result.Report(t, "real kafka "+Version, "%d records in %.1f s, %.0f records/s with 2 restarts of the broker and 2 of the database; %d rejected, %d late, %d groups; 0 lost, 0 doubled, lag 0",
		f.Records, seconds, float64(f.Records)/seconds, f.Rejected, f.Late, f.Groups)
}

// buildInstance builds the binary and gives it a data directory.
func buildInstance(ctx context.Context, t *testing.T) instance.Options {
	t.Helper()
	dir := t.TempDir()
	binary, err := instance.Build(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	return instance.Options{
		Binary: binary, Data: filepath.Join(dir, "data"), Log: filepath.Join(dir, "millstream.log"),
		Settings: []string{"--checkpoint_interval=1s"},
	}
}

func (j *job) start(ctx context.Context) {
	j.t.Helper()
	db, err := instance.Start(ctx, j.options)
	if err != nil {
		j.t.Fatal(err)
	}
	j.db = db
	j.t.Cleanup(func() {
		if j.t.Failed() && db.Running() {
			j.t.Logf("the end of millstream's log:\n%s", db.Log(30))
		}
		db.Kill()
	})
}

// disturb produces all records and restarts everything on the way.
func (j *job) disturb(ctx context.Context) {
	j.t.Helper()
	produced := make(chan error, 1)
	go func() { produced <- j.feed.Run(ctx, *records) }()
	steps := []func(){
		func() { j.restartBroker(ctx, Graceful) },
		func() { j.db.Kill(); j.start(ctx) },
		func() { j.restartBroker(ctx, Killed) },
		func() {
			if err := j.db.Stop(); err != nil {
				j.t.Error(err)
			}
			j.start(ctx)
		},
	}
	for i, step := range steps {
		j.waitFor(ctx, *records*int64(i+1)/int64(len(steps)+1))
		if f, err := shopcheck.VerifyStored(ctx, j.db); err != nil {
			j.t.Fatal(err)
		} else {
			j.t.Logf("%d records are read, %d produced", f.Records, j.feed.Sent())
		}
		step()
	}
	if err := <-produced; err != nil {
		j.t.Fatal(err)
	}
}

func (j *job) restartBroker(ctx context.Context, how Stop) {
	j.t.Helper()
	err := j.broker.Restart(ctx, how)
	if errors.Is(err, ErrNotOurs) {
		j.t.Logf("the broker is not ours and is not restarted (%s)", how)
		return
	}
	if err != nil {
		j.t.Fatal(err)
	}
}

// finish waits until everything is read and compares everything.
func (j *job) finish(ctx context.Context) shopcheck.Findings {
	j.t.Helper()
	j.waitFor(ctx, *records)
	f, err := shopcheck.Verify(ctx, j.db)
	if err != nil {
		j.t.Fatal(err)
	}
	return f
}

// waitFor waits until count records have been read.
func (j *job) waitFor(ctx context.Context, count int64) {
	j.t.Helper()
	const taken = "SELECT coalesce(sum(next_offset), 0)::BIGINT FROM millstream.partitions WHERE source = 'orders'"
	deadline := time.Now().Add(5 * time.Minute)
	for {
		rows, err := j.db.Integers(ctx, taken)
		if err != nil {
			j.t.Fatal(err)
		}
		if rows[0][0] >= count {
			return
		}
		if time.Now().After(deadline) {
			a, err := j.db.Query(ctx, "SELECT * FROM millstream.partitions")
			j.t.Fatalf("%d of %d records after 5 minutes: %v %v", rows[0][0], count, a, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func deleteTopic(t *testing.T, b *Broker, topic string) {
	if b.Ours() {
		return // it is gone with the broker
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		t.Error(err)
		return
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteTopic(context.Background(), topic); err != nil {
		t.Error(err)
	}
}
