package decode

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine/batch"
)

// fault says why a value does not fit its type. Parsers return it instead of
// an error, because only their caller knows the column and the position.
type fault uint8

const (
	fine fault = iota
	malformed
	outOfRange
	hasNUL
	unsupported
	innerFault // what is wrong is in the decoder's problem
)

// complaint is the sentence for a fault; shown is the value as excerpt made it.
func complaint(f fault, shown, typeName string) string {
	switch f {
	case outOfRange:
		return shown + " is out of range for " + typeName
	case hasNUL:
		return shown + " holds a NUL character, which " + typeName + " cannot"
	case unsupported:
		return "values of type " + typeName + " cannot be decoded"
	}
	article := " is not a "
	if typeName[0] == 'I' {
		article = " is not an "
	}
	return shown + article + typeName
}

// parseError is the error of the exported parsers.
func parseError(f fault, text []byte, t batch.Type) error {
	return errors.New(complaint(f, excerpt(append(append([]byte{'"'}, text[:min(len(text), 4*excerptMax)]...), '"')), t.String()))
}

// excerptMax is the number of characters that an error shows of a value.
const excerptMax = 60

// excerpt returns the value's text, cut to excerptMax characters. What does
// not print is replaced, so that a record cannot play tricks on a terminal.
func excerpt(text []byte) string {
	var b strings.Builder
	for n := 0; len(text) > 0; n++ {
		r, size := utf8.DecodeRune(text)
		if n == excerptMax-1 && len(text) > size {
			b.WriteRune('…')
			break
		}
		if !unicode.IsPrint(r) {
			r = utf8.RuneError
		}
		b.WriteRune(r)
		text = text[size:]
	}
	return b.String()
}

// trim removes the white space around a value.
func trim(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	for len(text) > 0 && isSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isDigit(c byte) bool { return c-'0' <= 9 }

// equalFold reports whether text is word, which is lower-case ASCII letters
// and signs, in any letter case.
func equalFold(text []byte, word string) bool {
	if len(text) != len(word) {
		return false
	}
	for i := range len(word) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
