package aggregate

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
)

// sumKahan sums numbers as DOUBLEs and carries, in a second column, what each
// addition has rounded away into the next one.
type sumKahan struct {
	number func(v *batch.Vector, row int) float64
}

func newSumKahan(arg batch.Type) (Accumulator, error) {
	if number := numbers(arg); number != nil {
		return sumKahan{number}, nil
	}
	return nil, fmt.Errorf("compensated sum over %s", arg)
}

func (sumKahan) Columns() []StateColumn {
	return []StateColumn{{doubleType, true}, {doubleType, false}}
}

func (s sumKahan) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	for i, g := range groups {
		if row := int(rows[i]); !args[0].Null(row) {
			addKahan(c, g, s.number(&args[0], row))
		}
	}
}

func (sumKahan) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		if h := fromGroups[i]; *from[0].valid(h) != 0 {
			addKahan(c, g, *value[float64](&from[0], h))
			addKahan(c, g, -*value[float64](&from[1], h))
		}
	}
}

func addKahan(c []Column, g uint32, x float64) {
	sum, lost := value[float64](&c[0], g), value[float64](&c[1], g)
	y := x - *lost
	t := *sum + y
	*lost = (t - *sum) - y
	*sum, *c[0].valid(g) = t, 1
}
