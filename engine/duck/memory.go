package duck

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrMemory is returned by a statement of a user that was ended because the process
// had more memory than Options.ProcessMemory.
var ErrMemory = errors.New("out of memory")

var errNeeded = fmt.Errorf("%w: the database itself needs what the statement has of duckdb_memory", ErrMemory)

// How the process's memory is watched.
const (
	watchPause      = 10 * time.Millisecond   // between two looks, when it is more than half full
	idlePause       = 100 * time.Millisecond  // and otherwise
	shortCall       = 20 * time.Millisecond   // a call that is younger is not what fills it
	endPause        = 50 * time.Millisecond   // for what was ended to give its memory up
	crowdedPatience = 1500 * time.Millisecond // for users' statements to end, and their memory to go back
	returnPause     = time.Second             // between two times that freed memory is given back, when it is full
	// Between two times when it is not, where so much more is there than there was at
	// least; twice as long after each time that brought too little.
	idleReturnPause = 10 * time.Second
	mostReturnPause = 5 * time.Minute
	returnWorth     = 64 << 20
	returnLittle    = 16 << 20
)

// memory is what the process may have. DuckDB's memory_limit does not count what
// expressions make, the columns of results and much of what aggregates keep; so the
// whole process is measured, and users' statements are ended when it has too much. It
// is one for all databases of the process.
type memory struct {
	// full says that the process has too much, and that users' statements work, or have just been ended:
	// no other is to begin.
	full atomic.Bool
	// needs is how much work of the engine's waits for users' statements to give up their part of
	// DuckDB's memory.
	needs atomic.Int64

	mu sync.Mutex
	// mu protects the fields below.
	limits []int64   // of the open databases, guarded
	calls  []*demand // of users, the newest last
	stop   chan struct{}
	done   chan struct{}
}

// demand is a call into DuckDB for a statement of a user.
type demand struct {
	conn  *Conn
	since time.Time
	ended error // why it is to end
}

var process memory

// Full reports whether the process has more memory than it may, and users' statements
// are at work that are going to be ended, or have just been; or whether they are ended because
// the engine needs DuckDB's memory: another had better wait.
func Full() bool { return process.full.Load() || process.needs.Load() > 0 }

// Crowded returns an error that wraps ErrMemory if the process has more memory than it may,
// and goes on to have it while statements of users are ended and what they had is given back.
func Crowded() error {
	for wait := time.Duration(0); ; wait += endPause {
		most, _ := process.state()
		has := resident()
		if has <= most {
			return nil
		}
		if wait >= crowdedPatience {
			return fmt.Errorf("%w: %s", ErrMemory, tooMuch(has, most))
		}
		time.Sleep(endPause)
	}
}

// guarded returns from where on the process is held to a limit: what has begun goes on to take memory
// until it is ended, and gives it up some time later. With ten readers that took what they could, the
// process had up to 1.4 times what it was held to, of 0.7 GiB, and 1.3 times of 5.
func guarded(limit int64) int64 { return limit / 5 * 4 }

// open begins to hold the process to a limit, for a database that is opened.
func (m *memory) open(limit int64) {
	if limit <= 0 || resident() == 0 {
		return
	}
	limit = guarded(limit)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limits = append(m.limits, limit)
	limitAllocations(slices.Min(m.limits))
	if m.stop == nil {
		m.stop, m.done = make(chan struct{}), make(chan struct{})
		go m.watch(m.stop, m.done)
	}
}

// close ends what open began.
func (m *memory) close(limit int64) {
	limit = guarded(limit)
	m.mu.Lock()
	i := slices.Index(m.limits, limit)
	if i < 0 {
		m.mu.Unlock()
		return
	}
	m.limits = slices.Delete(m.limits, i, i+1)
	var done chan struct{}
	if len(m.limits) > 0 {
		limitAllocations(slices.Min(m.limits))
	} else {
		limitAllocations(0)
		close(m.stop)
		done, m.stop = m.done, nil
	}
	m.mu.Unlock()
	if done != nil {
		<-done
		m.full.Store(false)
	}
}

// begin notes a call for a user's statement, which the goroutine makes now. For others
// it returns nil.
func (m *memory) begin(c *Conn) *demand {
	if !c.guarded {
		return nil
	}
	lendThread()
	d := &demand{conn: c, since: time.Now()}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, d)
	return d
}

// end takes the call back, whose interruption has come by then or never comes. It
// returns why the call was ended, or the error that it had.
func (m *memory) end(d *demand, err error) error {
	if d == nil {
		return err
	}
	takeThread()
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.calls, d)
	m.calls = slices.Delete(m.calls, i, i+1)
	if d.ended != nil && (err == nil || !Lost(err)) {
		return d.ended
	}
	return err
}

// watch measures the process until stop is closed.
func (m *memory) watch(stop, done chan struct{}) {
	defer close(done)
	var ended, busy time.Time
	back := giveBack{least: resident(), pause: idleReturnPause}
	own := newGoMemory()
	defer own.release()
	timer := time.NewTimer(idlePause)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		has, now := resident(), time.Now()
		most, working := m.state()
		own.fit(has, most)
		over := has > most
		if !over || working {
			busy = now
		}
		m.full.Store(over && now.Sub(busy) < crowdedPatience)
		if over && now.Sub(ended) > endPause && m.endNewest(now, has, most) {
			ended = now
		}
		switch {
		case over && now.Sub(back.at) > returnPause: // however little it brings
			returnMemory()
			back.at = now
		case !working && back.due(has, now):
			if has > most/2 { // nobody waits for Go's collector
				debug.FreeOSMemory()
			}
			back.do(has, now)
		}
		pause := idlePause
		if has > most/2 {
			pause = watchPause
		}
		timer.Reset(pause)
	}
}

// giveBack gives memory that was freed back to the system: the C library and DuckDB's
// allocator keep it for the next statement, which may never come.
type giveBack struct {
	least int64 // that the process had
	at    time.Time
	pause time.Duration
}

// due reports whether it is time for it in a process that has so much.
func (g *giveBack) due(has int64, now time.Time) bool {
	g.least = min(g.least, has)
	return has-g.least > returnWorth && now.Sub(g.at) > g.pause
}

func (g *giveBack) do(had int64, now time.Time) {
	returnMemory()
	has := resident()
	if had-has < returnLittle {
		g.pause = min(2*g.pause, mostReturnPause)
	} else {
		g.pause = idleReturnPause
	}
	g.least, g.at = min(g.least, has), now
}

// state returns the limit, and whether users' statements are at work.
func (m *memory) state() (limit int64, working bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	limit = 1 << 62
	if len(m.limits) > 0 {
		limit = slices.Min(m.limits)
	}
	return limit, len(m.calls) > 0
}

// endNewest ends the newest call that has not just begun: those that run for long
// were there when there was room. It reports whether there was one.
func (m *memory) endNewest(now time.Time, has, limit int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.interrupt(now, fmt.Errorf("%w: %s", ErrMemory, tooMuch(has, limit)))
}

func tooMuch(has, most int64) string {
	return fmt.Sprintf("the process has %d MiB, and from %d MiB on, four fifths of process_memory, statements are ended", has>>20, most>>20)
}

// end ends the call. The caller holds the memory's mu.
func (d *demand) end(cause error) {
	d.ended = cause
	d.conn.Interrupt()
}

// interrupt is endNewest with the error that the call is to have. The caller holds mu.
func (m *memory) interrupt(now time.Time, cause error) bool {
	for _, d := range slices.Backward(m.calls) {
		if d.ended == nil && now.Sub(d.since) >= shortCall {
			d.end(cause)
			return true
		}
	}
	return false
}

// relieve ends the newest call of a user, since a statement of the engine has found
// DuckDB's memory full, which it shares with users: what it has to do, it does again.
func (m *memory) relieve() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.interrupt(time.Now(), errNeeded)
}
