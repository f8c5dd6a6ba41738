package gate

import "fmt"

// SQLSTATE codes of the errors in this package.
const (
	codeSyntax            = "42601"
	codeUnsupported       = "0A000"
	codePrivilege         = "42501"
	codeUndefinedTable    = "42P01"
	codeUndefinedFunction = "42883"
	codeUndefinedParam    = "42P02"
	codeLimit             = "54000"
	codeTooComplex        = "54001"
	codeInternal          = "XX000"
)

// NoOffset is the Offset of an error that belongs to no place in the text.
const NoOffset = -1

// Error says why a query is refused.
type Error struct {
	Code    string // SQLSTATE
	Message string
	Hint    string // what to write instead; may be empty
	Offset  int    // byte offset in the text that was serialized; NoOffset: none
}

func (e *Error) Error() string { return e.Message }

func errorAt(offset int, code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Offset: offset}
}

func (e *Error) withHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}
