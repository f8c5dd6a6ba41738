package avro

import (
	"encoding/binary"
	"fmt"
	"math"
)

// What can be wrong with the bytes of a value.
const (
	endsEarly    = "the record ends inside the value"
	badVarint    = "a number has more bytes than its type"
	badUnion     = "the union has no such branch"
	badLength    = "a length is negative"
	tooDeep      = "values are nested too deeply"
	tooManyEmpty = "too many items that take no bytes"
	tooLong      = "its JSON is too long"
	badUTF8      = "the text is not valid UTF-8"
	hasNUL       = "the text holds a NUL character"
)

// cursor reads the primitives of a record. A method that returns false has left
// the reason in why.
type cursor struct {
	data []byte
	at   int
	why  string

	empties int // items that took no bytes may still come
}

// emptiesMax is how many items without bytes a record may have: their number is
// all that the record says of them.
const emptiesMax = 1 << 16

func (c *cursor) fail(why string) bool {
	c.why = why
	return false
}

func (c *cursor) failf(format string, args ...any) bool { return c.fail(fmt.Sprintf(format, args...)) }

// long reads a number of up to 64 bits.
func (c *cursor) long() (int64, bool) {
	if c.at < len(c.data) {
		if b := c.data[c.at]; b < 0x80 {
			c.at++
			return int64(b>>1) ^ -int64(b&1), true
		}
	}
	v, n := binary.Uvarint(c.data[c.at:])
	switch {
	case n == 0:
		return 0, c.fail(endsEarly)
	case n < 0:
		return 0, c.fail(badVarint)
	}
	c.at += n
	return int64(v>>1) ^ -int64(v&1), true
}

// intBytesMax is how many bytes an int takes at most.
const intBytesMax = 5

// short reads a number of up to 32 bits.
func (c *cursor) short() (int64, bool) {
	first := c.at
	v, ok := c.long()
	if ok && (int64(int32(v)) != v || c.at-first > intBytesMax) {
		return 0, c.fail(badVarint)
	}
	return v, ok
}

// integer reads an int, or a long, as the type says.
func (c *cursor) integer(n *node) (int64, bool) {
	if n.kind == intKind {
		return c.short()
	}
	return c.long()
}

// take returns the next n bytes, in place.
func (c *cursor) take(n int64) ([]byte, bool) {
	switch {
	case n < 0:
		return nil, c.fail(badLength)
	case n > int64(len(c.data)-c.at):
		return nil, c.fail(endsEarly)
	}
	b := c.data[c.at : c.at+int(n)]
	c.at += int(n)
	return b, true
}

// bytes reads the bytes of a fixed, or else a length and as many bytes.
func (c *cursor) bytes(n *node) ([]byte, bool) {
	if n.kind == fixedKind {
		return c.take(int64(n.size))
	}
	length, ok := c.long()
	if !ok {
		return nil, false
	}
	return c.take(length)
}

func (c *cursor) boolean() (is, ok bool) {
	b, ok := c.take(1)
	if ok && b[0] > 1 {
		return false, c.failf("0x%02x is not a boolean", b[0])
	}
	return ok && b[0] == 1, ok
}

func (c *cursor) float() (float32, bool) {
	b, ok := c.take(4)
	if !ok {
		return 0, false
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b)), true
}

func (c *cursor) double() (float64, bool) {
	b, ok := c.take(8)
	if !ok {
		return 0, false
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b)), true
}

// symbol reads the index of an enum's symbol.
func (c *cursor) symbol(n *node) (int, bool) {
	i, ok := c.short()
	if ok && (i < 0 || i >= int64(len(n.symbols))) {
		return 0, c.failf("%s has no symbol %d", n, i)
	}
	return int(i), ok
}

// branch reads the index of a union's branch.
func (c *cursor) branch(n *node) (int, bool) {
	i, ok := c.short()
	if ok && (i < 0 || i >= int64(len(n.branches))) {
		return 0, c.fail(badUnion)
	}
	return int(i), ok
}

// block reads how many items of an array or a map come next, 0 behind the last.
// That a record may also say how many bytes they take is of no use: items are
// read one by one even where they are passed over, so that they are checked.
func (c *cursor) block(n *node) (count int64, ok bool) {
	if count, ok = c.long(); !ok {
		return 0, false
	}
	var size int64
	if count < 0 {
		if count == math.MinInt64 {
			return 0, c.fail(badLength)
		}
		count = -count
		if size, ok = c.long(); !ok {
			return 0, false
		}
		if size < 0 {
			return 0, c.fail(badLength)
		}
	}
	left := int64(len(c.data) - c.at)
	switch hollow := n.kind == arrayKind && n.item.hollow; {
	case size > left, !hollow && count > left:
		return 0, c.fail(endsEarly)
	case hollow && count > int64(c.empties):
		return 0, c.fail(tooManyEmpty)
	case hollow:
		c.empties -= int(count)
	}
	return count, true
}

// skip passes over a value, in which depth values are nested at most.
func (c *cursor) skip(n *node, depth int) bool {
	if n.hollow { // however many values are in it
		return true
	}
	ok := true
	switch n.kind {
	case booleanKind:
		_, ok = c.boolean()
	case intKind, longKind:
		_, ok = c.integer(n)
	case floatKind:
		_, ok = c.take(4)
	case doubleKind:
		_, ok = c.take(8)
	case bytesKind, stringKind, fixedKind:
		_, ok = c.bytes(n)
	case enumKind:
		_, ok = c.symbol(n)
	case unionKind:
		i, found := c.branch(n)
		return found && c.skip(n.branches[i], depth)
	case recordKind:
		if depth <= 0 {
			return c.fail(tooDeep)
		}
		for i := range n.fields {
			if !c.skip(n.fields[i].typ, depth-1) {
				return false
			}
		}
	default:
		return c.skipItems(n, depth)
	}
	return ok
}

func (c *cursor) skipItems(n *node, depth int) bool {
	if depth <= 0 {
		return c.fail(tooDeep)
	}
	for {
		count, ok := c.block(n)
		if !ok || count == 0 {
			return ok
		}
		for range count {
			if n.kind == mapKind {
				if _, ok := c.bytes(n); !ok {
					return false
				}
			}
			if !c.skip(n.item, depth-1) {
				return false
			}
		}
	}
}
