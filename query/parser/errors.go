package parser

import "fmt"

// SQLSTATE codes of the errors in this package.
const (
	codeSyntax       = "42601"
	codeUnsupported  = "0A000"
	codeReservedName = "42939"
	codeNameTooLong  = "42622"
	codeInvalidName  = "42602"
	codeDuplicate    = "42701"
	codeTooComplex   = "54001"
	codeLimit        = "54000"
	codeBadEncoding  = "22021"
	codeBadInterval  = "22007"
	codeBadWatermark = "42P17"
	codeNoSchema     = "3F000"

	codeInvalidDefinition = "42P16"
	codeUndefinedColumn   = "42703"
	codeBadOption         = "22023"
	codeInvalidCursor     = "42P11"
)

// NoOffset is the Offset of an error that belongs to no place in the text.
const NoOffset = -1

// Error is an error in a statement's text.
type Error struct {
	Code    string // SQLSTATE
	Message string
	Hint    string // what to write instead; may be empty
	Offset  int    // byte offset in the text given to Parse; NoOffset: none
}

func (e *Error) Error() string { return e.Message }

func errorAt(offset int, code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Offset: offset}
}

func (e *Error) withHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// syntaxError is Postgres's wording, which clients and people know by heart.
func syntaxError(t Token) *Error {
	if t.Kind == EOF {
		return errorAt(t.Offset, codeSyntax, "syntax error at end of input")
	}
	return errorAt(t.Offset, codeSyntax, "syntax error at or near \"%s\"", excerpt(t.Text))
}

// excerpt keeps a message readable when the token is a page of text.
func excerpt(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xC0 == 0x80 { // not inside a character
		cut--
	}
	return s[:cut] + "…"
}
