package narrow

import (
	"math/big"
	"strings"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// vector returns a value as one of a type, if the two are equal for DuckDB just
// when they are the same value of that type: numbers without a point among each
// other, and else values of one type. nil is NULL. A number that the type does not
// hold exactly is none: a parameter is rounded to the type first.
func vector(value any, t batch.Type) (v batch.Vector, ok bool) {
	if value == nil {
		return batch.Vector{Type: t, Len: 1}, true
	}
	switch t.Kind {
	case batch.Boolean:
		b, ok := value.(bool)
		return fixed(b, t), ok
	case batch.Varchar:
		s, ok := value.(string)
		return text(s, t), ok && !strings.Contains(s, "\x00")
	case batch.Blob:
		b, ok := value.([]byte)
		return text(string(b), t), ok
	case batch.Date:
		d, ok := value.(batch.DateValue)
		return fixed(d, t), ok
	case batch.Time:
		d, ok := value.(batch.TimeValue)
		return fixed(d, t), ok
	case batch.Timestamp:
		d, ok := value.(batch.TimestampValue)
		return fixed(d, t), ok
	case batch.TimestampTZ:
		d, ok := value.(batch.TimestampTZValue)
		return fixed(d, t), ok
	case batch.UUID:
		u, ok := value.(batch.UUIDValue)
		return fixed(u, t), ok
	}
	return number(value, t)
}

// fixed returns a vector of one value in the layout that T has in memory.
func fixed[T any](value T, t batch.Type) batch.Vector {
	return batch.Vector{Type: t, Len: 1, Values: unsafe.Pointer(&value)}
}

// text returns a vector of one string.
func text(s string, t batch.Type) batch.Vector {
	bytes := append([]byte(s), 0) // never without an address
	return batch.Vector{
		Type: t, Len: 1, Values: unsafe.Pointer(unsafe.SliceData(bytes)), Offsets: unsafe.Pointer(&[2]int32{0, int32(len(s))}),
	}
}

// number returns an integer or decimal as one of the type.
func number(value any, t batch.Type) (v batch.Vector, ok bool) {
	n, scale, ok := exact(value)
	if !ok {
		return v, false
	}
	if t.Kind == batch.Decimal {
		if int(t.Scale) < scale {
			return v, false
		}
		n.Mul(n, power(int(t.Scale)-scale))
		if n.CmpAbs(power(int(t.Precision))) >= 0 {
			return v, false
		}
	} else if scale != 0 {
		return v, false
	}
	if low, high, bounded := limits(t); bounded && (n.Cmp(low) < 0 || n.Cmp(high) > 0) {
		return v, false
	}
	wide, ok := batch.Int128FromBig(n)
	switch t.Physical() {
	case batch.Int8:
		return fixed(int8(wide.Lo), t), ok //nolint:gosec // as wide as the type, whose sign does not matter
	case batch.Int16:
		return fixed(int16(wide.Lo), t), ok //nolint:gosec // as above
	case batch.Int32:
		return fixed(int32(wide.Lo), t), ok //nolint:gosec // as above
	case batch.Int64:
		return fixed(wide.Lo, t), ok
	case batch.Int128:
		return fixed(wide, t), ok
	}
	return v, false
}

// exact returns a number without a point in binary, and its scale.
func exact(value any) (n *big.Int, scale int, ok bool) {
	switch x := value.(type) {
	case int:
		return big.NewInt(int64(x)), 0, true
	case int32:
		return big.NewInt(int64(x)), 0, true
	case int64:
		return big.NewInt(x), 0, true
	case uint64:
		return new(big.Int).SetUint64(x), 0, true
	case batch.DecimalValue:
		return x.Unscaled.Big(), int(x.Scale), true
	}
	return nil, 0, false
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// limits returns the least and the greatest integer of a type.
func limits(t batch.Type) (low, high *big.Int, ok bool) {
	bits := t.Kind.WholeBits()
	if bits == 0 {
		return nil, nil, false
	}
	high = new(big.Int).Lsh(big.NewInt(1), uint(bits))
	low = new(big.Int)
	if t.Kind.Signed() {
		low.Neg(high)
	}
	return low, high.Sub(high, big.NewInt(1)), true
}
