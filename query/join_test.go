package query

import "testing"

func TestJoinedTables(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	exec(t, db, ordersSQL)
	exec(t, db, "CREATE TABLE countries (code VARCHAR PRIMARY KEY, name VARCHAR, zone INTEGER)")
	exec(t, db, "CREATE TABLE zones (id BIGINT, label VARCHAR)")
	exec(t, db, "INSERT INTO countries VALUES ('C0', 'Zero', 1), ('C1', 'One', 2)")
	exec(t, db, "INSERT INTO zones VALUES (1, 'east'), (2, 'west'), (2, 'north'), (NULL, 'nowhere')")
	fill(t, db, 0, 30)
	exec(t, db, `CREATE MATERIALIZED VIEW named AS SELECT window_start, c.name, count(*) AS n, max(c.zone) AS zone
		FROM TUMBLE(orders, ts, INTERVAL '1 minute') o LEFT JOIN countries c ON upper(o.country) = c.code GROUP BY window_start, c.name`)
	exec(t, db, `CREATE MATERIALIZED VIEW zoned AS SELECT z.label, c.name, count(*) AS n, sum(o.amount) AS total
		FROM orders o JOIN countries c ON c.code = upper(o.country) AND c.zone > 0 AND o.id < 1000 LEFT JOIN zones z ON z.id = c.zone AND z.label <> 'north' GROUP BY ALL`)
	exec(t, db, `CREATE MATERIALIZED VIEW everything AS SELECT label, count(*) AS n FROM orders JOIN zones ON orders.id % 2 = zones.id - 1 AND zones.id + orders.id > 3 GROUP BY label`)
	check(t, db, "SELECT name, n, zone FROM named ORDER BY name", "One 10 2\nZero 10 1\n(null) 10 (null)")
	check(t, db, "SELECT * FROM zoned ORDER BY name", "west One 10 1.45\neast Zero 10 1.35")
	check(t, db, "SELECT * FROM everything ORDER BY label", "east 13\nnorth 14\nwest 14")
	exec(t, db, "UPDATE countries SET name = 'Null' WHERE code = 'C0'")
	exec(t, db, "INSERT INTO countries VALUES ('C2', 'Two', 3)")
	exec(t, db, "DELETE FROM countries WHERE code = 'C1'")
	fill(t, db, 30, 30)
	const named, zoned = "Null 10\nOne 10\nTwo 10\nZero 10\n(null) 20", "east Null 10 4.35\nwest One 10 1.45\n(null) Two 10 4.55\neast Zero 10 1.35"
	check(t, db, "SELECT name, sum(n) FROM named GROUP BY name ORDER BY name", named)
	check(t, db, "SELECT * FROM zoned ORDER BY name", zoned)
	check(t, db, "SELECT name, bytes > 0 FROM millstream.tables ORDER BY name", "countries true\nzones true")
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	check(t, db, "SELECT name, sum(n) FROM named GROUP BY name ORDER BY name", named)
	check(t, db, "SELECT * FROM zoned ORDER BY name", zoned)
	fill(t, db, 60, 3)
	check(t, db, "SELECT name, n FROM named WHERE window_start >= TIMESTAMPTZ '1970-01-01 00:01:00Z' ORDER BY name", "Null 1\nTwo 1\n(null) 1")
	wantError(t, db, "DROP TABLE countries", CodeDependentObjects, "materialized view named, zoned")
	exec(t, db, "DROP TABLE countries CASCADE")
	check(t, db, "SHOW MATERIALIZED VIEWS", "everything orders")
}

func TestJoinsThatAreRefused(t *testing.T) {
	db := open(t, "")
	exec(t, db, ordersSQL)
	exec(t, db, "CREATE SOURCE clicks (id BIGINT, country VARCHAR)")
	exec(t, db, "CREATE TABLE countries (code VARCHAR PRIMARY KEY, name VARCHAR, country VARCHAR, n BIGINT)")
	const view = "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM "
	for _, c := range []struct{ sql, code, message string }{
		{view + "countries", CodeFeatureNotSupported, "is a table"},
		{view + "countries c JOIN orders o ON o.country = c.code", CodeFeatureNotSupported, "is a table"},
		{view + "orders o JOIN clicks c ON o.id = c.id", CodeFeatureNotSupported, "joins of two streams"},
		{view + "orders o JOIN nations n ON o.country = n.code", CodeUndefinedTable, "nations"},
		{view + "orders o RIGHT JOIN countries c ON o.country = c.code", CodeFeatureNotSupported, "RIGHT joins"},
		{view + "orders o FULL JOIN countries c ON o.country = c.code", CodeFeatureNotSupported, "FULL joins"},
		{view + "orders o NATURAL JOIN countries c", CodeFeatureNotSupported, "NATURAL joins"},
		{view + "orders o, countries c", CodeFeatureNotSupported, "CROSS joins"},
		{view + "orders o JOIN countries c ON o.id > c.n", CodeFeatureNotSupported, "without an equality"},
		{view + "orders o LEFT JOIN countries c ON o.country = c.code AND o.id > c.n", CodeFeatureNotSupported, "condition of a LEFT JOIN"},
		{view + "orders o JOIN countries c ON o.id = c.code", CodeDatatypeMismatch, "cannot compare"},
		{view + "orders o JOIN countries c ON country = c.code", CodeAmbiguousColumn, `"country" is ambiguous`},
		{view + "orders o JOIN countries c ON o.country = c.cod", CodeUndefinedColumn, `column "cod" of table "countries"`},
		{view + "orders o JOIN countries o ON o.country = o.code", "42712", "more than once"},
		{view + "orders o JOIN countries c ON count(*) = c.n", CodeGroupingError, "JOIN conditions"},
		{view + "orders o JOIN (SELECT * FROM countries) c ON o.country = c.code", CodeFeatureNotSupported, "only tables"},
		{view + "orders o JOIN countries c USING (amount)", CodeUndefinedColumn, "USING"},
		{"CREATE MATERIALIZED VIEW v AS SELECT code, count(*) AS n FROM orders o JOIN countries c ON o.country = c.code", CodeGroupingError, "code"},
	} {
		wantError(t, db, c.sql, c.code, c.message)
	}
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT country, name, count(*) AS n FROM orders JOIN countries USING (country) GROUP BY ALL")
}
