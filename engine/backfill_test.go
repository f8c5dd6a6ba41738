package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/job"
)

// named returns the revenue view under another name.
func named(name string) *catalog.ViewDefinition {
	d := revenueDefinition()
	d.Plan.Name, d.SQL = name, "CREATE MATERIALIZED VIEW "+name+" …"
	return d
}

func sameAs(view string) string { return strings.ReplaceAll(same, "revenue", view) }

func openOrders(t *testing.T, dir string, o Options) *Engine {
	t.Helper()
	e, err := Open(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// openViews opens an engine whose source orders has the views.
func openViews(t *testing.T, dir string, o Options, views ...*catalog.ViewDefinition) *Engine {
	t.Helper()
	e := openOrders(t, dir, o)
	if err := e.CreateSource(ctx, ordersDefinition()); err != nil {
		t.Fatal(err)
	}
	for _, def := range views {
		if err := e.CreateView(ctx, def); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// closeClean closes the engine and checks that no memory is left.
func closeClean(t *testing.T, e *Engine) {
	t.Helper()
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := e.mem.Bytes(); got != 0 {
		t.Errorf("%d bytes leaked", got)
	}
}

// A view that is made while records come, with checkpoints in between, has
// every record once, before and after a restart.
func TestBackfillHasNoGapAndNoDuplicate(t *testing.T) {
	for seed := range uint64(4) {
		dir := t.TempDir()
		e := openOrders(t, dir, Options{CheckpointInterval: 20 * time.Millisecond, Tick: time.Millisecond})
		e.handOverRows = 300
		if err := e.CreateSource(ctx, ordersDefinition()); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1))
			for id := 0; ; {
				select {
				case <-stop:
					return
				default:
				}
				n := 1 + r.IntN(400)
				if err := e.Append(ctx, "orders", orders(e, id, n)); err != nil {
					t.Error(err)
					return
				}
				id += n
			}
		})
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 2))
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(r.IntN(30)) * time.Millisecond):
				}
				if err := e.Checkpoint(ctx); err != nil {
					t.Error(err)
					return
				}
			}
		})
		const views = 8
		var makers sync.WaitGroup
		for i := range views {
			makers.Go(func() {
				time.Sleep(time.Duration(i/2) * 60 * time.Millisecond)
				if err := e.CreateView(ctx, named(fmt.Sprint("v", i))); err != nil {
					t.Error(err)
				}
			})
		}
		makers.Wait()
		close(stop)
		wg.Wait()
		for range 2 {
			for i := range views {
				check(t, e, sameAs(fmt.Sprint("v", i)), "[0]")
			}
			check(t, e, "SELECT count(*) FROM millstream.views", fmt.Sprintf("[%d]", views))
			closeClean(t, e)
			e = openOrders(t, dir, Options{CheckpointInterval: time.Hour})
		}
		closeClean(t, e)
	}
}

func TestJobCanBeSeenAndCancelled(t *testing.T) {
	e := openViews(t, t.TempDir(), Options{CheckpointInterval: time.Hour})
	if err := e.Append(ctx, "orders", orders(e, 0, 5000)); err != nil {
		t.Fatal(err)
	}
	e.pause = func(ctx context.Context) { <-ctx.Done() }
	j, err := e.StartView(ctx, named("v"), false)
	if err != nil {
		t.Fatal(err)
	}
	if s := j.Status(); s.State != job.Backfilling || s.View != "v" || s.Source != "orders" {
		t.Errorf("status %+v", s)
	}
	if b := e.jobs.Building("v"); b == nil || b.Job != j.ID {
		t.Errorf("building %v", b)
	}
	if err := e.CreateView(ctx, named("v")); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "job 1 is building it") {
		t.Errorf("the name is free: %v", err)
	}
	var building *job.BuildingError
	if err := e.Drop(ctx, catalog.KindView, "v", false); !errors.As(err, &building) {
		t.Errorf("drop of a view that is being built: %v", err)
	}
	if err := e.Drop(ctx, catalog.KindSource, "orders", false); !errors.Is(err, ErrInUse) {
		t.Errorf("drop of a source that a job reads: %v", err)
	}
	if err := e.Append(ctx, "orders", orders(e, 5000, 10)); err != nil { // ingest goes on
		t.Fatal(err)
	}
	check(t, e, "SELECT count(*) FROM orders", "[5010]")
	check(t, e, "SELECT id || ' ' || view || ' ' || state FROM millstream.jobs", "[1 v backfilling]")
	if err := e.jobs.Cancel(ctx, j.ID); err != nil {
		t.Fatal(err)
	}
	if err := j.Wait(ctx); !errors.Is(err, job.ErrCanceled) {
		t.Errorf("a cancelled job ends with %v", err)
	}
	if err := e.jobs.Cancel(ctx, j.ID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("a job is cancelled twice: %v", err)
	}
	check(t, e, "SELECT state || ' ' || error FROM millstream.jobs", "[canceled canceled]")
	check(t, e, "SELECT count(*) FROM millstream.views", "[0]")

	e.pause = nil
	if err := e.CreateView(ctx, named("v")); err != nil { // nothing is left of it
		t.Fatal(err)
	}
	check(t, e, sameAs("v"), "[0]")
	closeClean(t, e)
}

func TestWaitEndsTheJobWithItsContext(t *testing.T) {
	e := openViews(t, "", Options{CheckpointInterval: time.Hour})
	if err := e.Append(ctx, "orders", orders(e, 0, 100)); err != nil {
		t.Fatal(err)
	}
	c, cancel := context.WithCancel(ctx)
	e.pause = func(job context.Context) { cancel(); <-job.Done() }
	if err := e.CreateView(c, named("v")); !errors.Is(err, context.Canceled) {
		t.Errorf("create view with an ended context: %v", err)
	}
	check(t, e, "SELECT count(*) FROM millstream.views", "[0]")
	closeClean(t, e)
}

func TestDropCascadeCancelsJobs(t *testing.T) {
	e := openViews(t, t.TempDir(), Options{CheckpointInterval: time.Hour})
	if err := e.Append(ctx, "orders", orders(e, 0, 100)); err != nil {
		t.Fatal(err)
	}
	proceed := make(chan struct{})
	e.pause = func(context.Context) { <-proceed }
	j, err := e.StartView(ctx, named("v"), false)
	if err != nil {
		t.Fatal(err)
	}
	go func() { time.Sleep(20 * time.Millisecond); close(proceed) }()
	if err := e.Drop(ctx, catalog.KindSource, "orders", true); err != nil {
		t.Fatal(err)
	}
	if err := j.Wait(ctx); !errors.Is(err, job.ErrCanceled) {
		t.Errorf("the job ended with %v", err)
	}
	closeClean(t, e)
}

func TestCloseCancelsJobs(t *testing.T) {
	dir := t.TempDir()
	e := openViews(t, dir, Options{CheckpointInterval: time.Hour})
	if err := e.Append(ctx, "orders", orders(e, 0, 100)); err != nil {
		t.Fatal(err)
	}
	proceed := make(chan struct{})
	e.pause = func(context.Context) { <-proceed }
	j, err := e.StartView(ctx, named("v"), false)
	if err != nil {
		t.Fatal(err)
	}
	go func() { time.Sleep(20 * time.Millisecond); close(proceed) }()
	closeClean(t, e)
	if err := j.Wait(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("the job ended with %v", err)
	}
	if _, err := e.StartView(ctx, named("w"), false); !errors.Is(err, ErrClosed) {
		t.Errorf("a job began after Close: %v", err)
	}
	e = openOrders(t, dir, Options{CheckpointInterval: time.Hour})
	check(t, e, "SELECT count(*) FROM millstream.views", "[0]")
	if err := e.CreateView(ctx, named("v")); err != nil {
		t.Fatal(err)
	}
	check(t, e, sameAs("v"), "[0]")
	closeClean(t, e)
}

// A replaced view answers until the new one is complete, and readers see one
// of the two, whole.
func TestReplaceSwapsInOneStep(t *testing.T) {
	dir := t.TempDir()
	e := openViews(t, dir, Options{CheckpointInterval: 20 * time.Millisecond, Tick: time.Millisecond})
	for i := range 10 {
		if err := e.Append(ctx, "orders", orders(e, i*100, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.CreateView(ctx, named("v")); err != nil {
		t.Fatal(err)
	}
	other := named("v") // fewer columns, one group a window
	other.Plan.Keys, other.Plan.Exprs[1] = nil, other.Plan.Exprs[2]
	other.Plan.Aggregates = other.Plan.Aggregates[:1]
	other.Plan.Result = "SELECT window_start, a0 AS orders FROM {{state}}"
	other.Plan.Columns = append(other.Plan.Columns[:1:1], other.Plan.Columns[2])
	const whole = "SELECT sum(orders) = (SELECT count(*) FROM orders) FROM v"

	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					check(t, e, whole, "[true]")
				}
			}
		})
	}
	wg.Go(func() {
		for i := 10; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := e.Append(ctx, "orders", orders(e, i*100, 100)); err != nil {
				t.Error(err)
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
	})
	for i := range 12 {
		def := other
		if i%2 == 1 {
			def = named("v")
		}
		j, err := e.StartView(ctx, def, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		check(t, e, whole, "[true]")
	}
	close(stop)
	wg.Wait()
	check(t, e, sameAs("v"), "[0]")
	closeClean(t, e)
	e = openOrders(t, dir, Options{CheckpointInterval: time.Hour})
	check(t, e, sameAs("v"), "[0]")
	check(t, e, whole, "[true]")
	closeClean(t, e)
}
