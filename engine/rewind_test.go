package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// afresh makes n orders at the offsets from 0 on, of another log than the one before,
// of which so many offsets are lost.
func afresh(t *testing.T, e *Engine, first, n int, lost int64) *batch.Batch {
	t.Helper()
	b := orders(e, first, n)
	if err := b.Number(e.mem, ordersDefinition().DeliveredSchema(), 0, 0); err != nil {
		t.Fatal(err)
	}
	b.Ranges[0].StartsOver, b.Ranges[0].Lost, b.Ranges[0].Topic = true, lost, "the second"
	return b
}

// TestOffsetsStartOver gives a source the records of a topic that was created again.
// Those of both are rows, and what was lost is counted for ever.
func TestOffsetsStartOver(t *testing.T) {
	dir := t.TempDir()
	e := openViews(t, dir, Options{CheckpointInterval: time.Hour})
	if err := e.CreateView(ctx, named("before")); err != nil {
		t.Fatal(err)
	}
	if err := e.Append(ctx, "orders", orders(e, 0, 100)); err != nil {
		t.Fatal(err)
	}
	plain := afresh(t, e, 100, 50, 0)
	plain.Ranges[0].StartsOver = false
	if err := e.Append(ctx, "orders", plain); err == nil || !strings.Contains(err.Error(), "expected 100") {
		t.Fatalf("offsets that come a second time for no reason were taken: %v", err)
	}
	if err := e.Append(ctx, "orders", afresh(t, e, 100, 50, 30)); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		check(t, e, "SELECT next_offset || ' ' || coalesce(end_offset, 50) || ' ' || rows || ' ' || lost FROM millstream.partitions", "[50 50 150 30]")
		check(t, e, "SELECT count(*) || ' ' || count(DISTINCT id) FROM orders", "[150 150]")
		check(t, e, sameAs("before"), "[0]")
		if i == 0 {
			if err := e.CreateView(ctx, named("after")); err != nil {
				t.Fatal(err)
			}
		}
		check(t, e, sameAs("after"), "[0]")
		sources, _ := e.Objects()
		if got := sources[0].Partitions[0].Lost; got != 30 {
			t.Errorf("%d offsets are lost, want 30", got)
		}
		if got := e.sources["orders"].parts[0].Position().TopicID; got != "the second" {
			t.Errorf("the offsets are of topic %q", got)
		}
		closeClean(t, e)
		e = openOrders(t, dir, Options{CheckpointInterval: time.Hour})
	}
	closeClean(t, e)
}

// TestPausedViewWhoseOffsetsStartOver can't know any more what it has missed.
func TestPausedViewWhoseOffsetsStartOver(t *testing.T) {
	dir := t.TempDir()
	e := openViews(t, dir, Options{CheckpointInterval: time.Hour})
	if err := e.CreateView(ctx, named("v")); err != nil {
		t.Fatal(err)
	}
	if err := e.Append(ctx, "orders", orders(e, 0, 100)); err != nil {
		t.Fatal(err)
	}
	if _, err := e.PauseView(ctx, "v"); err != nil {
		t.Fatal(err)
	}
	if err := e.Append(ctx, "orders", afresh(t, e, 100, 50, 0)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := e.ResumeView(ctx, "v"); !errors.Is(err, ErrNotResumable) {
			t.Errorf("resumed: %v", err)
		}
		check(t, e, "SELECT status FROM millstream.views", "[paused]")
		closeClean(t, e)
		e = openOrders(t, dir, Options{CheckpointInterval: time.Hour})
	}
	if err := e.Append(ctx, "orders", orders(e, 150, 10)); err != nil {
		t.Fatal(err)
	}
	closeClean(t, e)
}

// TestJobWhoseOffsetsStartOver fails rather than build a view that lacks rows.
func TestJobWhoseOffsetsStartOver(t *testing.T) {
	e := openViews(t, t.TempDir(), Options{CheckpointInterval: time.Hour})
	if err := e.Append(ctx, "orders", orders(e, 0, 100)); err != nil {
		t.Fatal(err)
	}
	e.pause = func(ctx context.Context) {
		if err := e.Append(ctx, "orders", afresh(t, e, 100, 50, 0)); err != nil {
			t.Error(err)
		}
		if err := e.Checkpoint(ctx); err != nil { // the rows are in history then, which is asked by offsets
			t.Error(err)
		}
	}
	if err := e.CreateView(ctx, named("v")); !errors.Is(err, ErrChanged) {
		t.Errorf("built: %v", err)
	}
	e.pause = nil
	if err := e.CreateView(ctx, named("v")); err != nil {
		t.Fatal(err)
	}
	check(t, e, sameAs("v"), "[0]")
	closeClean(t, e)
}
