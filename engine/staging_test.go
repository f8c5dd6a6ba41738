package engine

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/checkpoint"
	"github.com/millstream-db/millstream/engine/view"
)

// rowsDefinition is a view without aggregation over orders.
func rowsDefinition(name string) *catalog.ViewDefinition {
	bigint := batch.Type{Kind: batch.BigInt}
	return &catalog.ViewDefinition{SQL: "CREATE MATERIALIZED VIEW " + name + " …", Plan: view.Definition{
		Name: name, Source: "orders", Where: -1, Exprs: []view.Expr{{Type: bigint, Column: 0}}, Select: []int{0},
		Columns: []batch.Column{{Name: "id", Type: bigint}},
	}}
}

// TestStagedRowsGoWhenThereIsRoom: where the disk is full neither the rows of a view can be
// staged nor those that are be dropped.
func TestStagedRowsGoWhenThereIsRoom(t *testing.T) {
	const full = 1 << 60 // so that no disk is large enough
	var e *Engine
	var building atomic.Bool
	staged := 0
	e = openOrders(t, t.TempDir(), Options{HotBytes: 600 << 10, CheckpointInterval: 10 * time.Millisecond, OnCheckpoint: func(rows int64, _ time.Duration, err error) {
		if building.Load() && rows > 0 && err == nil {
			if staged++; staged == 1 {
				e.budget.Force(full)
			}
		}
	}})
	if err := e.CreateSource(ctx, ordersDefinition()); err != nil {
		t.Fatal(err)
	}
	const rows = 100_000
	for i := 0; i < rows; i += 5000 {
		if err := e.Append(ctx, "orders", orders(e, i, 5000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	inFile := func() (n int64, err error) {
		err = e.do(ctx, func() error {
			e.awaitCheckpoint()
			n, err = e.store.Count(ctx, `segments."v#0"`)
			return err
		})
		return n, err
	}
	building.Store(true)
	if err := e.CreateView(ctx, rowsDefinition("v")); !errors.Is(err, checkpoint.ErrDiskFull) {
		t.Fatalf("without space: %v", err)
	}
	building.Store(false)
	if n, err := inFile(); err != nil || n == 0 {
		t.Errorf("%d rows are staged: %v", n, err)
	}
	e.budget.Release(full)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := inFile(); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the staged rows stay")
		}
	}
	if err := e.CreateView(ctx, rowsDefinition("v")); err != nil {
		t.Fatal(err)
	}
	check(t, e, "SELECT count(*) FROM v", "[100000]")
	closeClean(t, e)
}
