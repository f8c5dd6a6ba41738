package main

import (
	"context"
	"time"

	"github.com/millstream-db/millstream/bench/peers/programs"
	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/peers/rows"
)

// system is something that is measured.
type system struct {
	results.System

	replay    func(context.Context, *session, *system, replayJob) (map[results.Value]float64, error)
	nexmark   func(context.Context, *session, *system, nexmarkJob) (map[results.Value]float64, error) // nil: it has none of the queries
	cannot    map[string]string                                                                       // why it has no figure of one of them
	freshness func(context.Context, *session, *system, *feed) (watcher, error)
	warmUp    time.Duration // how long a rate holds before freshness is measured
	rates     []int         // of freshness
	slow      bool          // it gets the short topic

	program   *programs.Program // nil: part of Millstream
	installed *programs.Installed
}

// replayJob is a replay of a full topic.
type replayJob struct {
	*topic
	key  rows.Key
	rows string // the directory for the rows
}

// replayWorkloads are the names of the replays by each key.
var replayWorkloads = map[rows.Key]string{rows.ByPage: results.ReplayPages, rows.ByUser: results.ReplayUsers}

const (
	ourWarmUp = 3 * time.Second
	// peerWarmUp is longer: virtual machines compile what is hot, and what was sent
	// before a system was up is to be caught up with.
	peerWarmUp = 10 * time.Second
)

// peerRates are those of systems whose freshness is only to be seen beside
// Millstream's target.
var peerRates = []int{50_000}

// systems are all systems, in the order of the report.
var systems = []*system{
	{
		System: results.System{Name: results.Millstream, Title: "Millstream", How: "`millstream serve` with its default settings, the source with `history = 'off'`; " +
			"until the last record is visible and a `CHECKPOINT` has made it durable. Nexmark: one view at a time."},
		replay: replayMillstream, nexmark: nexmarkMillstream, freshness: watchMillstream, warmUp: ourWarmUp, rates: results.FreshnessRates,
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
	{
		System: results.System{Name: results.Aggregation, Title: "limit: the view alone", Limit: true, How: "Millstream in one process with the benchmark: the same view over records that are decoded already."},
		replay: replayLimit,
	},
	{
		System: results.System{Name: results.MemoryReads, Title: "limit: memory alone", Limit: true, How: "one goroutine reads as many bytes as the records have from memory."},
		replay: replayLimit,
	},
	nexmarked(peer("spark", "Spark Structured Streaming", "pyspark with spark-sql-kafka-0-10, `local[2]`, 4 GB for the driver, 2 shuffle partitions; `availableNow`, update mode, "+
		"`foreachBatch` that writes CSV (replay); the default trigger, `foreachBatch` that collects (freshness). Nexmark: "+
		"`availableNow`, `foreachBatch` that writes CSV; append mode (q0 to q2), update mode with `collect_set` for `count(DISTINCT)` and `max_by` for the last row (q15 to q18), "+
		"complete mode with the ranking in `foreachBatch` (q5).", programs.Spark, results.FreshnessRates),
		map[string]string{"q7": "a stream can't be ranked, and its join with the highest price of each window gives only rows of windows that have closed, not of those open when the topic ends"}),
	nexmarked(peer("flink", "Flink SQL", "a local mini cluster with parallelism 2 in one JVM of 4 GB, object reuse; `scan.bounded.mode = 'latest-offset'`, `TUMBLE`, rows written by a function of each "+
		"subtask (replay); a group aggregation whose changes are printed, since a window comes out when it closes (freshness). Nexmark: "+
		"`scan.bounded.mode = 'latest-offset'`, mini-batches of 2 s or 50,000 rows and split distinct aggregations; a function of each subtask writes CSV, of changelogs the last row of each key.",
		programs.Flink, peerRates), nil),
	peer("kafka-streams", "Kafka Streams", "two stream threads, JVM of 4 GB, RocksDB stores, a cache of 512 MB, else the defaults; the records have no key, so grouping goes through a repartition topic; "+
		"until all records are counted (replay); the store is polled (freshness).", programs.KafkaStreams, peerRates),
	slow(peer("pathway", "Pathway", "`pw.io.kafka.read` of JSON, `windowby` with tumbling windows, two threads; static mode and a CSV sink (replay), "+
		"streaming mode with the default commit interval and `subscribe` (freshness).", programs.Pathway, peerRates)),
	slow(peer("bytewax", "Bytewax", "two worker threads; `KafkaSource` in batches of 1,000, `fold_window` with an event clock. Its windows come out when they close: freshness is not measured.",
		programs.Bytewax, nil)),
	slow(peer("loop", "Python loop with DuckDB", "confluent-kafka in batches of 10,000, `json.loads`, an `INSERT` of each batch into DuckDB through Arrow, and the query repeated every second.",
		programs.Loop, peerRates)),
}

// peer is a system that has a program. Its freshness is measured at rates, if there are any.
func peer(name, title, how string, p programs.Program, rates []int) *system {
	return &system{
		System: results.System{Name: name, Title: title, How: how}, program: &p,
		replay: replayProgram, freshness: watchProgram, warmUp: peerWarmUp, rates: rates,
	}
}

// nexmarked gives a system whose program knows them the queries of Nexmark, but for those that it cannot answer.
func nexmarked(s *system, cannot map[string]string) *system {
	s.nexmark, s.cannot = nexmarkProgram, cannot
	return s
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
