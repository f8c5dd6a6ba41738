package query

import "github.com/millstream-db/millstream/query/sqlstate"

// Error is an error that a person sees; see package sqlstate.
type Error = sqlstate.Error

// Errorf returns an Error with the given SQLSTATE and message.
func Errorf(code, format string, args ...any) *Error { return sqlstate.Errorf(code, format, args...) }

// AsError returns the *Error in err's chain, or wraps err as an internal error.
// It returns nil for nil.
func AsError(err error) *Error { return sqlstate.AsError(err) }

// The codes of errors.
const (
	CodeSyntaxError           = sqlstate.CodeSyntaxError
	CodeUndefinedTable        = sqlstate.CodeUndefinedTable
	CodeUndefinedColumn       = sqlstate.CodeUndefinedColumn
	CodeUndefinedFunction     = sqlstate.CodeUndefinedFunction
	CodeUndefinedObject       = sqlstate.CodeUndefinedObject
	CodeUndefinedParameter    = sqlstate.CodeUndefinedParameter
	CodeAmbiguousColumn       = sqlstate.CodeAmbiguousColumn
	CodeDuplicateTable        = sqlstate.CodeDuplicateTable
	CodeWrongObjectType       = sqlstate.CodeWrongObjectType
	CodeObjectInUse           = sqlstate.CodeObjectInUse
	CodeGroupingError         = sqlstate.CodeGroupingError
	CodeInvalidDefinition     = sqlstate.CodeInvalidDefinition
	CodeDatatypeMismatch      = sqlstate.CodeDatatypeMismatch
	CodeFeatureNotSupported   = sqlstate.CodeFeatureNotSupported
	CodeInsufficientPrivilege = sqlstate.CodeInsufficientPrivilege
	CodeDependentObjects      = sqlstate.CodeDependentObjects
	CodeInvalidText           = sqlstate.CodeInvalidText
	CodeNumericOutOfRange     = sqlstate.CodeNumericOutOfRange
	CodeInvalidParameter      = sqlstate.CodeInvalidParameter
	CodeUniqueViolation       = sqlstate.CodeUniqueViolation
	CodeNotNullViolation      = sqlstate.CodeNotNullViolation
	CodeQueryCanceled         = sqlstate.CodeQueryCanceled
	CodeAdminShutdown         = sqlstate.CodeAdminShutdown
	CodeCannotConnectNow      = sqlstate.CodeCannotConnectNow
	CodeInsufficientResources = sqlstate.CodeInsufficientResources
	CodeOutOfMemory           = sqlstate.CodeOutOfMemory
	CodeDiskFull              = sqlstate.CodeDiskFull
	CodeProgramLimit          = sqlstate.CodeProgramLimit
	CodeConfigurationLimit    = sqlstate.CodeConfigurationLimit
	CodeInFailedTransaction   = sqlstate.CodeInFailedTransaction
	CodeReadOnlyTransaction   = sqlstate.CodeReadOnlyTransaction
	CodeActiveTransaction     = sqlstate.CodeActiveTransaction
	CodeConnectionFailure     = sqlstate.CodeConnectionFailure
	CodeProtocolViolation     = sqlstate.CodeProtocolViolation
	CodeInternal              = sqlstate.CodeInternal
	CodeInvalidPreparedName   = sqlstate.CodeInvalidPreparedName
	CodeDuplicatePreparedName = sqlstate.CodeDuplicatePreparedName
	CodeInvalidCursorName     = sqlstate.CodeInvalidCursorName
	CodeObjectNotPrerequisite = sqlstate.CodeObjectNotPrerequisite
	CodeInvalidDatetime       = sqlstate.CodeInvalidDatetime
	CodeDatetimeOverflow      = sqlstate.CodeDatetimeOverflow
	CodeTooManyConnections    = sqlstate.CodeTooManyConnections
	CodeInvalidAuthorization  = sqlstate.CodeInvalidAuthorization
	CodeInvalidPassword       = sqlstate.CodeInvalidPassword
)
