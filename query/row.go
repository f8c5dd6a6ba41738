package query

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/millstream-db/millstream/query/rowvalue"
)

// Rows yields the result row by row, as the Go values that package batch
// lists: nil, bool, int64, uint64, float64, string, []byte, batch.DateValue and
// its like, and []any for lists. Other nested values are their JSON text. The
// slice is reused from row to row. The result is closed at the end.
func (r *Result) Rows(ctx context.Context) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		defer r.Close()
		row := make([]any, len(r.Columns))
		for {
			rec, err := r.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range int(rec.NumRows()) {
				for j := range row {
					row[j] = rowvalue.Of(rec.Column(j), i, r.Columns[j].Type)
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}
