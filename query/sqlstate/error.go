// Package sqlstate has the errors that a person sees, and makes them of those of
// the layers below: with PostgreSQL's codes, the place in the statement, and a hint.
package sqlstate

import (
	"errors"
	"fmt"
)

// SQLSTATE codes that Millstream raises; the names are PostgreSQL's.
const (
	CodeSyntaxError           = "42601"
	CodeUndefinedTable        = "42P01"
	CodeUndefinedColumn       = "42703"
	CodeUndefinedFunction     = "42883"
	CodeUndefinedObject       = "42704"
	CodeDivisionByZero        = "22012"
	CodeUndefinedParameter    = "42P02"
	CodeAmbiguousColumn       = "42702"
	CodeDuplicateTable        = "42P07"
	CodeWrongObjectType       = "42809"
	CodeObjectInUse           = "55006"
	CodeGroupingError         = "42803"
	CodeInvalidDefinition     = "42P17"
	CodeDatatypeMismatch      = "42804"
	CodeFeatureNotSupported   = "0A000"
	CodeInsufficientPrivilege = "42501"
	CodeDependentObjects      = "2BP01"
	CodeInvalidText           = "22P02"
	CodeNumericOutOfRange     = "22003"
	CodeInvalidParameter      = "22023"
	CodeUniqueViolation       = "23505"
	CodeNotNullViolation      = "23502"
	CodeQueryCanceled         = "57014"
	CodeAdminShutdown         = "57P01"
	CodeCannotConnectNow      = "57P03"
	CodeInsufficientResources = "53000"
	CodeOutOfMemory           = "53200"
	CodeDiskFull              = "53100"
	CodeProgramLimit          = "54000"
	CodeConfigurationLimit    = "53400"
	CodeInFailedTransaction   = "25P02"
	CodeReadOnlyTransaction   = "25006"
	CodeActiveTransaction     = "25001"
	CodeSerializationFailure  = "40001"
	CodeConnectionFailure     = "08006"
	CodeProtocolViolation     = "08P01"
	CodeSystemError           = "58000"
	CodeInternal              = "XX000"
	CodeInvalidPreparedName   = "26000"
	CodeDuplicatePreparedName = "42P05"
	CodeInvalidCursorName     = "34000"
	CodeObjectNotPrerequisite = "55000"
	CodeInvalidDatetime       = "22007"
	CodeDatetimeOverflow      = "22008"
	CodeTooManyConnections    = "53300"
	CodeInvalidAuthorization  = "28000"
	CodeInvalidPassword       = "28P01"
	CodeDataCorrupted         = "XX001"
	CodeUndefinedFile         = "58P01"
	CodeDuplicateFile         = "58P02"
)

// Error is an error that a person sees: it names the thing, says what to do,
// and carries a SQLSTATE and, where the statement's text is at fault, a place.
type Error struct {
	Code     string // SQLSTATE
	Message  string
	Detail   string
	Hint     string
	Position int // 1-based character of the statement's text; 0: none
}

func (e *Error) Error() string { return e.Message }

// Errorf returns an Error with the given SQLSTATE and message.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// At sets the position and returns the error.
func (e *Error) At(position int) *Error { e.Position = position; return e }

// WithHint sets the hint and returns the error.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// AsError returns the *Error in err's chain, or wraps err as an internal error.
// It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Message: err.Error()}
}
