package main

import (
	"context"

	"github.com/millstream-db/millstream/bench/peers/programs"
	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/peers/rows"
)

// system is something that is measured.
type system struct {
	results.System

	replay    func(context.Context, *session, *system, replayJob) (map[results.Value]float64, error)
	freshness func(context.Context, *session, *system, *feed) (watcher, error) // nil: not measured
	slow      bool                                                             // it gets the short topic

	program   *programs.Program // nil: part of Millstream
	installed *programs.Installed
	version   func(*programs.Installed) string
}

// replayJob is a replay of a full topic.
type replayJob struct {
	*topic
	key  rows.Key
	rows string // the directory for the rows
}

// replayWorkloads are the names of the replays by each key.
var replayWorkloads = map[rows.Key]string{rows.ByPage: results.ReplayPages, rows.ByUser: results.ReplayUsers}

// systems are all systems, in the order of the report.
var systems = []*system{
	{
		System: results.System{Name: results.Millstream, Title: "Millstream", How: "`millstream serve` with its default settings, the source with `history = 'off'`; " +
			"until the last record is visible and a `CHECKPOINT` has made it durable."},
		replay: replayMillstream, freshness: watchMillstream,
	},
	{
		System: results.System{Name: results.MillstreamHistory, Title: "Millstream with history", How: "the same with `history = 'on'`: every row is kept in the database and can be queried."},
		replay: replayMillstream,
	},
	{
		System: results.System{Name: results.Consumer, Title: "limit: the consumer alone", Limit: true, How: "franz-go with Millstream's settings reads the topic and drops it."},
		replay: replayLimit,
	},
	{
		System: results.System{Name: results.Decoder, Title: "limit: the decoder alone", Limit: true, How: "Millstream's JSON decoder on one goroutine; the records are in memory."},
		replay: replayLimit,
	},
	peer("spark", "Spark Structured Streaming", "pyspark with spark-sql-kafka-0-10, `local[2]`, 4 GB for the driver, 2 shuffle partitions; `availableNow`, update mode, "+
		"`foreachBatch` that writes CSV (replay); the default trigger, `foreachBatch` that collects (freshness).", programs.Spark,
		func(i *programs.Installed) string {
			return i.Version("venv/lib/*/site-packages/pyspark-*.dist-info", "pyspark-", ".dist-info")
		}, watchProgram),
	peer("flink", "Flink SQL", "a local mini cluster with parallelism 2 in one JVM of 4 GB; `scan.bounded.mode = 'latest-offset'`, `TUMBLE` and a filesystem sink (replay); "+
		"a group aggregation whose changes are printed (freshness).", programs.Flink,
		func(i *programs.Installed) string {
			return i.Version("lib/flink-table-runtime-*.jar", "flink-table-runtime-", ".jar")
		}, watchProgram),
	peer("kafka-streams", "Kafka Streams", "two stream threads, JVM of 4 GB, RocksDB stores and caching as by default; `groupBy` goes through a repartition topic; "+
		"the store is read when all records are counted (replay), or polled (freshness).", programs.KafkaStreams,
		func(i *programs.Installed) string {
			return i.Version("lib/kafka-streams-*.jar", "kafka-streams-", ".jar")
		}, watchProgram),
	peer("pathway", "Pathway", "`pw.io.kafka.read` of JSON, `windowby` with tumbling windows, two threads; static mode and a CSV sink (replay), "+
		"streaming mode with the default commit interval and `subscribe` (freshness).", programs.Pathway,
		func(i *programs.Installed) string {
			return i.Version("venv/lib/*/site-packages/pathway-*.dist-info", "pathway-", ".dist-info")
		}, watchProgram),
	slow(peer("bytewax", "Bytewax", "one worker process per core is its way to scale; here two worker threads; `KafkaSource` in batches of 1,000, `fold_window` with an event clock.", programs.Bytewax,
		func(i *programs.Installed) string {
			return i.Version("venv/lib/*/site-packages/bytewax-*.dist-info", "bytewax-", ".dist-info")
		}, nil)),
	slow(peer("loop", "Python loop with DuckDB", "confluent-kafka in batches of 10,000, `json.loads`, an `INSERT` of each batch into DuckDB through Arrow, and the query repeated every second.", programs.Loop,
		func(i *programs.Installed) string {
			return "of confluent-kafka " + i.Version("venv/lib/*/site-packages/confluent_kafka-*.dist-info", "confluent_kafka-", ".dist-info") +
				" and DuckDB " + i.Version("venv/lib/*/site-packages/duckdb-*.dist-info", "duckdb-", ".dist-info")
		}, watchProgram)),
}

// peer is a system that has a program.
func peer(name, title, how string, p programs.Program, version func(*programs.Installed) string,
	freshness func(context.Context, *session, *system, *feed) (watcher, error),
) *system {
	return &system{
		System: results.System{Name: name, Title: title, How: how}, program: &p, version: version,
		replay: replayProgram, freshness: freshness,
	}
}

// slow gives a system the short topic.
func slow(s *system) *system {
	s.slow = true
	return s
}

func systemNames() []string {
	var names []string
	for _, s := range systems {
		names = append(names, s.Name)
	}
	return names
}
