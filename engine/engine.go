package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/budget"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/durable"
	"github.com/millstream-db/millstream/engine/epoch"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/job"
	"github.com/millstream-db/millstream/engine/killpoint"
	"github.com/millstream-db/millstream/engine/livecatalog"
	"github.com/millstream-db/millstream/engine/parquet"
	"github.com/millstream-db/millstream/engine/pause"
	"github.com/millstream-db/millstream/engine/reopen"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/engine/subscription"
)

// Engine is an open database. Its exported methods are safe for concurrent use.
type Engine struct {
	opts   Options
	mem    *batch.Allocator
	store  *checkpoint.Store
	budget *budget.Budget
	states budget.States // the writer's

	door    *epoch.Door[Snapshot, *Snapshot]
	roles   atomic.Pointer[catalog.Roles]
	input   chan delivery
	ops     chan operation
	jobs    job.List
	alter   sync.Mutex    // held while a source\'s reader may be closed and opened again
	quit    chan struct{} // closed when the writer is to end
	done    chan struct{} // closed when it has
	closing sync.Once
	closed  error

	pool    duck.Pool
	subs    subscription.Places
	readers sync.Map // name → source.Reader, for their status
	stats   stats
	problem atomic.Pointer[string] // why nothing new becomes durable, nil: it does
	mender  *reopen.Reopener       // nil: in memory

	// The fields below belong to the writer.
	reclaim   *epoch.Reclaimer
	sources   map[string]*liveSource
	views     map[string]*liveView
	unstaged  []string // tables whose rows are staged in vain, until a checkpoint drops them
	tables    map[string]*liveTable
	released  uint64
	committed uint64
	live      *livecatalog.Catalog
	stopped   bool // no reader is opened any more
	ckpt      checkpointState
	durable   durable.Waiters       // for the commit of what they have handed over
	failed    error                 // why nothing is taken any more
	torn      atomic.Pointer[error] // the same, if what is in memory is of no epoch; read by anybody
	waiting   []operation           // until no checkpoint is under way
	// handOverRows is up to how many rows the writer folds into a new view itself.
	handOverRows int64
	pause        func(context.Context) // tests stop jobs in it, before they fold anything
	catalog      int64                 // the version of the names and columns of what can be read
}

// delivery is a batch on its way to the writer.
type delivery struct {
	source  string
	batch   *batch.Batch
	done    chan<- error // told when the batch is visible, nil: nobody waits
	durable bool         // told when it is durable
	push    *push        // nil: it is no request that may come again
}

// operation is work for the writer between two epochs.
type operation struct {
	run   func() error
	done  chan error
	quiet bool // not while a checkpoint is under way
}

// Open opens the database in dir, or one in memory for "". It reads the last
// checkpoint, restores every view to it and starts the readers from its
// offsets. The caller must Close it.
func Open(ctx context.Context, dir string, opts Options) (*Engine, error) {
	e := &Engine{
		opts: opts.withDefaults(), mem: batch.NewAllocator(), input: make(chan delivery, 16), ops: make(chan operation),
		quit: make(chan struct{}), done: make(chan struct{}),
		sources: make(map[string]*liveSource), views: make(map[string]*liveView), tables: make(map[string]*liveTable),
	}
	e.handOverRows = defaultHandOverRows
	e.budget = budget.New(e.opts.HotBytes)
	e.budget.Hold = duck.Full
	e.states = budget.States{Each: e.opts.ViewBytes, All: e.opts.StatesBytes}
	var err error
	if e.store, err = checkpoint.Open(ctx, dir, e.opts.DuckDB); err != nil {
		return nil, err
	}
	if err := e.restore(ctx); err != nil {
		e.freeAll()
		return nil, err
	}
	killpoint.At(killpoint.Restored)
	if dir != "" {
		e.mender = reopen.Start(e.store.DB(), e.setUp, e.opts.Logger)
	}
	go e.run()
	if err := e.do(ctx, e.openReaders); err != nil {
		return nil, errors.Join(err, e.Close(context.WithoutCancel(ctx)))
	}
	return e, nil
}

// openReaders has the sources that there are read. The writer runs it: its ticks look
// at readers.
func (e *Engine) openReaders() error {
	for _, s := range e.sources {
		if err := e.openReader(s); err != nil {
			return err
		}
	}
	return nil
}

// setUp makes in a new instance what is in memory only.
func (e *Engine) setUp(c *duck.Conn) error {
	e.store.Reopened()
	return e.live.Rebuild(context.Background(), c)
}

func (e *Engine) restore(ctx context.Context) error {
	im, err := e.store.Load(ctx, objectTables)
	if err != nil {
		return err
	}
	e.reclaim = epoch.NewReclaimer(e.mem, im.Epoch+1)
	e.door = epoch.NewDoor[Snapshot](e.reclaim)
	e.committed, e.released, e.catalog = im.Epoch, im.Epoch, im.Catalog
	e.ckpt.init(e.opts)
	roles, err := catalog.DecodeRoles(im.Roles)
	if err != nil {
		return err
	}
	e.roles.Store(roles)
	if err := e.openLive(ctx); err != nil {
		return err
	}
	for i := range im.Objects {
		o := &im.Objects[i]
		switch o.Kind {
		case catalog.KindSource:
			err = e.restoreSource(ctx, o, im)
		case catalog.KindTable:
			err = e.restoreTable(ctx, o)
		default:
			err = e.restoreView(ctx, o, im)
		}
		if err != nil {
			return fmt.Errorf("restore %s %s: %w", o.Kind, o.Name, err)
		}
	}
	if err := e.store.DB().Lock(e.opts.DuckDB); err != nil {
		return err
	}
	e.publish()
	e.opts.Logger.Info("recovered", "epoch", im.Epoch, "objects", len(im.Objects), "partitions", len(im.Partitions), "log_bytes", e.store.Replayed(), "cut_bytes", e.store.Cut())
	return nil
}

// objectTables names the history tables of an object in the catalog.
func objectTables(o *checkpoint.Object) ([]history.Table, error) {
	return catalog.HistoryTables(o.Kind, o.Definition)
}

func (e *Engine) restoreSource(ctx context.Context, o *checkpoint.Object, im *checkpoint.Image) error {
	def := new(catalog.SourceDefinition)
	if err := json.Unmarshal(o.Definition, def); err != nil {
		return err
	}
	s, err := e.newSource(def, o.Created)
	if err != nil {
		return err
	}
	newest := make(map[int32]int64)
	for _, p := range im.Partitions {
		if p.Source == o.Name {
			s.partition(p.Partition, p.Next).Restore(&p, im)
			newest[p.Partition] = p.MaxMicros
		}
	}
	if mark, ok := im.Counter(o.Name, counterWatermark); ok {
		s.tracker.Restore(mark, newest, e.opts.Now())
		for id := range newest {
			// Of what is handed over there is no end that could be behind.
			s.tracker.SetCaughtUp(id, def.Fed())
		}
	}
	s.errors, _ = im.Counter(o.Name, counterErrors)
	for _, r := range im.Receipts[o.Name] {
		s.receipts.Restore(r)
	}
	e.sources[o.Name] = s
	return e.showSource(ctx, s)
}

func (e *Engine) restoreView(ctx context.Context, o *checkpoint.Object, im *checkpoint.Image) error {
	def := new(catalog.ViewDefinition)
	if err := json.Unmarshal(o.Definition, def); err != nil {
		return err
	}
	v, err := e.newView(def, o.Created, e.reclaim)
	if err != nil {
		return err
	}
	v.late, _ = im.Counter(o.Name, counterLate)
	v.errors, _ = im.Counter(o.Name, counterErrors)
	e.addView(v)
	for _, branch := range v.all() {
		if err := e.refresh(ctx, branch); err != nil {
			return err
		}
	}
	mark := v.source.current()
	if v.paused = pause.Restore(im, o.Name); v.paused != nil {
		mark = v.paused.Mark
	}
	v.state.Restoring(mark)
	if err := e.store.LoadState(ctx, o.Name, v.state, mark, e.mem); err != nil {
		return err
	}
	v.restoreStream(im)
	killpoint.At(killpoint.Restoring)
	return e.showView(ctx, v)
}

// The counters that a checkpoint keeps.
const (
	counterWatermark = "watermark"
	counterLate      = "late"
	counterErrors    = "errors"
)

// do runs f on the writer's goroutine, between two epochs.
func (e *Engine) do(ctx context.Context, f func() error) error {
	return e.operate(ctx, operation{run: f, done: make(chan error, 1)})
}

// doQuiet is do at a time when no checkpoint is under way.
func (e *Engine) doQuiet(ctx context.Context, f func() error) error {
	return e.operate(ctx, operation{run: f, done: make(chan error, 1), quiet: true})
}

func (e *Engine) operate(ctx context.Context, op operation) error {
	select {
	case e.ops <- op:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-e.done:
		return ErrClosed
	}
	return <-op.done
}

// Allocator returns the allocator whose memory batches must use.
func (e *Engine) Allocator() *batch.Allocator { return e.mem }

// Parquet returns what reads Parquet files for sources.
func (e *Engine) Parquet() source.Parquet { return parquet.New(e.store.DB()) }

// Validate checks a source's definition against its connector.
func (e *Engine) Validate(def *catalog.SourceDefinition) error {
	c, err := e.connector(def.Connector)
	if err != nil || c == nil {
		return err
	}
	return c.Validate(e.spec(def))
}

// Close stops the readers, checkpoints, and closes the file. Reads must have
// been closed. The context bounds the last checkpoint.
func (e *Engine) Close(ctx context.Context) error {
	e.closing.Do(func() { e.closed = e.shutdown(ctx) })
	return e.closed
}

func (e *Engine) shutdown(ctx context.Context) error {
	e.mender.Hurry()
	e.jobs.Close(ErrClosed)
	err := errors.Join(e.StopSources(ctx), e.Checkpoint(ctx))
	e.subs.Close(ErrClosed)
	close(e.quit)
	<-e.done
	e.subs.Close(ErrClosed)
	e.mender.Close()
	e.freeAll()
	return err
}

// StopSources ends all readers and waits for them. What was read stays, and
// can still be checkpointed.
func (e *Engine) StopSources(ctx context.Context) error {
	e.alter.Lock()
	defer e.alter.Unlock()
	var readers []*liveSource
	err := e.do(ctx, func() error {
		e.stopped = true
		for _, s := range e.sources {
			readers = append(readers, s)
		}
		return nil
	})
	var wg sync.WaitGroup
	for _, s := range readers {
		wg.Go(func() {
			if err := s.closeReader(); err != nil {
				e.opts.Logger.Warn("close a source", "source", s.def.Name, "err", err)
			}
		})
	}
	wg.Wait()
	return err
}

// freeAll gives up every piece of memory and the file. The writer has ended.
func (e *Engine) freeAll() {
	e.pool.Close()
	for _, v := range e.views {
		v.close()
	}
	for _, s := range e.sources {
		s.generated.Close()
		s.closeCopies()
		s.tables().Drop(hot.EveryEpoch)
	}
	if e.reclaim != nil {
		e.reclaim.Close()
	}
	if e.live != nil {
		e.live.Close()
	}
	e.store.Close()
}

// stats are counters for metrics; all are atomic.
type stats struct {
	epochs, records, checkpoints, checkpointErrors atomic.Int64
	lastCheckpoint                                 atomic.Int64 // unix micros
}

// Stats are counters since the engine was opened, and sizes now.
type Stats struct {
	Epoch, Epochs, Records, Checkpoints, CheckpointErrors int64
	HotBytes, OffHeapBytes, WALBytes                      int64
	LastCheckpoint                                        time.Time
}

// Stats returns the counters now.
func (e *Engine) Stats() Stats {
	return Stats{
		Epoch: int64(e.Epoch()), Epochs: e.stats.epochs.Load(), Records: e.stats.records.Load(),
		Checkpoints: e.stats.checkpoints.Load(), CheckpointErrors: e.stats.checkpointErrors.Load(),
		HotBytes: e.budget.InUse(), OffHeapBytes: e.mem.Bytes(), WALBytes: e.store.WALBytes(),
		LastCheckpoint: time.UnixMicro(e.stats.lastCheckpoint.Load()),
	}
}

var _ source.Sink = (*sink)(nil)
