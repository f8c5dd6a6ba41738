package avro

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/ingest/jsontext"
)

// appendJSON reads a value, in which depth values are nested at most, and appends
// its JSON to d.text.
func (d *Decoder) appendJSON(n *node, depth int) bool {
	if len(d.text) > d.maxText {
		return d.fail(tooLong)
	}
	if n.logical != plain {
		return d.appendLogical(n)
	}
	ok := true
	switch n.kind {
	case nullKind:
		d.text = append(d.text, "null"...)
	case booleanKind:
		var v bool
		v, ok = d.boolean()
		d.text = strconv.AppendBool(d.text, v)
	case intKind, longKind:
		var v int64
		v, ok = d.integer(n)
		d.text = strconv.AppendInt(d.text, v, 10)
	case floatKind:
		var v float32
		v, ok = d.float()
		d.text = jsontext.AppendFloat(d.text, float64(v), 32)
	case doubleKind:
		var v float64
		v, ok = d.double()
		d.text = jsontext.AppendFloat(d.text, v, 64)
	case stringKind:
		return d.appendString(n)
	case bytesKind, fixedKind:
		var b []byte
		b, ok = d.bytes(n)
		d.text = append(base64.StdEncoding.AppendEncode(append(d.text, '"'), b), '"')
	case enumKind:
		var i int
		if i, ok = d.symbol(n); ok {
			d.text = append(d.text, n.quoted[i]...)
		}
	case unionKind:
		i, found := d.branch(n)
		return found && d.appendJSON(n.branches[i], depth)
	case recordKind:
		return d.appendRecord(n, depth)
	default:
		return d.appendItems(n, depth)
	}
	return ok
}

func (d *Decoder) appendRecord(n *node, depth int) bool {
	if depth <= 0 {
		return d.fail(tooDeep)
	}
	d.text = append(d.text, '{')
	for i := range n.fields {
		if i > 0 {
			d.text = append(d.text, ',')
		}
		d.text = append(d.text, n.fields[i].key...)
		if !d.appendJSON(n.fields[i].typ, depth-1) {
			return false
		}
	}
	d.text = append(d.text, '}')
	return true
}

// appendItems appends an array, or a map as an object.
func (d *Decoder) appendItems(n *node, depth int) bool {
	if depth <= 0 {
		return d.fail(tooDeep)
	}
	first, last := byte('['), byte(']')
	if n.kind == mapKind {
		first, last = '{', '}'
	}
	d.text = append(d.text, first)
	for some := false; ; {
		count, ok := d.block(n)
		if !ok {
			return false
		}
		if count == 0 {
			break
		}
		for range count {
			if some {
				d.text = append(d.text, ',')
			}
			some = true
			if n.kind == mapKind {
				if !d.appendString(n) {
					return false
				}
				d.text = append(d.text, ':')
			}
			if !d.appendJSON(n.item, depth-1) {
				return false
			}
		}
	}
	d.text = append(d.text, last)
	return true
}

// appendString reads the text of a string, or of a map's key.
func (d *Decoder) appendString(n *node) bool {
	b, ok := d.bytes(n)
	if !ok {
		return false
	}
	if !utf8.Valid(b) {
		return d.fail(badUTF8)
	}
	d.text = jsontext.AppendString(d.text, b)
	return true
}

// appendLogical appends a value that means more than its form says.
func (d *Decoder) appendLogical(n *node) bool {
	switch n.logical {
	case decimal:
		b, ok := d.bytes(n)
		if !ok {
			return false
		}
		if d.text, ok = jsontext.AppendDecimal(d.text, b, n.scale); !ok {
			return d.failf("a decimal of %d bytes is too long", len(b))
		}
		return true
	case uuid:
		if n.kind == stringKind {
			return d.appendString(n)
		}
		b, ok := d.bytes(n)
		if ok {
			d.text = append(batch.UUIDValue(b).Append(append(d.text, '"')), '"')
		}
		return ok
	case duration:
		b, ok := d.bytes(n)
		if ok {
			d.appendDuration(b)
		}
		return ok
	case timeMillis, timeMicros:
		micros, ok := d.timeOfDay(n)
		if ok {
			d.appendTimeOfDay(micros)
		}
		return ok
	}
	v, ok := d.integer(n)
	if !ok {
		return false
	}
	layout := `"2006-01-02T15:04:05.999999999Z"`
	if n.logical >= localMillis {
		layout = `"2006-01-02T15:04:05.999999999"`
	}
	var at time.Time
	switch n.logical {
	case date:
		at, layout = time.Unix(v*24*60*60, 0), `"2006-01-02"`
	case timestampMillis, localMillis:
		at = time.UnixMilli(v)
	case timestampMicros, localMicros:
		at = time.UnixMicro(v)
	default:
		at = time.Unix(0, v)
	}
	d.text = at.UTC().AppendFormat(d.text, layout)
	return true
}

// appendDuration appends the three parts of a duration, as P1M2DT3.004S.
func (d *Decoder) appendDuration(b []byte) {
	part := func(at int) uint64 { return uint64(binary.LittleEndian.Uint32(b[at:])) }
	millis := part(8)
	d.text = append(strconv.AppendUint(append(d.text, `"P`...), part(0), 10), 'M')
	d.text = append(strconv.AppendUint(d.text, part(4), 10), "DT"...)
	d.text = append(strconv.AppendUint(d.text, millis/1000, 10), '.')
	d.text = append(jsontext.AppendDigits(d.text, millis%1000, 3), `S"`...)
}

// appendTimeOfDay appends HH:MM:SS, and a fraction where there is one.
func (d *Decoder) appendTimeOfDay(micros int64) {
	seconds := uint64(micros / 1_000_000)
	d.text = append(jsontext.AppendDigits(append(d.text, '"'), seconds/3600, 2), ':')
	d.text = append(jsontext.AppendDigits(d.text, seconds/60%60, 2), ':')
	d.text = jsontext.AppendDigits(d.text, seconds%60, 2)
	if fraction := uint64(micros % 1_000_000); fraction != 0 {
		d.text = jsontext.AppendDigits(append(d.text, '.'), fraction, 6)
	}
	d.text = append(d.text, '"')
}
