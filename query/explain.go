package query

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/query/parser"
)

// prepareExplain answers EXPLAIN with DuckDB's plan, under Postgres's column name.
func (s *Session) prepareExplain(ctx context.Context, st *Statement, t *parser.Explain) error {
	q := &selectQuery{s: s, st: &Statement{SQL: st.SQL}, sql: t.SQL, offset: t.Offset, path: path(t.SQL)}
	if err := q.admit(ctx); err != nil {
		return q.explain(err)
	}
	if err := q.describe(ctx, nil); err != nil {
		return q.explain(err)
	}
	command := "EXPLAIN "
	if t.Analyze {
		command = "EXPLAIN ANALYZE "
	}
	st.requireAll(q.st)
	return s.textStatement(st, []string{"QUERY PLAN"}, func(ctx context.Context) ([][]string, error) {
		r, own, err := s.begin(ctx)
		if err != nil {
			return nil, err
		}
		if own {
			defer r.Close()
		}
		notes, err := q.narrow(r, nil).Explain(ctx)
		if err != nil {
			return nil, err
		}
		defer r.Widen()
		explained := *q
		explained.sql = command + q.sql
		stmt, err := explained.prepare(ctx, r)
		if err != nil {
			return nil, q.explain(err)
		}
		defer stmt.Close()
		rows, err := stmt.Query(ctx)
		if err != nil {
			return nil, q.explain(err)
		}
		defer rows.Close()
		var lines [][]string
		for {
			rec, err := rows.NextRecord()
			if errors.Is(err, io.EOF) {
				return append(lines, notes...), nil
			}
			if err != nil {
				return nil, err
			}
			text, ok := rec.Column(int(rec.NumCols()) - 1).(*array.String)
			for i := 0; ok && i < text.Len(); i++ {
				for line := range strings.Lines(strings.Clone(text.Value(i))) { // the record goes with the next one
					lines = append(lines, []string{strings.TrimRight(line, "\n")})
				}
			}
		}
	})
}
