package view

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
)

// counted is a view of count(*) and sum(n) by k and n % 3 over the rows (ts, k, n).
func counted(t testing.TB) *fixture {
	return newFixture(t, &Definition{
		Name: "v", Where: -1, Keys: []Key{{Expr: 1, Type: bigint}, {Expr: 3, Type: bigint}},
		Exprs:      []Expr{{Type: timestamp, Column: 0}, {Type: bigint, Column: 1}, {Type: bigint, Column: 2}, {Type: bigint, Column: 3}},
		Aggregates: []Aggregate{{Func: aggregate.CountStar, Filter: -1}, {Func: aggregate.Max, Args: []int{2}, Filter: -1}},
	})
}

// countedRows folds rows of the given keys, whose n is that of value, or NULL.
func countedRows(f *fixture, keys []int64, value func(i int) (int64, bool)) {
	b := batch.NewBuilder(f.mem, batch.NewSchema([]batch.Column{
		{Name: "ts", Type: timestamp}, {Name: "k", Type: bigint}, {Name: "n", Type: bigint}, {Name: "m", Type: bigint}}))
	for i, k := range keys {
		b.Column(0).AppendInt64(int64(i))
		b.Column(1).AppendInt64(k)
		if n, ok := value(i); ok {
			b.Column(2).AppendInt64(n)
		} else {
			b.Column(2).AppendNull()
		}
		b.Column(3).AppendInt64(k % 3)
	}
	rec := b.Finish()
	defer rec.Release()
	in := &Input{Rows: len(keys)}
	for i := range 4 {
		in.Exprs = append(in.Exprs, batch.VectorOf(rec.Column(i), b.Schema().Columns[i].Type))
	}
	f.view.Apply(in)
}

func oneInt(n int64) batch.Vector {
	return batch.Vector{Type: bigint, Len: 1, Values: unsafe.Pointer(&n)}
}

// selected returns the keys of a selection's rows with their n, sorted.
func selected(t *testing.T, s *Selection) (rows [][2]int64) {
	t.Helper()
	if !s.Copied() {
		t.Fatalf("%d rows are read in place", s.Rows())
	}
	rec := s.Relation.(*duck.RecordRelation).Records[0]
	k, n := batch.VectorOf(rec.Column(0), bigint), batch.VectorOf(rec.Column(3), bigint)
	for i := range int(rec.NumRows()) {
		row := [2]int64{k.Int64(i), math.MinInt64}
		if !n.Null(i) {
			row[1] = n.Int64(i)
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b [2]int64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return rows
}

// TestSelectLooksUp finds few of many groups by all keys, by one, and none.
func TestSelectLooksUp(t *testing.T) {
	f := counted(t)
	const groups = 50_000
	keys := make([]int64, groups)
	for i := range keys {
		keys[i] = int64(i)
	}
	countedRows(f, keys, func(i int) (int64, bool) { return int64(i * 2), true })
	s, _ := f.publish()
	defer f.close(t)
	all := &Needs{Low: math.MinInt64, High: math.MaxInt64}
	for _, c := range []struct {
		name string
		keys []KeyNeed
		want [][2]int64
	}{
		{"by both", []KeyNeed{{0, []batch.Vector{oneInt(49_999)}}, {1, []batch.Vector{oneInt(1)}}}, [][2]int64{{49_999, 99_998}}},
		{"by both, one is another", []KeyNeed{{0, []batch.Vector{oneInt(49_999)}}, {1, []batch.Vector{oneInt(0)}}}, nil},
		{"by one", []KeyNeed{{0, []batch.Vector{oneInt(4711), oneInt(-1), oneInt(17)}}}, [][2]int64{{17, 34}, {4711, 9422}}},
		{"twice", []KeyNeed{{0, []batch.Vector{oneInt(7), oneInt(7)}}, {1, []batch.Vector{oneInt(1), oneInt(1)}}}, [][2]int64{{7, 14}}},
		{"by NULL", []KeyNeed{{0, []batch.Vector{{Type: bigint, Len: 1}}}, {1, []batch.Vector{oneInt(1)}}}, nil},
		{"by nothing", []KeyNeed{{0, nil}}, nil},
	} {
		n := *all
		n.Keys = c.keys
		sel := s.Select(0, &n)
		if got := selected(t, sel); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		sel.Release()
	}
	n := *all
	n.Keys = []KeyNeed{{1, []batch.Vector{oneInt(1)}}} // a third of all
	sel := s.Select(0, &n)
	if sel.Copied() || sel.Rows() != groups {
		t.Errorf("%d rows, copied %t, for a condition that leaves a third", sel.Rows(), sel.Copied())
	}
	sel.Release()
}

// TestSelectFindsTheFirst compares the first rows with a sort of all of them, in
// orders that are hard for it.
func TestSelectFindsTheFirst(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const groups = 40_000
	for name, value := range map[string]func(i int) (int64, bool){
		"rising":  func(i int) (int64, bool) { return int64(i), true },
		"falling": func(i int) (int64, bool) { return int64(-i), true },
		"random":  func(int) (int64, bool) { return random.Int64() - math.MaxInt64/2, true },
		"ties":    func(i int) (int64, bool) { return int64(i % 100), true },
		"nulls":   func(i int) (int64, bool) { return int64(i), i%100 != 0 },
		"least":   func(i int) (int64, bool) { return math.MinInt64 + 1 + int64(i%1000), true },
	} {
		f := counted(t)
		keys := make([]int64, groups)
		for i := range keys {
			keys[i] = int64(i)
		}
		values := make([]int64, groups)
		nulls := 0
		countedRows(f, keys, func(i int) (int64, bool) {
			n, ok := value(i)
			if values[i] = n; !ok {
				values[i], nulls = math.MinInt64, nulls+1
			}
			return n, ok
		})
		s, _ := f.publish()
		for _, rows := range []int{1, 10, 500} {
			for _, desc := range []bool{false, true} {
				sel := s.Select(0, &Needs{Low: math.MinInt64, High: math.MaxInt64, Top: &TopNeed{Column: 3, Desc: desc, Rows: rows}})
				checkFirst(t, fmt.Sprint(name, " ", rows, " ", desc), selected(t, sel), values, rows, desc, nulls)
				sel.Release()
			}
		}
		f.close(t)
	}
}

// checkFirst expects all values up to the last of the first rows, and all NULLs.
func checkFirst(t *testing.T, name string, got [][2]int64, values []int64, rows int, desc bool, nulls int) {
	t.Helper()
	sorted := slices.DeleteFunc(slices.Clone(values), func(n int64) bool { return n == math.MinInt64 })
	slices.Sort(sorted)
	if desc {
		slices.Reverse(sorted)
	}
	last := sorted[rows-1]
	want := nulls
	for _, n := range sorted {
		if desc && n >= last || !desc && n <= last {
			want++
		}
	}
	if len(got) != want {
		t.Errorf("%s: %d rows, want %d", name, len(got), want)
	}
	for _, row := range got {
		if n := row[1]; n != values[row[0]] || n != math.MinInt64 && (desc && n < last || !desc && n > last) {
			t.Errorf("%s: the row of %d has %d, and the last of the first is %d", name, row[0], n, last)
		}
	}
}

// TestSelectGivesUpTies: when most rows are equal, they are read in place.
func TestSelectGivesUpTies(t *testing.T) {
	f := counted(t)
	keys := make([]int64, 40_000)
	for i := range keys {
		keys[i] = int64(i)
	}
	countedRows(f, keys, func(int) (int64, bool) { return 1, true })
	s, _ := f.publish()
	defer f.close(t)
	sel := s.Select(0, &Needs{Low: math.MinInt64, High: math.MaxInt64, Top: &TopNeed{Column: 3, Desc: true, Rows: 10}})
	defer sel.Release()
	if sel.Copied() || sel.Rows() != len(keys) {
		t.Errorf("%d rows, copied %t", sel.Rows(), sel.Copied())
	}
}

// TestSelectWhileGroupsCome looks groups up in snapshots whose hash table the
// writer fills, and makes anew, meanwhile.
func TestSelectWhileGroupsCome(t *testing.T) {
	f := counted(t)
	const epochs, each = 60, 500
	var wait sync.WaitGroup
	for e := range epochs {
		keys := make([]int64, each)
		for i := range keys {
			keys[i] = int64(e*each + i)
		}
		countedRows(f, keys, func(i int) (int64, bool) { return keys[i], true })
		s, pin := f.publish()
		if !pin.Acquire() {
			t.Fatal("the epoch is gone")
		}
		wait.Go(func() {
			defer pin.Release()
			random := rand.New(rand.NewPCG(uint64(e), 1))
			for range 200 {
				k := random.Int64N(epochs * each)
				sel := s.Select(0, &Needs{Low: math.MinInt64, High: math.MaxInt64, Keys: []KeyNeed{{0, []batch.Vector{oneInt(k)}}, {1, []batch.Vector{oneInt(k % 3)}}}})
				if got, want := sel.Rows() == 1, k < int64((e+1)*each); got != want {
					t.Errorf("key %d is there: %t, in epoch %d", k, got, e)
				}
				sel.Release()
			}
		})
	}
	wait.Wait()
	f.close(t)
}
