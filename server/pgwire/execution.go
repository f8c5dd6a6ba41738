package pgwire

import (
	"context"
	"sync/atomic"
	"time"
)

// execution is the life of a statement: from its first Execute to the close of
// its portal, and with it that of the context its result was made under. It
// stops when the client cancels, hangs up, or takes too long.
type execution struct {
	// ctx is kept because the rows of a suspended portal are read under the
	// context in which the statement was started.
	ctx    context.Context //nolint:containedctx // see above
	cancel context.CancelCauseFunc
	// endless says that its rows come while things happen: no timeout ends it,
	// and the server's end does not wait for it.
	endless atomic.Bool
}

func newExecution(parent context.Context) *execution {
	ctx, cancel := context.WithCancelCause(parent)
	return &execution{ctx: ctx, cancel: cancel}
}

// end releases the context.
func (x *execution) end() { x.cancel(context.Canceled) }

// run calls f while the client may interrupt it. It must not be nested.
func (c *connection) run(x *execution, f func(context.Context) error) error {
	c.setRunning(x)
	defer c.setRunning(nil)
	if timeout := c.statementTimeout(); timeout > 0 {
		timer := time.AfterFunc(timeout, func() {
			if !x.endless.Load() {
				x.cancel(errTimeout)
			}
		})
		defer timer.Stop()
	}
	defer c.watchHangup(x)()
	if err := f(x.ctx); err != nil {
		return statementError(x.ctx, err)
	}
	return nil
}

// runOnce is run for what is over when f returns.
func (c *connection) runOnce(ctx context.Context, f func(context.Context) error) error {
	x := newExecution(ctx)
	defer x.end()
	return c.run(x, f)
}

func (c *connection) setRunning(x *execution) {
	c.mu.Lock()
	c.running = x
	c.mu.Unlock()
}

// setEndless notes that the statement that is running has no end of its own.
func (c *connection) setEndless() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running.endless.Store(true)
	if c.draining {
		c.running.cancel(errShutdown)
	}
}

// interrupt cancels the running statement, if there is one.
func (c *connection) interrupt(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil {
		c.running.cancel(cause)
	}
}

// hangupPatience is how long a statement runs before somebody looks whether its
// client is still there. To begin that and to end it costs more than a short
// statement itself.
const hangupPatience = 5 * time.Millisecond

// watchHangup reads ahead while a statement goes on running and cancels it when
// the client has gone. The function it returns ends the watch; the reader is not
// to be used before.
func (c *connection) watchHangup(x *execution) (stop func()) {
	done := make(chan struct{})
	timer := time.AfterFunc(hangupPatience, func() {
		defer close(done)
		if isHangup(c.in.readAhead()) {
			x.cancel(errHangup)
		}
	})
	return func() {
		if timer.Stop() { // nobody has begun to read
			return
		}
		_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // wakes the goroutine; a closed connection does too
		<-done
		c.resetReadDeadline()
	}
}

// resetReadDeadline lets reads block again, unless the server is shutting down.
func (c *connection) resetReadDeadline() { c.setReadDeadline(time.Time{}) }
