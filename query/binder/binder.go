package binder

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/query/plan"
)

// Binder asks DuckDB to parse, print and bind SQL, on a connection without data. It is not
// safe for concurrent use.
type Binder struct {
	conn        *duck.Conn
	serialize   *duck.Stmt
	deserialize *duck.Stmt
	tables      map[string]*duck.RecordRelation // what the statement being bound may name
}

func newBinder(conn *duck.Conn) (_ *Binder, err error) {
	conn.Guard(true)
	b := &Binder{conn: conn}
	conn.SetRelations(b)
	if b.serialize, err = conn.Prepare("SELECT json_serialize_sql($1::VARCHAR)::VARCHAR"); err == nil {
		b.deserialize, err = conn.Prepare("SELECT json_deserialize_sql($1::JSON)")
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *Binder) close() {
	for _, s := range []*duck.Stmt{b.serialize, b.deserialize} {
		if s != nil {
			s.Close()
		}
	}
	b.conn.Close()
}

// Relation gives ms_scan the columns of a table without rows.
func (b *Binder) Relation(name string) (duck.Relation, error) {
	if rel := b.tables[name]; rel != nil {
		return rel, nil
	}
	return nil, fmt.Errorf("relation %q does not exist", name)
}

func one(ctx context.Context, s *duck.Stmt, arg string) (out string, err error) {
	rows, err := s.Query(ctx, arg)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	if ok, err := rows.Next(); err != nil || !ok {
		return "", errors.Join(errors.New("no answer from DuckDB"), err)
	}
	err = rows.Scan(&out)
	return out, err
}

// Serialize returns json_serialize_sql of a statement.
func (b *Binder) Serialize(ctx context.Context, sql string) ([]byte, error) {
	text, err := one(ctx, b.serialize, sql)
	return []byte(text), err
}

// Deserialize returns json_deserialize_sql of a syntax tree.
func (b *Binder) Deserialize(ctx context.Context, ast []byte) (string, error) {
	return one(ctx, b.deserialize, string(ast))
}

// Prepare plans a statement that reads nothing. The caller must Close it.
func (b *Binder) Prepare(sql string) (*duck.Stmt, error) { return b.conn.Prepare(sql) }

// Describe binds a SELECT over tables that have columns and no rows.
func (b *Binder) Describe(_ context.Context, sql string, tables map[string][]batch.Column) ([]plan.Field, error) {
	b.tables = make(map[string]*duck.RecordRelation, len(tables))
	var with []string
	for name, columns := range tables {
		b.tables[name] = &duck.RecordRelation{Schema: batch.NewSchema(columns)}
		with = append(with, fmt.Sprintf("%s AS (SELECT * FROM ms_scan(%s))", history.Quote(name), history.Literal(name)))
	}
	if len(with) > 0 {
		sql = "WITH " + strings.Join(with, ", ") + " " + sql
	}
	stmt, err := b.conn.Prepare(sql)
	if err != nil {
		var e *duck.Error
		if errors.As(err, &e) && !duck.Lost(err) {
			return nil, fmt.Errorf("%s Error: %s", e.Type, e.Message)
		}
		return nil, err
	}
	defer stmt.Close()
	fields := make([]plan.Field, len(stmt.Columns))
	for i, c := range stmt.Columns {
		fields[i] = plan.Field{Name: c.Name, Type: c.Type}
	}
	return fields, nil
}
