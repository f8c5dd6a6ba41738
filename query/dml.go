package query

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/rowchange"
	"github.com/millstream-db/millstream/query/binder"
	"github.com/millstream-db/millstream/query/composed"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// maxChangeBytes bounds the rows that one statement may write: they are in
// memory until they are committed.
const maxChangeBytes = 1 << 30

// prepareChange prepares a statement that changes the rows of a table.
func (s *Session) prepareChange(ctx context.Context, st *Statement, tree parser.Statement, paramTypes []string) error {
	switch t := tree.(type) {
	case *parser.Update:
		return s.prepareUpdate(ctx, st, t, paramTypes)
	case *parser.Delete:
		return s.prepareDelete(ctx, st, t, paramTypes)
	case *parser.Truncate:
		def, err := s.db.table(t.Name)
		if err != nil {
			return err
		}
		if err := s.requireRights(st, catalog.Truncate, def.Name); err != nil {
			return err
		}
		st.run = s.change(st, def, func(context.Context, *engine.Read, []any) (*rowchange.Change, error) {
			return &rowchange.Change{All: true}, nil
		})
		return nil
	}
	return Errorf(CodeInternal, "change by %T", tree)
}

// table returns the table of a name, and says what a name stands for that is
// none.
func (db *DB) table(name parser.Name) (*catalog.TableDefinition, error) {
	fail := func(code, hint, format string, args ...any) error {
		return &parser.Error{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint, Offset: name.Offset}
	}
	if name.Schema == "" || name.Schema == publicSchema {
		if d := db.engine.Tables()[name.Name]; d != nil {
			return d, nil
		}
		if db.engine.Sources()[name.Name] != nil {
			return nil, fail(CodeWrongObjectType, "Rows of a source are records; only tables (CREATE TABLE) are changed.", "%q is a source, not a table", name.Name)
		}
		if db.engine.Views()[name.Name] != nil {
			return nil, fail(CodeWrongObjectType, "Its rows are computed; change what it reads.", "%q is a materialized view, not a table", name.Name)
		}
	}
	if name.Schema == systemSchema && db.engine.TableColumns(systemSchema, name.Name) != nil {
		return nil, fail(CodeInsufficientPrivilege, "", "%q is a system table", name.Name)
	}
	return nil, fail(CodeUndefinedTable, "Create it with CREATE TABLE, or see SHOW TABLES.", "table %q does not exist", name.Name)
}

// changePlan computes a change from what a read sees.
type changePlan func(context.Context, *engine.Read, []any) (*rowchange.Change, error)

// change runs a change of a table's rows, which outside a transaction commits by
// itself. A table that was dropped and made anew since the statement was prepared
// is another one.
func (s *Session) change(st *Statement, d *catalog.TableDefinition, plan changePlan) func(context.Context, []any) (*Result, error) {
	return func(ctx context.Context, args []any) (*Result, error) {
		if err := s.refuseReadOnly(st.Tag); err != nil {
			return nil, err
		}
		if now := s.db.engine.Tables()[d.Name]; now != nil && now != d {
			again, err := s.prepare(ctx, st.SQL, st.Params)
			if err != nil {
				return nil, err
			}
			return s.execute(ctx, again, args)
		}
		if s.status != statusIdle {
			return s.changeInTransaction(ctx, st, d, args, plan)
		}
		n, err := s.db.engine.ChangeTable(ctx, d.Name, func(ctx context.Context, r *engine.Read) (*rowchange.Change, error) {
			if r.Table(d.Name) != d {
				return nil, Errorf(sqlstate.CodeSerializationFailure, "table %q was made anew while the statement ran", d.Name).WithHint("Try again.")
			}
			return plan(ctx, r, args)
		})
		if err != nil {
			return nil, err
		}
		return &Result{Tag: countedTag(st.Tag, n)}, nil
	}
}

// countedTag is Postgres's command tag with the number of rows.
func countedTag(tag string, n int64) string {
	switch tag {
	case "INSERT":
		return fmt.Sprint("INSERT 0 ", n)
	case "TRUNCATE TABLE":
		return tag
	}
	return fmt.Sprint(tag, " ", n)
}

// rowQuery is a query of our own making around pieces of a user's statement.
type rowQuery struct {
	s    *Session
	st   *Statement
	text composed.Text
	with string // in front of the text when it runs; beyond the gate
	path engine.Path
	sql  string // all of it as it runs, with the types of parameters

	params int // the highest parameter of the text
}

// changeRelations is what a statement that changes a table may read: what
// queries may, the table with its row ids, and the row that ON CONFLICT excluded.
type changeRelations struct {
	relations
	table    string
	excluded bool
}

// rowSchema is where tables are shown with the ids of their rows.
const rowSchema = "dml"

func (c changeRelations) Lookup(schema, name string) (gate.Relation, bool) {
	if schema == rowSchema && name == c.table || schema == "" && c.excluded && name == "excluded" {
		return gate.Relation{Schema: schema, Name: name}, true
	}
	return c.relations.Lookup(schema, name)
}

// admit lets the query through the gate.
func (q *rowQuery) admit(ctx context.Context, rels gate.Relations) error {
	gated := q.text.String()
	q.sql, q.path = q.with+gated, path(gated)
	err := q.s.db.binders.With(func(b *binder.Binder) error {
		ast, err := b.Serialize(ctx, gated)
		if err == nil {
			var reads *gate.Reads
			if reads, err = gate.Check(ast, rels); err == nil {
				q.params = reads.Params
				err = q.s.requireReads(q.st, reads)
			}
		}
		return err
	})
	return q.text.Explain(err, q.st.SQL)
}

// bind finds the types of the parameters.
func (q *rowQuery) bind(ctx context.Context, paramTypes []string, local func(*engine.Read)) error {
	r, err := q.s.db.engine.BeginRead(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if local != nil {
		local(r)
	}
	inner := &selectQuery{s: q.s, st: &Statement{SQL: q.sql}, sql: q.sql, path: q.path}
	if err := inner.describeOn(ctx, r, paramTypes); err != nil {
		return q.text.Explain(q.shift(err), q.st.SQL)
	}
	q.sql = inner.sql
	for i, t := range inner.st.Params {
		if i >= len(q.st.Params) {
			q.st.Params = append(q.st.Params, t)
		}
	}
	return nil
}

// rows runs the query and returns its rows, which must have the schema's types.
func (q *rowQuery) rows(ctx context.Context, r *engine.Read, schema *batch.Schema, args []any) ([]arrow.RecordBatch, error) {
	list, err := q.collect(ctx, r, schema, args)
	if err != nil {
		for _, rec := range list {
			rec.Release()
		}
		return nil, q.text.Explain(q.shift(err), q.st.SQL)
	}
	return list, nil
}

func (q *rowQuery) collect(ctx context.Context, r *engine.Read, schema *batch.Schema, args []any) (list []arrow.RecordBatch, err error) {
	if err := r.SetTimeZone(ctx, q.s.settings.Get("timezone")); err != nil {
		return nil, err
	}
	if err := r.SetPath(ctx, q.path); err != nil {
		return nil, err
	}
	stmt, err := r.Conn().Prepare(q.sql)
	if err != nil {
		return nil, err
	}
	defer stmt.Close()
	if len(stmt.Columns) != len(schema.Columns) {
		return nil, Errorf(CodeSyntaxError, "the statement gives %d values for %d columns", len(stmt.Columns), len(schema.Columns))
	}
	for i, c := range schema.Columns { // the columns are read as what the schema says
		if got := stmt.Columns[i].Type; got != c.Type.String() {
			return nil, Errorf(CodeDatatypeMismatch, "column %q is of type %s but expression is of type %s", c.Name, c.Type, got)
		}
	}
	rows, err := stmt.Query(ctx, args[:len(stmt.Params)]...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	size := uint64(0)
	err = rows.Records(schema, q.s.db.engine.Allocator(), 65536, func(rec arrow.RecordBatch) error {
		rec.Retain()
		list = append(list, rec)
		for _, c := range rec.Columns() {
			size += c.Data().SizeInBytes()
		}
		if size > maxChangeBytes {
			return Errorf(CodeProgramLimit, "%s writes more than %d MiB at once", q.st.Tag, maxChangeBytes>>20).
				WithHint("Write the rows in several statements.")
		}
		return nil
	})
	return list, err
}

// shift takes what stands in front of the text out of an error's place.
func (q *rowQuery) shift(err error) error { return composed.Shifted(err, len(q.with)) }

// dmlTable is the table with its row ids, under the given alias, as SQL.
func dmlTable(d *catalog.TableDefinition, alias string) string {
	return rowSchema + "." + history.Quote(d.Name) + " AS " + history.Quote(alias)
}

// column returns the index of a table's column.
func column(d *catalog.TableDefinition, c parser.ColumnName) (int, error) {
	for i := range d.Columns {
		if strings.EqualFold(d.Columns[i].Name, c.Name) {
			return i, nil
		}
	}
	return -1, &parser.Error{Code: CodeUndefinedColumn, Offset: c.Offset,
		Message: fmt.Sprintf("column %q of relation %q does not exist", c.Name, d.Name)}
}

// assignments sorts the columns that a SET clause gives values, and refuses one
// that is given two.
func assignments(d *catalog.TableDefinition, set []parser.Assignment) (columns []int, by map[int]parser.Text, err error) {
	by = make(map[int]parser.Text)
	for _, a := range set {
		i, err := column(d, a.Column)
		if err != nil {
			return nil, nil, err
		}
		if _, twice := by[i]; twice {
			return nil, nil, &parser.Error{Code: CodeSyntaxError, Offset: a.Column.Offset,
				Message: fmt.Sprintf("multiple assignments to same column %q", a.Column.Name)}
		}
		by[i] = a.Expr
	}
	for i := range d.Columns {
		if _, ok := by[i]; ok {
			columns = append(columns, i)
		}
	}
	return columns, by, nil
}

// setValues appends the values of a SET clause in the columns' types to a text.
func setValues(c *composed.Text, d *catalog.TableDefinition, columns []int, by map[int]parser.Text) {
	for _, i := range columns {
		c.Own(", CAST(")
		if by[i].SQL == "" {
			c.Own(defaultSQL(&d.Columns[i]))
		} else {
			c.In(by[i])
		}
		c.Own(" AS ", d.Columns[i].Type.String(), ")")
	}
}

// defaultSQL is the expression of a value that is not given.
func defaultSQL(c *catalog.TableColumn) string {
	if c.Default == "" {
		return "NULL"
	}
	return "(\n" + c.Default + "\n)"
}

func (s *Session) prepareUpdate(ctx context.Context, st *Statement, t *parser.Update, paramTypes []string) error {
	d, err := s.db.table(t.Name)
	if err != nil {
		return err
	}
	if err := s.requireChange(st, catalog.Update, d.Name, t.Set, t.From, t.Where); err != nil {
		return err
	}
	columns, by, err := assignments(d, t.Set)
	if err != nil {
		return err
	}
	alias := t.Alias
	if alias == "" {
		alias = d.Name
	}
	q := &rowQuery{s: s, st: st}
	rowID := history.Quote(alias) + "." + history.Quote(catalog.RowID)
	q.text.Own("SELECT ")
	if t.From.SQL != "" { // of several rows that match one, one is taken
		q.text.Own("DISTINCT ON (", rowID, ") ")
	}
	q.text.Own(rowID)
	setValues(&q.text, d, columns, by)
	q.text.Own(" FROM ", dmlTable(d, alias))
	q.tail(", ", t.From, t.Where)
	if err := q.prepare(ctx, d, paramTypes); err != nil {
		return err
	}
	schema := d.UpdateSchema(columns)
	st.run = s.change(st, d, func(ctx context.Context, r *engine.Read, args []any) (*rowchange.Change, error) {
		rows, err := q.rows(ctx, r, schema, args)
		return &rowchange.Change{Update: rows, Columns: columns, Exact: true}, err
	})
	return nil
}

// tail appends more relations and the condition.
func (q *rowQuery) tail(before string, from, where parser.Text) {
	if from.SQL != "" {
		q.text.Own(before, "\n")
		q.text.User(from)
	}
	if where.SQL != "" {
		q.text.Own("\nWHERE ")
		q.text.In(where)
	}
}

func (q *rowQuery) prepare(ctx context.Context, d *catalog.TableDefinition, paramTypes []string) error {
	if err := q.admit(ctx, changeRelations{relations: q.s.db.relations(), table: d.Name}); err != nil {
		return err
	}
	return q.bind(ctx, paramTypes, nil)
}

func (s *Session) prepareDelete(ctx context.Context, st *Statement, t *parser.Delete, paramTypes []string) error {
	d, err := s.db.table(t.Name)
	if err != nil {
		return err
	}
	if err := s.requireChange(st, catalog.Delete, d.Name, nil, t.Using, t.Where); err != nil {
		return err
	}
	if t.Using.SQL == "" && t.Where.SQL == "" {
		st.run = s.change(st, d, func(context.Context, *engine.Read, []any) (*rowchange.Change, error) {
			return &rowchange.Change{All: true}, nil
		})
		return nil
	}
	alias := t.Alias
	if alias == "" {
		alias = d.Name
	}
	q := &rowQuery{s: s, st: st}
	q.text.Own("SELECT DISTINCT ", history.Quote(alias), ".", history.Quote(catalog.RowID), " FROM ", dmlTable(d, alias))
	q.tail(", ", t.Using, t.Where)
	if err := q.prepare(ctx, d, paramTypes); err != nil {
		return err
	}
	schema := d.UpdateSchema(nil)
	st.run = s.change(st, d, func(ctx context.Context, r *engine.Read, args []any) (*rowchange.Change, error) {
		rows, err := q.rows(ctx, r, schema, args)
		return &rowchange.Change{Delete: rows, Exact: true}, err
	})
	return nil
}
