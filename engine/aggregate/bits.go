package aggregate

import (
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
)

// bitwise is bit_and, bit_or and bit_xor of integers. What lies beyond a narrow
// type's width in a datum is zero and stays so.
type bitwise struct {
	typ batch.Type
	f   Function
}

func newBitwise(arg batch.Type, f Function) (Accumulator, error) {
	if arg.Kind < batch.TinyInt || arg.Kind > batch.HugeInt {
		return nil, fmt.Errorf("bitwise aggregate over %s", arg)
	}
	return bitwise{arg, f}, nil
}

func (b bitwise) Columns() []StateColumn { return []StateColumn{{b.typ, true}} }

func (b bitwise) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	for i, g := range groups {
		if row := int(rows[i]); !args[0].Null(row) {
			b.fold(&c[0], g, datumOf(&args[0], row))
		}
	}
}

func (b bitwise) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		if h := fromGroups[i]; *from[0].valid(h) != 0 {
			b.fold(&c[0], g, load(&from[0], h, b.typ.Physical()))
		}
	}
}

func (b bitwise) fold(c *Column, g uint32, d datum) {
	if valid := c.valid(g); *valid == 0 {
		*valid = 1
	} else {
		held := load(c, g, b.typ.Physical())
		for i := range d.bits {
			switch b.f {
			case BitAnd:
				d.bits[i] &= held.bits[i]
			case BitOr:
				d.bits[i] |= held.bits[i]
			default:
				d.bits[i] ^= held.bits[i]
			}
		}
	}
	save(c, g, b.typ.Physical(), &d, nil)
}
