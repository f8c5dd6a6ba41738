package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
)

var ctx = context.Background()

func ordersDefinition() *catalog.SourceDefinition {
	return &catalog.SourceDefinition{
		Name: "orders", SQL: "CREATE SOURCE orders …", EventTime: "ts", DelayMicros: 5e6,
		Columns: []catalog.SourceColumn{
			{Name: "id", Type: batch.Type{Kind: batch.BigInt}},
			{Name: "country", Type: batch.Type{Kind: batch.Varchar}},
			{Name: "amount", Type: batch.Type{Kind: batch.Decimal, Precision: 12, Scale: 2}},
			{Name: "ts", Type: batch.Type{Kind: batch.TimestampTZ}},
			{Name: "double_id", Type: batch.Type{Kind: batch.BigInt}, Generated: "id * 2"},
		},
	}
}

func revenueDefinition() *catalog.ViewDefinition {
	return &catalog.ViewDefinition{SQL: "CREATE MATERIALIZED VIEW revenue …", Plan: view.Definition{
		Name: "revenue", Source: "orders", Where: -1,
		Exprs: []view.Expr{
			{Type: batch.Type{Kind: batch.TimestampTZ}, Column: 3},
			{SQL: `upper("country")`, Type: batch.Type{Kind: batch.Varchar}, Column: -1},
			{Type: batch.Type{Kind: batch.Decimal, Precision: 12, Scale: 2}, Column: 2},
		},
		Window: &view.Window{Expr: 0, Spec: window.Spec{WidthMicros: 60e6}},
		Keys:   []view.Key{{Expr: 1, Type: batch.Type{Kind: batch.Varchar}}},
		Aggregates: []view.Aggregate{
			{Func: aggregate.CountStar, Filter: -1},
			{Func: aggregate.Sum, Args: []int{2}, Filter: -1},
		},
		Result: `SELECT window_start, k0 AS country, a0 AS orders, a1 AS revenue FROM {{state}}`,
		Columns: []batch.Column{
			{Name: "window_start", Type: batch.Type{Kind: batch.TimestampTZ}}, {Name: "country", Type: batch.Type{Kind: batch.Varchar}},
			{Name: "orders", Type: batch.Type{Kind: batch.BigInt}}, {Name: "revenue", Type: batch.Type{Kind: batch.Decimal, Precision: 38, Scale: 2}},
		},
	}}
}

// orders makes n rows from id first on, a second apart.
func orders(e *Engine, first, n int) *batch.Batch {
	def := ordersDefinition()
	b := batch.NewBuilder(e.Allocator(), def.Decoded())
	for i := first; i < first+n; i++ {
		b.Column(0).AppendInt64(int64(i))
		b.Column(1).AppendString(fmt.Sprint("country of many letters ", i%3))
		b.Column(2).AppendInt64(int64(i))
		b.Column(3).AppendInt64(int64(i) * 1e6)
	}
	bytes := b.Bytes()
	return &batch.Batch{Record: b.Finish(), Bytes: bytes}
}

func query(t *testing.T, e *Engine, sql string) []string {
	t.Helper()
	out, err := tryQuery(e, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// tryQuery returns the rows of a query with one column, as text.
func tryQuery(e *Engine, sql string) (out []string, err error) {
	r, err := e.BeginRead(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	err = r.Conn().Each(ctx, "SELECT coalesce(x::VARCHAR, 'NULL') FROM ("+sql+") AS t(x)", func(scan func(...any) error) error {
		var s string
		err := scan(&s)
		out = append(out, s)
		return err
	})
	return out, err
}

func check(t *testing.T, e *Engine, sql, want string) {
	t.Helper()
	if got := fmt.Sprint(query(t, e, sql)); got != want {
		t.Errorf("%s\n got %s\nwant %s", sql, got, want)
	}
}

// same is rows of the view that differ from the same query over the source.
const same = `SELECT count(*) FROM (
 (SELECT * FROM revenue EXCEPT ALL SELECT time_bucket(INTERVAL '1 minute', ts), upper(country), count(*), sum(amount) FROM orders GROUP BY ALL)
 UNION ALL (SELECT time_bucket(INTERVAL '1 minute', ts), upper(country), count(*), sum(amount) FROM orders GROUP BY ALL EXCEPT ALL SELECT * FROM revenue))`

func TestViewSurvivesCheckpointsAndRestarts(t *testing.T) {
	dir := t.TempDir()
	e := openViews(t, dir, Options{CheckpointInterval: time.Hour})
	for i := range 10 {
		if err := e.Append(ctx, "orders", orders(e, i*100, 100)); err != nil {
			t.Fatal(err)
		}
		if i == 3 {
			if err := e.CreateView(ctx, revenueDefinition()); err != nil {
				t.Fatal(err)
			}
		}
		check(t, e, "SELECT count(*) FROM orders", fmt.Sprintf("[%d]", (i+1)*100))
		if i >= 3 {
			check(t, e, same, "[0]")
		}
		if i == 6 {
			if err := e.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
			check(t, e, same, "[0]")
		}
	}
	check(t, e, "SELECT sum(double_id) FROM orders", "[999000]")
	check(t, e, "SELECT source || ' ' || windows || ' ' || groups FROM millstream.views", "[orders 6 18]")
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := e.mem.Bytes(); got != 0 {
		t.Errorf("%d bytes leaked", got)
	}
	e = openOrders(t, dir, Options{})
	check(t, e, same, "[0]")
	if err := e.Append(ctx, "orders", orders(e, 1000, 500)); err != nil {
		t.Fatal(err)
	}
	check(t, e, same, "[0]")
	check(t, e, "SELECT max(next_offset) FROM millstream.partitions", "[1500]")
	late := orders(e, 0, 1)
	if err := e.Append(ctx, "orders", late); err != nil {
		t.Fatal(err)
	}
	check(t, e, `SELECT "view" || ' ' || id FROM "orders$late"`, "[revenue 0]")
	check(t, e, "SELECT late FROM millstream.sources", "[1]")
	if err := e.Drop(ctx, catalog.KindSource, "orders", false); err == nil {
		t.Error("a source was dropped under its view")
	}
	if err := e.Drop(ctx, catalog.KindSource, "orders", true); err != nil {
		t.Fatal(err)
	}
	check(t, e, "SELECT count(*) FROM millstream.views", "[0]")
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got := e.mem.Bytes(); got != 0 {
		t.Errorf("%d bytes leaked", got)
	}
}

func TestTimeBoundsSkipBatches(t *testing.T) {
	e, err := Open(ctx, "", Options{CheckpointInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(ctx)
	if err := e.CreateSource(ctx, ordersDefinition()); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if err := e.Append(ctx, "orders", orders(e, i*5000, 5000)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := e.BeginRead(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, c := range []struct {
		low, high int64
		rows      int
	}{{0, 1e18, 20000}, {12000e6, 12001e6, 5000}, {4999e6, 5000e6, 10000}, {1e15, 1e16, 0}} {
		r.SetTimeBounds(map[string][2]int64{"orders": {c.low, c.high}})
		rel, err := r.Relation("rows:orders")
		if err != nil || rel.Rows() != c.rows {
			t.Errorf("[%d, %d]: %d rows are scanned, want %d (%v)", c.low, c.high, rel.Rows(), c.rows, err)
		}
	}
}

func TestSmallBatchesAreMerged(t *testing.T) {
	e, err := Open(ctx, "", Options{CheckpointInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(ctx)
	if err := e.CreateSource(ctx, ordersDefinition()); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := e.Append(ctx, "orders", orders(e, i, 1)); err != nil {
			t.Fatal(err)
		}
	}
	check(t, e, "SELECT count(*) || ' ' || sum(id) FROM orders", "[1000 499500]")
	r, err := e.BeginRead(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n := r.HotSegments("orders"); n > 12 {
		t.Errorf("1000 records lie in %d batches", n)
	}
}

func TestBatchDuringCheckpointIsNotForgotten(t *testing.T) {
	dir := t.TempDir()
	e := openViews(t, dir, Options{CheckpointInterval: time.Hour})
	if err := e.Append(ctx, "orders", orders(e, 0, 10)); err != nil {
		t.Fatal(err)
	}
	err := e.do(ctx, func() error { // a checkpoint begins, a batch comes, the checkpoint ends
		p := e.planCheckpoint(nil, nil)
		e.step(delivery{source: "orders", batch: orders(e, 10, 10)})
		e.commit(ctx, p)
		e.finishCheckpoint(p)
		return p.err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	e = openOrders(t, dir, Options{})
	defer e.Close(ctx)
	check(t, e, "SELECT count(*) FROM orders", "[20]")
}

// More groups than DuckDB has rows in a row group come back in order: a group's
// number is its place in the state table's order of writing.
func TestLargeStateIsRestored(t *testing.T) {
	dir := t.TempDir()
	e := openViews(t, dir, Options{CheckpointInterval: time.Hour})
	def := revenueDefinition()
	def.Plan.Name, def.Plan.Window = "revenue", nil
	def.Plan.Exprs[1] = view.Expr{SQL: `(id % 300000)::VARCHAR || ' of many'`, Type: batch.Type{Kind: batch.Varchar}, Column: -1}
	def.Plan.Result = `SELECT k0 AS country, a0 AS orders, a1 AS revenue FROM {{state}}`
	def.Plan.Columns = def.Plan.Columns[1:]
	if err := e.CreateView(ctx, def); err != nil {
		t.Fatal(err)
	}
	for i := range 10 { // every group once, and the first 100,000 again after a checkpoint
		if err := e.Append(ctx, "orders", orders(e, i*40_000, 40_000)); err != nil {
			t.Fatal(err)
		}
		if i == 6 {
			if err := e.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	const want = "SELECT count(*) || ' ' || sum(orders) || ' ' || sum(revenue) || ' ' || count(*) FILTER (WHERE orders = 2) FROM revenue"
	const result = "[300000 400000 799998000.00 100000]"
	check(t, e, want, result)
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	e = openOrders(t, dir, Options{})
	defer e.Close(ctx)
	check(t, e, want, result)
}
