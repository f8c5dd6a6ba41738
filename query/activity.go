package query

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/query/channel"
)

// Notification is what a session is told on a channel that it listens on.
type Notification = channel.Notification

// Tell hands a notification to the session's client.
func (s *Session) Tell(n Notification) {
	if s.opts.Notify != nil {
		s.opts.Notify(n)
	}
}

// shown is the statement as other sessions see it: without passwords.
func (st *Statement) shown() string {
	if strings.HasSuffix(st.Tag, " ROLE") {
		return st.Tag + " …"
	}
	return st.SQL
}

// watched tells the session's activity when the result is closed, or at once if
// there are no rows to come.
func (s *Session) watched(r *Result) *Result {
	if r.next == nil {
		s.activity.End(s.status)
		return r
	}
	inner := r.close
	r.close = func() {
		if inner != nil {
			inner()
		}
		s.activity.End(s.status)
	}
	return r
}

// signal does what SQL asks of the session with a process number. Only admins end
// what others run.
func (db *DB) signal(kind duck.Signal, process int32, argument float64) bool {
	s := db.process(process)
	if s == nil {
		return false
	}
	if kind == duck.Sleep {
		s.activity.Sleep(time.Duration(argument*float64(time.Second)), db.engine.Severed())
		return true
	}
	asker := db.process(int32(argument))
	if asker == nil || !asker.activity.MayEnd(s.activity) || s.opts.Interrupt == nil {
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

// listSessions fills millstream.sessions with the sessions that have a process
// number, by that.
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
		s.activity.Append(b)
	}
}
