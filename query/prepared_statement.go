package query

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/preparedtext"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// prepareText plans PREPARE, which looks at what it is given now.
func (s *Session) prepareText(ctx context.Context, st *Statement, t *parser.Prepare) error {
	inner, err := s.prepare(ctx, t.SQL, nil)
	if err != nil {
		return sqlstate.Explain(err, st.SQL, t.Offset)
	}
	switch inner.Tag {
	case "SELECT", "INSERT", "UPDATE", "DELETE":
	default:
		return Errorf(CodeSyntaxError, "%s can't be prepared", inner.Tag).WithHint("SELECT, INSERT, UPDATE and DELETE can.")
	}
	st.run = func(context.Context, []any) (*Result, error) {
		if _, held := s.prepared.Find(t.Name); held {
			return nil, Errorf("42P05", "prepared statement %q already exists", t.Name)
		}
		if !s.prepared.Add(t.Name, preparedtext.Text{SQL: t.SQL, Whole: st.SQL, At: time.Now(), Types: t.Types}) {
			return nil, Errorf(CodeProgramLimit, "too many prepared statements in this session").WithHint("DEALLOCATE those that are no longer needed.")
		}
		return &Result{Tag: st.Tag}, nil
	}
	return nil
}

// prepareExecute plans EXECUTE, as the prepared statement with the arguments in
// the places of its parameters.
func (s *Session) prepareExecute(ctx context.Context, st *Statement, t *parser.Execute) error {
	held, ok := s.prepared.Find(t.Name)
	if !ok {
		return Errorf("26000", "prepared statement %q does not exist", t.Name).At(characters(st.SQL, t.Offset))
	}
	sql, most, err := parser.PutArguments(held.SQL, held.Types, t.Args)
	if err != nil {
		return err
	}
	if most != len(t.Args) {
		e := Errorf(CodeSyntaxError, "wrong number of parameters for prepared statement %q", t.Name)
		e.Detail = fmt.Sprintf("Expected %d parameters but got %d.", most, len(t.Args))
		return e
	}
	inner, err := s.prepare(ctx, sql, nil)
	if err != nil {
		e := *AsError(sqlstate.Explain(err, sql, 0))
		e.Position = 0 // which is of another text
		return &e
	}
	inner.SQL, inner.needs = st.SQL, append(st.needs, inner.needs...)
	*st = *inner
	return nil
}

// listPrepared returns the statements that the session has prepared, in whichever
// way, as a list in SQL.
func (s *Session) listPrepared() string {
	var list []string
	add := func(p PreparedStatement, fromSQL bool) {
		list = append(list, fmt.Sprintf("{'name': %s, 'statement': %s, 'prepare_time': make_timestamptz(%d), 'params': %s::BIGINT[], 'from_sql': %t}",
			parser.QuoteLiteral(p.Name), parser.QuoteLiteral(p.SQL), p.At.UnixMicro(), strings.ReplaceAll(fmt.Sprint(p.Params), " ", ", "), fromSQL))
	}
	for name, p := range s.prepared.All() {
		add(PreparedStatement{Name: name, SQL: p.Whole, At: p.At}, true)
	}
	if s.opts.Prepared != nil {
		for _, p := range s.opts.Prepared() {
			add(p, false)
		}
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// deallocate forgets a prepared statement, or all. One that the session does not
// know may be the protocol's.
func (s *Session) deallocate(name string) {
	if name == "" {
		s.prepared.Clear()
	} else {
		s.prepared.Remove(name)
	}
}
