package arrowstream

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
)

// appender appends the value of a row to a column, or nothing and returns an error.
type appender func(c *batch.ColumnBuilder, row int) error

// texter returns the text of a row's value; false: it is NULL.
type texter func(row int) ([]byte, bool)

// direct reports whether appenderOf knows values of an Arrow type for a column of
// typ; others go by their text.
func direct(from arrow.DataType, typ batch.Type) bool {
	switch from = storage(from); typ.Kind {
	case batch.Boolean:
		return from.ID() == arrow.BOOL
	case batch.TinyInt, batch.SmallInt, batch.Integer, batch.BigInt, batch.UTinyInt, batch.USmallInt, batch.UInteger, batch.UBigInt:
		return arrow.IsInteger(from.ID())
	case batch.Real:
		return from.ID() == arrow.FLOAT32
	case batch.Double:
		return from.ID() == arrow.FLOAT32 || from.ID() == arrow.FLOAT64
	case batch.Blob:
		return from.ID() == arrow.BINARY || from.ID() == arrow.LARGE_BINARY || from.ID() == arrow.FIXED_SIZE_BINARY
	case batch.UUID:
		f, ok := from.(*arrow.FixedSizeBinaryType)
		return ok && f.ByteWidth == 16
	case batch.Date:
		return from.ID() == arrow.DATE32 || from.ID() == arrow.DATE64
	case batch.Time:
		return from.ID() == arrow.TIME32 || from.ID() == arrow.TIME64
	case batch.Timestamp, batch.TimestampTZ:
		return from.ID() == arrow.TIMESTAMP
	case batch.Interval:
		return from.ID() == arrow.INTERVAL_MONTH_DAY_NANO
	}
	return false
}

// storage is the type behind an extension.
func storage(t arrow.DataType) arrow.DataType {
	if x, ok := t.(arrow.ExtensionType); ok {
		return x.StorageType()
	}
	return t
}

// plain is the array behind an extension.
func plain(arr arrow.Array) arrow.Array {
	if x, ok := arr.(array.ExtensionArray); ok {
		return x.Storage()
	}
	return arr
}

// appenderOf returns how values become those of a column. direct holds.
func appenderOf(arr arrow.Array, typ batch.Type) appender {
	add := valueOf(arr, typ)
	return func(c *batch.ColumnBuilder, row int) error {
		if arr.IsNull(row) {
			c.AppendNull()
			return nil
		}
		return add(c, row)
	}
}

func valueOf(arr arrow.Array, typ batch.Type) appender {
	switch a := arr.(type) {
	case *array.Boolean:
		return sure(func(c *batch.ColumnBuilder, row int) { c.AppendBool(a.Value(row)) })
	case *array.Float32:
		if typ.Kind == batch.Real {
			return sure(func(c *batch.ColumnBuilder, row int) { c.AppendFloat32(a.Value(row)) })
		}
		return sure(func(c *batch.ColumnBuilder, row int) { c.AppendFloat64(float64(a.Value(row))) })
	case *array.Float64:
		return sure(func(c *batch.ColumnBuilder, row int) { c.AppendFloat64(a.Value(row)) })
	case *array.Binary:
		return sure(func(c *batch.ColumnBuilder, row int) { c.AppendBytes(a.Value(row)) })
	case *array.LargeBinary:
		return sure(func(c *batch.ColumnBuilder, row int) { c.AppendBytes(a.Value(row)) })
	case *array.FixedSizeBinary:
		if typ.Kind == batch.UUID {
			return sure(func(c *batch.ColumnBuilder, row int) { c.AppendUUID(batch.UUIDValue(a.Value(row))) })
		}
		return sure(func(c *batch.ColumnBuilder, row int) { c.AppendBytes(a.Value(row)) })
	case *array.MonthDayNanoInterval:
		return sure(func(c *batch.ColumnBuilder, row int) {
			v := a.Value(row)
			c.AppendInterval(batch.IntervalValue{Months: v.Months, Days: v.Days, Micros: v.Nanoseconds / 1000})
		})
	case *array.Date32, *array.Date64, *array.Time32, *array.Time64, *array.Timestamp:
		return timeOf(arr)
	}
	return integerOf(arr, typ)
}

func sure(add func(c *batch.ColumnBuilder, row int)) appender {
	return func(c *batch.ColumnBuilder, row int) error {
		add(c, row)
		return nil
	}
}

const dayMicros = 86_400_000_000

// timeOf converts units: parts of a microsecond are cut off towards the past.
func timeOf(arr arrow.Array) appender {
	micros := func(value func(int) int64, unit arrow.TimeUnit) appender {
		factor, divisor := int64(1), int64(1)
		switch unit {
		case arrow.Second:
			factor = 1_000_000
		case arrow.Millisecond:
			factor = 1000
		case arrow.Nanosecond:
			divisor = 1000
		}
		return func(c *batch.ColumnBuilder, row int) error {
			v := value(row)
			if v > math.MaxInt64/factor-1 || v < math.MinInt64/factor+1 {
				return fmt.Errorf("%d is out of the range of %s", v, c.Type())
			}
			n := v * factor / divisor
			if v < 0 && n*divisor != v*factor {
				n--
			}
			if c.Type().Kind == batch.Time && (n < 0 || n > dayMicros) || n < batch.MinMicros || n > batch.MaxMicros {
				return fmt.Errorf("%d is out of the range of %s", v, c.Type())
			}
			c.AppendInt64(n)
			return nil
		}
	}
	switch a := arr.(type) {
	case *array.Date32:
		return sure(func(c *batch.ColumnBuilder, row int) { c.AppendInt32(int32(a.Value(row))) })
	case *array.Date64:
		return func(c *batch.ColumnBuilder, row int) error {
			days := floorDiv(int64(a.Value(row)), dayMicros/1000)
			if days < int64(batch.MinDays) || days > int64(batch.MaxDays) {
				return fmt.Errorf("%d is out of the range of %s", a.Value(row), c.Type())
			}
			c.AppendInt32(int32(days))
			return nil
		}
	case *array.Time32:
		return micros(func(row int) int64 { return int64(a.Value(row)) }, a.DataType().(*arrow.Time32Type).Unit)
	case *array.Time64:
		return micros(func(row int) int64 { return int64(a.Value(row)) }, a.DataType().(*arrow.Time64Type).Unit)
	}
	a := arr.(*array.Timestamp)
	return micros(func(row int) int64 { return int64(a.Value(row)) }, a.DataType().(*arrow.TimestampType).Unit)
}

func floorDiv(a, b int64) int64 {
	if a < 0 && a%b != 0 {
		return a/b - 1
	}
	return a / b
}

// integerOf appends integers of any width that fit.
func integerOf(arr arrow.Array, typ batch.Type) appender {
	signed, unsigned := integers(arr)
	low, high := rangeOf(typ.Kind)
	return func(c *batch.ColumnBuilder, row int) error {
		var v int64
		if unsigned != nil {
			u := unsigned(row)
			if u > high {
				return fmt.Errorf("%d is out of the range of %s", u, typ)
			}
			v = int64(u)
		} else if v = signed(row); v < low || v >= 0 && uint64(v) > high {
			return fmt.Errorf("%d is out of the range of %s", v, typ)
		}
		switch typ.Physical() {
		case batch.Int8:
			c.AppendInt8(int8(v))
		case batch.Int16:
			c.AppendInt16(int16(v))
		case batch.Int32:
			c.AppendInt32(int32(v))
		default:
			c.AppendInt64(v)
		}
		return nil
	}
}

// integers returns how to read values, as signed or as unsigned ones.
func integers(arr arrow.Array) (signed func(int) int64, unsigned func(int) uint64) {
	switch a := arr.(type) {
	case *array.Int8:
		signed = func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int16:
		signed = func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int32:
		signed = func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int64:
		signed = a.Value
	case *array.Uint8:
		unsigned = func(row int) uint64 { return uint64(a.Value(row)) }
	case *array.Uint16:
		unsigned = func(row int) uint64 { return uint64(a.Value(row)) }
	case *array.Uint32:
		unsigned = func(row int) uint64 { return uint64(a.Value(row)) }
	case *array.Uint64:
		unsigned = a.Value
	}
	return signed, unsigned
}

func rangeOf(k batch.Kind) (low int64, high uint64) {
	switch k {
	case batch.TinyInt:
		return math.MinInt8, math.MaxInt8
	case batch.SmallInt:
		return math.MinInt16, math.MaxInt16
	case batch.Integer:
		return math.MinInt32, math.MaxInt32
	case batch.BigInt:
		return math.MinInt64, math.MaxInt64
	case batch.UTinyInt:
		return 0, math.MaxUint8
	case batch.USmallInt:
		return 0, math.MaxUint16
	case batch.UInteger:
		return 0, math.MaxUint32
	}
	return 0, math.MaxUint64
}

// texterOf returns how to read the text of values.
func texterOf(arr arrow.Array) texter {
	text := func(row int) []byte { return []byte(arr.ValueStr(row)) }
	switch a := arr.(type) {
	case *array.Null: // whose IsNull says no
		return func(int) ([]byte, bool) { return nil, false }
	case *array.String:
		text = func(row int) []byte { return []byte(a.Value(row)) }
	case *array.LargeString:
		text = func(row int) []byte { return []byte(a.Value(row)) }
	case *array.StringView:
		text = func(row int) []byte { return []byte(a.Value(row)) }
	case *array.Dictionary:
		values := texterOf(plain(a.Dictionary()))
		return func(row int) ([]byte, bool) {
			if a.IsNull(row) {
				return nil, false
			}
			return values(a.GetValueIndex(row))
		}
	case array.ListLike, *array.Struct:
		text = func(row int) []byte {
			t, err := json.Marshal(arr.GetOneForMarshal(row))
			if err != nil { // a NaN, which JSON does not have
				return fmt.Append(nil, arr.GetOneForMarshal(row))
			}
			return t
		}
	}
	return func(row int) ([]byte, bool) {
		if arr.IsNull(row) {
			return nil, false
		}
		return text(row), true
	}
}
