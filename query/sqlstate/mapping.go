package sqlstate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/backup"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/job"
	"github.com/millstream-db/millstream/engine/receipt"
	"github.com/millstream-db/millstream/engine/rowchange"
	"github.com/millstream-db/millstream/engine/subscription"
	"github.com/millstream-db/millstream/query/admission"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/pgcatalog"
	"github.com/millstream-db/millstream/query/plan"
)

// Explain turns an error of the layers below into one for the user. Offsets
// in it are bytes of sql from base on.
func Explain(err error, sql string, base int) error {
	if err == nil {
		return nil
	}
	var (
		done   *Error
		parse  *parser.Error
		gated  *gate.Error
		plan   *plan.Error
		duckdb *duck.Error
		broken *rowchange.ConstraintError
	)
	at := func(offset int) int {
		if offset < 0 || base+offset < 0 || base+offset > len(sql) {
			return 0
		}
		return utf8.RuneCountInString(sql[:base+offset]) + 1
	}
	switch {
	case errors.As(err, &done):
		return done
	case errors.As(err, &duckdb) && duckdb.File != "":
		return &Error{Code: CodeDataCorrupted, Message: duckdb.Damage(), Hint: duck.DamageHint}
	case Reopening(err):
		return &Error{Code: CodeCannotConnectNow, Message: duck.ErrReopened.Error(), Hint: "Try again, a transaction from its beginning."}
	case errors.As(err, &parse):
		return &Error{Code: parse.Code, Message: parse.Message, Hint: parse.Hint, Position: at(parse.Offset)}
	case errors.As(err, &gated):
		return &Error{Code: gated.Code, Message: gated.Message, Hint: gated.Hint, Position: at(gated.Offset)}
	case errors.As(err, &plan):
		return &Error{Code: plan.Code, Message: plan.Message, Hint: plan.Hint, Position: at(plan.Offset)}
	case errors.As(err, &duckdb):
		e := FromDuckDB(duckdb)
		e.Position = at(duckdb.Position)
		return e
	case errors.As(err, &broken):
		code := CodeUniqueViolation
		if broken.Column != "" {
			code = CodeNotNullViolation
		}
		return &Error{Code: code, Message: broken.Error(), Detail: broken.Detail}
	default:
		return FromEngine(err)
	}
}

// Reopening reports whether DuckDB has given the file up. An internal error of the
// statement itself is none of these: DuckDB may be well.
func Reopening(err error) bool {
	var d *duck.Error
	return errors.Is(err, duck.ErrReopened) || errors.As(err, &d) && d.Fatal() && d.Type != "INTERNAL"
}

// Moved turns the offsets of an error about a rewritten statement into those of
// the statement as written.
func Moved(err error, text pgcatalog.Text) error {
	var (
		gated  *gate.Error
		plan   *plan.Error
		duckdb *duck.Error
	)
	switch {
	case errors.As(err, &gated) && gated.Offset >= 0:
		e := *gated
		e.Offset = text.Offset(e.Offset)
		return &e
	case errors.As(err, &plan) && plan.Offset >= 0:
		e := *plan
		e.Offset = text.Offset(e.Offset)
		return &e
	case errors.As(err, &duckdb) && duckdb.Position >= 0:
		e := *duckdb
		e.Position = text.Offset(e.Position)
		return &e
	}
	return err
}

// FromEngine gives the engine's sentinels and the context's ends their codes.
func FromEngine(err error) *Error {
	var building *job.BuildingError
	if errors.As(err, &building) {
		return Errorf(CodeObjectNotPrerequisite, "%v", building).WithHint("SHOW JOBS shows its progress; CANCEL JOB %d gives it up.", building.Job)
	}
	var epoch *subscription.EpochError
	if errors.As(err, &epoch) {
		e := Errorf(CodeInvalidParameter, "%v", err)
		switch {
		case epoch.Moved:
			return e.WithHint("Its changes are there: add WITH (SNAPSHOT = false).")
		case epoch.Wanted < epoch.Current:
			return e.WithHint("Begin anew without AS OF, or write AS OF AT LEAST.")
		}
		return e
	}
	if errors.Is(err, engine.ErrConflict) {
		return &Error{Code: CodeSerializationFailure, Message: "could not serialize access due to concurrent update",
			Detail: err.Error() + ".", Hint: "Nothing was changed. Run the transaction again."}
	}
	for _, known := range []struct {
		err        error
		code, hint string
	}{
		{engine.ErrStopped, CodeSystemError, "Restart the server: it goes on from its last checkpoint. Its log says what has happened."},
		{engine.ErrNotFound, CodeUndefinedTable, ""},
		{engine.ErrExists, CodeDuplicateTable, "Drop it first, or write IF NOT EXISTS."},
		{engine.ErrDependents, CodeDependentObjects, "Use DROP … CASCADE to drop the dependent objects too."},
		{engine.ErrInUse, CodeObjectInUse, "Wait for the job, which SHOW JOBS shows, or use CANCEL JOB."},
		{job.ErrCanceled, CodeQueryCanceled, ""},
		{engine.ErrChanged, CodeObjectInUse, "Try again."},
		{engine.ErrPaused, CodeObjectNotPrerequisite, "ALTER SOURCE … RESUME lets it go on."},
		{engine.ErrFull, CodeInsufficientResources, "The next checkpoint empties them: try again in a second."},
		{receipt.ErrReused, CodeUniqueViolation, "Give every request a key of its own, and the same one only to repeat it."},
		{engine.ErrClosed, CodeAdminShutdown, ""},
		{admission.ErrFull, CodeInsufficientResources, "Wait, or raise the setting max_queries."},
		{admission.ErrNoMemory, CodeOutOfMemory, "Try again, or raise the setting process_memory."},
		{duck.ErrMemory, CodeOutOfMemory, memoryHint},
		{duck.ErrUntold, CodeInsufficientResources, "Try again. An error that does not come again is mostly one for want of memory: see the setting duckdb_memory."},
		{checkpoint.ErrDiskFull, CodeDiskFull, "Free space on the disk; Millstream goes on by itself."},
		{backup.ErrNotEmpty, CodeDuplicateFile, "Name a directory that does not exist."},
		{backup.ErrNoParent, CodeUndefinedFile, "Make the directory that it is to be in, and let the server write there."},
		{backup.ErrBusy, CodeObjectInUse, "Wait for it, or name another directory."},
		{checkpoint.ErrFrozen, CodeObjectInUse, "Wait for it, which SHOW JOBS shows, or use CANCEL JOB."},
		{checkpoint.ErrHeld, CodeObjectInUse, "Try again."},
		{checkpoint.ErrInMemory, CodeFeatureNotSupported, "Run serve with --data."},
		{syscall.ENOSPC, CodeDiskFull, "Free space there."},
		{context.DeadlineExceeded, CodeQueryCanceled, ""},
		{context.Canceled, CodeQueryCanceled, ""},
	} {
		if errors.Is(err, known.err) {
			message := err.Error()
			if known.code == CodeQueryCanceled {
				message = "canceling statement due to user request"
				if errors.Is(err, job.ErrCanceled) {
					message = "the job was cancelled by CANCEL JOB"
				}
				if errors.Is(err, context.DeadlineExceeded) {
					message = "canceling statement due to statement timeout"
				}
			}
			return &Error{Code: known.code, Message: message, Hint: known.hint}
		}
	}
	return AsError(err)
}

// memoryHint says what to do about a statement that needs too much memory.
const memoryHint = "Let the statement make fewer or shorter values, or raise the setting process_memory, or duckdb_memory."

// duckCodes maps DuckDB's kinds of errors; subtypes are looked up first.
var duckCodes = map[string]string{
	"COLUMN_NOT_FOUND": CodeUndefinedColumn, "AMBIGUOUS_REFERENCE": CodeAmbiguousColumn, "NO_MATCHING_FUNCTION": CodeUndefinedFunction,
	"SYNTAX_ERROR": CodeSyntaxError, "MISSING_ENTRY": CodeUndefinedTable,
	"Parser": CodeSyntaxError, "Syntax": CodeSyntaxError, "Binder": CodeUndefinedColumn, "Catalog": CodeUndefinedTable,
	"Conversion": CodeInvalidText, "Mismatch Type": CodeDatatypeMismatch, "Out of Range": CodeNumericOutOfRange,
	"Invalid Input": CodeInvalidParameter, "Invalid type": CodeUndefinedObject, "Decimal": CodeNumericOutOfRange,
	"Permission": CodeInsufficientPrivilege, "Not implemented": CodeFeatureNotSupported,
	"Out of Memory": CodeOutOfMemory, "TransactionContext": CodeReadOnlyTransaction, "Divide by Zero": CodeDivisionByZero,
	"IO": CodeDiskFull,
}

// FromDuckDB makes an error of DuckDB's one for the user, without its place.
func FromDuckDB(d *duck.Error) *Error {
	code := duckCodes[d.Subtype]
	if code == "" {
		code = duckCodes[d.Type]
	}
	e := &Error{Code: code, Message: d.Message}
	switch {
	case code == "":
		e.Code = CodeInternal
	case d.Type == "Binder":
		e.Code = binderCode(d, code)
	case d.Type == "Conversion":
		e.Code = conversionCode(d.Message)
		e.Message = conversionMessage(d.Message)
	case d.Type == "Catalog" && strings.Contains(d.Message, "Function"):
		e.Code = CodeUndefinedFunction
	case d.Type == "Catalog" && strings.HasPrefix(d.Message, "Type"):
		e.Code = CodeUndefinedObject
	case d.Type == "Invalid Input" && d.Message == "division by zero": // of package duck
		e.Code = CodeDivisionByZero
	case d.Type == "Invalid Input" && strings.HasPrefix(d.Message, "invalid input syntax for type "):
		e.Code = CodeInvalidText
	case d.Type == "Out of Memory": // what DuckDB advises is not for users to do
		cause, _, _ := strings.Cut(d.Message, "\n")
		e.Message, e.Hint = "out of memory: "+cause, memoryHint
	}
	// DuckDB appends the line at fault, which the position says already.
	if cut := strings.Index(e.Message, "\n\nLINE "); cut > 0 {
		e.Message = e.Message[:cut]
	}
	if e.Code == CodeUndefinedColumn && d.Name != "" {
		e.Message = fmt.Sprintf("column %q does not exist", d.Name)
	}
	if len(d.Candidates) > 0 {
		e.Hint = "Perhaps you meant " + strings.Join(d.Candidates[:min(3, len(d.Candidates))], " or ") + "."
	}
	return e
}

// conversionCode tells PostgreSQL's kinds of bad values apart.
func conversionCode(message string) string {
	outOfRange := strings.Contains(message, "out of range")
	switch {
	case strings.Contains(message, "timestamp field"), strings.Contains(message, "date field"), strings.Contains(message, "time field"):
		if outOfRange {
			return CodeDatetimeOverflow
		}
		return CodeInvalidDatetime
	case outOfRange, strings.Contains(message, "Could not cast value") && strings.Contains(message, "DECIMAL"):
		return CodeNumericOutOfRange
	default:
		return CodeInvalidText
	}
}

var notConverted = regexp.MustCompile(`(?s)^Could not convert string '(.*)' to (\w+)`)

// typeWords is PostgreSQL's names of types for those in DuckDB's messages.
var typeWords = map[string]string{
	"INT8": "smallint", "INT16": "smallint", "INT32": "integer", "INT64": "bigint", "FLOAT": "real", "DOUBLE": "double precision",
	"BOOL": "boolean", "UUID": "uuid",
}

// conversionMessage says of a bad value what PostgreSQL says, since clients show
// it to people who know that.
func conversionMessage(message string) string {
	if m := notConverted.FindStringSubmatch(message); m != nil && typeWords[m[2]] != "" {
		return fmt.Sprintf("invalid input syntax for type %s: \"%s\"", typeWords[m[2]], m[1])
	}
	return message
}

// binderCode tells binder errors apart that have no subtype.
func binderCode(d *duck.Error, code string) string {
	switch {
	case d.Subtype != "":
		return code
	case strings.Contains(d.Message, "GROUP BY"):
		return CodeGroupingError
	case strings.Contains(d.Message, "Ambiguous"):
		return CodeAmbiguousColumn
	case strings.Contains(d.Message, "No function matches"):
		return CodeUndefinedFunction
	case strings.Contains(d.Message, "Referenced column"), strings.Contains(d.Message, "does not have a column"):
		return CodeUndefinedColumn
	case strings.Contains(d.Message, "Cannot compare"), strings.Contains(d.Message, "cast"), strings.Contains(d.Message, "type"):
		return CodeDatatypeMismatch
	default:
		return CodeSyntaxError
	}
}
