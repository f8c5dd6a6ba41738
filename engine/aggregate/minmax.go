package aggregate

import (
	"bytes"
	"cmp"
	"fmt"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

func newMinMax(arg batch.Type, greatest bool) (Accumulator, error) {
	switch arg.Kind {
	case batch.Boolean:
		return boolean{stop: greatest}, nil
	case batch.UTinyInt:
		return ordered[uint8](greatest), nil
	case batch.USmallInt:
		return ordered[uint16](greatest), nil
	case batch.UInteger:
		return ordered[uint32](greatest), nil
	case batch.UBigInt:
		return ordered[uint64](greatest), nil
	case batch.Real:
		return minMax[float32]{greatest, func(a, b float32) int { return batch.CompareFloat(float64(a), float64(b)) }}, nil
	case batch.Double:
		return minMax[float64]{greatest, batch.CompareFloat}, nil
	case batch.UUID:
		return minMax[batch.UUIDValue]{greatest, func(a, b batch.UUIDValue) int { return bytes.Compare(a[:], b[:]) }}, nil
	case batch.Interval:
		return nil, fmt.Errorf("min and max over %s", arg)
	}
	switch arg.Physical() {
	case batch.Int8:
		return ordered[int8](greatest), nil
	case batch.Int16:
		return ordered[int16](greatest), nil
	case batch.Int32:
		return ordered[int32](greatest), nil
	case batch.Int64:
		return ordered[int64](greatest), nil
	case batch.Int128:
		return minMax[batch.Int128Value]{greatest, batch.Int128Value.Cmp}, nil
	case batch.Bytes:
		return minMaxBytes{greatest}, nil
	default:
		return nil, fmt.Errorf("min and max over %s", arg)
	}
}

// minMax keeps the least or greatest value of a fixed width.
type minMax[T any] struct {
	greatest bool
	compare  func(a, b T) int
}

func ordered[T cmp.Ordered](greatest bool) minMax[T] { return minMax[T]{greatest, cmp.Compare[T]} }

func (m minMax[T]) Width() int { var v T; return int(unsafe.Sizeof(v)) }

func (minMax[T]) Nullable() bool { return true }

func (m minMax[T]) Add(c *Column, groups []uint32, rows []int32, arg *batch.Vector, _ *Arena) {
	nulls := arg.HasNulls()
	for i, g := range groups {
		row := int(rows[i])
		if nulls && arg.Null(row) {
			continue
		}
		v, held, valid := batch.At[T](arg, row), value[T](c, g), c.valid(g)
		if *valid == 0 {
			*held, *valid = v, 1
		} else if order := m.compare(v, *held); order < 0 != m.greatest && order != 0 {
			*held = v
		}
	}
}

// minMaxBytes keeps the least or greatest string or blob in binary order. What
// it lets go stays in the arena until the window goes.
type minMaxBytes struct{ greatest bool }

func (minMaxBytes) Width() int     { return 16 }
func (minMaxBytes) Nullable() bool { return true }

func (m minMaxBytes) Add(c *Column, groups []uint32, rows []int32, arg *batch.Vector, arena *Arena) {
	for i, g := range groups {
		row := int(rows[i])
		if arg.Null(row) {
			continue
		}
		v, held, valid := arg.Bytes(row), value[StringHandle](c, g), c.valid(g)
		if *valid == 0 {
			*held, *valid = arena.Handle(v), 1
		} else if order := bytes.Compare(v, held.Bytes()); order < 0 != m.greatest && order != 0 {
			*held = arena.Handle(v)
		}
	}
}
