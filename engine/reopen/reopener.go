// Package reopen opens the database file again when DuckDB has given it up: after
// an error that it calls fatal, such as a commit on a full disk, it refuses every
// statement until that is done. A [Reopener] waits for such errors beside all
// else. What was being done when one came is the business of whoever did it: they
// see duck.Lost, and duck.DB.Await says when they may begin again.
package reopen

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/killpoint"
)

// Pauses between attempts to open the file, which may have no room even for that.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Reopener opens a database's file again whenever it has to be. It is safe for
// concurrent use.
type Reopener struct {
	db     *duck.DB
	setUp  func(*duck.Conn) error
	logger *slog.Logger
	count  atomic.Int64
	force  chan chan struct{}
	hurry  chan struct{} // closed when nothing is tried twice any more
	quit   chan struct{}
	done   chan struct{}
}

// Start attends to a database. setUp makes, in a new instance, what the one before
// had in memory; it may be called from any goroutine. The caller must Close it.
func Start(db *duck.DB, setUp func(*duck.Conn) error, logger *slog.Logger) *Reopener {
	r := &Reopener{db: db, setUp: setUp, logger: logger,
		force: make(chan chan struct{}), hurry: make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{})}
	go r.run(db.Attend())
	return r
}

// Count returns how often the file was opened again. That of a nil Reopener is 0.
func (r *Reopener) Count() int64 {
	if r == nil {
		return 0
	}
	return r.count.Load()
}

func (r *Reopener) run(suspect <-chan struct{}) {
	defer close(r.done)
	for {
		select {
		case <-suspect:
			if cause := r.db.Check(context.Background()); cause != nil { // else it was a false alarm
				r.mend(cause)
			}
		case <-killpoint.Trouble():
			r.mend(errAsked)
		case done := <-r.force:
			r.mend(errAsked)
			close(done)
		case <-r.quit:
			return
		}
	}
}

// errAsked is the cause where nothing is wrong.
var errAsked = errors.New("somebody has asked for it")

// Reopen opens the file again, as after a fatal error.
func (r *Reopener) Reopen() {
	done := make(chan struct{})
	select {
	case r.force <- done:
		<-done
	case <-r.done:
	}
}

// mend opens the file again.
func (r *Reopener) mend(cause error) {
	r.logger.Error("the database file has to be opened again", "err", cause)
	since := time.Now()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := r.db.Reopen(r.setUp)
		if err == nil {
			break
		}
		r.logger.Error("open the database file again", "err", err, "retry_in", pause)
		select {
		case <-time.After(pause):
		case <-r.hurry:
			r.db.Unattend()
			return
		}
	}
	r.count.Add(1)
	r.logger.Warn("the database file is open again", "duration", time.Since(since))
}

// Hurry has the next attempt that fails be the last one, whereupon who waits for
// the file gets an error. It is called once, before a shutdown that must not wait.
func (r *Reopener) Hurry() {
	if r != nil {
		close(r.hurry)
	}
}

// Close ends the attention, after Hurry. If the file is being opened, that is
// waited for.
func (r *Reopener) Close() {
	if r != nil {
		close(r.quit)
		<-r.done
		r.db.Unattend()
	}
}
