package aggregate

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
)

// naivePick finds the row that a pick must keep.
func naivePick(f Function, rows [][]sample) (kept []sample) {
	for _, row := range rows {
		switch f {
		case ArgMin, ArgMax:
			if row[0] == nil || row[1] == nil {
				continue
			}
		case ArgMinNull, ArgMaxNull:
			if row[1] == nil {
				continue
			}
		case AnyValue:
			if row[0] == nil {
				continue
			}
		}
		if kept == nil || naiveBetter(f, row[1], kept[1]) {
			kept = row
		}
	}
	return kept
}

func naiveBetter(f Function, key, held sample) bool {
	if key == nil || held == nil {
		return held == nil && (key != nil || f == Last)
	}
	order := compare(key, held)
	switch f {
	case ArgMax, ArgMaxNull:
		return order > 0
	case Last:
		return order >= 0
	default:
		return order < 0
	}
}

func TestPicksKeepTheRowThatSQLPicks(t *testing.T) {
	keys := []batch.Type{{Kind: batch.BigInt}, {Kind: batch.UTinyInt}, {Kind: batch.Real}, {Kind: batch.Varchar}, {Kind: batch.UUID}, {Kind: batch.HugeInt}, {Kind: batch.Boolean}}
	for i, typ := range types {
		for f := ArgMin; f <= AnyValue; f++ {
			key := keys[(i+int(f))%len(keys)]
			acc, err := New(f, []batch.Type{typ, key})
			if err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprint(f, typ, key), rapid.MakeCheck(func(t *rapid.T) { checkPick(t, f, acc, typ, key) }))
		}
	}
}

func checkPick(t *rapid.T, f Function, acc Accumulator, typ, key batch.Type) {
	mem := batch.NewAllocator()
	parts := newParts(t, mem, acc)
	all := []uint32{0, 1, PageRows}
	rows := drawRows(t, mem, acc, parts, []batch.Type{typ, key}, all, draw)
	for i := range parts[1:] {
		acc.Merge(parts[0].columns, all, parts[i+1].columns, all, parts[0].arena)
		for _, block := range parts[i+1].arena.Take() {
			mem.Free(block) // nothing may point into another window's arena
		}
	}
	for _, g := range all {
		kept := naivePick(f, rows[g])
		if found := *value[int8](&parts[0].columns[1], g) != pickNothing; found != (kept != nil) {
			t.Fatalf("group %d has a row: %t, want %v", g, found, kept)
		}
		if kept == nil {
			kept = []sample{nil, nil}
		}
		if got := held(&parts[0].columns[0], g, typ); text(got) != text(kept[0]) {
			t.Fatalf("group %d: %v, want %v of %v", g, got, kept[0], rows[g])
		}
	}
}

func TestIntervalsCompareByTheirLengthInMonthsDaysAndMicroseconds(t *testing.T) {
	const day = int64(86400e9)
	for _, test := range []struct {
		a, b interval
		want int
	}{
		{interval{months: 1}, interval{days: 30}, 0},
		{interval{months: 1}, interval{nanos: 30 * day}, 0},
		{interval{days: 1}, interval{nanos: day}, 0},
		{interval{months: 1, days: -1}, interval{days: 29}, 1},
		{interval{days: 31}, interval{months: 1}, 1},
		{interval{nanos: -1000}, interval{}, -1},
		{interval{months: -1}, interval{days: -29}, -1},
		// What is above a day is days before days above a month are months.
		{interval{days: 23, nanos: 10 * day}, interval{months: 1, days: 2}, 1},
		{interval{days: 23, nanos: 7 * day}, interval{months: 1}, 0},
		{interval{months: 28, days: 23, nanos: -9 * day}, interval{months: 29, days: -34, nanos: 6 * day}, -1},
	} {
		if got := test.a.compare(test.b); got != test.want {
			t.Errorf("%v to %v compares as %d, want %d", test.a, test.b, got, test.want)
		}
		if got := test.b.compare(test.a); got != -test.want {
			t.Errorf("%v to %v compares as %d, want %d", test.b, test.a, got, -test.want)
		}
	}
}
