package pgcatalog

import (
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	_ "github.com/duckdb/duckdb-go/v2"
)

// fixture is a live catalog as the engine makes it.
const fixture = `
ATTACH ':memory:' AS live;
CREATE SCHEMA live.public;
CREATE SCHEMA live.meta;
CREATE SCHEMA live.millstream;
CREATE VIEW live.millstream.sources AS SELECT 'orders' AS name, 0::BIGINT AS rows;
CREATE VIEW live.millstream.comments AS SELECT 'revenue' AS object, NULL::VARCHAR AS "column", 'what came in' AS comment;
CREATE VIEW live.millstream.table_columns AS SELECT * FROM (VALUES
  ('items', 1, 'order_id', true, NULL, 1), ('items', 2, 'line', true, NULL, 2), ('items', 3, 'product', false, '''none''', NULL),
  ('items', 4, 'quantity', false, '1', NULL)) t("table", position, name, not_null, "default", key_position);
CREATE VIEW live.millstream.views AS SELECT 'revenue' AS name,
  'SELECT customer, sum(amount)::decimal(38,2) AS revenue FROM orders GROUP BY customer' AS definition;
CREATE MACRO live.public.ms_signal(kind, process, seconds) AS process > 0;
CREATE VIEW live.millstream.sessions AS SELECT 7 AS process, 'eve' AS role, 'psql' AS application, '127.0.0.1:4711' AS client, now() AS started,
  now() AS transaction_started, now() AS statement_started, now() AS state_changed, 'active' AS state, 'SELECT 1' AS statement;
CREATE VIEW live.millstream.roles AS SELECT * FROM (VALUES (10::BIGINT, 'millstream', true, true, true, -1, NULL::TIMESTAMPTZ), (20, 'reader', false, false, false, -1, NULL),
  (21, 'writer', false, false, false, -1, NULL), (22, 'admin', false, true, true, -1, NULL), (16384, 'ann', true, false, false, 5, '2031-01-01')) r(id, name, login, admin, may_create, connection_limit, valid_until);
CREATE VIEW live.millstream.role_members AS SELECT * FROM (VALUES (22::BIGINT, 10::BIGINT), (20, 21), (21, 22)) m(role, member);
CREATE VIEW live.millstream.privileges AS SELECT * FROM (VALUES ('orders', 10::BIGINT, 10::BIGINT, 'arwdD'), ('orders', 10, 16384, 'ar'),
  ('revenue', 10, 10, 'arwdD')) p(object, owner, grantee, letters);
CREATE VIEW live.public.orders AS SELECT 1::BIGINT AS order_id, 'x' AS customer, 1::DECIMAL(12,2) AS amount, 1::INTEGER AS quantity,
  1::DOUBLE AS price, true AS paid, DATE '2026-01-01' AS day, now() AS ts, ['a'] AS tags, [1::DECIMAL(8,3)] AS prices, '{}'::JSON AS payload,
  uuid() AS id, 'x' AS "Order Ref";
CREATE VIEW live.public.items AS SELECT 1::BIGINT AS order_id, 1::INTEGER AS line, 'x' AS product, 1::SMALLINT AS quantity;
CREATE VIEW live.meta.orders AS SELECT 1::BIGINT AS order_id;
CREATE VIEW live.public."orders$late" AS SELECT 1::BIGINT AS order_id, now() AS ts;
CREATE VIEW live.public."orders$rejected" AS SELECT 'x' AS error, 'x'::BLOB AS value;
CREATE VIEW live.public.revenue AS SELECT 'x' AS customer, 1::DECIMAL(38,2) AS revenue;
SET search_path='live.public';
SET GLOBAL TimeZone='UTC';
SET enable_external_access=false;
SET allowed_configs=['TimeZone','schema','search_path'];
SET lock_configuration=true;
`

// openCatalog opens the fixture with the shadow catalog in it.
func openCatalog(tb testing.TB) *sql.DB {
	tb.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	tb.Cleanup(func() { db.Close() })
	for _, text := range []string{fixture, Schema()} {
		if _, err := db.Exec(text); err != nil {
			tb.Fatal(err)
		}
	}
	return db
}

// objects returns the OIDs of the fixture's relations by name.
func objects(tb testing.TB, query func(string) ([][]string, error)) map[string]string {
	tb.Helper()
	rows, err := query(`SELECT oid, relname FROM pg_catalog.pg_class
		WHERE relnamespace IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname IN ('public', 'millstream'))`)
	if err != nil {
		tb.Fatal(err)
	}
	oids := map[string]string{}
	for _, r := range rows {
		oids[r[1]] = r[0]
	}
	return oids
}

// asker runs a statement as a session does.
func asker(db *sql.DB) func(string) ([][]string, error) {
	return func(text string) ([][]string, error) {
		rewritten, _ := Rewrite(text)
		rows, err := db.Query(rewritten)
		if err != nil {
			return nil, fmt.Errorf("%w\n%s", err, rewritten)
		}
		defer rows.Close()
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		var out [][]string
		for rows.Next() {
			values, pointers := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				pointers[i] = &values[i]
			}
			if err := rows.Scan(pointers...); err != nil {
				return nil, err
			}
			row := make([]string, len(columns))
			for i, v := range values {
				row[i] = display(v)
			}
			out = append(out, row)
		}
		return out, rows.Err()
	}
}

func display(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case bool:
		return fmt.Sprint(v)[:1]
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, display(item))
		}
		return "{" + strings.Join(items, ",") + "}"
	}
	return fmt.Sprint(v)
}

// withOIDs puts the OIDs of relations into a statement that has {name} there.
func withOIDs(text string, oids map[string]string) string {
	for name, oid := range oids {
		text = strings.ReplaceAll(text, "{"+name+"}", oid)
	}
	return text
}

// table prints rows with {name} for the OIDs of relations. Rows of a statement
// that doesn't order them are sorted.
func table(text string, rows [][]string, oids map[string]string) string {
	names := map[string]string{}
	for name, oid := range oids {
		names[oid] = "{" + name + "}"
	}
	var out []string
	for _, row := range rows {
		for i, v := range row {
			if name, ok := names[v]; ok {
				row[i] = name
			}
		}
		out = append(out, strings.ReplaceAll(strings.Join(row, " | "), "\n", "\\n"))
	}
	if !strings.Contains(strings.ToUpper(text), "ORDER BY") {
		slices.Sort(out)
	}
	if len(out) == 0 {
		return "no rows\n"
	}
	return strings.Join(out, "\n") + "\n"
}

// TestClients runs what clients send: each statement without an error, and the
// rows that PostgreSQL 15 gives for the same objects, or better ones for ours.
func TestClients(t *testing.T) {
	db := openCatalog(t)
	ask := asker(db)
	oids := objects(t, ask)
	datadriven.Walk(t, "testdata/clients", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			rows, err := ask(withOIDs(d.Input, oids))
			if err != nil {
				if d.Cmd == "query" {
					t.Errorf("%s: %v", d.Pos, err)
				}
				message, _, _ := strings.Cut(err.Error(), "\n")
				return "error: " + message + "\n"
			}
			return table(d.Input, rows, oids)
		})
	})
}

// TestRewrite shows the texts of rewritten statements.
func TestRewrite(t *testing.T) {
	datadriven.RunTest(t, "testdata/rewrite", func(t *testing.T, d *datadriven.TestData) string {
		text, changed := Rewrite(d.Input)
		if !changed {
			if text != d.Input {
				t.Errorf("%s: not changed, but another text: %s", d.Pos, text)
			}
			return "unchanged\n"
		}
		return text + "\n"
	})
}

// TestColumns holds every relation against data/relations.txt.
func TestColumns(t *testing.T) {
	db := openCatalog(t)
	for _, r := range relations() {
		rows, err := db.Query("SELECT * FROM " + r.shadow + " LIMIT 0")
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		types, err := rows.ColumnTypes()
		rows.Close()
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, c := range types {
			got = append(got, c.Name()+" "+c.DatabaseTypeName())
		}
		for _, c := range r.columns {
			typeName := columnType(c.pgType)
			if typeName == "TIMESTAMPTZ" {
				typeName = "TIMESTAMP WITH TIME ZONE"
			}
			want = append(want, c.name+" "+typeName)
		}
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || !strings.EqualFold(strings.ReplaceAll(got[i], "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"), want[i]) {
				t.Errorf("%s: columns\n %v, want\n %v", r.name, got, want)
				break
			}
		}
	}
}

// TestMacros calls Macro for what the gate asks.
func TestMacros(t *testing.T) {
	for name, want := range map[string]bool{
		"version": true, "regclass_in": true, "user": true, "pg_get_viewdef": true, "ms_fold": false, "lower": false, "duckdb_views": false,
	} {
		if Macro(name) != want {
			t.Errorf("Macro(%q) = %v", name, !want)
		}
	}
}

// TestRelation asks for relations by all their names.
func TestRelation(t *testing.T) {
	for _, test := range []struct{ schema, name, want string }{
		{"", "pg_class", "pgc.pg_class"},
		{"pg_catalog", "pg_class", "pgc.pg_class"},
		{"pgc", "pg_class", "pgc.pg_class"},
		{"information_schema", "tables", "pgi.tables"},
		{"pgi", "tables", "pgi.tables"},
		{"", "tables", ""},
		{"", "pg_nothing", ""},
		{"public", "pg_class", ""},
		{"pgc", "ms_relation", ""},
	} {
		got, ok := Relation(test.schema, test.name)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("Relation(%q, %q) = %q, %v, want %q", test.schema, test.name, got, ok, test.want)
		}
	}
}

// BenchmarkSchema measures what the shadow catalog adds to a start.
func BenchmarkSchema(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		db, err := sql.Open("duckdb", "")
		if err != nil {
			b.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		if _, err := db.Exec(fixture); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		start := time.Now()
		if _, err := db.Exec(Schema()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/schema")
		b.StopTimer()
		db.Close()
		b.StartTimer()
	}
}

// BenchmarkRewrite measures an ordinary statement and one of psql's.
func BenchmarkRewrite(b *testing.B) {
	describe, err := os.ReadFile("testdata/describe.sql")
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{
		"plain": "SELECT country, revenue FROM revenue_per_minute WHERE window_start = date_trunc('minute', now()) ORDER BY revenue DESC LIMIT 10",
		"psql":  string(describe),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Rewrite(text)
			}
		})
	}
}

// TestRewriteIsLinear gives Rewrite and ResultTypes the longest texts that the parser lets pass.
func TestRewriteIsLinear(t *testing.T) {
	for _, part := range []string{
		"user ", "select ", "select user ", "(", "x::regclass ", "::regclass", "cast(", "a.", "from pg_class ", "~", ",", "[", "version() ",
		"case ", "pg_catalog.", "select x::text, ", "like 'a\\' ", "operator(", "x as (", "generate_series(1) x,", "a ~ b", "(select ", "from (select ", "with x as (", "union select 1 ", "select a, ", "typinput, ", "indkey[1], ", "array_upper(indkey, 1),",
	} {
		text := strings.Repeat(part, 30_000)
		for _, prefix := range []string{"", "select version(), 'x'::regclass from pg_class, "} {
			start := time.Now()
			Rewrite(prefix + text)
			ResultTypes(prefix+text, []string{"VARCHAR", "BIGINT"})
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("%q: %v", prefix+part, took)
			}
		}
	}
}
