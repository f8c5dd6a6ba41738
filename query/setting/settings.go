// Package setting is a session's settings: what SET, RESET and SHOW are about.
package setting

import (
	"maps"
	"slices"
	"strings"
)

// Settings is a session's settings map. Clients of Postgres set many that mean
// nothing here: they are kept and shown, and do nothing.
type Settings struct {
	Values, Defaults map[string]string
	// before is the values at the start of the transaction: SET LOCAL, and
	// every SET of a transaction that is rolled back, return to them.
	before map[string]string
}

// Spelling is how SHOW ALL and clients write the names that are not lower case.
var Spelling = map[string]string{"timezone": "TimeZone", "datestyle": "DateStyle", "intervalstyle": "IntervalStyle"}

// New returns settings that begin with these values, by their names in lower case.
func New(values map[string]string) Settings {
	for name, value := range values {
		if shown, refused := Normalize(name, value); refused == nil {
			values[name] = shown
		}
	}
	s := Settings{Values: values}
	s.settle()
	s.Defaults = maps.Clone(values)
	return s
}

// Get returns a value, "" for what is not known.
func (s *Settings) Get(name string) string { return s.Values[strings.ToLower(name)] }

// Off reports whether a setting is switched off, in one of PostgreSQL's words.
func (s *Settings) Off(name string) bool {
	return slices.Contains([]string{"off", "false", "no", "0"}, strings.ToLower(s.Get(name)))
}

// Known reports whether there is such a setting.
func (s *Settings) Known(name string) bool {
	_, ok := s.Values[strings.ToLower(name)]
	return ok
}

// Set gives a setting a value; its name is in lower case.
func (s *Settings) Set(name, value string) {
	s.Values[name] = value
	s.settle()
}

// Reset takes a setting back to what the session began with.
func (s *Settings) Reset(name string) {
	if value, ok := s.Defaults[name]; ok {
		s.Values[name] = value
	} else {
		delete(s.Values, name)
	}
	s.settle()
}

// ResetAll takes all settings back.
func (s *Settings) ResetAll() {
	modes := s.Modes()
	s.Values = maps.Clone(s.Defaults)
	if s.before != nil {
		modes.Set(s)
	}
}

// Begin opens a transaction, which has the modes that it asks for, else the
// session's defaults.
func (s *Settings) Begin(m Modes) {
	s.settle()
	s.before = maps.Clone(s.Values)
	m.Set(s)
}

// End closes the transaction: an aborted one takes its settings back.
func (s *Settings) End(commit bool) {
	if !commit && s.before != nil {
		s.Values = s.before
	}
	s.before = nil
	s.settle()
}

// All returns name and value pairs, sorted.
func (s *Settings) All() [][]string {
	var out [][]string
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		shown := name
		if p, ok := Spelling[name]; ok {
			shown = p
		}
		out = append(out, []string{shown, s.Values[name]})
	}
	return out
}
