package pgwire

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/parser"
)

// handleQuery answers a simple query: each of its statements with a result of
// its own, up to the first that fails, and one ReadyForQuery for all.
func (c *connection) handleQuery(ctx context.Context, body []byte) error {
	c.closeStatement("")
	c.closePortal("")
	if err := c.simpleQuery(ctx, body); err != nil {
		if err := c.report(err); err != nil {
			return err
		}
	}
	return c.ready()
}

func (c *connection) simpleQuery(ctx context.Context, body []byte) error {
	if err := decode(&c.in.query, body); err != nil {
		return err
	}
	text := c.in.query.String
	if err := checkText(text); err != nil {
		return err
	}
	pieces := parser.Split(text)
	if len(pieces) == 0 {
		c.out.send(&pgproto3.EmptyQueryResponse{})
	}
	for _, piece := range pieces {
		s := simpleStatement{c: c, text: piece.Text}
		started := time.Now()
		err := c.runOnce(ctx, s.run)
		if err == nil && s.input != nil {
			err = s.receive(ctx, s.input)
		}
		c.observe(s.tag, started, s.sent, err)
		if err != nil {
			return shiftPosition(query.AsError(err), text, piece.Offset)
		}
	}
	return nil
}

// simpleStatement is one statement of a simple query.
type simpleStatement struct {
	c    *connection
	text string
	tag  string
	sent int64

	described bool // the client has been told the columns

	input *query.CopyIn // the statement takes rows, which are not read yet
}

func (s *simpleStatement) run(ctx context.Context) error {
	st, err := s.c.session.Prepare(ctx, s.text, nil)
	if err != nil {
		return err
	}
	s.tag = st.Tag
	if st.Live {
		s.c.setEndless()
	}
	switch {
	case st.Tag == "":
		s.c.out.send(&pgproto3.EmptyQueryResponse{})
		return nil
	case len(st.Params) > 0:
		return query.Errorf(query.CodeUndefinedParameter, "there is no parameter $1").
			WithHint("bind parameters in the extended query protocol")
	}
	if err := s.c.freeSession(ctx, st.Tag); err != nil {
		return err
	}
	if st.Input != nil {
		s.input, err = st.Input()
		return err
	}
	// What reads nothing is computed when it is planned: an error is all of its answer.
	if st.Tag == "SELECT" && st.Columns != nil && parser.ReadsFrom(s.text) {
		s.describe(st.Columns)
	}
	result, err := s.c.session.Execute(ctx, st, nil)
	if err != nil {
		return err
	}
	defer result.Close()
	if st.Deallocate != nil {
		s.c.deallocate(*st.Deallocate)
	}
	return s.send(ctx, result)
}

// describe sends the columns.
func (s *simpleStatement) describe(columns []query.Column) {
	s.c.out.sendColumns(columns, columnTypes(columns), make([]int16, len(columns)))
	s.described = true
}

// send sends a result with its columns, its rows in the text format, and its
// command tag.
func (s *simpleStatement) send(ctx context.Context, result *query.Result) error {
	out := &s.c.out
	out.sendNotices(result.Notices)
	cur := cursor{result: result, prompt: result.Live}
	switch {
	case result.Copy != nil:
		e := newCopyEncoder(result, s.c.zone())
		cur.rows = e
		e.begin(out)
	case result.Columns != nil:
		types, formats := columnTypes(result.Columns), make([]int16, len(result.Columns))
		if !s.described {
			s.describe(result.Columns)
		}
		cur.rows = newRowEncoder(result.Columns, types, formats, s.c.zone())
	}
	var err error
	if s.sent, err = cur.fetch(ctx, out, 0); err != nil {
		return err
	}
	cur.close()
	if e := cur.copies(); e != nil {
		e.end(out)
	}
	out.sendComplete(result.Tag, s.sent)
	return nil
}
