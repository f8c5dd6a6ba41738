package query

import "testing"

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
