package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/rowchange"
	"github.com/millstream-db/millstream/engine/subscription"
	"github.com/millstream-db/millstream/engine/view"
)

// Read is one epoch of everything, and a connection that sees it: a DuckDB
// transaction for history and a snapshot for what is hot, fitted together at
// the checkpoint that the transaction sees. It is not safe for concurrent use.
type Read struct {
	e          *Engine
	conn       *duck.PooledConn
	snapshot   *Snapshot
	checkpoint uint64
	bare       bool     // there is no transaction
	planned    bool     // a statement of Held is under way
	outdated   bool     // it is not what it was planned as
	catalog    [2]int64 // the versions that the transaction sees, in history and in live
	bounds     map[string]hot.Bounds
	mu         sync.Mutex // protects the next two: DuckDB's threads begin scans at the same time
	views      map[string]*view.Relation
	system     map[string]*duck.RecordRelation
	needed     view.Selections // what the next statement reads of views
	local      map[string]duck.Relation
	changed    *rowchange.Set // over the tables
	folds      int64          // before anything was changed: the changes name rows by their ids
	unhold     func()         // lets the log be folded again
	settled    func()         // lets commits be seen again
}

// BeginRead opens a read at the current epoch. The caller must Close it.
func (e *Engine) BeginRead(ctx context.Context) (r *Read, err error) {
	for range beginTries { // the file may have to be opened again
		if r, err = e.beginRead(ctx); err == nil || !duck.Lost(err) {
			break
		}
	}
	return r, err
}

// beginTries is how often a read is begun that meets a DuckDB instance which is
// being replaced; the connection waits for that.
const beginTries = 2

func (e *Engine) beginRead(ctx context.Context) (*Read, error) {
	conn, err := e.conn()
	if err != nil {
		return nil, err
	}
	r := &Read{e: e, conn: conn}
	for wait := catalogWait; ; wait *= 2 {
		if err := r.begin(ctx); err != nil {
			r.discard()
			return nil, err
		}
		r.snapshot = e.door.Enter()
		if err := e.intact(); err != nil {
			r.snapshot.pin.Release()
			r.discard()
			return nil, err
		}
		// The snapshot is not older than the transaction, since an epoch is
		// published before its checkpoint commits. It may be so much newer that
		// it has let go of rows that this transaction does not see yet.
		// And when names or columns change, history, the live catalog and the
		// snapshot do so one after the other.
		sameCatalog := r.catalog == [2]int64{r.snapshot.catalog, r.snapshot.catalog}
		if r.snapshot.released <= r.checkpoint && sameCatalog {
			conn.SetRelations(r)
			return r, nil
		}
		r.snapshot.pin.Release()
		if err := conn.Run(ctx, rollbackSQL); err != nil {
			r.discard()
			return nil, err
		}
		if !sameCatalog {
			if wait > catalogPatience {
				r.settled()
				e.pool.Put(conn)
				return nil, fmt.Errorf("the catalog is being changed, try again")
			}
			time.Sleep(wait)
		}
	}
}

// BeginBare opens a read for statements that read nothing of history: it has a
// connection and an epoch, but no transaction. Names may stand for something else in a
// catalog than at the epoch, so that only a statement of [Read.Held] may use any.
func (e *Engine) BeginBare() (*Read, error) {
	conn, err := e.conn()
	if err != nil {
		return nil, err
	}
	r := &Read{e: e, conn: conn, bare: true, snapshot: e.door.Enter(), settled: func() {}}
	conn.SetRelations(r)
	conn.OnlyMemory(true)
	if err := e.intact(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// How long a reader waits at first for a change of the catalog, and at last.
const (
	catalogWait     = 100 * time.Microsecond
	catalogPatience = 10 * time.Second
)

// beginReadAt opens a read at a snapshot that somebody has pinned, or at the
// current epoch for nil.
func (e *Engine) beginReadAt(ctx context.Context, at *Snapshot) (*Read, error) {
	if at == nil {
		return e.BeginRead(ctx)
	}
	conn, err := e.conn()
	if err != nil {
		return nil, err
	}
	r := &Read{e: e, conn: conn}
	err = r.begin(ctx)
	if err == nil && !r.fits(at) {
		err = &subscription.EpochError{Wanted: at.Epoch, Current: e.Epoch(), Moved: true}
	}
	if err != nil {
		r.discard()
		return nil, err
	}
	at.pin.Again()
	r.snapshot = at
	conn.SetRelations(r)
	return r, nil
}

// begin starts the transaction and fixes what it sees of history. Until the read is
// closed or discarded no commit is seen in part.
func (r *Read) begin(ctx context.Context) error {
	if r.settled == nil {
		r.settled = r.e.store.HoldCommits()
	}
	if err := r.conn.Run(ctx, beginSQL); err != nil {
		return err
	}
	return r.findCheckpoint(ctx)
}

// discard gives up a read that did not begin.
func (r *Read) discard() {
	r.settled()
	r.e.pool.Discard(r.conn)
}

// errUnfit is returned when the history that a transaction sees and a snapshot
// are not of one epoch together.
var errUnfit = errors.New("history and memory do not fit together")

// fits reports whether a snapshot and what the transaction sees make one epoch
// together: history is not ahead, nothing is missing between them, and names
// and columns are the same.
func (r *Read) fits(s *Snapshot) bool {
	return r.checkpoint <= s.Epoch && s.released <= r.checkpoint && r.catalog == [2]int64{s.catalog, s.catalog}
}

// fit fixes what the open transaction sees of history, for a given snapshot.
func (r *Read) fit(ctx context.Context) error {
	err := r.findCheckpoint(ctx)
	if err == nil && !r.fits(r.snapshot) {
		err = errUnfit
	}
	return err
}

// Renew makes the read usable again after a statement that failed, at the same
// epoch: DuckDB ends its transaction with some errors. The error wraps ErrConflict
// when history has gone on meanwhile. Results must be closed.
func (r *Read) Renew(ctx context.Context) error {
	if r.findCheckpoint(ctx) == nil { // it goes on
		return nil
	}
	if err := r.conn.Exec(ctx, rollbackSQL); err != nil {
		return err
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	if !r.fits(r.snapshot) {
		return fmt.Errorf("what the transaction reads %w", ErrConflict)
	}
	return r.checkIDs()
}

// Every read begins and ends with these.
const (
	beginSQL    = "BEGIN TRANSACTION READ ONLY"
	rollbackSQL = "ROLLBACK"
)

func (r *Read) findCheckpoint(ctx context.Context) (err error) {
	r.checkpoint, r.catalog, err = checkpoint.Seen(ctx, r.conn)
	return err
}

// Epoch returns the epoch that is read.
func (r *Read) Epoch() uint64 { return r.snapshot.Epoch }

// Conn returns the connection, on which every statement sees the epoch.
func (r *Read) Conn() *duck.Conn { return r.conn.Conn }

// Plans returns the connection as what keeps plans: see Basis.
func (r *Read) Plans() *duck.PooledConn { return r.conn }

// SetTimeZone sets the time zone of the connection's statements.
func (r *Read) SetTimeZone(ctx context.Context, zone string) error {
	return r.conn.Set(ctx, "TimeZone", zone)
}

// Path is where unqualified names of a statement are looked for.
type Path string

// The paths: users' tables; the same with _partition, _offset, _timestamp and
// _key; users' tables and what Postgres clients expect of pg_catalog.
const (
	PlainPath    Path = "live.public," + duck.FunctionPath
	MetadataPath Path = "live.meta,live.public," + duck.FunctionPath
	CatalogPath  Path = "live.public,live.pgc," + duck.FunctionPath
)

// Strict is the path with the operators of [duck.StrictDivision] before it.
func (p Path) Strict() Path { return "live.strict," + p }

// overlayPath stands in front of a path when tables are read as they were changed.
const overlayPath Path = rowchange.Overlay + ".public," + rowchange.Overlay + ".dml,"

// SetChanged lays what a transaction has changed over the tables that the read
// sees; the set may grow between statements. Until the read is closed, rows keep
// their ids. The error wraps ErrConflict when a table is no longer what the read
// sees.
func (r *Read) SetChanged(set *rowchange.Set) error {
	if r.unhold == nil {
		r.unhold = r.e.store.HoldFolds()
		r.folds = r.e.store.Folds()
	}
	if r.changed == nil {
		now := r.e.Tables() // whose columns the overlay has
		for name, t := range r.snapshot.tables {
			if now[name] != nil && !slices.Equal(now[name].Columns, t.def.Columns) {
				return fmt.Errorf("table %q %w", name, ErrConflict)
			}
		}
	}
	r.changed = set
	return r.checkIDs()
}

// Changed reports whether changes lie over the tables.
func (r *Read) Changed() bool { return r.changed != nil }

// checkIDs returns an error that wraps ErrConflict if rows may have other ids
// than what was changed says.
func (r *Read) checkIDs() error {
	if r.changed != nil && r.folds != r.e.store.Folds() {
		return fmt.Errorf("what the transaction has changed %w", ErrConflict)
	}
	return nil
}

// SetPath sets the path of the connection's statements.
func (r *Read) SetPath(ctx context.Context, path Path) error {
	if r.changed != nil {
		if err := r.checkIDs(); err != nil {
			return err
		}
		withCatalog := strings.HasSuffix(string(path), string(CatalogPath))
		path = overlayPath + path + ",live.millstream" // which is found by itself where live comes first
		if withCatalog {
			path += ",live.pgi"
		}
	}
	return r.conn.Set(ctx, "search_path", string(path))
}

// SetVariable sets a variable of the connection's statements to a value that is
// written in SQL.
func (r *Read) SetVariable(ctx context.Context, name, value string) error {
	return r.conn.SetVariable(ctx, name, value)
}

// SetTimeBounds promises that the next statement needs of a source only rows
// whose event time is within [low, high], in microseconds; batches that are
// all outside are skipped. A source without bounds is read whole.
func (r *Read) SetTimeBounds(bounds map[string][2]int64) {
	r.bounds = make(map[string]hot.Bounds, len(bounds))
	for name, b := range bounds {
		r.bounds[name] = hot.Bounds{Low: b[0], High: b[1]}
	}
}

// Narrow promises that the next statement needs of views only this, by their
// names; of all others, and with nil of all, it gets everything. With alone it
// reads nothing else that is in memory: if what it needs is little, the epoch's
// memory is given up, so that the writer need not copy what it changes.
func (r *Read) Narrow(needs map[string]*view.Needs, alone bool) {
	r.needed.Release()
	var copied bool
	if r.needed, copied = view.SelectAll(needs, r.checkpoint, r.viewState); alone && copied {
		epoch := r.snapshot.Epoch
		r.unpin()
		r.snapshot = &Snapshot{Epoch: epoch}
	}
}

// Widen gives the statements that follow everything again.
func (r *Read) Widen() {
	r.bounds = nil
	r.Narrow(nil, false)
}

// Relation finds a name of ms_scan at the epoch. It is safe for concurrent use.
func (r *Read) Relation(name string) (duck.Relation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kind, object, _ := strings.Cut(name, ":")
	source, v := r.snapshot.stream(object), r.snapshot.views[object]
	switch kind += ":"; {
	case kind == rowsPrefix && source != nil:
		var bounds *hot.Bounds
		if b, ok := r.bounds[object]; ok {
			bounds = &b
		}
		return hot.After(source.schema, source.rows, r.checkpoint, bounds), nil
	case kind == latePrefix && source != nil:
		return hot.After(source.lateSchema, source.late, r.checkpoint, nil), nil
	case kind == rejectedPrefix && source != nil:
		return hot.After(catalog.RejectedSchema(), source.rejected, r.checkpoint, nil), nil
	case kind == closedPrefix && v != nil:
		return r.closed(object, v), nil
	case kind == closedBagPrefix:
		if i, name, ok := view.CutBag(object); ok && r.snapshot.views[name] != nil {
			return r.closed(name, r.snapshot.views[name]).Bag(i), nil
		}
	case kind == viewPrefix && r.needed[object] != nil:
		return r.needed[object], nil
	case kind == viewPrefix && v != nil:
		return r.live(object, v), nil
	case kind == bagPrefix:
		if i, name, ok := view.CutBag(object); ok && r.snapshot.views[name] != nil {
			return r.live(name, r.snapshot.views[name]).Bag(i), nil
		}
	case kind == systemPrefix:
		return r.systemTable(object)
	case kind == localPrefix && r.local[object] != nil:
		return r.local[object], nil
	case r.snapshot.tables[object] != nil:
		if rel := r.changed.Relation(kind, r.snapshot.tables[object].def); rel != nil {
			return rel, nil
		}
	}
	return nil, fmt.Errorf("relation %q does not exist", object)
}

// SetLocal gives the read a relation of its own, which ms_scan('local:name')
// finds. It must outlive the statements that use it.
func (r *Read) SetLocal(name string, rel duck.Relation) {
	if r.local == nil {
		r.local = make(map[string]duck.Relation)
	}
	r.local[name] = rel
}

// live returns a view's open windows, the same for the whole read.
func (r *Read) live(name string, v *viewSnapshot) *view.Relation {
	return r.once(viewPrefix+name, v.state.Live)
}

// closed returns a view's windows that no checkpoint has moved into history yet.
func (r *Read) closed(name string, v *viewSnapshot) *view.Relation {
	return r.once(closedPrefix+name, v.state.ClosedAfter)
}

func (r *Read) once(name string, of func(checkpoint uint64) *view.Relation) *view.Relation {
	rel := r.views[name]
	if rel == nil {
		rel = of(r.checkpoint)
		if r.views == nil {
			r.views = make(map[string]*view.Relation)
		}
		r.views[name] = rel
	}
	return rel
}

// systemTable builds a system table once for the whole read.
func (r *Read) systemTable(name string) (duck.Relation, error) {
	if rel := r.system[name]; rel != nil {
		return rel, nil
	}
	table, ok := systemTables[name]
	if !ok {
		return nil, fmt.Errorf("relation \"millstream.%s\" does not exist", name)
	}
	b := batch.NewBuilder(r.e.mem, table.schema())
	table.fill(r, b)
	rel := &duck.RecordRelation{Schema: b.Schema(), Records: []arrow.RecordBatch{b.Finish()}}
	if r.system == nil {
		r.system = make(map[string]*duck.RecordRelation)
	}
	r.system[name] = rel
	return rel, nil
}

// Close gives up the epoch and the connection. Its results must be closed.
func (r *Read) Close() {
	if r.conn == nil {
		return
	}
	if r.unhold != nil {
		r.unhold()
	}
	var err error
	if !r.bare {
		err = r.conn.Run(context.Background(), rollbackSQL)
	}
	r.settled()
	r.conn.SetRelations(nil)
	if err != nil {
		r.e.pool.Discard(r.conn)
	} else {
		r.e.pool.Put(r.conn)
	}
	r.conn = nil
	r.releaseRelations()
	r.unpin()
}

// releaseRelations gives up what was made for the read's statements.
func (r *Read) releaseRelations() {
	for _, rel := range r.views {
		rel.Release()
	}
	for _, rel := range r.system {
		rel.Records[0].Release()
	}
	r.views, r.system = nil, nil
	r.Narrow(nil, false)
}

// unpin gives the snapshot up before the transaction.
func (r *Read) unpin() {
	if r.snapshot != nil && r.snapshot.pin != nil {
		r.snapshot.pin.Release()
	}
	r.snapshot = nil
}

// schemas answers ms_scan while live views are made: only columns matter then.
type schemas struct{ e *Engine }

func (s schemas) Relation(name string) (duck.Relation, error) {
	kind, object, _ := strings.Cut(name, ":")
	source, v := s.e.stream(object), s.e.views[object]
	switch kind += ":"; {
	case kind == rowsPrefix && source != nil:
		return hot.Shape(source.schema), nil
	case kind == latePrefix && source != nil:
		return hot.Shape(source.late), nil
	case kind == rejectedPrefix && source != nil:
		return hot.Shape(catalog.RejectedSchema()), nil
	case kind == viewPrefix && v != nil:
		return v.state.Snapshot().Shape(), nil
	case kind == bagPrefix:
		if i, name, ok := view.CutBag(object); ok && s.e.views[name] != nil {
			return s.e.views[name].state.Snapshot().Shape().Bag(i), nil
		}
	case kind == systemPrefix:
		return systemShapes{}.Relation(name)
	case s.e.tables[object] != nil:
		if rel := (*rowchange.Set)(nil).Relation(kind, s.e.tables[object].def); rel != nil {
			return rel, nil
		}
	}
	return nil, fmt.Errorf("relation %q does not exist", object)
}

// conn returns a connection for a read, from the pool.
func (e *Engine) conn() (*duck.PooledConn, error) {
	return e.pool.Get(e.store.DB(), map[string]string{"TimeZone": "UTC", "search_path": string(PlainPath)})
}

// NewConn returns a connection for planning: it sees the catalog of nothing
// and no data. The caller must Close it before the engine.
func (e *Engine) NewConn() (*duck.Conn, error) { return e.store.DB().PatientConn() }

// ViewGroups returns the definition of a view, nil if there is none, and how many of its
// groups are in memory.
func (r *Read) ViewGroups(name string) (def *catalog.ViewDefinition, groups int) {
	if state := r.viewState(name); state != nil {
		return r.snapshot.views[name].def, state.Groups()
	}
	return nil, 0
}

// viewState returns a view's state at the epoch, nil if there is none.
func (r *Read) viewState(name string) *view.Snapshot {
	if v := r.snapshot.views[name]; v != nil {
		return v.state
	}
	return nil
}

// HotSegments returns how many batches of a source's rows are hot.
func (r *Read) HotSegments(source string) int {
	if s := r.snapshot.stream(source); s != nil {
		return len(s.rows)
	}
	return 0
}

// Severed is closed when every statement that runs now is interrupted, because the
// file has to be opened again.
func (e *Engine) Severed() <-chan struct{} { return e.store.DB().Severed() }
