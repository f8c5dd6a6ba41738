package parser

import "testing"

func TestParameters(t *testing.T) {
	got := ReplaceParams("SELECT $1, '$1', $2 -- $1", map[string]string{"$1": "NULL"})
	if want := "SELECT NULL, '$1', $2 -- $1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	types := StatedTypes("SELECT $1::int, $2::int[], $3 FROM generate_series(1, $4, abs($5)) WHERE $6::timestamptz < now() AND 3 = $8 AND $9 < 4 + a AND x + 3 = $10 AND $11 >= 5 AND $12::jsonb[] AND $7::")
	for name, want := range map[string]string{"$1": "INTEGER", "$2": "INTEGER[]", "$3": "", "$4": "INTEGER", "$5": "", "$6": "TIMESTAMP WITH TIME ZONE", "$7": "",
		"$8": "INTEGER", "$9": "", "$10": "", "$11": "INTEGER", "$12": "JSON[]"} {
		if types[name] != want {
			t.Errorf("%s: got %q, want %q", name, types[name], want)
		}
	}
}

// TestUncast takes casts of parameters to numeric away that would cut digits off.
func TestUncast(t *testing.T) {
	exact := func(i int) bool { return i != 1 }
	for sql, want := range map[string]string{
		"SELECT $1::numeric, $2::numeric, $3::decimal + 1":                "SELECT $1, $2::numeric, $3 + 1",
		"SELECT $1::numeric(10,2), $1::numeric[], $1::int, '$1::numeric'": "SELECT $1::numeric(10,2), $1::numeric[], $1::int, '$1::numeric'",
		"SELECT 1": "SELECT 1",
	} {
		if got := Uncast(sql, exact); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
	if ReadsFrom("SELECT 'from'") || !ReadsFrom("SELECT 1 FROM t") {
		t.Error("FROM is not told from a text")
	}
}
