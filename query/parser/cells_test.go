package parser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch/batchtest"
)

func TestCells(t *testing.T) {
	t.Parallel()
	names := [...]string{"expression", "text", "number", "null", "param", "default"}
	show := func(row []Cell) string {
		var out []string
		for _, c := range row {
			out = append(out, fmt.Sprintf("%s %s", names[c.Kind], c.Text))
		}
		return strings.Join(out, " | ")
	}
	for _, c := range []struct{ sql, want string }{
		{"VALUES (1)", "number 1"},
		{"VALUES ('x', -1.5), ($1, DEFAULT), (NULL, f(1, [2, 3]) + 1)", "text 'x' | number -1.5; param $1 | default DEFAULT; null NULL | expression f(1, [2, 3]) + 1"},
		{"VALUES (DATE '2024-01-01', - x, 'a' 'b')", "expression DATE '2024-01-01' | expression - x | expression 'a' 'b'"},
		{"VALUES (1), (2) LIMIT 1", ""},
		{"VALUES (1,)", ""},
		{"VALUES ()", ""},
		{"VALUES (1) (2)", ""},
		{"VALUES (1", ""},
		{"VALUES", ""},
		{"(VALUES (1))", ""},
		{"SELECT DISTINCT 'a' AS x, $1 y, (SELECT b FROM c), d FROM e WHERE f IN (1, 2)", "text 'a' | param $1 | expression (SELECT b FROM c) | expression d"},
		{"SELECT 'a', NULL", "text 'a' | null NULL"},
		{"SELECT 'a' || b AS c, NULL AS d ORDER BY 1, 2", "expression 'a' || b | null NULL"},
		{"SELECT s.*, 'a' FROM s", ""},
		{"SELECT * FROM s", ""},
		{"SELECT * EXCLUDE (a), 'b' FROM s", ""},
		{"SELECT columns('a'), 'b' FROM s", ""},
		{"SELECT 'a' UNION ALL SELECT 'b'", ""},
		{"SELECT DISTINCT ON (a) 'a', b FROM s", ""},
		{"SELECT", ""},
		{"SELECT FROM s", ""},
		{"WITH x AS (VALUES (1)) SELECT 'a' FROM x", ""},
		{"FROM s", ""},
		{"'", ""},
	} {
		rows, list := Cells(c.sql)
		if list != nil {
			rows = append(rows, list)
		}
		var got []string
		for _, row := range rows {
			got = append(got, show(row))
			for _, cell := range row {
				if c.sql[cell.Offset:cell.End()] != cell.Text {
					t.Errorf("%s: cell %q is said to be at %d", c.sql, cell.Text, cell.Offset)
				}
			}
		}
		if got := strings.Join(got, "; "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

func FuzzCells(f *testing.F) {
	for _, sql := range []string{"VALUES (1, 'a'), ($1, DEFAULT)", "SELECT DISTINCT 'a' AS x, f(1) y FROM t", "VALUES (1]", "SELECT )", "VALUES (", "SELECT a,"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		defer batchtest.MustEnd()()
		rows, list := Cells(sql)
		for _, row := range append(rows, list) {
			end := 0
			for _, c := range row {
				if c.Text == "" || c.Offset < 0 || c.End() > len(sql) || sql[c.Offset:c.End()] != c.Text {
					t.Fatalf("%q: cell %+v is not there", sql, c)
				}
				if c.Offset < end {
					t.Fatalf("%q: cell %+v overlaps the one before", sql, c)
				}
				end = c.End()
			}
		}
	})
}
