package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/killpoint"
	"github.com/millstream-db/millstream/engine/partition"
)

// An epoch takes what has come in, up to these bounds: under load batches grow
// by themselves, and one record alone waits for nobody.
const (
	epochBatches = 16
	epochRows    = 1 << 17
)

// run is the writer: the only goroutine that changes state.
func (e *Engine) run() {
	defer close(e.done)
	ticker := time.NewTicker(e.opts.Tick)
	defer ticker.Stop()
	for {
		select {
		case d := <-e.input:
			e.step(d)
		case op := <-e.ops:
			if op.quiet && e.ckpt.running {
				e.waiting = append(e.waiting, op)
			} else {
				op.done <- op.run()
			}
		case result := <-e.ckpt.result:
			e.finishCheckpoint(result)
		case <-ticker.C:
			e.tick()
		case <-e.quit:
			e.drain()
			return
		}
		for len(e.waiting) > 0 && !e.ckpt.running {
			op := e.waiting[0]
			e.waiting = e.waiting[1:]
			op.done <- op.run()
		}
		e.maybeCheckpoint()
	}
}

// drain refuses what is still queued. The readers have ended.
func (e *Engine) drain() {
	if e.ckpt.running {
		e.finishCheckpoint(<-e.ckpt.result)
	}
	for _, op := range e.waiting {
		op.done <- ErrClosed
	}
	e.durable.Fail(ErrClosed)
	for {
		select {
		case d := <-e.input:
			e.refuse(d, ErrClosed)
		default:
			return
		}
	}
}

func (e *Engine) refuse(d delivery, err error) {
	e.budget.Release(d.batch.Bytes)
	d.batch.Release()
	if d.done != nil {
		d.done <- err
	}
}

// step is one epoch: the first batch and what else is waiting.
func (e *Engine) step(first delivery) {
	start := time.Now()
	deliveries := append(make([]delivery, 0, epochBatches), first)
	rows := first.batch.Rows()
	for len(deliveries) < epochBatches && rows < epochRows && e.door.Room(rows) {
		select {
		case d := <-e.input:
			deliveries = append(deliveries, d)
			rows += d.batch.Rows()
			continue
		default:
		}
		break
	}
	e.door.Begin(rows)
	began := time.Now()
	var told []delivery
	for _, d := range deliveries {
		if err := e.take(d); err != nil {
			e.refuse(d, err)
			continue
		}
		d.batch.Release()
		told = append(told, d)
		killpoint.At(killpoint.Taken)
	}
	if len(told) > 0 && e.failed == nil {
		e.stop(e.closeWindows(context.Background()))
	}
	e.publish()
	e.door.End(rows, time.Since(began))
	e.pauseLarge()
	for _, d := range told {
		switch {
		case d.durable:
			e.durable.Add(e.Epoch(), d.done)
		case d.done != nil:
			d.done <- nil
		}
	}
	e.stats.epochs.Add(1)
	e.stats.records.Add(int64(rows))
	if e.opts.OnEpoch != nil {
		e.opts.OnEpoch(rows, time.Since(start))
	}
}

// take applies one batch. An error means that nothing of it was taken, unless
// it also stopped the engine.
func (e *Engine) take(d delivery) error {
	if e.failed != nil {
		return e.failed
	}
	s := e.sources[d.source]
	if s == nil {
		return fmt.Errorf("source %q %w", d.source, ErrNotFound)
	}
	if s.failed != nil {
		return s.failed
	}
	if n := int(d.batch.Record.NumCols()); d.batch.Ranges != nil && n != len(s.decoded.Columns) {
		return fmt.Errorf("source %s: the rows have %d columns, expected %d", s.def.Name, n, len(s.decoded.Columns))
	}
	if d.push != nil {
		if err := d.push.admit(s, e.opts.Now()); err != nil {
			return err
		}
	}
	if d.batch.Ranges == nil {
		if err := s.number(e, d.batch); err != nil {
			return err
		}
	}
	if len(s.order) == 0 {
		e.addPartitions(s)
	}
	if err := s.accept(d.batch); err != nil {
		if s.reader == nil { // Append's caller made a mistake, and is told
			return fmt.Errorf("source %s: %w", s.def.Name, err)
		}
		s.failed = fmt.Errorf("source %s: the reader broke the order of offsets: %w", s.def.Name, err)
		e.opts.Logger.Error("a source was stopped", "source", s.def.Name, "err", err)
		return s.failed
	}
	if err := e.apply(s, d.batch); err != nil {
		e.stop(err)
		return e.failed
	}
	if d.push != nil {
		s.receipts.Add(d.push.receipt)
	}
	return nil
}

// stop ends ingest after an error, if there is one. Some views may have a batch
// or a window and others not, and what the epoch before shows may have been changed in
// place: what is in memory can no longer be trusted, what is on disk and in Kafka can. So no
// read begins any more.
func (e *Engine) stop(err error) {
	if err == nil {
		return
	}
	stopped := fmt.Errorf("%w: %w", ErrStopped, err)
	e.failed = stopped
	e.torn.Store(&stopped) // readers look at it: failed is the writer's
	e.setProblem(e.failed)
	e.opts.Logger.Error("ingest stopped", "err", err)
}

func (e *Engine) apply(s *liveSource, b *batch.Batch) error {
	ctx := context.Background()
	charge := b.Bytes
	if b.Rows() == 0 {
		e.budget.Release(charge)
	} else {
		rec, err := s.complete(ctx, e.mem, b.Record)
		if err != nil {
			return err
		}
		watermarks := s.observe(b, rec)
		if err := s.rowTable.Add(rec, charge); err != nil {
			return err
		}
		if err := e.spread(ctx, s, rec, watermarks); err != nil {
			return err
		}
		if err := s.follow(ctx, rec); err != nil {
			return err
		}
	}
	if len(b.Rejected) > 0 {
		return e.keep(s.rejectedTable, catalog.RejectedRows(e.mem, b.Rejected))
	}
	return nil
}

// intact returns why what is in memory is of no epoch, nil if it is of one.
func (e *Engine) intact() error {
	if err := e.torn.Load(); err != nil {
		return *err
	}
	return nil
}

// number gives what was handed over its place: partition 0, on from its last.
func (s *liveSource) number(e *Engine, b *batch.Batch) error {
	if s.def.Paused {
		return fmt.Errorf("source %q %w", s.def.Name, ErrPaused)
	}
	next := int64(0)
	if p := s.parts[0]; p != nil {
		next = p.Next
	}
	if err := s.checkKeys(b.Record); err != nil {
		return err
	}
	if err := b.Number(e.mem, s.decoded, 0, next); err != nil {
		return fmt.Errorf("source %s: %w", s.def.Name, err)
	}
	return nil
}

// publish makes the state as it is now the next epoch's snapshot.
func (e *Engine) publish() {
	now := e.opts.Now()
	s := &Snapshot{
		Epoch: e.reclaim.Next(), released: e.released, catalog: e.catalog, at: now,
		sources: make(map[string]*sourceSnapshot, len(e.sources)), views: make(map[string]*viewSnapshot, len(e.views)),
		tables: make(map[string]*tableSnapshot, len(e.tables)),
	}
	for name, src := range e.sources {
		s.sources[name] = src.snapshot(now)
	}
	for name, v := range e.views {
		s.views[name] = v.snapshot(now)
	}
	if len(e.tables) > 0 {
		bytes := e.copiesBytes()
		for name, t := range e.tables {
			s.tables[name] = t.snapshot(bytes[name])
		}
	}
	s.pin = e.reclaim.Publish()
	e.door.Publish(s) // those who wait are let in, and find that it is torn
	if e.intact() == nil {
		e.subs.Published(s)
	}
	e.reclaim.Sweep()
}

func (v *liveView) snapshot(now time.Time) *viewSnapshot {
	s := &viewSnapshot{def: v.def, created: v.created, state: v.state.Snapshot(), late: v.late, errors: v.errors, work: v.work}
	if v.paused != nil {
		s.paused = v.paused.Reason
	}
	if v.out != nil && v.out.rowTable != nil {
		s.out = v.out.snapshot(now)
	}
	for i, b := range v.branches {
		if i > 0 {
			s.errors += b.errors
			s.work.Add(b.work)
		}
	}
	return s
}

func (s *liveSource) snapshot(now time.Time) *sourceSnapshot {
	snap := &sourceSnapshot{
		def: s.def, schema: s.schema, lateSchema: s.late, rows: s.rowTable.Freeze(), late: s.lateTable.Freeze(),
		rejected: s.rejectedTable.Freeze(), rowsEnd: s.rowTable.Added(), lateEnd: s.lateTable.Added(), rejectedEnd: s.rejectedTable.Added(),
		watermark: s.current(), partitions: make([]partition.State, len(s.order)),
	}
	for i, id := range s.order {
		p := *s.parts[id]
		if s.derived {
			snap.partitions[i] = p
			continue
		}
		if t, ok := s.tracker.Partition(id); ok {
			p.MaxMicros = t.MaxMicros
		}
		p.Idle = s.tracker.Idle(id, now)
		snap.partitions[i] = p
	}
	return snap
}

// addPartitions makes the partitions known that the reader has found, so that
// one that is read first does not run ahead of one that was not seen yet.
func (e *Engine) addPartitions(s *liveSource) {
	if s.reader == nil {
		return
	}
	now := e.opts.Now()
	for _, p := range s.reader.Status().Partitions {
		s.tracker.Add(p.Partition, now)
		s.tracker.SetCaughtUp(p.Partition, p.End >= 0 && p.Next >= p.End)
		if q := s.parts[p.Partition]; q != nil {
			q.Found(&p)
		}
	}
}

// tick lets time pass: idle partitions, quiet streams, memory of readers that left.
func (e *Engine) tick() {
	e.subs.Check(e.Epoch(), e.opts.Now(), e.subscriptionLimits(), e.reclaim.Held)
	moved := false
	for _, s := range e.sources {
		e.addPartitions(s)
		if s.eventTime >= 0 && !s.def.Paused && s.failed == nil && s.tracker.Tick(e.opts.Now()) {
			moved = true
		}
	}
	if moved && e.failed == nil {
		e.stop(e.closeWindows(context.Background()))
		e.publish()
		return
	}
	e.reclaim.Sweep()
}
