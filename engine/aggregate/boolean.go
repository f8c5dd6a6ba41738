package aggregate

import "github.com/millstream-db/millstream/engine/batch"

// boolean is bool_and and bool_or: once stop was seen, the result is stop.
type boolean struct{ stop bool }

func (boolean) Columns() []StateColumn {
	return []StateColumn{{batch.Type{Kind: batch.Boolean}, true}}
}

func (b boolean) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	arg := &args[0]
	for i, g := range groups {
		if row := int(rows[i]); !arg.Null(row) {
			b.fold(&c[0], g, arg.Bool(row))
		}
	}
}

func (b boolean) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		if h := fromGroups[i]; *from[0].valid(h) != 0 {
			b.fold(&c[0], g, *value[bool](&from[0], h))
		}
	}
}

func (b boolean) fold(c *Column, g uint32, v bool) {
	if valid := c.valid(g); *valid == 0 || v == b.stop {
		*value[bool](c, g) = v
		*valid = 1
	}
}
