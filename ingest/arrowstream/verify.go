package arrowstream

import (
	"encoding/binary"
	"errors"
)

// Arrow's reader trusts the flatbuffers in a stream: a length there that is made up
// has it allocate hundreds of gigabytes, which ends the process and can't be caught.
// verify looks at everything that counts something before the reader sees it.

// How much a message's metadata may hold.
const (
	tablesMax = 100_000
	depthMax  = 64
)

var (
	errCut     = errors.New("it ends in the middle of a message")
	errLengths = errors.New("a message's lengths are not those of what it holds")
)

// The slots of the tables of Message.fbs and Schema.fbs that lead somewhere.
const (
	messageHeaderType, messageHeader, messageBodyLength, messageMetadata = 1, 2, 3, 4

	schemaFields, schemaMetadata, schemaFeatures = 1, 2, 3

	fieldName, fieldType, fieldDictionary, fieldChildren, fieldMetadata = 0, 3, 4, 5, 6

	recordNodes, recordBuffers, recordCompression, recordVariadic = 1, 2, 3, 4

	dictionaryData, dictionaryIndexType = 1, 1
)

// The types of a message's header.
const (
	headerSchema     = 1
	headerDictionary = 2
	headerRecord     = 3
)

// verify checks the messages of a stream. It panics, as reading a slice does, or
// returns an error, if one is broken.
func verify(stream []byte) error {
	for len(stream) >= 4 {
		size := int32(binary.LittleEndian.Uint32(stream))
		stream = stream[4:]
		if size == -1 { // the mark of a message since Arrow 0.15
			if len(stream) < 4 {
				return errCut
			}
			size = int32(binary.LittleEndian.Uint32(stream))
			stream = stream[4:]
		}
		if size == 0 {
			return nil
		}
		if size < 0 || int(size) > len(stream) {
			return errCut
		}
		m := metadata{buf: stream[:size]}
		body := m.message()
		stream = stream[size:]
		switch {
		case m.broken:
			return errLengths
		case body < 0 || body > int64(len(stream)):
			return errCut
		}
		stream = stream[body:]
	}
	return nil
}

// metadata is a message's flatbuffer.
type metadata struct {
	buf    []byte
	tables int
	broken bool
}

func (m *metadata) uint32(p int) int { return int(binary.LittleEndian.Uint32(m.buf[p:])) }
func (m *metadata) uint16(p int) int { return int(binary.LittleEndian.Uint16(m.buf[p:])) }

// field returns where the value of a table's slot is, 0 if there is none.
func (m *metadata) field(table, slot int) int {
	if m.tables++; m.tables > tablesMax {
		m.broken = true
	}
	v := table - int(int32(m.uint32(table)))
	if 4+2*slot >= m.uint16(v) { // as the reader asks, also where the length is odd
		return 0
	}
	if offset := m.uint16(v + 4 + 2*slot); offset != 0 {
		return table + offset
	}
	return 0
}

// follow returns where a slot's offset leads, 0 if there is none.
func (m *metadata) follow(table, slot int) int {
	p := m.field(table, slot)
	if p == 0 || m.broken {
		return 0
	}
	return p + m.uint32(p)
}

// vector returns where the elements of a slot's vector begin, and their number,
// once it is sure that there are so many.
func (m *metadata) vector(table, slot, width int) (first, n int) {
	p := m.follow(table, slot)
	if p == 0 {
		return 0, 0
	}
	first, n = p+4, m.uint32(p)
	if n*width > len(m.buf)-first {
		m.broken = true
		return 0, 0
	}
	return first, n
}

// each calls f with the tables of a slot's vector.
func (m *metadata) each(table, slot int, f func(table int)) {
	first, n := m.vector(table, slot, 4)
	for i := 0; i < n && !m.broken; i++ {
		p := first + 4*i
		f(p + m.uint32(p))
	}
}

// message verifies everything and returns the length of the body behind it.
func (m *metadata) message() (body int64) {
	root := m.uint32(0)
	if p := m.field(root, messageBodyLength); p != 0 {
		body = int64(binary.LittleEndian.Uint64(m.buf[p:]))
	}
	m.pairs(root, messageMetadata)
	kind, header := m.field(root, messageHeaderType), m.follow(root, messageHeader)
	if kind == 0 || header == 0 {
		return body
	}
	switch m.buf[kind] {
	case headerSchema:
		m.pairs(header, schemaMetadata)
		m.vector(header, schemaFeatures, 8)
		m.each(header, schemaFields, func(field int) { m.oneField(field, 0) })
	case headerRecord:
		m.record(header)
	case headerDictionary:
		if data := m.follow(header, dictionaryData); data != 0 {
			m.record(data)
		}
	}
	return body
}

func (m *metadata) oneField(field, depth int) {
	if depth > depthMax {
		m.broken = true
		return
	}
	m.vector(field, fieldName, 1)
	m.pairs(field, fieldMetadata)
	if typ := m.follow(field, fieldType); typ != 0 {
		m.field(typ, 0)
	}
	if dictionary := m.follow(field, fieldDictionary); dictionary != 0 {
		m.follow(dictionary, dictionaryIndexType)
	}
	m.each(field, fieldChildren, func(child int) { m.oneField(child, depth+1) })
}

func (m *metadata) record(table int) {
	m.vector(table, recordNodes, 16)
	m.vector(table, recordBuffers, 16)
	m.follow(table, recordCompression)
	m.vector(table, recordVariadic, 8)
}

// pairs verifies a vector of names and values.
func (m *metadata) pairs(table, slot int) {
	m.each(table, slot, func(pair int) {
		m.vector(pair, 0, 1)
		m.vector(pair, 1, 1)
	})
}
