package decode

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// kind is what a JSON value is. Absent and null both become NULL.
type kind uint8

const (
	absent kind = iota
	null
	boolFalse
	boolTrue
	numeric
	plainString   // without escapes: its text is its bytes
	escapedString // with at least one escape
	objectValue
	arrayValue
	bareText    // of other formats: a text as it stands
	doubledText // likewise, with quotes in it that are there twice
)

// value is where a field's value lies in the record. The digits of a number
// are read while it is validated, so that no column reads them again.
type value struct {
	number
	start, end int // of the raw JSON text, a string's quotes included
	kind       kind
	exact      bool // the field's name was the column's, letter for letter
}

func (v *value) set(k kind, start, end int) { v.kind, v.start, v.end = k, start, end }

// scanner walks over JSON text and validates it. Its methods take a position
// and return the next one, or -1 once they have noted a problem.
type scanner struct {
	data     []byte
	maxDepth int
	at       int // where the problem is
	problem  string
}

func (s *scanner) fail(at int, problem string) int {
	s.at, s.problem = at, problem
	return -1
}

// unexpected notes that something else than want is at p.
func (s *scanner) unexpected(p int, want string) int {
	if p >= len(s.data) {
		return s.fail(len(s.data), "expected "+want+", found the end of the record")
	}
	r, _ := utf8.DecodeRune(s.data[p:])
	return s.fail(p, "expected "+want+", found "+strconv.QuoteRune(r))
}

// space returns the position of the first byte from p on that is not white space.
func (s *scanner) space(p int) int {
	if p < len(s.data) && s.data[p] > ' ' {
		return p
	}
	return s.skipSpace(p)
}

func (s *scanner) skipSpace(p int) int {
	for p < len(s.data) && isSpace(s.data[p]) {
		p++
	}
	return p
}

// colon steps over the colon behind a field name and the white space around it.
func (s *scanner) colon(p int) int {
	if p = s.space(p); p >= len(s.data) || s.data[p] != ':' {
		return s.unexpected(p, "':' after a field name")
	}
	return s.space(p + 1)
}

// value scans the value at p into v. depth is the number of objects and arrays
// that the value is in.
func (s *scanner) value(p, depth int, v *value) int {
	if p >= len(s.data) {
		return s.unexpected(p, "a value")
	}
	v.start = p
	end := -1
	switch c := s.data[p]; c {
	case '"':
		var escaped bool
		end, escaped = s.stringEnd(p + 1)
		v.kind = plainString
		if escaped {
			v.kind = escapedString
		}
	case '{':
		v.kind = objectValue
		end = s.container(p, depth+1)
	case '[':
		v.kind = arrayValue
		end = s.container(p, depth+1)
	case 't':
		v.kind = boolTrue
		end = s.literal(p, "true")
	case 'f':
		v.kind = boolFalse
		end = s.literal(p, "false")
	case 'n':
		v.kind = null
		end = s.literal(p, "null")
	default:
		if c != '-' && !isDigit(c) {
			return s.unexpected(p, "a value")
		}
		v.kind = numeric
		end = s.number(p, &v.number)
	}
	v.end = end
	return end
}

func (s *scanner) literal(p int, word string) int {
	if end := p + len(word); end <= len(s.data) && string(s.data[p:end]) == word {
		return end
	}
	return s.unexpected(p, word)
}

func (s *scanner) tooDeep(p int) int {
	return s.fail(p, "nested deeper than "+strconv.Itoa(s.maxDepth)+" levels")
}

// container scans the object or array that begins at p and is the depth-th of
// those around it.
func (s *scanner) container(p, depth int) int {
	if depth > s.maxDepth {
		return s.tooDeep(p)
	}
	isObject, closer := s.data[p] == '{', s.data[p]+2 // '{' + 2 is '}', '[' + 2 is ']'
	if p = s.space(p + 1); p < len(s.data) && s.data[p] == closer {
		return p + 1
	}
	var v value
	for {
		if isObject {
			if p >= len(s.data) || s.data[p] != '"' {
				return s.unexpected(p, "a field name")
			}
			if p, _ = s.stringEnd(p + 1); p < 0 {
				return p
			}
			if p = s.colon(p); p < 0 {
				return p
			}
		}
		if p = s.value(p, depth, &v); p < 0 {
			return p
		}
		if p = s.space(p); p >= len(s.data) || s.data[p] != ',' {
			break
		}
		p = s.space(p + 1)
	}
	if p < len(s.data) && s.data[p] == closer {
		return p + 1
	}
	return s.unexpected(p, "',' or '"+string(closer)+"' after a value")
}

const (
	everyByte = 0x0101010101010101
	everyHigh = 0x8080808080808080
	everyLow  = 0x7f7f7f7f7f7f7f7f
)

// stringEnd returns the position behind the quote that closes the string whose
// first character is at p, and whether there are escapes in it.
func (s *scanner) stringEnd(p int) (end int, escaped bool) {
	data := s.data
	for {
		// Eight bytes at a time: x-1 borrows into the high bit of a byte that is
		// zero. The lowest byte marked is right; those above may not be.
		for p+8 <= len(data) {
			x := binary.LittleEndian.Uint64(data[p:])
			quote, slash := x^(everyByte*'"'), x^(everyByte*'\\')
			marks := ((quote-everyByte)&^quote | (slash-everyByte)&^slash | (x-everyByte*0x20)&^x) & everyHigh
			if marks != 0 {
				p += bits.TrailingZeros64(marks) >> 3
				break
			}
			p += 8
		}
		for p < len(data) && data[p] != '"' && data[p] != '\\' && data[p] >= 0x20 {
			p++
		}
		switch {
		case p >= len(data):
			return s.fail(p, "a string does not end"), false
		case data[p] == '"':
			return p + 1, escaped
		case data[p] != '\\':
			return s.fail(p, "control character in a string"), false
		}
		escaped = true
		if p = s.escape(p); p < 0 {
			return p, false
		}
	}
}

// escape scans the escape whose backslash is at p. Half a surrogate pair is an
// error everywhere, also where no column wants it: it is no character, UTF-8
// cannot hold it, and DuckDB calls JSON that has one malformed.
func (s *scanner) escape(p int) int {
	if p+1 >= len(s.data) {
		return s.fail(len(s.data), "a string does not end")
	}
	switch s.data[p+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return p + 2
	case 'u':
	default:
		return s.fail(p, "invalid escape in a string")
	}
	unit, ok := hex4(s.data, p+2)
	switch {
	case !ok:
		return s.fail(p, "invalid \\u escape in a string")
	case unit < surrogateMin || unit > surrogateMax:
		return p + 6
	case unit < lowSurrogateMin && p+7 < len(s.data) && s.data[p+6] == '\\' && s.data[p+7] == 'u':
		if low, ok := hex4(s.data, p+8); ok && low >= lowSurrogateMin && low <= surrogateMax {
			return p + 12
		}
	}
	return s.fail(p, "half a surrogate pair in a string")
}
