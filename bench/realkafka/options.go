package realkafka

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Version is the version of Kafka in pom.xml.
const Version = "4.1.1"

// BrokersVariable is the environment variable that names brokers to use
// instead of one of our own.
const BrokersVariable = "KAFKA_BROKERS"

// ErrNoJava is returned when a program that the broker needs is not installed.
var ErrNoJava = errors.New("java or mvn is not installed")

// ErrNotOurs is returned by Restart when the broker is somebody else's.
var ErrNotOurs = errors.New("the broker was not started by this process")

// Options say how a broker runs. The zero value is usable.
type Options struct {
	// CacheDir keeps the jars, about 55 MB; "" means millstream/kafka-VERSION
	// in the user's cache directory.
	CacheDir string
	// HeapMB is the memory of the Java heap, 512 by default.
	HeapMB int
	// StartTimeout is how long the broker may take until it answers, one
	// minute by default. Fetching the jars is not part of it.
	StartTimeout time.Duration
	// Logger gets what happens; nil discards it.
	Logger *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.CacheDir == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return o, fmt.Errorf("find a cache directory for the broker's jars: %w", err)
		}
		o.CacheDir = filepath.Join(dir, "millstream", "kafka-"+Version)
	}
	if o.HeapMB == 0 {
		o.HeapMB = 512
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
