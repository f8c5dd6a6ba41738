package composed

import (
	"errors"
	"strings"

	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// Text is a query around pieces of a user's statement that remembers where they came
// from, so that errors show their place in the statement.
type Text struct {
	b     strings.Builder
	spans []span
}

type span struct{ at, from, size int }

// Own appends text of our own.
func (t *Text) Own(pieces ...string) {
	for _, p := range pieces {
		t.b.WriteString(p)
	}
}

// User appends a piece of the user's statement.
func (t *Text) User(piece parser.Text) {
	t.spans = append(t.spans, span{t.b.Len(), piece.Offset, len(piece.SQL)})
	t.b.WriteString(piece.SQL)
}

// In appends a piece as a parenthesized expression, on lines of its own: a
// comment in it ends with it.
func (t *Text) In(piece parser.Text) {
	t.Own("(\n")
	t.User(piece)
	t.Own("\n)")
}

// Shifted returns err with its place moved to the left.
func Shifted(err error, by int) error {
	var duckdb *duck.Error
	if by > 0 && errors.As(err, &duckdb) {
		moved := *duckdb
		moved.Position = max(-1, duckdb.Position-by)
		return &moved
	}
	return err
}

func (t *Text) String() string { return t.b.String() }

// place returns where an offset of the composed text lies in the statement, or
// -1 when it is in text of our own.
func (t *Text) place(offset int) int {
	for _, s := range t.spans {
		if offset >= s.at && offset < s.at+s.size {
			return s.from + offset - s.at
		}
	}
	return -1
}

// Explain is sqlstate.Explain for errors about the text, with the statement.
func (t *Text) Explain(err error, sql string) error {
	var (
		done   *sqlstate.Error
		gated  *gate.Error
		duckdb *duck.Error
	)
	switch {
	case errors.As(err, &done):
	case errors.As(err, &gated):
		moved := *gated
		moved.Offset = t.place(gated.Offset)
		err = &moved
	case errors.As(err, &duckdb):
		moved := *duckdb
		moved.Position = t.place(duckdb.Position)
		err = &moved
	}
	return sqlstate.Explain(err, sql, 0)
}
