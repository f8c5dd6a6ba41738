package pgwire

import (
	"time"

	"github.com/millstream-db/millstream/query/setting"
)

// begin notes when the extended query began that a message is part of. As in
// PostgreSQL its time runs from the first message up to the end of an Execute,
// or to Sync, whatever the client does in between.
func (c *connection) begin() error {
	if c.begun.IsZero() {
		c.begun = time.Now()
	}
	if timeout := c.timeoutSetting(); timeout > 0 && time.Since(c.begun) >= timeout {
		return errTimeout
	}
	return nil
}

// ended notes that the statement is over: the next message begins another.
func (c *connection) ended() { c.begun = time.Time{} }

// statementTimeout returns how long the statement may still run, 0 for ever.
func (c *connection) statementTimeout() time.Duration {
	timeout := c.timeoutSetting()
	if timeout > 0 && !c.begun.IsZero() {
		timeout = max(timeout-time.Since(c.begun), 1)
	}
	return timeout
}

func (c *connection) timeoutSetting() time.Duration {
	return parseTimeout(c.session.Setting("statement_timeout"))
}

// parseTimeout reads a duration as PostgreSQL's settings have it. What it can't
// read is no timeout.
func parseTimeout(s string) time.Duration {
	if s == "" || s == "0" { // most of them, with each message
		return 0
	}
	millis, ok := setting.ParseDuration(s)
	if !ok || millis < 0 {
		return 0
	}
	return time.Duration(millis) * time.Millisecond
}
