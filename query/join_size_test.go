package query

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/duck"
)

// manyToMany has each record of s match 1,500 rows twice over: 2,250,000 pairs.
func manyToMany(t *testing.T, db *DB) {
	t.Helper()
	exec(t, db, "CREATE SOURCE s (k BIGINT)")
	exec(t, db, "CREATE TABLE d (k BIGINT, x BIGINT)")
	exec(t, db, "INSERT INTO d SELECT 1, i FROM range(1500) t(i)")
}

const joined = " FROM s JOIN d AS a ON s.k = a.k JOIN d AS b ON s.k = b.k"

// TestManyToManyJoinsAreComputedInParts has records match so many rows that all of them at once would
// take some hundred MiB, in a view that is there before the records and in one that is made
// after them.
func TestManyToManyJoinsAreComputedInParts(t *testing.T) {
	db := openLeakless(t, "", engine.Options{})
	manyToMany(t, db)
	exec(t, db, "CREATE MATERIALIZED VIEW before AS SELECT count(*) AS n, sum(a.x) AS x, max(b.x) AS y"+joined)
	most := mostBytes(db)
	exec(t, db, "INSERT INTO s VALUES (1), (2), (1), (1), (NULL)")
	exec(t, db, "CREATE MATERIALIZED VIEW after AS SELECT count(*) AS n, sum(a.x) AS x, max(b.x) AS y"+joined)
	bytes := most()
	for _, view := range []string{"before", "after"} {
		check(t, db, "SELECT n, x, y FROM "+view, fmt.Sprint(3*1500*1500, " ", 3*1500*(1499*1500/2), " ", 1499))
	}
	if bytes > 64<<20 {
		t.Errorf("6,750,000 pairs took %d MiB", bytes>>20)
	}
}

// mostBytes watches the memory that is allocated. The function returns the most that was seen.
func mostBytes(db *DB) func() int64 {
	var most int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				most = max(most, db.Engine().Allocator().Bytes())
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-stopped
		return most
	}
}

// TestStateFromBeforeNeedsMemory makes views that do not fit with what their source has.
func TestStateFromBeforeNeedsMemory(t *testing.T) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("the system does not tell how much memory a process has")
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(statm), &size, &resident); err != nil {
		t.Fatal(err)
	}
	db := openLeakless(t, "", engine.Options{DuckDB: duck.Options{ProcessMemory: resident*int64(os.Getpagesize()) + 150<<20}})
	manyToMany(t, db)
	exec(t, db, "INSERT INTO s VALUES (1), (1), (1)")
	for range 2 {
		err = db.Exec(ctx, "CREATE MATERIALIZED VIEW pairs AS SELECT list(a.x) AS x, list(b.x) AS y"+joined)
		if err == nil || !strings.Contains(err.Error(), duck.ErrMemory.Error()) {
			t.Fatalf("lists of 6,750,000 rows: %v", err)
		}
		if n := db.Engine().Allocator().Bytes(); n > 16<<20 {
			t.Errorf("%d MiB are left of it", n>>20)
		}
	}
	exec(t, db, "CREATE MATERIALIZED VIEW pairs AS SELECT a.x AS x, b.x AS y"+joined+" WHERE a.x < 10")
	check(t, db, "SELECT count(*) FROM pairs", fmt.Sprint(3*10*1500))
}

// TestRowsFromBeforeNeedNoMemory makes a view whose rows are many more than its source's.
func TestRowsFromBeforeNeedNoMemory(t *testing.T) {
	db := openLeakless(t, t.TempDir(), engine.Options{HotBytes: 12 << 20})
	manyToMany(t, db)
	exec(t, db, "INSERT INTO s VALUES (1), (1), (1)")
	most := mostBytes(db)
	exec(t, db, "CREATE MATERIALIZED VIEW pairs AS SELECT a.x AS x, b.x AS y"+joined)
	if bytes := most(); bytes > 64<<20 {
		t.Errorf("6,750,000 rows took %d MiB", bytes>>20)
	}
	check(t, db, "SELECT count(*), sum(x), max(y) FROM pairs", fmt.Sprint(3*1500*1500, " ", 3*1500*(1499*1500/2), " ", 1499))
}
