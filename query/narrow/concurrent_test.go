package narrow_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millstream-db/millstream/query"
)

// TestLookupsSeeOneEpoch asks for groups that each INSERT changes alike, while rows
// come: all that a query sees are alike, whether it holds the epoch or has let go of it.
func TestLookupsSeeOneEpoch(t *testing.T) {
	ctx := t.Context()
	db, err := query.Open(ctx, "", query.Options{NoCatalog: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	const keys, inserts = 3000, 25
	insert := fmt.Sprintf("INSERT INTO s SELECT 'a key that is in no handle ' || i, repeat('x', 20 + i %% 7) FROM range(%d) t(i)", keys)
	for _, sql := range []string{"CREATE SOURCE s (k VARCHAR, x VARCHAR)", "CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS n, max(x) AS x FROM s GROUP BY k", insert} {
		if err := db.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	var done atomic.Bool
	var wait sync.WaitGroup
	for _, sql := range []string{
		"SELECT n FROM v WHERE k IN ('a key that is in no handle 1', 'a key that is in no handle 1500', 'a key that is in no handle 2999')",
		"SELECT n FROM v WHERE k = 'a key that is in no handle 7' UNION ALL SELECT n FROM v WHERE k = 'a key that is in no handle 8'",
		"SELECT n FROM v ORDER BY n DESC LIMIT 3",
		"SELECT min(n) FROM v UNION ALL SELECT max(n) FROM v",
	} {
		wait.Go(func() {
			s := db.NewSession(query.SessionOptions{})
			defer s.Close()
			w := &world{t: t, db: db, s: s}
			for last := ""; !done.Load(); {
				rows, err := w.ask(sql, nil, true)
				if err != nil || len(rows) < 2 || rows[0] != rows[len(rows)-1] || len(rows[0]) < len(last) {
					t.Errorf("%s: %v, %v, after %s", sql, rows, err, last)
					return
				}
				last = rows[0]
			}
		})
	}
	for range inserts {
		if err := db.Exec(ctx, insert); err != nil {
			t.Error(err)
		}
	}
	done.Store(true)
	wait.Wait()
	w := &world{t: t, db: db, s: db.NewSession(query.SessionOptions{})}
	defer w.s.Close()
	rows, err := w.ask("SELECT n, x FROM v WHERE k = 'a key that is in no handle 6'", nil, true)
	if want := fmt.Sprint(inserts+1, "|", strings.Repeat("x", 26)); err != nil || len(rows) != 1 || rows[0] != want {
		t.Errorf("%v, %v, want %s", rows, err, want)
	}
}
