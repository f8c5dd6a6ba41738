package aggregate

import "github.com/millstream-db/millstream/engine/batch"

// boolean is bool_and and bool_or: once stop was seen, the result is stop.
type boolean struct{ stop bool }

func (boolean) Width() int     { return 1 }
func (boolean) Nullable() bool { return true }

func (b boolean) Add(c *Column, groups []uint32, rows []int32, arg *batch.Vector, _ *Arena) {
	for i, g := range groups {
		row := int(rows[i])
		if arg.Null(row) {
			continue
		}
		v, valid := arg.Bool(row), c.valid(g)
		if *valid == 0 || v == b.stop {
			*value[bool](c, g) = v
			*valid = 1
		}
	}
}
