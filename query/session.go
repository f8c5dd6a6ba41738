package query

import (
	"context"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/rowchange"
	"github.com/millstream-db/millstream/query/access"
	"github.com/millstream-db/millstream/query/activity"
	"github.com/millstream-db/millstream/query/parser"
	"github.com/millstream-db/millstream/query/preparedtext"
	"github.com/millstream-db/millstream/query/setting"
	"github.com/millstream-db/millstream/query/sqlstate"
)

// Session is one client. It runs one statement at a time and is not safe for
// concurrent use; cancelling a call's context ends its statement.
type Session struct {
	db       *DB
	opts     SessionOptions
	settings setting.Settings
	rights   *access.Rights

	status byte // I, T or E: outside a transaction, in one, in a failed one
	// read is the transaction's epoch, taken by its first query.
	read *engine.Read
	// changed is what the transaction has changed in tables, nil for nothing yet.
	changed *rowchange.Set
	// open is the result that is being read inside the transaction.
	open *openResult
	// cursors are the session's SQL cursors by name.
	cursors  map[string]*declared
	prepared preparedtext.Set
	activity *activity.Activity
	// pending are the notifications of the transaction, which are sent when it ends.
	pending    []Notification
	savepoints []savepoint
}

// The transaction states, in the protocol's letters.
const (
	statusIdle   = 'I'
	statusOpen   = 'T'
	statusFailed = 'E'
)

// NewSession opens a session. The caller must Close it.
func (db *DB) NewSession(o SessionOptions) *Session {
	s := &Session{db: db, opts: o, status: statusIdle, settings: setting.Start{User: o.User, Application: o.Application, Version: db.opts.Version, Values: o.Settings}.Settings()}
	s.activity = activity.New(o.Process, o.User, o.Application, o.Remote)
	s.rights = access.New(db.engine, o.User, o.LoggedIn)
	s.showRole()
	db.mu.Lock()
	db.sessions[s] = struct{}{}
	db.mu.Unlock()
	return s
}

// Close ends the session and its transaction.
func (s *Session) Close() {
	s.db.channels.Unlisten(s, "")
	s.closeCursors(true)
	s.endTransaction()
	s.db.mu.Lock()
	delete(s.db.sessions, s)
	s.db.mu.Unlock()
}

// Status returns the transaction's state: 'I' for none, 'T' for an open one,
// 'E' for one that has failed and takes nothing but ROLLBACK.
func (s *Session) Status() byte { return s.status }

// Setting returns a setting's value, "" when it is not known.
func (s *Session) Setting(name string) string { return s.settings.Get(name) }

// Prepare reads one statement. paramTypes are DuckDB's names of the types of
// $1, $2, … as far as the client knows them, "" elsewhere. A text without a
// statement gives a Statement with the Tag "".
func (s *Session) Prepare(ctx context.Context, sql string, paramTypes []string) (*Statement, error) {
	st, err := s.prepare(ctx, sql, paramTypes)
	if err != nil {
		s.fail()
		return nil, sqlstate.Explain(err, sql, 0)
	}
	return st, nil
}

func (s *Session) prepare(ctx context.Context, sql string, paramTypes []string) (*Statement, error) {
	pieces := parser.Split(sql)
	switch len(pieces) {
	case 0:
		return &Statement{SQL: sql, run: func(context.Context, []any) (*Result, error) { return &Result{}, nil }}, nil
	case 1:
	default:
		return nil, Errorf(CodeSyntaxError, "cannot insert multiple commands into a prepared statement")
	}
	tree, err := parser.Parse(sql)
	if err != nil {
		return nil, err
	}
	if s.status == statusFailed && !endsTransaction(tree) {
		return nil, Errorf(CodeInFailedTransaction, "current transaction is aborted, commands ignored until end of transaction block")
	}
	st := &Statement{SQL: sql, Tag: tree.Command()}
	if err := st.require(func() error { return s.rights.Permit(tree) }); err != nil || s.prepareAccess(st, tree) {
		return st, err
	}
	switch t := tree.(type) {
	case *parser.Select:
		return st, s.prepareSelect(ctx, st, t.SQL, t.Offset, paramTypes)
	case *parser.Explain:
		return st, s.prepareExplain(ctx, st, t)
	case *parser.Prepare:
		return st, s.prepareText(ctx, st, t)
	case *parser.Execute:
		return st, s.prepareExecute(ctx, st, t)
	case *parser.Insert:
		return st, s.prepareInsert(ctx, st, t, paramTypes)
	case *parser.Subscribe:
		return st, s.prepareSubscribe(ctx, st, t, paramTypes)
	case *parser.CopyTo:
		return st, s.prepareCopy(ctx, st, t, paramTypes)
	case *parser.Declare:
		return st, s.prepareDeclare(ctx, st, t, paramTypes)
	case *parser.Fetch:
		s.prepareFetch(st, t)
	case *parser.ExplainView:
		return st, s.prepareExplainView(st, t)
	case *parser.CreateSource:
		st.run = s.ddl(st, func(ctx context.Context) ([]string, error) { return s.db.createSource(ctx, t, sql, s.rights.Owner()) })
	case *parser.CreateView:
		st.run = s.ddl(st, func(ctx context.Context) ([]string, error) { return s.createView(ctx, t, sql) })
	case *parser.CreateTable:
		st.run = s.ddl(st, func(ctx context.Context) ([]string, error) { return s.db.createTable(ctx, t, sql, s.rights.Owner()) })
	case *parser.CopyFrom:
		return st, s.prepareCopyFrom(st, t)
	case *parser.Update, *parser.Delete, *parser.Truncate:
		return st, s.prepareChange(ctx, st, t, paramTypes)
	case *parser.Drop:
		st.run = s.ddl(st, func(ctx context.Context) ([]string, error) { return s.db.drop(ctx, t) })
	case *parser.Alter:
		st.run = s.ddl(st, func(ctx context.Context) ([]string, error) { return s.db.alter(ctx, t) })
	case *parser.Comment:
		st.run = s.ddl(st, func(ctx context.Context) ([]string, error) { return nil, s.db.comment(ctx, t) })
	case *parser.Checkpoint:
		st.run = s.ddl(st, func(ctx context.Context) ([]string, error) { return nil, s.db.Checkpoint(ctx) })
	case *parser.Backup:
		s.prepareBackup(st, t)
	case *parser.CancelJobs:
		st.run = s.ddl(st, func(ctx context.Context) ([]string, error) { return nil, s.db.cancelJobs(ctx, t) })
	case *parser.ShowObjects, *parser.ShowColumns, *parser.ShowCreate, *parser.ShowJobs:
		return st, s.prepareShow(st, t)
	default:
		return st, s.prepareControl(st, t)
	}
	return st, nil
}

// endsTransaction reports whether a failed transaction takes the statement.
func endsTransaction(t parser.Statement) bool {
	switch t.(type) {
	case *parser.Commit, *parser.Rollback, *parser.RollbackTo:
		return true
	}
	return false
}

// ddl runs a change of the catalog, which commits by itself.
func (s *Session) ddl(st *Statement, f func(context.Context) ([]string, error)) func(context.Context, []any) (*Result, error) {
	return func(ctx context.Context, _ []any) (*Result, error) {
		if definesObjects(st.Tag) {
			if err := s.refuseReadOnly(st.Tag); err != nil {
				return nil, err
			}
		}
		if s.status != statusIdle {
			return nil, Errorf(CodeActiveTransaction, "%s cannot run inside a transaction block", st.Tag).
				WithHint("It commits by itself: COMMIT first, leave BEGIN out, or turn autocommit on.")
		}
		notices, err := f(ctx)
		if err != nil {
			return nil, err
		}
		return &Result{Tag: st.Tag, Notices: notices}, nil
	}
}

// Execute runs a prepared statement with arguments in the Go types that
// package batch lists. An error inside a transaction fails the transaction.
func (s *Session) Execute(ctx context.Context, st *Statement, args []any) (*Result, error) {
	s.activity.Begin(ctx, st.shown(), s.status != statusIdle)
	r, err := s.execute(ctx, st, args)
	if err != nil {
		s.fail()
		s.activity.End(s.status)
		return nil, sqlstate.Explain(err, st.SQL, 0)
	}
	return s.watched(r), nil
}

func (s *Session) execute(ctx context.Context, st *Statement, args []any) (*Result, error) {
	if len(args) != len(st.Params) {
		return nil, Errorf(CodeProtocolViolation, "the statement has %d parameters, %d were given", len(st.Params), len(args))
	}
	if err := st.allowed(); err != nil {
		return nil, err
	}
	return st.run(ctx, args)
}

func (s *Session) fail() {
	if s.status == statusOpen {
		s.status = statusFailed
	}
}

// endTransaction gives the transaction's epoch up.
func (s *Session) endTransaction() {
	s.closeCursors(false)
	if s.open != nil {
		s.open.finish()
	}
	if s.read != nil {
		s.read.Close()
		s.read = nil
	}
	s.changed.Release()
	s.cutSavepoints(0)
	s.status, s.pending, s.changed = statusIdle, nil, nil
}

// begin returns what a query reads from, and whether it is the query's own: in
// a transaction all queries share one epoch.
func (s *Session) begin(ctx context.Context) (r *engine.Read, own bool, err error) {
	if s.open != nil {
		if err := s.open.drain(ctx); err != nil {
			return nil, false, err
		}
	}
	if s.status == statusIdle {
		r, err = s.db.engine.BeginRead(ctx)
		return r, true, err
	}
	if s.read == nil {
		if err := s.db.catalog.Wait(ctx); err != nil { // what comes later, the transaction would not see
			return nil, false, err
		}
		if s.read, err = s.db.engine.BeginRead(ctx); err != nil {
			return nil, false, err
		}
	}
	return s.read, false, nil
}

// openResult is a result inside a transaction, whose connection the next
// statement needs: what is left of it is then kept in memory.
type openResult struct {
	s      *Session
	next   func() (arrow.RecordBatch, error) // from the connection
	close  func()
	kept   []arrow.RecordBatch
	err    error // what came after the kept ones
	closed bool
}

// keepBytes bounds what an open result may keep while others run.
const keepBytes = 64 << 20

func (o *openResult) drain(ctx context.Context) error {
	size := uint64(0)
	for o.err == nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := o.next()
		if err != nil {
			o.err = err
			break
		}
		rec.Retain()
		o.kept = append(o.kept, rec)
		for _, c := range rec.Columns() {
			size += c.Data().SizeInBytes()
		}
		if size > keepBytes {
			return Errorf(CodeProgramLimit, "a result of more than %d MiB is still open in this transaction", keepBytes>>20).
				WithHint("Read it to its end, or close it, before the next statement.")
		}
	}
	o.release()
	return nil
}

// release gives the connection back.
func (o *openResult) release() {
	if o.s.open == o {
		o.s.open = nil
		o.close()
	}
}

func (o *openResult) read() (arrow.RecordBatch, error) {
	if len(o.kept) > 0 {
		rec := o.kept[0]
		o.kept = o.kept[1:]
		return rec, nil
	}
	if o.closed {
		return nil, fmt.Errorf("the result is closed")
	}
	if o.err != nil {
		return nil, o.err
	}
	return o.next()
}

func (o *openResult) finish() {
	if o.closed {
		return
	}
	o.closed = true
	o.release()
	for _, rec := range o.kept {
		rec.Release()
	}
	o.kept = nil
}
