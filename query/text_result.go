package query

import (
	"context"
	"io"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
)

// textStatement makes a statement that answers with rows of text.
func (s *Session) textStatement(st *Statement, names []string, rows func(context.Context) ([][]string, error)) error {
	st.Columns = make([]Column, len(names))
	for i, n := range names {
		st.Columns[i] = Column{Name: n, Type: "VARCHAR"}
	}
	st.run = func(ctx context.Context, _ []any) (*Result, error) {
		data, err := rows(ctx)
		if err != nil {
			return nil, err
		}
		return textResult(st, data), nil
	}
	return nil
}

// textResult is rows of text as a result. An empty string stays one.
func textResult(st *Statement, rows [][]string) *Result {
	columns := make([]batch.Column, len(st.Columns))
	for i, c := range st.Columns {
		columns[i] = batch.Column{Name: c.Name, Type: batch.Type{Kind: batch.Varchar}}
	}
	b := batch.NewBuilder(batch.NewAllocator(), batch.NewSchema(columns))
	for _, row := range rows {
		for i, v := range row {
			b.Column(i).AppendString(v)
		}
	}
	r := oneBatch(b.Finish())
	r.Columns, r.Tag = st.Columns, st.Tag
	return r
}

// oneBatch is a result of the rows of a batch, which it takes over.
func oneBatch(rec arrow.RecordBatch) *Result {
	given := rec.NumRows() == 0
	next := func(context.Context) (arrow.RecordBatch, error) {
		if given {
			return nil, io.EOF
		}
		given = true
		return rec, nil
	}
	return &Result{next: next, close: rec.Release}
}
