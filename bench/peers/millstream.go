package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/peers/results"
	"github.com/millstream-db/millstream/bench/workload"
)

// sourceStatement makes the source, with the topic, the broker's address and whether
// there is history.
const sourceStatement = `CREATE SOURCE purchases (` + workload.PurchasesColumns + `,
  WATERMARK FOR ts AS ts - INTERVAL '2 seconds'
) WITH (connector = 'kafka', topic = '%s', properties.bootstrap.server = '%s', history = '%s')
FORMAT PLAIN ENCODE JSON`

// memorySourceStatement makes the source that has no topic.
const memorySourceStatement = `CREATE SOURCE purchases (` + workload.PurchasesColumns + `,
  WATERMARK FOR ts AS ts - INTERVAL '2 seconds'
) WITH (history = 'off')`

// windowsStatement makes the view, with the key.
const windowsStatement = `CREATE MATERIALIZED VIEW windows AS
SELECT window_start, window_end, "%[1]s", count(*) AS n, sum(cents) AS total, min(cents) AS least, max(cents) AS greatest
FROM TUMBLE(purchases, ts, INTERVAL '1 minute') GROUP BY window_start, window_end, "%[1]s"`

// rowsStatement writes the view as package rows reads it, with the key.
const rowsStatement = `COPY (SELECT epoch(window_start)::BIGINT, "%s", n, total, least, greatest FROM windows) TO STDOUT (FORMAT csv)`

// startMillstream starts an empty database with the settings that serve has by
// default, but for free ports.
func (s *session) startMillstream(ctx context.Context) (*instance.Instance, error) {
	if err := os.RemoveAll(s.dataDir()); err != nil {
		return nil, err
	}
	return s.reopenMillstream(ctx)
}

func (s *session) dataDir() string { return filepath.Join(s.dir, "millstream-data") }

// reopenMillstream starts the database that is there.
func (s *session) reopenMillstream(ctx context.Context) (*instance.Instance, error) {
	return instance.Start(ctx, instance.Options{
		Binary: s.binary, Data: s.dataDir(), Log: filepath.Join(s.dir, "millstream.log"),
		Settings: []string{"--pg=127.0.0.1:0"}, Env: []string{"TZ=UTC"},
	})
}

// replayMillstream measures the server with the view of a replay.
func replayMillstream(ctx context.Context, s *session, x *system, j replayJob) (map[results.Value]float64, error) {
	history := "off"
	if x.Name == results.MillstreamHistory {
		history = "on"
	}
	statements := []string{fmt.Sprintf(sourceStatement, j.name, s.addr, history), fmt.Sprintf(windowsStatement, j.key)}
	return s.fillView(ctx, statements, j.records, fmt.Sprintf(rowsStatement, j.key), j.rows)
}

// fillView measures the server from the first statement until the last record is
// visible in the view and durable. Then the COPY writes the view into a directory.
func (s *session) fillView(ctx context.Context, statements []string, records int64, rows, dir string) (map[results.Value]float64, error) {
	db, err := s.startMillstream(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Kill() // its data is of no more use
	started, used := time.Now(), db.CPUTime()
	for _, sql := range statements {
		if err := db.Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("%s: %w", sql, err)
		}
	}
	if err := waitTaken(ctx, db, records); err != nil {
		return nil, err
	}
	if err := db.Exec(ctx, "CHECKPOINT"); err != nil {
		return nil, err
	}
	values := map[results.Value]float64{
		results.Seconds: time.Since(started).Seconds(), results.StartSeconds: db.Startup().Seconds(),
		results.CPUSeconds: (db.CPUTime() - used).Seconds(), results.PeakBytes: float64(db.PeakMemoryBytes()),
	}
	if values[results.DiskBytes], err = s.dataBytes(); err != nil {
		return nil, err
	}
	return values, writeRows(ctx, db, rows, dir)
}

// dataBytes is how much the database's files take.
func (s *session) dataBytes() (bytes float64, err error) {
	err = filepath.WalkDir(s.dataDir(), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += float64(info.Size())
		}
		return err
	})
	return bytes, err
}

// waitTaken waits until the source has taken in so many records.
func waitTaken(ctx context.Context, db *instance.Instance, count int64) error {
	for {
		got, err := taken(ctx, db)
		if err != nil || got >= count {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// taken returns how many records the source has taken in.
func taken(ctx context.Context, db *instance.Instance) (int64, error) {
	got, err := db.Integers(ctx, "SELECT coalesce(sum(next_offset), 0)::BIGINT FROM millstream.partitions")
	if err != nil {
		return 0, err
	}
	return got[0][0], nil
}

// writeRows writes what a COPY gives into a directory.
func writeRows(ctx context.Context, db *instance.Instance, statement, dir string) (err error) {
	conn, err := connect(ctx, db)
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // everything has been answered
	f, err := os.Create(filepath.Join(dir, "rows.csv"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = conn.CopyTo(ctx, f, statement)
	return err
}

// connect opens a connection of the Postgres protocol.
func connect(ctx context.Context, db *instance.Instance) (*pgconn.PgConn, error) {
	conn, err := pgconn.Connect(ctx, fmt.Sprintf("postgres://millstream@%s/millstream?sslmode=disable", db.Postgres()))
	if err != nil {
		return nil, fmt.Errorf("connect to millstream: %w", err)
	}
	return conn, nil
}
