package protobuf

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// The functions here append the value of a slot to a column. One that returns
// false has appended nothing and left the reason in why.

// signed returns a whole number that fits 64 bits with a sign; the bits of others
// are as they were.
func signed(kind protoreflect.Kind, bits uint64) int64 {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sfixed32Kind, protoreflect.EnumKind:
		return int64(int32(bits))
	case protoreflect.Sint32Kind:
		return int64(int32(protowire.DecodeZigZag(bits & math.MaxUint32)))
	case protoreflect.Uint32Kind:
		return int64(uint32(bits))
	case protoreflect.Sint64Kind:
		return protowire.DecodeZigZag(bits)
	}
	return int64(bits)
}

// isUnsigned64 reports whether a kind has numbers that int64 can't hold.
func isUnsigned64(kind protoreflect.Kind) bool {
	return kind == protoreflect.Uint64Kind || kind == protoreflect.Fixed64Kind
}

func wide(kind protoreflect.Kind, bits uint64) batch.Int128Value {
	if isUnsigned64(kind) {
		return batch.Int128Value{Lo: bits}
	}
	return batch.Int128From(signed(kind, bits))
}

// float returns any number.
func float(kind protoreflect.Kind, bits uint64) float64 {
	switch {
	case kind == protoreflect.FloatKind:
		return float64(math.Float32frombits(uint32(bits)))
	case kind == protoreflect.DoubleKind:
		return math.Float64frombits(bits)
	case isUnsigned64(kind):
		return float64(bits)
	}
	return float64(signed(kind, bits))
}

func takeBoolean(_ *Decoder, _ *step, v *slot, c *batch.ColumnBuilder) bool {
	c.AppendBool(v.bits != 0)
	return true
}

func takeInt(_ *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	c.AppendInt32(int32(signed(s.field.kind, v.bits)))
	return true
}

func takeLong(_ *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	c.AppendInt64(signed(s.field.kind, v.bits))
	return true
}

func takeHuge(_ *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	c.AppendInt128(wide(s.field.kind, v.bits))
	return true
}

func takeReal(_ *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	switch kind := s.field.kind; {
	case kind == protoreflect.FloatKind:
		c.AppendFloat32(math.Float32frombits(uint32(v.bits)))
	case isUnsigned64(kind):
		c.AppendFloat32(float32(v.bits))
	default:
		c.AppendFloat32(float32(signed(kind, v.bits)))
	}
	return true
}

func takeDouble(_ *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	c.AppendFloat64(float(s.field.kind, v.bits))
	return true
}

func takeWhole(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	return d.appendUnscaled(wide(s.field.kind, v.bits), s.up, s, c)
}

// appendUnscaled appends v * 10^up to a column of decimals.
func (d *Decoder) appendUnscaled(v batch.Int128Value, up int, s *step, c *batch.ColumnBuilder) bool {
	scaled, ok := v.ScaledUp(up, int(s.typ.Precision))
	if !ok {
		return d.failf("%s is out of range for %s", batch.DecimalValue{Unscaled: v, Scale: s.typ.Scale - uint8(up)}, s.typ)
	}
	appendDecimal(scaled, s, c)
	return true
}

func appendDecimal(v batch.Int128Value, s *step, c *batch.ColumnBuilder) {
	if s.typ.Physical() == batch.Int64 {
		c.AppendInt64(int64(v.Lo))
	} else {
		c.AppendInt128(v)
	}
}

func takeText(d *Decoder, _ *step, v *slot, c *batch.ColumnBuilder) bool {
	b := d.data[v.start:v.end]
	switch {
	case decode.IsASCII(b):
	case !utf8.Valid(b):
		return d.fail(badUTF8)
	case bytes.IndexByte(b, 0) >= 0:
		return d.fail(hasNUL)
	}
	c.AppendBytes(b)
	return true
}

func takeBytes(d *Decoder, _ *step, v *slot, c *batch.ColumnBuilder) bool {
	c.AppendBytes(d.data[v.start:v.end])
	return true
}

// takeSymbol appends the name of an enum's number, or the number if it has none.
func takeSymbol(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	number := int32(v.bits)
	if name, ok := s.field.enum.names[number]; ok {
		c.AppendString(name)
		return true
	}
	d.text = strconv.AppendInt(d.text[:0], int64(number), 10)
	c.AppendBytes(d.text)
	return true
}

func takeWrapped(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	if !d.readParts(s.field.message, v.start, v.end) {
		return false
	}
	p := &d.parts[1]
	d.wrapped = slot{bits: p.bits, start: p.start, end: p.end}
	return s.within.run(d, s.within, &d.wrapped, c)
}

const (
	microsPerSecond = 1_000_000
	nanosPerSecond  = 1_000_000_000
)

// readTime reads the seconds and nanoseconds of a timestamp.
func (d *Decoder) readTime(m *message, lo, hi int32) (seconds, nanos int64, ok bool) {
	if !d.readParts(m, lo, hi) {
		return 0, 0, false
	}
	seconds, nanos = int64(d.parts[1].bits), int64(int32(d.parts[2].bits))
	if nanos < 0 || nanos >= nanosPerSecond {
		return 0, 0, d.failf("%d are not the nanoseconds of a timestamp", nanos)
	}
	return seconds, nanos, true
}

func takeTimestamp(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	seconds, nanos, ok := d.readTime(s.field.message, v.start, v.end)
	if !ok {
		return false
	}
	// The first timestamp is a whole second.
	if seconds < batch.MinMicros/microsPerSecond || seconds >= batch.MaxMicros/microsPerSecond {
		return d.failf("%d seconds are out of range for %s", seconds, s.typ)
	}
	c.AppendInt64(seconds*microsPerSecond + nanos/1000)
	return true
}

// durationSecondsMax is the longest duration, by definition: 10,000 years.
const durationSecondsMax = 315_576_000_000

// readDuration reads the seconds and nanoseconds of a duration, whose signs are the
// same.
func (d *Decoder) readDuration(m *message, lo, hi int32) (seconds, nanos int64, ok bool) {
	if !d.readParts(m, lo, hi) {
		return 0, 0, false
	}
	seconds, nanos = int64(d.parts[1].bits), int64(int32(d.parts[2].bits))
	if seconds < -durationSecondsMax || seconds > durationSecondsMax || nanos <= -nanosPerSecond || nanos >= nanosPerSecond ||
		seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0 {
		return 0, 0, d.failf("%d seconds and %d nanoseconds are not a duration", seconds, nanos)
	}
	return seconds, nanos, true
}

func takeInterval(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	seconds, nanos, ok := d.readDuration(s.field.message, v.start, v.end)
	if !ok {
		return false
	}
	// A column holds nanoseconds and would saturate, which changes the value.
	if most := int64(math.MaxInt64/nanosPerSecond) - 1; seconds < -most || seconds > most {
		return d.failf("%d seconds are out of range for %s", seconds, s.typ)
	}
	c.AppendInterval(batch.IntervalValue{Micros: seconds*microsPerSecond + nanos/1000})
	return true
}

func takeDate(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	if !d.readParts(s.field.message, v.start, v.end) {
		return false
	}
	year, month, day := int32(d.parts[1].bits), int32(d.parts[2].bits), int32(d.parts[3].bits)
	at := time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC)
	if year < 1 || year > 9999 || at.Month() != time.Month(month) || at.Day() != int(day) {
		return d.failf("year %d, month %d, day %d is not a %s", year, month, day, s.typ)
	}
	c.AppendInt32(int32(at.Unix() / (24 * 60 * 60)))
	return true
}

func takeTime(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	if !d.readParts(s.field.message, v.start, v.end) {
		return false
	}
	h, m, sec, n := int64(int32(d.parts[1].bits)), int64(int32(d.parts[2].bits)), int64(int32(d.parts[3].bits)), int64(int32(d.parts[4].bits))
	whole := h == 24 && m == 0 && sec == 0 && n == 0
	if !whole && (h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 59 || n < 0 || n >= nanosPerSecond) {
		return d.failf("%d hours, %d minutes, %d seconds and %d nanoseconds are not a time of day", h, m, sec, n)
	}
	c.AppendInt64((h*3600+m*60+sec)*microsPerSecond + n/1000)
	return true
}

func takeDecimalText(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	if !d.readParts(s.field.message, v.start, v.end) {
		return false
	}
	text := d.data[d.parts[1].start:d.parts[1].end]
	var value batch.Int128Value
	if len(text) > 0 { // or else it is 0, by definition
		var err error
		if value, err = decode.ParseDecimal(text, s.typ.Precision, s.typ.Scale); err != nil {
			return d.fail(err.Error())
		}
	}
	appendDecimal(value, s, c)
	return true
}

func takeDecimalBytes(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	if !d.readParts(s.field.message, v.start, v.end) {
		return false
	}
	b, scale := d.data[d.parts[1].start:d.parts[1].end], int32(d.parts[3].bits)
	value, ok := batch.Int128FromBytes(b)
	switch up := int64(s.typ.Scale) - int64(scale); {
	case !ok:
		return d.failf("a decimal of %d bytes is out of range for %s", len(b), s.typ)
	case up < 0:
		return d.failf("a decimal with %d digits behind the point is out of range for %s", scale, s.typ)
	case scale < 0:
		return d.failf("a decimal of scale %d is out of range for %s", scale, s.typ)
	default:
		return d.appendUnscaled(value, int(up), s, c)
	}
}

func takeJSON(d *Decoder, s *step, v *slot, c *batch.ColumnBuilder) bool {
	d.text = d.text[:0]
	if !d.appendField(s.field, v.start, v.end, d.depth()) {
		return false
	}
	c.AppendBytes(d.text)
	return true
}
