package query

import (
	"regexp"
	"strings"
	"testing"
)

func TestExplainAnalyzeCounts(t *testing.T) {
	db := open(t, t.TempDir())
	exec(t, db, ordersSQL)
	fill(t, db, 0, 300)
	exec(t, db, "CREATE TABLE lands (c VARCHAR, name VARCHAR)")
	exec(t, db, "INSERT INTO lands VALUES ('c0', 'zero'), ('c0', 'null'), ('c1', 'one')")
	exec(t, db, `CREATE MATERIALIZED VIEW v AS SELECT l.name, window_start, count(*) AS n FROM TUMBLE(orders, ts, INTERVAL '1 minute') o
		JOIN lands l ON o.country = l.c WHERE length(l.name) > 3 GROUP BY 1, 2 HAVING l.name <> 'null'`)
	fill(t, db, 300, 20)
	exec(t, db, "INSERT INTO orders (id, country, ts) VALUES (1, 'c0', '1970-01-01 00:00:00Z')")
	got, err := table(db.Query(ctx, "EXPLAIN ANALYZE MATERIALIZED VIEW v"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`Result of v: .* \(rows out 6\)`,
		`Aggregate: .* \(groups 2, state \d+ bytes, .* per million rows\)`,
		`Window: tumbling, 1m0s, on "ts", native +\(open windows 1, late 1\)`,
		`Expressions: one DuckDB statement for each batch +\(errors 0, .* per million rows\)`,
		`Join with table lands: .* \(rows out of the joins 323, .* per million rows\)`,
		`Source orders +\(rows in 321\)`,
	} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("EXPLAIN ANALYZE has no line %s:\n%s", want, got)
		}
	}
	plain, err := table(db.Query(ctx, "EXPLAIN MATERIALIZED VIEW v"))
	if err != nil || strings.Contains(plain, "rows in") {
		t.Errorf("EXPLAIN: %s, %v", plain, err)
	}
}
