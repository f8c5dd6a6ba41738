package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/epoch"
	"github.com/millstream-db/millstream/engine/history"
	"github.com/millstream-db/millstream/engine/hot"
	"github.com/millstream-db/millstream/engine/job"
	"github.com/millstream-db/millstream/engine/pause"
	"github.com/millstream-db/millstream/engine/view"
)

// A view is handed to the writer when no more than handOverRows have come since
// the last round, or when rounds no longer help: a round helps when it leaves
// less than shrinkingShare of the one before.
const (
	defaultHandOverRows = 20_000
	catchUpRounds       = 8
	shrinkingShare      = 0.75
)

// backfillRows is the rows of history that are folded at once.
const backfillRows = 65536

// backfill builds a view's state beside the writer. The job's goroutine owns it,
// but for cut and adopt, which the writer runs between two epochs while the
// job waits.
type backfill struct {
	e       *Engine
	job     *job.Job
	def     *catalog.ViewDefinition
	replace bool
	source  *catalog.SourceDefinition
	v       *liveView
	branch  *liveView        // of it, whose rows are being folded
	missed  *pause.Pause     // not nil: these are the rows that a view has missed
	reclaim *epoch.Reclaimer // of the state, until the writer takes it over

	folded uint64          // the state has the rows of the epochs up to this one
	next   map[int32]int64 // the offsets that follow them
	rows   int64           // the rows that the source had had by then
	// How often the source's offsets had begun to come a second time by then.
	rewinds int

	adopting bool   // on the writer's goroutine
	staged   string // the table that has rows in history already, "" if there are none
}

// piece is the rows between two cuts: what a checkpoint has moved into history
// since the first, and what is hot.
type piece struct {
	read  *Read
	after uint64
	next  map[int32]int64
	rows  int64 // about how many
}

// CreateView makes a view over everything that its source has: history, hot
// rows, and what comes. It returns when the view is complete and durable;
// ingest and reads go on meanwhile.
func (e *Engine) CreateView(ctx context.Context, def *catalog.ViewDefinition) error {
	j, err := e.StartView(ctx, def, false)
	if err != nil {
		return err
	}
	return j.Wait(ctx)
}

// StartView begins to build a view and returns the job that does it. With
// replace, a view of that name goes on answering until the new one takes its
// place. The job does not end with the context.
func (e *Engine) StartView(ctx context.Context, def *catalog.ViewDefinition, replace bool) (*job.Job, error) {
	own := *def
	def = &own
	b := &backfill{
		e: e, def: def, replace: replace, reclaim: epoch.NewReclaimer(e.mem, 0),
		job: &job.Job{Statement: def.SQL, View: def.Plan.Name, Source: def.Plan.Source, Started: time.Now()},
	}
	for _, plan := range append([]view.Definition{def.Plan}, def.Plan.Union...) {
		for i := range plan.Joins {
			b.job.Tables = append(b.job.Tables, plan.Joins[i].Table)
		}
	}
	var jobCtx context.Context
	err := e.do(ctx, func() (err error) {
		if err := b.claim(); err != nil {
			return err
		}
		if s := e.sources[def.Plan.Source]; s != nil {
			b.source, def.SourceColumns = s.def, len(s.def.Columns)
		}
		if b.v, err = e.newView(def, e.opts.Now(), b.reclaim); err != nil {
			return err
		}
		b.branch = b.v
		if def.Plan.AppendOnly() {
			b.v.out.builder = b
		}
		if jobCtx, err = e.jobs.Add(b.job); err != nil {
			b.discard()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	go b.run(jobCtx)
	return b.job, nil
}

// claim checks that the view may have its name.
func (b *backfill) claim() error {
	name := b.def.Plan.Name
	if b.replace && b.e.views[name] != nil {
		if j := b.e.jobs.Of(name); j != nil {
			return fmt.Errorf("materialized view %q %w: job %d replaces it", name, ErrInUse, j.ID)
		}
		if d := b.e.views[name].dependents(); len(d) > 0 {
			return dependents("replace", catalog.KindView, name, d)
		}
		return b.e.failed
	}
	return b.e.free(name)
}

func (b *backfill) run(ctx context.Context) {
	p, err := b.first(ctx)
	if b.e.pause != nil {
		b.e.pause(ctx)
	}
	if err == nil {
		err = b.build(ctx, p)
	}
	state := job.Done
	switch {
	case err == nil:
	case ctx.Err() != nil:
		state, err = job.Canceled, context.Cause(ctx)
	default:
		state = job.Failed
		b.e.opts.Logger.Warn("a view could not be built", "view", b.def.Plan.Name, "job", b.job.ID, "err", err)
	}
	b.discard()
	b.unstageRows(state)
	b.e.jobs.End(b.job, state, err)
}

// first cuts for the first time, if it is worth while to fold rows beside the writer.
func (b *backfill) first(ctx context.Context) (p *piece, err error) {
	cut := func() (err error) {
		if b.beside() {
			p, err = b.cut(ctx)
		}
		return err
	}
	long := false
	err = b.e.do(ctx, func() error {
		if long = b.beside() && b.def.Plan.AppendOnly() && b.v.source.rowCount() > longRows; long {
			return nil
		}
		return cut()
	})
	if err == nil && long {
		if err = b.stage(ctx); err == nil {
			err = b.e.do(ctx, cut)
		}
	}
	return p, err
}

// build folds the source's rows piece by piece, until the rest is small enough
// for the writer.
func (b *backfill) build(ctx context.Context, p *piece) error {
	for round := 1; ; round++ {
		size := int64(0)
		if p != nil {
			size = p.rows
			if err := b.fold(ctx, p); err != nil {
				return fmt.Errorf("backfill: %w", err)
			}
			b.job.Enter(job.CatchingUp)
		}
		var next *piece
		committed := make(chan error, 1)
		err := b.e.doQuiet(ctx, func() (err error) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if p != nil && b.another(round, size) {
				next, err = b.cut(ctx)
				return err
			}
			return b.adopt(ctx, committed)
		})
		if err != nil {
			return err
		}
		if next == nil {
			return <-committed
		}
		p = next
	}
}

// beside reports whether it is worth while to fold rows beside the writer: not
// if there is nothing but hot rows, or the few that closed windows have, and
// not yet for several sources.
func (b *backfill) beside() bool {
	s := b.v.source
	return !s.def.NoHistory && s.rowTable != nil && len(b.v.branches) == 0
}

// foldRest folds what is left, in the writer.
func (b *backfill) foldRest(ctx context.Context) error {
	for i, branch := range b.v.all() {
		if i > 0 { // every branch begins at the beginning
			b.folded, b.rows, b.next = 0, 0, nil
		}
		b.branch = branch
		if branch.source.rowTable == nil {
			if err := b.foldClosed(ctx); err != nil {
				return err
			}
			continue
		}
		p, err := b.cut(ctx)
		if err == nil {
			err = b.fold(ctx, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// foldClosed folds the windows of a view that have closed.
func (b *backfill) foldClosed(ctx context.Context) error {
	s := b.branch.source
	r, err := b.read(ctx)
	if err != nil {
		return err
	}
	r.conn.SetRelations(r)
	defer r.Close()
	of := b.e.views[s.def.Name]
	names := history.Columns(s.schema.Columns)
	rows, err := r.conn.Query(ctx, "SELECT "+names+" FROM history.main."+history.Quote(s.def.Name)+" UNION ALL ("+
		of.def.ResultSQL(closedPrefix+s.def.Name, func(i int) string { return fmt.Sprint(closedBagPrefix, i, "/", s.def.Name) })+")")
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer rows.Close()
	return rows.Records(s.schema, b.e.mem, backfillRows, func(rec arrow.RecordBatch) error { return b.apply(ctx, rec) })
}

// another decides whether what has come since the last cut is worth a round
// beside the writer.
func (b *backfill) another(round int, last int64) bool {
	rest := b.v.source.rowCount() - b.rows
	return rest > b.e.handOverRows && round < catchUpRounds && (round == 1 || float64(rest) < shrinkingShare*float64(last))
}

// cut takes what has come since the last cut. The writer runs it, between two
// epochs: a checkpoint that commits meanwhile is not newer than the snapshot.
func (b *backfill) cut(ctx context.Context) (*piece, error) {
	s := b.branch.source
	if b.next != nil && b.rewinds != s.rewinds {
		return nil, fmt.Errorf("source %q %w: its offsets started over meanwhile; create the view again", s.def.Name, ErrChanged)
	}
	b.rewinds = s.rewinds
	s.rowTable.Seal() // so that no segment reaches over the cut
	r, err := b.read(ctx)
	if err != nil {
		return nil, err
	}
	had := b.rows
	p := &piece{read: r, after: b.folded, next: b.next}
	b.folded, b.rows, b.next = r.snapshot.Epoch, s.rowCount(), make(map[int32]int64, len(s.order))
	for id, q := range s.parts {
		b.next[id] = q.Next
		if _, known := p.next[id]; p.next != nil && !known {
			p.next[id] = 0 // it has come since
		}
	}
	if p.rows = b.rows - had; p.next != nil {
		b.job.Total.Add(p.rows)
	}
	return p, nil
}

// read opens a read at the current epoch, in the writer, where no checkpoint
// commits between its two halves.
func (b *backfill) read(ctx context.Context) (*Read, error) {
	conn, err := b.e.conn()
	if err != nil {
		return nil, err
	}
	conn.Guard(false) // views are built whatever users need
	r := &Read{e: b.e, conn: conn}
	if err := r.begin(ctx); err != nil {
		r.discard()
		return nil, err
	}
	r.snapshot = b.e.pinned()
	return r, nil
}

// rowCount returns how many rows the source has taken since it was made.
func (s *liveSource) rowCount() (n int64) {
	for _, p := range s.parts {
		n += p.Rows
	}
	return n
}

// fold applies a piece to the view. No row is late for a view that is being
// built.
func (b *backfill) fold(ctx context.Context, p *piece) error {
	defer p.read.Close()
	r, s := p.read, b.branch.source
	schema, def := s.schema, s.def
	if b.branch == b.v && b.source != nil { // as it was when the job began
		schema, def = b.v.Rows, b.source
	}
	moved := !def.NoHistory && r.checkpoint > p.after
	recent := hot.After(schema, r.snapshot.stream(def.Name).rows, max(p.after, r.checkpoint), nil)
	table := "history.main." + history.Quote(def.Name) + history.Since(p.next)
	if p.next == nil {
		known := int64(recent.Rows())
		if moved {
			n, err := history.Count(ctx, r.conn.Conn, table)
			if err != nil {
				return err
			}
			known += n
		}
		b.job.Total.Add(known)
	}
	fromMemory := func() error {
		for _, rec := range recent.Records() {
			if err := b.apply(ctx, rec); err != nil {
				return err
			}
		}
		return nil
	}
	fromHistory := func(order func(table string) string) error {
		if !moved {
			return nil
		}
		rows, err := r.conn.Query(ctx, "SELECT "+history.Columns(schema.Columns)+" FROM "+order(table))
		if err != nil {
			return fmt.Errorf("history: %w", err)
		}
		defer rows.Close()
		return rows.Records(schema, b.e.mem, backfillRows, func(rec arrow.RecordBatch) error { return b.apply(ctx, rec) })
	}
	if b.byArrival() {
		if err := fromHistory(history.ByArrival); err != nil {
			return err
		}
		return fromMemory()
	}
	if err := fromMemory(); err != nil {
		return err
	}
	r.unpin() // history may take long, and needs no memory of this epoch
	return fromHistory(func(table string) string { return table })
}

// byArrival reports whether the view asks which row of a group came first.
func (b *backfill) byArrival() bool {
	return slices.ContainsFunc(b.def.Plan.Aggregates, func(a view.Aggregate) bool {
		return (a.Func == aggregate.First || a.Func == aggregate.Last) && len(a.Args) == 1
	})
}

func (b *backfill) apply(ctx context.Context, rec arrow.RecordBatch) error {
	err := cmp.Or(context.Cause(ctx), duck.Crowded()) // nothing pauses a view before it is there
	switch {
	case b.missed != nil:
		return b.branch.applyMissed(ctx, b.e, rec, b.missed.Mark)
	case err != nil:
	case b.branch.def.Plan.AppendOnly():
		err = b.e.emit(ctx, []*liveView{b.branch}, rec, nil)
	default:
		_, err = b.branch.apply(ctx, rec, nil)
	}
	if err != nil {
		return err
	}
	b.reclaim.Sweep()
	b.job.Rows.Add(rec.NumRows())
	return nil
}

// adopt folds the last rows, gives the view to the writer and starts the
// checkpoint that makes it durable; committed is told how that ended. Until then
// nobody sees the view. The writer runs it, between two epochs, while no
// checkpoint is under way.
func (b *backfill) adopt(ctx context.Context, committed chan<- error) error {
	e, v := b.e, b.v
	if e.failed != nil {
		return e.failed
	}
	for _, branch := range v.all() {
		if e.stream(branch.source.def.Name) != branch.source {
			return fmt.Errorf("source %q %w", branch.source.def.Name, ErrNotFound)
		}
	}
	b.adopting = true
	if err := b.foldRest(ctx); err != nil {
		return fmt.Errorf("backfill: %w", err)
	}
	for _, branch := range v.all() {
		if err := e.refresh(ctx, branch); err != nil {
			return fmt.Errorf("backfill: %w", err)
		}
	}
	b.job.Enter(job.Finishing)
	b.reclaim.Join(e.reclaim)
	b.v = nil
	for _, b := range v.all() {
		b.state.CloseWindows(b.source.current())
		b.state.TakeClosed() // nobody reads them yet
		b.mark = b.source.current()
	}
	if v.out != nil {
		v.out.mark, v.out.builder = v.streamMark(), nil
		v.out.tables().Renew()
		e.budget.Force(v.out.tables().Charge())
	}
	v.attach()
	e.publish()

	name := v.def.Plan.Name
	old := e.views[name]
	var drop []string
	var dropTables []string
	if old != nil {
		drop = []string{name}
		dropTables = history.Names(old.def.HistoryTables())
		v.def.Access = old.def.Access // whoever may read the view may go on
	}
	object := checkpoint.Object{Name: name, Kind: catalog.KindView, SQL: v.def.SQL, Definition: catalog.Encode(v.def), Created: v.created}
	pending := e.planCheckpoint([]checkpoint.Object{object}, drop)
	pending.write.DropTables = dropTables
	if old != nil {
		pending.write.Catalog++
	}
	e.planView(pending, v, v.state.Snapshot(), true)
	pending.after = func(err error) error { return e.adopted(v, old, err) }
	pending.done = committed
	e.commitBeside(pending)
	return nil
}

// adopted shows a view whose checkpoint has committed, or takes it away again.
func (e *Engine) adopted(v, old *liveView, err error) error {
	if err != nil {
		e.closeView(v)
		return err
	}
	if old != nil {
		e.closeView(old)
	}
	e.views[v.def.Plan.Name] = v
	return e.showCatalog(context.Background(), func(ctx context.Context) error { return e.showView(ctx, v) })
}

// closeView gives a view up that nobody can name any more.
func (e *Engine) closeView(v *liveView) {
	v.detach()
	e.budget.Release(v.close())
}

// discard gives up a state that was not handed over.
func (b *backfill) discard() {
	if b.v == nil {
		return
	}
	b.v.close()
	b.reclaim.Sweep()
	b.v = nil
}
