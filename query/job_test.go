package query

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/job"
)

// notices runs a statement in a session and returns its notices.
func notices(t *testing.T, s *Session, sql string) []string {
	t.Helper()
	st, err := s.Prepare(ctx, sql, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	r, err := s.Execute(ctx, st, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer r.Close()
	return r.Notices
}

func TestBackgroundViewsAreJobs(t *testing.T) {
	var mu sync.Mutex // held: the checkpoint that makes the view does not end
	db, err := Open(ctx, t.TempDir(), Options{Engine: engine.Options{
		CheckpointInterval: time.Hour, OnCheckpoint: func(int64, time.Duration, error) { mu.Lock(); defer mu.Unlock() },
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	exec(t, db, ordersSQL)
	fill(t, db, 0, 300)
	s := db.NewSession(SessionOptions{})
	defer s.Close()
	notices(t, s, "SET background_ddl = true")
	if got := s.Setting("background_ddl"); got != "on" {
		t.Errorf("background_ddl is %q", got)
	}
	mu.Lock()
	got := notices(t, s, "CREATE MATERIALIZED VIEW v AS SELECT country, count(*) AS n FROM orders GROUP BY country")
	if len(got) != 1 || !strings.Contains(got[0], `job 1 builds materialized view "v" in the background`) {
		t.Errorf("notices %q", got)
	}
	for db.engine.Jobs().All()[0].State != job.Finishing {
		time.Sleep(time.Millisecond)
	}
	wantError(t, db, "SELECT * FROM v", CodeObjectNotPrerequisite, `materialized view "v" is being built (99 %)`)
	err = db.Exec(ctx, "SELECT * FROM v")
	var e *Error
	if !errors.As(err, &e) || e.Hint != "SHOW JOBS shows its progress; CANCEL JOB 1 gives it up." {
		t.Errorf("hint of %#v", err)
	}
	wantError(t, db, "SELECT * FROM w", CodeUndefinedTable, "w")
	wantError(t, db, "DROP MATERIALIZED VIEW v", CodeObjectNotPrerequisite, "is being built")
	out, err := table(db.Query(ctx, "SHOW JOBS"))
	if err != nil || !strings.HasPrefix(out, "1 CREATE MATERIALIZED VIEW v AS") || !strings.HasSuffix(out, " finishing") || !strings.Contains(out, " v 99.0% 300 ") {
		t.Errorf("SHOW JOBS: %q, %v", out, err)
	}
	mu.Unlock()
	for db.engine.Jobs().Building("v") != nil {
		time.Sleep(time.Millisecond)
	}
	check(t, db, "SELECT * FROM v ORDER BY 1", "c0 100\nc1 100\nc2 100")
	check(t, db, "SHOW JOBS", "")
	check(t, db, "SELECT id, view, source, state, progress, rows, error FROM millstream.jobs", "1 v orders done 100 300 (null)")
	wantError(t, db, "CANCEL JOB 1", CodeUndefinedObject, "job 1 does not exist")
	wantError(t, db, "SET background_ddl = maybe", CodeInvalidParameter, "requires a Boolean value")
}

func TestViewsAreReplaced(t *testing.T) {
	db := open(t, t.TempDir())
	exec(t, db, ordersSQL)
	fill(t, db, 0, 300)
	exec(t, db, "CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT country, count(*) AS n FROM orders GROUP BY country")
	check(t, db, "SELECT * FROM v ORDER BY 1", "c0 100\nc1 100\nc2 100")
	exec(t, db, "CREATE OR REPLACE MATERIALIZED VIEW v WITH (background = false) AS SELECT window_start, sum(id)::BIGINT AS total FROM TUMBLE(orders, ts, INTERVAL '1 minute') GROUP BY 1")
	check(t, db, "SELECT sum(total), count(*) FROM v", "44850 5")
	check(t, db, "SHOW CREATE MATERIALIZED VIEW v",
		"v CREATE MATERIALIZED VIEW v AS\nSELECT window_start, sum(id)::BIGINT AS total FROM TUMBLE(orders, ts, INTERVAL '1 minute') GROUP BY 1")
	exec(t, db, "CHECKPOINT")
	exec(t, db, "CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT window_start, window_end, count(*) AS n FROM TUMBLE(orders, ts, INTERVAL '10 seconds') GROUP BY 1, 2")
	fill(t, db, 300, 20)
	check(t, db, "SELECT sum(n), count(*) FROM v", "320 32")
	wantError(t, db, "CREATE MATERIALIZED VIEW v AS SELECT count(*) FROM orders", CodeDuplicateTable, "already exists")
	wantError(t, db, "CREATE OR REPLACE MATERIALIZED VIEW orders AS SELECT count(*) FROM orders", CodeWrongObjectType, `"orders" is a source, not a materialized view`)
	wantError(t, db, "CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT nothing FROM orders GROUP BY 1", CodeUndefinedColumn, "nothing")
	exec(t, db, "CREATE TABLE countries (c VARCHAR)")
	wantError(t, db, "CREATE OR REPLACE MATERIALIZED VIEW countries AS SELECT count(*) FROM orders", CodeWrongObjectType, `"countries" is a table, not a materialized view`)
	wantError(t, db, "CREATE OR REPLACE SOURCE orders (id BIGINT)", CodeFeatureNotSupported, "CREATE OR REPLACE is not supported here")
	check(t, db, "SELECT sum(n) FROM v", "320")
}
