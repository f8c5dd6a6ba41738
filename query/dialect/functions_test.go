package dialect

import (
	"strings"
	"testing"
)

// TestKnown tells the functions of the language from what they are made of. What
// they give is in the SQL test file dialect.test.
func TestKnown(t *testing.T) {
	for name, want := range map[string]bool{
		"@": true, "!~*": true, "to_char_time": true, "date_bin": true, "encode": true,
		"ms_time_part": false, "lower": false, "to_char": false, "": false,
	} {
		if Known(name) != want {
			t.Errorf("Known(%q) = %v", name, !want)
		}
	}
	if n := strings.Count(Functions(), "CREATE MACRO functions.main."); n < len(known()) {
		t.Errorf("%d macros, %d known", n, len(known()))
	}
}
