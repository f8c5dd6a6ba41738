package aggregate

import "github.com/millstream-db/millstream/engine/batch"

// countRows is count(*).
type countRows struct{}

func (countRows) Width() int     { return 8 }
func (countRows) Nullable() bool { return false }

func (countRows) Add(c *Column, groups []uint32, _ []int32, _ *batch.Vector, _ *Arena) {
	for _, g := range groups {
		*value[int64](c, g)++
	}
}

// countValues is count(x).
type countValues struct{}

func (countValues) Width() int     { return 8 }
func (countValues) Nullable() bool { return false }

func (countValues) Add(c *Column, groups []uint32, rows []int32, arg *batch.Vector, _ *Arena) {
	nulls := arg.HasNulls()
	for i, g := range groups {
		if !nulls || !arg.Null(int(rows[i])) {
			*value[int64](c, g)++
		}
	}
}
