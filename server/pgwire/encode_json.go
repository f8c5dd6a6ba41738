package pgwire

import (
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// jsonAppender writes values that PostgreSQL has no type for, and what is
// inside them, as JSON: structs and maps as objects, lists as arrays, numbers
// and booleans as such, everything else as a string with the value's text.
func (e *rowEncoder) jsonAppender(t *wireType, values arrow.Array) appender {
	switch a := values.(type) {
	case *array.Null:
		return func(dst []byte, _ int) []byte { return append(dst, "null"...) }
	case *array.Boolean:
		return func(dst []byte, row int) []byte {
			if a.Value(row) {
				return append(dst, "true"...)
			}
			return append(dst, "false"...)
		}
	case *array.Struct:
		return e.jsonObject(t, a)
	case *array.Map:
		return e.jsonMap(t, a)
	case *array.SparseUnion, *array.DenseUnion:
		return e.jsonUnion(t, a.(array.Union))
	case *array.List, *array.LargeList, *array.FixedSizeList, *array.ListView, *array.LargeListView:
		return e.jsonList(t, values.(array.ListLike))
	}
	text := e.textAppender(t, values)
	if text == nil || isJSONNumber(values) || t.kind == kindJSON {
		return text
	}
	return func(dst []byte, row int) []byte {
		start := len(dst)
		return quoteJSON(text(dst, row), start)
	}
}

// isJSONNumber reports whether every value's text is a JSON number. Floats are
// not: NaN and the infinities must be strings, which quoteJSON sees to.
func isJSONNumber(values arrow.Array) bool {
	switch id := values.DataType().ID(); id {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64, arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64:
		return true
	default:
		return arrow.IsDecimal(id)
	}
}

// appendJSONValue appends a value or null.
func appendJSONValue(dst []byte, values arrow.Array, a appender, row int) []byte {
	if isNull(values, row) {
		return append(dst, "null"...)
	}
	return a(dst, row)
}

func (t *wireType) field(i int) wireField {
	if t != nil && i < len(t.fields) {
		return t.fields[i]
	}
	return wireField{typ: textType}
}

func (e *rowEncoder) jsonObject(t *wireType, a *array.Struct) appender {
	names, fields := make([][]byte, a.NumField()), make([]appender, a.NumField())
	for i := range fields {
		name := append([]byte{'{'}, a.DataType().(*arrow.StructType).Field(i).Name...)
		if i > 0 {
			name[0] = ','
		}
		names[i] = append(quoteJSON(name, 1), ':')
		value := e.jsonValueAppender(t.field(i).typ, a.Field(i))
		if value == nil {
			return nil
		}
		fields[i] = value
	}
	return func(dst []byte, row int) []byte {
		if len(fields) == 0 {
			dst = append(dst, '{')
		}
		for i, field := range fields {
			dst = append(dst, names[i]...)
			dst = appendJSONValue(dst, a.Field(i), field, row)
		}
		return append(dst, '}')
	}
}

// jsonValueAppender is jsonAppender with floats as numbers where JSON has them.
func (e *rowEncoder) jsonValueAppender(t *wireType, values arrow.Array) appender {
	a := e.jsonAppender(t, values)
	if id := values.DataType().ID(); a == nil || id != arrow.FLOAT32 && id != arrow.FLOAT64 {
		return a
	}
	text := e.textAppender(t, values)
	return func(dst []byte, row int) []byte {
		start := len(dst)
		dst = text(dst, row)
		if last := dst[len(dst)-1]; last < '0' || last > '9' { // NaN, Infinity
			return quoteJSON(dst, start)
		}
		return dst
	}
}

func (e *rowEncoder) jsonList(t *wireType, list array.ListLike) appender {
	elementType := t.element
	if elementType == nil {
		elementType = textType
	}
	elements := list.ListValues()
	element := e.jsonValueAppender(elementType, elements)
	if element == nil {
		return nil
	}
	return func(dst []byte, row int) []byte {
		from, to := list.ValueOffsets(row)
		dst = append(dst, '[')
		for i := from; i < to; i++ {
			if i > from {
				dst = append(dst, ',')
			}
			dst = appendJSONValue(dst, elements, element, int(i))
		}
		return append(dst, ']')
	}
}

// jsonMap writes a map as an object whose names are the texts of the keys.
func (e *rowEncoder) jsonMap(t *wireType, a *array.Map) appender {
	key := e.textAppender(t.field(0).typ, a.Keys())
	value := e.jsonValueAppender(t.field(1).typ, a.Items())
	if key == nil || value == nil {
		return nil
	}
	return func(dst []byte, row int) []byte {
		from, to := a.ValueOffsets(row)
		dst = append(dst, '{')
		for i := from; i < to; i++ {
			if i > from {
				dst = append(dst, ',')
			}
			start := len(dst)
			dst = append(quoteJSON(key(dst, int(i)), start), ':')
			dst = appendJSONValue(dst, a.Items(), value, int(i))
		}
		return append(dst, '}')
	}
}

// jsonUnion writes the value that the union holds, without its tag.
func (e *rowEncoder) jsonUnion(t *wireType, a array.Union) appender {
	children := make([]appender, a.NumFields())
	for i := range children {
		if children[i] = e.jsonValueAppender(t.field(i).typ, a.Field(i)); children[i] == nil {
			return nil
		}
	}
	return func(dst []byte, row int) []byte {
		child, i := unionChild(a, row)
		return appendJSONValue(dst, child, children[a.ChildID(row)], i)
	}
}

// unionChild returns the array and the row of it that a union's row stands for.
func unionChild(values arrow.Array, row int) (arrow.Array, int) {
	u := values.(array.Union)
	child := u.Field(u.ChildID(row))
	if dense, ok := u.(*array.DenseUnion); ok {
		return child, int(dense.ValueOffset(row))
	}
	return child, row
}

// quoteJSON rewrites dst from start on, a value's text, as a JSON string.
func quoteJSON(dst []byte, start int) []byte {
	plain := true
	for _, c := range dst[start:] {
		if c < ' ' || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		dst = append(dst, 0, '"')
		copy(dst[start+1:], dst[start:len(dst)-2])
		dst[start] = '"'
		return dst
	}
	text := append([]byte(nil), dst[start:]...)
	dst = append(dst[:start], '"')
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			const digits = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			dst = append(dst, text[:size]...)
		}
		text = text[size:]
	}
	return append(dst, '"')
}
