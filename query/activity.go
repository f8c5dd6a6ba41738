package query

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// activity is what other sessions see of a session. Its methods are safe for
// concurrent use.
type activity struct {
	mu          sync.Mutex
	application string
	started     time.Time
	transaction time.Time // zero outside of one
	statement   time.Time // when the last one began
	changed     time.Time // when state did
	state       string
	sql         string
	ctx         context.Context //nolint:containedctx // of the statement that runs, for who waits inside it
}

// The states of sessions, in PostgreSQL's words.
const (
	stateActive = "active"
	stateIdle   = "idle"
	stateInTx   = "idle in transaction"
	stateFailed = "idle in transaction (aborted)"
)

// shownBytes is how much of a statement other sessions see.
const shownBytes = 1024

func (a *activity) begin(ctx context.Context, sql string, inTransaction bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.state, a.sql, a.ctx, a.statement, a.changed = stateActive, sql, ctx, now, now
	if !inTransaction {
		a.transaction = now
	}
}

func (a *activity) end(status byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ctx, a.changed = nil, time.Now()
	switch status {
	case statusOpen:
		a.state = stateInTx
	case statusFailed:
		a.state = stateFailed
	default:
		a.state, a.transaction = stateIdle, time.Time{}
	}
}

// sleep waits until the statement that runs is cancelled, or so long.
func (a *activity) sleep(d time.Duration) {
	a.mu.Lock()
	ctx := a.ctx
	a.mu.Unlock()
	if ctx == nil {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// watched tells the session's activity when the result is closed, or at once if
// there are no rows to come.
func (s *Session) watched(r *Result) *Result {
	if r.next == nil {
		s.activity.end(s.status)
		return r
	}
	inner := r.close
	r.close = func() {
		if inner != nil {
			inner()
		}
		s.activity.end(s.status)
	}
	return r
}

// signal does what SQL asks of the session with a process number.
func (db *DB) signal(kind duck.Signal, process int32, d time.Duration) bool {
	s := db.process(process)
	if s == nil {
		return false
	}
	if kind == duck.Sleep {
		s.activity.sleep(d)
		return true
	}
	if s.opts.Interrupt == nil {
		return false
	}
	s.opts.Interrupt(kind == duck.Terminate)
	return true
}

// process finds a session by its number, nil if there is none.
func (db *DB) process(number int32) *Session {
	db.mu.Lock()
	defer db.mu.Unlock()
	for s := range db.sessions {
		if number != 0 && s.opts.Process == number {
			return s
		}
	}
	return nil
}

// listSessions fills millstream.sessions with the sessions of clients.
func (db *DB) listSessions(b *batch.Builder) {
	db.mu.Lock()
	var list []*Session
	for s := range db.sessions {
		if s.opts.Process != 0 {
			list = append(list, s)
		}
	}
	db.mu.Unlock()
	slices.SortFunc(list, func(a, b *Session) int { return cmp.Compare(a.opts.Process, b.opts.Process) })
	for _, s := range list {
		s.activity.row(b, &s.opts)
	}
}

func (a *activity) row(b *batch.Builder, o *SessionOptions) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b.Column(0).AppendInt32(o.Process)
	for i, s := range []string{o.User, a.application, o.Remote} {
		b.Column(1 + i).AppendString(s)
	}
	for i, t := range []time.Time{a.started, a.transaction, a.statement, a.changed} {
		if t.IsZero() {
			b.Column(4 + i).AppendNull()
		} else {
			b.Column(4 + i).AppendInt64(t.UnixMicro())
		}
	}
	b.Column(8).AppendString(a.state)
	b.Column(9).AppendString(excerpt(a.sql))
}

// excerpt cuts a statement to what other sessions see of it.
func excerpt(sql string) string {
	if len(sql) > shownBytes {
		sql = strings.ToValidUTF8(sql[:shownBytes], "")
	}
	return sql
}
