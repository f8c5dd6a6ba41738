package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/subscription"
)

// errUnfollowable is returned for an object that can't be followed by itself.
var errUnfollowable = errors.New("no source or view")

// CanFollow reports whether the changes of a relation in the schema public are
// known without reading all of it.
func (e *Engine) CanFollow(name string) bool {
	_, err := findObject(e.door.Newest(), name)
	return err == nil
}

// followed is an object whose changes are known.
type followed interface {
	// check fails if a snapshot does not have the object.
	check(s *Snapshot) error
	// changed starts to tell what is different in a later snapshot; nil: nothing.
	changed(f *objectFollower, s *subscription.Subscription, from, to *Snapshot) (*subscription.Step, error)
}

func findObject(s *Snapshot, name string) (followed, error) {
	if v := s.views[name]; v != nil && v.out == nil {
		return &followedView{name: name, view: v}, nil
	}
	for _, table := range []string{"", catalog.LateSuffix, catalog.RejectedSuffix} {
		source := strings.TrimSuffix(name, table)
		if src := s.stream(source); src != nil && source+table == name && (table != "" || !src.def.Keyed()) {
			return &followedRows{source: source, table: table, schema: src.schema}, nil
		}
	}
	return nil, fmt.Errorf("%q: %w", name, errUnfollowable)
}

// objectFollower follows a source's rows or a view.
type objectFollower struct {
	e      *Engine
	o      *SubscribeOptions
	object followed
}

// Start tells all rows of the object.
func (f *objectFollower) Start(s *subscription.Subscription, at subscription.Snapshot) (*subscription.Step, error) {
	begun, _ := at.(*Snapshot)
	if begun != nil && s.NoSnapshot {
		return nil, f.object.check(begun)
	}
	r, err := f.e.beginReadAt(s.Context(), begun)
	if err != nil {
		return nil, err
	}
	if begun == nil {
		r.snapshot.pin.Again() // the read's pin ends with the read
		s.Begin(r.snapshot)
	}
	if err = f.object.check(r.snapshot); err == nil && s.NoSnapshot {
		r.Close()
		return nil, nil
	}
	if err == nil {
		err = r.SetTimeZone(s.Context(), f.o.Zone)
	}
	if err == nil {
		err = r.SetPath(s.Context(), f.o.Path)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	st := &subscription.Step{Conn: r.Conn(), Abort: r.Close, Done: func() error { r.Close(); return nil }}
	return st, st.Run(s.Context(), s.RowsSQL(r.Epoch(), "("+f.o.SQL+"\n)"), f.o.Args...)
}

// Changes tells what has changed in the object.
func (f *objectFollower) Changes(s *subscription.Subscription) (subscription.Snapshot, *subscription.Step, error) {
	to, _ := s.Advance(false).(*Snapshot)
	if to == nil {
		return nil, nil, nil
	}
	if err := f.object.check(to); err != nil {
		return nil, nil, err
	}
	st, err := f.object.changed(f, s, s.Told().(*Snapshot), to)
	return to, st, err
}

// Close does nothing: each step gives its connection back.
func (f *objectFollower) Close() {}

// followedView is a view: only groups in pages that differ between two
// snapshots are looked at.
type followedView struct {
	name string
	view *viewSnapshot
}

func (v *followedView) check(s *Snapshot) error {
	if now := s.views[v.name]; now != nil && now.state.SameView(v.view.state) {
		return nil
	}
	return fmt.Errorf("the subscription has ended: materialized view %q %w any more, or is another one now", v.name, ErrNotFound)
}

func (v *followedView) changed(f *objectFollower, s *subscription.Subscription, from, to *Snapshot) (*subscription.Step, error) {
	a, b := from.views[v.name], to.views[v.name]
	was, is := b.state.Compare(a.state, to.released)
	free := func() {
		was.Release()
		is.Release()
	}
	if was.Empty() && is.Empty() {
		free()
		return nil, nil
	}
	relations := make(duck.Named)
	before, after := b.def.Over(relations, "was", was), b.def.Over(relations, "is", is)
	return f.step(s, relations, free, s.DifferenceSQL(to.Epoch, "("+before+"\n)", "("+after+"\n)"))
}

// followedRows is a table to which rows are only ever appended.
type followedRows struct {
	source, table string
	schema        *batch.Schema // another one when columns change, or the source
}

func (r *followedRows) check(s *Snapshot) error {
	if src := s.stream(r.source); src != nil && src.schema == r.schema {
		return nil
	}
	return fmt.Errorf("the subscription has ended: %q %w any more, or has other columns now", r.source, ErrNotFound)
}

func (r *followedRows) changed(f *objectFollower, s *subscription.Subscription, from, to *Snapshot) (*subscription.Step, error) {
	a, b := from.stream(r.source), to.stream(r.source)
	var schema *batch.Schema
	var records []arrow.RecordBatch
	switch r.table {
	case catalog.LateSuffix:
		schema, records = b.lateSchema, hot.Tail(b.late, b.lateEnd-a.lateEnd)
	case catalog.RejectedSuffix:
		schema, records = catalog.RejectedSchema(), hot.Tail(b.rejected, b.rejectedEnd-a.rejectedEnd)
	default:
		schema, records = b.schema, hot.Tail(b.rows, b.rowsEnd-a.rowsEnd)
	}
	if len(records) == 0 {
		return nil, nil
	}
	free := func() {
		for _, rec := range records {
			rec.Release()
		}
	}
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = history.Quote(c.Name)
	}
	rel := &duck.RecordRelation{Schema: schema, Records: records, InOrder: true}
	return f.step(s, duck.Named{"new": rel}, free, s.RowsSQL(to.Epoch, "(SELECT "+strings.Join(names, ", ")+" FROM ms_scan('new'))"))
}

// step starts a statement over relations in memory, on a connection from the
// pool. free is called once the step has ended.
func (f *objectFollower) step(s *subscription.Subscription, relations duck.Named, free func(), sql string) (*subscription.Step, error) {
	c, err := f.e.conn()
	if err != nil {
		free()
		return nil, err
	}
	c.SetRelations(relations)
	st := &subscription.Step{
		Conn: c.Conn,
		Done: func() error {
			c.SetRelations(nil)
			f.e.pool.Put(c)
			free()
			return nil
		},
		Abort: func() {
			f.e.pool.Discard(c)
			free()
		},
	}
	if err := c.Set(s.Context(), "TimeZone", f.o.Zone); err != nil {
		st.Abort()
		return nil, err
	}
	return st, st.Run(s.Context(), sql)
}

var _ subscription.Follower = (*objectFollower)(nil)
