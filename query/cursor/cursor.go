package cursor

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/query/sqlstate"
)

// KeepBytes is how much of its rows a cursor keeps in memory.
const KeepBytes = 64 << 20

// Rows is what a cursor reads.
type Rows interface {
	// Next returns the next batch, which is valid until the following call, and
	// io.EOF at the end.
	Next(ctx context.Context) (arrow.RecordBatch, error)
	// Poll is Next of a subscription; when nothing comes in time it returns nil.
	Poll(ctx context.Context, patience time.Duration) (arrow.RecordBatch, error)
	// Close gives the rest up.
	Close()
}

// Source is a query that a cursor runs when its first row is asked for, under
// a context that lasts as long as the cursor.
type Source func(ctx context.Context) (Rows, error)

// Cursor is a place in the rows of a query.
type Cursor struct {
	source    Source
	scroll    bool // it goes backward too
	live      bool // its query is a subscription
	keepBytes uint64

	ctx    context.Context
	cancel context.CancelCauseFunc
	rows   Rows // nil: not begun, or ended
	ended  bool // all rows have come

	// Rows have numbers from 1. As in PostgreSQL, position is the number of the
	// row that the cursor stands on, 0 before the first; behind the last it is
	// that of the last.
	position           int64
	beforeFirst, after bool
	kept               []batch // what was read and not given up, in order
	bytes              uint64  // of kept
	read               int64   // how many rows have come
}

// batch is some rows of a query, the first of which has the number first.
type batch struct {
	arrow.RecordBatch
	first int64
	bytes uint64
}

// last returns the number of the last row.
func (b batch) last() int64 { return b.first + b.NumRows() - 1 }

// New returns a cursor before the first row. It lives until Close, whatever
// becomes of ctx. One over a live source, a subscription, only goes forward.
func New(ctx context.Context, source Source, scroll, live bool) *Cursor {
	c := &Cursor{source: source, scroll: scroll && !live, live: live, keepBytes: KeepBytes, beforeFirst: true}
	c.ctx, c.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return c
}

// Start runs the query; ctx may interrupt that.
func (c *Cursor) Start(ctx context.Context) (err error) {
	defer context.AfterFunc(ctx, func() { c.cancel(context.Cause(ctx)) })()
	c.rows, err = c.source(c.ctx)
	return err
}

// Begin runs the query unless that has been done.
func (c *Cursor) Begin(ctx context.Context) error {
	if c.rows != nil || c.ended {
		return nil
	}
	return c.Start(ctx)
}

// Hold reads what has not been read yet, so that the cursor needs its query no
// longer. A subscription goes on instead.
func (c *Cursor) Hold(ctx context.Context) error {
	for !c.live && !c.ended {
		if err := c.more(ctx, -1); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return err
		}
		if c.bytes > c.keepBytes {
			return sqlstate.Errorf(sqlstate.CodeProgramLimit, "a cursor WITH HOLD can't keep more than %d MiB", c.keepBytes>>20).
				WithHint("Read it inside its transaction, and declare it without HOLD.")
		}
	}
	return nil
}

// Close gives the cursor up.
func (c *Cursor) Close() {
	for _, b := range c.kept {
		b.Release()
	}
	c.kept, c.bytes = nil, 0
	if c.rows != nil {
		c.rows.Close()
		c.rows = nil
	}
	c.ended = true
	c.cancel(context.Canceled)
}

// more reads a batch. It returns io.EOF when there are no more, or none came in
// the time of a subscription's patience.
func (c *Cursor) more(ctx context.Context, patience time.Duration) error {
	if c.ended {
		return io.EOF
	}
	if err := c.Begin(ctx); err != nil {
		return err
	}
	var record arrow.RecordBatch
	var err error
	if c.live {
		record, err = c.rows.Poll(ctx, patience)
	} else {
		defer context.AfterFunc(ctx, func() { c.cancel(context.Cause(ctx)) })()
		record, err = c.rows.Next(ctx)
	}
	switch {
	case errors.Is(err, io.EOF):
		c.rows.Close()
		c.rows, c.ended = nil, true
		return io.EOF
	case err != nil:
		return err
	case record == nil:
		return io.EOF
	}
	record.Retain()
	b := batch{RecordBatch: record, first: c.read + 1}
	for _, column := range record.Columns() {
		b.bytes += column.Data().SizeInBytes()
	}
	c.kept, c.bytes, c.read = append(c.kept, b), c.bytes+b.bytes, c.read+b.NumRows()
	c.giveUp()
	return nil
}

// giveUp releases the oldest rows that the cursor has passed: all of them when
// it does not come back, else those that are too many.
func (c *Cursor) giveUp() {
	gone := 0
	for ; gone < len(c.kept)-1 && c.kept[gone].last() <= c.position && (!c.scroll || c.bytes > c.keepBytes); gone++ {
		c.bytes -= c.kept[gone].bytes
		c.kept[gone].Release()
	}
	c.kept = slices.Delete(c.kept, 0, gone)
}

// batchOf returns the batch with a row that has been read.
func (c *Cursor) batchOf(row int64) (batch, error) {
	low, high := 0, len(c.kept)
	for low < high {
		if middle := (low + high) / 2; c.kept[middle].last() < row {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == len(c.kept) || c.kept[low].first > row {
		return batch{}, sqlstate.Errorf(sqlstate.CodeProgramLimit, "the cursor's row %d is no longer kept", row).
			WithHint("A cursor keeps the last %d MiB of its rows. Go back less far, or run the query again.", c.keepBytes>>20)
	}
	return c.kept[low], nil
}

// behind returns how many rows are before the place of the cursor.
func (c *Cursor) behind() int64 {
	if c.after || c.beforeFirst {
		return c.position
	}
	return c.position - 1
}

// mayGoBack refuses what goes backward where the cursor does not.
func (c *Cursor) mayGoBack() error {
	if c.scroll {
		return nil
	}
	hint := "Declare it with SCROLL option to enable backward scan."
	if c.live {
		hint = "A subscription tells what happens, and only goes forward."
	}
	return sqlstate.Errorf(sqlstate.CodeObjectNotPrerequisite, "cursor can only scan forward").WithHint("%s", hint)
}

// back moves over n rows backward and returns over how many.
func (c *Cursor) back(n int64) (int64, error) {
	if err := c.mayGoBack(); err != nil {
		return 0, err
	}
	if c.beforeFirst || n <= 0 {
		return 0, nil
	}
	passed := min(n, c.behind())
	c.position = c.behind() + 1 - passed
	c.after = false
	if passed < n || n == math.MaxInt64 {
		c.rewind()
	}
	return passed, nil
}

// rewind goes before the first row.
func (c *Cursor) rewind() { c.position, c.beforeFirst, c.after = 0, true, false }

// ahead moves over n rows forward and returns over how many.
func (c *Cursor) ahead(ctx context.Context, n int64, patience func(any bool) time.Duration) (passed int64, err error) {
	for !c.after && passed < n {
		if c.position == c.read {
			err := c.more(ctx, patience(passed > 0))
			if errors.Is(err, io.EOF) {
				c.after = c.ended
				break
			}
			if err != nil {
				return passed, err
			}
		}
		step := min(n-passed, c.read-c.position)
		c.position += step
		c.beforeFirst = false
		passed += step
	}
	return passed, nil
}
