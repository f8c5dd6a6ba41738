package engine

import (
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/view"
)

// TestViewsShareTheirRoom gives all views together less than two need: the one that grows is paused, the
// other goes on.
func TestViewsShareTheirRoom(t *testing.T) {
	e := openViews(t, t.TempDir(), Options{CheckpointInterval: time.Hour, StatesBytes: 1 << 20}, unbounded("large"), countries("small"))
	for i := range 10 {
		if err := e.Append(ctx, "orders", orders(e, i*5000, 5000)); err != nil {
			t.Fatal(err)
		}
	}
	check(t, e, "SELECT status FROM millstream.views ORDER BY name", "[paused running]")
	check(t, e, "SELECT error LIKE '%process_memory leaves%ALTER MATERIALIZED VIEW large RESUME' FROM millstream.views WHERE name = 'large'", "[true]")
	check(t, e, "SELECT sum(orders) FROM small", "[50000]")
	closeClean(t, e)
}

// unbounded returns a view with a group for each row, and countries one with three groups.
func unbounded(name string) *catalog.ViewDefinition {
	d := named(name)
	d.Plan.Window = nil
	d.Plan.Exprs[1] = view.Expr{Type: batch.Type{Kind: batch.BigInt}, Column: 0}
	d.Plan.Keys[0].Type = batch.Type{Kind: batch.BigInt}
	d.Plan.Result = "SELECT k0 AS id, a0 AS n FROM {{state}}"
	d.Plan.Columns = []batch.Column{{Name: "id", Type: batch.Type{Kind: batch.BigInt}}, {Name: "n", Type: batch.Type{Kind: batch.BigInt}}}
	return d
}

func countries(name string) *catalog.ViewDefinition {
	d := named(name)
	d.Plan.Window = nil
	d.Plan.Result, d.Plan.Columns = "SELECT k0 AS country, a0 AS orders FROM {{state}}", d.Plan.Columns[1:3]
	return d
}

// TestLargeViewIsPausedAlone gives one view more groups than it may have. The
// other goes on; the large one stays readable as it was and, resumed, lacks
// nothing, wherever the rows that it missed are by then.
func TestLargeViewIsPausedAlone(t *testing.T) {
	for _, moved := range []string{"hot", "checkpoint", "restart"} {
		t.Run(moved, func(t *testing.T) {
			dir := t.TempDir()
			options := Options{CheckpointInterval: time.Hour, ViewBytes: 200 << 10}
			e := openViews(t, dir, options, unbounded("large"), countries("small"))
			for i := range 5 {
				if err := e.Append(ctx, "orders", orders(e, i*5000, 5000)); err != nil {
					t.Fatal(err)
				}
			}
			check(t, e, "SELECT status FROM millstream.views ORDER BY name", "[paused running]")
			check(t, e, "SELECT count(*) FROM large", "[5000]")
			check(t, e, "SELECT sum(orders) FROM small", "[25000]")
			if moved != "hot" {
				if err := e.Checkpoint(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if moved == "restart" {
				if err := e.Close(ctx); err != nil {
					t.Fatal(err)
				}
				e = openOrders(t, dir, options)
			}
			if err := e.Append(ctx, "orders", orders(e, 25000, 10)); err != nil {
				t.Fatal(err)
			}
			check(t, e, "SELECT count(*) FROM large", "[5000]")
			if changed, err := e.ResumeView(ctx, "large"); !changed || err != nil {
				t.Fatalf("resume: %v, %v", changed, err)
			}
			check(t, e, "SELECT count(*) || ' ' || sum(n) || ' ' || max(id) FROM large", "[25010 25010 25009]")
			if err := e.Append(ctx, "orders", orders(e, 25010, 10)); err != nil { // it is as large as before
				t.Fatal(err)
			}
			check(t, e, "SELECT status FROM millstream.views ORDER BY name", "[paused running]")
			check(t, e, "SELECT count(*) FROM large", "[25020]")
			closeClean(t, e)
		})
	}
}
