package protobuf

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// What can be wrong with the bytes of a record.
const (
	endsEarly = "the record ends inside the value"
	badVarint = "a number has more than 64 bits"
	badNumber = "a field has a number that no field can have"
	badWire   = "a field is of no wire type"
	badGroup  = "a group ends that did not begin"
	tooDeep   = "values are nested too deeply"
	tooLong   = "its JSON is too long"
	badUTF8   = "the text is not valid UTF-8"
	hasNUL    = "the text holds a NUL character"
)

// cursor reads the wire format in data[at:end]. A method that returns false has left
// the reason in why.
type cursor struct {
	data    []byte
	at, end int
	why     string
}

func (c *cursor) fail(why string) bool {
	c.why = why
	return false
}

func (c *cursor) failf(format string, args ...any) bool { return c.fail(fmt.Sprintf(format, args...)) }

// short reads a varint of one byte, if the next one is. It is small enough to cost no
// call.
func (c *cursor) short() (v uint64, is bool) {
	if c.at < c.end && c.data[c.at] < 0x80 {
		v, is = uint64(c.data[c.at]), true
		c.at++
	}
	return v, is
}

func (c *cursor) varint() (uint64, bool) {
	if v, is := c.short(); is {
		return v, true
	}
	return c.longVarint()
}

func (c *cursor) longVarint() (uint64, bool) {
	rest := c.data[c.at:c.end]
	v, n := protowire.ConsumeVarint(rest)
	switch {
	case n >= 0:
		c.at += n
		return v, true
	case len(rest) < binary.MaxVarintLen64:
		return 0, c.fail(endsEarly)
	}
	return 0, c.fail(badVarint)
}

// tag reads the number and the wire type of a field.
func (c *cursor) tag() (number uint32, wire protowire.Type, ok bool) {
	v, ok := c.short()
	if !ok {
		if v, ok = c.longVarint(); !ok {
			return 0, 0, false
		}
	}
	if v>>3 < uint64(protowire.MinValidNumber) || v>>3 > uint64(protowire.MaxValidNumber) {
		return 0, 0, c.fail(badNumber)
	}
	return uint32(v >> 3), protowire.Type(v & 7), true
}

// take passes over n bytes.
func (c *cursor) take(n uint64) bool {
	if n > uint64(c.end-c.at) {
		return c.fail(endsEarly)
	}
	c.at += int(n)
	return true
}

// value passes over a field's value and returns where it is: without its length, or
// without the tag that ends a group. Groups may be nested in depth others.
func (c *cursor) value(number uint32, wire protowire.Type, depth int) (start, end int, ok bool) {
	start = c.at
	switch wire {
	case protowire.VarintType:
		_, ok = c.varint()
	case protowire.Fixed32Type:
		ok = c.take(4)
	case protowire.Fixed64Type:
		ok = c.take(8)
	case protowire.BytesType:
		var length uint64
		if length, ok = c.short(); !ok {
			length, ok = c.longVarint()
		}
		start = c.at
		ok = ok && c.take(length)
	case protowire.StartGroupType:
		end, ok = c.group(number, depth)
		return start, end, ok
	case protowire.EndGroupType:
		ok = c.fail(badGroup)
	default:
		ok = c.fail(badWire)
	}
	return start, c.at, ok
}

// group passes over the fields of a group and returns where they end.
func (c *cursor) group(number uint32, depth int) (end int, ok bool) {
	if depth <= 0 {
		return 0, c.fail(tooDeep)
	}
	for {
		end = c.at
		inner, wire, ok := c.tag()
		switch {
		case !ok:
			return 0, false
		case wire == protowire.EndGroupType && inner == number:
			return end, true
		}
		if _, _, ok := c.value(inner, wire, depth-1); !ok {
			return 0, false
		}
	}
}

// number reads the bits of a value that is no bytes.
func (c *cursor) number(wire protowire.Type) (uint64, bool) {
	start := c.at
	switch wire {
	case protowire.VarintType:
		if v, is := c.short(); is {
			return v, true
		}
		return c.longVarint()
	case protowire.Fixed32Type:
		if !c.take(4) {
			return 0, false
		}
		return uint64(binary.LittleEndian.Uint32(c.data[start:])), true
	}
	if !c.take(8) {
		return 0, false
	}
	return binary.LittleEndian.Uint64(c.data[start:]), true
}
