package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/peers/rows"
	"github.com/millstream-db/millstream/bench/workload"
)

// millstreamWatcher asks the view over and over.
type millstreamWatcher struct {
	*instance.Instance
	conn *pgconn.PgConn
	feed *feed
}

// pollInterval is the pause between an answer and the next question.
const pollInterval = time.Millisecond

// probesStatement asks for the probes of all partitions.
var probesStatement = fmt.Sprintf(`SELECT page, max(greatest)::BIGINT FROM windows WHERE page >= '%s' GROUP BY page`, workload.PageName(probePage(0)))

func watchMillstream(ctx context.Context, s *session, _ *system, f *feed) (watcher, error) {
	db, err := s.startMillstream(ctx)
	if err != nil {
		return nil, err
	}
	w := &millstreamWatcher{Instance: db, feed: f}
	if err := w.begin(ctx, s.addr); err != nil {
		db.Kill()
		return nil, err
	}
	return w, nil
}

// begin makes the view, and a connection with the question prepared.
func (w *millstreamWatcher) begin(ctx context.Context, addr string) (err error) {
	for _, sql := range []string{fmt.Sprintf(sourceStatement, w.feed.topic, addr, "off"), fmt.Sprintf(windowsStatement, rows.ByPage)} {
		if err := w.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	if w.conn, err = connect(ctx, w.Instance); err != nil {
		return err
	}
	_, err = w.conn.Prepare(ctx, "probes", probesStatement, nil)
	return err
}

// Close ends the server, whose data is of no more use.
func (w *millstreamWatcher) Close() {
	_ = w.conn.Close(context.Background()) // everything has been answered
	w.Kill()
}

func (w *millstreamWatcher) watch(ctx context.Context) error {
	for sleep(ctx, pollInterval) == nil {
		// The connection is used after ctx has ended: the question is asked to the end.
		result := w.conn.ExecPrepared(context.WithoutCancel(ctx), "probes", nil, nil, nil).Read()
		if result.Err != nil {
			return fmt.Errorf("ask for the probes: %w", result.Err)
		}
		at := time.Now()
		for _, row := range result.Rows {
			var page int
			if _, err := fmt.Sscanf(string(row[0]), "page-%d", &page); err != nil {
				return fmt.Errorf("page %q: %w", row[0], err)
			}
			count, err := strconv.ParseInt(string(row[1]), 10, 64)
			if err != nil {
				return fmt.Errorf("probes of %s: %w", row[0], err)
			}
			w.feed.observe(page-probePage(0), count, at)
		}
	}
	return nil
}
