package query

import (
	"context"
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/query/cursor"
	"github.com/millstream-db/millstream/query/parser"
)

// maxCursors bounds the cursors of a session.
const maxCursors = 100

// declared is a cursor of a session: a query or a subscription that is read in parts.
type declared struct {
	*cursor.Cursor
	st   *Statement // what it reads
	hold bool       // it outlives its transaction
	held bool       // and has done so
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
	source := func(ctx context.Context) (cursor.Rows, error) {
		result, err := inner.run(ctx, args)
		if err != nil {
			return nil, err // not as an interface with a nil inside
		}
		return result, nil
	}
	c := &declared{Cursor: cursor.New(ctx, source, t.Scroll, inner.Live), st: inner, hold: t.Hold}
	var err error
	if inner.Live {
		err = c.Start(ctx)
	}
	if err == nil && s.status == statusIdle {
		c.held = true
		err = c.Hold(ctx)
	}
	if err != nil {
		c.Close()
		return err
	}
	if s.cursors == nil {
		s.cursors = make(map[string]*declared)
	}
	s.cursors[t.Name] = c
	return nil
}

// prepareFetch prepares FETCH and MOVE. Their cursor may be declared later: then
// the columns of a FETCH are known when it runs, or is prepared again.
func (s *Session) prepareFetch(st *Statement, t *parser.Fetch) {
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
		f := c.Fetch(t)
		if t.Move {
			passed, err := f.Move(ctx)
			if err != nil {
				return nil, err
			}
			return &Result{Tag: st.Tag + " " + formatCount(passed)}, nil
		}
		next := func(ctx context.Context) (arrow.RecordBatch, error) {
			record, err := f.Next(ctx)
			if err != nil && !errors.Is(err, io.EOF) {
				s.fail()
			}
			return record, err
		}
		return &Result{Columns: c.st.Columns, Tag: st.Tag, Live: c.st.Live, next: next, close: f.Close}, nil
	}
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
	c.Close()
	return nil
}

// closeCursors closes the transaction's cursors, or all of the session's.
func (s *Session) closeCursors(all bool) {
	for name, c := range s.cursors {
		if all || !c.held {
			delete(s.cursors, name)
			c.Close()
		}
	}
}

// holdCursors makes the cursors that were declared WITH HOLD outlive the
// transaction that is about to be committed.
func (s *Session) holdCursors(ctx context.Context) error {
	for _, c := range s.cursors {
		if c.hold && !c.held {
			if err := c.Hold(ctx); err != nil {
				return err
			}
		}
	}
	for _, c := range s.cursors {
		c.held = c.hold
	}
	return nil
}
