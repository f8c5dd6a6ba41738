package enginetest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/enginetest"
	"github.com/millstream-db/millstream/query/plan"
)

// plainDuckDB is the judge's database: DuckDB's own driver, nothing of ours.
type plainDuckDB struct {
	db   *sql.DB
	conn *sql.Conn
}

var (
	_ enginetest.Database = (*plainDuckDB)(nil)
	_ plan.Binder         = (*plainDuckDB)(nil)
)

func openPlain(ctx context.Context) (*plainDuckDB, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	d := &plainDuckDB{db: db}
	if d.conn, err = db.Conn(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	// NULL is the greatest value, as in PostgreSQL.
	return d, d.Exec(ctx, "SET TimeZone = 'UTC'; SET threads = 1; SET default_null_order = 'nulls_last_on_asc_first_on_desc'")
}

func (d *plainDuckDB) Close() { _ = errors.Join(d.conn.Close(), d.db.Close()) }

func (d *plainDuckDB) Exec(ctx context.Context, query string) error {
	_, err := d.conn.ExecContext(ctx, query)
	return err
}

// Text runs a query once more without the optimizer if DuckDB 1.5 stumbles over its
// own plan, as it does over some joins of JSON columns (seed 569).
func (d *plainDuckDB) Text(ctx context.Context, query string) (enginetest.Rows, error) {
	out, err := d.text(ctx, query)
	if e := new(duckdb.Error); !errors.As(err, &e) || e.Type != duckdb.ErrorTypeInternal {
		return out, err
	}
	if err := d.Exec(ctx, "PRAGMA disable_optimizer"); err != nil {
		return nil, err
	}
	out, err = d.text(ctx, query)
	return out, errors.Join(err, d.Exec(ctx, "PRAGMA enable_optimizer"))
}

func (d *plainDuckDB) text(ctx context.Context, query string) (out enginetest.Rows, err error) {
	rows, err := d.conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	cells, pointers := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range cells {
		pointers[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(pointers...); err != nil {
			return nil, err
		}
		row := make([]string, len(cells))
		for i, c := range cells {
			if row[i] = c.String; !c.Valid {
				row[i] = enginetest.Null
			}
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

func (d *plainDuckDB) Load(_ context.Context, table string, rows [][]any) error {
	return d.conn.Raw(func(c any) error {
		a, err := duckdb.NewAppenderFromConn(c.(driver.Conn), "", table)
		if err != nil {
			return err
		}
		cells := make([]driver.Value, 0, 16)
		for _, row := range rows {
			cells = cells[:0]
			for _, v := range row {
				cells = append(cells, v)
			}
			if err := a.AppendRow(cells...); err != nil {
				return errors.Join(err, a.Close())
			}
		}
		return a.Close()
	})
}

func (d *plainDuckDB) one(ctx context.Context, query, arg string) (text string, err error) {
	err = d.conn.QueryRowContext(ctx, query, arg).Scan(&text)
	return text, err
}

func (d *plainDuckDB) Serialize(ctx context.Context, query string) ([]byte, error) {
	text, err := d.one(ctx, "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR", query)
	return []byte(text), err
}

func (d *plainDuckDB) Deserialize(ctx context.Context, ast []byte) (string, error) {
	return d.one(ctx, "SELECT json_deserialize_sql(?::JSON)", string(ast))
}

func (d *plainDuckDB) Describe(context.Context, string, map[string][]batch.Column) ([]plan.Field, error) {
	return nil, errors.New("the judge binds nothing")
}
