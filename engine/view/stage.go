package view

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// Stage computes expressions over a batch, all in one DuckDB statement that is
// prepared once. Expressions that are columns or simple comparisons are not
// its business. It is not safe for concurrent use.
type Stage struct {
	conn     *duck.Lasting
	on       *duck.Conn // which has the statements
	input    *duck.RecordRelation
	computed []int // indexes of the expressions it computes
	sql      [2]string
	stmt     [2]*duck.Stmt // as written; and with every expression in TRY
	out      *batch.Builder
	result   arrow.RecordBatch
	packer   *packer // nil: nothing is packed
}

// Native reports whether an expression needs no SQL.
func (e *Expr) Native() bool { return e.Column >= 0 || e.Conjuncts != nil }

// NewStage prepares the expressions over batches of the given schema. With
// nothing to compute the stage costs nothing. The caller must Close it.
func NewStage(db *duck.DB, mem *batch.Allocator, schema *batch.Schema, exprs []Expr) (*Stage, error) {
	s := &Stage{input: &duck.RecordRelation{Schema: schema, InOrder: true}, packer: newPacker(mem, exprs)}
	var plain, try []string
	var columns []batch.Column
	for i := range exprs {
		if exprs[i].Native() {
			continue
		}
		name := fmt.Sprint("e", i)
		plain = append(plain, fmt.Sprintf("(%s) AS %s", exprs[i].SQL, name))
		try = append(try, fmt.Sprintf("TRY(%s) AS %s", exprs[i].SQL, name))
		columns = append(columns, batch.Column{Name: name, Type: exprs[i].Type})
		s.computed = append(s.computed, i)
	}
	if len(columns) == 0 {
		return s, nil
	}
	s.out = batch.NewBuilder(mem, batch.NewSchema(columns))
	s.sql[0] = "SELECT " + strings.Join(plain, ", ") + " FROM ms_scan('batch')"
	s.sql[1] = "SELECT " + strings.Join(try, ", ") + " FROM ms_scan('batch')"
	s.conn = duck.NewLasting(db, s)
	s.conn.OnlyMemory()
	if err := s.conn.Do(context.Background(), func(c *duck.Conn) error { return s.prepare(c, 0) }); err != nil {
		s.Close()
		return nil, err
	}
	for i, c := range columns {
		if got := s.stmt[0].Columns[i].Type; got != c.Type.String() {
			s.Close()
			return nil, fmt.Errorf("expression %s is of type %s, planned as %s", exprs[s.computed[i]].SQL, got, c.Type)
		}
	}
	return s, nil
}

// Relation gives DuckDB the batch that is being computed.
func (s *Stage) Relation(string) (duck.Relation, error) { return s.input, nil }

// Run computes the expressions over a record batch and sets their vectors in
// out, which has those of columns already. They stay valid until the next Run or
// Close, as do those of columns that it packs. It reports whether an expression
// failed on some row, whose value then is NULL.
func (s *Stage) Run(ctx context.Context, rec arrow.RecordBatch, out []batch.Vector) (failed bool, err error) {
	if failed, err = s.compute(ctx, rec, out); err == nil {
		s.packer.pack(out, int(rec.NumRows()))
	}
	return failed, err
}

func (s *Stage) compute(ctx context.Context, rec arrow.RecordBatch, out []batch.Vector) (failed bool, err error) {
	s.release()
	if len(s.computed) == 0 || rec.NumRows() == 0 {
		return false, nil
	}
	s.input.Records = append(s.input.Records[:0], rec)
	defer func() { s.input.Records = s.input.Records[:0] }()
	err = s.execute(ctx, 0)
	var rowError *duck.Error
	if errors.As(err, &rowError) && !rowError.Fatal() && ctx.Err() == nil {
		failed = true
		err = s.execute(ctx, 1)
	}
	if err != nil {
		return failed, err
	}
	s.result = s.out.Finish()
	if s.result.NumRows() != rec.NumRows() {
		return failed, fmt.Errorf("stage gave %d rows for %d", s.result.NumRows(), rec.NumRows())
	}
	for i, expr := range s.computed {
		out[expr] = batch.VectorOf(s.result.Column(i), s.out.Schema().Columns[i].Type)
	}
	return failed, nil
}

// prepare plans a variant's statement, unless the connection has it.
func (s *Stage) prepare(c *duck.Conn, variant int) (err error) {
	if s.on != c {
		s.forget()
		s.on = c
	}
	if s.stmt[variant] == nil {
		s.stmt[variant], err = c.Prepare(s.sql[variant])
	}
	return err
}

// execute computes a variant into out. A batch depends on nothing else, so when
// the instance is lost meanwhile, it is computed again in the next one.
func (s *Stage) execute(ctx context.Context, variant int) error {
	return s.conn.Do(ctx, func(c *duck.Conn) error {
		if err := s.prepare(c, variant); err != nil {
			return err
		}
		return s.read(ctx, variant)
	})
}

func (s *Stage) read(ctx context.Context, variant int) error {
	s.out.Truncate(0)
	rows, err := s.stmt[variant].Query(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		n, err := rows.NextChunk()
		if err != nil || n == 0 {
			return err
		}
		if err := rows.AppendTo(s.out, 0); err != nil {
			return err
		}
	}
}

func (s *Stage) release() {
	if s.result != nil {
		s.result.Release()
		s.result = nil
	}
}

// forget frees the statements.
func (s *Stage) forget() {
	for i, stmt := range s.stmt {
		if stmt != nil {
			stmt.Close()
			s.stmt[i] = nil
		}
	}
}

// Close frees the statements and their connection.
func (s *Stage) Close() {
	s.release()
	s.forget()
	s.packer.close()
	if s.out != nil {
		s.out.Release()
	}
	if s.conn != nil {
		s.conn.Close()
	}
}

// Column returns computed expression number i of the last Run, which stays the
// stage's; rows that are kept must be retained.
func (s *Stage) Column(i int) arrow.Array { return s.result.Column(i) }
