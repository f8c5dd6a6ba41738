package activity

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// Activity is one session's. Its methods are safe for concurrent use.
type Activity struct {
	process      int32
	role, client string
	started      time.Time

	mu          sync.Mutex
	asRole      string // whose rights hold
	admin       bool
	application string
	transaction time.Time // zero outside of one
	statement   time.Time // when the last one began
	changed     time.Time // when state did
	state       string
	sql         string
	ctx         context.Context //nolint:containedctx // of the statement that runs, for who waits inside it
}

// The states of sessions, in PostgreSQL's words.
const (
	active        = "active"
	idle          = "idle"
	inTransaction = "idle in transaction"
	failed        = "idle in transaction (aborted)"
)

// shownBytes is how much of a statement other sessions see.
const shownBytes = 1024

// New returns the activity of a session that begins now. process is its number,
// client its address.
func New(process int32, role, application, client string) *Activity {
	now := time.Now()
	return &Activity{process: process, role: role, client: client, application: application, started: now, changed: now, state: idle}
}

// SetApplication notes a new application_name.
func (a *Activity) SetApplication(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.application = name
}

// SetRole notes whose rights hold in the session, and whether those are all.
func (a *Activity) SetRole(name string, admin bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asRole, a.admin = name, admin
}

// MayEnd reports whether the session may end what another one runs.
func (a *Activity) MayEnd(other *Activity) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.admin || a.asRole == other.role
}

// Begin notes that a statement begins, by itself or in a transaction that is open.
// It ends when ctx does, or when it is done.
func (a *Activity) Begin(ctx context.Context, sql string, open bool) {
	if len(sql) > shownBytes {
		sql = strings.ToValidUTF8(sql[:shownBytes], "")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.state, a.sql, a.ctx, a.statement, a.changed = active, sql, ctx, now, now
	if !open {
		a.transaction = now
	}
}

// End notes that a statement is done. status is the transaction's state in the
// letters of the Postgres protocol.
func (a *Activity) End(status byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ctx, a.changed = nil, time.Now()
	switch status {
	case 'T':
		a.state = inTransaction
	case 'E':
		a.state = failed
	default:
		a.state, a.transaction = idle, time.Time{}
	}
}

// Sleep waits so long, or until the statement that runs is canceled or interrupted.
func (a *Activity) Sleep(d time.Duration, interrupted <-chan struct{}) {
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
	case <-interrupted:
	case <-ctx.Done():
	}
}

// Append appends the session's row of millstream.sessions.
func (a *Activity) Append(b *batch.Builder) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b.Column(0).AppendInt32(a.process)
	for i, s := range []string{a.role, a.application, a.client} {
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
	b.Column(9).AppendString(a.sql)
}
