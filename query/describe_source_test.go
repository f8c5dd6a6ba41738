package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
)

// talking is a connector whose records say what the test does.
type talking struct {
	silent
	d     source.Description
	err   error
	asked int
}

func (c *talking) Describe(ctx context.Context, s source.Spec) (source.Description, error) {
	c.asked++
	if s.Schema != nil || s.Options["connector"] != "talking" {
		return source.Description{}, fmt.Errorf("asked about %+v", s)
	}
	if c.err == nil && ctx.Err() != nil {
		return source.Description{}, ctx.Err()
	}
	return c.d, c.err
}

func openTalking(t *testing.T, c *talking, dir string) *DB {
	t.Helper()
	db, err := Open(ctx, dir, Options{Engine: engine.Options{Connectors: map[string]source.Connector{"talking": c, "silent": silent{}}}})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// noticesOf runs a statement and returns what it told besides.
func noticesOf(t *testing.T, db *DB, sql string) string {
	t.Helper()
	r, err := db.Query(ctx, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer r.Close()
	return strings.Join(r.Notices, "\n--\n")
}

func TestColumnsAreTakenFromTheRecords(t *testing.T) {
	c := &talking{d: source.Description{
		From: "schema 7 (Order)", EventTime: "Placed at", Delay: 30 * time.Second,
		Columns: []batch.Column{
			{Name: "id", Type: batch.Type{Kind: batch.BigInt}}, {Name: "select", Type: batch.Type{Kind: batch.Varchar}},
			{Name: "Placed at", Type: batch.Type{Kind: batch.TimestampTZ}}, {Name: "price", Type: batch.Type{Kind: batch.Decimal, Precision: 12, Scale: 2}},
		},
		Omitted: []source.Omission{{Field: "_key", Why: "every source has a column _key of its own"}},
	}}
	dir := t.TempDir()
	db := openTalking(t, c, dir)
	const all = "CREATE SOURCE a (\n  id BIGINT,\n  \"select\" VARCHAR,\n  \"Placed at\" TIMESTAMP WITH TIME ZONE,\n  price DECIMAL(12,2),\n" +
		"  WATERMARK FOR \"Placed at\" AS \"Placed at\" - INTERVAL '30 seconds'\n)\nWITH (\n  connector = 'talking',\n  properties.password = '***'\n)"
	if got, want := noticesOf(t, db, "CREATE SOURCE a WITH (connector = 'talking', properties.password = 'secret')"),
		`columns of source "a" are taken from schema 7 (Order):`+"\n"+all+";\n--\nfield \"_key\" has no column: every source has a column _key of its own"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// What was taken is fixed, also when the records say something else later.
	c.d.Columns = c.d.Columns[:1]
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	db = openTalking(t, c, dir)
	defer db.Close(ctx)
	check(t, db, "SHOW CREATE SOURCE a", "a "+all)
	if c.asked != 1 {
		t.Errorf("asked %d times", c.asked)
	}
	exec(t, db, "ALTER SOURCE a ADD COLUMN more INT")

	noticesOf(t, db, `CREATE SOURCE b (more VARCHAR, *, twice BIGINT AS (id * 2), WATERMARK FOR placed AS placed, placed TIMESTAMP) INCLUDE offset WITH (connector = 'talking')`)
	check(t, db, "SHOW COLUMNS FROM b", "more VARCHAR \nid BIGINT \ntwice BIGINT generated\nplaced TIMESTAMP event time\nrecord_offset BIGINT generated\n"+
		"_partition INTEGER metadata\n_offset BIGINT metadata\n_timestamp TIMESTAMP WITH TIME ZONE metadata\n_key BLOB metadata")
}

func TestColumnsThatCannotBeTaken(t *testing.T) {
	c := &talking{}
	db := openTalking(t, c, t.TempDir())
	defer db.Close(ctx)
	for _, f := range []struct {
		err                   error
		sql, code, says, hint string
	}{
		{nil, "CREATE SOURCE s", CodeInvalidDefinition, "source s has no columns", "List the columns: CREATE SOURCE s (id BIGINT, …)."},
		{nil, "CREATE SOURCE s (*)", CodeInvalidDefinition, "source s has no columns", "List the columns"},
		{nil, "CREATE SOURCE s WITH (connector = 'silent')", CodeInvalidDefinition, "source s has no columns", "List the columns"},
		{nil, "CREATE SOURCE s WITH (connector = 'silent', properties.speed = 'wrong')", CodeInvalidParameter, "source s: option properties.speed is wrong", ""},
		{nil, "CREATE SOURCE s WITH (connector = 'pigeon')", CodeInvalidParameter, "connector \"pigeon\" is not known", ""},
		{source.ErrUndescribed, "CREATE SOURCE s WITH (connector = 'talking')", CodeInvalidDefinition, "source s has no columns", "List the columns"},
		{
			fmt.Errorf("topic t: %w", source.ErrNothingToDescribe), "CREATE SOURCE s WITH (connector = 'talking')", CodeInvalidDefinition,
			"columns of source s can't be taken from its records: topic t: there are no records yet", "Write some records first, or list the columns",
		},
		{errors.New("registry down"), "CREATE SOURCE s WITH (connector = 'talking')", CodeInvalidDefinition, "columns of source s can't be taken from its records: registry down", "List the columns"},
	} {
		c.err = f.err
		err := db.Exec(ctx, f.sql)
		var e *Error
		if !errors.As(err, &e) || e.Code != f.code || !strings.Contains(e.Message, f.says) || !strings.Contains(e.Hint, f.hint) {
			t.Errorf("%s: %#v, want %s, %s, hint %s", f.sql, err, f.code, f.says, f.hint)
		}
	}
	c.err = nil
	c.d = source.Description{Columns: []batch.Column{{Name: "id", Type: batch.Type{Kind: batch.BigInt}}}}
	wantError(t, db, "CREATE SOURCE s (*, ID BIGINT AS (1)) WITH (connector = 'talking')", "42701", `column "id" specified more than once`)
	wantError(t, db, "CREATE SOURCE s (*, WATERMARK FOR ts AS ts) WITH (connector = 'talking')", CodeInvalidDefinition, `column "ts" of the watermark does not exist`)
	wantError(t, db, "CREATE SOURCE s WITH (connector = 'talking') FORMAT UPSERT ENCODE JSON", CodeInvalidDefinition, "source s of FORMAT UPSERT has no primary key")
	wantError(t, db, "CREATE SOURCE s (*, PRIMARY KEY (id)) WITH (connector = 'talking') FORMAT UPSERT ENCODE JSON", CodeInvalidDefinition,
		`column "id" of the primary key must be listed with its type`)
	exec(t, db, "CREATE SOURCE s (id BIGINT)")
	asked := c.asked
	wantError(t, db, "CREATE SOURCE s WITH (connector = 'talking')", CodeDuplicateTable, `relation "s" already exists`)
	if got := noticesOf(t, db, "CREATE SOURCE IF NOT EXISTS s WITH (connector = 'talking')"); got != `relation "s" already exists, skipping` || c.asked != asked {
		t.Errorf("got %s, asked %d times", got, c.asked-asked)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.Exec(stopped, "CREATE SOURCE u WITH (connector = 'talking')"); err == nil {
		t.Error("asked without a context")
	}
}

// TestKeysAreListed takes the columns of a keyed source's values, which have no
// watermark.
func TestKeysAreListed(t *testing.T) {
	c := &talking{d: source.Description{
		From: "topic t", EventTime: "ts", Delay: time.Second,
		Columns: []batch.Column{{Name: "ID", Type: batch.Type{Kind: batch.Double}}, {Name: "ts", Type: batch.Type{Kind: batch.Timestamp}}},
	}}
	db := openTalking(t, c, t.TempDir())
	defer db.Close(ctx)
	exec(t, db, "CREATE SOURCE s (id BIGINT PRIMARY KEY, *) WITH (connector = 'talking') FORMAT UPSERT ENCODE JSON")
	check(t, db, "SHOW CREATE SOURCE s", "s CREATE SOURCE s (\n  id BIGINT,\n  ts TIMESTAMP,\n  PRIMARY KEY (id)\n)\nWITH (\n  connector = 'talking'\n)\nFORMAT UPSERT ENCODE JSON")
}

func TestManyFieldsWithoutColumns(t *testing.T) {
	c := &talking{d: source.Description{Columns: []batch.Column{{Name: "id", Type: batch.Type{Kind: batch.BigInt}}}}}
	for i := range 25 {
		c.d.Omitted = append(c.d.Omitted, source.Omission{Field: fmt.Sprint("f", i), Why: "why"})
	}
	db := openTalking(t, c, t.TempDir())
	defer db.Close(ctx)
	if got := noticesOf(t, db, "CREATE SOURCE s WITH (connector = 'talking')"); strings.Count(got, "has no column") != 20 || !strings.HasSuffix(got, "\n5 more fields have no column") {
		t.Errorf("told %s", got)
	}
}

// TestOddNamesOfFields makes a source whose columns have names that only quotes allow.
func TestOddNamesOfFields(t *testing.T) {
	c := &talking{}
	for _, name := range []string{"select", "Id2", `say "hi"`, "a b", "a.b", "'", "ü", "a\nb", "*", "--", "rowid", "ms_source", "view", "window_start", "1st"} {
		c.d.Columns = append(c.d.Columns, batch.Column{Name: name, Type: batch.Type{Kind: batch.Varchar}})
	}
	dir := t.TempDir()
	db := openTalking(t, c, dir)
	exec(t, db, `CREATE SOURCE s (*, up VARCHAR AS (upper("say ""hi""" || "a b"))) WITH (connector = 'talking')`)
	exec(t, db, `CREATE MATERIALIZED VIEW v AS SELECT "a.b", count(*) AS n, max("rowid") AS r FROM s GROUP BY "a.b"`)
	check(t, db, `SELECT "select", "Id2", "a`+"\n"+`b", "*", rowid, up FROM s`, "")
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	db = openTalking(t, c, dir)
	defer db.Close(ctx)
	check(t, db, "SELECT count(*) FROM information_schema.columns WHERE table_name = 's' AND column_name NOT LIKE '\\_%'", "16")
}
