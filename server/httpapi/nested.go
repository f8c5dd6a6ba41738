package httpapi

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// nestedAppender returns nil if arr holds neither lists nor structs nor maps.
// In CSV they are JSON in a field.
func nestedAppender(arr arrow.Array, sqlType string, st style) appender {
	var asJSON appender
	switch a := arr.(type) {
	case *array.Map: // before lists, which it is one of
		asJSON = mapAppender(a)
	case array.ListLike:
		asJSON = listAppender(a, strings.TrimSuffix(sqlType, "[]"))
	case *array.Struct:
		asJSON = structAppender(a)
	default:
		return nil
	}
	if st == jsonStyle {
		return asJSON
	}
	var scratch []byte
	return func(dst []byte, i int) []byte {
		scratch = asJSON(scratch[:0], i)
		return appendText(dst, string(scratch), st)
	}
}

func listAppender(a array.ListLike, elementType string) appender {
	element := newAppender(a.ListValues(), elementType, jsonStyle)
	return func(dst []byte, i int) []byte {
		from, to := a.ValueOffsets(i)
		dst = append(dst, '[')
		for k := from; k < to; k++ {
			if k > from {
				dst = append(dst, ',')
			}
			dst = element(dst, int(k))
		}
		return append(dst, ']')
	}
}

func structAppender(a *array.Struct) appender {
	t := a.DataType().(*arrow.StructType)
	names := make([][]byte, a.NumField())
	fields := make([]appender, a.NumField())
	for f := range fields {
		names[f] = append(appendJSONString(nil, t.Field(f).Name), ':')
		fields[f] = newAppender(a.Field(f), "", jsonStyle)
	}
	return func(dst []byte, i int) []byte {
		dst = append(dst, '{')
		for f, appendValue := range fields {
			if f > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(append(dst, names[f]...), i)
		}
		return append(dst, '}')
	}
}

// mapAppender writes an object whose names are the keys' texts.
func mapAppender(a *array.Map) appender {
	key := newAppender(a.Keys(), "", plainStyle)
	item := newAppender(a.Items(), "", jsonStyle)
	var scratch []byte
	return func(dst []byte, i int) []byte {
		from, to := a.ValueOffsets(i)
		dst = append(dst, '{')
		for k := from; k < to; k++ {
			if k > from {
				dst = append(dst, ',')
			}
			scratch = key(scratch[:0], int(k))
			dst = append(appendJSONString(dst, string(scratch)), ':')
			dst = item(dst, int(k))
		}
		return append(dst, '}')
	}
}
