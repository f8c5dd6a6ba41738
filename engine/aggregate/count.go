package aggregate

import "github.com/millstream-db/millstream/engine/batch"

// counter is a number that only needs to be added.
type counter struct{}

func (counter) Columns() []StateColumn { return []StateColumn{{batch.Type{Kind: batch.BigInt}, false}} }

func (counter) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		*value[int64](&c[0], g) += *value[int64](&from[0], fromGroups[i])
	}
}

// countRows is count(*).
type countRows struct{ counter }

func (countRows) Add(c []Column, groups []uint32, _ []int32, _ []batch.Vector, _ *Arena) {
	for _, g := range groups {
		*value[int64](&c[0], g)++
	}
}

// countValues is count(x).
type countValues struct{ counter }

func (countValues) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	arg, nulls := &args[0], args[0].HasNulls()
	for i, g := range groups {
		if !nulls || !arg.Null(int(rows[i])) {
			*value[int64](&c[0], g)++
		}
	}
}
