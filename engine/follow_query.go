package engine

import (
	"context"
	"errors"
	"time"

	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/subscription"
)

// queryFollower follows any query: it is run again when something that it reads
// has changed, and compared with its last result, which is kept in a temporary
// table of a connection that belongs to the subscription.
type queryFollower struct {
	e       *Engine
	o       *SubscribeOptions
	conn    *duck.PooledConn
	results subscription.Results
}

// Start runs the query for the first time and tells its result.
func (f *queryFollower) Start(s *subscription.Subscription, at subscription.Snapshot) (st *subscription.Step, err error) {
	if f.conn, err = f.e.conn(); err != nil {
		return nil, err
	}
	begun, _ := at.(*Snapshot)
	q, err := f.beginAt(s, begun)
	if err != nil {
		return nil, err
	}
	if err := f.evaluate(s, q); err != nil {
		q.Abort()
		return nil, err
	}
	f.results.Keep()
	if s.NoSnapshot {
		return nil, q.Done()
	}
	return q, q.Run(s.Context(), s.RowsSQL(s.Told().Number(), f.results.Told()))
}

// beginAt begins at the given snapshot, or at the current one for nil.
func (f *queryFollower) beginAt(s *subscription.Subscription, at *Snapshot) (*subscription.Step, error) {
	if at != nil {
		q, err := f.begin(s, at)
		if errors.Is(err, errUnfit) {
			err = &subscription.EpochError{Wanted: at.Epoch, Current: f.e.Epoch(), Moved: true}
		}
		return q, err
	}
	for wait := catalogWait; ; wait = min(2*wait, 10*time.Millisecond) {
		current := f.e.door.Enter()
		q, err := f.begin(s, current)
		if err == nil {
			s.Begin(current)
			return q, nil
		}
		current.pin.Release()
		if !errors.Is(err, errUnfit) {
			return nil, err
		}
		time.Sleep(wait)
	}
}

// begin starts a transaction in which history fits the snapshot, as in a Read,
// and in which temporary tables can be written.
func (f *queryFollower) begin(s *subscription.Subscription, at *Snapshot) (*subscription.Step, error) {
	r := &Read{e: f.e, conn: f.conn, snapshot: at}
	ctx := s.Context()
	settled := f.e.store.HoldCommits()
	if err := f.conn.Exec(ctx, "BEGIN TRANSACTION"); err != nil {
		settled()
		return nil, err
	}
	f.conn.SetRelations(r)
	end := func(ctx context.Context, sql string) error {
		err := f.conn.Exec(ctx, sql)
		settled()
		f.conn.SetRelations(nil)
		r.releaseRelations()
		return err
	}
	st := &subscription.Step{
		Conn:  f.conn.Conn,
		Done:  func() error { return end(ctx, "COMMIT") },
		Abort: func() { _ = end(context.WithoutCancel(ctx), "ROLLBACK") }, // the first error says more
	}
	err := r.fit(ctx)
	if err == nil {
		err = r.SetTimeZone(ctx, f.o.Zone)
	}
	if err == nil {
		err = r.SetPath(ctx, f.o.Path)
	}
	if err == nil && f.o.Before != nil {
		err = f.o.Before(ctx, r)
	}
	if err != nil {
		st.Abort()
		return nil, err
	}
	return st, nil
}

// evaluate runs the query on a step's connection.
func (f *queryFollower) evaluate(s *subscription.Subscription, st *subscription.Step) error {
	return f.results.Evaluate(s.Context(), st.Conn, f.o.SQL, f.o.Args, f.e.opts.SubscriptionRows)
}

// Changes runs the query again, if something that it reads has changed.
func (f *queryFollower) Changes(s *subscription.Subscription) (subscription.Snapshot, *subscription.Step, error) {
	for {
		to, _ := s.Advance(true).(*Snapshot)
		if to == nil {
			return nil, nil, nil
		}
		if f.o.Reads != nil && !s.Told().(*Snapshot).differs(to, f.o.Reads) {
			return to, nil, nil
		}
		st, err := f.begin(s, to)
		if err == nil {
			err = f.compare(s, st, to)
		}
		if !errors.Is(err, errUnfit) {
			return to, st, err
		}
		// A checkpoint has committed since the snapshot was taken.
		if to.Epoch == s.Last() {
			return nil, nil, &subscription.EpochError{Wanted: to.Epoch, Current: f.e.Epoch(), Moved: true}
		}
		s.Retreat()
		time.Sleep(catalogWait)
	}
}

// compare starts to tell how the query's result has changed.
func (f *queryFollower) compare(s *subscription.Subscription, st *subscription.Step, to *Snapshot) error {
	if err := f.evaluate(s, st); err != nil {
		st.Abort()
		return err
	}
	commit := st.Done
	st.Done = func() error {
		f.results.Keep()
		return commit()
	}
	return st.Run(s.Context(), s.DifferenceSQL(to.Epoch, f.results.Told(), f.results.New()))
}

// Close gives up the connection and with it the tables.
func (f *queryFollower) Close() {
	if f.conn != nil {
		f.conn.SetRelations(nil)
		f.conn.Close()
		f.conn = nil
	}
}

// differs reports whether one of the named relations may have other rows in
// another snapshot.
func (s *Snapshot) differs(other *Snapshot, names []string) bool {
	for _, name := range names {
		if a, b := s.tables[name], other.tables[name]; a != nil && b != nil {
			if a.version != b.version || a.created != b.created {
				return true
			}
			continue
		}
		if a, b := s.views[name], other.views[name]; a != nil && b != nil && b.out == nil {
			if a.state != b.state {
				return true
			}
			continue
		}
		f, err := findObject(other, name)
		if err != nil {
			return true
		}
		rows, ok := f.(*followedRows)
		if !ok {
			return true
		}
		a, b := s.stream(rows.source), other.stream(rows.source)
		if a == nil || a.schema != b.schema || a.rowsEnd != b.rowsEnd || a.lateEnd != b.lateEnd || a.rejectedEnd != b.rejectedEnd {
			return true
		}
	}
	return false
}
