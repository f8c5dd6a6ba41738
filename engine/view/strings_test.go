package view

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/aggregate"
)

// TestStringsThatAreReplacedGoAway: a group that lives for ever takes no more
// memory with each record, and a reader keeps what it sees.
func TestStringsThatAreReplacedGoAway(t *testing.T) {
	f := newFixture(t, &Definition{
		Name: "v", Where: -1, Keys: []Key{{Expr: 2, Type: bigint}},
		Exprs:      []Expr{{Type: timestamp, Column: 0}, {Type: varchar, Column: 1}, {Type: bigint, Column: 2}},
		Aggregates: []Aggregate{{Func: aggregate.Last, Args: []int{1}, Filter: -1}, {Func: aggregate.Min, Args: []int{1}, Filter: -1}},
	})
	const groups, rounds = 2000, 400
	name := func(round, g int) string {
		return fmt.Sprintf("%04d of group %d%s", round, g, strings.Repeat(", at some length", 6))
	}
	var early *Snapshot
	var seen string
	most := int64(0)
	for round := range rounds {
		rows := make([]row, groups)
		for g := range rows {
			rows[g] = row{int64(round), name(round, g), int64(g)}
		}
		f.reclaim.Withdraw(0)
		f.apply(rows, nil)
		s, pin := f.publish()
		if round == 2 && pin.Acquire() {
			early, seen = s, held(s)
			defer pin.Release()
		}
		most = max(most, f.mem.Bytes())
	}
	if got := held(early); got != seen {
		t.Error("what a reader sees has changed")
	}
	if most > 2*tidyBytes+4*2*groups*int64(len(name(0, 0))) {
		t.Errorf("%d bytes for %d groups", most, groups)
	}
	n := 0
	f.eachState(func(cells []string) {
		var g int
		if _, err := fmt.Sscan(cells[1], &g); err != nil {
			t.Fatal(err)
		}
		if last, least := cells[2], cells[len(cells)-1]; last != name(rounds-1, g) || least != name(0, g) {
			t.Errorf("group %d has %q and %q", g, last, least)
		}
		n++
	})
	if n != groups {
		t.Errorf("%d groups, want %d", n, groups)
	}
	f.view.Close()
}

// held is all strings of a snapshot.
func held(s *Snapshot) string {
	var all strings.Builder
	l := &s.view.accs
	for _, w := range s.windows {
		for _, p := range w.pages {
			for row := range min(aggregate.PageRows, w.n) {
				for i, c := range l.columns {
					if c.typ == varchar {
						all.Write((*aggregate.StringHandle)(l.value(p, i, row)).Bytes())
					}
				}
			}
		}
	}
	return all.String()
}
