package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/epoch"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/partition"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/watermark"
)

// A view is itself a stream that other views can read, where its rows are only
// ever appended: the rows of a view without aggregation, or a view's windows
// once they have closed. In the engine such a stream is a source without a
// reader, whose watermark follows from that of what the view reads.

// newStream makes the stream of a view. Its memory is retired to reclaim.
func (e *Engine) newStream(d *catalog.ViewDefinition, created time.Time, reclaim *epoch.Reclaimer) *liveSource {
	def := d.Stream()
	if def == nil {
		return nil
	}
	s := &liveSource{
		def: def, created: created, schema: d.StreamSchema(), parts: make(map[int32]*partition.State), eventTime: -1,
		derived: true, mark: watermark.None,
	}
	if def.EventTime != "" {
		s.eventTime = s.schema.Index(def.EventTime)
	}
	if d.Plan.AppendOnly() {
		s.late = def.LateSchema()
		s.makeTables(e.mem, reclaim)
		s.partition(0, 0)
	}
	return s
}

// stream returns what views read under a name: a source, or the stream of a view.
func (e *Engine) stream(name string) *liveSource {
	if s := e.sources[name]; s != nil {
		return s
	}
	if v := e.views[name]; v != nil {
		return v.out
	}
	return nil
}

// stream is a source, or the rows of a view without aggregation.
func (s *Snapshot) stream(name string) *sourceSnapshot {
	if src := s.sources[name]; src != nil {
		return src
	}
	if v := s.views[name]; v != nil {
		return v.out
	}
	return nil
}

// current returns the watermark.
func (s *liveSource) current() int64 {
	if s.derived {
		return s.mark
	}
	return s.tracker.Current()
}

// spread gives rows, which the source's table has, to the views over it.
func (e *Engine) spread(ctx context.Context, s *liveSource, rec arrow.RecordBatch, watermarks []int64) error {
	for i, v := range s.views {
		if v.paused != nil {
			continue
		}
		if v.def.Plan.AppendOnly() {
			together := s.branchesOf(v, i)
			if together == nil {
				continue
			}
			if err := e.emit(ctx, together, rec, watermarks); err != nil {
				return err
			}
			continue
		}
		late, err := v.apply(ctx, rec, watermarks)
		if err == nil && len(late) > 0 {
			err = s.keepLate(e, v.def.Plan.Name, rec, late)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// branchesOf returns all branches over the stream of the view that view i is a
// branch of, nil if a view before it is one of them.
func (s *liveSource) branchesOf(v *liveView, i int) []*liveView {
	same := func(b *liveView) bool { return b.out == v.out }
	if slices.ContainsFunc(s.views[:i], same) {
		return nil
	}
	together := []*liveView{v}
	for _, b := range s.views[i+1:] {
		if same(b) && b.paused == nil {
			together = append(together, b)
		}
	}
	return together
}

// emit runs branches of a view without aggregation over rows and appends what
// passes to its stream, in the order of these rows: whether one is late for a
// view over the stream must not depend on where batches are cut. Watermarks
// are nil during a backfill.
func (e *Engine) emit(ctx context.Context, branches []*liveView, rec arrow.RecordBatch, watermarks []int64) error {
	var parts []hot.Part
	defer func() {
		for _, p := range parts {
			p.Record.Release()
		}
	}()
	for _, v := range branches {
		err := v.compute(ctx, rec, watermarks, func(in *view.Input) error {
			rows := v.state.Passing(in)
			if len(rows) == 0 {
				return nil
			}
			p := v.pass(e.mem, rec, in, rows)
			if len(branches) > 1 {
				parts = append(parts, p)
				return nil
			}
			defer p.Record.Release()
			return e.extend(ctx, v.out, p)
		})
		if err != nil {
			return err
		}
		if len(watermarks) > 0 { // the rows of other sources that come next are not before it
			v.mark = max(v.mark, watermarks[len(watermarks)-1])
		}
	}
	if len(parts) == 0 {
		return nil
	}
	all := hot.Interleave(e.mem, branches[0].out.schema, parts)
	defer all.Record.Release()
	return e.extend(ctx, branches[0].out, all)
}

// extend appends rows to the stream of a view without aggregation, and gives them to the views
// over it.
func (e *Engine) extend(ctx context.Context, out *liveSource, p hot.Part) error {
	if out.builder == nil { // else the budget is the streams' that go on meanwhile
		e.budget.Force(p.Bytes)
	}
	p.Record.Retain()
	if err := out.rowTable.Add(p.Record, p.Bytes); err != nil {
		return err
	}
	if out.builder != nil {
		return out.builder.stageRows(ctx)
	}
	return e.spread(ctx, out, p.Record, p.Marks)
}

// pass builds the rows that pass. rec is what they come from.
func (v *liveView) pass(mem *batch.Allocator, rec arrow.RecordBatch, in *view.Input, rows []int32) hot.Part {
	p := hot.Part{From: make([]int, len(rows))}
	p.Record, p.Bytes = v.selectRows(mem, rec, in, rows)
	for i, row := range rows {
		p.From[i] = v.Enrich.Origin(row)
		if in.Watermarks != nil {
			p.Marks = append(p.Marks, v.others(in.Watermarks[row]))
		}
	}
	return p
}

// others returns the least of a mark of this branch and those of the others
// of a UNION ALL. Branches over the same source are as far as this one: that
// must not depend on where batches are cut.
func (v *liveView) others(mark int64) int64 {
	for _, b := range v.branches {
		if b.source != v.source {
			mark = min(mark, b.mark)
		}
	}
	return mark
}

// selectRows builds the rows of a view without aggregation, with the metadata
// that places them in its stream.
func (v *liveView) selectRows(mem *batch.Allocator, rec arrow.RecordBatch, in *view.Input, rows []int32) (arrow.RecordBatch, int64) {
	b := batch.NewBuilder(mem, v.out.schema)
	for i, expr := range v.def.Plan.Select {
		for _, row := range rows {
			b.Column(i).AppendFrom(&in.Exprs[expr], int(row))
		}
	}
	meta := len(v.def.Plan.Select)
	schema := v.source.schema
	var timestamps, keys batch.Vector
	windows := schema.Index(batch.TimestampColumn) < 0 // that have closed
	if !windows {
		column := func(name string) batch.Vector {
			i := schema.Index(name)
			return batch.VectorOf(rec.Column(i), schema.Columns[i].Type)
		}
		timestamps, keys = column(batch.TimestampColumn), column(batch.KeyColumn)
	}
	part := v.out.parts[0]
	for _, row := range rows {
		b.Column(meta).AppendInt32(0)
		b.Column(meta + 1).AppendInt64(part.Next)
		part.Next++
		if windows {
			b.Column(meta + 2).AppendNull()
			b.Column(meta + 3).AppendNull()
			continue
		}
		from := v.Enrich.Origin(row)
		b.Column(meta+2).AppendFrom(&timestamps, from)
		b.Column(meta+3).AppendFrom(&keys, from)
	}
	part.Rows += int64(len(rows))
	part.End = part.Next
	bytes := b.Bytes()
	return b.Finish(), bytes
}

// closeWindows closes what the watermarks have reached, and gives the windows
// that have closed to the views over them.
func (e *Engine) closeWindows(ctx context.Context) error {
	for _, s := range e.sources {
		if mark := s.tracker.Current(); mark != watermark.None {
			if err := e.closeOver(ctx, s, mark); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeOver closes the windows of the views over a stream.
func (e *Engine) closeOver(ctx context.Context, s *liveSource, mark int64) error {
	for _, v := range s.views {
		if v.paused != nil {
			continue
		}
		if err := e.closeWindowsOf(ctx, v, mark); err != nil {
			return err
		}
	}
	return nil
}

// closeWindowsOf closes the windows of one view, and of the views over it.
func (e *Engine) closeWindowsOf(ctx context.Context, v *liveView, mark int64) error {
	v.state.CloseWindows(mark)
	if v.out == nil {
		return nil
	}
	if err := e.feed(ctx, v); err != nil {
		return err
	}
	v.mark = mark
	if v.out.mark = v.streamMark(); v.out.mark == watermark.None {
		return nil
	}
	return e.closeOver(ctx, v.out, v.out.mark)
}

// streamMark returns the watermark of the view's stream.
func (v *liveView) streamMark() int64 {
	if v.def.Plan.AppendOnly() {
		return v.others(v.mark)
	}
	return v.state.StreamMark()
}

// feed gives the windows of a view that have closed since the last time to the
// views over it.
func (e *Engine) feed(ctx context.Context, v *liveView) error {
	if v.def.Plan.Window == nil {
		return nil
	}
	closed := v.state.TakeClosed()
	if closed == nil || len(v.out.views) == 0 {
		return nil
	}
	defer closed.Release()
	if v.results == nil {
		v.results = duck.NewLasting(e.store.DB(), nil)
	}
	records, err := e.closedRecords(ctx, v, closed)
	for _, rec := range records {
		if err == nil {
			marks := make([]int64, rec.NumRows())
			for i := range marks {
				marks[i] = v.out.mark
			}
			err = e.spread(ctx, v.out, rec, marks)
		}
		rec.Release()
	}
	return err
}

// closedRecords computes the rows of closed windows, all of them before any goes
// on: the instance may be lost meanwhile.
func (e *Engine) closedRecords(ctx context.Context, v *liveView, closed *view.Relation) (records []arrow.RecordBatch, err error) {
	from, sql := v.def.OfClosed(closed)
	if i := v.out.eventTime; i >= 0 { // view.TTL.InOrder
		sql = "SELECT * FROM (" + sql + ") ORDER BY " + history.Quote(v.out.schema.Columns[i].Name)
	}
	err = v.results.Do(ctx, func(c *duck.Conn) error {
		for _, rec := range records {
			rec.Release()
		}
		records = nil
		c.SetRelations(duck.Named(from))
		defer c.SetRelations(nil)
		result, err := c.Query(ctx, sql)
		if err != nil {
			return fmt.Errorf("view %s: %w", v.def.Plan.Name, err)
		}
		defer result.Close()
		return result.Records(v.out.schema, e.mem, epochRows, func(rec arrow.RecordBatch) error {
			rec.Retain()
			records = append(records, rec)
			return nil
		})
	})
	return records, err
}
