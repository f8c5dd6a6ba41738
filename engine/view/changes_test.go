package view

import (
	"fmt"
	"testing"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/window"
)

// compared counts the groups in which two snapshots of a view may differ.
func compared(now, old *Snapshot) (was, is int) {
	count := func(r *Relation) (n int) {
		for _, c := range r.Scan(nil) {
			n += c.Rows
		}
		r.Release()
		return n
	}
	before, after := now.Compare(old, 0)
	return count(before), count(after)
}

// TestCompareTellsWhatRowsHaveChanged compares snapshots between which a row has come to one of
// the groups or of the windows that there are, for all kinds of state that it may change.
func TestCompareTellsWhatRowsHaveChanged(t *testing.T) {
	windows := map[string]*Window{
		"no window": nil,
		"TUMBLE":    {Spec: window.Spec{Kind: window.Tumble, WidthMicros: 10}},
		"HOP":       {Spec: window.Spec{Kind: window.Hop, WidthMicros: 10, SlidePanes: 1, SizePanes: 2}},
		"CUMULATE":  {Spec: window.Spec{Kind: window.Cumulate, WidthMicros: 10, SizePanes: 2}},
		"SESSION":   {Spec: window.Spec{Kind: window.Session, GapMicros: 10}},
	}
	aggregates := map[string][]Aggregate{
		"nothing":        nil,
		"bag":            {{Func: aggregate.Bag, Args: []int{2}, Filter: -1}},
		"sum":            {{Func: aggregate.Sum, Args: []int{2}, Filter: -1}},
		"count DISTINCT": {{Func: aggregate.Count, Distinct: true, Args: []int{2}, Filter: -1}},
		"list DISTINCT":  {{Func: aggregate.Bag, Distinct: true, Args: []int{2}, Filter: -1}},
	}
	for windowed := range windows {
		for state, list := range aggregates {
			for _, keyed := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/%t", windowed, state, keyed), func(t *testing.T) {
					def := definition(false, keyed)
					def.Window = windows[windowed]
					def.Aggregates = list
					f := newFixture(t, def)
					defer f.close(t)
					publish := func(rows ...row) (*Snapshot, func()) {
						marks := make([]int64, len(rows))
						f.apply(rows, marks)
						s, pin := f.publish()
						pin.Acquire()
						return s, pin.Release
					}
					first, release := publish(row{25, "a", 1}, row{125, "a", 1})
					defer release()
					same, release := publish()
					defer release()
					more, release := publish(row{26, "a", 2})
					defer release()
					if was, is := compared(same, first); was != 0 || is != 0 {
						t.Errorf("nothing has changed, but %d groups were and %d are", was, is)
					}
					if was, is := compared(more, same); list != nil && (was == 0 || was != is) {
						t.Errorf("a row has come, but %d groups were and %d are", was, is)
					}
				})
			}
		}
	}
}
