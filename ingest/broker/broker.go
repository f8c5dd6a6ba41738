package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Broker is a running Kafka broker. It is safe for concurrent use.
type Broker struct {
	cluster *kfake.Cluster
	addrs   []string
	opts    Options

	adminMu sync.Mutex // one topic is created at a time

	cancel  context.CancelFunc
	done    sync.WaitGroup
	closing sync.Once
}

// Start starts a broker and creates the topics of its options. ctx bounds the
// start only; Close ends the broker.
func Start(ctx context.Context, opts Options) (*Broker, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	b := &Broker{opts: opts}
	cluster, err := kfake.NewCluster(b.kfakeOptions()...)
	if err != nil {
		return nil, fmt.Errorf("start kafka broker on %s: %w", opts.Addr, err)
	}
	b.cluster = cluster
	background, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	b.done.Go(func() { b.retain(background) })
	for _, topic := range sortedNames(opts.Topics) {
		if err := b.CreateTopic(ctx, topic, opts.Topics[topic]); err != nil {
			b.Close()
			return nil, err
		}
	}
	opts.Logger.Info("kafka broker started", "addr", b.Addr(), "data_dir", opts.DataDir)
	return b, nil
}

func (b *Broker) kfakeOptions() []kfake.Opt {
	o := b.opts
	configs := map[string]string{
		"message.max.bytes":      strconv.Itoa(o.MaxRecordBatchBytes),
		"log.retention.ms":       strconv.FormatInt(retentionMillis(o.RetentionAge), 10),
		"log.retention.bytes":    strconv.FormatInt(max(o.RetentionBytes, -1), 10),
		"log.cleaner.backoff.ms": strconv.FormatInt(max(o.RetentionInterval.Milliseconds(), 1), 10),
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(o.Brokers),
		kfake.ListenFn(b.listen),
		kfake.BrokerConfigs(configs),
		kfake.WithLogger(kfakeLogger{o.Logger}),
	}
	if o.AutoCreateTopics {
		opts = append(opts, kfake.AllowAutoTopicCreation())
	}
	if o.DataDir != "" {
		opts = append(opts, kfake.DataDir(o.DataDir))
	}
	return append(opts, o.Kfake...)
}

// listen opens a node's listener; kfake's idea of the address is ignored. The
// first node gets the address of the options, the others a free port beside it.
func (b *Broker) listen(network, _ string) (net.Listener, error) {
	addr, advertise := b.opts.Addr, b.opts.Advertise
	if len(b.addrs) > 0 {
		host, _, _ := net.SplitHostPort(addr)
		addr, advertise = net.JoinHostPort(host, "0"), ""
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		return nil, err
	}
	if advertise == "" {
		// The host stays as it was written: localhost means both of its addresses.
		host, _, _ := net.SplitHostPort(addr)
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		if host == "" {
			host = "localhost"
		}
		advertise = net.JoinHostPort(host, port)
	}
	b.addrs = append(b.addrs, advertise)
	if b.opts.TLS != nil {
		ln = tls.NewListener(ln, b.opts.TLS)
	}
	return &guardedListener{Listener: ln, advertise: advertised(advertise), logger: b.opts.Logger}, nil
}

// Addr returns the host:port that clients connect to.
func (b *Broker) Addr() string { return b.addrs[0] }

// Addrs returns the addresses of all nodes, the first being Addr.
func (b *Broker) Addrs() []string { return slices.Clone(b.addrs) }

// Cluster returns the broker behind the guard, for tests that make it fail.
func (b *Broker) Cluster() *kfake.Cluster { return b.cluster }

// CreateTopic creates a topic. One that exists already is left as it is.
// Brokers whose Kfake options ask for a login have their topics seeded there.
func (b *Broker) CreateTopic(ctx context.Context, name string, partitions int) error {
	b.adminMu.Lock()
	defer b.adminMu.Unlock()
	opts := []kgo.Opt{kgo.SeedBrokers(b.addrs...)}
	if b.opts.TLS != nil {
		// The broker talks to itself; its certificate is for others to check.
		opts = append(opts, kgo.DialTLSConfig(&tls.Config{InsecureSkipVerify: true})) //nolint:gosec // see above
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("create topic %s: %w", name, err)
	}
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopic(ctx, int32(partitions), 1, nil, name)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", name, err)
	}
	return nil
}

// retain applies retention, which the broker itself does only for topics that
// were created with a retention of their own.
func (b *Broker) retain(ctx context.Context) {
	tick := time.NewTicker(b.opts.RetentionInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.cluster.ApplyRetention()
		}
	}
}

// Close stops the broker: connections end, and with a DataDir the log is
// flushed. It may be called more than once.
func (b *Broker) Close() {
	b.closing.Do(func() {
		// Retention first: the broker answers no call once it is closed.
		b.cancel()
		b.done.Wait()
		b.cluster.Close()
		b.opts.Logger.Info("kafka broker stopped", "addr", b.Addr())
	})
}

func sortedNames(topics map[string]int) []string {
	names := make([]string, 0, len(topics))
	for name := range topics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// kfakeLogger passes on what needs a human; the rest is one line per request.
type kfakeLogger struct{ logger *slog.Logger }

// Logf implements kfake.Logger.
func (l kfakeLogger) Logf(level kfake.LogLevel, format string, args ...any) {
	switch level {
	case kfake.LogLevelError:
		l.logger.Error("kafka broker", "err", fmt.Sprintf(format, args...))
	case kfake.LogLevelWarn:
		l.logger.Warn("kafka broker", "err", fmt.Sprintf(format, args...))
	}
}

// retentionMillis is Kafka's retention.ms: -1 for any age below zero, which a
// fraction of a millisecond would turn into none at all.
func retentionMillis(age time.Duration) int64 {
	if age < 0 {
		return -1
	}
	return age.Milliseconds()
}
