package query

import (
	"errors"
	"strings"

	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// composer writes a query around pieces of a user's statement and remembers
// where they came from, so that errors show their place in the statement.
type composer struct {
	b     strings.Builder
	spans []composedSpan
}

type composedSpan struct{ at, from, size int }

// own appends text of our own.
func (c *composer) own(text ...string) {
	for _, t := range text {
		c.b.WriteString(t)
	}
}

// user appends a piece of the user's statement.
func (c *composer) user(t parser.Text) {
	c.spans = append(c.spans, composedSpan{c.b.Len(), t.Offset, len(t.SQL)})
	c.b.WriteString(t.SQL)
}

// in appends a piece as a parenthesized expression, on lines of its own: a
// comment in it ends with it.
func (c *composer) in(t parser.Text) {
	c.own("(\n")
	c.user(t)
	c.own("\n)")
}

// shifted returns err with its place moved to the left.
func shifted(err error, by int) error {
	var duckdb *duck.Error
	if by > 0 && errors.As(err, &duckdb) {
		moved := *duckdb
		moved.Position = max(-1, duckdb.Position-by)
		return &moved
	}
	return err
}

func (c *composer) String() string { return c.b.String() }

// place returns where an offset of the composed text lies in the statement, or
// -1 when it is in text of our own.
func (c *composer) place(offset int) int {
	for _, s := range c.spans {
		if offset >= s.at && offset < s.at+s.size {
			return s.from + offset - s.at
		}
	}
	return -1
}

// explain is the function explain for errors about the composed text.
func (c *composer) explain(err error, sql string) error {
	var (
		done   *Error
		gated  *gate.Error
		duckdb *duck.Error
	)
	switch {
	case errors.As(err, &done):
	case errors.As(err, &gated):
		moved := *gated
		moved.Offset = c.place(gated.Offset)
		err = &moved
	case errors.As(err, &duckdb):
		moved := *duckdb
		moved.Position = c.place(duckdb.Position)
		err = &moved
	}
	return sqlstate.Explain(err, sql, 0)
}
