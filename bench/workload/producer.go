package workload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"
)

// DefaultRate is the rate of a [Producer] in records per second.
const DefaultRate = 1000

// tick is how often a producer looks how many records are due.
const tick = 20 * time.Millisecond

// ProducerOptions configure a [Producer]. Only Brokers is required.
type ProducerOptions struct {
	Brokers []string
	Rate    int    // orders and page views per second; 0: DefaultRate
	Seed    uint64 // of the shop
	First   int64  // the number of the first record, to go on where another run ended
	// Registry is the URL of a schema registry, which is given the schemas of payments
	// and shipments. With it each order is followed by those of its own; "": none are sent.
	Registry string
	Logger   *slog.Logger // nil: discard
}

// Validate returns everything that is wrong with the options.
func (o ProducerOptions) Validate() error {
	var errs []error
	if len(o.Brokers) == 0 {
		errs = append(errs, errors.New("no brokers"))
	}
	if o.Rate < 0 {
		errs = append(errs, fmt.Errorf("rate %d is negative", o.Rate))
	}
	if o.First < 0 {
		errs = append(errs, fmt.Errorf("first record %d is negative", o.First))
	}
	return errors.Join(errs...)
}

// Producer sends a [Shop] to Kafka at a steady rate.
type Producer struct {
	opts   ProducerOptions
	client *kgo.Client
	shop   *Shop

	paymentSchema, shipmentSchema uint32 // their ids, 0: not registered

	sent   atomic.Int64
	failed atomic.Int64
}

// NewProducer returns a producer that has not connected yet.
func NewProducer(opts ProducerOptions) (*Producer, error) {
	if opts.Rate == 0 {
		opts.Rate = DefaultRate
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if err := opts.Validate(); err != nil {
		return nil, fmt.Errorf("producer options: %w", err)
	}
	client, err := newClient(opts.Brokers)
	if err != nil {
		return nil, err
	}
	opts.Logger = opts.Logger.With("component", "producer")
	return &Producer{opts: opts, client: client, shop: NewShop(opts.Seed)}, nil
}

func newClient(brokers []string) (*kgo.Client, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()),
		kgo.ProducerLinger(5*time.Millisecond),
		kgo.MaxBufferedRecords(100_000),
	)
	if err != nil {
		return nil, fmt.Errorf("kafka client for %v: %w", brokers, err)
	}
	return client, nil
}

// CreateTopics creates the shop's topics where they do not exist yet.
func (p *Producer) CreateTopics(ctx context.Context) error {
	var errs []error
	for topic, partitions := range ShopTopics(p.opts.Registry != "") {
		errs = append(errs, createTopic(ctx, p.client, topic, int32(partitions)))
	}
	return errors.Join(errs...)
}

// Register gives the registry the schemas of payments and shipments, which it may
// have already. Call it before Run, if there is a registry.
func (p *Producer) Register(ctx context.Context) error {
	client, err := sr.NewClient(sr.URLs(p.opts.Registry))
	if err != nil {
		return fmt.Errorf("schema registry %s: %w", p.opts.Registry, err)
	}
	for _, s := range []struct {
		topic  string
		schema sr.Schema
		id     *uint32
	}{
		{PaymentsTopic, sr.Schema{Schema: PaymentSchema, Type: sr.TypeAvro}, &p.paymentSchema},
		{ShipmentsTopic, sr.Schema{Schema: ShipmentSchema, Type: sr.TypeProtobuf}, &p.shipmentSchema},
	} {
		subject := s.topic + "-value"
		registered, err := client.CreateSchema(ctx, subject, s.schema)
		if err != nil {
			return fmt.Errorf("register schema of %s: %w", subject, err)
		}
		*s.id = uint32(registered.ID)
	}
	return nil
}

func createTopic(ctx context.Context, client *kgo.Client, topic string, partitions int32) error {
	response, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, topic)
	if err == nil {
		err = response.Err
	}
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return nil
}

// Resume goes on behind the records that the topics hold already, so that no
// order or page view is sent a second time. Call it before Run.
func (p *Producer) Resume(ctx context.Context) error {
	offsets, err := kadm.NewClient(p.client).ListEndOffsets(ctx, OrdersTopic, PageViewsTopic)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		return fmt.Errorf("list end offsets: %w", err)
	}
	ends := map[string]int64{}
	offsets.Each(func(o kadm.ListedOffset) { ends[o.Topic] += o.Offset })
	rounds := max((ends[OrdersTopic]+1)/2, (ends[PageViewsTopic]+2)/3)
	p.opts.First = max(p.opts.First, rounds*5)
	return nil
}

// Run sends records until ctx ends, and then waits for those on their way. A
// broker that is down is waited for; the records due meanwhile follow.
func (p *Producer) Run(ctx context.Context) error {
	started := time.Now()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	interval := time.Second / time.Duration(p.opts.Rate)
	for n := int64(0); ; {
		select {
		case <-ctx.Done():
			return p.flush(ctx)
		case <-ticker.C:
		}
		due := int64(time.Since(started).Seconds() * float64(p.opts.Rate))
		for ; n < due && ctx.Err() == nil; n++ {
			p.produceAll(ctx, p.opts.First+n, started.Add(time.Duration(n)*interval))
		}
	}
}

// produceAll sends record number n of the shop and, of an order, what follows it.
func (p *Producer) produceAll(ctx context.Context, n int64, at time.Time) {
	p.produce(ctx, p.shop.Record(n, at))
	order, is := OrderNumber(n)
	if !is || p.paymentSchema == 0 {
		return
	}
	if payment, ok := p.shop.Payment(order, at, p.paymentSchema); ok {
		p.produce(ctx, payment)
	}
	if shipment, ok := p.shop.Shipment(order, at, p.shipmentSchema); ok {
		p.produce(ctx, shipment)
	}
}

// produce hands a record to the client; it blocks while too many are on their way.
func (p *Producer) produce(ctx context.Context, r Record) {
	p.client.Produce(ctx, &kgo.Record{Topic: r.Topic, Key: r.Key, Value: r.Value}, func(_ *kgo.Record, err error) {
		switch {
		case err == nil:
			p.sent.Add(1)
		case errors.Is(err, context.Canceled):
		default:
			if p.failed.Add(1) == 1 {
				p.opts.Logger.Warn("record not sent", "topic", r.Topic, "err", err)
			}
		}
	})
}

// flush waits for the records on their way, though ctx has ended.
func (p *Producer) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("flush records: %w", err)
	}
	return nil
}

// Sent returns how many records the broker has acknowledged. It is safe to
// call while Run runs.
func (p *Producer) Sent() int64 { return p.sent.Load() }

// Failed returns how many records the broker refused.
func (p *Producer) Failed() int64 { return p.failed.Load() }

// Close gives up the connections. Run must have returned.
func (p *Producer) Close() { p.client.Close() }

// Records makes records by their numbers: [Clicks] and [Purchases] do.
type Records interface {
	// AppendValue appends the value of record number n, counted from 0, of a
	// stream that begins at base.
	AppendValue(dst []byte, n int64, base time.Time) []byte
}

// Fill creates topic with the given number of partitions and sends the first
// count records to it, whose event times begin at base, as fast as
// the broker takes them. Record n goes to partition n modulo partitions.
func Fill(ctx context.Context, brokers []string, topic string, partitions int32, count int64, records Records, base time.Time) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.SnappyCompression()),
		kgo.MaxBufferedRecords(100_000),
	)
	if err != nil {
		return fmt.Errorf("kafka client for %v: %w", brokers, err)
	}
	defer client.Close()
	if err := createTopic(ctx, client, topic, partitions); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for n := range count {
		r := &kgo.Record{Topic: topic, Partition: int32(n % int64(partitions)), Value: records.AppendValue(nil, n, base)}
		client.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				cancel(err) // the first error ends the rest
			}
		})
	}
	err = client.Flush(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return fmt.Errorf("fill topic %s: %w", topic, err)
	}
	return nil
}
