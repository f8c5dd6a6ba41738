package limits

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/ingest/decode"
	"github.com/millstream-db/millstream/query"
)

// Statements make what Aggregate appends to: a source without connector and its
// views.
type Statements struct {
	Source string // its name
	Create []string
}

// Aggregate appends count records that are decoded already to a source in memory,
// those of values again and again, until the views over it have all of them.
// Nothing is read from a broker and nothing is written. begin is called when all is
// prepared.
func Aggregate(ctx context.Context, values [][]byte, s Statements, count int64, begin func()) (w Work, err error) {
	db, err := query.Open(ctx, "", query.Options{NoCatalog: true})
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, db.Close(context.WithoutCancel(ctx))) }()
	for _, sql := range s.Create {
		if err := db.Exec(ctx, sql); err != nil {
			return w, fmt.Errorf("%s: %w", sql, err)
		}
	}
	batches, err := decoded(db, s.Source, values)
	defer func() {
		for _, b := range batches {
			b.Release()
		}
	}()
	if err != nil {
		return w, err
	}
	begin()
	started := time.Now()
	for i := 0; w.Records < count; i++ {
		b := batches[i%len(batches)]
		if left := count - w.Records; left < b.NumRows() {
			b = b.NewSlice(0, left)
			defer b.Release()
		}
		if err := db.AppendRecord(ctx, s.Source, b); err != nil {
			return w, err
		}
		w.Records += b.NumRows()
	}
	w.Took = time.Since(started)
	w.Bytes = w.Records * int64(len(values[0]))
	return w, nil
}

// decoded returns values as batches, which the caller releases, also after an error.
func decoded(db *query.DB, source string, values [][]byte) ([]arrow.RecordBatch, error) {
	builder, err := db.NewRows(source)
	if err != nil {
		return nil, err
	}
	defer builder.Release()
	decoder := decode.NewJSON(builder.Schema(), decode.Limits{})
	var batches []arrow.RecordBatch
	for i, value := range values {
		if err := decoder.Decode(value, builder); err != nil {
			return batches, fmt.Errorf("decode %s: %w", value, err)
		}
		if (i+1)%batchRows == 0 || i+1 == len(values) {
			batches = append(batches, builder.Finish())
		}
	}
	return batches, nil
}
