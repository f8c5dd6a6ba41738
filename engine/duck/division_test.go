package duck

import (
	"fmt"
	"strings"
	"testing"
)

// TestDivision divides each type of number by each: integers give an integer, and
// all else is as without the integers' own division.
func TestDivision(t *testing.T) {
	_, c := open(t)
	ask := func(sql string) string { return askText(t, c, sql) }
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
		"SELECT coalesce((NULL::INTEGER / 0)::VARCHAR, 'none')": "none",
		"SELECT (INTERVAL '7 days' / 2)::VARCHAR":               "3 days 12:00:00",
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

// TestStrictDivision compares the strict operators with the others: what they give,
// and of what type, is the same but for a division by zero.
func TestStrictDivision(t *testing.T) {
	_, c := open(t)
	setUp := "CREATE SCHEMA strict; CREATE SCHEMA views;" + StrictDivision("strict", "views") + `
		CREATE VIEW views.quotients AS SELECT x, x / (x - 3) AS q, x % (x - 3) AS r FROM range(5) t(x);
		SET search_path='strict,views,main'`
	if err := c.Exec(t.Context(), setUp); err != nil {
		t.Fatal(err)
	}
	types := []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "UINTEGER", "UBIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL(4,1)", "DECIMAL(38,2)"}
	for _, x := range types {
		for _, y := range types {
			for _, op := range []string{"/", "%"} {
				strict := fmt.Sprintf("SELECT concat_ws(' ', typeof(r), r) FROM (SELECT 17::%s %s 5::%s AS r)", x, op, y)
				tolerant := fmt.Sprintf("SELECT concat_ws(' ', typeof(r), r) FROM (SELECT system.main.%q(17::%s, 5::%s) AS r)", op, x, y)
				if got, want := askText(t, c, strict), askText(t, c, tolerant); got != want || got == "" {
					t.Errorf("%s %s %s: %s, want %s", x, op, y, got, want)
				}
				if got := askText(t, c, fmt.Sprintf("SELECT (17::%s %s 0::%s)::VARCHAR", x, op, y)); got != "division by zero" {
					t.Errorf("%s %s a zero %s: %s", x, op, y, got)
				}
			}
		}
	}
	for sql, want := range map[string]string{
		"SELECT coalesce((1 / NULL)::VARCHAR, 'none')":                                                                    "none",
		"SELECT (INTERVAL '7 days' / 2)::VARCHAR":                                                                         "3 days 12:00:00",
		"SELECT (INTERVAL '7 days' / 0)::VARCHAR":                                                                         "division by zero",
		"SELECT (10 / (2 - x))::VARCHAR FROM range(4) t(x)":                                                               "division by zero",
		"SELECT (10 % (2 - x))::VARCHAR FROM range(4) t(x)":                                                               "division by zero",
		"SELECT sum(CASE WHEN x = 0 THEN 0 ELSE 10 / x + 10 % x END)::VARCHAR FROM range(3) t(x)":                         "15",
		"SELECT count(10 / nullif(x, 0))::VARCHAR FROM range(3) t(x)":                                                     "2",
		"SELECT string_agg(concat_ws(' ', x, coalesce(q::VARCHAR, '-'), coalesce(r::VARCHAR, '-')), ', ') FROM quotients": "0 0 0, 1 0 1, 2 -2 0, 3 - -, 4 4 0",
		"SELECT string_agg(q::VARCHAR, ' ') FROM (SELECT TRY(1 / x) AS q FROM range(3) t(x))":                             "1 0",
	} {
		if got := askText(t, c, sql); got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}

// askText returns the first column of the first row, or the error's text.
func askText(t *testing.T, c *Conn, sql string) string {
	rows, err := c.Query(t.Context(), sql)
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
