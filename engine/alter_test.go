package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/source"
)

// crashed returns a copy of a database's files as they are on disk.
func crashed(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// afterCrashAndRestart runs f on the open database, on what a crash would leave
// of it, and on the database opened again.
func afterCrashAndRestart(t *testing.T, e *Engine, dir string, f func(t *testing.T, e *Engine)) {
	t.Helper()
	f(t, e)
	c := openOrders(t, crashed(t, dir), Options{CheckpointInterval: time.Hour})
	f(t, c)
	closeClean(t, c)
	closeClean(t, e)
	e = openOrders(t, dir, Options{CheckpointInterval: time.Hour})
	f(t, e)
	closeClean(t, e)
}

func appendOrders(t *testing.T, e *Engine, first, n int) {
	t.Helper()
	if err := e.Append(ctx, "orders", orders(e, first, n)); err != nil {
		t.Fatal(err)
	}
}

func newOrders(t *testing.T, dir string) *Engine {
	t.Helper()
	return openViews(t, dir, Options{CheckpointInterval: time.Hour})
}

func renameTo(name string) func(*catalog.ViewDefinition) error {
	return func(d *catalog.ViewDefinition) error {
		d.Plan.Name, d.SQL = name, "CREATE MATERIALIZED VIEW "+name+" …"
		return nil
	}
}

func TestViewsAreRenamedAndSwapped(t *testing.T) {
	dir := t.TempDir()
	e := newOrders(t, dir)
	appendOrders(t, e, 0, 300)
	small := named("small")
	small.Plan.Exprs[1] = small.Plan.Exprs[2] // other groups, and no closed windows of its own shape
	small.Plan.Keys = nil
	small.Plan.Aggregates = small.Plan.Aggregates[:1]
	small.Plan.Result = "SELECT window_start, a0 AS orders FROM {{state}}"
	small.Plan.Columns = append(small.Plan.Columns[:1:1], small.Plan.Columns[2])
	for _, def := range []*catalog.ViewDefinition{named("v"), small} {
		if err := e.CreateView(ctx, def); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	appendOrders(t, e, 300, 100)
	if err := e.AlterView(ctx, "v", renameTo("w")); err != nil {
		t.Fatal(err)
	}
	appendOrders(t, e, 400, 100)
	check(t, e, sameAs("w"), "[0]")
	if err := e.CreateView(ctx, named("v")); err != nil { // the name is free, and so are those of its tables
		t.Fatal(err)
	}
	if err := e.AlterView(ctx, "w", renameTo("orders")); !errors.Is(err, ErrExists) {
		t.Errorf("renamed to a name that is taken: %v", err)
	}
	if err := e.AlterView(ctx, "nothing", renameTo("x")); !errors.Is(err, ErrNotFound) {
		t.Errorf("renamed nothing: %v", err)
	}
	err := e.SwapViews(ctx, "w", "small", func(a, b *catalog.ViewDefinition) error {
		a.Plan.Name, b.Plan.Name, a.SQL, b.SQL = b.Plan.Name, a.Plan.Name, "a", "b"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	appendOrders(t, e, 500, 100)
	if err := e.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	afterCrashAndRestart(t, e, dir, func(t *testing.T, e *Engine) {
		check(t, e, sameAs("small"), "[0]")
		check(t, e, sameAs("v"), "[0]")
		check(t, e, "SELECT sum(orders) || ' ' || count(*) FROM w", "[600 10]")
		check(t, e, "SELECT string_agg(name, ' ' ORDER BY name) FROM millstream.views", "[small v w]")
		if sql := e.Views()["small"].SQL + e.Views()["w"].SQL; sql != "ab" {
			t.Errorf("statements %q", sql)
		}
	})
}

// A reader that runs while names change sees the old or the new, whole.
func TestSwapIsOneStepForReaders(t *testing.T) {
	e := newOrders(t, t.TempDir())
	appendOrders(t, e, 0, 300)
	half := named("b")
	half.Plan.Where = 3
	half.Plan.Exprs = append(half.Plan.Exprs, half.Plan.Exprs[1])
	half.Plan.Exprs[3].SQL, half.Plan.Exprs[3].Type = "id % 2 = 0", batch.Type{Kind: batch.Boolean}
	for _, def := range []*catalog.ViewDefinition{named("a"), half} {
		if err := e.CreateView(ctx, def); err != nil {
			t.Fatal(err)
		}
	}
	const sums = "SELECT (SELECT sum(orders) FROM a) || ' ' || (SELECT sum(orders) FROM b)"
	check(t, e, sums, "[300 150]")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := fmt.Sprint(query(t, e, sums)); got != "[300 150]" && got != "[150 300]" {
					t.Errorf("%s gave %s", sums, got)
				}
			}
		})
	}
	for range 15 {
		err := e.SwapViews(ctx, "a", "b", func(a, b *catalog.ViewDefinition) error {
			a.Plan.Name, b.Plan.Name = b.Plan.Name, a.Plan.Name
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	check(t, e, sums, "[150 300]")
	closeClean(t, e)
}

func TestSourceIsRenamed(t *testing.T) {
	dir := t.TempDir()
	e := newOrders(t, dir)
	appendOrders(t, e, 0, 100)
	if err := e.CreateView(ctx, named("v")); err != nil {
		t.Fatal(err)
	}
	rename := func(d *catalog.SourceDefinition) error {
		d.Name, d.SQL = "sales", "CREATE SOURCE sales …"
		return nil
	}
	if err := e.AlterSource(ctx, "orders", rename); !errors.Is(err, ErrDependents) {
		t.Errorf("a source that a view reads was renamed: %v", err)
	}
	if err := e.Drop(ctx, catalog.KindView, "v", false); err != nil {
		t.Fatal(err)
	}
	if err := e.AlterSource(ctx, "orders", rename); err != nil {
		t.Fatal(err)
	}
	if err := e.Append(ctx, "sales", orders(e, 100, 100)); err != nil {
		t.Fatal(err)
	}
	if err := e.CreateSource(ctx, ordersDefinition()); err != nil { // all its names are free
		t.Fatal(err)
	}
	appendOrders(t, e, 0, 7)
	if err := e.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	afterCrashAndRestart(t, e, dir, func(t *testing.T, e *Engine) {
		check(t, e, "SELECT count(*) || ' ' || sum(id) FROM sales", "[200 19900]")
		check(t, e, `SELECT count(*) FROM "sales$late"`, "[0]")
		check(t, e, "SELECT count(*) FROM orders", "[7]")
		check(t, e, "SELECT next_offset FROM millstream.partitions ORDER BY source", "[7 200]")
	})
}

func TestSourceGetsAColumn(t *testing.T) {
	dir := t.TempDir()
	e := newOrders(t, dir)
	appendOrders(t, e, 0, 300)
	v := named("v") // with expressions of every kind: the metadata columns have other places afterwards
	v.Plan.Exprs[1] = v.Plan.Exprs[1:2:2][0]
	v.Plan.Exprs[1].SQL = `upper("country") || (_offset - _offset)`
	if err := e.CreateView(ctx, v); err != nil {
		t.Fatal(err)
	}
	appendOrders(t, e, 300, 50)
	grow := func(d *catalog.SourceDefinition) error {
		d.Columns = append(d.Columns, catalog.SourceColumn{Name: "note", Type: batch.Type{Kind: batch.Varchar}})
		return nil
	}
	if err := e.AlterSource(ctx, "orders", grow); err != nil {
		t.Fatal(err)
	}
	if err := e.Append(ctx, "orders", orders(e, 350, 1)); err == nil || !strings.Contains(err.Error(), "have 4 columns, the source has 5") {
		t.Errorf("rows without the column were taken: %v", err)
	}
	b := batch.NewBuilder(e.Allocator(), e.Sources()["orders"].Decoded())
	for i := 350; i < 600; i++ {
		b.Column(0).AppendInt64(int64(i))
		b.Column(1).AppendString(fmt.Sprint("country of many letters ", i%3))
		b.Column(2).AppendInt64(int64(i))
		b.Column(3).AppendInt64(int64(i) * 1e6)
		b.Column(4).AppendString("new")
	}
	bytes := b.Bytes()
	if err := e.Append(ctx, "orders", &batch.Batch{Record: b.Finish(), Bytes: bytes}); err != nil {
		t.Fatal(err)
	}
	if err := e.CreateView(ctx, named("w")); err != nil {
		t.Fatal(err)
	}
	if err := e.Append(ctx, "orders", late(e)); err != nil {
		t.Fatal(err)
	}
	sum := strings.ReplaceAll(sameAs("v"), "upper(country)", "upper(country) || '0'")
	withoutLate := strings.NewReplacer("FROM orders", "FROM (FROM orders WHERE id <> 1000)").Replace
	if err := e.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	afterCrashAndRestart(t, e, dir, func(t *testing.T, e *Engine) {
		check(t, e, "SELECT count(*) || ' ' || count(note) || ' ' || max(_offset) FROM (SELECT *, _offset FROM live.meta.orders)", "[601 250 600]")
		check(t, e, withoutLate(sum), "[0]")
		check(t, e, withoutLate(sameAs("w")), "[0]")
		check(t, e, `SELECT view || ' ' || id || ' ' || coalesce(note, 'none') || ' ' || _offset FROM "orders$late" ORDER BY view`,
			"[v 1000 none 600 w 1000 none 600]")
	})
}

// late is a row that comes too late, in a source with the column note.
func late(e *Engine) *batch.Batch {
	b := batch.NewBuilder(e.Allocator(), e.Sources()["orders"].Decoded())
	b.Column(0).AppendInt64(1000)
	b.Column(1).AppendString("c")
	b.Column(2).AppendInt64(1)
	b.Column(3).AppendInt64(0)
	b.Column(4).AppendNull()
	bytes := b.Bytes()
	return &batch.Batch{Record: b.Finish(), Bytes: bytes}
}

// ticker is a connector whose readers deliver rows of orders, one a time.
type ticker struct {
	mu      sync.Mutex
	opened  [][]source.Position
	columns []int
}

func (c *ticker) Validate(spec source.Spec) error {
	if spec.Options["speed"] == "wrong" {
		return errors.New("option speed is wrong")
	}
	return nil
}

func (c *ticker) Open(spec source.Spec, start []source.Position, sink source.Sink) (source.Reader, error) {
	c.mu.Lock()
	c.opened, c.columns = append(c.opened, start), append(c.columns, len(spec.Schema.Columns))
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	r := &tickerReader{cancel: cancel, done: make(chan struct{})}
	next := int64(0)
	for _, p := range start {
		next = p.Next
	}
	go func() {
		defer close(r.done)
		for ; ctx.Err() == nil; next++ {
			b := batch.NewBuilder(spec.Alloc, spec.Schema.WithMetadata())
			b.Column(0).AppendInt64(next)
			b.Column(1).AppendString("c")
			b.Column(2).AppendInt64(1)
			b.Column(3).AppendInt64(next * 1e6)
			for i := 4; i < len(spec.Schema.Columns); i++ {
				b.Column(i).AppendString("new")
			}
			meta := len(spec.Schema.Columns)
			b.Column(meta).AppendInt32(0)
			b.Column(meta + 1).AppendInt64(next)
			b.Column(meta + 2).AppendInt64(0)
			b.Column(meta + 3).AppendNull()
			bytes := b.Bytes()
			out := &batch.Batch{Record: b.Finish(), Bytes: bytes, Arrival: time.Now(),
				Ranges: []batch.OffsetRange{{First: next, Next: next + 1, Rows: 1, End: -1, Epoch: -1}}}
			if sink.Append(ctx, out) != nil {
				return
			}
		}
	}()
	return r, nil
}

type tickerReader struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (r *tickerReader) Status() source.Status     { return source.Status{State: source.Running} }
func (r *tickerReader) Committed(map[int32]int64) {}
func (r *tickerReader) Close() error              { r.cancel(); <-r.done; return nil }

func TestReaderGoesOnWhereItWas(t *testing.T) {
	dir := t.TempDir()
	c := &ticker{}
	o := Options{CheckpointInterval: 30 * time.Millisecond, Tick: time.Millisecond, Connectors: map[string]source.Connector{"tick": c}}
	e := openOrders(t, dir, o)
	def := ordersDefinition()
	def.Connector, def.Options = "tick", map[string]string{}
	if err := e.CreateSource(ctx, def); err != nil {
		t.Fatal(err)
	}
	if err := e.CreateView(ctx, named("v")); err != nil {
		t.Fatal(err)
	}
	alter := func(change func(d *catalog.SourceDefinition)) {
		t.Helper()
		if err := e.AlterSource(ctx, "orders", func(d *catalog.SourceDefinition) error { change(d); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	whole := func() {
		t.Helper()
		check(t, e, "SELECT count(*) = max(_offset) + 1 AND count(*) = count(DISTINCT _offset) FROM live.meta.orders", "[true]")
		check(t, e, sameAs("v"), "[0]")
	}
	rows := func() string { t.Helper(); return fmt.Sprint(query(t, e, "SELECT count(*) FROM orders")) }
	moving := func() {
		t.Helper()
		for before := rows(); rows() == before; {
			time.Sleep(time.Millisecond)
		}
	}
	for range 3 {
		moving()
		alter(func(d *catalog.SourceDefinition) { d.Paused = true })
		check(t, e, "SELECT status FROM millstream.sources", "[paused]")
		before := rows()
		time.Sleep(20 * time.Millisecond)
		if got := rows(); got != before {
			t.Errorf("a paused source went from %s to %s rows", before, got)
		}
		whole()
		alter(func(d *catalog.SourceDefinition) { d.Paused = false })
		moving()
		check(t, e, "SELECT status FROM millstream.sources", "[running]")
	}
	alter(func(d *catalog.SourceDefinition) {
		d.Columns = append(d.Columns, catalog.SourceColumn{Name: "note", Type: batch.Type{Kind: batch.Varchar}})
	})
	moving()
	alter(func(d *catalog.SourceDefinition) { d.Options["speed"] = "high" })
	moving()
	whole()
	err := e.AlterSource(ctx, "orders", func(d *catalog.SourceDefinition) error { d.Options["speed"] = "wrong"; return nil })
	if err == nil || !strings.Contains(err.Error(), "option speed is wrong") {
		t.Errorf("a wrong option was taken: %v", err)
	}
	alter(func(d *catalog.SourceDefinition) { d.Retention = time.Hour })
	alter(func(d *catalog.SourceDefinition) { d.Paused = true })
	closeClean(t, e)
	opened := len(c.opened)
	e = openOrders(t, dir, o)
	check(t, e, "SELECT status FROM millstream.sources", "[paused]")
	if len(c.opened) != opened {
		t.Error("a paused source was read after a restart")
	}
	if d := e.Sources()["orders"]; d.Retention != time.Hour || d.Options["speed"] != "high" || len(d.Columns) != 6 {
		t.Errorf("after a restart the source is %+v", d)
	}
	alter(func(d *catalog.SourceDefinition) { d.Paused = false })
	moving()
	whole()
	check(t, e, "SELECT count(DISTINCT note) || ' ' || (count(note) < count(*)) FROM orders", "[1 true]")
	closeClean(t, e)
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

// An ALTER that is interrupted, at whichever statement, changes nothing.
func TestInterruptedAlterChangesNothing(t *testing.T) {
	e := newOrders(t, t.TempDir())
	appendOrders(t, e, 0, 100)
	if err := e.CreateView(ctx, named("v")); err != nil {
		t.Fatal(err)
	}
	if err := e.CreateTable(ctx, &catalog.TableDefinition{Name: "t", Columns: []catalog.TableColumn{{Name: "a", Type: batch.Type{Kind: batch.BigInt}}}}); err != nil {
		t.Fatal(err)
	}
	name, rows, older := "v", 100, 0
	for _, alter := range []struct {
		what string
		f    func(context.Context) error
		done func()
	}{
		{"rename the view", func(c context.Context) error { return e.AlterView(c, "v", renameTo("w")) }, func() { name = "w" }},
		{"keep rows for an hour", func(c context.Context) error {
			return e.AlterSource(c, "orders", func(d *catalog.SourceDefinition) error { d.Retention = time.Hour; return nil })
		}, func() {}},
		{"extend the source", func(c context.Context) error {
			return e.AlterSource(c, "orders", func(d *catalog.SourceDefinition) error {
				d.Columns = slices.Insert(d.Columns, len(d.Columns), catalog.SourceColumn{Name: "twice", Type: batch.Type{Kind: batch.BigInt}, Generated: "id * 2"})
				return nil
			})
		}, func() { older = rows }},
		{"widen a column", func(c context.Context) error {
			return e.AlterSource(c, "orders", func(d *catalog.SourceDefinition) error {
				last := &d.Columns[len(d.Columns)-1]
				last.Type, last.Generated = batch.Type{Kind: batch.HugeInt}, "(id * 2)::HUGEINT"
				return nil
			})
		}, func() {}},
		{"rename the table", func(c context.Context) error {
			return e.AlterTable(c, "t", func(d *catalog.TableDefinition) error { d.Name = "u"; return nil })
		}, func() {}},
	} {
		failures := 0
		for n := int64(1); ; n++ {
			c := &expiring{Context: ctx, done: make(chan struct{})}
			c.left.Store(n)
			err := alter.f(c)
			if err == nil {
				alter.done()
			} else {
				failures++
			}
			appendOrders(t, e, rows, 10)
			rows += 10
			check(t, e, sameAs(name), "[0]")
			check(t, e, "SELECT count(*) FROM orders", fmt.Sprintf("[%d]", rows))
			if err == nil {
				break
			}
		}
		if failures < 3 {
			t.Errorf("%s was interrupted %d times only", alter.what, failures)
		}
	}
	check(t, e, "SELECT count(*) FROM u", "[0]")
	check(t, e, "SELECT count(*) FROM orders WHERE twice IS DISTINCT FROM id * 2", fmt.Sprintf("[%d]", older))
	check(t, e, "SELECT DISTINCT typeof(twice) FROM orders", "[HUGEINT]")
	closeClean(t, e)
}

// What a job reads stays as it is until the job has ended; what does not matter
// to it can be changed.
func TestJobsKeepWhatTheyRead(t *testing.T) {
	e := newOrders(t, t.TempDir())
	appendOrders(t, e, 0, 100)
	proceed := make(chan struct{})
	e.pause = func(context.Context) { <-proceed }
	j, err := e.StartView(ctx, named("v"), false)
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(d *catalog.SourceDefinition){
		"renamed": func(d *catalog.SourceDefinition) { d.Name = "sales" },
		"extended": func(d *catalog.SourceDefinition) {
			d.Columns = append(d.Columns, catalog.SourceColumn{Name: "x", Type: batch.Type{Kind: batch.BigInt}})
		},
	} {
		err := e.AlterSource(ctx, "orders", func(d *catalog.SourceDefinition) error { change(d); return nil })
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "job 1 builds materialized view v from it") {
			t.Errorf("a source that a job reads was %s: %v", what, err)
		}
	}
	if err := e.AlterSource(ctx, "orders", func(d *catalog.SourceDefinition) error { d.Retention = time.Hour; return nil }); err != nil {
		t.Error(err)
	}
	if err := e.AlterView(ctx, "v", renameTo("w")); err == nil || !strings.Contains(err.Error(), "is being built") {
		t.Errorf("a view was renamed that is being built: %v", err)
	}
	if _, err := e.StartView(ctx, named("v"), true); !errors.Is(err, ErrExists) {
		t.Errorf("a view was replaced that is being built: %v", err)
	}
	close(proceed)
	if err := j.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	check(t, e, sameAs("v"), "[0]")
	closeClean(t, e)
}
