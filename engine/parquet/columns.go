package parquet

import (
	"context"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// Columns returns the columns of a file, in its order, of the types that a source can
// have for them: what has parts is JSON, and what SQL's clients have no type for is the
// next wider one, or text.
func (r *Reader) Columns(ctx context.Context, path string) ([]batch.Column, error) {
	conn, err := r.db.Conn()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	found, err := columns(conn, from(path))
	if err != nil {
		return nil, err
	}
	list := make([]batch.Column, len(found))
	for i, c := range found {
		list[i] = batch.Column{Name: c.Name, Type: typeFor(c.Type)}
	}
	return list, ctx.Err()
}

// columns returns those of a file as a relation, without rowColumn.
func columns(conn *duck.Conn, from string) ([]duck.Column, error) {
	stmt, err := conn.Prepare("SELECT * FROM " + from)
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	return stmt.Columns[:len(stmt.Columns)-1], nil
}

var otherKinds = map[string]batch.Kind{
	// Not unsigned ones, which few clients know, but where nothing else has all values.
	"UTINYINT": batch.Integer, "USMALLINT": batch.Integer, "UINTEGER": batch.BigInt,
	// Finer times than a microsecond are cut.
	"TIMESTAMP_S": batch.Timestamp, "TIMESTAMP_MS": batch.Timestamp, "TIMESTAMP_NS": batch.Timestamp,
}

// typeFor returns the type of a column for values of one of DuckDB's.
func typeFor(name string) batch.Type {
	if kind, ok := otherKinds[name]; ok {
		return batch.Type{Kind: kind}
	}
	t, err := batch.ParseType(name)
	if err != nil {
		return batch.Type{Kind: batch.Varchar}
	}
	switch t.Kind {
	case batch.Struct, batch.List, batch.Map: // as where the columns of other formats are left out
		return batch.Type{Kind: batch.JSON}
	}
	return t
}
