package infer

import (
	"bytes"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/decode"
)

// column is what is known of a field.
type column struct {
	name   string
	values int                        // that are not null
	kinds  [decode.ArrayValue + 1]int // how many of each kind

	// whole, big and double say that all numbers are integers, that all fit a
	// HUGEINT, a BIGINT and a DOUBLE; text, that a VARCHAR takes all scalars.
	whole, huge, big, double, text bool
	// Of strings: all are dates, times of day with a date, or UUIDs; all times have
	// a zone, or none has.
	date, timestamp, uuid, zoned, unzoned bool
	times                                 times
}

func newColumn(name string) *column {
	return &column{
		name: name, whole: true, huge: true, big: true, double: true, text: true,
		date: true, timestamp: true, uuid: true, zoned: true, unzoned: true,
	}
}

// add looks at a value.
func (c *column) add(kind decode.Kind, raw []byte, at Position, p *prober) {
	c.kinds[kind]++
	if kind == decode.NullValue {
		return
	}
	c.values++
	switch kind {
	case decode.NumberValue:
		c.number(raw, at, p)
	case decode.StringValue:
		c.string(raw, at, p)
	}
}

func (c *column) number(raw []byte, at Position, p *prober) {
	c.whole = c.whole && !bytes.ContainsAny(raw, ".eE")
	c.big = c.big && c.whole && p.takes(batch.BigInt, raw)
	c.huge = c.huge && c.whole && p.takes(batch.HugeInt, raw)
	c.double = c.double && p.takes(batch.Double, raw)
	micros, err := decode.ParseEpochMicros(raw)
	if err == nil {
		c.times.add(micros, at)
	} else {
		c.times.add(before2000, at)
	}
}

func (c *column) string(raw []byte, at Position, p *prober) {
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		c.date, c.timestamp, c.uuid = false, false, false
		c.text = c.text && p.takes(batch.Varchar, raw)
		return
	}
	c.uuid = c.uuid && len(text) == len("00000000-0000-0000-0000-000000000000") && text[8] == '-' && p.takes(batch.UUID, raw)
	if len(text) < len("2006-01-02") || text[4] != '-' || text[7] != '-' {
		c.date, c.timestamp = false, false
		return
	}
	_, err := decode.ParseDate(text)
	c.date = c.date && err == nil && len(text) == len("2006-01-02")
	micros, zone, err := decode.ParseTimestampMicros(text)
	if c.timestamp = c.timestamp && err == nil; !c.timestamp {
		return
	}
	c.zoned, c.unzoned = c.zoned && zone, c.unzoned && !zone
	c.times.add(micros, at)
}

// kind returns the narrowest type that takes all of the values.
func (c *column) kind() batch.Kind {
	nested := c.kinds[decode.ObjectValue] + c.kinds[decode.ArrayValue]
	switch {
	case nested > 0 || !c.text:
		return batch.JSON
	case c.values == 0:
		return batch.Varchar
	case c.kinds[decode.BooleanValue] == c.values:
		return batch.Boolean
	case c.kinds[decode.NumberValue] == c.values:
		return c.numberKind()
	case c.kinds[decode.StringValue] == c.values:
		return c.stringKind()
	}
	return batch.Varchar // of several kinds
}

func (c *column) numberKind() batch.Kind {
	switch {
	case c.times.areTimes(c.name):
		return batch.TimestampTZ
	case c.big:
		return batch.BigInt
	case c.huge:
		return batch.HugeInt
	case c.double && !c.whole:
		return batch.Double
	}
	return batch.Varchar // of more digits than any number has
}

func (c *column) stringKind() batch.Kind {
	switch {
	case c.date:
		return batch.Date
	case c.timestamp && c.unzoned:
		return batch.Timestamp
	case c.timestamp:
		return batch.TimestampTZ // a time without a zone is one of UTC
	case c.uuid:
		return batch.UUID
	}
	return batch.Varchar
}

// prober asks the decoder itself whether a column of a type takes a value.
type prober struct {
	mem    *batch.Allocator
	probes map[batch.Kind]probe
	record []byte
}

type probe struct {
	decoder *decode.JSON
	rows    *batch.Builder
}

func newProber(limits decode.Limits) *prober {
	p := &prober{mem: batch.NewAllocator(), probes: make(map[batch.Kind]probe)}
	limits.MaxBytes += len(`{"v":}`) // around a value that a record of the limit's length has
	for _, kind := range []batch.Kind{batch.BigInt, batch.HugeInt, batch.Double, batch.UUID, batch.Varchar} {
		schema := batch.NewSchema([]batch.Column{{Name: "v", Type: batch.Type{Kind: kind}}})
		p.probes[kind] = probe{decode.NewJSON(schema, limits), batch.NewBuilder(p.mem, schema)}
	}
	return p
}

func (p *prober) takes(kind batch.Kind, raw []byte) bool {
	p.record = append(append(append(p.record[:0], `{"v":`...), raw...), '}')
	at := p.probes[kind]
	err := at.decoder.Decode(p.record, at.rows)
	at.rows.Truncate(0)
	return err == nil
}

func (p *prober) release() {
	for _, at := range p.probes {
		at.rows.Release()
	}
}
