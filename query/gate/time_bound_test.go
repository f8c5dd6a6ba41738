package gate

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestTimeBoundsAreSound leaves the rows out that the bounds allow to leave
// out, and expects the same result.
func TestTimeBoundsAreSound(t *testing.T) {
	t.Parallel()
	conn := open(t)
	exec(t, conn, tables)
	bounds := 0
	for _, join := range []string{
		"orders o", "orders o, clicks c", "orders o JOIN clicks c ON o.order_id = c.order_id",
		"orders o LEFT JOIN clicks c ON o.order_id = c.order_id", "orders o RIGHT JOIN clicks c ON o.order_id = c.order_id",
		"orders o FULL JOIN clicks c ON o.order_id = c.order_id", "orders o JOIN clicks c USING (order_id)",
		"orders o FULL JOIN clicks c USING (order_id, ts)", "orders o NATURAL JOIN clicks c",
		"orders o ASOF JOIN clicks c ON o.ts >= c.ts", "orders o ASOF JOIN clicks c ON o.ts <= c.ts",
		"orders o ASOF LEFT JOIN clicks c ON o.ts < c.ts", "orders o ASOF RIGHT JOIN clicks c ON o.ts <= c.ts",
		"orders o POSITIONAL JOIN clicks c", "orders o SEMI JOIN clicks c ON o.order_id = c.order_id",
		"orders o ANTI JOIN clicks c ON o.order_id = c.order_id",
		"orders o LEFT JOIN (clicks c RIGHT JOIN prices p ON c.order_id = p.price) ON o.order_id = p.price",
		"orders o JOIN LATERAL (SELECT count(*) n FROM clicks c WHERE c.order_id = o.order_id AND ts > TIMESTAMP '2026-01-01 00:30:00') l ON true",
	} {
		for _, where := range []string{
			"o.ts >= TIMESTAMP '2026-01-01 00:40:00'", "c.ts >= TIMESTAMP '2026-01-01 00:40:00'",
			"o.ts < '2026-01-01 00:20:00' AND amount > 3", "c.ts < TIMESTAMP '2026-01-01 00:20:00' AND page <> '/p1'",
			"o.ts BETWEEN TIMESTAMP '2026-01-01 00:10:00' AND TIMESTAMP '2026-01-01 00:30:00' AND c.ts IS NULL",
			"TIMESTAMP '2026-01-01 00:40:00' = o.ts", "(o.ts > TIMESTAMP '2026-01-01' + INTERVAL 1 HOUR OR amount > 10)",
			"NOT o.ts > TIMESTAMP '2026-01-01 00:40:00'", "o.ts = TIMESTAMP '2026-01-01 00:40:00' OR c.ts = TIMESTAMP '2026-01-01 00:20:00'",
			"ts >= TIMESTAMP '2026-01-01 00:40:00'", "o.country = 'DE' AND c.user_id IN (1, 2, NULL)", "country IN ('DE', 'US')", "3 = c.user_id",
			"c.user_id IS NULL", "c.user_id IS NOT DISTINCT FROM NULL AND o.order_id > 3", "(c.user_id = 3 OR o.order_id = 4)", "NOT o.order_id = 4",
		} {
			bounds += checkBounds(t, conn, fmt.Sprintf("SELECT * FROM %s WHERE %s", join, where))
		}
	}
	if bounds < 50 {
		t.Errorf("%d bounds found, too few to show anything", bounds)
	}
}

// checkBounds returns how many bounds the query has. A query that DuckDB
// refuses, for a name that is not there, has nothing to check.
func checkBounds(t *testing.T, conn *sql.Conn, text string) int {
	t.Helper()
	reads, err := admit(t, conn, text, Check)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	want, err := result(conn, text)
	if err != nil {
		return 0
	}
	filters := make([]string, len(reads.Relations))
	for _, b := range reads.TimeBounds {
		var expr string
		if err := conn.QueryRowContext(context.Background(), "SELECT json_deserialize_sql(?::JSON)", string(b.Statement())).Scan(&expr); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		filters[b.Ref] += fmt.Sprintf(" AND ts %s (%s)::TIMESTAMP", b.Op, strings.TrimSuffix(expr, ";"))
	}
	for _, c := range reads.Keys {
		values := []string{"false"}
		for _, v := range c.Values {
			expr := "NULL"
			if v.Expr != nil {
				if err := conn.QueryRowContext(context.Background(), "SELECT json_deserialize_sql(?::JSON)", string(v.Statement())).Scan(&expr); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
			}
			op := " = "
			if c.Null {
				op = " IS NOT DISTINCT FROM "
			}
			values = append(values, c.Column+op+"("+strings.TrimSuffix(expr, ";")+")")
		}
		filters[c.Ref] += " AND (" + strings.Join(values, " OR ") + ")"
	}
	less := text
	for i := len(filters) - 1; i >= 0; i-- { // backwards, so that positions stay true
		r := reads.Relations[i]
		if filters[i] == "" {
			continue
		}
		end := r.Position + len(r.Name)
		less = less[:r.Position] + "(SELECT * FROM " + r.Name + " WHERE true" + filters[i] + ")" + less[end:]
	}
	got, err := result(conn, less)
	if err != nil {
		t.Fatalf("%s: %v", less, err)
	}
	if !slices.Equal(want, got) {
		t.Errorf("%s: %d rows, but %d rows with the bounds of %s", text, len(want), len(got), less)
	}
	return len(reads.TimeBounds) + len(reads.Keys)
}

// result returns the rows as text, sorted.
func result(conn *sql.Conn, text string) ([]string, error) {
	rows, err := conn.QueryContext(context.Background(), "SELECT q::VARCHAR FROM ("+text+") q")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var row sql.NullString
		if err := rows.Scan(&row); err != nil {
			return nil, err
		}
		all = append(all, row.String)
	}
	slices.Sort(all)
	return all, rows.Err()
}
