package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// newClient makes a source's one client. It consumes nothing until partitions
// are assigned to it, and it never chooses an offset by itself: NoResetOffset
// has to be the reset offset, or a partition whose offset is gone jumps to
// another one without a word.
func newClient(opts Options, s settings, connects *connectLog, sizes *fetchSize, logger *slog.Logger) (*kgo.Client, error) {
	fetch, each := s.fetchLimits(sizes.bytes(), 1)
	client := []kgo.Opt{
		kgo.SeedBrokers(s.servers...),
		kgo.ClientID("millstream"),
		kgo.DisableClientMetrics(),
		kgo.WithLogger(clientLogger{logger}),
		kgo.WithHooks(connects, sizes),

		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Without control records the position would stop before the end of a
		// transaction, and the lag would never be zero.
		kgo.KeepControlRecords(),

		kgo.FetchMaxWait(s.fetchWait),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxBytes(fetch),
		kgo.FetchMaxPartitionBytes(each),
		kgo.BrokerMaxReadBytes(maxReadBytes),
		kgo.MaxDecompressBatchBytes(maxReadBytes),

		kgo.DialTimeout(5 * time.Second),
		kgo.RetryTimeout(5 * time.Second),
		kgo.MetadataMinAge(min(time.Second, opts.HealthInterval)),
		kgo.MetadataMaxAge(30 * time.Second),
	}
	c, err := kgo.NewClient(append(client, s.security.clientOptions()...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return c, nil
}

// fetchLimits is what a fetch may ask a broker for, and of each of so many partitions. A topic of few
// partitions needs more of each, or every fetch is a small one; where little may be asked for, they
// share it, so that none runs ahead of the others.
func (s *settings) fetchLimits(fetch int32, partitions int) (all, each int32) {
	all = min(s.fetchBytes, fetch)
	switch {
	case s.partitionBytes > 0:
		return all, min(s.partitionBytes, all)
	case partitions < manyPartitions:
		each = 4 << 20
	default:
		each = 1 << 20
	}
	return all, min(each, max(leastFetch, all/int32(min(max(partitions, 1), manyPartitions))))
}

// manyPartitions are so many that each fetch has enough if it has little of each.
const manyPartitions = 8

// connectLog remembers the last failure to connect. The client retries inside
// and may answer a request with no more than a timeout; this is the cause.
type connectLog struct {
	security security

	mu  sync.Mutex // mu protects the field below
	err error
}

var _ kgo.HookBrokerConnect = (*connectLog)(nil)

// OnBrokerConnect implements kgo.HookBrokerConnect.
func (l *connectLog) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		if errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed) {
			return // we gave up, not the broker
		}
		err = l.explain(net.JoinHostPort(meta.Host, strconv.Itoa(int(meta.Port))), err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// explain adds the broker, and what a closed connection usually means.
func (l *connectLog) explain(addr string, err error) error {
	cut := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		strings.Contains(err.Error(), "connection reset")
	switch {
	case cut && l.security.mechanism != "":
		return fmt.Errorf("broker %s ended the connection during the login (%s): is the password right? %w", addr, l.security, err)
	case l.security.mechanism != "":
		return fmt.Errorf("connect to broker %s (%s): %w", addr, l.security, err)
	case cut:
		return fmt.Errorf("broker %s ended the connection: does it ask for TLS or a login? %w", addr, err)
	}
	return fmt.Errorf("connect to broker %s: %w", addr, err)
}

// forget drops the last failure, so that a later one is known to be new.
func (l *connectLog) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = nil
}

// cause returns the failure to connect behind err, or err.
func (l *connectLog) cause(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	return err
}

// clientLogger passes the client's own log on at debug level: what a human must
// know is in the reader's status, with fewer repetitions.
type clientLogger struct{ logger *slog.Logger }

// Level implements kgo.Logger.
func (l clientLogger) Level() kgo.LogLevel {
	if l.logger.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelNone
}

// Log implements kgo.Logger.
func (l clientLogger) Log(_ kgo.LogLevel, msg string, keyvals ...any) {
	l.logger.Debug("kafka client", append([]any{"said", msg}, keyvals...)...)
}
