package duck

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// TestDivision divides each type of number by each: integers give an integer, and
// all else is as without the integers' own division.
func TestDivision(t *testing.T) {
	_, c := open(t)
	ask := func(sql string) string {
		rows, err := c.Query(context.Background(), sql)
		if err != nil {
			return err.Error()
		}
		defer rows.Close()
		if _, err := rows.Next(); err != nil {
			return err.Error()
		}
		var out string
		if err := rows.Scan(&out); err != nil {
			return err.Error()
		}
		return out
	}
	integers := []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
	others := []string{"UBIGINT", "HUGEINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL(4,1)", "DECIMAL(18,3)", "DECIMAL(38,2)"}
	result := func(x, y string) string {
		return ask(fmt.Sprintf("SELECT concat_ws(' ', typeof(r), r) FROM (SELECT 7::%s / 2::%s AS r)", x, y))
	}
	for _, x := range integers {
		for _, y := range integers {
			if got := result(x, y); !strings.HasSuffix(got, "INT 3") && got != "INTEGER 3" {
				t.Errorf("%s / %s: %s", x, y, got)
			}
		}
		for _, y := range others {
			for _, pair := range [][2]string{{x, y}, {y, x}} {
				if got := result(pair[0], pair[1]); got != "DOUBLE 3.5" && got != "FLOAT 3.5" {
					t.Errorf("%s / %s: %s", pair[0], pair[1], got)
				}
			}
		}
	}
	for sql, want := range map[string]string{
		"SELECT (INTERVAL '7 days' / 2)::VARCHAR": "3 days 12:00:00",
		"SELECT concat_ws(' ', sum(x) / count(*), count(*) / count(*), max(x) / 2, avg(x) / 2, sum(x::DOUBLE) / 2) FROM (VALUES (1), (7)) t(x)": "4.0 1 3 2.0 4.0",
		"SELECT string_agg((x / y)::VARCHAR, ' ' ORDER BY x) FROM (VALUES (-7, 2), (7, -2), (9, 0), (10, NULL), (12, 5)) t(x, y)":               "-3 -3 2",
		"SELECT (-7 / 2)::VARCHAR":                                                                                    "-3",
		"SELECT coalesce((1 / 0)::VARCHAR, 'none')":                                                                   "none",
		"SELECT (x / -1)::VARCHAR FROM (SELECT (-9223372036854775807 - 1)::BIGINT AS x)":                              "Overflow in division of an integer by -1",
		"SELECT count(*)::VARCHAR FROM range(10000) t(i) WHERE i / 3 = i // 3 AND (i::INTEGER / 7::INTEGER) = i // 7": "10000",
	} {
		if got := ask(sql); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}
