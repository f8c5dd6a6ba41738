package decode

import (
	"bytes"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/jsontext"
)

// Meaning says what a JSON value stands for where it does not say so itself.
type Meaning uint8

// The meanings.
const (
	AsItLooks Meaning = iota // a number for a timestamp counts the unit that its magnitude suggests
	ISO8601                  // a time is a text, never a number

	EpochSeconds // since 1970-01-01 UTC, for TIMESTAMP, TIMESTAMPTZ and DATE
	EpochMillis
	EpochMicros
	EpochNanos
	EpochDays

	DayMillis // since midnight, for TIME
	DayMicros
	DayNanos
	TimeUTC // a text that ends in Z

	ForMicros // a duration, for INTERVAL
	ForNanos

	Unscaled // the bytes of an integer in base64, the highest first: a decimal without its point
	Scaled   // an object of such bytes, value, and their scale
	JSONText // a text that is JSON
)

// TimestampFormats are the meanings that timestamps may have, by their names.
var TimestampFormats = map[string]Meaning{
	"iso8601": ISO8601, "epoch_seconds": EpochSeconds, "epoch_millis": EpochMillis, "epoch_micros": EpochMicros, "epoch_nanos": EpochNanos,
}

// TimeFormats are the meanings that times of day may have, by their names.
var TimeFormats = map[string]Meaning{"iso8601": ISO8601, "millis": DayMillis, "micros": DayMicros, "nanos": DayNanos}

// JSONOptions say what is not usual about JSON records.
type JSONOptions struct {
	// Paths say where the values of columns are, by column; nil is a field of the
	// record that has the column's name.
	Paths []Path
	// Timestamps is what TIMESTAMP and TIMESTAMPTZ columns mean, Times what TIME
	// columns do, Decimals what DECIMAL columns do: AsItLooks or Unscaled, with the
	// column's scale.
	Timestamps, Times, Decimals Meaning
}

// path returns where the value of a column is.
func (o *JSONOptions) path(column int, name string) Path {
	if column < len(o.Paths) && o.Paths[column] != nil {
		return o.Paths[column]
	}
	return field(name)
}

func field(name string) Path { return Path{{Key: name, Index: -1}} }

func (o *JSONOptions) meaning(t batch.Type) (m Meaning, scale int) {
	switch t.Kind {
	case batch.Timestamp, batch.TimestampTZ:
		return o.Timestamps, 0
	case batch.Time:
		return o.Times, 0
	case batch.Decimal:
		return o.Decimals, int(t.Scale)
	}
	return AsItLooks, 0
}

// Words returns the names of meanings, for a message.
func Words(of map[string]Meaning) string {
	return "'" + strings.Join(slices.Sorted(maps.Keys(of)), "', '") + "'"
}

// mean makes the column take values that have a meaning. Types that the meaning
// does not fit take them as they look.
func (c *column) mean(m Meaning, scale int) {
	if c.plain == nil {
		c.plain = c.append
	}
	c.append, c.meaning, c.scale = c.plain, m, scale
	is := func(kinds ...batch.Kind) bool { return slices.Contains(kinds, c.typ.Kind) }
	switch {
	case m == ISO8601 && is(batch.Timestamp, batch.TimestampTZ, batch.Time):
		c.append = appendTextOnly
	case m == EpochDays && is(batch.Date): // which a number is in any case
	case m >= EpochSeconds && m <= EpochDays && is(batch.Timestamp, batch.TimestampTZ, batch.Date):
		c.append = appendEpoch
	case m >= DayMillis && m <= DayNanos && is(batch.Time):
		c.append = appendDayTime
	case m == TimeUTC && is(batch.Time):
		c.append = appendTimeUTC
	case (m == ForMicros || m == ForNanos) && is(batch.Interval):
		c.append = appendDuration
	case m == Unscaled && !is(batch.Blob):
		c.append = appendUnscaled
	case m == Scaled && !is(batch.JSON) && c.typ.Nested == nil:
		c.append = appendScaled
	case m == JSONText && is(batch.JSON):
		c.append = appendInner
	}
}

func appendTextOnly(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	if v.kind == numeric {
		return malformed
	}
	return c.plain(d, c, v, b)
}

// appendEpoch appends the time that a number, or a string with one, counts. Any
// other string is a time as it is written.
func appendEpoch(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	n, text, ok := d.digits(v)
	if !ok {
		return malformed
	}
	micros, f := c.epochMicros(n, text)
	switch {
	case f == malformed && v.kind != numeric:
		return c.plain(d, c, v, b)
	case f != fine:
		return f
	case c.typ.Kind != batch.Date:
		b.AppendInt64(micros)
		return fine
	}
	days := micros / microsPerDay
	if micros%microsPerDay < 0 {
		days--
	}
	if days < minDays || days > maxDays {
		return outOfRange
	}
	b.AppendInt32(int32(days))
	return fine
}

func (c *column) epochMicros(n number, text []byte) (int64, fault) {
	switch c.meaning {
	case EpochSeconds:
		return unitMicros(n, text, secondsEach)
	case EpochMillis:
		return unitMicros(n, text, millisEach)
	case EpochMicros:
		return unitMicros(n, text, microsEach)
	case EpochNanos:
		return unitMicros(n, text, nanosEach)
	}
	days, f := epochDays(n, text)
	if f == fine && (int64(days) > edgeDays || int64(days) < -edgeDays) {
		f = outOfRange
	}
	return int64(days) * microsPerDay, f
}

func appendDayTime(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	n, text, ok := d.digits(v)
	if !ok {
		return malformed
	}
	m, neg, f := magnitude(n, text)
	switch {
	case f == malformed && v.kind != numeric:
		return c.plain(d, c, v, b)
	case f != fine:
		return f
	case m.hi != 0 || neg && m.lo != 0:
		return outOfRange
	}
	micros, most := m.lo, uint64(microsPerDay)
	switch c.meaning {
	case DayMillis:
		if micros > most/1000 {
			return outOfRange
		}
		micros *= 1000
	case DayNanos:
		if micros > most*1000 {
			return outOfRange
		}
		micros /= 1000
	}
	if micros > most {
		return outOfRange
	}
	b.AppendInt64(int64(micros))
	return fine
}

func appendTimeUTC(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	text, ok := d.text(v)
	if !ok {
		return malformed
	}
	return d.appendText(c, bytes.TrimSuffix(text, []byte("Z")), b)
}

func appendDuration(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	n, text, ok := d.digits(v)
	if !ok {
		return malformed
	}
	m, neg, f := magnitude(n, text)
	switch {
	case f == malformed && v.kind != numeric:
		return c.plain(d, c, v, b)
	case f != fine:
		return f
	}
	if c.meaning == ForNanos {
		m, _ = m.dividedBy(1000)
	}
	const most = 1<<63/1000 - 1 // a column holds nanoseconds
	if m.hi != 0 || m.lo > most {
		return outOfRange
	}
	micros := int64(m.lo)
	if neg {
		micros = -micros
	}
	b.AppendInterval(batch.IntervalValue{Micros: micros})
	return fine
}

// appendUnscaled appends a decimal whose digits are base64. A number is one
// already.
func appendUnscaled(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	if v.kind == numeric {
		return c.plain(d, c, v, b)
	}
	text, ok := d.text(v)
	if !ok {
		return malformed
	}
	return d.appendDigits(c, text, c.scale, b)
}

// The fields of a decimal that has its scale with it.
var scaledFields = func() (t wish) {
	t.want(field("scale"), 1)
	t.want(field("value"), 2)
	return t
}()

// appendScaled appends a decimal that says its scale.
func appendScaled(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	if v.kind != objectValue {
		return c.plain(d, c, v, b)
	}
	if d.within == nil {
		slots := 3
		d.within = &JSON{limits: d.limits, scan: scanner{maxDepth: d.limits.MaxDepth}}
		d.within.root = scaledFields.node(&slots)
		d.within.values = make([]value, slots)
	}
	w := d.within
	w.scan.data = d.scan.data
	w.again(v.start)
	scale, text := &w.values[1], &w.values[2]
	digits, ok := w.text(text)
	if !ok || scale.kind != numeric || !scale.plain || scale.frac != 0 || scale.mant > scaleMax {
		return malformed
	}
	by := int(scale.mant)
	if scale.neg {
		by = -by
	}
	return d.appendDigits(c, digits, by, b)
}

// scaleMax is the greatest scale of a number of PostgreSQL's.
const scaleMax = 16383

// appendDigits appends the decimal of a scale whose digits are base64, as if it
// were a number in text.
func (d *JSON) appendDigits(c *column, text []byte, scale int, b *batch.ColumnBuilder) fault {
	var err error
	if d.decoded, err = base64.StdEncoding.AppendDecode(d.decoded[:0], text); err != nil || len(d.decoded) == 0 {
		return malformed
	}
	var ok bool
	if d.number, ok = jsontext.AppendDecimal(d.number[:0], d.decoded, max(scale, 0)); !ok {
		return outOfRange
	}
	if scale < 0 {
		d.number = strconv.AppendInt(append(d.number, 'e'), int64(-scale), 10)
	}
	return d.appendText(c, d.number, b)
}

// appendText appends text as if a field were a string that holds it.
func (d *JSON) appendText(c *column, text []byte, b *batch.ColumnBuilder) fault {
	record := d.scan.data
	d.scan.data = text
	f := c.plain(d, c, &value{kind: bareText, end: len(text)}, b)
	d.scan.data = record
	return f
}

// appendInner appends the JSON that a string holds.
func appendInner(d *JSON, c *column, v *value, b *batch.ColumnBuilder) fault {
	switch v.kind {
	case plainString:
		return c.plain(d, c, &value{kind: bareText, start: v.start + 1, end: v.end - 1}, b)
	case escapedString:
		d.inner = unescape(d.inner[:0], d.scan.data[v.start+1:v.end-1])
		return d.appendText(c, d.inner, b)
	}
	return c.plain(d, c, v, b)
}
