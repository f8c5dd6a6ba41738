package query

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// preparedText is a statement of PREPARE. Drivers prepare by the protocol, where
// the server keeps the statements.
type preparedText struct {
	sql   string
	types []string // as written, of the first parameters
}

// maxPrepared bounds the statements that a session keeps.
const maxPrepared = 10_000

// prepareText plans PREPARE, which looks at what it is given now.
func (s *Session) prepareText(ctx context.Context, st *Statement, t *parser.Prepare) error {
	inner, err := s.prepare(ctx, t.SQL, nil)
	if err != nil {
		return sqlstate.Explain(err, st.SQL, t.Offset)
	}
	if inner.Tag == "PREPARE" || inner.Tag == "EXECUTE" {
		return Errorf(CodeSyntaxError, "%s can't be prepared", inner.Tag)
	}
	st.run = func(context.Context, []any) (*Result, error) {
		if _, held := s.prepared[t.Name]; held {
			return nil, Errorf("42P05", "prepared statement %q already exists", t.Name)
		}
		if len(s.prepared) >= maxPrepared {
			return nil, Errorf(CodeProgramLimit, "too many prepared statements in this session").WithHint("DEALLOCATE those that are no longer needed.")
		}
		if s.prepared == nil {
			s.prepared = make(map[string]preparedText)
		}
		s.prepared[t.Name] = preparedText{sql: strings.Clone(t.SQL), types: t.Types}
		return &Result{Tag: st.Tag}, nil
	}
	return nil
}

// prepareExecute plans EXECUTE, as the prepared statement with the arguments in
// the places of its parameters.
func (s *Session) prepareExecute(ctx context.Context, st *Statement, t *parser.Execute) error {
	held, ok := s.prepared[t.Name]
	if !ok {
		return Errorf("26000", "prepared statement %q does not exist", t.Name).At(characters(st.SQL, t.Offset))
	}
	sql, err := held.with(t)
	if err != nil {
		return err
	}
	inner, err := s.prepare(ctx, sql, nil)
	if err != nil {
		e := *AsError(sqlstate.Explain(err, sql, 0))
		e.Position = 0 // which is of another text
		return &e
	}
	inner.SQL, *st = st.SQL, *inner
	return nil
}

// with returns the statement with arguments instead of parameters.
func (p preparedText) with(t *parser.Execute) (string, error) {
	tokens, err := parser.Lex(p.sql)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	last, most := 0, len(p.types)
	for _, token := range tokens {
		if token.Kind != parser.Param {
			continue
		}
		n, err := strconv.Atoi(strings.TrimPrefix(token.Text, "$"))
		if err != nil {
			return "", Errorf(CodeSyntaxError, "parameter %s of prepared statement %q has no number", token.Text, t.Name)
		}
		most = max(most, n)
		if n < 1 || n > len(t.Args) {
			continue
		}
		out.WriteString(p.sql[last:token.Offset])
		if n <= len(p.types) {
			fmt.Fprintf(&out, "CAST((%s) AS %s)", t.Args[n-1], p.types[n-1])
		} else {
			out.WriteString("(" + t.Args[n-1] + ")")
		}
		last = token.End()
	}
	if most != len(t.Args) {
		e := Errorf(CodeSyntaxError, "wrong number of parameters for prepared statement %q", t.Name)
		e.Detail = fmt.Sprintf("Expected %d parameters but got %d.", most, len(t.Args))
		return "", e
	}
	out.WriteString(p.sql[last:])
	return out.String(), nil
}

// deallocate forgets a prepared statement, or all. One that the session does not
// know may be the protocol's.
func (s *Session) deallocate(name string) {
	if name == "" {
		clear(s.prepared)
	} else {
		delete(s.prepared, name)
	}
}
