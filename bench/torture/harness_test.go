package torture

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/bench/shopcheck"
	"github.com/millstream-db/millstream/ingest/broker"
)

// buildDir holds the binary while the tests run.
var buildDir string

func TestMain(m *testing.M) {
	var err error
	if buildDir, err = os.MkdirTemp("", "millstream-torture-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(buildDir) // best effort: it is a temporary directory
	os.Exit(code)
}

// built builds the binary at the first call.
var built = sync.OnceValues(func() (string, error) { return instance.Build(context.Background(), buildDir) })

func binary(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// startBroker starts a broker whose log is on the disk.
func startBroker(t *testing.T, o broker.Options) *broker.Broker {
	t.Helper()
	o.RetentionAge, o.RetentionBytes = -time.Hour, -1
	if o.DataDir == "" {
		o.DataDir = filepath.Join(t.TempDir(), "kafka")
	}
	b, err := broker.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// options are those of an instance with a data directory of its own.
func options(t *testing.T, settings ...string) instance.Options {
	t.Helper()
	dir := t.TempDir()
	return instance.Options{
		Binary: binary(t), Data: filepath.Join(dir, "data"), Log: filepath.Join(dir, "millstream.log"), Settings: settings,
	}
}

// start starts an instance, which is killed when the test ends if it still
// runs then. What it logged is shown when the test fails.
func start(t *testing.T, o instance.Options) *instance.Instance {
	t.Helper()
	db, err := instance.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() && db.Running() {
			t.Logf("the end of millstream's log:\n%s", db.Log(30))
		}
		db.Kill()
	})
	return db
}

func mustExec(t *testing.T, db *instance.Instance, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if err := db.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// number runs a statement that gives one whole number.
func number(t *testing.T, db *instance.Instance, sql string) int64 {
	t.Helper()
	rows, err := db.Integers(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows[0][0]
}

// text runs a statement that gives one value.
func text(t *testing.T, db *instance.Instance, sql string) string {
	t.Helper()
	a, err := db.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if len(a.Rows) == 0 {
		return ""
	}
	return fmt.Sprint(a.Rows[0][0])
}

var givenSeed = flag.Uint64("seed", 0, "of the tests that have one; 0: the clock's")

// seedOf returns the seed of a test, which it logs.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := *givenSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed=%d", seed)
	return seed
}

// eventually waits until what holds; at the deadline the test fails with state.
func eventually(t *testing.T, patience time.Duration, what string, holds func() bool, state func() string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s; %s", what, patience, state())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// waitFor waits until the source orders has taken in count records.
func waitFor(t *testing.T, db *instance.Instance, count int64) {
	t.Helper()
	const taken = "SELECT coalesce(sum(next_offset), 0)::BIGINT FROM millstream.partitions WHERE source = 'orders'"
	eventually(t, 5*time.Minute, fmt.Sprintf("%d records", count),
		func() bool { return number(t, db, taken) >= count },
		func() string { return state(t, db) })
}

// state shows where the sources stand.
func state(t *testing.T, db *instance.Instance) string {
	t.Helper()
	a, err := db.Query(t.Context(), "SELECT source, partition, next_offset, end_offset, status, error FROM millstream.partitions")
	if err != nil {
		return err.Error()
	}
	return a.String()
}

// mustVerify checks everything that is stored.
func mustVerify(t *testing.T, db *instance.Instance) shopcheck.Findings {
	t.Helper()
	f, err := shopcheck.Verify(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
