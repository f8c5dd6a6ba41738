package pgwire

import (
	"errors"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
)

// The reasons to end a connection that sends nothing.
const (
	codeIdleInTransaction = "25P03"
	codeIdleSession       = "57P05"
)

var (
	errIdleSession       = query.Errorf(codeIdleSession, "terminating connection due to idle-session timeout")
	errIdleInTransaction = query.Errorf(codeIdleInTransaction, "terminating connection due to idle-in-transaction timeout")
)

// maxNotifications bounds those that wait for a client.
const maxNotifications = 1000

// awaitMessage blocks until the client's next message begins to come. Meanwhile it
// sends notifications, and it ends a session that has been idle for too long.
func (c *connection) awaitMessage() error {
	idleSince := time.Now()
	for {
		timeout, expired := c.idleTimeout()
		var deadline time.Time
		if timeout > 0 {
			deadline = idleSince.Add(timeout)
		}
		if !c.beginWaiting(deadline) {
			c.sendNotifications()
			if c.out.flush(); c.out.err != nil {
				return errClosed
			}
			continue
		}
		_, err := c.in.buf.Peek(1)
		woken := c.endWaiting()
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case woken:
		case timeout > 0 && time.Since(idleSince) >= timeout:
			return &fatalError{err: expired}
		case c.isDraining():
			return err
		}
	}
}

// idleTimeout returns how long the client may send nothing, 0 for ever, and what
// it is told then.
func (c *connection) idleTimeout() (time.Duration, *query.Error) {
	if c.session.Status() == 'I' {
		return parseTimeout(c.session.Setting("idle_session_timeout")), errIdleSession
	}
	return parseTimeout(c.session.Setting("idle_in_transaction_session_timeout")), errIdleInTransaction
}

// beginWaiting sets the deadline for the next message. It reports false if there
// are notifications to send first.
func (c *connection) beginWaiting(deadline time.Time) bool {
	idle := c.session.Status() == 'I'
	c.mu.Lock()
	defer c.mu.Unlock()
	if idle && len(c.notifications) > 0 {
		return false
	}
	c.waiting, c.woken, c.limited = idle, false, !deadline.IsZero()
	if !c.draining && c.limited {
		_ = c.conn.SetReadDeadline(deadline) // the read reports a lost connection
	}
	return true
}

// endWaiting takes the deadline back, if there is one, and reports whether notify
// has woken the wait.
func (c *connection) endWaiting() (woken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	if !c.draining && (c.limited || c.woken) {
		_ = c.conn.SetReadDeadline(time.Time{})
	}
	return c.woken
}

func (c *connection) isDraining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// notify keeps a notification for the client and wakes the connection if it waits.
// One that is waiting already is not kept twice, so that a relation that changes
// all the time costs a slow client nothing.
func (c *connection) notify(n query.Notification) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.notifications) >= maxNotifications || slices.Contains(c.notifications, n) {
		return
	}
	c.notifications = append(c.notifications, n)
	if c.waiting && !c.draining {
		c.woken = true
		_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the read
	}
}

// sendNotifications puts the notifications into the output. It is to be called
// outside of transactions only.
func (c *connection) sendNotifications() {
	c.mu.Lock()
	list := c.notifications
	c.notifications = nil
	c.mu.Unlock()
	for _, n := range list {
		c.out.send(&pgproto3.NotificationResponse{PID: uint32(n.Process), Channel: n.Channel, Payload: n.Payload})
	}
}
