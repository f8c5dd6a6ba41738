package query

import (
	"strings"
	"testing"
)

func TestRowViewHasTheRowsThatWereThereBefore(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	exec(t, db, "CREATE SOURCE s (id BIGINT, ok BOOLEAN, ts TIMESTAMP, WATERMARK FOR ts AS ts)")
	exec(t, db, "INSERT INTO s VALUES (1, true, '2024-01-01 00:00:00'), (2, false, '2024-01-01 00:00:01')")
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	exec(t, db, "INSERT INTO s VALUES (3, NULL, '2024-01-01 00:00:02')")
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT id, ts FROM s WHERE id > 1 UNION ALL SELECT -id, ts FROM s")
	const ids = "SELECT id FROM v ORDER BY id"
	check(t, db, ids, "-3\n-2\n-1\n2\n3")
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	check(t, db, ids, "-3\n-2\n-1\n2\n3")
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	check(t, open(t, dir), ids, "-3\n-2\n-1\n2\n3")
}

func TestNullInUnionHasTheTypeOfTheOthers(t *testing.T) {
	db := open(t, "")
	exec(t, db, "CREATE SOURCE s (id BIGINT, ok BOOLEAN)")
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT id, ok FROM s UNION ALL SELECT NULL, NULL FROM s")
	exec(t, db, "INSERT INTO s VALUES (1, true)")
	check(t, db, "SELECT id, ok, typeof(ok) FROM v ORDER BY id NULLS LAST", "1 true BOOLEAN\n(null) (null) BOOLEAN")
}

func TestLatenessOverUnionDoesNotDependOnBatches(t *testing.T) {
	rows := []string{"(1, '2024-01-01 00:00:30')", "(2, '2024-01-01 00:05:00')", "(3, '2024-01-01 00:00:40')", "(4, '2024-01-01 00:09:00')", "(5, '2024-01-01 00:05:01')"}
	for _, size := range []int{1, 2, 5} {
		db := open(t, "")
		exec(t, db, "CREATE SOURCE s (id BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts)")
		exec(t, db, "CREATE MATERIALIZED VIEW u AS SELECT id, ts FROM s UNION ALL SELECT -id, ts FROM s")
		exec(t, db, "CREATE MATERIALIZED VIEW hops AS SELECT window_start, count(*) AS n FROM HOP(u, ts, INTERVAL '1 minute', INTERVAL '2 minutes') GROUP BY window_start")
		exec(t, db, "CREATE MATERIALIZED VIEW visits AS SELECT window_start, count(*) AS n FROM SESSION(u, ts, INTERVAL '20 seconds') GROUP BY window_start")
		for i := 0; i < len(rows); i += size {
			exec(t, db, "INSERT INTO s VALUES "+strings.Join(rows[i:min(i+size, len(rows))], ", "))
		}
		check(t, db, "SELECT view, id FROM \"u$late\" ORDER BY ALL", "hops -5\nhops -3\nhops 3\nhops 5\nvisits -5\nvisits -3\nvisits 3\nvisits 5")
		check(t, db, "SELECT * FROM hops ORDER BY ALL", "2023-12-31T23:59:00 2\n2024-01-01T00:00:00 2\n2024-01-01T00:04:00 2\n2024-01-01T00:05:00 2\n2024-01-01T00:08:00 2\n2024-01-01T00:09:00 2")
		check(t, db, "SELECT * FROM visits ORDER BY ALL", "2024-01-01T00:00:30 2\n2024-01-01T00:05:00 2\n2024-01-01T00:09:00 2")
	}
}

func TestSubscriptionToAQueryOverARowView(t *testing.T) {
	db := open(t, "")
	exec(t, db, "CREATE SOURCE s (id BIGINT)")
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT id FROM s")
	r := follow(t, db, "SUBSCRIBE (SELECT id FROM v)")
	exec(t, db, "INSERT INTO s VALUES (1)")
	checkTold(t, r, "1 1")
	exec(t, db, "INSERT INTO s VALUES (2)")
	checkTold(t, r, "1 2")
}
