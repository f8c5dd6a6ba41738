package pgwire

import (
	"encoding/binary"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// recordFields makes the appenders of a record's fields.
func recordFields(t *wireType, a *array.Struct, of func(*wireType, int) appender) []appender {
	if a.NumField() != len(t.fields) {
		return nil
	}
	fields := make([]appender, len(t.fields))
	for i, f := range t.fields {
		if fields[i] = of(f.typ, i); fields[i] == nil {
			return nil
		}
	}
	return fields
}

// recordText writes a struct without names as PostgreSQL's record: (1,,"a b").
func (e *rowEncoder) recordText(t *wireType, a *array.Struct) appender {
	fields := recordFields(t, a, func(f *wireType, i int) appender { return e.textAppender(f, a.Field(i)) })
	if fields == nil {
		return nil
	}
	return func(dst []byte, row int) []byte {
		dst = append(dst, '(')
		for i, field := range fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			if isNull(a.Field(i), row) {
				continue
			}
			start := len(dst)
			if dst = field(dst, row); needsRecordQuotes(dst[start:]) {
				dst = quoteRecordField(dst, start)
			}
		}
		return append(dst, ')')
	}
}

func needsRecordQuotes(text []byte) bool {
	for _, c := range text {
		switch c {
		case '"', '\\', '(', ')', ',', ' ', '\t', '\n', '\r', '\v', '\f':
			return true
		}
	}
	return len(text) == 0
}

// quoteRecordField puts what begins at an offset in quotes, which are doubled in
// it, as backslashes are.
func quoteRecordField(dst []byte, start int) []byte {
	text := append([]byte{}, dst[start:]...)
	dst = append(dst[:start], '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			dst = append(dst, c)
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

// recordBinary writes a struct without names as PostgreSQL's binary record: how
// many fields there are, and each with its type.
func (e *rowEncoder) recordBinary(t *wireType, a *array.Struct) appender {
	fields := recordFields(t, a, func(f *wireType, i int) appender { return e.binaryAppender(f, a.Field(i)) })
	if fields == nil {
		return nil
	}
	return func(dst []byte, row int) []byte {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(fields)))
		for i, field := range fields {
			dst = binary.BigEndian.AppendUint32(dst, t.fields[i].typ.oid)
			dst = appendSized(dst, field, a.Field(i), row)
		}
		return dst
	}
}
