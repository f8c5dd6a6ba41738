package plan

import (
	"context"
	"fmt"
	"testing"
)

// TestBadGroupsHoldUpNothing reads views whose window functions would fail on
// some group: nothing of a view may depend on the values of a record so that a
// checkpoint could not write its windows.
func TestBadGroupsHoldUpNothing(t *testing.T) {
	b := newDuckBinder(t)
	b.exec(t, `CREATE TABLE data AS SELECT * FROM (VALUES
		(1::BIGINT, 'a', 1::HUGEINT, 1::DECIMAL(30,4)), (2, '7', 170141183460469231731687303715884105727, 99999999999999999999999999.9999),
		(3, '8', 170141183460469231731687303715884105727, 99999999999999999999999999.9999), (4, NULL, NULL, NULL)) t(order_id, country, huge, wide)`)
	for _, test := range []struct{ sql, want string }{
		{"SELECT order_id, row_number() OVER (ORDER BY country::INTEGER NULLS FIRST, order_id) AS r FROM orders GROUP BY order_id, country", "[[1 1] [2 3] [3 4] [4 2]]"},
		{"SELECT order_id, sum(country::INTEGER) OVER () AS s FROM orders GROUP BY order_id, country", "[[1 15] [2 15] [3 15] [4 15]]"},
		{"SELECT order_id, lag(order_id, country::INTEGER - 6) OVER (ORDER BY order_id) AS s FROM orders GROUP BY order_id, country", "[[1 <nil>] [2 1] [3 1] [4 <nil>]]"},
		{"SELECT order_id, lag(order_id, 1, 'none') OVER (ORDER BY order_id) AS s FROM orders GROUP BY order_id", "[[1 <nil>] [2 1] [3 2] [4 3]]"},
		{"SELECT order_id, sum(max(huge)) OVER (PARTITION BY order_id < 2) AS s FROM orders GROUP BY order_id", "[[1 1] [2 <nil>] [3 <nil>] [4 <nil>]]"},
		{"SELECT order_id, avg(max(wide)) OVER (PARTITION BY order_id < 2) AS s FROM orders GROUP BY order_id", "[[1 1] [2 1e+26] [3 1e+26] [4 1e+26]]"},
		{"SELECT order_id, count(*) FILTER (WHERE country::INTEGER > 7) OVER () AS s FROM orders GROUP BY order_id, country", "[[1 1] [2 1] [3 1] [4 1]]"},
		{"SELECT order_id FROM orders GROUP BY order_id, country QUALIFY country::INTEGER + row_number() OVER () > 0", "[[2] [3]]"},
		{"SELECT i, n FROM (SELECT order_id AS i, country::INTEGER AS n FROM orders GROUP BY order_id, country) WHERE 1 // (n - 7) = 1", "[[3 8]]"},
		{"SELECT order_id FROM orders GROUP BY order_id, country ORDER BY country::INTEGER, order_id LIMIT 3", "[[1] [2] [3]]"},
		{"SELECT DISTINCT country::INTEGER + count(*) AS n FROM orders GROUP BY country", "[[8] [9] [<nil>]]"},
	} {
		lookup := func(string, string) (*Source, error) { return oracleSource, nil }
		def, err := View(context.Background(), b, "v", test.sql, 0, lookup)
		if err != nil {
			t.Errorf("%s: %v", test.sql, err)
			continue
		}
		text := runStages(t, b, def)
		if got := fmt.Sprint(b.rows(t, "SELECT * FROM ("+text+") ORDER BY 1")); got != test.want {
			t.Errorf("%s\n%s\ngives %s, want %s", test.sql, def.Result, got, test.want)
		}
	}
}
