package setting

import (
	"strings"

	"github.com/millstream-db/millstream/query/parser"
)

// The settings of a transaction begin as the session's defaults for them, each
// under its own name with default before it.
const (
	Isolation  = "transaction_isolation"
	ReadOnly   = "transaction_read_only"
	Deferrable = "transaction_deferrable"
)

const defaultPrefix = "default_"

var ofTransaction = []string{Isolation, ReadOnly, Deferrable}

// levels is the names of the levels of isolation. Whichever a transaction asks
// for, it reads one epoch, which is what all of them allow.
var levels = []string{"serializable", "repeatable read", "read committed", "read uncommitted"}

// Modes are settings of a transaction by name, those that were asked for.
type Modes map[string]string

// Set makes the modes those of the open transaction.
func (m Modes) Set(s *Settings) {
	for name, value := range m {
		s.Values[name] = value
	}
}

// SetDefault makes the modes those of the transactions to come.
func (m Modes) SetDefault(s *Settings) {
	for name, value := range m {
		s.Set(defaultPrefix+name, value)
	}
}

// Modes returns the open transaction's modes.
func (s *Settings) Modes() Modes {
	m := Modes{}
	for _, name := range ofTransaction {
		m[name] = s.Values[name]
	}
	return m
}

// settle gives what is of a transaction the session's defaults, when none is open.
func (s *Settings) settle() {
	if s.before != nil {
		return
	}
	for _, name := range ofTransaction {
		if value, ok := s.Values[defaultPrefix+name]; ok {
			s.Values[name] = value
		}
	}
}

// ModesOf returns the modes that a statement asks for.
func ModesOf(m parser.TransactionModes) Modes {
	out := Modes{}
	if m.Isolation != "" {
		out[Isolation] = strings.ToLower(m.Isolation)
	}
	if m.ReadOnly || m.ReadWrite {
		out[ReadOnly] = onOff[m.ReadOnly]
	}
	return out
}
