package query

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
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
					row[j] = goValue(rec.Column(j), i, r.Columns[j].Type)
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// goValue returns value i of a column in DuckDB's Arrow mapping.
func goValue(col arrow.Array, i int, typeName string) any {
	if col.IsNull(i) {
		return nil
	}
	switch c := col.(type) {
	case *array.Boolean:
		return c.Value(i)
	case *array.Int8:
		return int64(c.Value(i))
	case *array.Int16:
		return int64(c.Value(i))
	case *array.Int32:
		return int64(c.Value(i))
	case *array.Int64:
		return c.Value(i)
	case *array.Uint8:
		return int64(c.Value(i))
	case *array.Uint16:
		return int64(c.Value(i))
	case *array.Uint32:
		return int64(c.Value(i))
	case *array.Uint64:
		return c.Value(i)
	case *array.Float32:
		return float64(c.Value(i))
	case *array.Float64:
		return c.Value(i)
	case *array.String:
		return textValue(c.Value(i), typeName)
	case *array.Binary:
		return append([]byte(nil), c.Value(i)...)
	default:
		return otherValue(col, i, typeName)
	}
}

// textValue copies a string out of the batch, which will be gone.
func textValue(s, typeName string) any {
	if typeName == "UUID" {
		if u, err := batch.ParseUUID([]byte(s)); err == nil {
			return u
		}
	}
	return string(append([]byte(nil), s...))
}

func otherValue(col arrow.Array, i int, typeName string) any {
	switch c := col.(type) {
	case *array.Decimal128:
		v := c.Value(i)
		return batch.DecimalValue{
			Unscaled: batch.Int128Value{Lo: v.LowBits(), Hi: v.HighBits()},
			Scale:    uint8(c.DataType().(*arrow.Decimal128Type).Scale),
		}
	case *array.Date32:
		return batch.DateValue(c.Value(i))
	case *array.Time64:
		return batch.TimeValue(c.Value(i))
	case *array.Timestamp:
		if c.DataType().(*arrow.TimestampType).TimeZone != "" {
			return batch.TimestampTZValue(c.Value(i))
		}
		return batch.TimestampValue(c.Value(i))
	case *array.MonthDayNanoInterval:
		v := c.Value(i)
		return batch.IntervalValue{Months: v.Months, Days: v.Days, Micros: v.Nanoseconds / 1000}
	case *array.Dictionary:
		return goValue(c.Dictionary(), c.GetValueIndex(i), typeName)
	case *array.List:
		first, last := c.ValueOffsets(i)
		items := make([]any, 0, last-first)
		for j := first; j < last; j++ {
			items = append(items, goValue(c.ListValues(), int(j), ""))
		}
		return items
	default:
		return col.ValueStr(i)
	}
}
