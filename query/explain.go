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
	inner := &Statement{SQL: st.SQL}
	if err := s.prepareSelect(ctx, inner, t.SQL, t.Offset, nil); err != nil {
		return err
	}
	return s.textStatement(st, []string{"QUERY PLAN"}, func(ctx context.Context) ([][]string, error) {
		r, own, err := s.begin(ctx)
		if err != nil {
			return nil, err
		}
		if own {
			defer r.Close()
		}
		if err := r.SetPath(ctx, path(t.SQL)); err != nil {
			return nil, err
		}
		rows, err := r.Conn().Query(ctx, "EXPLAIN "+t.SQL)
		if err != nil {
			return nil, explain(err, st.SQL, t.Offset-len("EXPLAIN "))
		}
		defer rows.Close()
		var lines [][]string
		for {
			rec, err := rows.NextRecord()
			if errors.Is(err, io.EOF) {
				return lines, nil
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
