package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/bench/workload"
	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/ingest/kafka"
	"github.com/millstream-db/millstream/query"
)

// sourceStatement has the broker's address as its %s.
const sourceStatement = `CREATE SOURCE clicks (` + workload.ClicksColumns + `,
  WATERMARK FOR ts AS ts - INTERVAL '2 seconds'
) WITH (connector = 'kafka', topic = '` + topic + `', properties.bootstrap.server = '%s')
FORMAT PLAIN ENCODE JSON`

// viewStatements are one view with many small windows, one with sets of
// distinct users, and one without windows.
var viewStatements = []string{
	`CREATE MATERIALIZED VIEW page_stats AS
SELECT window_start, window_end, page, count(*) AS clicks, sum(bytes) AS bytes, avg(duration_ms) AS average, max(duration_ms) AS longest
FROM TUMBLE(clicks, ts, INTERVAL '1 second') GROUP BY window_start, window_end, page`,
	`CREATE MATERIALIZED VIEW visitors AS
SELECT window_start, window_end, country, count(*) AS clicks, count(DISTINCT "user") AS visitors, min(price) AS cheapest
FROM TUMBLE(clicks, ts, INTERVAL '10 seconds') GROUP BY window_start, window_end, country`,
	`CREATE MATERIALIZED VIEW page_health AS
SELECT page, count(*) AS clicks, count(*) FILTER (WHERE status = 500) AS failed, sum(price) AS revenue
FROM clicks GROUP BY page`,
}

// proof holds for each of the records once, and for no other state.
const proof = `SELECT count(*)::BIGINT, sum(id)::BIGINT, count(DISTINCT (_partition, _offset))::BIGINT,
  (SELECT sum(clicks) FROM page_stats)::BIGINT, (SELECT sum(clicks) FROM visitors)::BIGINT, (SELECT sum(clicks) FROM page_health)::BIGINT
FROM clicks`

// system is millstream with the settings that serve has by default.
func system(ctx context.Context, c *config) (m measurement, err error) {
	data := filepath.Join(c.dir, "database")
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	db, err := query.Open(ctx, data, query.Options{Engine: engine.Options{
		Connectors: map[string]source.Connector{"kafka": kafka.New(kafka.Options{})},
		DuckDB:     duck.Options{MemoryLimit: fmt.Sprintf("%dB", 1<<30)},
	}})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, db.Close(ctx)) }()
	stop, err := startProfile(c.cpuProfile)
	if err != nil {
		return m, err
	}
	defer stop()
	started := time.Now()
	for _, sql := range append([]string{fmt.Sprintf(sourceStatement, c.addr)}, viewStatements...) {
		if err := db.Exec(ctx, sql); err != nil {
			return m, fmt.Errorf("%s: %w", sql, err)
		}
	}
	if err := waitVisible(ctx, db, c.records); err != nil {
		return m, err
	}
	m.Visible = time.Since(started)
	if err := db.Checkpoint(ctx); err != nil {
		return m, err
	}
	m.Durable = time.Since(started)
	stop()
	if m.Records, err = prove(ctx, db, c.records); err != nil {
		return m, err
	}
	m.FileBytes, err = directoryBytes(data)
	return m, err
}

// startProfile writes a CPU profile to path, if there is one, until stop.
func startProfile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("profile: %w", err), f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a second call closes it again, which is harmless
	}, nil
}

// waitVisible waits until the source has taken in count records.
func waitVisible(ctx context.Context, db *query.DB, count int64) error {
	for {
		got, err := numbers(ctx, db, "SELECT coalesce(sum(next_offset), 0)::BIGINT FROM millstream.partitions")
		if err != nil {
			return err
		}
		if got[0] >= count {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// prove checks that every record is there once, in the source and in all views.
func prove(ctx context.Context, db *query.DB, count int64) (int64, error) {
	got, err := numbers(ctx, db, proof)
	if err != nil {
		return 0, err
	}
	want := [6]int64{count, count * (count - 1) / 2, count, count, count, count}
	if [6]int64(got) != want {
		late, lateErr := numbers(ctx, db, `SELECT count(*)::BIGINT FROM "clicks$late"`)
		return 0, fmt.Errorf("the result is %v, want %v; late records: %v (%w)", got, want, late, lateErr)
	}
	return got[0], nil
}

// numbers runs a statement that gives one row of BIGINTs.
func numbers(ctx context.Context, db *query.DB, sql string) ([]int64, error) {
	result, err := db.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	defer result.Close()
	rows, err := result.Next(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	numbers := make([]int64, rows.NumCols())
	for i := range numbers {
		column, ok := rows.Column(i).(*array.Int64)
		if !ok {
			return nil, fmt.Errorf("%s: column %d is not BIGINT", sql, i)
		}
		numbers[i] = column.Value(0)
	}
	return numbers, nil
}

func directoryBytes(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
