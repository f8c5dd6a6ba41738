package batchtest

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// ShowNested renders a value of any type: scalars as ShowScaled does, in quotes, with
// what they are in around them, as Fields, Elements and Entries have it.
func ShowNested(col arrow.Array, i int) string {
	if col.IsNull(i) {
		return "NULL"
	}
	switch c := col.(type) {
	case *array.Struct:
		names, values := make([]string, c.NumField()), make([]string, c.NumField())
		for f := range c.NumField() {
			names[f], values[f] = c.DataType().(*arrow.StructType).Field(f).Name, ShowNested(c.Field(f), i)
		}
		return Fields(names, values)
	case *array.Map:
		entries := make(map[string]string)
		for first, after := c.ValueOffsets(i); first < after; first++ {
			entries[ShowNested(c.Keys(), int(first))] = ShowNested(c.Items(), int(first))
		}
		first, after := c.ValueOffsets(i)
		if len(entries) != int(after-first) {
			return fmt.Sprintf("a map with %d keys in %d entries", len(entries), after-first)
		}
		return Entries(entries)
	case *array.List:
		var elements []string
		for first, after := c.ValueOffsets(i); first < after; first++ {
			elements = append(elements, ShowNested(c.ListValues(), int(first)))
		}
		return Elements(elements)
	}
	return strconv.Quote(ShowScaled(col, i))
}

// Fields renders a struct whose fields are rendered.
func Fields(names, values []string) string {
	var b strings.Builder
	for i, name := range names {
		fmt.Fprintf(&b, "%s: %s, ", name, values[i])
	}
	return "{" + b.String() + "}"
}

// Elements renders a list whose elements are rendered.
func Elements(values []string) string { return "[" + strings.Join(values, ", ") + "]" }

// Entries renders a map whose keys and values are rendered.
func Entries(entries map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		fmt.Fprintf(&b, "%s = %s, ", key, entries[key])
	}
	return "MAP {" + b.String() + "}"
}

// ShowRow renders the values of a row as ShowScaled does, with | between them.
func ShowRow(rec arrow.RecordBatch, row int) string {
	var values []string
	for _, col := range rec.Columns() {
		values = append(values, ShowScaled(col, row))
	}
	return strings.Join(values, "|")
}
