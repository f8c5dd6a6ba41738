package avro

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// The functions here read one value and append it to a column. One that returns
// false has appended nothing and left the reason in why.

func skipValue(d *Decoder, s *step, _ *batch.ColumnBuilder) bool { return d.skip(s.node, d.depth()) }

func takeNull(_ *Decoder, _ *step, c *batch.ColumnBuilder) bool {
	c.AppendNull()
	return true
}

func takeUnion(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	i, ok := d.branch(s.node)
	if !ok {
		return false
	}
	branch := &s.branches[i]
	return branch.run(d, branch, c)
}

func takeBoolean(d *Decoder, _ *step, c *batch.ColumnBuilder) bool {
	v, ok := d.boolean()
	if ok {
		c.AppendBool(v)
	}
	return ok
}

func takeInt(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	v, ok := d.integer(s.node)
	if ok {
		c.AppendInt32(int32(v))
	}
	return ok
}

func takeLong(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	v, ok := d.integer(s.node)
	if ok {
		c.AppendInt64(v)
	}
	return ok
}

func takeHuge(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	v, ok := d.integer(s.node)
	if ok {
		c.AppendInt128(batch.Int128From(v))
	}
	return ok
}

func takeReal(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	if s.node.kind == floatKind {
		v, ok := d.float()
		if ok {
			c.AppendFloat32(v)
		}
		return ok
	}
	v, ok := d.integer(s.node)
	if ok {
		c.AppendFloat32(float32(v))
	}
	return ok
}

func takeDouble(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	var v float64
	var ok bool
	switch s.node.kind {
	case doubleKind:
		v, ok = d.double()
	case floatKind:
		var narrow float32
		narrow, ok = d.float()
		v = float64(narrow)
	default:
		var whole int64
		whole, ok = d.integer(s.node)
		v = float64(whole)
	}
	if ok {
		c.AppendFloat64(v)
	}
	return ok
}

// takeWhole reads an int or a long into a decimal.
func takeWhole(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	v, ok := d.integer(s.node)
	return ok && d.appendUnscaled(batch.Int128From(v), s, c)
}

func takeDecimal(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	b, ok := d.bytes(s.node)
	if !ok {
		return false
	}
	v, ok := batch.Int128FromBytes(b)
	if !ok {
		return d.failf("a decimal of %d bytes is out of range for %s", len(b), s.typ)
	}
	return d.appendUnscaled(v, s, c)
}

func (d *Decoder) appendUnscaled(v batch.Int128Value, s *step, c *batch.ColumnBuilder) bool {
	scaled, ok := v.ScaledUp(s.up, int(s.typ.Precision))
	if !ok {
		shown := batch.DecimalValue{Unscaled: v, Scale: s.typ.Scale - uint8(s.up)}
		return d.failf("%s is out of range for %s", shown, s.typ)
	}
	if s.typ.Physical() == batch.Int64 {
		c.AppendInt64(int64(scaled.Lo))
	} else {
		c.AppendInt128(scaled)
	}
	return true
}

// isText reports whether b can be the text of a VARCHAR.
func (d *Decoder) isText(b []byte) bool {
	switch {
	case decode.IsASCII(b):
	case !utf8.Valid(b):
		return d.fail(badUTF8)
	case bytes.IndexByte(b, 0) >= 0:
		return d.fail(hasNUL)
	}
	return true
}

func takeText(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	b, ok := d.bytes(s.node)
	if !ok || !d.isText(b) {
		return false
	}
	c.AppendBytes(b)
	return true
}

func takeBytes(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	b, ok := d.bytes(s.node)
	if ok {
		c.AppendBytes(b)
	}
	return ok
}

func takeSymbol(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	i, ok := d.symbol(s.node)
	if ok {
		c.AppendString(s.node.symbols[i])
	}
	return ok
}

func takeDate(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	days, ok := d.integer(s.node)
	if !ok {
		return false
	}
	if days < int64(batch.MinDays) || days > int64(batch.MaxDays) {
		return d.failf("%d is out of range for %s", days, s.typ)
	}
	c.AppendInt32(int32(days))
	return true
}

const microsPerDay = 24 * 60 * 60 * 1_000_000

// timeOfDay reads a time, in microseconds since midnight.
func (d *Decoder) timeOfDay(n *node) (int64, bool) {
	v, ok := d.integer(n)
	if !ok {
		return 0, false
	}
	micros := v
	if n.logical == timeMillis {
		micros = v * 1000 // an int is never too large for that
	}
	if micros < 0 || micros > microsPerDay {
		return 0, d.failf("%d is not a time of day", v)
	}
	return micros, true
}

func takeTime(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	micros, ok := d.timeOfDay(s.node)
	if ok {
		c.AppendInt64(micros)
	}
	return ok
}

func takeTimestamp(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	v, ok := d.long()
	if !ok {
		return false
	}
	micros, inRange := v, true
	switch s.node.logical {
	case timestampMillis, localMillis:
		micros, inRange = v*1000, v <= batch.MaxMicros/1000 && v >= batch.MinMicros/1000
	case timestampNanos, localNanos:
		if micros = v / 1000; v%1000 < 0 {
			micros--
		}
	}
	if !inRange || micros < batch.MinMicros || micros > batch.MaxMicros {
		return d.failf("%d is out of range for %s", v, s.typ)
	}
	c.AppendInt64(micros)
	return true
}

// takeZoned appends the timestamp that a text is.
func takeZoned(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	b, ok := d.bytes(s.node)
	if !ok {
		return false
	}
	micros, _, err := decode.ParseTimestampMicros(b)
	if err != nil {
		return d.fail(err.Error())
	}
	c.AppendInt64(micros)
	return true
}

func takeInterval(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	b, ok := d.bytes(s.node)
	if !ok {
		return false
	}
	months, days, millis := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	if months > math.MaxInt32 || days > math.MaxInt32 {
		return d.failf("%d months and %d days are out of range for %s", months, days, s.typ)
	}
	c.AppendInterval(batch.IntervalValue{Months: int32(months), Days: int32(days), Micros: int64(millis) * 1000})
	return true
}

func takeUUID(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	b, ok := d.bytes(s.node)
	if ok {
		c.AppendUUID(batch.UUIDValue(b))
	}
	return ok
}

func takeUUIDText(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	b, ok := d.bytes(s.node)
	if !ok {
		return false
	}
	u, err := batch.ParseUUID(b)
	if err != nil {
		return d.failf("%q is not a UUID", b[:min(len(b), 60)])
	}
	c.AppendUUID(u)
	return true
}

func takeJSON(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	d.text = d.text[:0]
	if !d.appendJSON(s.node, d.depth()) {
		return false
	}
	c.AppendBytes(d.text)
	return true
}

// takeInner appends the JSON that a text is.
func takeInner(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	b, ok := d.bytes(s.node)
	if !ok {
		return false
	}
	if !utf8.Valid(b) || !json.Valid(b) {
		return d.failf("%.60q is not JSON", b)
	}
	c.AppendBytes(b)
	return true
}

// takeShown appends text as it is, and of anything else the JSON, without the
// quotes around what is a string there.
func takeShown(d *Decoder, s *step, c *batch.ColumnBuilder) bool {
	switch s.node.kind {
	case stringKind:
		return takeText(d, s, c)
	case enumKind:
		return takeSymbol(d, s, c)
	}
	d.text = d.text[:0]
	if !d.appendJSON(s.node, d.depth()) {
		return false
	}
	shown := d.text
	if shown[0] == '"' { // nothing is escaped in these
		shown = shown[1 : len(shown)-1]
	}
	c.AppendBytes(shown)
	return true
}
