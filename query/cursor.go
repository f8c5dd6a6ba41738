package query

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/query/parser"
)

// maxCursors bounds the cursors of a session.
const maxCursors = 100

// cursor is an SQL cursor: a query or a subscription that is read in parts.
type cursor struct {
	s      *Session
	st     *Statement // what it reads
	args   []any      // the values of its parameters
	hold   bool       // it outlives its transaction
	held   bool       // and has done so
	ctx    context.Context
	cancel context.CancelCauseFunc

	result *Result           // nil: not begun, or read to the end into kept
	rec    arrow.RecordBatch // being fetched
	row    int               // of rec, the next one
	kept   []arrow.RecordBatch
	err    error // io.EOF: read to the end
}

// prepareDeclare prepares DECLARE … CURSOR.
func (s *Session) prepareDeclare(ctx context.Context, st *Statement, t *parser.Declare, paramTypes []string) error {
	inner := &Statement{SQL: st.SQL, Tag: "SELECT"}
	var err error
	if t.Subscribe != nil {
		inner.Tag = "SUBSCRIBE"
		err = s.prepareSubscribe(ctx, inner, t.Subscribe, paramTypes)
	} else {
		err = s.prepareSelect(ctx, inner, t.SQL, t.Offset, paramTypes)
	}
	if err != nil {
		return err
	}
	st.requireAll(inner)
	st.Params = inner.Params
	st.run = func(ctx context.Context, args []any) (*Result, error) {
		if err := s.declare(ctx, t, inner, args); err != nil {
			return nil, err
		}
		return &Result{Tag: st.Tag}, nil
	}
	return nil
}

func (s *Session) declare(ctx context.Context, t *parser.Declare, inner *Statement, args []any) error {
	switch {
	case s.status == statusIdle && !t.Hold:
		return Errorf("25P01", "DECLARE CURSOR can only be used in transaction blocks").
			WithHint("Write BEGIN before it, or DECLARE … CURSOR WITH HOLD.")
	case s.cursors[t.Name] != nil:
		return Errorf("42P03", "cursor %q already exists", t.Name).WithHint("Close it first, or choose another name.")
	case len(s.cursors) >= maxCursors:
		return Errorf(CodeProgramLimit, "a session can't have more than %d cursors", maxCursors).WithHint("Close those that are no longer needed.")
	}
	c := &cursor{s: s, st: inner, args: args, hold: t.Hold}
	c.ctx, c.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	if inner.Live || s.status == statusIdle {
		if err := c.start(ctx); err != nil {
			c.close()
			return err
		}
		if s.status == statusIdle {
			if err := c.keep(ctx); err != nil {
				c.close()
				return err
			}
		}
	}
	if s.cursors == nil {
		s.cursors = make(map[string]*cursor)
	}
	s.cursors[t.Name] = c
	return nil
}

// start runs the cursor's query under a context that lasts as long as the
// cursor; the statement's own may only interrupt it.
func (c *cursor) start(ctx context.Context) (err error) {
	defer context.AfterFunc(ctx, func() { c.cancel(context.Cause(ctx)) })()
	c.result, err = c.st.run(c.ctx, c.args)
	return err
}

// keep makes the cursor independent of the transaction: what it has not read
// yet is kept in memory.
func (c *cursor) keep(ctx context.Context) error {
	c.held = true
	if c.st.Live {
		return nil
	}
	if c.result == nil && c.err == nil {
		if err := c.start(ctx); err != nil {
			return err
		}
	}
	defer context.AfterFunc(ctx, func() { c.cancel(context.Cause(ctx)) })()
	size := uint64(0)
	for c.result != nil {
		rec, err := c.result.Next(ctx)
		if errors.Is(err, io.EOF) {
			c.endResult()
			break
		}
		if err != nil {
			return err
		}
		rec.Retain()
		c.kept = append(c.kept, rec)
		for _, column := range rec.Columns() {
			size += column.Data().SizeInBytes()
		}
		if size > keepBytes {
			return Errorf(CodeProgramLimit, "a cursor WITH HOLD can't keep more than %d MiB", keepBytes>>20).
				WithHint("Read it inside its transaction, and declare it without HOLD.")
		}
	}
	return nil
}

// endResult notes that all rows have come from the query.
func (c *cursor) endResult() {
	c.result.Close()
	c.result = nil
	c.err = io.EOF
}

// prepareFetch prepares FETCH and MOVE.
func (s *Session) prepareFetch(st *Statement, t *parser.Fetch) error {
	// One that is not there yet may be when the statement runs.
	if c := s.cursors[t.Name]; c != nil {
		st.Live = c.st.Live
		if !t.Move {
			st.Columns = c.st.Columns
		}
	}
	st.run = func(ctx context.Context, _ []any) (*Result, error) {
		c := s.cursors[t.Name]
		if c == nil {
			return nil, Errorf(CodeInvalidCursorName, "cursor %q does not exist", t.Name)
		}
		f := &fetching{c: c, left: t.Count}
		switch {
		case !c.st.Live || t.Timeout < 0:
		case t.Timeout > math.MaxInt64-time.Hour: // as good as for ever
		default:
			f.until = time.Now().Add(t.Timeout)
		}
		if t.Move {
			return f.move(ctx, st)
		}
		return &Result{Columns: c.st.Columns, Tag: st.Tag, Live: c.st.Live, next: f.next, close: f.close}, nil
	}
	return nil
}

// fetching is one FETCH.
type fetching struct {
	c     *cursor
	left  int64
	until time.Time         // of a subscription: wait for rows until then
	any   bool              // some have been fetched
	slice arrow.RecordBatch // handed out last
}

func (f *fetching) next(ctx context.Context) (arrow.RecordBatch, error) {
	f.close()
	if f.left <= 0 {
		return nil, io.EOF
	}
	rec, err := f.c.read(ctx, f)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			f.c.s.fail()
		}
		return nil, err
	}
	n := min(f.left, rec.NumRows()-int64(f.c.row))
	f.slice = rec.NewSlice(int64(f.c.row), int64(f.c.row)+n)
	f.c.row += int(n)
	f.left -= n
	f.any = true
	return f.slice, nil
}

func (f *fetching) close() {
	if f.slice != nil {
		f.slice.Release()
		f.slice = nil
	}
}

// move passes over rows.
func (f *fetching) move(ctx context.Context, st *Statement) (*Result, error) {
	count := f.left
	for {
		_, err := f.next(ctx)
		if errors.Is(err, io.EOF) {
			return &Result{Tag: st.Tag + " " + formatCount(count-f.left)}, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// patience is how long a FETCH may wait for rows; negative: for ever. Without a
// timeout it waits for the first ones, and then takes what is there.
func (f *fetching) patience() time.Duration {
	switch {
	case !f.until.IsZero():
		return max(0, time.Until(f.until))
	case f.any:
		return 0
	default:
		return -1
	}
}

// read returns the record with the cursor's next row in it, or io.EOF when
// there are no more, or none for this FETCH.
func (c *cursor) read(ctx context.Context, f *fetching) (arrow.RecordBatch, error) {
	if c.rec != nil && c.row < int(c.rec.NumRows()) {
		return c.rec, nil
	}
	c.dropRecord()
	if len(c.kept) > 0 {
		c.rec, c.kept = c.kept[0], c.kept[1:]
		return c.rec, nil
	}
	if c.err != nil {
		return nil, c.err
	}
	if c.result == nil {
		if err := c.start(ctx); err != nil {
			return nil, err
		}
	}
	defer context.AfterFunc(ctx, func() {
		if !c.st.Live {
			c.cancel(context.Cause(ctx))
		}
	})()
	var rec arrow.RecordBatch
	var err error
	if c.st.Live {
		rec, err = c.result.Poll(ctx, f.patience())
	} else {
		rec, err = c.result.Next(ctx)
	}
	switch {
	case errors.Is(err, io.EOF):
		c.endResult()
		return nil, io.EOF
	case err != nil:
		return nil, err
	case rec == nil: // nothing came in time
		return nil, io.EOF
	}
	rec.Retain()
	c.rec = rec
	return rec, nil
}

func (c *cursor) dropRecord() {
	if c.rec != nil {
		c.rec.Release()
		c.rec, c.row = nil, 0
	}
}

func (c *cursor) close() {
	c.dropRecord()
	for _, rec := range c.kept {
		rec.Release()
	}
	c.kept = nil
	if c.result != nil {
		c.result.Close()
		c.result = nil
	}
	c.cancel(context.Canceled)
}

// closeCursor carries out CLOSE.
func (s *Session) closeCursor(t *parser.Close) error {
	if t.Name == "" {
		s.closeCursors(true)
		return nil
	}
	c := s.cursors[t.Name]
	if c == nil {
		return Errorf(CodeInvalidCursorName, "cursor %q does not exist", t.Name)
	}
	delete(s.cursors, t.Name)
	c.close()
	return nil
}

// closeCursors closes the transaction's cursors, or all of the session's.
func (s *Session) closeCursors(all bool) {
	for name, c := range s.cursors {
		if all || !c.held {
			delete(s.cursors, name)
			c.close()
		}
	}
}

// holdCursors makes the cursors that were declared WITH HOLD outlive the
// transaction that is about to be committed.
func (s *Session) holdCursors(ctx context.Context) error {
	for _, c := range s.cursors {
		if c.hold && !c.held {
			if err := c.keep(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
