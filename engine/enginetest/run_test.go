package enginetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/enginetest"
	"github.com/millstream-db/millstream/query"
	"github.com/millstream-db/millstream/query/plan"
)

// run is one seed: a database under test beside its judge.
type run struct {
	rand   *rand.Rand
	moves  *rand.Rand // for checkpoints while a view is made, so that it changes nothing else of the run
	breaks *rand.Rand // when the file is opened again
	judge  *enginetest.Judge
	plain  *plainDuckDB
	source *enginetest.Source
	stream *enginetest.Stream
	cursor enginetest.Cursor
	views  []*enginetest.LiveView
	tables []*enginetest.Table

	root  string
	dirs  int
	dir   string
	db    *query.DB
	clock atomic.Int64 // microseconds

	durable   int                   // batches that a crash must not take
	settled   int64                 // the tick up to which it must not take anything
	upserts   map[string][]upserted // by keyed table
	truncates *rand.Rand            // of its own, so that everything else is drawn as without it
	finished  atomic.Int64          // checkpoints
	awaited   int64                 // of them, before the directory is quiet
	between   func() error          // runs when the next checkpoint has committed, before the writer knows
	found     error                 // by between

	pin     *query.Session // a transaction over one epoch
	pinAt   int
	pinTick int64
	pinOf   []*enginetest.LiveView

	followed following

	trace   []string
	records int
	reads   int
}

// checkpointEvery is on the fake clock.
const checkpointEvery = 10 * time.Second

func newRun(ctx context.Context, plain *plainDuckDB, root string, seed uint64) (*run, error) {
	r := enginetest.NewRand(seed)
	u := &run{rand: r, plain: plain, root: root, source: enginetest.NewSource(r)}
	u.stream = enginetest.NewStream(r, u.source)
	u.cursor = make(enginetest.Cursor, u.source.Partitions)
	u.followed.rand = enginetest.NewRand(seed + 1<<32)
	u.moves = enginetest.NewRand(seed + 1<<33)
	u.truncates = enginetest.NewRand(seed + 1<<34)
	u.breaks = enginetest.NewRand(seed + 1<<35)
	u.clock.Store(enginetest.ClockStart.UnixMicro())
	var err error
	if u.judge, err = enginetest.NewJudge(ctx, plain, u.source); err != nil {
		return nil, err
	}
	u.dir = u.newDir()
	if err := u.open(ctx); err != nil {
		return nil, err
	}
	u.note("%s", u.source.CreateSQL())
	if err := u.db.Exec(ctx, u.source.CreateSQL()); err != nil {
		return u, err
	}
	return u, u.createTables(ctx)
}

func (u *run) note(format string, args ...any) {
	u.trace = append(u.trace, fmt.Sprintf(format, args...))
}

func (u *run) newDir() string {
	u.dirs++
	return filepath.Join(u.root, fmt.Sprint("db", u.dirs))
}

func (u *run) open(ctx context.Context) (err error) {
	u.db, err = query.Open(ctx, u.dir, query.Options{NoCatalog: true, Engine: engine.Options{
		CheckpointInterval: checkpointEvery, Tick: time.Hour, DuckDB: duck.Options{Threads: 1, MemoryLimit: "1GiB"},
		Now:          func() time.Time { return time.UnixMicro(u.clock.Load()) },
		OnCheckpoint: u.onCheckpoint,
	}})
	return err
}

// all runs the whole seed.
func (u *run) all(ctx context.Context) error {
	r := u.rand
	steps := 10 + r.IntN(40)
	limit := pick(r, 50, 300, 1000, 5000)
	var err error
	for i := 0; i < steps && err == nil; i++ {
		if err = u.step(ctx, limit, i == 0); err == nil && (u.followed.rand.IntN(2) == 0 || u.source.Focus == enginetest.Bags) {
			err = u.follow(ctx)
		}
		if err == nil && u.breaks.IntN(12) == 0 {
			err = u.reopen(ctx)
		}
	}
	if err == nil {
		err = u.compare(ctx)
	}
	if err == nil && r.IntN(2) == 0 {
		if err = u.restart(ctx); err == nil {
			err = u.compare(ctx)
		}
	}
	return err
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// often is true half of the time, and almost always when the seed is about it.
func (u *run) often(f enginetest.Focus) bool {
	if u.source.Focus == f {
		return u.rand.IntN(8) > 0
	}
	return u.rand.IntN(2) == 0
}

// maxRecords bounds a seed's time.
const maxRecords = 8000

// step does one thing that may happen to a database.
func (u *run) step(ctx context.Context, limit int, first bool) error {
	r := u.rand
	n := r.IntN(100)
	switch {
	case first && r.IntN(2) == 0, n < 12 && len(u.live()) < 8:
		return u.createView(ctx, limit)
	case n < 56, n < 62 && u.source.Focus != enginetest.Lookups:
		if u.judge.Records(u.judge.Batches()) > maxRecords {
			return nil
		}
		return u.append(ctx, limit)
	case n < 60, n < 66 && u.source.Focus != enginetest.Lookups:
		return u.background(ctx, limit)
	case n < 69 && len(u.tables) > 0:
		return u.changeTable(ctx)
	case n < 74:
		return u.checkpoint(ctx)
	case n < 78:
		return u.interrupted(ctx)
	case n < 82:
		return u.restart(ctx)
	case n < 87:
		return u.crash(ctx)
	case n < 89:
		return u.dropView(ctx)
	case n < 93:
		return u.beginRead(ctx)
	default:
		return u.compare(ctx)
	}
}

func (u *run) append(ctx context.Context, limit int) error {
	now := u.clock.Add(1 + u.rand.Int64N(1000))
	d := u.stream.Deliver(u.rand, u.cursor, limit, time.UnixMicro(now))
	if err := u.judge.Append(ctx, d); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	u.records += len(d.Records)
	u.note("append %d: %d records of %d partitions", u.judge.Batches(), len(d.Records), len(d.Ranges))
	return u.db.Append(ctx, u.source.Name, d.Batch(u.source, u.db.Engine().Allocator()))
}

// checkpoint commits everything. The database may be read right after the
// commit, while the rows that are in history now are still hot as well.
func (u *run) checkpoint(ctx context.Context) error {
	u.note("checkpoint")
	for u.finished.Load() < u.awaited && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if u.rand.IntN(2) == 0 {
		u.between = func() error { return u.compare(ctx) }
	}
	err := u.db.Checkpoint(ctx)
	u.between = nil
	u.settle()
	return errors.Join(err, u.found)
}

// reopen has the file opened again, as after an error that DuckDB calls fatal, perhaps
// while a checkpoint is under way.
func (u *run) reopen(ctx context.Context) error {
	if err := u.endRead(ctx); err != nil {
		return err
	}
	u.followed.lost = true
	u.note("the file is opened again")
	before := u.db.Engine().Reopened()
	u.db.Engine().Reopen()
	if u.db.Engine().Reopened() == before {
		return errors.New("the file was not opened again")
	}
	return nil
}

// settle notes that everything is durable.
func (u *run) settle() { u.durable, u.settled = u.judge.Batches(), u.judge.Tick() }

func (u *run) onCheckpoint(_ int64, _ time.Duration, err error) {
	if u.between != nil && err == nil {
		u.found = u.between()
	}
	u.finished.Add(1)
}

// background lets a checkpoint fall due, which runs while more is appended.
func (u *run) background(ctx context.Context, limit int) error {
	u.note("checkpoint in the background")
	u.awaited = u.finished.Load() + 1
	u.clock.Add((checkpointEvery + time.Second).Microseconds())
	for range 1 + u.rand.IntN(4) {
		if err := u.append(ctx, limit/4+1); err != nil {
			return err
		}
	}
	return nil
}

// expiring is a context that ends when it is asked about for the n-th time.
type expiring struct {
	context.Context //nolint:containedctx // it is one
	left            atomic.Int64
	done            chan struct{}
}

func (c *expiring) Done() <-chan struct{} { return c.done }

func (c *expiring) Err() error {
	if n := c.left.Add(-1); n == 0 {
		close(c.done)
	} else if n > 0 {
		return nil
	}
	return context.Canceled
}

// interrupted stops a checkpoint between two of its statements.
func (u *run) interrupted(ctx context.Context) error {
	c := &expiring{Context: ctx, done: make(chan struct{})}
	c.left.Store(1 + u.rand.Int64N(12))
	u.note("checkpoint interrupted at %d", c.left.Load())
	err := u.db.Checkpoint(c)
	if err == nil {
		u.settle()
		return nil
	}
	if !errors.Is(err, context.Canceled) {
		return fmt.Errorf("interrupted checkpoint: %w", err)
	}
	return nil
}

func (u *run) live() []*enginetest.LiveView {
	return slices.DeleteFunc(slices.Clone(u.views), func(v *enginetest.LiveView) bool { return v.Dropped >= 0 })
}

// createView makes a view, at times while records go on coming.
func (u *run) createView(ctx context.Context, limit int) error {
	v, err := u.newView(ctx)
	if err != nil {
		return err
	}
	live := u.judged(ctx, v)
	u.note("%s", v.CreateSQL())
	made := make(chan error, 1)
	go func() { made <- u.db.Exec(ctx, v.CreateSQL()) }()
	meanwhile := 0
	if u.rand.IntN(2) == 0 && u.judge.Records(u.judge.Batches()) <= maxRecords {
		meanwhile = 1 + u.rand.IntN(5)
	}
	for range meanwhile {
		err = errors.Join(err, u.append(ctx, limit/4+1))
		if u.moves.IntN(3) == 0 { // so that what has come since the job's last cut is in history
			u.note("checkpoint meanwhile")
			err = errors.Join(err, u.db.Checkpoint(ctx))
			u.settle()
		}
	}
	if err = errors.Join(err, <-made); err != nil {
		return fmt.Errorf("create view: %w", err)
	}
	u.views = append(u.views, live)
	if meanwhile > 0 {
		if live.Created, err = u.handedOver(ctx, live); err != nil {
			return err
		}
		u.note("%s from batch %d on", v.Name, live.Created)
	}
	u.durable = max(u.durable, live.Created)
	return nil
}

// judged makes a view one that the judge can judge.
func (u *run) judged(ctx context.Context, v *enginetest.View) *enginetest.LiveView {
	live := &enginetest.LiveView{View: v, Created: u.judge.Batches(), Dropped: -1, Tick: u.judge.Tick()}
	live.BatchSQL = func(sql, relation string, c enginetest.Conditions) (string, error) {
		return plan.BatchSQLWith(ctx, u.plain, sql, relation, plan.Tables{
			On:       func(source, table string) string { return u.judge.During(live, source, table) },
			Windows:  c.Windows,
			Sessions: c.Sessions,
		})
	}
	return live
}

// handedOver returns the point at which the last view began to get each batch:
// its job has counted the records before it.
func (u *run) handedOver(ctx context.Context, v *enginetest.LiveView) (int, error) {
	rows, err := u.text(ctx, nil, "SELECT rows::VARCHAR FROM millstream.jobs ORDER BY id DESC LIMIT 1")
	if err != nil {
		return 0, err
	}
	for at := v.Created; at <= u.judge.Batches(); at++ {
		n, err := u.judge.Folded(ctx, v, at)
		if err != nil {
			return 0, fmt.Errorf("judge: %w", err)
		}
		if fmt.Sprint(n) == rows[0][0] {
			return at, nil
		}
	}
	return 0, fmt.Errorf("the job of %s has folded %s rows, which is the end of no batch", v.Name, rows[0][0])
}

func (u *run) dropView(ctx context.Context) error {
	live := u.live()
	if len(live) == 0 {
		return nil
	}
	if err := u.endRead(ctx); err != nil {
		return err
	}
	v := live[u.rand.IntN(len(live))]
	gone := []*enginetest.LiveView{v}
	for _, w := range live { // in the order in which they were made
		if slices.Contains(gone, w.Of()) {
			gone = append(gone, w)
		}
	}
	for _, w := range gone {
		if slices.Contains(u.followed.reads, w.Name) {
			u.unfollow()
		}
		w.Dropped = u.judge.Batches()
		u.settle()
	}
	if u.rand.IntN(2) == 0 {
		u.note("drop %s and %d more", v.Name, len(gone)-1)
		return u.db.Exec(ctx, "DROP MATERIALIZED VIEW "+v.Name+" CASCADE")
	}
	for _, w := range slices.Backward(gone) {
		u.note("drop %s", w.Name)
		if err := u.db.Exec(ctx, "DROP MATERIALIZED VIEW "+w.Name); err != nil {
			return err
		}
	}
	return nil
}

func (u *run) restart(ctx context.Context) error {
	if err := u.endRead(ctx); err != nil {
		return err
	}
	if err := u.endFollowing(ctx); err != nil {
		return err
	}
	u.note("restart")
	if err := u.close(ctx); err != nil {
		return err
	}
	if err := u.open(ctx); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	return u.resume(ctx, true)
}

func (u *run) close(ctx context.Context) error {
	u.unfollow()
	if err := u.db.Close(ctx); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if n := u.db.Engine().Allocator().Bytes(); n != 0 {
		return fmt.Errorf("%d bytes are still allocated after Close", n)
	}
	return nil
}

// crash goes on with a copy of the files as they are on disk.
func (u *run) crash(ctx context.Context) error {
	if err := u.endRead(ctx); err != nil {
		return err
	}
	for u.finished.Load() < u.awaited { // a copy is no instant of a file that is being written
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("a checkpoint that was due did not run: %w", err)
		}
		time.Sleep(time.Millisecond)
	}
	u.note("crash")
	copied := u.newDir()
	if err := os.CopyFS(copied, os.DirFS(u.dir)); err != nil {
		return err
	}
	if err := u.close(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(u.dir); err != nil {
		return err
	}
	u.dir = copied
	if err := u.open(ctx); err != nil {
		return fmt.Errorf("reopen after a crash: %w", err)
	}
	return u.resume(ctx, false)
}

// resume finds the point that the database has kept and goes on from there.
func (u *run) resume(ctx context.Context, whole bool) error {
	u.awaited = 0
	offsets, err := u.offsets(ctx)
	if err != nil {
		return err
	}
	at := u.judge.Find(offsets)
	switch {
	case at < 0:
		return fmt.Errorf("the offsets %v after the restart were never those of one epoch", offsets)
	case at < u.durable, whole && at < u.judge.Batches():
		return fmt.Errorf("after the restart the database is at batch %d of %d, %d were durable", at, u.judge.Batches(), u.durable)
	}
	u.note("at batch %d of %d", at, u.judge.Batches())
	if err := u.resumeKeyed(ctx, at, whole); err != nil {
		return err
	}
	u.durable = at
	if err := u.judge.Truncate(ctx, at); err != nil {
		return err
	}
	u.stream.Seek(u.cursor, offsets)
	if u.rand.IntN(2) == 0 {
		return u.compare(ctx)
	}
	return nil
}

// offsets returns the next offsets of the partitions.
func (u *run) offsets(ctx context.Context) (map[int32]int64, error) {
	rows, err := u.text(ctx, nil, "SELECT partition::VARCHAR, next_offset::VARCHAR FROM millstream.partitions WHERE source = '"+u.source.Name+"'")
	if err != nil {
		return nil, err
	}
	offsets := make(map[int32]int64)
	for _, row := range rows {
		var p int32
		var next int64
		if _, err := fmt.Sscan(row[0]+" "+row[1], &p, &next); err != nil {
			return nil, err
		}
		offsets[p] = next
	}
	return offsets, nil
}

// beginRead opens a transaction that goes on seeing this epoch.
func (u *run) beginRead(ctx context.Context) error {
	if err := u.endRead(ctx); err != nil {
		return err
	}
	u.note("begin read")
	u.pin, u.pinAt, u.pinOf = u.db.NewSession(query.SessionOptions{}), u.judge.Batches(), u.live()
	u.pinTick = u.judge.Tick()
	if _, err := u.text(ctx, u.pin, "BEGIN"); err != nil {
		return err
	}
	_, err := u.text(ctx, u.pin, "SELECT count(*)::VARCHAR FROM "+u.source.Name)
	return err
}

// endRead compares what the transaction sees and ends it.
func (u *run) endRead(ctx context.Context) error {
	if u.pin == nil {
		return nil
	}
	u.note("end read of batch %d at %d", u.pinAt, u.judge.Batches())
	pin := u.pin
	u.pin = nil
	defer pin.Close()
	err := u.compareAt(ctx, pin, u.pinAt, u.pinOf)
	if err == nil {
		err = u.compareTables(ctx, pin, u.pinTick)
	}
	if err != nil {
		return fmt.Errorf("in a transaction since batch %d: %w", u.pinAt, err)
	}
	_, err = u.text(ctx, pin, "COMMIT")
	return err
}

// text runs a query whose columns are VARCHAR, in a session or by itself.
func (u *run) text(ctx context.Context, s *query.Session, sql string) (enginetest.Rows, error) {
	own := s == nil
	if own {
		s = u.db.NewSession(query.SessionOptions{})
		defer s.Close()
	}
	st, err := s.Prepare(ctx, sql, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	res, err := s.Execute(ctx, st, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	defer res.Close()
	var out enginetest.Rows
	for {
		rec, err := res.Next(ctx)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sql, err)
		}
		for i := range int(rec.NumRows()) {
			row := make([]string, rec.NumCols())
			for c := range row {
				column := rec.Column(c).(*array.String)
				if row[c] = strings.Clone(column.Value(i)); column.IsNull(i) {
					row[c] = enginetest.Null
				}
			}
			out = append(out, row)
		}
	}
}

func (u *run) finish(ctx context.Context) error {
	if err := u.endRead(ctx); err != nil {
		return err
	}
	return u.close(ctx)
}
