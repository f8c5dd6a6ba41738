package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/killpoint"
	"github.com/millstream-db/millstream/engine/receipt"
	"github.com/millstream-db/millstream/engine/view"
)

// checkpointState is the writer's knowledge of checkpoints.
type checkpointState struct {
	result  chan *pendingCheckpoint
	running bool
	epoch   uint64    // the epoch up to which there is nothing left to write
	next    time.Time // not before
	backoff time.Duration
	err     error // why the last one failed
}

func (c *checkpointState) init(o Options) {
	c.result = make(chan *pendingCheckpoint, 1)
	c.next = o.Now().Add(o.CheckpointInterval)
}

// pendingCheckpoint is a checkpoint between its snapshot and its commit.
type pendingCheckpoint struct {
	snapshot *Snapshot
	write    checkpoint.Write
	deltas   map[string]*view.Delta
	summary  checkpoint.Summary
	err      error
	after    func(error) error // changes what is in memory as the commit has changed the file
	outcome  error
	done     chan<- error // told the outcome of both, once it is visible
	claims   bool         // the one before had no memory, which statements of users had
	then     func()       // not nil: done behind the commit instead of folding the log
}

// The write-ahead log is folded into the file when it has grown so large, or as large
// as the hot rows may: that much is replayed by a restart.
const foldBytes = 64 << 20

// eagerBytes of hot rows start a checkpoint before its time: enough for DuckDB
// to write whole row groups past its log, and early enough for history to be
// written beside the reading and not after it.
const eagerBytes = 64 << 20

// compactRows: a view's state is written anew when its tables hold so many
// outdated rows, besides as many as are live.
const compactRows = 100_000

// maybeCheckpoint starts a checkpoint if one is due.
func (e *Engine) maybeCheckpoint() {
	switch failing := e.ckpt.backoff > 0 && e.opts.Now().Before(e.ckpt.next); {
	case e.failed != nil:
		e.durable.Fail(e.failed)
		return
	case e.ckpt.running:
		return
	case e.Epoch() == e.ckpt.epoch:
		e.durable.Committed(e.Epoch())
		return
	case failing:
		e.durable.Fail(e.ckpt.err)
		return
	}
	due := !e.opts.Now().Before(e.ckpt.next) || !e.durable.Empty() || e.budget.InUse() > min(eagerBytes, e.opts.HotBytes/3)
	if !due {
		return
	}
	e.commitBeside(e.planCheckpoint(nil, nil))
}

// commitBeside commits a checkpoint beside the writer.
func (e *Engine) commitBeside(p *pendingCheckpoint) {
	e.ckpt.running = true
	go func() {
		e.commit(context.Background(), p)
		if p.err == nil && p.then != nil {
			p.then()
		} else if p.err == nil {
			limit := killpoint.LogBytes(min(foldBytes, e.opts.HotBytes))
			if len(p.write.Unstage) > 0 {
				limit = 1 // until then the file has no room of it
			}
			if err := e.store.Fold(context.Background(), limit); err != nil {
				e.opts.Logger.Debug("the write-ahead log is not folded yet", "err", err)
			}
		}
		e.ckpt.result <- p
	}()
}

// planCheckpoint takes the current snapshot and what has changed since the
// last checkpoint. create and drop are changes of the catalog.
func (e *Engine) planCheckpoint(create []checkpoint.Object, drop []string) *pendingCheckpoint {
	s := e.pinned()
	p := &pendingCheckpoint{snapshot: s, deltas: make(map[string]*view.Delta), claims: duck.OutOfMemory(e.ckpt.err)}
	p.write = checkpoint.Write{Epoch: s.Epoch, At: e.opts.Now(), Create: create, Drop: drop, Bytes: e.budget.InUse(), Catalog: e.catalog, Receipts: make(map[string]receipt.Save), Unstage: e.unstaged}
	created := make(map[string]bool)
	for i := range create {
		created[create[i].Name] = true
		tables, err := objectTables(&create[i])
		if err != nil {
			p.err = err
		}
		p.write.Tables = append(p.write.Tables, tables...)
	}
	for name, src := range e.sources {
		src.tables().Seal()
		e.planSource(p, src, s.sources[name])
	}
	for name, v := range e.views {
		if !slices.Contains(drop, name) { // else it is being replaced
			e.planView(p, v, s.views[name].state, created[name])
		}
	}
	return p
}

func (e *Engine) planView(p *pendingCheckpoint, v *liveView, state *view.Snapshot, created bool) {
	name := v.def.Plan.Name
	p.write.Counters = append(p.write.Counters, checkpoint.Counter{Object: name, Name: counterLate, Value: v.late},
		checkpoint.Counter{Object: name, Name: counterErrors, Value: v.errors})
	p.write.Counters = append(p.write.Counters, v.paused.Counters(name)...)
	if v.def.Plan.AppendOnly() {
		v.out.tables().Seal()
		e.planRows(p, v.out, v.out.snapshot(p.write.At))
		return
	}
	if v.def.Plan.Window != nil && state.HasClosed() {
		from, sql := v.def.OfClosed(state.Closed())
		p.write.Rows = append(p.write.Rows, checkpoint.Rows{Table: name, From: from, SQL: sql})
	}
	whole := created || v.state.MustRewrite() || e.store.StateRows(name) > int64(2*state.StateRows()+compactRows)
	p.deltas[name] = v.state.TakeDelta(state, whole)
	p.write.States = append(p.write.States, checkpoint.State{
		View: name, Schema: v.state.StateSchema(), Rows: p.deltas[name].Rows(), Whole: whole,
	})
}

func (e *Engine) planSource(p *pendingCheckpoint, src *liveSource, snap *sourceSnapshot) {
	e.planRows(p, src, snap)
	p.write.Receipts[src.def.Name] = src.receipts.Save(p.write.At)
	p.write.Counters = append(p.write.Counters, checkpoint.Counter{Object: src.def.Name, Name: counterWatermark, Value: snap.watermark},
		checkpoint.Counter{Object: src.def.Name, Name: counterErrors, Value: src.errors})
}

// planRows takes the rows of a source or stream that history does not have yet.
func (e *Engine) planRows(p *pendingCheckpoint, src *liveSource, snap *sourceSnapshot) {
	rows := func(table string, schema *batch.Schema, segments []*hot.Segment) {
		if rel := hot.After(schema, segments, e.committed, nil); rel.Rows() > 0 {
			p.write.Rows = append(p.write.Rows, checkpoint.AllOf(table, rel))
		}
	}
	name := src.def.Name
	if src.def.Keyed() {
		p.write.Changes = append(p.write.Changes, src.merge(hot.After(snap.schema, snap.rows, e.committed, nil))...)
	} else if !src.def.NoHistory {
		rows(name, snap.schema, snap.rows)
	}
	rows(name+catalog.LateSuffix, snap.lateSchema, snap.late)
	rows(name+catalog.RejectedSuffix, catalog.RejectedSchema(), snap.rejected)
	for _, q := range snap.partitions {
		q.Save(&p.write, name)
	}
}

// commit writes the checkpoint. It runs beside the writer and touches only the
// snapshot and the store.
func (e *Engine) commit(ctx context.Context, p *pendingCheckpoint) {
	if p.err != nil {
		return
	}
	var records []arrow.RecordBatch
	record := func(rec arrow.RecordBatch, schema *batch.Schema) duck.Relation {
		records = append(records, rec)
		return &duck.RecordRelation{Schema: schema, Records: []arrow.RecordBatch{rec}, InOrder: true}
	}
	for i := range p.write.States {
		st := &p.write.States[i]
		delta := p.deltas[st.View]
		st.Groups = record(delta.Groups(e.mem), st.Schema)
		st.Details = record(delta.Details(e.mem), view.DetailSchema())
	}
	if p.claims {
		defer duck.Claim()()
	}
	p.summary, p.err = e.store.Commit(ctx, &p.write)
	for _, rec := range records {
		rec.Release()
	}
	for _, rows := range p.write.Rows {
		if closed, ok := rows.From[catalog.ClosedRows].(*view.Relation); ok {
			closed.Release()
		}
	}
}

// finishCheckpoint lets go of what a checkpoint has moved into history, or
// keeps everything and tries again later.
func (e *Engine) finishCheckpoint(p *pendingCheckpoint) {
	e.ckpt.running = false
	defer p.snapshot.pin.Release()
	if e.opts.OnCheckpoint != nil {
		e.opts.OnCheckpoint(p.summary.Rows, p.summary.Duration, p.err)
	}
	if p.err != nil {
		e.checkpointFailed(p)
		p.follow()
		p.tell()
		return
	}
	if e.ckpt.err != nil {
		e.opts.Logger.Info("checkpoints work again", "epoch", p.snapshot.Epoch)
	}
	e.ckpt.err, e.ckpt.backoff = nil, 0
	e.problem.Store(nil)
	e.ckpt.next = e.opts.Now().Add(e.opts.CheckpointInterval)
	e.committed, e.released, e.catalog = p.snapshot.Epoch, p.snapshot.Epoch, p.write.Catalog
	e.unstaged = e.unstaged[len(p.write.Unstage):]
	for _, s := range p.write.Receipts {
		s.Done()
	}
	p.follow()
	e.stats.checkpoints.Add(1)
	e.stats.lastCheckpoint.Store(p.write.At.UnixMicro())
	e.subs.Releasing(e.door.Newest())
	charge := int64(0)
	for _, s := range e.sources {
		charge += s.tables().Drop(e.committed)
	}
	for _, v := range e.views {
		v.state.Drop(e.committed)
		charge += v.out.tables().Drop(e.committed)
	}
	current := e.Epoch() == p.snapshot.Epoch
	e.publish()
	p.tell()
	e.durable.Committed(e.committed)
	if current { // nothing came meanwhile, so there is nothing to write until the next epoch
		e.ckpt.epoch = e.Epoch()
	}
	e.budget.Release(charge)
	e.pool.Prune()
	e.tellReaders(p.snapshot)
	killpoint.At(killpoint.OffsetsTold)
}

// follow runs what is to come after the commit.
func (p *pendingCheckpoint) follow() {
	p.outcome = p.err
	if p.after != nil {
		p.outcome = p.after(p.err)
	}
}

// tell wakes who waits for the outcome.
func (p *pendingCheckpoint) tell() {
	if p.done != nil {
		p.done <- p.outcome
	}
}

func (e *Engine) tellReaders(s *Snapshot) {
	for name, snap := range s.sources {
		src := e.sources[name]
		if src == nil || src.reader == nil {
			continue
		}
		next := make(map[int32]int64, len(snap.partitions))
		for _, p := range snap.partitions {
			next[p.ID] = p.Next
		}
		src.reader.Committed(next)
	}
}

func (e *Engine) checkpointFailed(p *pendingCheckpoint) {
	e.stats.checkpointErrors.Add(1)
	e.ckpt.err = p.err
	for name, delta := range p.deltas {
		if v := e.views[name]; v != nil {
			v.state.Undo(delta)
		}
	}
	if errors.Is(p.err, checkpoint.ErrUnknown) || e.mender == nil && duck.Lost(p.err) {
		e.failed = fmt.Errorf("history can't be written, restart to go on from the last checkpoint: %w", p.err)
	}
	e.setProblem(cmp.Or(e.failed, p.err))
	e.durable.Fail(p.err)
	e.ckpt.backoff = min(5*time.Second, max(500*time.Millisecond, 2*e.ckpt.backoff))
	e.ckpt.next = e.opts.Now().Add(e.ckpt.backoff)
	e.opts.Logger.Error("checkpoint", "epoch", p.snapshot.Epoch, "err", p.err, "retry_in", e.ckpt.backoff)
}

// setProblem makes it known why nothing new becomes durable.
func (e *Engine) setProblem(err error) {
	text := err.Error()
	e.problem.Store(&text)
}

// checkpointNow commits in the foreground, on the writer's goroutine.
func (e *Engine) checkpointNow(ctx context.Context) error {
	return e.checkpointWith(ctx, nil, nil, func(*checkpoint.Write) {})
}

// checkpointWith is checkpointNow with more in its transaction.
func (e *Engine) checkpointWith(ctx context.Context, create []checkpoint.Object, drop []string, extend func(*checkpoint.Write)) error {
	if e.failed != nil {
		return e.failed
	}
	e.awaitCheckpoint()
	p := e.planCheckpoint(create, drop)
	extend(&p.write)
	e.commit(ctx, p)
	e.finishCheckpoint(p)
	return p.err
}

func (e *Engine) awaitCheckpoint() {
	if e.ckpt.running {
		e.finishCheckpoint(<-e.ckpt.result)
	}
}

// Checkpoint commits everything that is visible now and returns when it is durable.
func (e *Engine) Checkpoint(ctx context.Context) error {
	return e.do(ctx, func() error {
		e.awaitCheckpoint()
		if e.failed == nil && e.Epoch() == e.ckpt.epoch {
			return nil
		}
		return e.checkpointNow(ctx)
	})
}

// Freeze commits everything that is visible now, and keeps the file as that leaves it
// until the caller releases it. Ingest and reads go on. See checkpoint.Store.Freeze.
func (e *Engine) Freeze(ctx context.Context, anyway bool) (f *checkpoint.Frozen, err error) {
	var frozen error
	err = e.commitQuiet(ctx, func(p *pendingCheckpoint) {
		p.then = func() { f, frozen = e.store.Freeze(context.Background(), p.write.Epoch, anyway) }
	})
	return f, cmp.Or(err, frozen)
}

// commitQuiet commits everything that is visible now beside the writer, with what extend adds,
// and returns when that is durable.
func (e *Engine) commitQuiet(ctx context.Context, extend func(*pendingCheckpoint)) error {
	committed := make(chan error, 1)
	err := e.doQuiet(ctx, func() error {
		if e.failed != nil {
			return e.failed
		}
		e.publish() // a commit has an epoch of its own
		p := e.planCheckpoint(nil, nil)
		extend(p)
		p.done = committed
		e.commitBeside(p)
		return nil
	})
	if err == nil {
		err = <-committed
	}
	return err
}
