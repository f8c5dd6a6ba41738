package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/workload"
)

const (
	// probeInterval is how often each partition gets a record whose way is followed.
	probeInterval = 5 * time.Millisecond
	// feedTick is how often the feed looks how many records are due.
	feedTick = time.Millisecond
	// feedLinger is how long the producer waits for more records of a batch.
	feedLinger = 2 * time.Millisecond
)

// userStride spreads users who take turns.
const userStride = 7919

// feed sends purchases at a steady rate, with probes among them: those of a
// partition have a page of their own and amounts that count up from 1, so that the
// greatest amount that an answer has of the page tells how many of them it counts.
// The event time of a record is the time when it is handed to the producer.
type feed struct {
	topic string
	rate  int
	users int64 // take turns, each record another; 0: as in a replay

	client    *kgo.Client
	purchases *workload.Purchases

	mu     sync.Mutex // protects the fields below
	sent   int64
	probes [partitions][]time.Time // when each was sent
	seen   [partitions]int         // how many of them an answer has counted
	late   []time.Duration         // from sent to seen, in the order of seeing
	from   time.Time               // probes sent before are not counted
}

// newFeed makes the topic, which has been there with no other name.
func (s *session) newFeed(ctx context.Context, topic string, rate int) (*feed, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.addr), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()), kgo.ProducerLinger(feedLinger), kgo.MaxBufferedRecords(1_000_000),
		kgo.MetadataMinAge(100*time.Millisecond),
	)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	response, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, topic)
	if err := errors.Join(err, response.Err); err != nil {
		client.Close()
		return nil, fmt.Errorf("create topic %s: %w", topic, err)
	}
	return &feed{topic: topic, rate: rate, client: client, purchases: workload.NewPurchases(seed)}, nil
}

// close gives up the connections.
func (f *feed) close() { f.client.Close() }

// probePage is the page of a partition's probes; no other record has it.
func probePage(partition int) int { return workload.PurchasePages + partition }

// run sends records until ctx ends, which is no error, and then waits for those on their way.
func (f *feed) run(ctx context.Context) error {
	started := time.Now()
	ticker := time.NewTicker(feedTick)
	defer ticker.Stop()
	var failed error
	var once sync.Once
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			once.Do(func() { failed = err })
		}
	}
	sending := context.WithoutCancel(ctx)
	nextProbe := started
	for n := int64(0); ; {
		select {
		case <-ctx.Done():
			flushing, cancel := context.WithTimeout(sending, 10*time.Second)
			defer cancel()
			return errors.Join(f.client.Flush(flushing), failed)
		case <-ticker.C:
		}
		now := time.Now()
		for due := int64(now.Sub(started).Seconds() * float64(f.rate)); n < due; n++ {
			p := f.purchases.At(n, now)
			p.Time = now
			if f.users > 0 {
				p.User = int(n * userStride % f.users)
			}
			f.client.Produce(sending, &kgo.Record{Partition: int32(n % partitions), Value: p.AppendJSON(nil)}, done)
		}
		probing := now.After(nextProbe)
		if probing {
			nextProbe = nextProbe.Add(probeInterval)
		}
		f.note(n, now, probing)
		for i := 0; probing && i < partitions; i++ {
			f.client.Produce(sending, &kgo.Record{Partition: int32(i), Value: f.probe(i, now).AppendJSON(nil)}, done)
		}
	}
}

// note keeps how much was sent, and that a probe goes to each partition.
func (f *feed) note(sent int64, now time.Time, probing bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = sent
	for i := range f.probes {
		if probing {
			f.probes[i] = append(f.probes[i], now)
		}
	}
}

// probe is the latest probe of a partition.
func (f *feed) probe(partition int, now time.Time) workload.Purchase {
	f.mu.Lock()
	defer f.mu.Unlock()
	return workload.Purchase{Time: now, User: partition, Page: probePage(partition), Cents: int64(len(f.probes[partition]))}
}

// observe takes in that an answer which came at a time counts so many probes of a partition.
func (f *feed) observe(partition int, count int64, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ; f.seen[partition] < min(int(count), len(f.probes[partition])); f.seen[partition]++ {
		sent := f.probes[partition][f.seen[partition]]
		if !f.from.IsZero() && !sent.Before(f.from) {
			f.late = append(f.late, at.Sub(sent))
		}
	}
}

// begin counts the probes that are sent from now on.
func (f *feed) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.from = time.Now()
}

// progress returns how many records and probes were sent, and how many probes were seen.
func (f *feed) progress() (records int64, probes, seen int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.probes {
		probes += len(f.probes[i])
		seen += f.seen[i]
	}
	return f.sent, probes, seen
}

// latencies returns what was observed, from sent to seen.
func (f *feed) latencies() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.late
}
