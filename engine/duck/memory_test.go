package duck

import (
	"errors"
	"runtime/debug"
	"testing"
	"time"
)

// room is how much more than it has the process may have in these tests.
const room = 300 << 20

// openWithRoom opens a database in memory, and a connection of a user.
func openWithRoom(t *testing.T) (*DB, *Conn) {
	t.Helper()
	if resident() == 0 {
		t.Skip("the system does not tell how much memory a process has")
	}
	returnMemory()
	db, c := openWith(t, Options{Threads: 2, MemoryLimit: "4GB", ProcessMemory: resident() + room})
	c.Guard(true)
	return db, c
}

// wide makes rows of so many bytes, by one call for 2,048 of them, which nothing
// interrupts.
const wide = "SELECT max(len(repeat(s, $1::BIGINT))) FROM (SELECT 'x' || (i % 7) AS s FROM range(2048) t(i))"

func exhausted(err error) bool {
	var e *Error
	return errors.Is(err, ErrMemory) || errors.As(err, &e) && e.Type == "Out of Memory"
}

// TestUsersStatementsEndWhenMemoryIsFull runs what would take gigabytes.
func TestUsersStatementsEndWhenMemoryIsFull(t *testing.T) {
	_, c := openWithRoom(t)
	for _, sql := range []string{
		"SELECT max(len(repeat(s, 1000000))) FROM (SELECT 'x' || (i % 7) AS s FROM range(2048) t(i))",
		"SELECT max(len(repeat(s, 400000))) FROM (SELECT 'x' || (i % 7) AS s FROM range(2048) t(i))", // 800 kB each
		"SELECT max(len(range(i, i + 1000000))) FROM range(2048) t(i)",
		"SELECT len(repeat('x', n)) FROM (SELECT (4000000000 - i)::BIGINT AS n FROM range(2) t(i))",
		"SELECT len(lpad('x', n::INT, 'y')) FROM (SELECT (2000000000 - i)::BIGINT AS n FROM range(2) t(i))",
		"SELECT len(repeat('x', 2000000000) || repeat('y', 2000000000))",
		"SELECT quantile_cont(i, 0.5) FROM range(200000000) t(i)",
		"SELECT mode(i) FROM range(200000000) t(i)",
		"SELECT max(s) FROM (SELECT string_agg(i::VARCHAR || repeat('x', 1000), ',') OVER (ORDER BY i) AS s FROM range(200000) t(i))",
	} {
		began := time.Now()
		err := c.QueryToEnd(t.Context(), sql)
		if !exhausted(err) {
			t.Errorf("%s: %v", sql, err)
		}
		t.Logf("%s after %s: %v; %d MiB", sql, time.Since(began).Round(time.Millisecond), err, resident()>>20)
		if err := c.QueryToEnd(t.Context(), "SELECT 1"); err != nil { // the connection goes on
			t.Fatal(err)
		}
	}
	t.Logf("%d pieces of memory were refused", RefusedPieces())
}

// TestEngineIsRefusedNothing runs a statement of the engine beyond the limit, beside
// one of a user, which ends.
func TestEngineIsRefusedNothing(t *testing.T) {
	db, c := openWithRoom(t)
	own, err := db.Conn()
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	done := make(chan error)
	go func() { done <- own.QueryToEnd(t.Context(), wide, int64(200_000)) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("the engine's: %v", err)
			}
			return
		default:
		}
		if err := c.QueryToEnd(t.Context(), wide, int64(500_000)); !exhausted(err) {
			t.Errorf("the user's: %v", err)
		}
	}
}

// TestEngineHasDuckDBsMemory has a statement of the engine meet DuckDB's memory_limit:
// a statement of a user ends then, since they share it.
func TestEngineHasDuckDBsMemory(t *testing.T) {
	db, err := Open("", Options{Threads: 2, MemoryLimit: "64MB"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var conns [2]*Conn
	for i := range conns {
		if conns[i], err = db.Conn(); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
		conns[i].Guard(i == 0)
	}
	ended := make(chan error, 1)
	go func() { // for hours
		ended <- conns[0].QueryToEnd(t.Context(), "SELECT count(*) FROM range(1000000) a(i), range(1000000) b(j) WHERE hash(i + j) = 1")
	}()
	time.Sleep(5 * shortCall)
	if err := conns[1].QueryToEnd(t.Context(), "SELECT len(list(i)) FROM range(50000000) t(i)"); !exhausted(err) {
		t.Errorf("the engine's statement: %v", err)
	}
	if err := <-ended; !exhausted(err) { // or it meets the limit itself
		t.Errorf("the user's statement: %v", err)
	}
}

// TestLastingWorkHasDuckDBsMemory has work that must be done meet the limit because a statement of a
// user has nearly all: the statement ends, no other begins, and the work is done. Work that has
// everything and still does not fit fails soon.
func TestLastingWorkHasDuckDBsMemory(t *testing.T) {
	for range 5 {
		if lastingBesideStatement(t) || t.Failed() {
			return
		}
	}
	t.Error("the statement has met the limit before the work did, each time")
}

// lastingBesideStatement is the test once. It returns false if the statement has met the limit before the work did,
// of which nothing is to be learned.
func lastingBesideStatement(t *testing.T) bool {
	t.Helper()
	db, c := openWith(t, Options{Threads: 2, MemoryLimit: "128MB"})
	c.Guard(true)
	l := NewLasting(db, nil)
	defer l.Close()
	ended := make(chan error, 1)
	go func() { // all there is, for hours
		ended <- c.QueryToEnd(t.Context(), "SELECT count(*) FROM range(3000000) a(i) JOIN range(100000000000) b(j) ON a.i = b.j % 6000000 + 5000000000")
	}()
	for has := int64(0); has < 80<<20 && len(ended) == 0; time.Sleep(time.Millisecond) { // until it has them
		var err error
		if has, err = db.MemoryBytes(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	held := false
	tries := 0
	if err := l.Do(t.Context(), func(c *Conn) error {
		tries++
		err := c.QueryToEnd(t.Context(), "SELECT len(list(i)) FROM range(4000000) t(i)") // 32 MB, for a while twice
		held = held || Full()
		return err
	}); err != nil {
		t.Errorf("the work, tried %d times: %v", tries, err)
	}
	select {
	case err := <-ended:
		if OutOfMemory(err) {
			return false
		}
		if !exhausted(err) {
			t.Errorf("the user's statement: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the user's statement was not ended")
	}
	if tries < 2 || !held {
		t.Errorf("%d tries; others had to wait: %v", tries, held)
	}
	if Full() {
		t.Error("others have to wait although the work is done")
	}
	began := time.Now()
	if err := l.Do(t.Context(), func(c *Conn) error {
		return c.QueryToEnd(t.Context(), "SELECT len(list(i)) FROM range(50000000) t(i)")
	}); !OutOfMemory(err) || time.Since(began) > 10*time.Second {
		t.Errorf("too large a work: %v after %s", err, time.Since(began))
	}
	return true
}

// TestClaimEndsStatements has statements of a user end, one after the other, until the claim is given back.
func TestClaimEndsStatements(t *testing.T) {
	_, c := openWith(t, Options{Threads: 2})
	c.Guard(true)
	const forever = "SELECT count(*) FROM range(1000000) a(i), range(1000000) b(j) WHERE hash(i + j) = 1"
	ended := make(chan error, 1)
	go func() { ended <- c.QueryToEnd(t.Context(), forever) }()
	time.Sleep(shortCall)
	release := Claim()
	if !Full() {
		t.Error("others may begin")
	}
	if err := <-ended; !errors.Is(err, ErrMemory) {
		t.Errorf("the statement at work: %v", err)
	}
	if err := c.QueryToEnd(t.Context(), forever); !errors.Is(err, ErrMemory) {
		t.Errorf("the next one: %v", err)
	}
	release()
	if Full() {
		t.Error("others have to wait")
	}
	if err := c.QueryToEnd(t.Context(), "SELECT 1"); err != nil {
		t.Error(err)
	}
}

func TestCommitWithoutMemory(t *testing.T) {
	e := parseError(`TransactionContext Error: Failed to commit: failed to pin block of size 256.0 KiB (266.7 MiB/256.0 MiB used)`)
	if e.Type != memoryType {
		t.Errorf("it is a %s", e.Type)
	}
	e = parseError(`{"exception_type":"TransactionContext","exception_message":"Failed to commit: failed to allocate data of size 16.0 MiB (1/2 used)"}`)
	if e.Type != memoryType {
		t.Errorf("as JSON it is a %s", e.Type)
	}
}

// TestGivingBack has freed memory given back when there is much, and less and less often
// while that brings nothing.
func TestGivingBack(t *testing.T) {
	if resident() == 0 {
		t.Skip("the system does not tell how much memory a process has")
	}
	g := giveBack{least: resident(), pause: idleReturnPause}
	now := time.Now()
	if has := g.least + returnWorth; g.due(has, now) || !g.due(has+1, now) {
		t.Error("what is worth while is not told from what is not")
	}
	returnMemory()     // what the tests before have left
	g.least = -1 << 40 // nothing is ever enough
	for _, want := range []time.Duration{20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, mostReturnPause, mostReturnPause} {
		has := resident()
		if !g.due(has, now) {
			t.Fatalf("nothing is due after %s", g.pause)
		}
		if g.do(has, now); g.pause != want || g.due(resident(), now) {
			t.Errorf("the next time is after %s, want %s", g.pause, want)
		}
		now = now.Add(g.pause + 1)
	}
	g.do(resident()+2*returnLittle, now)
	if g.pause != idleReturnPause {
		t.Errorf("after it has brought something the next time is after %s", g.pause)
	}
}

// TestAbandonedResultsAreFreed closes results of which little was read, on connections
// that go back to their pool.
func TestAbandonedResultsAreFreed(t *testing.T) {
	if resident() == 0 {
		t.Skip("the system does not tell how much memory a process has")
	}
	db, err := Open("", Options{Threads: 2, MemoryLimit: "1GB"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var pool Pool
	defer pool.Close()
	var conns []*PooledConn
	returnMemory()
	before := resident()
	for range 60 {
		c, err := pool.Get(db, nil)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		rows, err := c.Query(t.Context(), "SELECT a, b, 'row number ' || a AS c FROM range(1000000) x(a), range(10) y(b)")
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if _, err := rows.NextChunk(); err != nil {
				t.Fatal(err)
			}
		}
		rows.Close()
	}
	for _, c := range conns {
		pool.Put(c)
	}
	returnMemory()
	if now := resident(); now > before+50<<20 {
		t.Errorf("the process had %d MiB and has %d MiB", before>>20, now>>20)
	}
}

// TestGoHasWhatIsLeft looks at the limit that Go is given in a process with much memory and with little.
func TestGoHasWhatIsLeft(t *testing.T) {
	given := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(given)
	g := newGoMemory()
	has := resident()
	g.fit(has, 100*has)
	if limit := debug.SetMemoryLimit(-1); limit < 50*has {
		t.Errorf("Go may have %d bytes of %d, others have %d", limit, 100*has, has)
	}
	g.fit(2*has, has) // however little it is, the collector is not to be at work all the time
	if limit := debug.SetMemoryLimit(-1); limit < goSpare || limit > goSpare+has {
		t.Errorf("Go may have %d bytes in a process that has %d too many", limit, has)
	}
	g.release()
	if limit := debug.SetMemoryLimit(-1); limit != given {
		t.Errorf("Go's limit is %d in the end, it was %d", limit, given)
	}
}
