package query

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
)

func TestAlterRenames(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	exec(t, db, ordersSQL)
	exec(t, db, "CREATE TABLE countries (c VARCHAR PRIMARY KEY, name VARCHAR)")
	exec(t, db, "INSERT INTO countries VALUES ('c0', 'zero')")
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT country, count(*) AS n FROM orders GROUP BY country")
	exec(t, db, "CREATE MATERIALIZED VIEW other WITH (retention = '7 days') AS SELECT window_start, count(*) AS m FROM TUMBLE(orders, ts, INTERVAL '1 minute') GROUP BY 1")
	fill(t, db, 0, 300)
	exec(t, db, `ALTER MATERIALIZED VIEW v RENAME TO "By country"`)
	exec(t, db, "ALTER TABLE countries RENAME TO lands")
	exec(t, db, "ALTER MATERIALIZED VIEW other SET (retention = '1 day')")
	wantError(t, db, "SELECT * FROM v", CodeUndefinedTable, "v")
	wantError(t, db, "SELECT * FROM countries", CodeUndefinedTable, "countries")
	again := func() {
		t.Helper()
		check(t, db, `SELECT * FROM "By country" ORDER BY 1`, "c0 100\nc1 100\nc2 100")
		check(t, db, `SHOW CREATE MATERIALIZED VIEW "By country"`,
			"By country CREATE MATERIALIZED VIEW \"By country\" AS\nSELECT country, count(*) AS n FROM orders GROUP BY country")
		check(t, db, "SHOW CREATE MATERIALIZED VIEW other",
			"other CREATE MATERIALIZED VIEW other WITH (\n  retention = '1 day'\n) AS\nSELECT window_start, count(*) AS m FROM TUMBLE(orders, ts, INTERVAL '1 minute') GROUP BY 1")
		check(t, db, "SELECT l.name, n FROM lands l JOIN \"By country\" b ON l.c = b.country", "zero 100")
		check(t, db, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", "lands\norders\norders$late\norders$rejected")
	}
	again()
	exec(t, db, "INSERT INTO lands VALUES ('c1', 'one')")
	exec(t, db, "DELETE FROM lands WHERE c = 'c1'")
	exec(t, db, "ALTER TABLE lands ADD COLUMN size BIGINT")
	exec(t, db, "UPDATE lands SET size = 3")
	check(t, db, "SELECT * FROM lands", "c0 zero 3")
	exec(t, db, `ALTER MATERIALIZED VIEW "By country" SWAP WITH other`)
	check(t, db, `SELECT sum(m) FROM "By country"`, "300")
	check(t, db, "SELECT sum(n) FROM other", "300")
	exec(t, db, `ALTER MATERIALIZED VIEW other SWAP WITH "By country"`)
	again()

	wantError(t, db, "ALTER SOURCE orders RENAME TO sales", CodeDependentObjects, "cannot rename source orders because other objects depend on it: materialized view By country, other")
	wantError(t, db, "ALTER MATERIALIZED VIEW other RENAME TO lands", CodeDuplicateTable, `relation "lands" already exists`)
	wantError(t, db, "ALTER MATERIALIZED VIEW nothing RENAME TO x", CodeUndefinedTable, `materialized view "nothing" does not exist`)
	wantError(t, db, "ALTER MATERIALIZED VIEW orders RENAME TO x", CodeWrongObjectType, `"orders" is a source, not a materialized view`)
	wantError(t, db, "ALTER SOURCE lands RENAME TO x", CodeWrongObjectType, `"lands" is a table, not a source`)
	wantError(t, db, "ALTER MATERIALIZED VIEW other SWAP WITH other", CodeInvalidParameter, "can't be swapped with itself")
	wantError(t, db, "ALTER MATERIALIZED VIEW other SWAP WITH orders", CodeWrongObjectType, "is a source")
	wantError(t, db, "ALTER MATERIALIZED VIEW other SET (color = 'red')", CodeFeatureNotSupported, "option color of a materialized view can't be changed")
	wantError(t, db, "ALTER MATERIALIZED VIEW other SET (retention = 'soon')", CodeInvalidParameter, "option retention")
	wantError(t, db, "ALTER TABLE lands SET (retention = '1 day')", CodeFeatureNotSupported, "of a table can't be changed")
	exec(t, db, "ALTER MATERIALIZED VIEW IF EXISTS nothing RENAME TO x")

	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	again()
	check(t, db, "SELECT * FROM lands", "c0 zero 3")
	exec(t, db, `DROP MATERIALIZED VIEW "By country"`)
	exec(t, db, "DROP MATERIALIZED VIEW other")
	exec(t, db, "ALTER SOURCE orders RENAME TO sales")
	check(t, db, "SELECT count(*) FROM sales", "300")
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM sales")
	check(t, db, "SELECT * FROM v", "300")
}

func TestAlterSourceAddsColumns(t *testing.T) {
	db := open(t, t.TempDir())
	exec(t, db, ordersSQL)
	fill(t, db, 0, 3)
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT max(_offset) AS o, count(*) FILTER (WHERE _partition = 0) AS n, sum(amount + _offset) AS s FROM orders")
	exec(t, db, "ALTER SOURCE orders ADD COLUMN note VARCHAR")
	exec(t, db, "INSERT INTO orders (id, country, amount, ts, note) VALUES (7, 'c', 1, '1970-01-01 00:00:05Z', 'seven')")
	check(t, db, "SELECT id, note FROM orders ORDER BY 1", "0 (null)\n1 (null)\n2 (null)\n7 seven")
	check(t, db, "SELECT o, n, s FROM v", "3 4 7.03")
	exec(t, db, "CREATE MATERIALIZED VIEW w AS SELECT note, count(*) AS n FROM orders GROUP BY note")
	check(t, db, "SELECT * FROM w ORDER BY 1", "seven 1\n(null) 3")
	check(t, db, "SHOW CREATE SOURCE orders", "orders CREATE SOURCE orders (\n  id BIGINT,\n  country VARCHAR,\n  amount DECIMAL(12,2),\n  ts TIMESTAMPTZ,\n"+
		"  year BIGINT AS year(ts),\n  note VARCHAR,\n  WATERMARK FOR ts AS ts - INTERVAL '5 seconds'\n)")
	wantError(t, db, "ALTER SOURCE orders ADD COLUMN Note BIGINT", "42701", `column "note" of relation "orders" already exists`)
	wantError(t, db, "ALTER SOURCE orders ADD COLUMN _offset BIGINT", "42701", "already exists")
	wantError(t, db, "ALTER SOURCE orders ADD COLUMN watermark BIGINT", "42701", `column name "watermark" is taken in orders$late`)
	wantError(t, db, "ALTER SOURCE orders ADD COLUMN x NOTHING", CodeUndefinedObject, "NOTHING")
	wantError(t, db, "ALTER SOURCE orders ADD COLUMN x BIGINT AS id + 1", CodeFeatureNotSupported, "generated column")
	exec(t, db, "ALTER SOURCE orders ADD COLUMN IF NOT EXISTS note VARCHAR")
	wantError(t, db, "ALTER SOURCE orders PAUSE", CodeWrongObjectType, `source "orders" has no connector that could be paused`)
	exec(t, db, "ALTER SOURCE orders SET (retention = '3 days', watermark.max_future = '1 hour')")
	wantError(t, db, "ALTER SOURCE orders SET (topic = 'x')", CodeFeatureNotSupported, "option topic of a source can't be changed")
	wantError(t, db, "ALTER SOURCE orders SET (retention = 'x')", CodeInvalidParameter, "option retention")
	if d := db.engine.Sources()["orders"]; d.Retention.Hours() != 72 || d.MaxFuture.Hours() != 1 || d.IdleTimeout != 0 {
		t.Errorf("after SET the source is %+v", d)
	}
}

// counting counts the readers that it has opened.
type counting struct {
	silent
	opened atomic.Int32
	last   atomic.Pointer[source.Spec]
}

func (c *counting) Open(s source.Spec, _ []source.Position, _ source.Sink) (source.Reader, error) {
	c.opened.Add(1)
	c.last.Store(&s)
	return silent{}, nil
}

// Who is told that offsets are lost says what shall become of the rest.
func TestWhatBecomesOfLossesCanBeSet(t *testing.T) {
	c := &counting{}
	db, err := Open(ctx, t.TempDir(), Options{Engine: engine.Options{Connectors: map[string]source.Connector{"counting": c}}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	exec(t, db, "CREATE SOURCE s (id BIGINT) WITH (connector = 'counting', on_data_loss = 'pause') FORMAT PLAIN ENCODE JSON")
	exec(t, db, "ALTER SOURCE s SET (on_data_loss = 'continue')")
	if n, spec := c.opened.Load(), c.last.Load(); n != 2 || spec.Options["on_data_loss"] != "continue" {
		t.Errorf("opened %d times, with %v", n, spec.Options)
	}
	exec(t, db, "CREATE SOURCE own (id BIGINT)")
	wantError(t, db, "ALTER SOURCE own SET (on_data_loss = 'continue')", CodeFeatureNotSupported, "option on_data_loss of a source can't be changed")
}

func TestReadersAreOpenedWithWhatWasSet(t *testing.T) {
	c := &counting{}
	db, err := Open(ctx, t.TempDir(), Options{Engine: engine.Options{Connectors: map[string]source.Connector{"counting": c}}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	exec(t, db, "CREATE SOURCE s (id BIGINT) WITH (connector = 'counting') FORMAT PLAIN ENCODE AVRO (schema.registry = 'http://a')")
	exec(t, db, "ALTER SOURCE s SET (schema.evolution = 'add', schema.registry = 'http://b')")
	spec := c.last.Load()
	if n := c.opened.Load(); n != 2 || spec.EncodeOptions["schema.registry"] != "http://b" || spec.EncodeOptions["schema.evolution"] != "add" {
		t.Errorf("opened %d times, with %v", n, spec.EncodeOptions)
	}
	exec(t, db, "ALTER SOURCE s SET (retention = '1 day')")
	if n := c.opened.Load(); n != 2 {
		t.Errorf("opened %d times, for what is no affair of a reader", n)
	}
	// The reader asks for columns, as a schema may.
	nested, err := batch.ParseType(`STRUCT("A b" INT, l DECIMAL(9,2)[])`)
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Grow(ctx, []batch.Column{{Name: "more", Type: batch.Type{Kind: batch.Decimal, Precision: 12, Scale: 2}}, {Name: "Select", Type: nested}}); err != nil {
		t.Fatal(err)
	}
	check(t, db, "SHOW CREATE SOURCE s", "s CREATE SOURCE s (\n  id BIGINT,\n  more DECIMAL(12,2),\n  \"Select\" STRUCT(\"A b\" INTEGER, \"l\" DECIMAL(9,2)[])\n)\nWITH (\n  connector = 'counting',\n  retention = '1 day'\n)\n"+
		"FORMAT PLAIN ENCODE AVRO (\n  schema.registry = 'http://b',\n  schema.evolution = 'add'\n)")
	if n := c.opened.Load(); n != 3 || len(c.last.Load().Schema.Columns) != 3 {
		t.Errorf("opened %d times, with %v", n, c.last.Load().Schema.Columns)
	}
	for name, want := range map[string]string{"ID": `column "ID" of relation "s" already exists`, "view": `column name "view" is taken in s$late`} {
		if err := spec.Grow(ctx, []batch.Column{{Name: "fine", Type: batch.Type{Kind: batch.Date}}, {Name: name, Type: batch.Type{Kind: batch.Date}}}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel() // somebody else has closed the reader
	if err := spec.Grow(gone, []batch.Column{{Name: "late", Type: batch.Type{Kind: batch.Date}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("of a reader that is closed: %v", err)
	}
	check(t, db, "SELECT count(*) FROM information_schema.columns WHERE table_name = 's' AND column_name NOT LIKE '\\_%'", "3")
}

// silent is a connector that delivers nothing.
type silent struct{}

func (silent) Validate(s source.Spec) error {
	if s.Options["properties.speed"] == "wrong" {
		return errors.New("option properties.speed is wrong")
	}
	return nil
}
func (silent) Open(source.Spec, []source.Position, source.Sink) (source.Reader, error) {
	return silent{}, nil
}
func (silent) Status() source.Status     { return source.Status{State: source.Running} }
func (silent) Committed(map[int32]int64) {}
func (silent) Close() error              { return nil }

func TestAlterSourcePausesAndSets(t *testing.T) {
	db, err := Open(ctx, t.TempDir(), Options{Engine: engine.Options{Connectors: map[string]source.Connector{"silent": silent{}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(ctx)
	exec(t, db, "CREATE SOURCE s (id BIGINT) WITH (connector = 'silent', topic = 't', properties.password = 'secret', 'idle-timeout' = '5 s')")
	exec(t, db, "ALTER SOURCE s PAUSE")
	check(t, db, "SELECT status FROM millstream.sources", "paused")
	exec(t, db, "ALTER SOURCE s RESUME")
	check(t, db, "SELECT status FROM millstream.sources", "running")
	exec(t, db, "ALTER SOURCE s SET (properties.speed = 'high', watermark.idle_timeout = '9 s')")
	check(t, db, "SHOW CREATE SOURCE s", "s CREATE SOURCE s (\n  id BIGINT\n)\nWITH (\n  connector = 'silent',\n  topic = 't',\n  properties.password = '***',\n"+
		"  watermark.idle_timeout = '9 s',\n  properties.speed = 'high'\n)")
	d := db.engine.Sources()["s"]
	if d.Options["properties.password"] != "secret" || d.Options["properties.speed"] != "high" || d.IdleTimeout.Seconds() != 9 {
		t.Errorf("after SET the source is %+v", d)
	}
	wantError(t, db, "ALTER SOURCE s SET (properties.speed = 'wrong')", CodeInvalidParameter, "option properties.speed is wrong")
	exec(t, db, "ALTER SOURCE s RENAME TO r")
	check(t, db, "SELECT name, status FROM millstream.sources", "r running")

	wantError(t, db, "ALTER SOURCE r SET (schema.registry = 'http://b')", CodeFeatureNotSupported, "option schema.registry of a source can't be changed")
	exec(t, db, "CREATE SOURCE a (id BIGINT) WITH (connector = 'silent') FORMAT PLAIN ENCODE AVRO (schema.registry = 'http://a', schema.registry.password = 'secret')")
	before := db.engine.Sources()["a"]
	exec(t, db, "ALTER SOURCE a SET (schema.registry = 'http://b', properties.speed = 'low')")
	check(t, db, "SHOW CREATE SOURCE a", "a CREATE SOURCE a (\n  id BIGINT\n)\nWITH (\n  connector = 'silent',\n  properties.speed = 'low'\n)\n"+
		"FORMAT PLAIN ENCODE AVRO (\n  schema.registry = 'http://b',\n  schema.registry.password = '***'\n)")
	after := db.engine.Sources()["a"]
	if before.EncodeOptions["schema.registry"] != "http://a" || after.EncodeOptions["schema.registry"] != "http://b" || after.EncodeOptions["schema.registry.password"] != "secret" {
		t.Errorf("SET made %v of %v", after.EncodeOptions, before.EncodeOptions)
	}
	exec(t, db, "CREATE SOURCE p (id BIGINT) WITH (connector = 'silent') FORMAT PLAIN ENCODE PROTOBUF (schema.registry = 'http://a', message = 'shop.Order')")
	exec(t, db, "ALTER SOURCE p SET (schema.registry = 'http://b')")
	if got := db.engine.Sources()["p"].EncodeOptions["schema.registry"]; got != "http://b" {
		t.Errorf("SET made %s", got)
	}
	check(t, db, "SHOW CREATE SOURCE p", "p CREATE SOURCE p (\n  id BIGINT\n)\nWITH (\n  connector = 'silent'\n)\n"+
		"FORMAT PLAIN ENCODE PROTOBUF (\n  schema.registry = 'http://b',\n  message = 'shop.Order'\n)")
	wantError(t, db, "ALTER SOURCE p SET (message = 'x')", CodeFeatureNotSupported, "option message of a source can't be changed")
	wantError(t, db, "ALTER SOURCE a SET (schema.location = 'file:///x')", CodeFeatureNotSupported, "option schema.location of a source can't be changed")
}

func TestCommentsAreShown(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir)
	exec(t, db, ordersSQL)
	exec(t, db, "CREATE TABLE lands (c VARCHAR)")
	exec(t, db, "CREATE MATERIALIZED VIEW v AS SELECT country, count(*) AS n FROM orders GROUP BY country")
	exec(t, db, "COMMENT ON SOURCE orders IS 'what was ordered'")
	exec(t, db, "COMMENT ON COLUMN orders.amount IS 'in euros'")
	exec(t, db, "COMMENT ON TABLE lands IS 'countries'")
	exec(t, db, "COMMENT ON MATERIALIZED VIEW v IS 'by country'")
	exec(t, db, "COMMENT ON COLUMN public.v.n IS 'how many'")
	exec(t, db, "COMMENT ON COLUMN v.country IS 'x'")
	exec(t, db, "COMMENT ON COLUMN v.country IS NULL")
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir)
	check(t, db, `SELECT object, coalesce("column", '-'), comment FROM millstream.comments ORDER BY 1, 2`,
		"lands - countries\norders - what was ordered\norders amount in euros\nv - by country\nv n how many")
	check(t, db, "SELECT c.relname, d.objsubid, d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid ORDER BY 1, 2",
		"lands 0 countries\norders 0 what was ordered\norders 3 in euros\nv 0 by country\nv 2 how many")
	check(t, db, "SELECT obj_description(oid, 'pg_class'), col_description(oid, 2) FROM pg_class WHERE relname = 'v'", "by country how many")
	check(t, db, "SELECT obj_description('orders'::regclass)", "what was ordered")
	// What psql asks for \d+ v.
	check(t, db, "SELECT a.attname, pg_catalog.col_description(a.attrelid, a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'v'::regclass AND a.attnum > 0 ORDER BY a.attnum",
		"country (null)\nn how many")
	exec(t, db, "ALTER MATERIALIZED VIEW v RENAME TO w")
	check(t, db, "SELECT obj_description('w'::regclass)", "by country")
	wantError(t, db, "COMMENT ON COLUMN orders.nothing IS 'x'", CodeUndefinedColumn, `column "nothing" of relation "orders" does not exist`)
	wantError(t, db, "COMMENT ON TABLE nothing IS 'x'", CodeUndefinedTable, "nothing")
	wantError(t, db, "COMMENT ON SOURCE w IS 'x'", CodeWrongObjectType, `"w" is a materialized view, not a source`)
}
