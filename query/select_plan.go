package query

import (
	"context"
	"slices"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

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

// recall returns a read for a query that needs no transaction, and the plan that its
// connection has of it. Both are nil if there is none: then the query has to be planned,
// which takes a transaction that sees the same names and columns as the epoch.
func (q *selectQuery) recall(ctx context.Context, args []any) (*engine.Read, *duck.Stmt, error) {
	if !q.lasting() || slices.ContainsFunc(args, exact) {
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
		if stmt := r.Held(q.sql, r.Basis(names)); stmt != nil {
			return r, stmt, nil
		}
	}
	r.Close()
	return nil, nil, err
}

// lasting reports whether the query's plan is kept for its next execution. One that
// reads something is worth the memory only if the query has been there before.
func (q *selectQuery) lasting() bool {
	return q.steady() || q.reusable() && q.s.status == statusIdle && (q.known || q.runs > 1)
}

// take returns the query as a statement that is planned, and what gives it back.
func (q *selectQuery) take(r *engine.Read, basis duck.Basis) (stmt *duck.Stmt, done func(), err error) {
	if !q.lasting() || r.Changed() {
		if stmt, err = r.Conn().Prepare(q.sql); err != nil {
			return nil, nil, err
		}
		return stmt, stmt.Close, nil
	}
	if stmt, err = r.Take(q.sql, basis); err != nil {
		return nil, nil, err
	}
	return stmt, func() { r.Keep(stmt) }, nil
}

// exact reports whether an argument is a decimal of its own precision.
func exact(arg any) bool {
	_, ok := arg.(batch.DecimalValue)
	return ok
}
