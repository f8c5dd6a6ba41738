package aggregate

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
)

// product multiplies numbers as DOUBLEs.
type product struct {
	number func(v *batch.Vector, row int) float64
}

func newProduct(arg batch.Type) (Accumulator, error) {
	if number := numbers(arg); number != nil {
		return product{number}, nil
	}
	return nil, fmt.Errorf("product over %s", arg)
}

func (product) Columns() []StateColumn { return []StateColumn{{doubleType, true}} }

func (p product) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	for i, g := range groups {
		if row := int(rows[i]); !args[0].Null(row) {
			multiply(&c[0], g, p.number(&args[0], row))
		}
	}
}

func (product) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		if h := fromGroups[i]; *from[0].valid(h) != 0 {
			multiply(&c[0], g, *value[float64](&from[0], h))
		}
	}
}

func multiply(c *Column, g uint32, by float64) {
	held, valid := value[float64](c, g), c.valid(g)
	if *valid == 0 {
		*held, *valid = 1, 1
	}
	*held *= by
}
