package query

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"
)

// NewResult returns a result whose batches come from next, which follows the
// rules of Result.Next. closeResult is called once, by the first Close. Both
// may be nil: a nil next means no rows.
func NewResult(columns []Column, tag string, next func(context.Context) (arrow.RecordBatch, error), closeResult func()) *Result {
	if closeResult == nil {
		closeResult = func() {}
	}
	return &Result{Columns: columns, Tag: tag, next: next, close: closeResult}
}
