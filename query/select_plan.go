package query

import (
	"context"
	"errors"
	"fmt"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/query/parser"
)

// planned is a query as a statement of a connection.
type planned struct {
	stmt *duck.Stmt
	// keep says that the connection is to have it for the next execution.
	keep bool
	// inText says that what takes the arguments is part of the statement's text.
	inText bool
}

// run executes the statement.
func (p *planned) run(ctx context.Context, r *engine.Read, args []any) (*duck.Rows, error) {
	if p.inText {
		r.Conn().SetArguments(args)
		return p.stmt.Query(ctx)
	}
	return p.stmt.Query(ctx, args...)
}

// unplaced takes the place of an error away that is one in another text.
func (p *planned) unplaced(err error) error {
	var d *duck.Error
	if !p.inText || !errors.As(err, &d) || d.Position < 0 {
		return err
	}
	e := *d
	e.Position = -1
	return &e
}

// done gives the statement back, whose rows are closed.
func (p *planned) done(r *engine.Read) {
	if p.inText {
		r.Conn().SetArguments(nil)
	}
	if p.keep {
		r.Plans().Keep(p.stmt)
	} else {
		p.stmt.Close()
	}
}

// reusable reports whether a plan of the query may do for another execution.
func (q *selectQuery) reusable() bool {
	return q.path != engine.CatalogPath && q.reads != nil && !q.reads.Volatile
}

// steady reports whether the query's plan may be used again: it reads nothing.
func (q *selectQuery) steady() bool { return q.reusable() && len(q.reads.Relations) == 0 }

// bare reports whether the query needs no epoch.
func (q *selectQuery) bare() bool { return q.steady() && q.s.status == statusIdle }

// relations returns the names of what the query reads in the schema public, and "", which
// nothing has, for each of what it reads elsewhere.
func (q *selectQuery) relations() []string {
	names := make([]string, len(q.reads.Relations))
	for i, r := range q.reads.Relations {
		if r.Schema == publicSchema {
			names[i] = r.Name
		}
	}
	return names
}

// lasting reports whether the query's plan is kept for its next execution. One that
// reads something is worth the memory only if the query has been there before.
func (q *selectQuery) lasting() bool {
	return q.steady() || q.reusable() && q.s.status == statusIdle && (q.known || q.runs > 1)
}

// recall returns a read for a query that needs no transaction, and the plan that its
// connection has of it. Both are nil if there is none: then the query has to be planned,
// which takes a transaction that sees the same names and columns as the epoch.
func (q *selectQuery) recall(ctx context.Context, args []any) (*engine.Read, *planned, error) {
	if !q.lasting() || !q.fitText(args) {
		return nil, nil, nil
	}
	names := q.relations()
	if len(names) == 0 || !q.s.db.engine.InMemory(names) {
		return nil, nil, nil
	}
	r, err := q.s.db.engine.BeginBare()
	if err != nil {
		return nil, nil, err
	}
	if err = q.settle(ctx, r); err == nil {
		basis, _ := r.Basis(names)
		if stmt := r.Held(q.sql, inText(basis, args)); stmt != nil {
			return r, &planned{stmt: stmt, keep: true, inText: len(args) > 0}, nil
		}
	}
	r.Close()
	return nil, nil, err
}

// plan returns the query as a statement of a read's connection, under the session's settings.
func (q *selectQuery) plan(ctx context.Context, r *engine.Read, basis duck.Basis, memory bool, args []any) (*planned, error) {
	if err := q.settle(ctx, r); err != nil {
		return nil, err
	}
	if !q.lasting() || r.Changed() {
		stmt, err := r.Conn().Prepare(q.sql)
		return &planned{stmt: stmt}, err
	}
	if memory && len(args) > 0 && len(basis) > 0 && q.fitText(args) {
		if stmt := q.planWithText(r, inText(basis, args), len(args)); stmt != nil {
			return &planned{stmt: stmt, keep: true, inText: true}, nil
		}
	}
	stmt, err := r.Plans().Take(q.sql, basis)
	return &planned{stmt: stmt, keep: true}, err
}

// planWithText is plan with arguments in the text, nil if that can't be: where the
// query wants a constant, for one.
func (q *selectQuery) planWithText(r *engine.Read, basis duck.Basis, args int) *duck.Stmt {
	texts := make(map[string]string, args)
	for i := range args {
		texts[fmt.Sprint("$", i+1)] = r.Conn().Argument(i, q.st.Params[i])
	}
	stmt, err := r.Plans().PrepareAs(parser.ReplaceParams(q.sql, texts), q.sql, basis)
	if err != nil {
		q.constants = true
		return nil
	}
	return stmt
}

// inText is the basis of a plan with arguments in its text.
func inText(basis duck.Basis, args []any) duck.Basis {
	if len(args) == 0 {
		return basis
	}
	return append(basis, len(args))
}

// fitText reports whether what takes the arguments may be part of the text. Only then is
// the query not planned anew each time.
func (q *selectQuery) fitText(args []any) bool {
	return len(args) == 0 || !q.constants && duck.FitArguments(q.st.Params, args)
}

// exact reports whether an argument is a decimal of its own precision.
func exact(arg any) bool {
	_, ok := arg.(batch.DecimalValue)
	return ok
}
