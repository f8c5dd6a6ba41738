package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/source"
)

// Options tune a Connector. The zero value has the defaults.
type Options struct {
	// HealthInterval is how often the broker is asked about the topic: 5 s.
	HealthInterval time.Duration
	// CommitInterval is the least time between two commits to the consumer
	// group: 5 s.
	CommitInterval time.Duration
	// MaxBatchRows and MaxBatchBytes end a batch: 65,536 rows, 32 MiB. The
	// bytes are counted raw and decoded; a batch exceeds them by one record.
	MaxBatchRows  int
	MaxBatchBytes int64
	// FetchMemory is what the records of one fetch may take until they are decoded, about:
	// 32 MiB. The next fetch of a source comes in while one is decoded.
	FetchMemory int64
	// SampleTime is the longest that records are read to take columns from: 5 s.
	SampleTime time.Duration
}

func (o Options) withDefaults() Options {
	o.HealthInterval = cmp.Or(o.HealthInterval, 5*time.Second)
	o.CommitInterval = cmp.Or(o.CommitInterval, 5*time.Second)
	o.MaxBatchRows = cmp.Or(o.MaxBatchRows, 65_536)
	o.MaxBatchBytes = cmp.Or(o.MaxBatchBytes, 32<<20)
	o.FetchMemory = cmp.Or(o.FetchMemory, 32<<20)
	o.SampleTime = cmp.Or(o.SampleTime, 5*time.Second)
	return o
}

// The options of a source, as WITH (…) spells them.
const (
	optConnector      = "connector"
	optTopic          = "topic"
	optServers        = "properties.bootstrap.server"
	optServersPlural  = "properties.bootstrap.servers"
	optStartupMode    = "scan.startup.mode"
	optStartupMillis  = "scan.startup.timestamp.millis"
	optGroup          = "group.id"
	optDataLoss       = "on_data_loss"
	optProtocol       = "properties.security.protocol"
	optMechanism      = "properties.sasl.mechanism"
	optUsername       = "properties.sasl.username"
	optPassword       = "properties.sasl.password"
	optCA             = "properties.ssl.ca.location"
	optCertificate    = "properties.ssl.certificate.location"
	optKey            = "properties.ssl.key.location"
	optIdentification = "properties.ssl.endpoint.identification.algorithm"
	optFetchBytes     = "properties.fetch.max.bytes"
	optPartitionBytes = "properties.max.partition.fetch.bytes"
	optFetchWait      = "properties.fetch.max.wait.ms"
)

// engineOptions are the engine's: accepted here and not looked at.
var engineOptions = []string{"retention", "watermark.idle_timeout", "watermark.max_future"}

// knownOptions are all options a source may have, in alphabetical order.
var knownOptions = slices.Sorted(slices.Values(append([]string{
	optConnector, optTopic, optServers, optServersPlural, optStartupMode, optStartupMillis, optGroup, optDataLoss,
	optProtocol, optMechanism, optUsername, optPassword, optCA, optCertificate, optKey, optIdentification,
	optFetchBytes, optPartitionBytes, optFetchWait,
}, engineOptions...)))

// startupMode says where a source begins that has no stored offsets.
type startupMode string

const (
	fromEarliest  startupMode = "earliest"
	fromLatest    startupMode = "latest"
	fromTimestamp startupMode = "timestamp"
)

// dataLoss says what happens when the broker no longer has the next offset.
type dataLoss string

const (
	pauseOnLoss    dataLoss = "pause"
	continueOnLoss dataLoss = "continue"
)

// settings are a source's options, read and checked.
type settings struct {
	topic         string
	servers       []string
	mode          startupMode
	startupMillis int64
	group         string
	onLoss        dataLoss
	encoding      encoding
	security      security

	fetchBytes     int32
	partitionBytes int32 // 0: chosen by the number of partitions
	fetchWait      time.Duration
}

// maxReadBytes bounds an answer of the broker, and what a batch of records may
// decompress to. It must leave room for the largest batch a broker accepts.
const maxReadBytes = 256 << 20

// readSettings reads a source's options. It returns all problems at once, and
// quotes no secret.
func readSettings(spec source.Spec) (settings, error) {
	o := optionReader{options: spec.Options}
	o.known()
	if c := o.text(optConnector, "kafka"); !strings.EqualFold(c, "kafka") {
		o.problem("connector must be 'kafka', not '%s'", c)
	}
	s := settings{
		topic:          o.text(optTopic, ""),
		servers:        o.servers(),
		group:          o.text(optGroup, "millstream-"+spec.Name),
		onLoss:         dataLoss(o.choice(optDataLoss, string(pauseOnLoss), string(continueOnLoss))),
		fetchBytes:     int32(o.integer(optFetchBytes, 32<<20, 1, maxReadBytes/2)),
		partitionBytes: int32(o.integer(optPartitionBytes, 0, 1, maxReadBytes/2)),
		fetchWait:      time.Duration(o.integer(optFetchWait, 500, 1, 60_000)) * time.Millisecond,
	}
	if s.topic == "" {
		o.problem("topic must be given: the Kafka topic to read")
	}
	o.startup(&s)
	s.security = o.security()
	s.encoding = o.encoding(spec)
	return s, errors.Join(o.problems...)
}

// optionReader reads options one by one and collects what is wrong with them.
type optionReader struct {
	options  map[string]string
	problems []error
}

func (o *optionReader) problem(format string, args ...any) {
	o.problems = append(o.problems, fmt.Errorf(format, args...))
}

func (o *optionReader) known() {
	for _, name := range slices.Sorted(maps.Keys(o.options)) {
		if !slices.Contains(knownOptions, name) {
			o.problem("unknown option %s; the kafka connector knows %s", name, strings.Join(knownOptions, ", "))
		}
	}
}

func (o *optionReader) has(name string) bool {
	_, ok := o.options[name]
	return ok
}

func (o *optionReader) text(name, otherwise string) string {
	if v, ok := o.options[name]; ok && strings.TrimSpace(v) != "" {
		return strings.TrimSpace(v)
	}
	return otherwise
}

// choice reads one of a few words, the first being the default.
func (o *optionReader) choice(name string, words ...string) string {
	got := o.text(name, words[0])
	for _, w := range words {
		if strings.EqualFold(got, w) {
			return w
		}
	}
	o.problem("%s must be one of '%s', not '%s'", name, strings.Join(words, "', '"), got)
	return words[0]
}

func (o *optionReader) integer(name string, otherwise, least, most int64) int64 {
	text := o.text(name, "")
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		o.problem("%s must be a whole number between %d and %d, not '%s'", name, least, most, text)
		return otherwise
	}
	return n
}

// servers reads the addresses to connect to; a port is 9092 unless it is given.
func (o *optionReader) servers() []string {
	one, many := o.text(optServers, ""), o.text(optServersPlural, "")
	if one != "" && many != "" && one != many {
		o.problem("%s and %s differ: give one of them", optServers, optServersPlural)
	}
	var servers []string
	for server := range strings.SplitSeq(cmp.Or(one, many), ",") {
		if server = strings.TrimSpace(server); server != "" {
			servers = append(servers, server)
		}
	}
	if len(servers) == 0 {
		o.problem("%s must be given: host:port, several separated by commas", optServers)
	}
	return servers
}

func (o *optionReader) startup(s *settings) {
	if !o.has(optStartupMillis) {
		s.mode = startupMode(o.choice(optStartupMode, string(fromEarliest), string(fromLatest), string(fromTimestamp)))
		if s.mode == fromTimestamp {
			o.problem("%s = 'timestamp' needs %s", optStartupMode, optStartupMillis)
		}
		return
	}
	s.mode = fromTimestamp
	if mode := o.text(optStartupMode, string(fromTimestamp)); !strings.EqualFold(mode, string(fromTimestamp)) {
		o.problem("%s needs %s = 'timestamp', not '%s'", optStartupMillis, optStartupMode, mode)
	}
	s.startupMillis = o.integer(optStartupMillis, 0, 0, 1<<53)
}
