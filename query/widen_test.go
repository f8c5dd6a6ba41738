package query

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
)

func columnOf(t *testing.T, name, typ string) batch.Column {
	t.Helper()
	parsed, err := batch.ParseType(typ)
	if err != nil {
		t.Fatal(err)
	}
	return batch.Column{Name: name, Type: parsed}
}

// TestColumnsGetWider gives columns of a source wider types, as its reader asks for when
// a schema does. Views that do not depend on the types go on, over the wider values.
func TestColumnsGetWider(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	for _, sql := range []string{
		"CREATE SOURCE s (n INTEGER, f REAL, d DECIMAL(6,2), name VARCHAR, ts TIMESTAMP, big BOOLEAN AS (n > 100), WATERMARK FOR ts AS ts)",
		"CREATE TABLE names (id BIGINT PRIMARY KEY, name VARCHAR)",
		"INSERT INTO names VALUES (1, 'one'), (5000000000, 'five')",
		"INSERT INTO s VALUES (1, 0.5, 1.25, 'a', '2026-01-01 00:00:10'), (200, NULL, NULL, 'b', '2026-01-01 00:00:20')",
		"CHECKPOINT",
		"INSERT INTO s VALUES (NULL, 1.5, 2, 'c', '2026-01-01 00:00:30')",
		"CREATE MATERIALIZED VIEW large AS SELECT name, count(*) AS n FROM s WHERE n > 150 AND big GROUP BY name",
		"CREATE MATERIALIZED VIEW per_minute AS SELECT window_start, count(*) FILTER (WHERE n IS NOT NULL AND f < 1e6) AS n, sum(n::HUGEINT) AS total FROM TUMBLE(s, ts, INTERVAL '1 minute') GROUP BY window_start",
		"CREATE MATERIALIZED VIEW texts AS SELECT n::VARCHAR AS text, d::DOUBLE AS d FROM s WHERE f IS NOT NULL",
		"CREATE MATERIALIZED VIEW over AS SELECT text, count(*) AS n FROM texts GROUP BY text",
		"CREATE MATERIALIZED VIEW named AS SELECT t.name, count(*) AS n FROM s JOIN names t ON t.id = s.n::BIGINT GROUP BY t.name",
	} {
		exec(t, db, sql)
	}
	// No reader has gone, so growSource may be called as if for one.
	if err := db.growSource(ctx, "s", []batch.Column{columnOf(t, "n", "BIGINT"), columnOf(t, "f", "DOUBLE"), columnOf(t, "d", "DECIMAL(12,4)")}); err != nil {
		t.Fatal(err)
	}
	check(t, db, "SHOW CREATE SOURCE s", "s CREATE SOURCE s (\n  n BIGINT,\n  f DOUBLE,\n  d DECIMAL(12,4),\n  name VARCHAR,\n  ts TIMESTAMP,\n  big BOOLEAN AS (n > 100),\n  WATERMARK FOR ts AS ts\n)")
	exec(t, db, "INSERT INTO s VALUES (5000000000, 1e300, 12345678.1234, 'd', '2026-01-01 00:00:40'), (-5000000000, 0.1, 0.0001, 'e', '2026-01-01 00:01:00'), (7, NULL, NULL, 'f', '2026-01-01 00:00:01')")
	wants := func() {
		t.Helper()
		check(t, db, "SELECT n, f, d, name, big FROM s ORDER BY name", "1 0.5 1.25 a false\n200 (null) (null) b true\n(null) 1.5 2 c (null)\n5000000000 1e+300 12345678.1234 d true\n-5000000000 0.1 0.0001 e false\n7 (null) (null) f false")
		check(t, db, "SELECT * FROM large ORDER BY name", "b 1\nd 1")
		check(t, db, "SELECT n, total FROM per_minute ORDER BY window_start", "1 5000000201\n1 -5000000000")
		check(t, db, "SELECT text, d FROM texts ORDER BY text", "-5000000000 0.0001\n1 1.25\n5000000000 1.23456781234e+07\n(null) 2")
		check(t, db, "SELECT text, n FROM over ORDER BY text", "-5000000000 1\n1 1\n5000000000 1\n(null) 1")
		check(t, db, "SELECT * FROM named ORDER BY name", "five 1\none 1")
		check(t, db, "SELECT n, name FROM \"s$late\"", "7 f")
		check(t, db, "SELECT count(*) FROM millstream.views WHERE errors > 0", "0")
	}
	wants()
	exec(t, db, "CHECKPOINT")
	wants()
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	wants()
	check(t, db, "SELECT DISTINCT typeof(n), typeof(f), typeof(d) FROM s", "BIGINT DOUBLE DECIMAL(12,4)")
	exec(t, db, "CREATE MATERIALIZED VIEW sums AS SELECT sum(n) AS total FROM s")
	check(t, db, "SELECT total FROM sums", "208")
}

// TestColumnsThatCannotGetWider names what depends on a column's type; nothing changes.
func TestColumnsThatCannotGetWider(t *testing.T) {
	db := open(t, t.TempDir())
	for _, sql := range []string{
		"CREATE SOURCE s (a INTEGER, b INTEGER, c INTEGER, d INTEGER, e INTEGER, f INTEGER, twice BIGINT AS (f * 2))",
		"CREATE SOURCE k (id INTEGER PRIMARY KEY, x INTEGER, y INTEGER, z INTEGER) FORMAT UPSERT ENCODE JSON",
		"INSERT INTO s VALUES (1, 2, 3, 4, 5, 6)", "INSERT INTO k VALUES (1, 2, 3, 4)",
		"CREATE MATERIALIZED VIEW plain AS SELECT sum(a) AS n FROM s",
		"CREATE MATERIALIZED VIEW computed AS SELECT (b * 2) AS b, count(*) AS n FROM s GROUP BY b * 2",
		"CREATE MATERIALIZED VIEW compared AS SELECT count(*) AS n FROM s WHERE c > 2",
		"CREATE MATERIALIZED VIEW passed AS SELECT d FROM s",
		"CREATE MATERIALIZED VIEW keyed AS SELECT k.y, count(*) AS n FROM s JOIN k ON k.x = s.e GROUP BY k.y",
	} {
		exec(t, db, sql)
	}
	for _, tt := range []struct{ source, column, typ, why string }{
		{"s", "a", "BIGINT", `materialized view plain depends on it, drop that and create it again once the source goes on: it has column "a" as INTEGER`},
		{"s", "b", "BIGINT", "materialized view computed depends on it"},
		{"s", "c", "DOUBLE", `materialized view compared depends on it, drop that and create it again once the source goes on: it compares column "c", as INTEGER, with a number`},
		{"s", "d", "BIGINT", "materialized view passed depends on it"},
		{"s", "e", "BIGINT", "materialized view keyed depends on it"},
		{"k", "id", "BIGINT", `column "id" is part of the primary key`},
		{"k", "x", "BIGINT", "materialized view keyed depends on it"},
		{"k", "y", "BIGINT", "materialized view keyed depends on it"},
	} {
		err := db.growSource(ctx, tt.source, []batch.Column{columnOf(t, tt.column, tt.typ)})
		if !errors.Is(err, source.ErrCannotWiden) || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s of %s: %v, want %s", tt.column, tt.source, err, tt.why)
		}
	}
	check(t, db, "SELECT count(*) FROM information_schema.columns WHERE data_type = 'bigint' AND table_name IN ('s', 'k') AND column_name NOT LIKE '\\_%'", "1")
	// What nothing depends on gets wider.
	for _, c := range []struct{ source, column, typ string }{{"s", "c", "BIGINT"}, {"k", "z", "DOUBLE"}} {
		if err := db.growSource(ctx, c.source, []batch.Column{columnOf(t, c.column, c.typ)}); err != nil {
			t.Errorf("%s: %v", c.column, err)
		}
	}
	exec(t, db, "INSERT INTO k VALUES (2, 5, 6, 0.5), (1, 5, 7, 1e300)")
	exec(t, db, "INSERT INTO s VALUES (1, 2, 5000000000, 4, 5, 6)")
	check(t, db, "SELECT id, z FROM k ORDER BY id", "1 1e+300\n2 0.5")
	check(t, db, "SELECT n FROM compared", "2")
	check(t, db, "SELECT y, n FROM keyed ORDER BY y", "6 1\n7 1")
	exec(t, db, "CHECKPOINT")
	check(t, db, "SELECT id, z FROM k ORDER BY id", "1 1e+300\n2 0.5")
	// A reader that has gone asks for nothing any more.
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.growSource(gone, "s", []batch.Column{columnOf(t, "c", "HUGEINT")}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	exec(t, db, "DROP MATERIALIZED VIEW plain")
	if err := db.growSource(ctx, "s", []batch.Column{columnOf(t, "a", "BIGINT")}); err != nil {
		t.Error(err)
	}
}
