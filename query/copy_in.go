package query

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/rowchange"
	"github.com/millstream-db/millstream/query/assign"
	"github.com/millstream-db/millstream/query/copytext"
	"github.com/millstream-db/millstream/query/copyvalues"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// CopyIn takes the rows of a COPY FROM STDIN. It must be closed.
type CopyIn struct {
	Columns []Column // of each row
	Binary  bool     // rows come by Append and not by Write

	s      *Session
	st     *Statement
	copy   *tableCopy
	text   *copytext.Reader
	values *copyvalues.Rows

	finished bool // all rows were written
}

// tableCopy is a COPY into a table that has been planned.
type tableCopy struct {
	d     *catalog.TableDefinition
	given []int // the table's columns that the data have
	from  *parser.CopyFrom
}

func (s *Session) prepareCopyFrom(st *Statement, t *parser.CopyFrom) error {
	d, err := s.db.table(t.Name)
	if err != nil {
		return err
	}
	if err := s.requireRights(st, catalog.Insert, d.Name); err != nil {
		return err
	}
	c := &tableCopy{d: d, from: t}
	target := &insertTarget{name: d.Name, columns: d.Schema().Columns, table: d}
	if c.given, err = target.take(t.Columns); err != nil {
		return err
	}
	if t.File != "" {
		return s.prepareCopyFile(st, c)
	}
	st.Input = func() (*CopyIn, error) {
		err := st.allowed()
		if err == nil {
			err = s.refuseReadOnly(st.Tag)
		}
		if err != nil {
			s.fail()
			return nil, sqlstate.Explain(err, st.SQL, 0)
		}
		return c.input(s, st), nil
	}
	st.run = func(context.Context, []any) (*Result, error) {
		return nil, Errorf(CodeFeatureNotSupported, "COPY FROM STDIN needs a client that sends the rows").
			WithHint("Use psql's \\copy, or your driver's COPY, which speak the simple query protocol.")
	}
	return nil
}

func (c *tableCopy) input(s *Session, st *Statement) *CopyIn {
	in := &CopyIn{s: s, st: st, copy: c, Binary: c.from.Format.Kind == "binary"}
	var names []string
	var types []batch.Type
	for _, at := range c.given {
		column := &c.d.Columns[at]
		names, types = append(names, column.Name), append(types, column.Type)
		in.Columns = append(in.Columns, Column{Name: column.Name, Type: column.Type.String()})
	}
	if in.Binary {
		in.values = copyvalues.New(types, s.db.engine.Allocator())
	} else {
		in.text = copytext.NewReader(&c.from.Format, names, s.db.engine.Allocator())
	}
	return in
}

// rows returns the builder of the rows so far.
func (c *CopyIn) rows() *batch.Builder {
	if c.Binary {
		return c.values.Rows()
	}
	return c.text.Rows()
}

// Close gives the rows up. Without Finish the COPY has failed, and its transaction
// with it.
func (c *CopyIn) Close() {
	if !c.finished {
		c.s.fail()
	}
	c.rows().Release()
}

// Write takes the next piece of the data in the formats text and csv, which may end
// anywhere.
func (c *CopyIn) Write(p []byte) error {
	if err := c.Admit(c.text.Bytes()); err != nil {
		return err
	}
	return c.badRow(c.text.Write(p))
}

// Append takes a row of the format binary: a value for each column, as arguments of
// statements are.
func (c *CopyIn) Append(values []any) error {
	if err := c.Admit(c.values.Bytes()); err != nil {
		return err
	}
	return c.values.Append(values)
}

// Admit refuses what takes more bytes than a COPY may.
func (c *CopyIn) Admit(bytes int64) error {
	if bytes > maxChangeBytes {
		return Errorf(CodeProgramLimit, "COPY takes more than %d MiB at once", maxChangeBytes>>20).WithHint("Copy the rows in several parts.")
	}
	return nil
}

func (c *CopyIn) badRow(err error) error {
	var bad *copytext.Error
	if errors.As(err, &bad) {
		return Errorf(bad.Code, "%s", bad.Message).WithHint("COPY %s, row %d.", c.copy.d.Name, bad.Row)
	}
	return err
}

// Finish writes the rows into the table, all or none.
func (c *CopyIn) Finish(ctx context.Context) (*Result, error) {
	value := valueColumn
	if !c.Binary {
		value = textColumn
		if err := c.badRow(c.text.End()); err != nil {
			return nil, err
		}
	}
	rec := c.rows().Finish()
	defer rec.Release()
	data := &duck.RecordRelation{Schema: c.rows().Schema(), Records: []arrow.RecordBatch{rec}, InOrder: true}
	const from = "ms_scan('local:copied')"
	run := c.s.copyRows(c.st, c.copy, from, value, func(r *engine.Read) { r.SetLocal("copied", data) })
	res, err := run(ctx, nil)
	if err != nil {
		return nil, c.placed(ctx, data, value, sqlstate.Explain(err, "", 0))
	}
	c.finished = true
	return res, nil
}

// columnValue is the value of the i-th column of rows as SQL.
type columnValue = func(i int, c *catalog.TableColumn) string

// placed says which row and column a value could not be converted in.
func (c *CopyIn) placed(ctx context.Context, data duck.Relation, value columnValue, err error) error {
	e := AsError(err)
	if !strings.HasPrefix(e.Code, "22") {
		return err
	}
	r, readErr := c.s.db.engine.BeginRead(ctx)
	if readErr != nil {
		return err
	}
	defer r.Close()
	r.SetLocal("copied", data)
	var parts []string
	for i, column := range c.copy.given {
		name := fmt.Sprint("c", i)
		parts = append(parts, fmt.Sprintf("SELECT n, %s AS name, %s::VARCHAR AS value FROM ms_scan('local:copied') WHERE %s IS NOT NULL AND TRY(%s) IS NULL",
			parser.QuoteLiteral(c.copy.d.Columns[column].Name), name, name, value(i, &c.copy.d.Columns[column])))
	}
	rows, readErr := r.Conn().Query(ctx, strings.Join(parts, " UNION ALL ")+" ORDER BY n LIMIT 1")
	if readErr != nil {
		return err
	}
	defer rows.Close()
	var n int64
	var name, text string
	if found, readErr := rows.Next(); readErr != nil || !found || rows.Scan(&n, &name, &text) != nil {
		return err
	}
	return e.WithHint("COPY %s, row %d, column %s: %q.", c.copy.d.Name, n, name, text)
}

// fromText is a value of a text as SQL. Bytes are written as in PostgreSQL.
func fromText(sql string, t batch.Type) string {
	if t.Kind == batch.Blob {
		return fmt.Sprintf(`CASE WHEN starts_with(%[1]s, '\x') THEN unhex(substr(%[1]s, 3)) ELSE CAST(%[1]s AS BLOB) END`, sql)
	}
	return assign.TextAs(sql, t)
}

// textColumn is the value of the i-th column of rows of text.
func textColumn(i int, c *catalog.TableColumn) string { return fromText(fmt.Sprint("c", i), c.Type) }

// valueColumn is the value of the i-th column of rows of values.
func valueColumn(i int, c *catalog.TableColumn) string {
	return fmt.Sprintf("CAST(c%d AS %s)", i, c.Type)
}

// copyRows returns what inserts the rows of a relation; value is the i-th of
// the columns that they give, in its type.
func (s *Session) copyRows(st *Statement, c *tableCopy, from string, value columnValue, local func(*engine.Read)) func(context.Context, []any) (*Result, error) {
	items := make([]string, len(c.d.Columns))
	for i := range c.d.Columns {
		column := &c.d.Columns[i]
		items[i] = "CAST(" + defaultSQL(column) + " AS " + column.Type.String() + ")"
	}
	for i, at := range c.given {
		items[at] = value(i, &c.d.Columns[at])
	}
	q := &rowQuery{s: s, st: st, path: engine.PlainPath, sql: "SELECT " + strings.Join(items, ", ") + " FROM " + from}
	schema := c.d.Schema()
	return s.change(st, c.d, func(ctx context.Context, r *engine.Read, _ []any) (*rowchange.Change, error) {
		if local != nil {
			local(r)
		}
		rows, err := q.rows(ctx, r, schema, nil)
		return &rowchange.Change{Insert: rows}, err
	})
}
