package plan

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"github.com/millstream-db/millstream/engine/batch"
)

// duckBinder is a Binder over a DuckDB in memory.
type duckBinder struct {
	db *sql.DB // of one connection
}

var _ Binder = (*duckBinder)(nil)

func newDuckBinder(t testing.TB) *duckBinder {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	d := &duckBinder{db: db}
	d.exec(t, "SET TimeZone = 'UTC'")
	d.exec(t, "SET default_null_order = 'nulls_last_on_asc_first_on_desc'") // as Millstream's
	d.exec(t, "SET threads = 1")
	return d
}

func (d *duckBinder) exec(t testing.TB, query string) {
	t.Helper()
	if _, err := d.db.Exec(query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// rows returns the result of a query as values.
func (d *duckBinder) rows(t testing.TB, query string) [][]any {
	t.Helper()
	rows, err := d.db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]any
	for rows.Next() {
		values, pointers := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			pointers[i] = &values[i]
		}
		if err := rows.Scan(pointers...); err != nil {
			t.Fatal(err)
		}
		out = append(out, values)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

func (d *duckBinder) Serialize(ctx context.Context, query string) ([]byte, error) {
	var text string
	err := d.db.QueryRowContext(ctx, "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", query).Scan(&text)
	return []byte(text), err
}

func (d *duckBinder) Deserialize(ctx context.Context, ast []byte) (string, error) {
	var text string
	err := d.db.QueryRowContext(ctx, "SELECT json_deserialize_sql(?::JSON)", string(ast)).Scan(&text)
	return text, err
}

func (d *duckBinder) Describe(ctx context.Context, query string, tables map[string][]batch.Column) (fields []Field, err error) {
	for name, columns := range tables {
		if _, err := d.db.ExecContext(ctx, "CREATE OR REPLACE TEMP TABLE "+name+" "+columnList(columns)); err != nil {
			return nil, err
		}
	}
	rows, err := d.db.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+query+")")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var f Field
		if err := rows.Scan(&f.Name, &f.Type); err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	return fields, rows.Err()
}

func columnList(columns []batch.Column) string {
	items := make([]string, len(columns))
	for i, c := range columns {
		items[i] = fmt.Sprintf("%s %s", quote(c.Name), c.Type)
	}
	return "(" + strings.Join(items, ", ") + ")"
}
