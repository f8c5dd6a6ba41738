package setting

import (
	"testing"

	"github.com/millstream-db/millstream/query/sqlstate"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "250": "250ms", "1000": "1s", "90000": "90s", "2min": "2min", "60 min": "1h", "1.5s": "1500ms", "1d": "1d", "100us": "0", "1500us": "2ms",
		"-1": "", "x": "", "5 parsecs": "", "1e300": "", "": "", "nan": "",
	} {
		got, refused := Normalize("statement_timeout", text)
		if (refused == nil) != (want != "") || got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, refused, want)
		}
	}
	if _, refused := Normalize("lock_timeout", "5 parsecs"); sqlstate.AsError(refused).Hint == "" {
		t.Error("a wrong unit has no hint")
	}
}

// TestModes follows the settings of transactions.
func TestModes(t *testing.T) {
	s := New(map[string]string{"default_transaction_isolation": "repeatable read", "default_transaction_read_only": "ON", "statement_timeout": "60000"})
	hold := func(when, isolation, readOnly string) {
		t.Helper()
		if got := [2]string{s.Get(Isolation), s.Get(ReadOnly)}; got != [2]string{isolation, readOnly} {
			t.Errorf("%s: %v", when, got)
		}
	}
	if got := s.Get("statement_timeout"); got != "1min" {
		t.Errorf("a setting of the start is %q", got)
	}
	hold("at the start", "repeatable read", "on")
	s.Begin(Modes{Isolation: "serializable"})
	hold("in a transaction", "serializable", "on")
	s.Set("default_transaction_read_only", "off")
	hold("with another default", "serializable", "on")
	s.ResetAll()
	hold("after RESET ALL", "serializable", "on")
	s.End(true)
	hold("after it", "repeatable read", "on")
	s.Begin(Modes{ReadOnly: "off"})
	s.Set("default_transaction_isolation", "read committed")
	s.End(false)
	hold("after one that was rolled back", "repeatable read", "on")
	Modes{Isolation: "read committed"}.SetDefault(&s)
	hold("with another default", "read committed", "on")
	s.Reset("default_transaction_isolation")
	hold("after RESET", "repeatable read", "on")
}
