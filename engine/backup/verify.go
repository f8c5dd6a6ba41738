package backup

import (
	"context"
	"fmt"

	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
)

// verifier is a DuckDB instance of its own that reads a copy, and can't write it.
type verifier struct {
	db   *duck.DB
	conn *duck.Conn
}

func open(ctx context.Context, path string) (*verifier, error) {
	db, err := duck.Open("", duck.Options{Threads: 1, MemoryLimit: "256MiB"})
	if err != nil {
		return nil, err
	}
	v := &verifier{db: db}
	if v.conn, err = db.Conn(); err == nil {
		err = v.conn.Exec(ctx, "ATTACH "+history.Literal(path)+" AS copy (READ_ONLY)")
	}
	if err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *verifier) close() {
	if v.conn != nil {
		v.conn.Close()
	}
	v.db.Close()
}

// check reads every table, and compares what the file says of itself.
func (v *verifier) check(ctx context.Context, epoch uint64) (rows int64, err error) {
	var durable int64
	err = v.conn.Each(ctx, "SELECT max(epoch)::BIGINT FROM copy.internal.epoch", func(scan func(...any) error) error { return scan(&durable) })
	if err == nil && uint64(durable) != epoch {
		err = fmt.Errorf("is of epoch %d, not %d", durable, epoch)
	}
	if err != nil {
		return 0, err
	}
	segments := make(map[string]int64)
	err = v.conn.Each(ctx, `SELECT "table" || '#' || number, rows FROM copy.internal.segments`, func(scan func(...any) error) error {
		var name string
		var n int64
		err := scan(&name, &n)
		segments[name] = n
		return err
	})
	if err != nil {
		return 0, err
	}
	var tables [][2]string
	err = v.conn.Each(ctx, "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'copy' ORDER BY ALL", func(scan func(...any) error) error {
		var t [2]string
		err := scan(&t[0], &t[1])
		tables = append(tables, t)
		return err
	})
	for i := 0; err == nil && i < len(tables); i++ {
		var n int64
		if n, err = v.read(ctx, tables[i][0], tables[i][1]); err != nil {
			return 0, err
		}
		switch want, ok := segments[tables[i][1]]; tables[i][0] {
		case "segments":
			if !ok && history.IsStaged(tables[i][1]) {
				continue // it is not to be read by anybody
			}
			if !ok || n != want {
				return 0, fmt.Errorf("has %d rows in %s, not %d", n, tables[i][1], want)
			}
			delete(segments, tables[i][1])
			rows += n
		case "main":
			rows += n
		}
	}
	if err == nil && len(segments) > 0 {
		err = fmt.Errorf("lacks %d tables", len(segments))
	}
	return rows, err
}

// read reads all of a table and returns how many rows it has.
func (v *verifier) read(ctx context.Context, schema, table string) (n int64, err error) {
	sql := "SELECT count(*)::BIGINT, coalesce(bit_xor(hash(t)), 0)::VARCHAR FROM copy." + history.Quote(schema) + "." + history.Quote(table) + " t"
	err = v.conn.Each(ctx, sql, func(scan func(...any) error) error {
		var digest string
		return scan(&n, &digest)
	})
	if err != nil {
		err = fmt.Errorf("table %s: %w", table, err)
	}
	return n, err
}
