package budget

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestLargeStatesAreStopped lets views grow and looks at which are told to stop.
func TestLargeStatesAreStopped(t *testing.T) {
	t.Parallel()
	type sizes = map[string]int64
	for _, c := range []struct {
		name      string
		each, all int64
		steps     []sizes
		want      []string // by step; views that were stopped stay so
	}{
		{"no limits", 0, 0, []sizes{{"a": 1 << 40}}, []string{""}},
		{"one is too large", 100, 0, []sizes{{"a": 100, "b": 101}, {"a": 101, "b": 101}}, []string{"b", "a"}},
		{"the one that grows stops, not the largest", 0, 1000, []sizes{{"large": 400, "grows": 10}, {"large": 405, "grows": 300}, {"large": 410, "grows": 345}}, []string{"", "", "grows"}},
		{
			"the others have what is left", 0, 1000,
			[]sizes{{"a": 100, "b": 50}, {"a": 500, "b": 160}, {"a": 600, "b": 170}, {"a": 600, "b": 330}, {"a": 600, "b": 340}},
			[]string{"", "", "a", "", "b"},
		},
		{"nobody has grown", 0, 1000, []sizes{{"a": 900}, {"a": 900}}, []string{"", ""}},
		{
			"it was too much once", 0, 1000,
			[]sizes{{"a": 500, "b": 50}, {"a": 700, "b": 160}, {"a": 100, "b": 160}, {"a": 100, "b": 640}, {"a": 100, "b": 660}},
			[]string{"", "a", "", "", "b"},
		},
		{
			"much is there from the start", 0, 1000,
			[]sizes{{"a": 700, "b": 200}, {"a": 700, "b": 270}, {"a": 700, "b": 280}},
			[]string{"", "", "b"},
		},
		{"too large, and together", 500, 1000, []sizes{{"a": 501, "b": 501}}, []string{"a b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := States{Each: c.each, All: c.all}
			stopped := make(map[string]bool)
			for i, step := range c.steps {
				var states []State
				for view, bytes := range step {
					states = append(states, State{view, bytes, !stopped[view]})
				}
				var got []string
				for _, o := range s.Outgrown(states) {
					stopped[o.View] = true
					got = append(got, o.View)
					if !strings.Contains(o.Reason, "MiB") {
						t.Errorf("step %d: reason %q", i, o.Reason)
					}
				}
				slices.Sort(got)
				if fmt.Sprint(got) != fmt.Sprint(strings.Fields(c.want[i])) {
					t.Errorf("step %d: %v stop, want %q", i, got, c.want[i])
				}
			}
		})
	}
}

// TestStatesStayWithinAll has many views grow at random until all have stopped.
func TestStatesStayWithinAll(t *testing.T) {
	t.Parallel()
	const all = 1 << 20
	s := States{All: all}
	states := make([]State, 20)
	for i := range states {
		states[i] = State{View: fmt.Sprint(i), Stops: true}
	}
	for round := 0; slices.ContainsFunc(states, func(v State) bool { return v.Stops }); round++ {
		total := int64(0)
		for i := range states {
			if v := &states[i]; v.Stops {
				v.Bytes += int64(1 + (i*7+round)%5)
			}
			total += states[i].Bytes
		}
		if total > all+1100 { // one stops at a time
			t.Fatalf("round %d: %d bytes, at most %d are right", round, total, all)
		}
		for _, o := range s.Outgrown(slices.Clone(states)) {
			i := slices.IndexFunc(states, func(v State) bool { return v.View == o.View })
			states[i].Stops = false
		}
	}
}
