package batch

import "time"

// AppendText appends to a VARCHAR column, NULL for "".
func (c *ColumnBuilder) AppendText(s string) {
	if s == "" {
		c.AppendNull()
		return
	}
	c.AppendString(s)
}

// AppendInstant appends to a TIMESTAMPTZ column, NULL for the zero time.
func (c *ColumnBuilder) AppendInstant(t time.Time) {
	if t.IsZero() {
		c.AppendNull()
		return
	}
	c.AppendInt64(t.UnixMicro())
}
