package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/server/httpapi"
)

// off disables a listener.
const off = "off"

// Config is everything that can be set about a process.
type Config struct {
	Data     string // directory of the database
	Pg       string // host:port for Postgres clients, or off
	HTTP     string // host:port for HTTP clients, or off
	Hosts    []string
	Init     string   // file of statements for the first start
	CopyFrom []string // directories whose files COPY may read
	BackupTo []string // directories in which BACKUP may make others
	Insecure bool     // listen beyond loopback although nobody has to log in
	Access   AccessConfig

	LogLevel  string
	LogFormat string

	// 0 is a share of process_memory, until shareMemory.
	Memory             int64 // hot buffers, bytes
	IngestBody         int64 // most of one request that brings rows, bytes
	ViewMemory         int64 // state of a view, bytes
	CheckpointInterval time.Duration
	DuckDBMemory       int64 // bytes
	ProcessMemory      int64 // bytes; 0: three quarters of the machine's
	Threads            int   // 0: one per CPU
	StatementTimeout   time.Duration
	IdleInTransaction  time.Duration
	ShutdownTimeout    time.Duration
	MaxConnections     int
	MaxQueries         int
	QueueTimeout       time.Duration

	Demo DemoConfig
}

// DemoConfig is what only the demo has.
type DemoConfig struct {
	Kafka    string        // host:port for Kafka clients
	Registry string        // host:port of the schema registry, or off
	Rate     int           // orders and page views per second
	For      time.Duration // 0: until it is stopped
	Seed     int
}

func defaultConfig() *Config {
	return &Config{
		Data:               "millstream-data",
		Pg:                 "127.0.0.1:5488",
		HTTP:               "127.0.0.1:8488",
		LogLevel:           "info",
		LogFormat:          "text",
		IngestBody:         httpapi.DefaultIngestBodyMax,
		CheckpointInterval: 10 * time.Second,
		StatementTimeout:   5 * time.Minute,
		IdleInTransaction:  10 * time.Minute,
		ShutdownTimeout:    10 * time.Second,
		MaxConnections:     100,
		MaxQueries:         64,
		QueueTimeout:       30 * time.Second,
		Demo:               DemoConfig{Kafka: "127.0.0.1:9488", Registry: "127.0.0.1:7488", Rate: 1000, Seed: 1},
	}
}

// settings lists what serve can be told.
func (c *Config) settings() []setting {
	list := []setting{
		{"data", "directory of the database; made if missing", textValue{&c.Data}},
		{"pg", "host:port for Postgres clients, or off", textValue{&c.Pg}},
		{"http", "host:port for HTTP clients, or off", textValue{&c.HTTP}},
		{"hosts", "names besides localhost that HTTP requests may be addressed to, with commas between", listValue{&c.Hosts}},
		{"init", "file of SQL statements to run at the first start", textValue{&c.Init}},
		{"copy_from", "directories whose files COPY … FROM 'file' and sources of files may read, with commas between", listValue{&c.CopyFrom}},
		{"backup_to", "directories in which BACKUP TO 'directory' may make others, with commas between", listValue{&c.BackupTo}},
		{"insecure", "listen on addresses beyond loopback although nobody has to log in", boolValue{&c.Insecure}},
	}
	return append(append(list, c.Access.settings()...), []setting{
		{"log_level", "debug, info, warn or error", choiceValue{&c.LogLevel, []string{"debug", "info", "warn", "error"}}},
		{"log_format", "text or json", choiceValue{&c.LogFormat, []string{"text", "json"}}},
		{"memory", "most memory for hot rows; readers wait when it is full. 0B: an eighth of process_memory, at most 512MiB", sizeValue{&c.Memory}},
		{"ingest_body", "largest body of POST /v1/ingest/<source>, unpacked", sizeValue{&c.IngestBody}},
		{"view_memory", "most memory for the state of a view; one that outgrows it is paused. 0B: a half of process_memory, at most 1GiB", sizeValue{&c.ViewMemory}},
		{"checkpoint_interval", "longest time between two checkpoints", durationValue{&c.CheckpointInterval}},
		{"duckdb_memory", "most memory for DuckDB. 0B: a quarter of process_memory, at most 1GiB", sizeValue{&c.DuckDBMemory}},
		{"process_memory", "most memory for the whole process; statements of clients are ended when it has four fifths. 0B: three quarters of what the machine or the cgroup has", sizeValue{&c.ProcessMemory}},
		{"threads", "threads for queries; 0: one per CPU", intValue{&c.Threads}},
		{"statement_timeout", "longest time of a statement; 0s: no limit", durationValue{&c.StatementTimeout}},
		{"idle_in_transaction_session_timeout", "longest time in which the client of a transaction sends nothing; 0s: no limit", durationValue{&c.IdleInTransaction}},
		{"shutdown_timeout", "how long statements may finish when the process ends", durationValue{&c.ShutdownTimeout}},
		{"max_connections", "most Postgres connections at once", intValue{&c.MaxConnections}},
		{"max_queries", "most queries at work at once; more wait", intValue{&c.MaxQueries}},
		{"queue_timeout", "longest time that a query waits to begin", durationValue{&c.QueueTimeout}},
	}...)
}

// demoSettings lists what demo can be told.
func (c *Config) demoSettings() []setting {
	return append(c.settings(),
		setting{"kafka", "host:port of the demo's Kafka broker", textValue{&c.Demo.Kafka}},
		setting{"registry", "host:port of the demo's schema registry, or off: no topics of Avro and Protobuf", textValue{&c.Demo.Registry}},
		setting{"rate", "orders and page views per second", intValue{&c.Demo.Rate}},
		setting{"for", "stop by itself after this time; 0s: run until stopped", durationValue{&c.Demo.For}},
		setting{"seed", "of the random stream", intValue{&c.Demo.Seed}},
	)
}

// Validate returns everything that is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	if c.Data == "" {
		errs = append(errs, errors.New("data: no directory given"))
	}
	errs = append(errs, c.validateAddr("pg", c.Pg, c.Access.opens), c.validateAddr("http", c.HTTP, c.Access.opens), c.Access.validate())
	if c.Pg == off && c.HTTP == off {
		errs = append(errs, errors.New("pg, http: both are off, so nobody could ask anything"))
	}
	for _, size := range []struct {
		name  string
		bytes int64
	}{{"memory", c.Memory}, {"view_memory", c.ViewMemory}, {"duckdb_memory", c.DuckDBMemory}} {
		if least := int64(leastMemory); size.bytes != 0 && size.bytes < least {
			errs = append(errs, fmt.Errorf("%s: %s is too little, at least %s are needed", size.name, sizeValue{&size.bytes}, sizeValue{&least}))
		}
	}
	if least := c.Memory + c.DuckDBMemory; c.ProcessMemory != 0 && c.ProcessMemory < least {
		errs = append(errs, fmt.Errorf("process_memory: %s is less than memory and duckdb_memory, together %s", sizeValue{&c.ProcessMemory}, sizeValue{&least}))
	}
	if c.IngestBody <= 0 {
		errs = append(errs, errors.New("ingest_body: at least 1B is needed"))
	}
	if c.CheckpointInterval < 100*time.Millisecond {
		errs = append(errs, fmt.Errorf("checkpoint_interval: %s is too short, at least 100ms are needed", c.CheckpointInterval))
	}
	if c.MaxQueries == 0 {
		errs = append(errs, errors.New("max_queries: at least 1 is needed"))
	}
	if c.MaxConnections == 0 {
		errs = append(errs, errors.New("max_connections: at least 1 is needed"))
	}
	return errors.Join(errs...)
}

func (c *Config) validateDemo() error {
	errs := []error{
		c.Validate(), c.validateAddr("kafka", c.Demo.Kafka, new(AccessConfig).opens), c.validateAddr("registry", c.Demo.Registry, new(AccessConfig).opens),
	}
	if c.Demo.Rate == 0 {
		errs = append(errs, errors.New("rate: at least 1 record per second is needed"))
	}
	if c.Pg == off || c.Demo.Kafka == off {
		errs = append(errs, errors.New("pg, kafka: the demo needs both"))
	}
	return errors.Join(errs...)
}

// validateAddr refuses addresses that other machines can reach, if opens has
// something against them.
func (c *Config) validateAddr(name, addr string, opens func(name, addr string) error) error {
	if addr == off {
		return nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return fmt.Errorf("%s: %q is not an address such as 127.0.0.1:5488, nor off", name, addr)
	}
	if !c.Insecure && !isLoopback(host) {
		return opens(name, addr)
	}
	return nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// settingNamed returns the setting of that name.
func settingNamed(settings []setting, name string) (setting, bool) {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
	if i < 0 {
		return setting{}, false
	}
	return settings[i], true
}
