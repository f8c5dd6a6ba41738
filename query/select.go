package query

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/query/binder"
	"github.com/millstream-db/millstream/query/gate"
	"github.com/millstream-db/millstream/query/literal"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/pgcatalog"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// prepareSelect lets a query through the gate and binds it. sql stands at the
// given offset of the statement.
func (s *Session) prepareSelect(ctx context.Context, st *Statement, sql string, offset int, paramTypes []string) error {
	var q *selectQuery
	err := s.again(ctx, func() error {
		q = &selectQuery{s: s, st: st, sql: sql, offset: offset, path: path(sql)}
		return q.learn(ctx, paramTypes)
	})
	if err != nil {
		return q.explain(err)
	}
	st.run = q.run
	return nil
}

// selectQuery is a query that has passed the gate.
type selectQuery struct {
	s       *Session
	st      *Statement
	sql     string         // as DuckDB gets it: as written, but for what admit and describe say
	written string         // as it was before admit led it to the shadow catalog
	offset  int            // of sql in the statement; beyond it, when sql is another text
	text    pgcatalog.Text // which sql began as
	names   pgcatalog.ColumnNames
	path    engine.Path
	reads   *gate.Reads
	apart   bool // it has nothing to do with the session's transaction
	known   bool // its description was there
	runs    int  // how often it was executed
	// constants says that the query wants constants where its parameters are.
	constants bool
	answer    *literal.Answer

	describing bool
}

// explain turns an error into one for the user.
func (q *selectQuery) explain(err error) error {
	return sqlstate.Explain(sqlstate.Moved(err, q.text), q.st.SQL, q.offset)
}

// admit lets the query through the gate. One that speaks to Postgres's catalog
// is rewritten for the shadow of it; errors then have no place in the text.
func (q *selectQuery) admit(ctx context.Context) error {
	q.text = pgcatalog.Ordinary(q.sql)
	q.sql = q.text.SQL
	err := q.s.db.binders.With(func(b *binder.Binder) error {
		check := func(rel gate.Relations) error {
			ast, err := b.Serialize(ctx, q.sql)
			if err == nil {
				q.reads, err = gate.Check(ast, rel)
			}
			return err
		}
		rels := q.s.db.relations()
		rewritten, changed := pgcatalog.Rewrite(q.sql)
		var refused error
		if !changed {
			if refused = check(rels); refused == nil {
				return nil
			}
		}
		if q.s.db.opts.NoCatalog {
			if refused == nil {
				refused = Errorf(CodeFeatureNotSupported, "the database was opened without pg_catalog").WithHint("Leave query.Options.NoCatalog out.")
			}
			return rels.explain(q.s.db, refused)
		}
		q.sql, q.written, q.path = rewritten, q.sql, engine.CatalogPath
		if changed {
			q.offset = len(q.st.SQL) + 1
		}
		if err := check(catalogRelations{rels}); err != nil {
			if refused != nil {
				return rels.explain(q.s.db, refused)
			}
			return rels.explain(q.s.db, err)
		}
		return nil
	})
	if err == nil && q.path == engine.CatalogPath {
		err = q.s.db.catalog.Wait(ctx)
	}
	if err != nil {
		return err
	}
	return q.s.requireReads(q.st, q.reads)
}

// prepare binds the query on a read's connection, under the session's settings.
func (q *selectQuery) prepare(ctx context.Context, r *engine.Read) (*duck.Stmt, error) {
	if err := q.settle(ctx, r); err != nil {
		return nil, err
	}
	return r.Conn().Prepare(q.sql)
}

// settle gives a read's connection the session's settings.
func (q *selectQuery) settle(ctx context.Context, r *engine.Read) error {
	if err := r.SetTimeZone(ctx, q.s.settings.Get("timezone")); err != nil {
		return err
	}
	path := q.path
	if q.divides() {
		path = path.Strict()
	}
	if err := r.SetPath(ctx, path); err != nil {
		return err
	}
	if q.path == engine.CatalogPath {
		return q.s.introduction(q.sql)(ctx, r)
	}
	return nil
}

// divides reports whether a division by zero is an error of the query, as all are
// in PostgreSQL: where it has a condition, DuckDB could divide before that is known.
// While it is described it is none: DuckDB divides constants when it plans the query.
func (q *selectQuery) divides() bool {
	return !q.describing && q.reads != nil && q.reads.Divides
}

// begin returns what the query reads from.
func (q *selectQuery) begin(ctx context.Context) (r *engine.Read, own bool, err error) {
	if q.apart {
		r, err = q.s.db.engine.BeginRead(ctx)
		return r, true, err
	}
	return q.s.begin(ctx)
}

// describe finds the types of parameters and columns.
func (q *selectQuery) describe(ctx context.Context, paramTypes []string) error {
	r, own, err := q.begin(ctx)
	if err != nil {
		return err
	}
	if own {
		defer r.Close()
	}
	return q.describeOn(ctx, r, paramTypes)
}

func (q *selectQuery) describeOn(ctx context.Context, r *engine.Read, paramTypes []string) error {
	q.describing = true
	defer func() { q.describing = false }()
	stmt, err := q.prepare(ctx, r)
	if missesColumn(err) {
		stmt, err = q.prepareNamed(ctx, r, err)
	}
	if err != nil {
		return err
	}
	if slices.Contains(stmt.Params, "") {
		known := stmt.Params
		stmt.Close()
		if stmt, err = q.prepareWithTypes(ctx, r, known, paramTypes); err != nil {
			return err
		}
	}
	defer stmt.Close()
	q.st.Params = append([]string(nil), stmt.Params...)
	for i, t := range paramTypes {
		if t != "" && i < len(q.st.Params) {
			q.st.Params[i] = t
		}
	}
	columns, err := q.columns(ctx, r, stmt)
	if err != nil {
		return err
	}
	q.st.Columns = make([]Column, len(columns))
	types := make([]string, len(columns))
	for i, c := range columns {
		types[i] = c.Type
	}
	if q.path == engine.CatalogPath {
		types = pgcatalog.ResultTypes(q.written, types)
	}
	for i, c := range columns {
		name := q.names.Of(i, len(columns))
		if name == "" {
			name = columnName(c.Name)
		}
		q.st.Columns[i] = Column{Name: name, Type: types[i]}
	}
	return nil
}

// columns returns the columns of the query's result. Some functions, such as
// json_object, are bound only when the parameters have values: until then there
// is one column of no type. What the query is without values is told by it with
// NULLs in their places.
func (q *selectQuery) columns(ctx context.Context, r *engine.Read, stmt *duck.Stmt) ([]duck.Column, error) {
	if len(stmt.Columns) != 1 || stmt.Columns[0].Type != "" {
		return stmt.Columns, nil
	}
	nulls := make(map[string]string)
	for i, t := range stmt.Params {
		nulls[fmt.Sprint("$", i+1)] = "NULL" // where the type isn't known, there is a cast around it
		if t != "" {
			nulls[fmt.Sprint("$", i+1)] = "CAST(NULL AS " + t + ")"
		}
	}
	written := q.sql
	defer func() { q.sql = written }()
	q.sql = parser.ReplaceParams(written, nulls)
	bound, err := q.prepare(ctx, r)
	if err != nil {
		return nil, err
	}
	defer bound.Close()
	return bound.Columns, nil
}

// missesColumn reports whether a query names a column that there is not.
func missesColumn(err error) bool {
	var e *duck.Error
	return errors.As(err, &e) && e.Subtype == "COLUMN_NOT_FOUND"
}

// prepareNamed binds the query once more with PostgreSQL's names for the items of
// its subqueries. If that is of no use, the error is the first one.
func (q *selectQuery) prepareNamed(ctx context.Context, r *engine.Read, first error) (*duck.Stmt, error) {
	written := q.sql
	if q.sql = pgcatalog.Named(written); q.sql != written {
		if stmt, err := q.prepare(ctx, r); err == nil {
			return stmt, nil
		}
	}
	q.sql = written
	return nil, first
}

// columnName gives count(*) the name that it has in Postgres.
func columnName(name string) string {
	if name == "count_star()" {
		return "count"
	}
	return name
}

// guesses are the types that a parameter may have of which neither DuckDB nor
// the client can tell the type: text first, as in Postgres, and lists last, as in
// column = ANY ($1).
var guesses = []string{"VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMP WITH TIME ZONE",
	"VARCHAR[]", "BIGINT[]", "DOUBLE[]", "TIMESTAMP WITH TIME ZONE[]"}

// prepareWithTypes binds the query with casts around the parameters whose
// types DuckDB could not tell: to the client's, or to the first guess that fits.
func (q *selectQuery) prepareWithTypes(ctx context.Context, r *engine.Read, known, given []string) (*duck.Stmt, error) {
	written := q.sql
	var first error
	for _, guess := range guesses {
		var types []string
		q.sql, types = parser.CastParams(written, known, given, guess)
		stmt, err := q.prepare(ctx, r)
		if err == nil {
			for i, t := range types {
				if i < len(stmt.Params) && stmt.Params[i] == "" {
					stmt.Params[i] = t
				}
			}
			return stmt, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}
