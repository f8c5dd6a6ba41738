package query

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/query/ahead"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// mostTries is how often a query is prepared or begun that fails by what passes.
const mostTries = 3

// passes reports whether an error may have nothing to do with the query that has failed by it.
func passes(err error) bool {
	return sqlstate.Reopening(err) || errors.Is(err, duck.ErrUntold)
}

// again calls f until it has no error that passes, mostTries times at most. In a transaction, whose epoch
// is gone by such an error, it calls f once.
func (s *Session) again(ctx context.Context, f func() error) (err error) {
	for range mostTries {
		if err = f(); err == nil || !passes(err) || s.status != statusIdle || ctx.Err() != nil {
			break
		}
	}
	return err
}

// run executes the query at a new epoch, or at the transaction's. One at an epoch of its own is
// begun anew when, before its first rows are there, the file has to be opened again, or DuckDB does not
// tell why it has ended: nobody has seen anything of it, and no query has an effect.
func (q *selectQuery) run(ctx context.Context, args []any) (*Result, error) {
	if next := q.answer.Next(); next != nil && q.bare() && ctx.Err() == nil { // it takes nobody's place
		return &Result{Columns: q.st.Columns, Tag: q.st.Tag, Epoch: q.s.db.engine.Epoch(), next: next}, nil
	}
	leave, err := q.s.db.queue.Enter(ctx) // before it has an epoch, which costs memory
	if err != nil {
		return nil, err
	}
	defer leave()
	q.runs++
	var run *running
	if err := q.s.again(ctx, func() (err error) { run, err = q.open(ctx, args); return err }); err != nil {
		return nil, q.explain(err)
	}
	return q.result(ctx, run, args), nil
}

// running is a query that has begun.
type running struct {
	r    *engine.Read
	own  bool // r is the query's, not its transaction's
	p    *planned
	rows *duck.Rows
	// records are those of rows: the first ones are read ahead if what they come from is the query's own.
	records *ahead.Records
}

// open begins the query, up to its first records if what it reads from is its own. After an error
// there is nothing to close.
func (q *selectQuery) open(ctx context.Context, args []any) (*running, error) {
	r, own, known, err := q.source(ctx, args)
	if err != nil {
		return nil, err
	}
	run, err := q.start(ctx, r, own, known, args)
	if inText := run.p != nil && run.p.inText; err != nil && !passes(err) && ctx.Err() == nil && (known != nil || inText) {
		q.constants = !r.Outdated() && !duck.Lost(err) // so that the error speaks of the text as written
		if r, own, err = q.s.begin(ctx); err != nil {
			return nil, err
		}
		run, err = q.start(ctx, r, own, nil, args)
	}
	if err != nil || !own {
		return run, err
	}
	if err := run.records.Read(); err != nil {
		run.close()
		return nil, err
	}
	return run, nil
}

func (run *running) release() {
	if run.own {
		run.r.Close()
	}
}

// close gives up all that the query has.
func (run *running) close() {
	run.records.Close()
	run.rows.Close()
	run.p.done(run.r)
	run.r.Widen()
	run.release()
}

// next returns the next record of rows.
func (run *running) next() (arrow.RecordBatch, error) {
	record, err := run.rows.NextRecord()
	if err != nil {
		err = run.p.unplaced(err)
	}
	return record, err
}

// source returns what the query reads from, whether it is the query's own, and the
// plan that its connection has already, if so.
func (q *selectQuery) source(ctx context.Context, args []any) (r *engine.Read, own bool, known *planned, err error) {
	if q.bare() {
		r, err = q.s.db.engine.BeginBare()
		return r, true, nil, err
	}
	if r, known, err = q.recall(ctx, args); r != nil || err != nil {
		return r, true, known, err
	}
	r, own, err = q.s.begin(ctx)
	return r, own, nil, err
}

// start executes the query, by its plan if that is known. Until its rows are closed, the
// read gives statements only what this one needs: see narrow.Finder. After an error the
// read is closed, if it is the query's own; what was planned tells how.
func (q *selectQuery) start(ctx context.Context, r *engine.Read, own bool, known *planned, args []any) (run *running, err error) {
	run = &running{r: r, own: own, p: known}
	defer func() {
		if err != nil {
			r.Widen()
			if run.p != nil && run.p.stmt != nil {
				run.p.stmt.Close()
			}
			run.release()
		}
	}()
	var (
		basis  duck.Basis
		memory bool
	)
	if known == nil {
		basis, memory = r.Basis(q.relations()) // while it has all of the epoch
	}
	if err := q.narrow(r, args).Narrow(ctx, own); err != nil {
		return run, err
	}
	if slices.ContainsFunc(args, exact) {
		described := q.sql
		defer func() { q.sql = described }()
		q.sql = parser.Uncast(described, func(i int) bool { return exact(args[i]) })
	}
	if known == nil {
		if run.p, err = q.plan(ctx, r, basis, memory, args); err != nil {
			return run, err
		}
	}
	if run.rows, err = run.p.run(ctx, r, args); err != nil {
		return run, err
	}
	run.records = ahead.New(run.next)
	return run, nil
}

func (q *selectQuery) result(ctx context.Context, run *running, args []any) *Result {
	res := &Result{Columns: q.st.Columns, Tag: q.st.Tag, Epoch: run.r.Epoch()}
	next := func() (arrow.RecordBatch, error) {
		leave, err := q.s.db.queue.GoOn(ctx)
		if err != nil {
			q.s.fail()
			return nil, q.explain(err)
		}
		defer leave()
		rec, err := run.records.Next()
		if errors.Is(err, duck.ErrUntold) {
			err = cmp.Or(q.untold(ctx, args), err)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			q.s.fail()
			return nil, q.explain(err)
		}
		q.answer.Keep(rec)
		return rec, err
	}
	if run.own {
		res.next = func(context.Context) (arrow.RecordBatch, error) { return next() }
		res.close = run.close
		return res
	}
	o := &openResult{s: q.s, next: next, close: run.close}
	q.s.open = o
	res.next = func(context.Context) (arrow.RecordBatch, error) { return o.read() }
	res.close = o.finish
	return res
}

// untold returns the error of a query that has ended by one which DuckDB has not told: it runs the query
// once more, or again if it is not told then. It returns nil if there is none.
func (q *selectQuery) untold(ctx context.Context, args []any) (err error) {
	for range mostTries {
		if err = q.failure(ctx, args); !errors.Is(err, duck.ErrUntold) {
			break
		}
	}
	return err
}

// failure runs the query at an epoch of its own, for the error that it has.
func (q *selectQuery) failure(ctx context.Context, args []any) error {
	r, err := q.s.db.engine.BeginRead(ctx)
	if err != nil {
		return err
	}
	run, err := q.start(ctx, r, true, nil, args)
	if err != nil {
		return err
	}
	defer run.close()
	return run.p.unplaced(run.rows.ToEnd())
}
