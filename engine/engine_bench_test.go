package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
)

// BenchmarkApply is records into three views, history off: what an epoch costs
// besides reading and decoding.
func BenchmarkApply(b *testing.B) {
	for _, users := range []int{500, 100_000} {
		b.Run(fmt.Sprint("groups=", users), func(b *testing.B) { benchApply(b, users, 3) })
	}
}

// BenchmarkViews is the same with more and more views, by the cost of each.
func BenchmarkViews(b *testing.B) {
	for _, views := range []int{1, 10, 100} {
		b.Run(fmt.Sprint("views=", views), func(b *testing.B) { benchApply(b, 500, views) })
	}
}

func benchApply(b *testing.B, users, views int) {
	e, err := Open(ctx, "", Options{CheckpointInterval: time.Hour, HotBytes: 8 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close(ctx)
	def := ordersDefinition()
	def.Columns, def.NoHistory = def.Columns[:4], true
	if err := e.CreateSource(ctx, def); err != nil {
		b.Fatal(err)
	}
	for i := range views {
		v := revenueDefinition()
		v.Plan.Name = fmt.Sprint("v", i)
		v.Plan.Exprs[1] = view.Expr{Type: batch.Type{Kind: batch.Varchar}, Column: 1}
		v.Plan.Aggregates = append(v.Plan.Aggregates, view.Aggregate{Func: aggregate.Max, Args: []int{2}, Filter: -1})
		if err := e.CreateView(ctx, v); err != nil {
			b.Fatal(err)
		}
	}
	const rows = 20000
	builder := batch.NewBuilder(e.Allocator(), def.Decoded())
	next := 0
	for b.Loop() {
		b.StopTimer()
		for range rows {
			builder.Column(0).AppendInt64(int64(next))
			builder.Column(1).AppendString(fmt.Sprint("user number ", uint32(next)*2654435761%uint32(users)))
			builder.Column(2).AppendInt64(int64(next))
			builder.Column(3).AppendInt64(int64(next) * 100)
			next++
		}
		rec := builder.Finish()
		b.StartTimer()
		if err := e.Append(ctx, "orders", &batch.Batch{Record: rec}); err != nil {
			b.Fatal(err)
		}
	}
	perRecord := float64(b.Elapsed().Nanoseconds()) / float64(b.N*rows)
	b.ReportMetric(perRecord, "ns/record")
	b.ReportMetric(perRecord/float64(views), "ns/record/view")
}
