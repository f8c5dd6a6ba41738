package pgwire

import (
	"errors"
	"strconv"
	"strings"

	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/parser"
)

// textParameter reads a value in the text format of its type. A date, time or
// interval that is not written as PostgreSQL writes it is passed on as text:
// the engine's cast knows more spellings, and its error is the better one.
func textParameter(oid uint32, text string) (any, error) {
	if element, ok := elementOIDs[oid]; ok {
		return textArray(element, text)
	}
	trimmed := strings.TrimSpace(text)
	switch oid {
	case oidBool:
		return textBool(trimmed)
	case oidInt2:
		return textInteger(oid, trimmed, 16)
	case oidInt4:
		return textInteger(oid, trimmed, 32)
	case oidInt8:
		return textInteger(oid, trimmed, 64)
	case oidOID:
		v, err := strconv.ParseUint(trimmed, 10, 32)
		if err != nil {
			return nil, invalidText(oid, text)
		}
		return int64(v), nil
	case oidFloat4, oidFloat8:
		return textFloat(oid, trimmed)
	case oidNumeric:
		if v, ok := parseTextNumeric(trimmed); ok {
			return v, nil
		}
		return nil, invalidText(oid, text)
	case oidBytea:
		return textBytea(text)
	case oidUUID:
		if u, ok := parseUUID(trimmed); ok {
			return u, nil
		}
		return nil, invalidText(oid, text)
	case oidDate, oidTime, oidTimestamp, oidTimestampTZ, oidInterval:
		if v, ok := textTime(oid, trimmed); ok {
			return v, nil
		}
	}
	return text, nil
}

func invalidText(oid uint32, text string) error {
	return query.Errorf(query.CodeInvalidText, "invalid input syntax for type %s: %q", typeNames[oid], text)
}

func textBool(text string) (any, error) {
	s := strings.ToLower(text)
	switch {
	case s == "":
	case s == "1" || s == "on" || strings.HasPrefix("true", s) || strings.HasPrefix("yes", s):
		return true, nil
	case s == "0" || s == "off" || s == "of" || strings.HasPrefix("false", s) || strings.HasPrefix("no", s):
		return false, nil
	}
	return nil, invalidText(oidBool, text)
}

func textInteger(oid uint32, text string, bitSize int) (any, error) {
	v, err := strconv.ParseInt(text, 10, bitSize)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return nil, query.Errorf(query.CodeNumericOutOfRange, "value %q is out of range for type %s", text, typeNames[oid])
	case err != nil:
		return nil, invalidText(oid, text)
	}
	return v, nil
}

// parseFloat reads a float without Go's extras, hexadecimal and underscores.
func parseFloat(text string, bitSize int) (any, bool) {
	if strings.ContainsAny(text, "xX_pP") {
		return nil, false
	}
	v, err := strconv.ParseFloat(text, bitSize)
	if err != nil {
		return nil, false
	}
	return v, true
}

func textFloat(oid uint32, text string) (any, error) {
	bitSize := 64
	if oid == oidFloat4 {
		bitSize = 32
	}
	v, err := strconv.ParseFloat(text, bitSize)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return nil, query.Errorf(query.CodeNumericOutOfRange, "%q is out of range for type %s", text, typeNames[oid])
	case err != nil || strings.ContainsAny(text, "xX_pP"):
		return nil, invalidText(oid, text)
	case oid == oidFloat4:
		return float32(v), nil
	}
	return v, nil
}

func textBytea(text string) (any, error) {
	v, ok := parser.ParseBytea(text)
	if !ok {
		return nil, invalidText(oidBytea, text)
	}
	return v, nil
}

// textArray reads {1,NULL,"a b",{2}} as nested lists.
func textArray(element uint32, text string) (any, error) {
	rest := strings.TrimSpace(text)
	if strings.HasPrefix(rest, "[") { // bounds, as in [0:2]={1,2,3}
		if _, after, ok := strings.Cut(rest, "="); ok {
			rest = after
		}
	}
	r := arrayText{element: element, rest: rest}
	list, err := r.list(0)
	if err != nil {
		return nil, err
	}
	if list == nil || strings.TrimSpace(r.rest) != "" {
		return nil, query.Errorf(query.CodeInvalidText, "malformed array literal: %q", text)
	}
	return *list, nil
}

type arrayText struct {
	element uint32
	rest    string
}

// list reads a list in braces. It returns nil when there is none.
func (r *arrayText) list(depth int) (*[]any, error) {
	r.skipSpace()
	if depth == maxArrayDimensions || !r.take('{') {
		return nil, nil
	}
	list := []any{}
	for first := true; ; first = false {
		r.skipSpace()
		if r.take('}') {
			return &list, nil
		}
		if !first && !r.take(',') {
			return nil, nil
		}
		r.skipSpace()
		if strings.HasPrefix(r.rest, "{") {
			inner, err := r.list(depth + 1)
			if inner == nil || err != nil {
				return nil, err
			}
			list = append(list, *inner)
			continue
		}
		v, ok, err := r.value()
		if !ok || err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

// value reads an element, in double quotes or not.
func (r *arrayText) value() (v any, ok bool, err error) {
	quoted := r.take('"')
	var text strings.Builder
	for {
		if r.rest == "" {
			return nil, false, nil
		}
		c := r.rest[0]
		if quoted && c == '"' {
			r.rest = r.rest[1:]
			break
		}
		if !quoted && strings.IndexByte(`,{}"`, c) >= 0 {
			break
		}
		if c == '\\' {
			if r.rest = r.rest[1:]; r.rest == "" {
				return nil, false, nil
			}
		}
		text.WriteByte(r.rest[0])
		r.rest = r.rest[1:]
	}
	s := text.String()
	if !quoted {
		if s = strings.TrimSpace(s); s == "" {
			return nil, false, nil
		}
		if strings.EqualFold(s, "null") {
			return nil, true, nil
		}
	}
	v, err = textParameter(r.element, s)
	return v, true, err
}

func (r *arrayText) take(c byte) bool {
	if r.rest == "" || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *arrayText) skipSpace() { r.rest = strings.TrimLeft(r.rest, " \t\r\n\v\f") }
