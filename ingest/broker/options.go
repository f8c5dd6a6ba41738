package broker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Options say how a broker runs. The zero value listens on a free port of the
// loopback interface and keeps everything in memory.
type Options struct {
	// Addr is the host:port to listen on; "" means 127.0.0.1:0, a free port.
	Addr string
	// Advertise is the host:port that clients are told to connect to; "" means
	// Addr with the port that was really bound. Set it when Addr is a wildcard.
	Advertise string
	// DataDir keeps the log in a directory, from which a later Start goes on.
	// "" keeps it in memory, about twice the size of the records.
	DataDir string
	// Topics are created when they do not exist: name to number of partitions.
	Topics map[string]int
	// Brokers is the number of Kafka nodes, 1 by default. More than one serves
	// tests that move partition leaders; the others listen on free ports.
	Brokers int
	// AutoCreateTopics lets producers create topics by writing to them.
	AutoCreateTopics bool
	// RetentionBytes and RetentionAge bound every partition, 1 GiB and 24 hours
	// by default; a negative value means without bound.
	RetentionBytes int64
	RetentionAge   time.Duration
	// RetentionInterval is how often retention is applied, every minute by default.
	RetentionInterval time.Duration
	// MaxRecordBatchBytes is the largest batch of records a producer may send,
	// 64 MiB by default.
	MaxRecordBatchBytes int
	// TLS encrypts every connection when it is set. kfake's own option for it
	// would hide the frames from the guard.
	TLS *tls.Config
	// Kfake are further options of the broker behind the guard, for tests:
	// SASL, access control, synthetic records.
	Kfake []kfake.Opt
	// Logger gets what the broker has to say; nil discards it.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Brokers == 0 {
		o.Brokers = 1
	}
	if o.RetentionBytes == 0 {
		o.RetentionBytes = 1 << 30
	}
	if o.RetentionAge == 0 {
		o.RetentionAge = 24 * time.Hour
	}
	if o.RetentionInterval == 0 {
		o.RetentionInterval = time.Minute
	}
	if o.MaxRecordBatchBytes == 0 {
		o.MaxRecordBatchBytes = 64 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// validate returns all problems of options that have their defaults.
func (o Options) validate() error {
	var problems []error
	if _, _, err := net.SplitHostPort(o.Addr); err != nil {
		problems = append(problems, fmt.Errorf("broker address %q must be host:port", o.Addr))
	}
	if o.Advertise != "" {
		if _, _, err := net.SplitHostPort(o.Advertise); err != nil {
			problems = append(problems, fmt.Errorf("advertised address %q must be host:port", o.Advertise))
		}
	}
	if o.Brokers < 0 {
		problems = append(problems, fmt.Errorf("%d brokers: there must be at least one", o.Brokers))
	}
	if o.RetentionInterval < 0 {
		problems = append(problems, fmt.Errorf("retention interval %s must be positive", o.RetentionInterval))
	}
	if o.MaxRecordBatchBytes < 0 || o.MaxRecordBatchBytes > maxFrameBytes {
		problems = append(problems, fmt.Errorf("record batches of %d bytes: at most %d", o.MaxRecordBatchBytes, maxFrameBytes))
	}
	for name, partitions := range o.Topics {
		if name == "" || partitions < 1 {
			problems = append(problems, fmt.Errorf("topic %q with %d partitions: a topic has a name and at least one partition", name, partitions))
		}
	}
	return errors.Join(problems...)
}
