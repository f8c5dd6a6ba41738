package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/dimension"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/epoch"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/partition"
	"github.com/millstream-db/millstream/engine/pause"
	"github.com/millstream-db/millstream/engine/receipt"
	"github.com/millstream-db/millstream/engine/source"
	"github.com/millstream-db/millstream/engine/stat"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/watermark"
)

// liveSource is a source at work. It belongs to the writer, but for its reader.
type liveSource struct {
	def      *catalog.SourceDefinition
	created  time.Time
	schema   *batch.Schema // of the hot rows: own columns and metadata; of a keyed source, changes
	decoded  *batch.Schema // of a reader's batches: without generated columns
	included int           // the first of those columns that is another part of the record
	moved    bool          // the columns of rows come in another order
	late     *batch.Schema

	eventTime int // column of schema, -1 none
	tracker   *watermark.Tracker
	generated *view.Stage
	exprs     []view.Expr // the generated columns

	rowTable, lateTable, rejectedTable *hot.Table

	parts    map[int32]*partition.State
	order    []int32 // the partitions, as they came
	rewinds  int     // how often offsets began to come a second time
	views    []*liveView
	reader   source.Reader
	cancel   context.CancelFunc // of the sink
	closed   sync.Once          // of the reader
	closeErr error
	receipts *receipt.Book // of requests that brought rows
	failed   error         // a broken promise of the reader; nothing more is taken
	errors   int64         // rows whose generated column failed

	changes int64                       // of a keyed source, since it was opened
	copies  map[string]*dimension.Keyed // for the views that join a keyed source, by ShareKey

	watermarks []int64 // scratch

	derived bool      // the stream of a view: it has no tracker, reader or rejected records
	mark    int64     // then: its watermark
	builder *backfill // then: not nil while the view is built
}

// liveView is a view at work.
type liveView struct {
	def     *catalog.ViewDefinition
	created time.Time
	source  *liveSource
	*dimension.Input
	state   *view.View
	vectors []batch.Vector // scratch
	out     *liveSource    // what views over it read, nil if its rows change
	mark    int64          // the watermark that has closed its windows
	paused  *pause.Pause   // nil: it gets what its source gets
	results *duck.Lasting  // computes stage three of closed windows for views over it
	// branches are those of a UNION ALL, the view itself first; nil if there is one.
	branches []*liveView
	late     int64 // records that came too late for it
	errors   int64 // batches in which some expression failed
	work     stat.Work
}

func (e *Engine) newSource(def *catalog.SourceDefinition, created time.Time) (*liveSource, error) {
	s := &liveSource{
		def: def, created: created, schema: def.RowSchema(), decoded: def.DeliveredSchema(), late: def.LateSchema(),
		parts: make(map[int32]*partition.State), receipts: new(receipt.Book),
	}
	s.eventTime = -1
	if def.EventTime != "" {
		s.eventTime = s.schema.Index(def.EventTime)
	}
	s.tracker = watermark.New(def.WatermarkOptions())
	included := false
	for _, c := range def.Columns {
		switch {
		case c.Generated != "":
			s.exprs = append(s.exprs, view.Expr{SQL: c.Generated, Type: c.Type, Column: -1})
		case c.Part != "":
			included = true
		default:
			s.included++
			s.moved = s.moved || included
		}
	}
	var err error
	if s.generated, err = view.NewStage(e.store.DB(), e.mem, s.decoded, s.exprs); err != nil {
		return nil, err
	}
	s.makeTables(e.mem, e.reclaim)
	return s, nil
}

func (s *liveSource) makeTables(mem *batch.Allocator, reclaim *epoch.Reclaimer) {
	s.rowTable = hot.NewTable(s.schema, s.eventTime, mem, reclaim)
	s.lateTable = hot.NewTable(s.late, -1, mem, reclaim)
	s.rejectedTable = hot.NewTable(catalog.RejectedSchema(), -1, mem, reclaim)
}

// tables returns the source's hot tables; the stream of closed windows has none.
func (s *liveSource) tables() hot.Tables {
	if s == nil || s.rowTable == nil {
		return nil
	}
	return hot.Tables{s.rowTable, s.lateTable, s.rejectedTable}
}

// partition returns the state of a partition, made when it is new.
func (s *liveSource) partition(id int32, first int64) *partition.State {
	p := s.parts[id]
	if p == nil {
		p = partition.New(id, first)
		s.parts[id] = p
		s.order = append(s.order, id)
	}
	return p
}

// accept checks a batch's ranges against the offsets that are expected next,
// and moves them on. A reader that breaks its promise is a bug: nothing of the
// batch is taken, so nothing is lost or doubled.
func (s *liveSource) accept(b *batch.Batch) error {
	if err := b.Validate(); err != nil {
		return err
	}
	for i := range b.Ranges {
		r := &b.Ranges[i]
		if err := s.partition(r.Partition, r.First).Follows(r); err != nil {
			return err
		}
	}
	for i := range b.Ranges {
		r := &b.Ranges[i]
		p := s.parts[r.Partition]
		if p.Rewinds(r) {
			s.rewound(r.Partition)
		}
		p.Take(r)
	}
	for _, x := range b.Rejected {
		s.partition(x.Partition, x.Offset).Rejected++
	}
	return nil
}

// rewound is told that offsets of a partition come a second time, of another log:
// from then on they don't tell what came before and what after.
func (s *liveSource) rewound(id int32) {
	s.rewinds++
	for _, v := range s.views {
		if v.paused != nil {
			v.paused.Rewind(id)
		}
	}
}

// complete returns the batch's rows with the generated columns in their
// places. The caller owns the record.
func (s *liveSource) complete(ctx context.Context, mem *batch.Allocator, rec arrow.RecordBatch) (arrow.RecordBatch, error) {
	if len(s.exprs) == 0 && !s.def.Keyed() && !s.moved {
		rec.Retain()
		return rec, nil
	}
	failed, err := s.generated.Run(ctx, rec, make([]batch.Vector, len(s.exprs)))
	if err != nil {
		return nil, fmt.Errorf("generated columns of %s: %w", s.def.Name, err)
	}
	if failed {
		s.errors++
	}
	columns := make([]arrow.Array, 0, len(s.schema.Columns))
	decoded, generated, included := 0, 0, s.included
	for _, c := range s.def.Columns {
		switch {
		case c.Generated != "":
			columns = append(columns, s.generated.Column(generated))
			generated++
		case c.Part != "":
			columns = append(columns, rec.Column(included))
			included++
		default:
			columns = append(columns, rec.Column(decoded))
			decoded++
		}
	}
	for ; included < int(rec.NumCols()); included++ {
		columns = append(columns, rec.Column(included))
	}
	if s.def.Keyed() {
		numbers := s.numberChanges(mem, rec.NumRows())
		defer numbers.Release()
		columns = append(columns, numbers.Column(0))
	}
	return array.NewRecordBatch(s.schema.Arrow(), columns, rec.NumRows()), nil
}

// observe moves the watermark over a batch's rows and returns, for each row,
// the watermark in force before it.
func (s *liveSource) observe(b *batch.Batch, rec arrow.RecordBatch) []int64 {
	n := int(rec.NumRows())
	if cap(s.watermarks) < n {
		s.watermarks = make([]int64, 2*n)
	}
	out := s.watermarks[:n]
	if s.eventTime < 0 {
		for i := range out {
			out[i] = watermark.None
		}
		return out
	}
	times := batch.VectorOf(rec.Column(s.eventTime), s.schema.Columns[s.eventTime].Type)
	s.tracker.Observe(b.Ranges, &times, b.Arrival, out)
	return out
}

// apply runs a view over rows and returns those that came too late for it.
func (v *liveView) apply(ctx context.Context, rec arrow.RecordBatch, watermarks []int64) (late []view.Late, err error) {
	err = v.compute(ctx, rec, watermarks, func(in *view.Input) error {
		late = append(late, v.Enrich.Late(v.state.Apply(in))...)
		return nil
	})
	v.late += int64(len(late))
	return late, err
}

// compute joins rows with tables and runs stage one over them. It hands what comes of that
// to use, in one or several parts, each valid until use returns.
func (v *liveView) compute(ctx context.Context, rec arrow.RecordBatch, watermarks []int64, use func(*view.Input) error) error {
	rec = v.Pick(rec)
	defer rec.Release()
	v.work.Rows += rec.NumRows()
	if v.Enrich == nil {
		return v.stageOne(ctx, rec, watermarks, use)
	}
	start, later := time.Now(), time.Duration(0)
	failed, err := v.Enrich.Run(ctx, rec, watermarks, func(wide arrow.RecordBatch, marks []int64) error {
		defer func(joined time.Time) { later += time.Since(joined) }(time.Now())
		if watermarks == nil { // a backfill: there may be many parts
			if err := duck.Crowded(); err != nil {
				return err
			}
		}
		return v.stageOne(ctx, wide, marks, use)
	})
	v.work.Join += time.Since(start) - later
	if failed {
		v.errors++
	}
	return err
}

// stageOne computes the expressions of joined rows.
func (v *liveView) stageOne(ctx context.Context, rec arrow.RecordBatch, watermarks []int64, use func(*view.Input) error) error {
	plan, schema := &v.def.Plan, v.Schema
	if v.vectors == nil {
		v.vectors = make([]batch.Vector, len(plan.Exprs))
	}
	start := time.Now()
	v.work.Joined += rec.NumRows()
	for i := range plan.Exprs {
		if c := plan.Exprs[i].Column; c >= 0 {
			v.vectors[i] = batch.VectorOf(rec.Column(c), schema.Columns[c].Type)
		}
	}
	failed, err := v.Stage.Run(ctx, rec, v.vectors)
	if err != nil {
		return fmt.Errorf("view %s: %w", plan.Name, err)
	}
	if failed {
		v.errors++
	}
	computed := time.Now()
	v.work.Compute += computed.Sub(start)
	columns := make(map[int]*batch.Vector)
	defer func() { v.work.Fold += time.Since(computed) }()
	return use(&view.Input{
		Rows: int(rec.NumRows()), Exprs: v.vectors, Watermarks: watermarks,
		Source: func(c int) *batch.Vector {
			if columns[c] == nil {
				vec := batch.VectorOf(rec.Column(c), schema.Columns[c].Type)
				columns[c] = &vec
			}
			return columns[c]
		},
	})
}

// keepLate lists rows in <source>$late.
func (s *liveSource) keepLate(e *Engine, view string, rec arrow.RecordBatch, late []view.Late) error {
	partitions := batch.VectorOf(rec.Column(s.schema.Index(batch.PartitionColumn)), batch.Type{Kind: batch.Integer})
	for _, l := range late {
		s.partition(int32(partitions.Integer(int(l.Row))), 0).Late++
	}
	return e.keep(s.lateTable, catalog.LateRows(e.mem, s.late, s.schema, rec, view, late))
}

// keep adds rows that must be taken, room or not.
func (e *Engine) keep(t *hot.Table, rows *batch.Builder) error {
	charge := rows.Bytes()
	e.budget.Force(charge)
	return t.Add(rows.Finish(), charge)
}

// sink is what a source's reader delivers to.
type sink struct {
	e    *Engine
	name string
	ctx  context.Context //nolint:containedctx // the sink's own lifetime, ended by the engine
}

// Append queues a batch for the writer.
func (k *sink) Append(ctx context.Context, b *batch.Batch) error {
	if err := k.e.budget.Acquire(ctx, b.Bytes); err != nil {
		b.Release()
		return err
	}
	select {
	case k.e.input <- delivery{source: k.name, batch: b}:
		return nil
	case <-k.ctx.Done():
	case <-ctx.Done():
	}
	k.e.budget.Release(b.Bytes)
	b.Release()
	return errors.Join(ErrClosed, ctx.Err())
}

// open starts a source's reader.
func (e *Engine) openReader(s *liveSource) error {
	connector, err := e.connector(s.def.Connector)
	if err != nil || connector == nil || s.def.Paused {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	start := make([]source.Position, 0, len(s.order))
	for _, id := range s.order {
		start = append(start, s.parts[id].Position())
	}
	s.reader, err = connector.Open(e.spec(s.def), start, &sink{e: e, name: s.def.Name, ctx: ctx})
	if err != nil {
		cancel()
		return fmt.Errorf("open source %s: %w", s.def.Name, err)
	}
	s.cancel = cancel
	e.readers.Store(s.def.Name, s.reader)
	return nil
}

func (e *Engine) connector(name string) (source.Connector, error) {
	if name == "" {
		return nil, nil
	}
	c, ok := e.opts.Connectors[name]
	if !ok {
		return nil, fmt.Errorf("connector %q is not known", name)
	}
	return c, nil
}

func (e *Engine) spec(def *catalog.SourceDefinition) source.Spec {
	return source.Spec{
		Name: def.Name, Options: def.Options, Format: def.Format, Encode: def.Encode, EncodeOptions: def.EncodeOptions, KeyEncode: def.KeyEncode,
		Schema: def.Decoded(), Paths: def.Paths(), Included: def.Included(), Key: def.DecodedKey(),
		Alloc: e.mem, Logger: e.opts.Logger, Parquet: e.Parquet(),
	}
}

// closeReader stops a source's reader. The writer must go on taking batches
// meanwhile, or be the caller.
func (s *liveSource) closeReader() error {
	if s.reader == nil {
		return nil
	}
	s.closed.Do(func() {
		s.cancel()
		s.closeErr = s.reader.Close()
	})
	return s.closeErr
}
