package aggregate

import "github.com/millstream-db/millstream/engine/batch"

// both keeps two accumulators side by side over the same argument: the sum and
// the number of values whose mean is asked for, behind one set for DISTINCT.
type both struct {
	first, second Accumulator
	at            int // the second's first column
}

func newMean(arg batch.Type) (Accumulator, error) {
	sum, err := newSum(arg)
	if err != nil {
		return nil, err
	}
	mean := both{sum, countValues{}, len(sum.Columns())}
	if _, ok := sum.(subtractor); ok {
		return exactMean{mean}, nil
	}
	return mean, nil
}

func (b both) Columns() []StateColumn { return append(b.first.Columns(), b.second.Columns()...) }

func (b both) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, arena *Arena) {
	b.first.Add(c, groups, rows, args, arena)
	b.second.Add(c[b.at:], groups, rows, args, arena)
}

func (b both) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, arena *Arena) {
	b.first.Merge(c, groups, from, fromGroups, arena)
	b.second.Merge(c[b.at:], groups, from[b.at:], fromGroups, arena)
}
