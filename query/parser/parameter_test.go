package parser

import "testing"

func TestParameters(t *testing.T) {
	got := ReplaceParams("SELECT $1, '$1', $2 -- $1", map[string]string{"$1": "NULL"})
	if want := "SELECT NULL, '$1', $2 -- $1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	types := StatedTypes("SELECT $1::int, $2::int[], $3 FROM generate_series(1, $4, abs($5)) WHERE $6::timestamptz < now() AND $7::")
	for name, want := range map[string]string{"$1": "INTEGER", "$2": "", "$3": "", "$4": "INTEGER", "$5": "", "$6": "TIMESTAMP WITH TIME ZONE", "$7": ""} {
		if types[name] != want {
			t.Errorf("%s: got %q, want %q", name, types[name], want)
		}
	}
}
