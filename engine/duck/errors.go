package duck

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Error is what DuckDB said, taken apart.
type Error struct {
	Type       string // Parser, Binder, Catalog, Conversion, INTERRUPT, FATAL, …
	Subtype    string // such as MISSING_ENTRY, COLUMN_NOT_FOUND
	Message    string
	Name       string   // the thing that was not found
	Candidates []string // names that come near it
	Position   int      // byte offset into the statement, -1 none
	// File is the database file if the error says that what is in it, or in its log, is
	// not what was written; else "".
	File string
	// Errno is the system's error if it is one of the system, such as 5 for one of
	// the disk; else 0.
	Errno int
}

// DamageHint says what can be done about a damaged file.
const DamageHint = "Start on a backup of the database, or on an empty data directory, so that the topics are read again."

// DiskHint says what can be done about a disk that does not do what it is asked to.
const DiskHint = "The disk has failed to do that: the system's log says why."

func (e *Error) Error() string {
	switch {
	case e.File != "":
		return e.Damage() + ". " + DamageHint
	case e.failedDisk():
		return strings.TrimRight(e.Message, ". \n!") + ". " + DiskHint
	}
	return e.Message
}

// failedDisk reports whether the error is that of a disk, which says nothing about what is
// on it.
func (e *Error) failedDisk() bool {
	return e.Errno == int(syscall.EIO) || strings.Contains(strings.ToLower(e.Message), syscall.EIO.Error()) || strings.Contains(e.Message, "fsync failed")
}

// Damage says what is wrong with the file, if there is one.
func (e *Error) Damage() string {
	message, _, _ := strings.Cut(e.Message, "\n\nStack Trace:") // of an internal error
	return "the database file " + e.File + " or its log is damaged: " + strings.TrimRight(message, ". \n")
}

// damages are parts of messages about files that hold what was not written.
var damages = []string{
	"Corrupt database file", "Corrupt WAL file", "does not match stored checksum", "Failure while replaying WAL", "replaying checkpoint WAL",
	"not a valid DuckDB database file", "Failed to deserialize", "WAL does not match", "WAL checkpoint iteration", "Could not read enough bytes",
}

// in names the file if the error is about damage to it.
func (e *Error) in(file string) *Error {
	if file != "" && !e.failedDisk() && slices.ContainsFunc(damages, func(part string) bool { return strings.Contains(e.Message, part) }) {
		e.File = file
	}
	return e
}

// opening is in for a file that can't be opened, which is damaged unless something else
// is in the way.
func (e *Error) opening(file string) *Error {
	if e.in(file); e.failedDisk() {
		return e
	}
	for _, part := range []string{"lock on file", "Permission denied", "No space left", "Is a directory", "Out of Memory", "Too many open files", "No such file", "newer version"} {
		if strings.Contains(e.Message, part) {
			return e
		}
	}
	e.File = file
	return e
}

// Fatal reports whether the instance is beyond use and must be reopened.
func (e *Error) Fatal() bool {
	return e.Type == "FATAL" || e.Type == "INTERNAL" || strings.Contains(e.Message, "database has been invalidated")
}

// interrupted reports whether the statement was interrupted: by us, or by DuckDB, see ErrUntold.
func (e *Error) interrupted() bool { return e.Type == "INTERRUPT" || e.Type == "Interrupt" }

// parseError reads DuckDB's message, which is "Kind Error: text" or, where
// errors_as_json holds, JSON with or without that kind in front.
func parseError(text string) *Error {
	e := &Error{Message: text, Position: -1}
	if kind, rest, ok := strings.Cut(text, " Error: "); ok && len(kind) < 40 && !strings.ContainsAny(kind, "\n:{") {
		e.Type, e.Message = kind, rest
	}
	defer func() {
		if e.Type == "TransactionContext" && outOfMemory.MatchString(e.Message) { // of a commit
			e.Type = memoryType
		}
	}()
	var fields map[string]string
	if !strings.HasPrefix(e.Message, "{") || json.Unmarshal([]byte(e.Message), &fields) != nil {
		return e
	}
	e.Type, e.Subtype, e.Message = fields["exception_type"], fields["error_subtype"], fields["exception_message"]
	e.Name = fields["name"]
	if c := fields["candidates"]; c != "" {
		e.Candidates = strings.Split(c, ",")
	}
	if p, err := strconv.Atoi(fields["position"]); err == nil {
		e.Position = p
	}
	e.Errno, _ = strconv.Atoi(fields["errno"]) // it has one or not
	return e
}

// memoryType is the Type of an error that says that DuckDB's memory_limit is reached,
// or that the process's memory is.
const memoryType = "Out of Memory"

var outOfMemory = regexp.MustCompile(`^Failed to commit: (failed to (pin block|allocate)|could not allocate)`)

// Lost reports whether an error says that the instance is, or may be, beyond use.
// What was under way can be done again after [DB.Await].
func Lost(err error) bool {
	var d *Error
	return errors.Is(err, ErrReopened) || errors.As(err, &d) && d.Fatal()
}

// OutOfMemory reports whether an error says that DuckDB's memory_limit is reached, which
// passes when a statement of somebody else ends. ErrUntold may be that.
func OutOfMemory(err error) bool {
	var d *Error
	return errors.Is(err, ErrUntold) || errors.As(err, &d) && d.Type == memoryType
}

// ErrUntold is returned for a statement that has failed by an error which DuckDB keeps to itself.
// When a thread fails that works ahead of those who read the rows, DuckDB (1.5.6, simple_buffered_data.cpp)
// interrupts the other threads, and takes its own interruption for the user's when the next rows are
// fetched, before it looks for the error. It is there when the statement is run again, and its rows are
// fetched without a pause.
var ErrUntold = errors.New("an error has ended the statement, which DuckDB does not tell")
