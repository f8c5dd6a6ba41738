package pgwire

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/millstream-db/millstream/query"
)

// SQLSTATE codes that only the protocol raises.
const (
	codeUntranslatable  = "22P05" // a character that the wire can't carry
	codeInvalidEncoding = "22021" // not UTF-8
	codeInvalidBinary   = "22P03"
	codeBadCopyFormat   = "22P04"
	codeDuplicateCursor = "42P03"
)

// The causes for which a statement's context ends. Each reaches the client as
// it stands, whatever error the session made of the cancelled context.
var (
	errCanceledByUser = query.Errorf(query.CodeQueryCanceled, "canceling statement due to user request")
	errTimeout        = query.Errorf(query.CodeQueryCanceled, "canceling statement due to statement timeout")
	errHangup         = query.Errorf(query.CodeConnectionFailure, "client closed the connection")
	errShutdown       = query.Errorf(query.CodeAdminShutdown, "terminating connection due to administrator command")
)

// errMalformed is the answer to a message whose body is not what its type asks
// for. Its length was right, so the connection can go on.
var errMalformed = query.Errorf(query.CodeProtocolViolation, "invalid message format")

// errPlanChanged is the answer to a statement that gives other columns than its
// client was told. Drivers know it and prepare the statement again.
var errPlanChanged = query.Errorf(query.CodeFeatureNotSupported, "cached plan must not change result type")

// planChanged is errPlanChanged with what is not as it was.
func planChanged(format string, args ...any) error {
	changed := *errPlanChanged
	changed.Detail = fmt.Sprintf(format, args...)
	return &changed
}

// errTooManyClients is what clients are told for whom there is no room.
var errTooManyClients = query.Errorf(query.CodeTooManyConnections, "sorry, too many clients already")

// ErrServerClosed is returned by Serve when it is called after Shutdown.
var ErrServerClosed = errors.New("pgwire: server closed")

// errClosed ends a connection's loop without a word to the client: it has gone
// or has said goodbye.
var errClosed = errors.New("connection closed")

// fatalError is an error after which the connection is closed.
type fatalError struct{ err *query.Error }

func (e *fatalError) Error() string { return e.err.Message }
func (e *fatalError) Unwrap() error { return e.err }

// fatalf returns a fatalError with the given SQLSTATE and message.
func fatalf(code, format string, args ...any) error {
	return &fatalError{err: query.Errorf(code, format, args...)}
}

// protocolViolation returns the fatal error for bytes that are not the protocol.
func protocolViolation(format string, args ...any) error {
	return fatalf(query.CodeProtocolViolation, format, args...)
}

// statementError returns what to tell the client about err, which came from a
// statement that ran under ctx. The cause of the context's end wins, because
// the session sees only its effect, an interrupted query.
func statementError(ctx context.Context, err error) *query.Error {
	var cause *query.Error
	if ctx.Err() != nil && errors.As(context.Cause(ctx), &cause) {
		return cause
	}
	return query.AsError(err)
}

// shiftPosition returns e with its position moved from a statement that starts
// at the given byte offset of text to text itself. It changes a copy.
func shiftPosition(e *query.Error, text string, offset int) *query.Error {
	if e.Position == 0 || offset == 0 {
		return e
	}
	moved := *e
	moved.Position += utf8.RuneCountInString(text[:offset])
	return &moved
}

// wireText returns s without the bytes that would end or spoil a string of the
// protocol.
func wireText(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\\0"), "\uFFFD")
}

// panicError is what remains of a panic in a session.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }
