package decode

import (
	"bytes"
	"math"

	"github.com/millstream-db/millstream/engine/batch"
)

// column is a declared column and how a JSON value becomes one of its values.
type column struct {
	name         string
	typ          batch.Type
	slot         int // of the decoder's values
	append       taker
	below, above uint64 // the largest magnitudes of an integer

	meaning Meaning
	plain   taker // what append is for values that mean what they look like
	scale   int   // of Unscaled

	required bool // to have no value is an error

	fields []column // of a STRUCT: their values have slots of their own
	parts  *parts   // of a list or a MAP
}

// taker converts a value and appends it to a column.
type taker = func(*JSON, *column, *value, *batch.ColumnBuilder) fault

func newColumn(c batch.Column) column {
	col := column{name: c.Name, typ: c.Type}
	switch c.Type.Kind {
	case batch.Struct:
		col.append = appendStruct
	case batch.List:
		col.append = appendList
	case batch.Map:
		col.append = appendMap
	case batch.Boolean:
		col.append = appendBoolean
	case batch.TinyInt, batch.SmallInt, batch.Integer, batch.BigInt,
		batch.UTinyInt, batch.USmallInt, batch.UInteger, batch.UBigInt:
		col.append = appendInteger
		col.below, col.above = integerRange(c.Type.Kind)
	case batch.HugeInt:
		col.append = appendHugeInt
	case batch.Real:
		col.append = appendReal
	case batch.Double:
		col.append = appendDouble
	case batch.Decimal:
		col.append = appendDecimal
	case batch.Varchar:
		col.append = appendVarchar
	case batch.JSON:
		col.append = appendRaw
	case batch.Blob:
		col.append = appendBytes
	case batch.Date:
		col.append = appendDate
	case batch.Time:
		col.append = appendTime
	case batch.Timestamp, batch.TimestampTZ:
		col.append = appendTimestamp
	case batch.Interval:
		col.append = appendInterval
	case batch.UUID:
		col.append = appendUUID
	default:
		col.append = appendNothing
	}
	return col
}

func appendNothing(*JSON, *column, *value, *batch.ColumnBuilder) fault { return unsupported }

func appendBoolean(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	var is bool
	switch v.kind {
	case boolTrue, boolFalse:
		is = v.kind == boolTrue
	case numeric:
		if !v.plain || v.frac != 0 || v.neg || v.mant > 1 {
			return malformed
		}
		is = v.mant == 1
	default:
		text, _ := d.text(v)
		text = trim(text)
		is = equalFold(text, "true") || equalFold(text, "t") || equalFold(text, "1")
		if !is && !equalFold(text, "false") && !equalFold(text, "f") && !equalFold(text, "0") {
			return malformed
		}
	}
	b.AppendBool(is)
	return fine
}

func appendInteger(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	n, text, ok := d.digits(v)
	if !ok {
		return malformed
	}
	m, neg, f := magnitude(n, text)
	if f != fine {
		return f
	}
	limit := c.above
	if neg {
		limit = c.below
	}
	if m.hi != 0 || m.lo > limit {
		return outOfRange
	}
	bits := int64(m.lo)
	if neg {
		bits = -bits
	}
	switch c.typ.Kind {
	case batch.TinyInt, batch.UTinyInt:
		b.AppendInt8(int8(bits))
	case batch.SmallInt, batch.USmallInt:
		b.AppendInt16(int16(bits))
	case batch.Integer, batch.UInteger:
		b.AppendInt32(int32(bits))
	default:
		b.AppendInt64(bits)
	}
	return fine
}

func appendHugeInt(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	n, text, ok := d.digits(v)
	if !ok {
		return malformed
	}
	m, neg, f := magnitude(n, text)
	if f != fine {
		return f
	}
	result, f := int128(m, neg)
	if f == fine {
		b.AppendInt128(result)
	}
	return f
}

func appendReal(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	n, text, ok := d.digits(v)
	if !ok {
		return malformed
	}
	result, f := float32Of(n, text)
	if f == fine {
		b.AppendFloat32(result)
	}
	return f
}

func appendDouble(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	n, text, ok := d.digits(v)
	if !ok {
		return malformed
	}
	result, f := float64Of(n, text)
	if f == fine {
		b.AppendFloat64(result)
	}
	return f
}

func appendDecimal(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	n, text, ok := d.digits(v)
	if !ok {
		return malformed
	}
	m, neg, f := unscaled(n, text, c.typ.Precision, c.typ.Scale)
	if f != fine {
		return f
	}
	result, _ := int128(m, neg) // at most 38 digits always fit
	if c.typ.Physical() == batch.Int64 {
		b.AppendInt64(int64(result.Lo))
	} else {
		b.AppendInt128(result)
	}
	return fine
}

// appendVarchar appends a string's text, and of anything else the JSON text.
func appendVarchar(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	switch v.kind {
	case plainString: // cannot hold a NUL: the scanner takes no control characters
		b.AppendBytes(d.scan.data[v.start+1 : v.end-1])
	case escapedString, bareText, doubledText:
		text, _ := d.text(v)
		if bytes.IndexByte(text, 0) >= 0 {
			return hasNUL
		}
		b.AppendBytes(text)
	default:
		b.AppendBytes(d.scan.data[v.start:v.end])
	}
	return fine
}

func appendRaw(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	if v.kind < bareText {
		b.AppendBytes(d.scan.data[v.start:v.end])
		return fine
	}
	text, _ := d.text(v)
	text = trim(text)
	inner := scanner{data: text, maxDepth: d.limits.MaxDepth}
	if inner.value(0, 0, &value{}) != len(text) {
		return malformed
	}
	b.AppendBytes(text)
	return fine
}

func appendBytes(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) (f fault) {
	text, ok := d.text(v)
	if !ok {
		return malformed
	}
	if d.decoded, f = appendBlob(d.decoded[:0], text); f == fine {
		b.AppendBytes(d.decoded)
	}
	return f
}

func appendDate(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	var days int32
	f := malformed
	if text, ok := d.text(v); ok {
		days, f = parseDate(trim(text))
	} else if v.kind == numeric {
		days, f = epochDays(v.number, d.scan.data[v.start:v.end])
	}
	if f == fine {
		b.AppendInt32(days)
	}
	return f
}

func appendTime(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	text, ok := d.text(v)
	if !ok {
		return malformed
	}
	micros, f := parseTime(trim(text))
	if f == fine {
		b.AppendInt64(micros)
	}
	return f
}

func appendTimestamp(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	var micros int64
	f := malformed
	if text, ok := d.text(v); ok {
		micros, _, f = parseTimestamp(trim(text))
	} else if v.kind == numeric {
		micros, f = epochMicros(v.number, d.scan.data[v.start:v.end])
	}
	if f == fine {
		b.AppendInt64(micros)
	}
	return f
}

func appendInterval(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	var interval batch.IntervalValue
	f := malformed
	if text, ok := d.text(v); ok {
		interval, f = parseInterval(trim(text))
	} else if v.kind == numeric {
		interval, f = secondsInterval(v.number, d.scan.data[v.start:v.end])
	}
	// A column holds nanoseconds and would saturate, which changes the value.
	if f == fine && (interval.Micros > math.MaxInt64/1000 || interval.Micros < math.MinInt64/1000) {
		f = outOfRange
	}
	if f == fine {
		b.AppendInterval(interval)
	}
	return f
}

func appendUUID(d *JSON, _ *column, v *value, b *batch.ColumnBuilder) fault {
	text, ok := d.text(v)
	if !ok {
		return malformed
	}
	u, f := parseUUID(trim(text))
	if f == fine {
		b.AppendUUID(u)
	}
	return f
}
