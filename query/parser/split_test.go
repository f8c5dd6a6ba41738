package parser

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		sql  string
		want []Piece
	}{
		{"empty", "", nil},
		{"only blanks and comments", " ;\n-- x;y\n; /* a /* b; */ c; */ ;", nil},
		{"two", "SELECT 1; SELECT 2", []Piece{{"SELECT 1", 0}, {"SELECT 2", 10}}},
		{"trailing semicolon", "SELECT 1;", []Piece{{"SELECT 1", 0}}},
		{"comments around", "/* a */ SELECT /* ; */ 1 -- b;\n;x", []Piece{{"SELECT /* ; */ 1", 8}, {"x", 32}}},
		{"string", "SELECT ';'';';a", []Piece{{"SELECT ';'';'", 0}, {"a", 14}}},
		{"backslash is no escape", `SELECT '\';a`, []Piece{{`SELECT '\'`, 0}, {"a", 11}}},
		{"backslash is an escape", `SELECT E'\';a';b`, []Piece{{`SELECT E'\';a'`, 0}, {"b", 15}}},
		{"e at the end of a name", `SELECT date'\';a`, []Piece{{`SELECT date'\'`, 0}, {"a", 15}}},
		{"continued string keeps escapes", "SELECT E'a' -- x\n '\\';b';c", []Piece{{"SELECT E'a' -- x\n '\\';b'", 0}, {"c", 25}}},
		{"quoted name", `SELECT "a;""b;";c`, []Piece{{`SELECT "a;""b;"`, 0}, {"c", 16}}},
		{"dollar", "SELECT $$;$$;SELECT $a$;$$;$a$;b", []Piece{{"SELECT $$;$$", 0}, {"SELECT $a$;$$;$a$", 13}, {"b", 31}}},
		{"dollar in a name", "SELECT a$b$;c$b$", []Piece{{"SELECT a$b$", 0}, {"c$b$", 12}}},
		{"parameter", "SELECT $1;SELECT $2", []Piece{{"SELECT $1", 0}, {"SELECT $2", 10}}},
		{"parentheses", "SELECT (1;2);b", []Piece{{"SELECT (1;2)", 0}, {"b", 13}}},
		{"unterminated string", "a; SELECT 'x;y ", []Piece{{"a", 0}, {"SELECT 'x;y ", 3}}},
		{"unterminated comment", "a; /* x;", []Piece{{"a", 0}, {"/* x;", 3}}},
		{"unicode space", "a;\u00a0b", []Piece{{"a", 0}, {"b", 4}}},
		{"operator before comment", "SELECT 1+--;\n1;b", []Piece{{"SELECT 1+--;\n1", 0}, {"b", 15}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, Split(c.sql)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
