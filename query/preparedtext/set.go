// Package preparedtext keeps what PREPARE has prepared in a session. Drivers prepare by
// the protocol, where the server keeps the statements.
package preparedtext

import (
	"iter"
	"maps"
	"strings"
	"time"
)

// Text is a statement of PREPARE.
type Text struct {
	SQL   string
	Whole string // the PREPARE
	At    time.Time
	Types []string // as written, of the first parameters
}

func (t Text) bytes() int { return len(t.SQL) + len(t.Whole) }

const (
	mostTexts = 10_000
	// MostBytes is what the texts of a [Set] may take together.
	MostBytes = 64 << 20
)

// Set is a session's statements by their names. The zero value is empty. It is not safe
// for concurrent use.
type Set struct {
	texts map[string]Text
	bytes int
}

// Find returns the statement of a name.
func (s *Set) Find(name string) (t Text, ok bool) {
	t, ok = s.texts[name]
	return t, ok
}

// Add keeps copies of the texts under a name that is free. It returns false when there is
// no room.
func (s *Set) Add(name string, t Text) bool {
	if len(s.texts) >= mostTexts || s.bytes+t.bytes() > MostBytes {
		return false
	}
	if s.texts == nil {
		s.texts = make(map[string]Text)
	}
	t.SQL, t.Whole = strings.Clone(t.SQL), strings.Clone(t.Whole)
	s.texts[name] = t
	s.bytes += t.bytes()
	return true
}

// Remove forgets a statement, if it is there.
func (s *Set) Remove(name string) {
	s.bytes -= s.texts[name].bytes() // 0 of one that is not there
	delete(s.texts, name)
}

// Clear forgets all.
func (s *Set) Clear() { *s = Set{} }

// All yields the statements in no order.
func (s *Set) All() iter.Seq2[string, Text] { return maps.All(s.texts) }
