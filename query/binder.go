package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/query/plan"
)

// binder asks DuckDB to parse, print and bind SQL, on a connection without data.
type binder struct {
	conn        *duck.Conn
	serialize   *duck.Stmt
	deserialize *duck.Stmt
	tables      map[string]*duck.RecordRelation // what the statement being bound may name
}

func newBinder(db *DB) (*binder, error) {
	conn, err := db.engine.NewConn()
	if err != nil {
		return nil, err
	}
	conn.Guard(true)
	b := &binder{conn: conn}
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

func (b *binder) close() {
	for _, s := range []*duck.Stmt{b.serialize, b.deserialize} {
		if s != nil {
			s.Close()
		}
	}
	b.conn.Close()
}

// Relation gives ms_scan the columns of a table without rows.
func (b *binder) Relation(name string) (duck.Relation, error) {
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
func (b *binder) Serialize(ctx context.Context, sql string) ([]byte, error) {
	text, err := one(ctx, b.serialize, sql)
	return []byte(text), err
}

// Deserialize returns json_deserialize_sql of a syntax tree.
func (b *binder) Deserialize(ctx context.Context, ast []byte) (string, error) {
	return one(ctx, b.deserialize, string(ast))
}

// Describe binds a SELECT over tables that have columns and no rows.
func (b *binder) Describe(_ context.Context, sql string, tables map[string][]batch.Column) ([]plan.Field, error) {
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

// binderPool keeps binders between statements. It is safe for concurrent use.
type binderPool struct {
	db   *DB
	mu   sync.Mutex
	idle []*binder
}

// with runs f with a binder of its own.
func (p *binderPool) with(f func(*binder) error) error {
	p.mu.Lock()
	var b *binder
	if n := len(p.idle); n > 0 {
		b, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	if b == nil || b.conn.Stale() {
		var err error
		if b, err = newBinder(p.db); err != nil {
			return err
		}
	}
	err := f(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < 8 && !duck.Lost(err) {
		p.idle = append(p.idle, b)
	} else {
		b.close()
	}
	return err
}

func (p *binderPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.idle {
		b.close()
	}
	p.idle = nil
}
