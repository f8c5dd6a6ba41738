package duck

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Error is what DuckDB said, taken apart.
type Error struct {
	Type       string // Parser, Binder, Catalog, Conversion, INTERRUPT, FATAL, …
	Subtype    string // such as MISSING_ENTRY, COLUMN_NOT_FOUND
	Message    string
	Name       string   // the thing that was not found
	Candidates []string // names that come near it
	Position   int      // byte offset into the statement, -1 none
}

func (e *Error) Error() string { return e.Message }

// Fatal reports whether the instance is beyond use and must be reopened.
func (e *Error) Fatal() bool {
	return e.Type == "FATAL" || e.Type == "INTERNAL" || strings.Contains(e.Message, "database has been invalidated")
}

// Interrupted reports whether the statement was cancelled.
func (e *Error) Interrupted() bool { return e.Type == "INTERRUPT" || e.Type == "Interrupt" }

// parseError reads DuckDB's message, which is "Kind Error: text" or, where
// errors_as_json holds, JSON with or without that kind in front.
func parseError(text string) *Error {
	e := &Error{Message: text, Position: -1}
	if kind, rest, ok := strings.Cut(text, " Error: "); ok && len(kind) < 40 && !strings.ContainsAny(kind, "\n:{") {
		e.Type, e.Message = kind, rest
	}
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
	return e
}

// Lost reports whether an error says that the instance is, or may be, beyond use.
// What was under way can be done again after [DB.Await].
func Lost(err error) bool {
	var d *Error
	return errors.Is(err, ErrReopened) || errors.As(err, &d) && d.Fatal()
}
