// Package rowvalue takes single values out of results as Go values.
package rowvalue

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
)

// Of returns value i of a column in DuckDB's Arrow mapping: nil, bool, int64,
// uint64, float64, string, []byte, batch.DateValue and its like, and []any for
// lists. Other nested values are their JSON text. It is a copy. typeName is
// DuckDB's name of the type.
func Of(col arrow.Array, i int, typeName string) any {
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
		return text(c.Value(i), typeName)
	case *array.Binary:
		return append([]byte(nil), c.Value(i)...)
	default:
		return other(col, i, typeName)
	}
}

// text copies a string out of the batch, which will be gone.
func text(s, typeName string) any {
	if typeName == "UUID" {
		if u, err := batch.ParseUUID([]byte(s)); err == nil {
			return u
		}
	}
	return string(append([]byte(nil), s...))
}

func other(col arrow.Array, i int, typeName string) any {
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
		return Of(c.Dictionary(), c.GetValueIndex(i), typeName)
	case *array.List:
		first, last := c.ValueOffsets(i)
		items := make([]any, 0, last-first)
		for j := first; j < last; j++ {
			items = append(items, Of(c.ListValues(), int(j), ""))
		}
		return items
	default:
		return col.ValueStr(i)
	}
}
