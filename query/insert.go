package query

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/durable"
	"github.com/millstream-db/millstream/query/assign"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// insertBytesMax bounds the rows of one INSERT: they are in memory together,
// because all of them become visible at once.
const insertBytesMax = 256 << 20

// insertTarget is what INSERT adds rows to.
type insertTarget struct {
	name    string
	columns []batch.Column // that rows give, in order
	// computed names columns that are there and can't be given, and why.
	computed map[string]string
	def      *catalog.SourceDefinition // nil: it is a table
	table    *catalog.TableDefinition  // nil: it is a source
}

// missing is the value of a column that a row does not give.
func (t *insertTarget) missing(i int) string {
	if t.table != nil {
		return defaultSQL(&t.table.Columns[i])
	}
	return "NULL"
}

// insertTarget finds the relation that an INSERT names, and refuses what takes
// no rows.
func (db *DB) insertTarget(name parser.Name) (*insertTarget, error) {
	refuse := func(hint, format string, args ...any) error {
		return &parser.Error{Code: CodeWrongObjectType, Message: fmt.Sprintf(format, args...), Hint: hint, Offset: name.Offset}
	}
	rel, ok := db.relations().Lookup(name.Schema, name.Name)
	if !ok {
		return nil, missing(parser.Table, name)
	}
	if d := db.engine.Tables()[rel.Name]; d != nil && rel.Schema == publicSchema {
		return &insertTarget{name: d.Name, columns: d.Schema().Columns, table: d}, nil
	}
	def := db.engine.Sources()[rel.Name]
	switch {
	case rel.Schema == systemSchema:
		return nil, refuse("It shows the state of the database; only reading it makes sense.", "cannot change system table %q", systemSchema+"."+rel.Name)
	case def == nil && db.engine.Views()[rel.Name] != nil:
		return nil, refuse("Insert into its source: the view follows.", "cannot change materialized view %q", rel.Name)
	case def == nil:
		return nil, refuse("Millstream fills it; insert into the source itself.", "cannot insert into %q", rel.Name)
	case !def.Fed():
		instead := "Produce to its topic"
		if def.Connector == catalog.FileConnector {
			instead = "Write a file that its path names"
		}
		return nil, refuse(fmt.Sprintf("%s, or make a source without a connector: CREATE SOURCE %s_local (…) without WITH (connector = …).", instead, def.Name),
			"cannot insert into source %q: its records come from %s", def.Name, def.Connector)
	}
	t := &insertTarget{name: def.Name, columns: def.Decoded().Columns, def: def, computed: make(map[string]string)}
	for _, c := range def.Columns {
		if c.Generated != "" {
			t.computed[strings.ToLower(c.Name)] = "is a generated column"
		}
	}
	for _, c := range batch.MetadataColumns() {
		t.computed[c.Name] = "is filled by the database"
	}
	return t, nil
}

// take resolves INSERT's column list: for each of its columns, the target's.
func (t *insertTarget) take(list []parser.ColumnName) ([]int, error) {
	if list == nil {
		all := make([]int, len(t.columns))
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	taken := make([]int, len(list))
	for i, c := range list {
		at := slices.IndexFunc(t.columns, func(x batch.Column) bool { return strings.EqualFold(x.Name, c.Name) })
		switch why, computed := t.computed[strings.ToLower(c.Name)]; {
		case at < 0 && computed:
			return nil, &parser.Error{Code: "428C9", Offset: c.Offset, Message: fmt.Sprintf("cannot insert into column %q: it %s", c.Name, why),
				Hint: "Leave it out of the list of columns."}
		case at < 0:
			return nil, &parser.Error{Code: CodeUndefinedColumn, Offset: c.Offset, Message: fmt.Sprintf("column %q of relation %q does not exist", c.Name, t.name)}
		case slices.Contains(taken[:i], at):
			return nil, &parser.Error{Code: "42701", Offset: c.Offset, Message: fmt.Sprintf("column %q specified more than once", c.Name)}
		}
		taken[i] = at
	}
	return taken, nil
}

// insertQuery is an INSERT that is planned: a query whose columns are the target's.
type insertQuery struct {
	s      *Session
	st     *Statement
	tree   *parser.Insert
	target *insertTarget
	taken  []int // the target's columns that the rows give
	cells  [][]parser.Cell
	list   []parser.Cell
	text   *assign.Text
	rows   *selectQuery
}

// prepareInsert plans INSERT … VALUES and INSERT … SELECT.
func (s *Session) prepareInsert(ctx context.Context, st *Statement, t *parser.Insert, paramTypes []string) error {
	in, err := s.planInsert(ctx, st, t, paramTypes)
	if err != nil {
		return err
	}
	st.requireAll(in.rows.st)
	st.Params = in.rows.st.Params
	if in.target.table != nil {
		return s.prepareTableInsert(ctx, st, in, paramTypes)
	}
	st.run = func(ctx context.Context, args []any) (*Result, error) {
		if err := s.refuseReadOnly(st.Tag); err != nil {
			return nil, err
		}
		if s.status != statusIdle {
			return nil, Errorf(CodeActiveTransaction, "INSERT into a source cannot run inside a transaction block").
				WithHint("Rows join a source's stream at once and can't be rolled back, unlike those of a table. Leave BEGIN out, or turn autocommit on.")
		}
		if s.db.engine.Sources()[in.target.name] != in.target.def { // dropped or made anew meanwhile
			again, err := s.planInsert(ctx, st, t, st.Params)
			if err != nil {
				return nil, err
			}
			in = again
		}
		return in.run(ctx, args)
	}
	return nil
}

// insertRights are the rights on its table that an INSERT needs.
func insertRights(t *parser.Insert) catalog.Privileges {
	if t.Conflict != nil && t.Conflict.Set != nil {
		return catalog.Insert | catalog.Update | catalog.Select
	}
	return catalog.Insert
}

func (s *Session) planInsert(ctx context.Context, st *Statement, t *parser.Insert, paramTypes []string) (*insertQuery, error) {
	in := &insertQuery{s: s, st: st, tree: t, text: assign.NewText("")}
	var err error
	if in.target, err = s.db.insertTarget(t.Name); err != nil {
		return nil, err
	}
	if err := s.requireRights(st, insertRights(t), in.target.name); err != nil {
		return nil, err
	}
	if in.taken, err = in.target.take(t.Columns); err != nil {
		return nil, err
	}
	if t.Conflict != nil && in.target.table == nil {
		hint := "A source keeps every row; it has no keys that could conflict."
		if in.target.def.Keyed() {
			hint = "A row takes the place of the one with its key in any case: leave ON CONFLICT out."
		}
		return nil, &parser.Error{Code: CodeFeatureNotSupported, Message: "ON CONFLICT is not supported for a source", Offset: t.Conflict.Offset, Hint: hint}
	}
	in.cells, in.list = parser.Cells(t.Query.SQL)
	switch {
	case t.Query.SQL == "":
		in.planDefaults()
	case in.cells != nil:
		err = in.planValues(ctx, paramTypes)
	default:
		err = in.planSelect(ctx, in.list, paramTypes)
	}
	return in, err
}

// at returns the place in the statement of an offset in its query.
func (in *insertQuery) at(offset int) int { return in.tree.Query.Offset + offset }

// column returns the target's column for the i-th value of a row.
func (in *insertQuery) column(i int) batch.Column { return in.target.columns[in.taken[i]] }

// countError reports a row of n values, at most as many as there are columns
// when no list was written. more is the offset of the first that is too many.
func (in *insertQuery) countError(n, more int) error {
	switch {
	case n > len(in.taken):
		return &parser.Error{Code: CodeSyntaxError, Message: "INSERT has more expressions than target columns", Offset: more}
	case n < len(in.taken) && in.tree.Columns != nil:
		return &parser.Error{Code: CodeSyntaxError, Message: "INSERT has more target columns than expressions", Offset: in.tree.Columns[n].Offset}
	}
	return nil
}

// planDefaults plans DEFAULT VALUES: one row of NULLs.
func (in *insertQuery) planDefaults() {
	in.taken = nil
	in.rows = &selectQuery{s: in.s, st: &Statement{}, sql: "SELECT NULL", path: engine.PlainPath, reads: &gate.Reads{}}
	in.wrap(false)
}

// planValues plans a VALUES list. Each cell is cast by itself, so that it means
// what it would mean alone in its row.
func (in *insertQuery) planValues(ctx context.Context, paramTypes []string) error {
	width := len(in.cells[0])
	for _, row := range in.cells {
		if len(row) != width {
			return &parser.Error{Code: CodeSyntaxError, Message: "VALUES lists must all be the same length", Offset: in.at(row[0].Offset)}
		}
	}
	more := parser.NoOffset
	if width > len(in.taken) {
		more = in.at(in.cells[0][len(in.taken)].Offset)
	}
	if err := in.countError(width, more); err != nil {
		return err
	}
	in.taken = in.taken[:width]
	if err := in.checkCells(ctx, paramTypes); err != nil {
		return err
	}
	in.text = assign.NewText(in.tree.Query.SQL)
	for _, row := range in.cells {
		for i, c := range row {
			in.text.Cast(c, in.column(i).Type, in.target.missing(in.taken[i]))
		}
	}
	in.text.CopyTo(len(in.tree.Query.SQL))
	if _, err := in.bind(ctx, paramTypes); err != nil {
		return err
	}
	in.wrap(false)
	return nil
}

// checkCells refuses cells of VALUES whose types their columns do not take.
func (in *insertQuery) checkCells(ctx context.Context, paramTypes []string) error {
	seen := make(map[string]bool)
	for _, row := range in.cells {
		var open []int
		for i, c := range row {
			key := fmt.Sprint(i, " ", c.Text)
			switch {
			case c.Kind == parser.NumberCell && !assign.Assignable("INTEGER", in.column(i).Type):
				return in.typeError(i, "a number", c.Offset)
			case c.Kind == parser.ExpressionCell && !seen[key]:
				open, seen[key] = append(open, i), true
			}
		}
		if len(open) == 0 {
			continue
		}
		in.text = assign.NewText(in.tree.Query.SQL)
		in.text.Insert("SELECT ", row[open[0]].Offset)
		for n, i := range open {
			if n > 0 {
				in.text.Insert(", ", row[i].Offset)
			}
			in.text.SkipTo(row[i].Offset)
			in.text.CopyTo(row[i].End())
		}
		columns, err := in.bind(ctx, paramTypes)
		if err != nil {
			return err
		}
		for n, i := range open {
			if n < len(columns) && !assign.Assignable(columns[n].Type, in.column(i).Type) {
				return in.typeError(i, columns[n].Type, row[i].Offset)
			}
		}
	}
	return nil
}

func (in *insertQuery) typeError(i int, got string, offset int) error {
	c := in.column(i)
	if got != "a number" {
		got = "of type " + got
	}
	return &parser.Error{Code: CodeDatatypeMismatch, Offset: in.at(offset), Hint: "You will need to rewrite or cast the expression.",
		Message: fmt.Sprintf("column %q is of type %s but expression is %s", c.Name, c.Type, got)}
}

// planSelect plans any other query. Text, parameters and NULLs that stand alone
// in its list take the types of their columns.
func (in *insertQuery) planSelect(ctx context.Context, list []parser.Cell, paramTypes []string) error {
	in.text = assign.NewText(in.tree.Query.SQL)
	for i, c := range list {
		if i < len(in.taken) && (c.Kind == parser.TextCell || c.Kind == parser.ParamCell || c.Kind == parser.NullCell) {
			in.text.Cast(c, in.column(i).Type, "NULL")
		}
	}
	in.text.CopyTo(len(in.tree.Query.SQL))
	columns, err := in.bind(ctx, paramTypes)
	if err != nil {
		return err
	}
	if list != nil && len(columns) != len(list) { // an item that became several columns
		return in.planSelect(ctx, nil, paramTypes)
	}
	at := func(i int) int {
		if i < len(list) {
			return list[i].Offset
		}
		return 0
	}
	if err := in.countError(len(columns), in.at(at(len(in.taken)))); err != nil {
		return err
	}
	in.taken = in.taken[:len(columns)]
	for i, c := range columns {
		if !assign.Assignable(c.Type, in.column(i).Type) {
			return in.typeError(i, c.Type, at(i))
		}
	}
	in.wrap(true)
	return nil
}

// bind lets the rewritten text through the gate and finds its columns' types.
func (in *insertQuery) bind(ctx context.Context, paramTypes []string) ([]Column, error) {
	sql := in.text.String()
	in.rows = &selectQuery{s: in.s, st: &Statement{SQL: in.st.SQL, Tag: "SELECT"}, sql: sql, path: path(sql)}
	err := in.rows.admit(ctx)
	if err == nil {
		err = in.rows.describe(ctx, paramTypes)
	}
	if in.rows.sql != sql {
		in.text.Lose()
	}
	if err != nil {
		return nil, in.explain(err)
	}
	return in.rows.st.Columns, nil
}

// wrap puts a SELECT around the query that gives all of the target's columns in
// its order. The query has passed the gate as a whole, so it can't end early.
func (in *insertQuery) wrap(cast bool) {
	var list, names []string
	for i := range in.taken {
		names = append(names, fmt.Sprint("c", i))
	}
	for at, c := range in.target.columns {
		switch i := slices.Index(in.taken, at); {
		case i < 0:
			list = append(list, fmt.Sprintf("CAST(%s AS %s)", in.target.missing(at), c.Type))
		case cast:
			list = append(list, fmt.Sprintf("CAST(c%d AS %s)", i, c.Type))
		default:
			list = append(list, fmt.Sprint("c", i))
		}
	}
	prefix := "SELECT " + strings.Join(list, ", ") + " FROM ("
	in.rows.sql = prefix + in.rows.sql + "\n) AS ms_rows"
	if names != nil {
		in.rows.sql += "(" + strings.Join(names, ", ") + ")"
	}
	in.text.Shift(len(prefix))
}

// explain gives an error in the rewritten text its place in the statement.
func (in *insertQuery) explain(err error) error {
	var (
		parse  *parser.Error
		gated  *gate.Error
		duckdb *duck.Error
	)
	switch {
	case errors.As(err, &parse):
		e := *parse
		e.Offset = in.text.Original(e.Offset)
		err = &e
	case errors.As(err, &gated):
		e := *gated
		e.Offset = in.text.Original(e.Offset)
		err = &e
	case errors.As(err, &duckdb):
		e := *duckdb
		e.Position = in.text.Original(e.Position)
		if e.Type == "Conversion" {
			e.Message = in.nameColumn(e.Message, e.Position)
		}
		err = &e
	}
	return sqlstate.Explain(err, in.st.SQL, in.tree.Query.Offset)
}

// fromColumn is how DuckDB names the column that wrap casts.
var fromColumn = regexp.MustCompile(` when casting from source column c(\d+)$`)

// nameColumn says which column a value did not fit into.
func (in *insertQuery) nameColumn(message string, offset int) string {
	i := -1
	if m := fromColumn.FindStringSubmatch(message); m != nil {
		message = strings.TrimSuffix(message, m[0])
		i, _ = strconv.Atoi(m[1])
	}
	for _, row := range append(slices.Clip(in.cells), in.list) {
		for j, c := range row {
			if c.Offset <= offset && offset < c.End() {
				i = j
			}
		}
	}
	if i < 0 || i >= len(in.taken) {
		return message
	}
	return fmt.Sprintf("column %q: %s", in.column(i).Name, message)
}

// run computes the rows, and hands them over.
func (in *insertQuery) run(ctx context.Context, args []any) (*Result, error) {
	b, err := in.computeOnce(ctx, args)
	if err != nil {
		return nil, in.explain(err)
	}
	res := &Result{Tag: fmt.Sprint("INSERT 0 ", b.Rows())}
	if b.Rows() == 0 {
		b.Release()
		return res, nil
	}
	appendRows := in.s.db.engine.AppendDurable
	if in.s.settings.Off("synchronous_commit") {
		appendRows = in.s.db.engine.Append
	}
	err = appendRows(ctx, in.target.name, b)
	var late *durable.Error
	if errors.As(err, &late) {
		e := *AsError(sqlstate.Explain(late.Cause, "", 0))
		e.Message = "the rows were inserted but are not durable yet: " + e.Message
		e.Hint = "They are visible; do not insert them again. The next checkpoint makes them durable: run CHECKPOINT."
		return nil, &e
	}
	if err != nil {
		return nil, err
	}
	return res, nil
}

// computeOnce reads all rows at one epoch, which it gives up before they are
// handed over: the writer may wait for memory that the epoch holds.
func (in *insertQuery) computeOnce(ctx context.Context, args []any) (*batch.Batch, error) {
	r, err := in.s.db.engine.BeginRead(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return in.compute(ctx, r, batch.NewSchema(in.target.columns), args)
}

// compute reads all rows, whose columns are those of the target.
func (in *insertQuery) compute(ctx context.Context, r *engine.Read, schema *batch.Schema, args []any) (*batch.Batch, error) {
	run, err := in.rows.start(ctx, r, false, nil, args)
	if err != nil {
		return nil, err
	}
	defer run.close()
	rows := run.rows
	b := batch.NewBuilder(in.s.db.engine.Allocator(), schema)
	defer b.Release()
	for {
		n, err := rows.NextChunk()
		if err != nil {
			return nil, err
		}
		if n == 0 {
			bytes := b.Bytes()
			return &batch.Batch{Record: b.Finish(), Bytes: bytes}, nil
		}
		if err := rows.AppendTo(b, 0); err != nil {
			return nil, err
		}
		if b.Bytes() > insertBytesMax {
			return nil, Errorf(CodeProgramLimit, "the rows of one INSERT take more than %d MiB", insertBytesMax>>20).
				WithHint("Insert them by several statements.")
		}
	}
}
