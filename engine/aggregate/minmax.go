package aggregate

import (
	"bytes"
	"cmp"
	"fmt"

	"github.com/millstream-db/millstream/engine/batch"
)

func newMinMax(arg batch.Type, greatest bool) (Accumulator, error) {
	switch arg.Kind {
	case batch.Boolean:
		return boolean{stop: greatest}, nil
	case batch.UTinyInt:
		return ordered[uint8](arg, greatest), nil
	case batch.USmallInt:
		return ordered[uint16](arg, greatest), nil
	case batch.UInteger:
		return ordered[uint32](arg, greatest), nil
	case batch.UBigInt:
		return ordered[uint64](arg, greatest), nil
	case batch.Real:
		return minMax[float32]{arg, greatest, func(a, b float32) int { return batch.CompareFloat(float64(a), float64(b)) }}, nil
	case batch.Double:
		return minMax[float64]{arg, greatest, batch.CompareFloat}, nil
	case batch.UUID:
		return minMax[batch.UUIDValue]{arg, greatest, func(a, b batch.UUIDValue) int { return bytes.Compare(a[:], b[:]) }}, nil
	case batch.Interval:
		return minMax[interval]{arg, greatest, interval.compare}, nil
	}
	switch arg.Physical() {
	case batch.Int8:
		return ordered[int8](arg, greatest), nil
	case batch.Int16:
		return ordered[int16](arg, greatest), nil
	case batch.Int32:
		return ordered[int32](arg, greatest), nil
	case batch.Int64:
		return ordered[int64](arg, greatest), nil
	case batch.Int128:
		return minMax[batch.Int128Value]{arg, greatest, batch.Int128Value.Cmp}, nil
	case batch.Bytes:
		return minMaxBytes{arg, greatest}, nil
	default:
		return nil, fmt.Errorf("min and max over %s", arg)
	}
}

// minMax keeps the least or greatest value of a fixed width.
type minMax[T any] struct {
	typ      batch.Type
	greatest bool
	compare  func(a, b T) int
}

func ordered[T cmp.Ordered](t batch.Type, greatest bool) minMax[T] {
	return minMax[T]{t, greatest, cmp.Compare[T]}
}

func (m minMax[T]) Columns() []StateColumn { return []StateColumn{{m.typ, true}} }

func (m minMax[T]) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, _ *Arena) {
	arg, nulls := &args[0], args[0].HasNulls()
	for i, g := range groups {
		row := int(rows[i])
		if nulls && arg.Null(row) {
			continue
		}
		m.fold(&c[0], g, batch.At[T](arg, row))
	}
}

func (m minMax[T]) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, _ *Arena) {
	for i, g := range groups {
		if h := fromGroups[i]; *from[0].valid(h) != 0 {
			m.fold(&c[0], g, *value[T](&from[0], h))
		}
	}
}

func (m minMax[T]) fold(c *Column, g uint32, v T) {
	held, valid := value[T](c, g), c.valid(g)
	if *valid == 0 {
		*held, *valid = v, 1
	} else if order := m.compare(v, *held); order < 0 != m.greatest && order != 0 {
		*held = v
	}
}

// minMaxBytes keeps the least or greatest string or blob in binary order. What
// it lets go stays in the arena.
type minMaxBytes struct {
	typ      batch.Type
	greatest bool
}

func (m minMaxBytes) Columns() []StateColumn { return []StateColumn{{m.typ, true}} }

func (m minMaxBytes) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector, arena *Arena) {
	arg := &args[0]
	for i, g := range groups {
		if row := int(rows[i]); !arg.Null(row) {
			m.fold(&c[0], g, arg.Bytes(row), arena)
		}
	}
}

func (m minMaxBytes) Merge(c []Column, groups []uint32, from []Column, fromGroups []uint32, arena *Arena) {
	for i, g := range groups {
		if h := fromGroups[i]; *from[0].valid(h) != 0 {
			m.fold(&c[0], g, value[StringHandle](&from[0], h).Bytes(), arena)
		}
	}
}

func (m minMaxBytes) fold(c *Column, g uint32, v []byte, arena *Arena) {
	held, valid := value[StringHandle](c, g), c.valid(g)
	if *valid == 0 {
		*held, *valid = arena.Handle(v), 1
	} else if order := bytes.Compare(v, held.Bytes()); order < 0 != m.greatest && order != 0 {
		*held = arena.Handle(v)
	}
}

// interval is an INTERVAL as it lies in memory.
type interval struct {
	months, days int32
	nanos        int64
}

const (
	microsPerDay = 86400e6
	daysPerMonth = 30
)

// normal returns an equal interval of months, days below a month and
// microseconds below a day: SQL takes a month for 30 days where it compares.
// What is above a day becomes days first, and only then days become months:
// with negative parts it makes a difference, and DuckDB does so.
func (i interval) normal() (months, days, micros int64) {
	micros = i.nanos / 1000
	days = int64(i.days) + micros/microsPerDay
	return int64(i.months) + days/daysPerMonth, days % daysPerMonth, micros % microsPerDay
}

func (i interval) compare(j interval) int {
	m, d, u := i.normal()
	n, e, v := j.normal()
	return cmp.Or(cmp.Compare(m, n), cmp.Compare(d, e), cmp.Compare(u, v))
}
