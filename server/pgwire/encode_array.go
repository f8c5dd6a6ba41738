package pgwire

import (
	"encoding/binary"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// arrayText writes lists of scalars as PostgreSQL arrays: {1,NULL,"a b"}.
func (e *rowEncoder) arrayText(t *wireType, list array.ListLike) appender {
	elements := list.ListValues()
	element := e.textAppender(t.element, elements)
	if element == nil {
		return nil
	}
	return func(dst []byte, row int) []byte {
		from, to := list.ValueOffsets(row)
		dst = append(dst, '{')
		for i := from; i < to; i++ {
			if i > from {
				dst = append(dst, ',')
			}
			if isNull(elements, int(i)) {
				dst = append(dst, "NULL"...)
				continue
			}
			start := len(dst)
			dst = element(dst, int(i))
			if needsArrayQuotes(dst[start:]) {
				dst = appendQuoted(dst, start)
			}
		}
		return append(dst, '}')
	}
}

// needsArrayQuotes reports whether an element's text would be read differently
// without quotes.
func needsArrayQuotes(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	for _, c := range text {
		switch c {
		case '"', '\\', '{', '}', ',', ' ', '\t', '\n', '\r', '\v', '\f':
			return true
		}
	}
	return len(text) == 4 && strings.EqualFold(string(text), "null")
}

// vectorText writes an int2vector or oidvector: 1 2 3.
func (e *rowEncoder) vectorText(t *wireType, list array.ListLike) appender {
	elements := list.ListValues()
	element := e.textAppender(t.element, elements)
	if element == nil {
		return nil
	}
	return func(dst []byte, row int) []byte {
		from, to := list.ValueOffsets(row)
		for i := from; i < to; i++ {
			if i > from {
				dst = append(dst, ' ')
			}
			dst = element(dst, int(i))
		}
		return dst
	}
}

// arrayBinary writes lists of scalars as PostgreSQL's binary arrays of one
// dimension. Arrays count from 1, the vectors of pg_catalog from 0.
func (e *rowEncoder) arrayBinary(t *wireType, list array.ListLike) appender {
	elements := list.ListValues()
	element := e.binaryAppender(t.element, elements)
	if element == nil {
		return nil
	}
	lowerBound, vector := uint32(1), t.kind == kindVector
	if vector {
		lowerBound = 0
	}
	return func(dst []byte, row int) []byte {
		from, to := list.ValueOffsets(row)
		if from == to && !vector {
			dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
			return binary.BigEndian.AppendUint32(dst, t.element.oid)
		}
		dst = append(dst, 0, 0, 0, 1)
		dst = append(dst, 0, 0, 0, anyNull(elements, from, to))
		dst = binary.BigEndian.AppendUint32(dst, t.element.oid)
		dst = binary.BigEndian.AppendUint32(dst, uint32(to-from))
		dst = binary.BigEndian.AppendUint32(dst, lowerBound)
		for i := from; i < to; i++ {
			dst = appendSized(dst, element, elements, int(i))
		}
		return dst
	}
}

// appendSized appends element i behind its length, or -1 for a NULL. Rows do the same
// in their own loop, which is the hotter one.
func appendSized(dst []byte, a appender, values arrow.Array, i int) []byte {
	if isNull(values, i) {
		return append(dst, 0xff, 0xff, 0xff, 0xff)
	}
	length := len(dst)
	dst = a(append(dst, 0, 0, 0, 0), i)
	binary.BigEndian.PutUint32(dst[length:], uint32(len(dst)-length-4))
	return dst
}

func anyNull(values arrow.Array, from, to int64) byte {
	for i := from; i < to; i++ {
		if isNull(values, int(i)) {
			return 1
		}
	}
	return 0
}
