package batchtest

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
)

// Show renders value i of a column: unscaled decimals, days, microseconds, as
// stored.
func Show(col arrow.Array, i int) string {
	if col.IsNull(i) {
		return "NULL"
	}
	switch c := col.(type) {
	case *array.String:
		return strings.Clone(c.Value(i)) // the column's memory does not last
	case *array.Binary:
		return "x" + hex.EncodeToString(c.Value(i))
	case *array.FixedSizeBinary:
		return batch.UUIDValue(c.Value(i)).String()
	case *array.Decimal64:
		return fmt.Sprint(int64(c.Value(i)))
	case *array.Decimal128:
		v := c.Value(i)
		return batch.DecimalValue{Unscaled: batch.Int128Value{Lo: v.LowBits(), Hi: v.HighBits()}}.String()
	case *array.Date32:
		return fmt.Sprint(int32(c.Value(i)))
	case *array.Time64:
		return fmt.Sprint(int64(c.Value(i)))
	case *array.Timestamp:
		return fmt.Sprint(int64(c.Value(i)))
	case *array.MonthDayNanoInterval:
		v := c.Value(i)
		return fmt.Sprintf("%d %d %d", v.Months, v.Days, v.Nanoseconds/1000)
	default:
		return col.ValueStr(i)
	}
}

// ShowScaled is Show with decimals as a person writes them.
func ShowScaled(col arrow.Array, i int) string {
	unscaled, scale := batch.Int128Value{}, int32(0)
	switch c := col.(type) {
	case *array.Decimal64:
		unscaled, scale = batch.Int128From(int64(c.Value(i))), c.DataType().(*arrow.Decimal64Type).Scale
	case *array.Decimal128:
		unscaled, scale = batch.Int128Value{Lo: c.Value(i).LowBits(), Hi: c.Value(i).HighBits()}, c.DataType().(*arrow.Decimal128Type).Scale
	default:
		return Show(col, i)
	}
	if col.IsNull(i) {
		return "NULL"
	}
	return batch.DecimalValue{Unscaled: unscaled, Scale: uint8(scale)}.String()
}

// ShowRow renders the values of a row as ShowScaled does, with | between them.
func ShowRow(rec arrow.RecordBatch, row int) string {
	var values []string
	for _, col := range rec.Columns() {
		values = append(values, ShowScaled(col, row))
	}
	return strings.Join(values, "|")
}
