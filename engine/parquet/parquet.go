package parquet

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/source"
)

// ErrNoColumn is returned for a file that has none of a source's columns.
var ErrNoColumn = errors.New("none of its columns has the name of a column of the source")

// errOrder says that rows are not those that were asked for: the file was
// changed, or DuckDB has them in another order.
var errOrder = errors.New("the rows are not in the order of the file")

// Reader reads files. It is safe for concurrent use.
type Reader struct{ db *duck.DB }

var _ source.Parquet = (*Reader)(nil)

// New returns a reader on connections of db.
func New(db *duck.DB) *Reader { return &Reader{db} }

// Rows returns the number of rows of a file.
func (r *Reader) Rows(ctx context.Context, path string) (n int64, err error) {
	conn, err := r.db.Conn()
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	rows, err := conn.Query(ctx, "SELECT count(*) FROM "+from(path))
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if ok, err := rows.Next(); err != nil || !ok {
		return 0, err
	}
	return n, rows.Scan(&n)
}

// from is the file as a relation.
func from(path string) string {
	escaped := strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path) // it is no pattern
	return "read_parquet(" + history.Literal(escaped) + ", file_row_number = true, hive_partitioning = false)"
}

// rowColumn is the number of a row in its file.
const rowColumn = "file_row_number"

// Read returns the rows of a file from first up to next, and those that are
// rejected, whose offsets are their numbers in the file. The record has the columns
// of schema; the caller owns it. One transaction reads no more than that, so that
// it holds nothing off for long.
func (r *Reader) Read(ctx context.Context, path string, schema *batch.Schema, first, next int64, mem *batch.Allocator) (arrow.RecordBatch, []batch.Rejected, error) {
	conn, err := r.db.Conn()
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	p := projection{from: from(path), first: first, next: next, schema: schema}
	if err := p.find(ctx, conn); err != nil {
		return nil, nil, err
	}
	rec, err := p.good(ctx, conn, mem)
	if err != nil {
		return nil, nil, err
	}
	if rec.NumRows() == next-first {
		return rec, nil, nil
	}
	rejected, err := p.bad(ctx, conn)
	if err == nil && rec.NumRows()+int64(len(rejected)) != next-first {
		err = errOrder
	}
	if err != nil {
		rec.Release()
		return nil, nil, err
	}
	return rec, rejected, nil
}

// projection is how a file's columns become a source's.
type projection struct {
	from        string
	first, next int64
	schema      *batch.Schema
	names       []string // by column of schema: the file's, "" for none
}

// find looks for the source's columns in the file.
func (p *projection) find(ctx context.Context, conn *duck.Conn) error {
	has, err := columns(conn, p.from)
	if err != nil {
		return err
	}
	p.names = make([]string, len(p.schema.Columns))
	found := false
	for _, c := range has {
		i := p.schema.Index(c.Name)
		if i >= 0 && (p.names[i] == "" || c.Name == p.schema.Columns[i].Name) { // its very name wins
			p.names[i], found = c.Name, true
		}
	}
	if !found {
		return ErrNoColumn
	}
	return ctx.Err()
}

func (p *projection) where() string {
	return fmt.Sprintf(" WHERE %s >= %d AND %[1]s < %[3]d", rowColumn, p.first, p.next)
}

// cast is the value of column i, NULL where it does not fit. In a nested value TRY_CAST
// makes only the part NULL that does not fit, and so would hide it.
func (p *projection) cast(i int) string {
	name, typ := history.Quote(p.names[i]), p.schema.Columns[i].Type
	if typ.Nested != nil {
		return fmt.Sprintf("TRY(CAST(%s AS %s))", name, typ)
	}
	return fmt.Sprintf("TRY_CAST(%s AS %s)", name, typ)
}

// misfit is the condition that column i has a value that can't be cast.
func (p *projection) misfit(i int) string {
	return fmt.Sprintf("(%s IS NOT NULL AND %s IS NULL)", history.Quote(p.names[i]), p.cast(i))
}

// misfits are the conditions of all columns that are there.
func (p *projection) misfits() string {
	var list []string
	for i, name := range p.names {
		if name != "" {
			list = append(list, p.misfit(i))
		}
	}
	return "(" + strings.Join(list, " OR ") + ")"
}

// good reads the rows whose values fit.
func (p *projection) good(ctx context.Context, conn *duck.Conn, mem *batch.Allocator) (arrow.RecordBatch, error) {
	items := []string{rowColumn}
	for i, name := range p.names {
		value := fmt.Sprintf("CAST(NULL AS %s)", p.schema.Columns[i].Type)
		if name != "" {
			value = p.cast(i)
		}
		items = append(items, value)
	}
	rows, err := conn.Query(ctx, "SELECT "+strings.Join(items, ", ")+" FROM "+p.from+p.where()+" AND NOT "+p.misfits()+" ORDER BY "+rowColumn)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	numbered := batch.NewSchema(append([]batch.Column{{Name: rowColumn, Type: batch.Type{Kind: batch.BigInt}}}, p.schema.Columns...))
	b := batch.NewBuilder(mem, numbered)
	defer b.Release()
	for {
		n, err := rows.NextChunk()
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return p.check(b)
		}
		if err := rows.AppendTo(b, 0); err != nil {
			return nil, err
		}
	}
}

// check takes the number off the rows: they must come in the order of the file.
func (p *projection) check(b *batch.Builder) (arrow.RecordBatch, error) {
	numbers := b.Column(0).Vector()
	for i, last := 0, p.first-1; i < b.Rows(); i++ {
		if n := numbers.Int64(i); n <= last || n >= p.next {
			return nil, errOrder
		} else { //nolint:revive // n is of this row only
			last = n
		}
	}
	rec := b.Finish()
	defer rec.Release()
	return array.NewRecordBatch(p.schema.Arrow(), rec.Columns()[1:], rec.NumRows()), nil
}

// bad reads the rows with values that do not fit, as JSON, and says why.
func (p *projection) bad(ctx context.Context, conn *duck.Conn) ([]batch.Rejected, error) {
	var why, shown []string
	for i, name := range p.names {
		if name == "" {
			continue
		}
		why = append(why, fmt.Sprintf("CASE WHEN %s THEN %s || left(%s::VARCHAR, 60) || %s END", p.misfit(i),
			history.Literal(fmt.Sprintf("column %q: ", p.schema.Columns[i].Name)), history.Quote(name), history.Literal(" is not a "+p.schema.Columns[i].Type.String())))
		shown = append(shown, history.Literal(name)+": "+history.Quote(name))
	}
	var rejected []batch.Rejected
	sql := fmt.Sprintf("SELECT %s::BIGINT, coalesce(%s), to_json({%s})::VARCHAR FROM %s%s AND %s ORDER BY 1",
		rowColumn, strings.Join(why, ", "), strings.Join(shown, ", "), p.from, p.where(), p.misfits())
	err := conn.Each(ctx, sql, func(scan func(...any) error) error {
		var x batch.Rejected
		err := scan(&x.Offset, &x.Error, &x.Value)
		if len(x.Value) > valueMax {
			x.Value, x.Truncated = x.Value[:valueMax], true
		}
		rejected = append(rejected, x)
		return err
	})
	return rejected, err
}

// valueMax is how much of a rejected row is kept.
const valueMax = 64 << 10
