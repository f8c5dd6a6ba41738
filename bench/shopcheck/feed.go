package shopcheck

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-db/millstream/bench/workload"
)

// Partitions is how many partitions the topic has.
const Partitions = 4

// Orders makes the records of the job. It is not safe for concurrent use.
type Orders struct {
	shop *workload.Shop
	base time.Time
	step time.Duration
}

// NewOrders returns the orders of a seed; order number n is sent at base plus
// n steps of event time, wherever the clock stands.
func NewOrders(seed uint64, base time.Time, step time.Duration) *Orders {
	return &Orders{shop: workload.NewShop(seed), base: base.Truncate(time.Millisecond), step: step}
}

// Record returns the record at an offset of a partition.
func (o *Orders) Record(partition int32, offset int64) workload.Record {
	n := offset*Partitions + int64(partition)
	return o.shop.Order(n, o.base.Add(time.Duration(n)*o.step))
}

// FeedOptions configure a Feed.
type FeedOptions struct {
	Brokers []string
	Topic   string
	Orders  *Orders
	Rate    int // records per second; 0: as fast as the broker takes them
}

// Feed produces orders in the order of their numbers, each exactly once
// although the broker may restart in between.
type Feed struct {
	opts   FeedOptions
	client *kgo.Client
	sent   atomic.Int64
}

// NewFeed creates the topic and returns a feed for it, which must be empty.
func NewFeed(ctx context.Context, opts FeedOptions) (*Feed, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(opts.Brokers...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()),
		kgo.ProducerLinger(5*time.Millisecond),
		kgo.MaxBufferedRecords(100_000),
		// The producer is idempotent and never gives up: what it has sent
		// stands at the offset that its number says.
		kgo.RecordRetries(1<<30),
		kgo.MetadataMinAge(250*time.Millisecond),
	)
	if err != nil {
		return nil, fmt.Errorf("kafka client for %v: %w", opts.Brokers, err)
	}
	response, err := kadm.NewClient(client).CreateTopic(ctx, Partitions, 1, nil, opts.Topic)
	if err == nil {
		err = response.Err
	}
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		client.Close()
		return nil, fmt.Errorf("create topic %s: %w", opts.Topic, err)
	}
	return &Feed{opts: opts, client: client}, nil
}

// Run produces the next count orders, or until ctx ends, and waits for those
// on their way. An error means that the topic is not what it should be.
func (f *Feed) Run(ctx context.Context, count int64) error {
	first := f.sent.Load()
	sending, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	started := time.Now()
	for n := first; n < first+count && ctx.Err() == nil && sending.Err() == nil; n++ {
		if f.opts.Rate > 0 && n%64 == 0 {
			due := started.Add(time.Duration(n-first) * time.Second / time.Duration(f.opts.Rate))
			if !sleepUntil(ctx, due) {
				break
			}
		}
		partition, offset := int32(n%Partitions), n/Partitions
		r := f.opts.Orders.Record(partition, offset)
		f.client.Produce(sending, &kgo.Record{Topic: f.opts.Topic, Partition: partition, Key: r.Key, Value: r.Value}, func(k *kgo.Record, err error) {
			if err == nil && k.Offset != offset {
				err = fmt.Errorf("record %d of partition %d was stored at offset %d", offset, partition, k.Offset)
			}
			if err != nil {
				cancel(err)
			}
		})
		f.sent.Store(n + 1)
	}
	err := f.client.Flush(sending)
	if cause := context.Cause(sending); cause != nil {
		err = cause
	}
	if err != nil {
		return fmt.Errorf("feed topic %s: %w", f.opts.Topic, err)
	}
	return nil
}

func sleepUntil(ctx context.Context, t time.Time) bool {
	wait := time.Until(t)
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Sent returns how many records have been handed to the client. When Run has
// returned nil, the broker has them all.
func (f *Feed) Sent() int64 { return f.sent.Load() }

// Close gives up the connections. Run must have returned.
func (f *Feed) Close() { f.client.Close() }
