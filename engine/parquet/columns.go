package parquet

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// Columns returns the columns of a file, in its order, of the types that a source can
// have for them: what SQL's clients have no type for is the next wider one, or text, and
// what has parts of which a column can't have one is JSON.
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

// finer are times of other units in what has parts. (The name of a field has a blank
// behind it, and not what is behind a type.)
var finer = regexp.MustCompile(`\bTIMESTAMP_(?:S|MS|NS)([\[,)])`)

// typeFor returns the type of a column for values of one of DuckDB's.
func typeFor(name string) batch.Type {
	if kind, ok := otherKinds[name]; ok {
		return batch.Type{Kind: kind}
	}
	t, err := batch.ParseType(finer.ReplaceAllString(name, "TIMESTAMP$1"))
	switch {
	case err != nil && hasParts(name):
		return batch.Type{Kind: batch.JSON}
	case err != nil:
		return batch.Type{Kind: batch.Varchar}
	}
	if t, err = usual(t); err != nil {
		return batch.Type{Kind: batch.JSON}
	}
	return t
}

func hasParts(name string) bool {
	return strings.HasSuffix(name, "]") || strings.HasPrefix(name, "STRUCT(") || strings.HasPrefix(name, "MAP(") || strings.HasPrefix(name, "UNION(")
}

// usual returns a type with the types of its parts as those of columns are.
func usual(t batch.Type) (batch.Type, error) {
	switch t.Kind {
	case batch.List:
		element, err := usual(t.Element())
		if err != nil {
			return t, err
		}
		return batch.ListOf(element)
	case batch.Map:
		entry, err := usual(t.Element())
		if err != nil {
			return t, err
		}
		parts := entry.Children()
		return batch.MapOf(parts[0].Type, parts[1].Type)
	case batch.Struct:
		fields := slices.Clone(t.Children())
		for i := range fields {
			var err error
			if fields[i].Type, err = usual(fields[i].Type); err != nil {
				return t, err
			}
		}
		return batch.StructOf(fields)
	}
	if kind, ok := otherKinds[t.String()]; ok {
		t = batch.Type{Kind: kind}
	}
	return t, nil
}
