package view

import (
	"fmt"
	"testing"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/window"
)

// benchInput is a batch of rows, a microsecond apart from first on, over so many keys.
func benchInput(f *fixture, first int64, rows, keys int) (*Input, func()) {
	b := batch.NewBuilder(f.mem, batch.NewSchema([]batch.Column{{Name: "ts", Type: timestamp}, {Name: "k", Type: bigint}, {Name: "n", Type: bigint}}))
	for i := range int64(rows) {
		b.Column(0).AppendInt64(first + i)
		b.Column(1).AppendInt64(int64(uint64(first+i) * 0x9e3779b97f4a7c15 >> 20 % uint64(keys)))
		b.Column(2).AppendInt64(i)
	}
	rec := b.Finish()
	vectors := make([]batch.Vector, 3)
	for i := range vectors {
		vectors[i] = batch.VectorOf(rec.Column(i), b.Schema().Columns[i].Type)
	}
	return &Input{Rows: rows, Exprs: vectors}, rec.Release
}

// benchView folds rows whose watermark follows, closes windows and lets
// checkpoints take them; what is reported is the cost of a row.
func benchView(b *testing.B, spec *window.Spec, keys int) {
	def := &Definition{
		Name: "v", Where: -1, Keys: []Key{{Expr: 1, Type: bigint}},
		Exprs: []Expr{{Type: timestamp, Column: 0}, {Type: bigint, Column: 1}, {Type: bigint, Column: 2}},
		Aggregates: []Aggregate{
			{Func: aggregate.CountStar, Filter: -1}, {Func: aggregate.Sum, Args: []int{2}, Filter: -1},
			{Func: aggregate.Min, Args: []int{2}, Filter: -1}, {Func: aggregate.Max, Args: []int{2}, Filter: -1},
		},
	}
	if spec != nil {
		def.Window = &Window{Expr: 0, Spec: *spec}
	}
	f := newFixture(b, def)
	const rows = 10_000
	at := int64(0)
	for b.Loop() {
		b.StopTimer()
		in, release := benchInput(f, at, rows, keys)
		b.StartTimer()
		f.view.Apply(in)
		at += rows
		f.view.CloseWindows(at)
		_, pin := f.publish()
		f.view.Drop(pin.Epoch)
		b.StopTimer()
		release()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
	b.StopTimer()
	f.view.Close()
	f.reclaim.Close()
}

// BenchmarkHop has a pane of 100,000 rows: what grows is how many windows hold
// a row.
func BenchmarkHop(b *testing.B) {
	for _, keys := range []int{100, 10_000} {
		for _, ratio := range []int64{1, 10, 100} {
			b.Run(fmt.Sprintf("keys=%d/ratio=%d", keys, ratio), func(b *testing.B) {
				benchView(b, &window.Spec{Kind: window.Hop, WidthMicros: 100_000, SlidePanes: 1, SizePanes: ratio}, keys)
			})
		}
	}
}

// BenchmarkGroups has one window: what grows is how many groups it has.
func BenchmarkGroups(b *testing.B) {
	for _, keys := range []int{10, 1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("groups=%d", keys), func(b *testing.B) { benchView(b, nil, keys) })
	}
}
