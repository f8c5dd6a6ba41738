package protobuf

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/millstream-db/millstream/ingest/jsontext"
)

// The functions here append to d.text the JSON of what is written in pieces[lo:hi].
// They push the pieces of what is in there, and take them away again.

// appendField appends a field's value, in which depth values are nested at most.
func (d *Decoder) appendField(f *field, lo, hi int32, depth int) bool {
	switch {
	case len(d.text) > d.maxText:
		return d.fail(tooLong)
	case f.pairs:
		return d.appendPairs(f.message, lo, hi, depth)
	case f.list:
		return d.appendList(f, lo, hi, depth)
	case f.isMessage():
		return d.appendMessage(f.message, lo, hi, depth)
	case lo == hi:
		d.text = append(d.text, f.zero...)
		return true
	}
	p := d.pieces[hi-1]
	if p.wire == protowire.BytesType {
		return d.appendBytes(f, p.start, p.end)
	}
	return d.appendNumber(f, p.start, p.end)
}

// appendNumber appends the number at start.
func (d *Decoder) appendNumber(f *field, start, end int32) bool {
	d.at, d.end = int(start), int(end)
	bits, ok := d.number(f.wire)
	if ok {
		d.appendBits(f, bits)
	}
	return ok
}

func (d *Decoder) appendBits(f *field, bits uint64) {
	switch kind := f.kind; {
	case kind == protoreflect.BoolKind:
		d.text = strconv.AppendBool(d.text, bits != 0)
	case kind == protoreflect.FloatKind:
		d.text = jsontext.AppendFloat(d.text, float(kind, bits), 32)
	case kind == protoreflect.DoubleKind:
		d.text = jsontext.AppendFloat(d.text, float(kind, bits), 64)
	case isUnsigned64(kind):
		d.text = strconv.AppendUint(d.text, bits, 10)
	case kind == protoreflect.EnumKind && f.enum.null:
		d.text = append(d.text, "null"...)
	case kind == protoreflect.EnumKind:
		if name, ok := f.enum.quoted[int32(bits)]; ok {
			d.text = append(d.text, name...)
			return
		}
		fallthrough
	default:
		d.text = strconv.AppendInt(d.text, signed(kind, bits), 10)
	}
}

// appendBytes appends a string, or bytes as base64.
func (d *Decoder) appendBytes(f *field, start, end int32) bool {
	b := d.data[start:end]
	if f.kind == protoreflect.BytesKind {
		d.text = append(base64.StdEncoding.AppendEncode(append(d.text, '"'), b), '"')
		return true
	}
	if !utf8.Valid(b) {
		return d.fail(badUTF8)
	}
	d.text = jsontext.AppendString(d.text, b)
	return true
}

func (d *Decoder) appendList(f *field, lo, hi int32, depth int) bool {
	if depth <= 0 {
		return d.fail(tooDeep)
	}
	d.text = append(d.text, '[')
	first := len(d.text)
	for i := lo; i < hi; i++ {
		p := d.pieces[i]
		ok := true
		switch {
		case len(d.text) > d.maxText:
			ok = d.fail(tooLong)
		case p.wire == protowire.BytesType && f.wire != protowire.BytesType:
			ok = d.appendPacked(f, p.start, p.end, first)
		case f.isMessage():
			d.comma(first)
			ok = d.appendMessage(f.message, i, i+1, depth-1)
		case p.wire == protowire.BytesType:
			d.comma(first)
			ok = d.appendBytes(f, p.start, p.end)
		default:
			d.comma(first)
			ok = d.appendNumber(f, p.start, p.end)
		}
		if !ok {
			return false
		}
	}
	d.text = append(d.text, ']')
	return true
}

// comma separates what comes from what stands behind first already.
func (d *Decoder) comma(first int) {
	if len(d.text) > first {
		d.text = append(d.text, ',')
	}
}

// appendPacked appends numbers that are written as one value.
func (d *Decoder) appendPacked(f *field, start, end int32, first int) bool {
	d.at, d.end = int(start), int(end)
	for d.at < d.end {
		bits, ok := d.number(f.wire)
		if ok && len(d.text) > d.maxText { // the name of an enum is longer than its number
			ok = d.fail(tooLong)
		}
		if !ok {
			return false
		}
		d.comma(first)
		d.appendBits(f, bits)
	}
	return true
}

// open pushes the pieces of a message's fields, in the order of their slots, and
// returns the first one's index.
func (d *Decoder) open(m *message, lo, hi int32) (first int32, ok bool) {
	first = int32(len(d.pieces))
	sorted := true
	for i := lo; i < hi; i++ {
		d.at, d.end = int(d.pieces[i].start), int(d.pieces[i].end)
		for d.at < d.end {
			number, wire, ok := d.tag()
			if !ok {
				return 0, false
			}
			start, end, ok := d.value(number, wire, d.maxDepth)
			if !ok {
				return 0, false
			}
			at := m.find(number)
			if at < 0 || !m.fields[at].reads(wire) {
				continue
			}
			p := piece{slot: int32(m.fields[at].slot), field: int32(at), start: int32(start), end: int32(end), wire: wire}
			sorted = sorted && (len(d.pieces) == int(first) || d.pieces[len(d.pieces)-1].slot <= p.slot)
			d.pieces = append(d.pieces, p)
		}
	}
	if !sorted {
		slices.SortFunc(d.pieces[first:], inOrder)
	}
	return first, true
}

// run returns the pieces of the field that come from first on: lo, hi are those that
// count, next is the first one of another slot. Of a oneof the last member is there, as
// far back as no other one came.
func (d *Decoder) run(m *message, first, end int32) (f *field, lo, hi, next int32) {
	for next = first; next < end && d.pieces[next].slot == d.pieces[first].slot; {
		next++
	}
	last := d.pieces[next-1].field
	lo = next
	for lo > first && d.pieces[lo-1].field == last {
		lo--
	}
	return &m.fields[last], lo, next, next
}

func (d *Decoder) appendMessage(m *message, lo, hi int32, depth int) bool {
	switch m.known {
	case ordinary, date, timeOfDay, decimalText:
	default:
		return d.appendKnown(m, lo, hi, depth)
	}
	d.text = append(d.text, '{')
	if !d.appendMembers(m, lo, hi, depth) {
		return false
	}
	d.text = append(d.text, '}')
	return true
}

// appendMembers appends the fields of a message behind the brace.
func (d *Decoder) appendMembers(m *message, lo, hi int32, depth int) bool {
	if depth <= 0 {
		return d.fail(tooDeep)
	}
	start := len(d.text)
	at, ok := d.open(m, lo, hi)
	if !ok {
		return false
	}
	first, end, zeros := at, int32(len(d.pieces)), m.zeros
	for at < end || len(zeros) > 0 {
		var f *field
		var from, to int32
		if at < end && (len(zeros) == 0 || int(d.pieces[at].slot) <= zeros[0]) {
			f, from, to, at = d.run(m, at, end)
			if len(zeros) > 0 && zeros[0] == f.slot {
				zeros = zeros[1:]
			}
		} else {
			f, zeros = &m.fields[zeros[0]], zeros[1:]
		}
		d.comma(start)
		d.text = append(d.text, f.key...)
		if !d.appendField(f, from, to, depth-1) {
			return false
		}
	}
	d.pieces = d.pieces[:first]
	return true
}

// entry is a pair of a map: its key, as bits or as bytes, and its piece.
type entry struct {
	bits       uint64
	start, end int32
	piece      int32
}

// appendPairs appends a map as an object. Of the pairs with one key the last counts.
func (d *Decoder) appendPairs(m *message, lo, hi int32, depth int) bool {
	if depth <= 0 {
		return d.fail(tooDeep)
	}
	key, value := &m.fields[0], &m.fields[1]
	first := len(d.entries)
	for i := lo; i < hi; i++ {
		if !d.readParts(m, i, i+1) {
			return false
		}
		p := &d.parts[1]
		d.entries = append(d.entries, entry{p.bits, p.start, p.end, i})
	}
	pairs := d.entries[first:]
	d.sortPairs(key, pairs)
	d.text = append(d.text, '{')
	start := len(d.text)
	for i := range pairs {
		e := pairs[i] // pairs may be the stack's former memory by now, which nobody writes
		if i+1 < len(pairs) && d.compareKeys(key, e, pairs[i+1]) == 0 {
			continue
		}
		d.comma(start)
		if !d.appendKey(key, e) {
			return false
		}
		top, ok := d.open(m, e.piece, e.piece+1)
		if !ok {
			return false
		}
		from := top
		for from < int32(len(d.pieces)) && d.pieces[from].slot == 0 { // the key
			from++
		}
		if !d.appendField(value, from, int32(len(d.pieces)), depth-1) {
			return false
		}
		d.pieces = d.pieces[:top]
	}
	d.text = append(d.text, '}')
	d.entries = d.entries[:first]
	return true
}

func (d *Decoder) sortPairs(key *field, pairs []entry) {
	inOrder := func(a, b entry) int { return cmp.Or(d.compareKeys(key, a, b), cmp.Compare(a.piece, b.piece)) }
	if !slices.IsSortedFunc(pairs, inOrder) {
		slices.SortFunc(pairs, inOrder)
	}
}

func (d *Decoder) compareKeys(key *field, a, b entry) int {
	switch {
	case key.kind == protoreflect.StringKind:
		return bytes.Compare(d.data[a.start:a.end], d.data[b.start:b.end])
	case isUnsigned64(key.kind):
		return cmp.Compare(a.bits, b.bits)
	case key.kind == protoreflect.BoolKind:
		return cmp.Compare(min(a.bits, 1), min(b.bits, 1))
	}
	return cmp.Compare(signed(key.kind, a.bits), signed(key.kind, b.bits))
}

func (d *Decoder) appendKey(key *field, e entry) bool {
	if key.kind == protoreflect.StringKind {
		if !d.appendBytes(key, e.start, e.end) {
			return false
		}
	} else {
		d.text = append(d.text, '"')
		d.appendBits(key, e.bits)
		d.text = append(d.text, '"')
	}
	d.text = append(d.text, ':')
	return true
}

// appendKnown appends a message that means more than its fields say.
func (d *Decoder) appendKnown(m *message, lo, hi int32, depth int) bool {
	switch m.known {
	case timestamp:
		seconds, nanos, ok := d.readTime(m, lo, hi)
		if ok {
			d.text = time.Unix(seconds, nanos).UTC().AppendFormat(d.text, `"2006-01-02T15:04:05.999999999Z"`)
		}
		return ok
	case duration:
		seconds, nanos, ok := d.readDuration(m, lo, hi)
		if ok {
			d.appendDuration(seconds, nanos)
		}
		return ok
	case wrapper:
		return d.appendWrapped(&m.fields[0], m, lo, hi)
	case decimalBytes:
		return d.appendDecimal(m, lo, hi)
	case anyMessage:
		return d.appendAny(m, lo, hi, depth)
	}
	first, ok := d.open(m, lo, hi)
	if !ok {
		return false
	}
	end := int32(len(d.pieces))
	switch {
	case m.known == fieldMask:
		ok = d.appendMask(first, end)
	case m.known != anyValue: // a structure or a list, which are their only field
		ok = d.appendField(&m.fields[0], first, end, depth)
	case first == end:
		d.text = append(d.text, "null"...)
	default:
		f, from, to, _ := d.run(m, first, end)
		ok = d.appendField(f, from, to, depth)
	}
	d.pieces = d.pieces[:first]
	return ok
}

func (d *Decoder) appendWrapped(f *field, m *message, lo, hi int32) bool {
	if !d.readParts(m, lo, hi) {
		return false
	}
	p := d.parts[1]
	if f.wire == protowire.BytesType {
		return d.appendBytes(f, p.start, p.end)
	}
	d.appendBits(f, p.bits)
	return true
}

// appendDuration appends a duration, as PT3.004S.
func (d *Decoder) appendDuration(seconds, nanos int64) {
	d.text = append(d.text, `"PT`...)
	if seconds < 0 || nanos < 0 {
		seconds, nanos = -seconds, -nanos
		d.text = append(d.text, '-')
	}
	d.text = strconv.AppendInt(d.text, seconds, 10)
	if nanos > 0 {
		d.text = jsontext.AppendDigits(append(d.text, '.'), uint64(nanos), 9)
		for d.text[len(d.text)-1] == '0' {
			d.text = d.text[:len(d.text)-1]
		}
	}
	d.text = append(d.text, `S"`...)
}

func (d *Decoder) appendDecimal(m *message, lo, hi int32) bool {
	if !d.readParts(m, lo, hi) {
		return false
	}
	b, scale := d.data[d.parts[1].start:d.parts[1].end], int(int32(d.parts[3].bits))
	var ok bool
	if d.text, ok = jsontext.AppendDecimal(d.text, b, max(scale, 0)); !ok {
		return d.failf("a decimal of %d bytes is too long", len(b))
	}
	if scale < 0 {
		d.text = strconv.AppendInt(append(d.text, 'e'), -int64(scale), 10)
	}
	return true
}

// appendMask appends the paths of a mask as one string.
func (d *Decoder) appendMask(first, end int32) bool {
	d.text = append(d.text, '"')
	start := len(d.text)
	for _, p := range d.pieces[first:end] {
		b := d.data[p.start:p.end]
		if !utf8.Valid(b) {
			return d.fail(badUTF8)
		}
		d.comma(start)
		quote := len(d.text)
		d.text = jsontext.AppendString(d.text, b)
		d.text = slices.Delete(d.text[:len(d.text)-1], quote, quote+1)
	}
	d.text = append(d.text, '"')
	return true
}

// appendAny appends a message of any type: its fields if the schema has the type,
// base64 otherwise.
func (d *Decoder) appendAny(m *message, lo, hi int32, depth int) bool {
	if depth <= 0 {
		return d.fail(tooDeep)
	}
	if !d.readParts(m, lo, hi) {
		return false
	}
	url, p := d.parts[1], d.parts[2]
	if url == (part{}) {
		d.text = append(d.text, "{}"...)
		return true
	}
	d.text = append(d.text, `{"@type":`...)
	if !d.appendBytes(&m.fields[m.find(1)], url.start, url.end) {
		return false
	}
	name := d.data[url.start:url.end]
	name = name[bytes.LastIndexByte(name, '/')+1:]
	inner := d.types[string(name)]
	at := int32(len(d.pieces))
	d.pieces = append(d.pieces, piece{wire: protowire.BytesType, start: p.start, end: p.end})
	ok := true
	switch {
	case inner == nil:
		d.text = append(d.text, `,"value":`...)
		ok = d.appendBytes(&m.fields[m.find(2)], p.start, p.end)
	case inner.known == ordinary:
		brace := len(d.text)
		d.text = append(d.text, ',')
		ok = d.appendMembers(inner, at, at+1, depth)
		if len(d.text) == brace+1 { // without fields
			d.text = d.text[:brace]
		}
	default:
		d.text = append(d.text, `,"value":`...)
		ok = d.appendMessage(inner, at, at+1, depth-1)
	}
	if !ok {
		return false
	}
	d.pieces = d.pieces[:at]
	d.text = append(d.text, '}')
	return true
}
