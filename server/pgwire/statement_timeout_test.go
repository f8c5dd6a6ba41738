package pgwire

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// TestTimeoutBetweenMessages lets the time of a statement pass between its
// messages.
func TestTimeoutBetweenMessages(t *testing.T) {
	_, addr := startServer(t, &fakeDatabase{}, Options{})
	conn := connectPgx(t, addr).PgConn()
	ctx := context.Background()
	if _, err := conn.Exec(ctx, "set statement_timeout 50ms").ReadAll(); err != nil {
		t.Fatal(err)
	}
	pipeline := conn.StartPipeline(ctx)
	pipeline.SendPrepare("p", "rows 1", nil)
	if err := pipeline.Flush(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	pipeline.SendQueryPrepared("p", nil, nil, nil)
	if err := pipeline.Sync(); err != nil {
		t.Fatal(err)
	}
	var failed error
	for range 4 {
		results, err := pipeline.GetResults()
		if err != nil {
			failed = err
		}
		if r, ok := results.(*pgconn.ResultReader); ok {
			if _, err := r.Close(); err != nil {
				failed = err
			}
		}
		if _, synced := results.(*pgconn.PipelineSync); synced {
			break
		}
	}
	wantCode(t, failed, "57014", "statement timeout")
	if err := pipeline.Close(); err != nil {
		t.Error(err)
	}
	time.Sleep(60 * time.Millisecond) // between statements no time counts
	if r := conn.ExecPrepared(ctx, "p", nil, nil, nil).Read(); r.Err != nil {
		t.Error(r.Err)
	}
}
