package setting

import (
	"slices"
	"strings"

	"github.com/millstream-db/millstream/query/sqlstate"
)

var onOff = map[bool]string{true: "on", false: "off"}

// Normalize returns a value as SHOW shows it. The error is that it is none of the
// setting's.
func Normalize(name, value string) (shown string, refused error) {
	invalid := func(hint string) error {
		e := sqlstate.Errorf(sqlstate.CodeInvalidParameter, "invalid value for parameter %q: %q", spelled(name), value)
		e.Hint = hint
		return e
	}
	of := strings.TrimPrefix(name, defaultPrefix)
	switch {
	case IsDuration(of):
		millis, ok := ParseDuration(value)
		switch {
		case ok && millis >= 0:
			return FormatDuration(millis), nil
		case strings.ContainsAny(value, "0123456789"): // it is the unit
			return "", invalid(`Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`)
		}
		return "", invalid("")
	case of == Isolation:
		shown = strings.ToLower(strings.Join(strings.Fields(value), " "))
		if !slices.Contains(levels, shown) {
			return "", invalid("Available values: " + strings.Join(levels, ", ") + ".")
		}
		return shown, nil
	case of == ReadOnly, of == Deferrable, of == Background:
		on, ok := Switch(value)
		if !ok {
			return "", sqlstate.Errorf(sqlstate.CodeInvalidParameter, "parameter %q requires a Boolean value", name)
		}
		return onOff[on], nil
	case name == "client_encoding":
		switch strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(value)) {
		case "UTF8", "UNICODE":
			return "UTF8", nil
		case "SQLASCII": // bytes as they are
			return "SQL_ASCII", nil
		}
		return "", invalid("Only UTF8 is supported.")
	case name == "datestyle":
		if !strings.HasPrefix(strings.ToUpper(value), "ISO") {
			return "", invalid("Only ISO is supported.")
		}
		return "ISO, MDY", nil
	case name == "synchronous_commit":
		shown = strings.ToLower(value)
		if _, ok := Switch(shown); !ok && !slices.Contains([]string{"local", "remote_write", "remote_apply"}, shown) {
			return "", invalid("Available values: local, remote_write, remote_apply, on, off.")
		}
		return shown, nil
	}
	return value, nil
}

func spelled(name string) string {
	if s, ok := Spelling[name]; ok {
		return s
	}
	return name
}

// Switch reads a Boolean value in PostgreSQL's words.
func Switch(value string) (on, ok bool) {
	v := strings.ToLower(value)
	switch {
	case v == "":
		return false, false
	case v == "on", v == "1", strings.HasPrefix("true", v), strings.HasPrefix("yes", v):
		return true, true
	case v == "off", v == "of", v == "0", strings.HasPrefix("false", v), strings.HasPrefix("no", v):
		return false, true
	}
	return false, false
}
