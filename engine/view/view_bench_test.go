package view

import (
	"fmt"
	"math/bits"
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
		b.Column(1).AppendInt64(int64(mix(0, uint64(first+i)) >> 1 % uint64(keys))) // in no order that was there before
		b.Column(2).AppendInt64(i)
	}
	rec := b.Finish()
	vectors := make([]batch.Vector, 3)
	for i := range vectors {
		vectors[i] = batch.VectorOf(rec.Column(i), b.Schema().Columns[i].Type)
	}
	return &Input{Rows: rows, Exprs: vectors}, rec.Release
}

// benchDefinition counts and sums by a number.
func benchDefinition() *Definition {
	return &Definition{
		Name: "v", Where: -1, Keys: []Key{{Expr: 1, Type: bigint}},
		Exprs: []Expr{{Type: timestamp, Column: 0}, {Type: bigint, Column: 1}, {Type: bigint, Column: 2}},
		Aggregates: []Aggregate{
			{Func: aggregate.CountStar, Filter: -1}, {Func: aggregate.Sum, Args: []int{2}, Filter: -1},
			{Func: aggregate.Min, Args: []int{2}, Filter: -1}, {Func: aggregate.Max, Args: []int{2}, Filter: -1},
		},
	}
}

// benchView folds rows whose watermark follows, closes windows and lets
// checkpoints take them; what is reported is the cost of a row. read says that
// somebody may read each epoch.
func benchView(b *testing.B, spec *window.Spec, keys int, read bool) {
	def := benchDefinition()
	if spec != nil {
		def.Window = &Window{Expr: 0, Spec: *spec}
	}
	f := newFixture(b, def)
	const rows = 10_000
	at := int64(0)
	for ; spec == nil && at < 3*int64(keys); at += 100_000 { // nearly all groups are there
		in, release := benchInput(f, at, 100_000, keys)
		f.view.Apply(in)
		release()
	}
	for b.Loop() {
		b.StopTimer()
		in, release := benchInput(f, at, rows, keys)
		b.StartTimer()
		if !read {
			f.reclaim.Withdraw(0)
		}
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
				benchView(b, &window.Spec{Kind: window.Hop, WidthMicros: 100_000, SlidePanes: 1, SizePanes: ratio}, keys, false)
			})
		}
	}
}

// BenchmarkGroups has one window: what grows is how many groups it has. While
// nobody reads, state is changed in place; each epoch that somebody may read
// copies what it changes.
func BenchmarkGroups(b *testing.B) {
	for _, keys := range groupCounts {
		for _, read := range []bool{false, true} {
			b.Run(fmt.Sprintf("groups=%d/read=%v", keys, read), func(b *testing.B) { benchView(b, nil, keys, read) })
		}
	}
}

// groupCounts are how many groups are measured.
var groupCounts = []int{10, 1000, 100_000, 1_000_000, 10_000_000}

// BenchmarkMemory is what BenchmarkGroups can't do without, and nothing else: of each
// row, the slot and the group, which changes, are in places of memory that nobody can
// foretell, and are waited for together for as many rows as prefetch takes.
func BenchmarkMemory(b *testing.B) {
	for _, n := range groupCounts {
		b.Run(fmt.Sprintf("groups=%d", n), func(b *testing.B) {
			f := newFixture(b, benchDefinition())
			defer f.close(b)
			v := f.view
			slots := make([]uint64, 1<<bits.Len(uint(n)*5/3))
			groups := v.accs.allocate(v.mem, n)
			defer v.mem.Free(groups)
			for i := 0; i < len(groups); i += cacheLine { // memory that was never written is not there
				groups[i] = 1
			}
			for i := range slots {
				slots[i] = uint64(i)
			}
			const rows = 40 * prefetchGroups
			var hashes [prefetchGroups]uint64
			var sum uint64
			at := uint64(0)
			for b.Loop() {
				for range rows / prefetchGroups {
					for i := range hashes {
						hashes[i] = mix(0, at)
						sum += slots[hashes[i]&uint64(len(slots)-1)]
						at++
					}
					for _, h := range hashes {
						group := int(h >> 1 % uint64(n))
						row := groups[group*v.accs.stride : (group+1)*v.accs.stride]
						row[0]++
						row[len(row)-1]++
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
			if sum == 0 {
				b.Error("nothing was read")
			}
		})
	}
}
