package torture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/bench/instance"
	"github.com/millstream-db/millstream/engine/enginetest/result"
	"github.com/millstream-db/millstream/engine/killpoint"
	"github.com/millstream-db/millstream/ingest/broker"
)

var (
	killsPerPoint = flag.Int("kills", 3, "how often TestKillPoints kills at each point")
	killPoint     = flag.String("point", "", "the only point at which TestKillPoints kills")
)

const (
	killRate = 10_000 // records per second
	// killPatience is how long a process may take to come to its point.
	killPatience = 60 * time.Second
)

// killable builds a binary with kill points at the first call.
var killable = sync.OnceValues(func() (string, error) {
	return instance.Build(context.Background(), buildDir+"/killable", "-tags=killpoints")
})

// TestKillPoints kills the database at each of the places that package killpoint
// names, when it comes there for a random time, at once or a little later: amid what
// DuckDB does there, its writes and fsyncs. After every kill the file must hold each
// record below its offsets exactly once, a start must be right, and what was asked
// for by DDL there or not.
func TestKillPoints(t *testing.T) {
	seed := seedOf(t)
	points := killpoint.All
	if *killPoint != "" {
		points = []killpoint.Point{killpoint.Point(*killPoint)}
	}
	binary, err := killable()
	if err != nil {
		t.Fatal(err)
	}
	var kills []killpoint.Point
	for _, p := range points {
		kills = append(kills, slices.Repeat([]killpoint.Point{p}, *killsPerPoint)...)
	}
	began := time.Now()
	var all crashes
	for part := range slices.Chunk(kills, crashCycles) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { all.add(killAll(t, seed, binary, part)) })
		seed++
	}
	if t.Failed() {
		return
	}
	result.Report(t, "kill points", "%d/%d points, %d kills (%d while starting, %d with DDL under way), %d records, 0 lost, 0 doubled, %d refused starts, 0 files left; %.0f s",
		len(points), len(killpoint.All), all.kills, all.starting, all.defining, all.records, all.refused, time.Since(began).Seconds())
}

// killAll kills a new database at the points, one after the other.
func killAll(t *testing.T, seed uint64, binary string, points []killpoint.Point) crashes {
	k := &killer{crash: newCrash(t, seed, killRate, broker.Options{}, "--checkpoint_interval=100ms", "--memory=16MiB")}
	k.options.Binary = binary
	db, stop := k.begin()
	for _, p := range points {
		db.Kill()
		k.killAt(p)
		db, stop = k.revive(stop)
		k.inspect(db)
	}
	k.finish(db, stop)
	return k.crashes
}

// killer kills at points.
type killer struct {
	*crash
	views map[string]bool // by name: it must be there, or must not; missing: either
	made  int
}

// often is how often a point is passed at most before the process dies; 1 where it
// may not come there twice.
func often(p killpoint.Point) int64 {
	switch p {
	case killpoint.Taken, killpoint.StateWritten:
		return 20
	case killpoint.Restored, killpoint.ObjectWritten, killpoint.ObjectDurable:
		return 1
	case killpoint.FileClosed, killpoint.FileOpened, killpoint.Folding, killpoint.Folded, killpoint.Restoring:
		return 2
	default:
		return 5
	}
}

// killAt runs the database until it has died at a point.
func (k *killer) killAt(p killpoint.Point) {
	k.t.Helper()
	after := time.Duration(0)
	if k.random.IntN(2) == 0 {
		after = time.Duration(k.random.Int64N(int64(20 * time.Millisecond)))
	}
	o := k.options
	o.Env = []string{fmt.Sprintf("%s=%s %d %s", killpoint.Env, p, 1+k.random.Int64N(often(p)), after)}
	if p == killpoint.FileClosed || p == killpoint.FileOpened {
		o.Env = append(o.Env, killpoint.TroubleEnv+"=300ms")
	}
	db, err := instance.Start(k.t.Context(), o)
	if errors.Is(err, instance.ErrRefused) && strings.Contains(err.Error(), "killed") {
		k.starting++
		return
	}
	if err != nil {
		k.t.Fatalf("%s: %v", o.Env[0], err)
	}
	k.t.Cleanup(db.Kill)
	define := p == killpoint.ObjectWritten || p == killpoint.ObjectDurable || k.random.IntN(2) == 0
	for deadline := time.Now().Add(killPatience); db.Running(); time.Sleep(time.Millisecond) {
		if define {
			k.define(db)
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("%s: the process lives; the end of its log:\n%s", o.Env[0], db.Log(20))
		}
	}
	if err := db.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		k.t.Fatalf("%s: the process has ended by itself: %v; the end of its log:\n%s", o.Env[0], err, db.Log(20))
	}
}

// define makes a view or drops one, and remembers what must be there after a crash.
func (k *killer) define(db *instance.Instance) {
	if k.views == nil {
		k.views = make(map[string]bool)
	}
	k.made++
	name := fmt.Sprintf("extra_%d", k.made%3)
	there, known := k.views[name]
	delete(k.views, name)
	sql := "CREATE MATERIALIZED VIEW IF NOT EXISTS " + name + " AS SELECT country, count(*) AS n FROM orders GROUP BY country"
	if there || !known && k.made%2 == 0 {
		sql = "DROP MATERIALIZED VIEW IF EXISTS " + name
	}
	err := db.Exec(k.t.Context(), sql)
	var refused *instance.Error
	switch {
	case err == nil:
		k.views[name] = strings.HasPrefix(sql, "CREATE")
	case errors.As(err, &refused) && refused.Code != "57P03":
		k.t.Errorf("%s: %v", sql, err)
	case !errors.As(err, &refused): // there was no answer: the process has died
		k.defining++
	}
}

// inspect compares the views of define with what there is after a restart.
func (k *killer) inspect(db *instance.Instance) {
	k.t.Helper()
	for name, want := range k.views {
		n := number(k.t, db, "SELECT count(*) FROM millstream.views WHERE name = '"+name+"'")
		if (n == 1) != want {
			k.t.Errorf("there are %d views %s after a kill, what was answered says %t", n, name, want)
		}
	}
	a, err := db.Query(k.t.Context(), "SELECT name FROM millstream.views WHERE name LIKE 'extra%'")
	if err != nil {
		k.t.Fatal(err)
	}
	for _, row := range a.Rows {
		if n := number(k.t, db, fmt.Sprintf("SELECT (SELECT coalesce(sum(n), 0) FROM %v) - (SELECT count(*) FROM orders)", row[0])); n != 0 {
			k.t.Errorf("the view %v is %d records off after a kill", row[0], n)
		}
	}
}
