package token

import (
	"strings"
	"testing"
)

func TestWithoutTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"FROM TUMBLE(TABLE orders, DESCRIPTOR(ts))", "FROM TUMBLE(      orders, DESCRIPTOR(ts))"},
		{"from table ( tumble(table orders, x) ) as t", "from         tumble(      orders, x)   as t"},
		{"FROM TUMBLE(DATA => TABLE orders, x)", "FROM TUMBLE(DATA =>       orders, x)"},
		{"FROM TUMBLE(/* TABLE a */ TABLE \"TABLE\", x)", "FROM TUMBLE(/* TABLE a */       \"TABLE\", x)"},
		{"FROM HOP(TABLE a, f(TABLE b))", "FROM HOP(      a, f(TABLE b))"},
		{"FROM f(TABLE a)", "FROM f(TABLE a)"},
		{"(TABLE a)", "(TABLE a)"},
		{"SELECT 'TUMBLE(TABLE a)', $$TUMBLE(TABLE a)$$, E'\\'TUMBLE(TABLE a', \"TUMBLE(TABLE a\"", ""},
		{"-- TUMBLE(TABLE a\n/* TUMBLE(TABLE /* */ a */", ""},
		{"SELECT $1, $a$ TABLE(TUMBLE( $a$, 'it''s TABLE(TUMBLE('", ""},
		{"TABLE(TUMBLE(TABLE a", "      TUMBLE(      a"},
	} {
		want := c.want
		if want == "" {
			want = c.in
		}
		have := WithoutTable(c.in, Tokenize(c.in))
		if have != want {
			t.Errorf("%s\n got %s\nwant %s", c.in, have, want)
		}
	}
}

func FuzzWithoutTable(f *testing.F) {
	for _, s := range []string{"FROM TABLE(TUMBLE(TABLE a, b))", "'", "$a$", "/*/**/", "E'\\", "\"\"\"", "((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		out := WithoutTable(sql, Tokenize(sql))
		if len(out) != len(sql) {
			t.Fatalf("%q became %q", sql, out)
		}
		if strings.Count(out, "\n") != strings.Count(sql, "\n") {
			t.Fatalf("%q lost a line", sql)
		}
	})
}
