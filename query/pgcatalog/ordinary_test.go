package pgcatalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/millstream-db/millstream/query/parser"
)

// TestOrdinary shows the texts of statements about users' tables, and the names
// of their columns. What is left of a statement must be found where it was.
func TestOrdinary(t *testing.T) {
	datadriven.RunTest(t, "testdata/ordinary", func(t *testing.T, d *datadriven.TestData) string {
		switch d.Cmd {
		case "names":
			n := NamesOf(d.Input)
			var list []string
			var all int
			d.ScanArgs(t, "columns", &all)
			for i := range all {
				list = append(list, fmt.Sprintf("%q", n.Of(i, all)))
			}
			return strings.Join(list, " ") + "\n"
		case "named":
			return Named(d.Input) + "\n"
		}
		text := Ordinary(d.Input)
		if text.SQL == d.Input {
			return "unchanged\n"
		}
		checkOffsets(t, d.Input, text)
		return text.SQL + "\n"
	})
}

// checkOffsets follows each word of the rewritten statement that the one as
// written has too, in the same order, back to where it was.
func checkOffsets(t *testing.T, written string, text Text) {
	t.Helper()
	tokens, err := parser.Lex(text.SQL)
	if err != nil {
		t.Fatalf("%s: %v", text.SQL, err)
	}
	last, kept := -1, 0
	for _, token := range tokens {
		at := text.Offset(token.Offset)
		if at < last || at > len(written) {
			t.Errorf("%s: %q at %d comes from %d, behind %d", text.SQL, token.Text, token.Offset, at, last)
		}
		last = at
		if token.Text != "" && strings.HasPrefix(written[at:], token.Text) {
			kept++
		}
	}
	if kept < len(tokens)/3 {
		t.Errorf("%s: only %d of %d tokens are found again", text.SQL, kept, len(tokens))
	}
}

// FuzzOrdinary looks for statements that make Ordinary or NamesOf panic.
func FuzzOrdinary(f *testing.F) {
	for _, sql := range []string{
		"SELECT 'a' ~ 'b', to_char(x, 'YYYY'), '{1,2}'::int[] FROM generate_series(1, 2) g FOR UPDATE", "SELECT * FROM (VALUES (1)) t LIKE 'a\\'",
		"SELECT (SELECT x::int AS y), [1]", "WITH a AS (SELECT 1) SELECT substring(b from 'c') #>> '{a}'", "SELECT to_char(", "~~ ~ (", "values",
	} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		text := Ordinary(sql)
		for i := range len(text.SQL) + 1 {
			if at := text.Offset(i); at < 0 || at > len(sql) {
				t.Errorf("%q: offset %d of %q comes from %d", sql, i, text.SQL, at)
			}
		}
		NamesOf(sql).Of(0, 1)
	})
}
