package main

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/source"
)

// metrics is everything that /metrics shows. Labels are bounded: names of
// sources and views, partitions, kinds of statements; never SQL or keys.
type metrics struct {
	registry *prometheus.Registry
	engine   atomic.Pointer[engine.Engine]

	epochSeconds, checkpointSeconds prometheus.Histogram
	checkpointErrors                prometheus.Counter
	statements, pushes              *prometheus.HistogramVec
	rows                            *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		epochSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "millstream_epoch_seconds",
			Help: "Time to apply the batches of one epoch to all views.", Buckets: prometheus.ExponentialBuckets(1e-4, 4, 9)}),
		checkpointSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "millstream_checkpoint_seconds",
			Help: "Time of a checkpoint's transaction.", Buckets: prometheus.ExponentialBuckets(1e-3, 4, 9)}),
		checkpointErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "millstream_checkpoint_errors_total",
			Help: "Checkpoints that failed; they are tried again."}),
		statements: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "millstream_query_seconds",
			Help: "Time of statements, by endpoint, kind and outcome.", Buckets: prometheus.ExponentialBuckets(1e-4, 4, 9)}, []string{"endpoint", "kind", "outcome"}),
		pushes: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "millstream_push_seconds",
			Help: "Time of requests that bring rows, until they are durable, by HTTP status.", Buckets: prometheus.ExponentialBuckets(1e-3, 4, 9)}, []string{"status"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "millstream_query_rows_total",
			Help: "Rows that statements returned."}, []string{"endpoint"}),
	}
	m.registry.MustRegister(m.epochSeconds, m.checkpointSeconds, m.checkpointErrors, m.statements, m.pushes, m.rows, m,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) epoch(_ int, d time.Duration) { m.epochSeconds.Observe(d.Seconds()) }

func (m *metrics) checkpoint(_ int64, d time.Duration, err error) {
	if err != nil {
		m.checkpointErrors.Inc()
		return
	}
	m.checkpointSeconds.Observe(d.Seconds())
}

// statement returns an endpoint's observer.
func (m *metrics) statement(endpoint string) func(kind string, d time.Duration, rows int64, err error) {
	return func(kind string, d time.Duration, rows int64, err error) {
		outcome := "ok"
		if err != nil {
			outcome = "error"
		}
		m.statements.WithLabelValues(endpoint, kind, outcome).Observe(d.Seconds())
		m.rows.WithLabelValues(endpoint).Add(float64(rows))
	}
}

// pushed observes a request that brought rows.
func (m *metrics) pushed(status int, d time.Duration) {
	m.pushes.WithLabelValues(strconv.Itoa(status)).Observe(d.Seconds())
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("millstream_"+name, help, labels, nil)
}

var (
	descEpoch       = desc("epoch", "Number of the current epoch.")
	descRecords     = desc("records_total", "Records taken from all sources since the start.")
	descHotBytes    = desc("hot_bytes", "Bytes of rows waiting for their checkpoint.")
	descOffHeap     = desc("off_heap_bytes", "Off-heap bytes of rows and view states.")
	descDuckDB      = desc("duckdb_bytes", "Bytes that DuckDB holds of duckdb_memory: blocks of the history file that it keeps, and what statements have.")
	descWAL         = desc("history_wal_bytes", "Bytes of the history file's write-ahead log.")
	descCheckpoints = desc("checkpoints_total", "Checkpoints committed since the start.")
	descReopened    = desc("history_reopened_total", "How often the history file was opened again after an error, since the start.")
	descSubs        = desc("subscriptions", "Subscriptions that are open.")
	descSubRows     = desc("subscription_rows_total", "Rows told to subscriptions since the start.")
	descSubsCut     = desc("subscriptions_cut_total", "Subscriptions that were ended because their clients were too slow.")
	descRows        = desc("source_rows_total", "Rows of a source since it was created.", "source")
	descBytes       = desc("source_bytes_total", "Record bytes read since the start.", "source")
	descLate        = desc("source_late_total", "Records that came too late for some view.", "source")
	descRejected    = desc("source_rejected_total", "Records that could not be decoded.", "source")
	descDelay       = desc("source_watermark_delay_seconds", "How far the watermark is behind the clock.", "source")
	descRunning     = desc("source_running", "1 while the broker is proved to be readable.", "source")
	descLag         = desc("partition_lag_records", "Records between the next offset and the end.", "source", "partition")
	descLost        = desc("partition_lost_offsets", "Offsets that the broker has lost, those for which the partition is stalled included.", "source", "partition")
	descGroups      = desc("view_groups", "Groups of a view in memory.", "view")
	descState       = desc("view_state_bytes", "Memory of a view's state.", "view")
	descViewLate    = desc("view_late_total", "Records that came too late for a view.", "view")
	descViewErrors  = desc("view_errors_total", "Batches in which an expression of a view failed.", "view")
)

// duckDBPatience is how long the metrics wait for DuckDB: they matter most when something hangs.
const duckDBPatience = time.Second

// Describe sends nothing: the collector is unchecked, since sources come and go.
func (m *metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads the engine's state.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	e := m.engine.Load()
	if e == nil {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	s := e.Stats()
	gauge(descEpoch, float64(s.Epoch))
	counter(descRecords, s.Records)
	gauge(descHotBytes, float64(s.HotBytes))
	gauge(descOffHeap, float64(s.OffHeapBytes))
	ctx, cancel := context.WithTimeout(context.Background(), duckDBPatience)
	defer cancel()
	if n, err := e.DuckDBBytes(ctx); err == nil { // it can't tell while the file is opened again, or the disk hangs
		gauge(descDuckDB, float64(n))
	}
	gauge(descWAL, float64(s.WALBytes))
	counter(descCheckpoints, s.Checkpoints)
	counter(descReopened, e.Reopened())
	subs := e.Subscriptions()
	gauge(descSubs, float64(subs.Open))
	counter(descSubRows, subs.Rows)
	counter(descSubsCut, subs.Cut)
	sources, views := e.Objects()
	for _, src := range sources {
		counter(descRows, src.Rows, src.Name)
		counter(descBytes, src.Status.Bytes, src.Name)
		counter(descLate, src.Late, src.Name)
		counter(descRejected, src.Rejected, src.Name)
		running := 0.0
		if src.Status.State == source.Running {
			running = 1
		}
		gauge(descRunning, running, src.Name)
		if !src.Watermark.IsZero() {
			gauge(descDelay, time.Since(src.Watermark).Seconds(), src.Name)
		}
		for _, p := range src.Partitions {
			gauge(descLag, float64(max(0, p.End-p.Next)), src.Name, strconv.Itoa(int(p.Partition)))
			gauge(descLost, float64(p.Lost), src.Name, strconv.Itoa(int(p.Partition)))
		}
	}
	for _, v := range views {
		gauge(descGroups, float64(v.Groups), v.Name)
		gauge(descState, float64(v.Bytes), v.Name)
		counter(descViewLate, v.Late, v.Name)
		counter(descViewErrors, v.Errors, v.Name)
	}
}

var _ prometheus.Collector = (*metrics)(nil)
