package plan

import (
	"errors"
	"fmt"
)

// ErrView is returned by a lookup when the name is a materialized view's:
// views over views are not supported yet, and [View] says so.
var ErrView = errors.New("plan: relation is a materialized view")

// SQLSTATEs of the errors raised here; the names are PostgreSQL's.
const (
	codeSyntax             = "42601"
	codeUndefinedTable     = "42P01"
	codeUndefinedColumn    = "42703"
	codeUndefinedFunction  = "42883"
	codeUndefinedParameter = "42P02"
	codeDuplicateColumn    = "42701"
	codeAmbiguousColumn    = "42702"
	codeDuplicateAlias     = "42712"
	codeGrouping           = "42803"
	codeWindowing          = "42P20"
	codeInvalidDefinition  = "42P17"
	codeInvalidReference   = "42P10"
	codeDatatypeMismatch   = "42804"
	codeInvalidText        = "22P02"
	codeInvalidParameter   = "22023"
	codeUnsupported        = "0A000"
)

// Error says why a SELECT cannot be a view, and what to write instead.
type Error struct {
	Code    string // SQLSTATE
	Message string
	Hint    string
	Offset  int // byte offset into the SELECT's text, -1 for none
}

func (e *Error) Error() string { return e.Message }

// fail returns an Error at a byte offset of the statement.
func fail(code string, offset int, format string, args ...any) *Error {
	return &Error{Code: code, Offset: offset, Message: fmt.Sprintf(format, args...)}
}

// hint sets the hint and returns the error.
func (e *Error) hint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}
