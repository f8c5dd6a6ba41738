package aggregate

import (
	"math"
	"math/big"

	"github.com/millstream-db/millstream/engine/batch"
)

// numbers returns how a value of a numeric type becomes a DOUBLE, nil for types
// that are no numbers.
func numbers(t batch.Type) func(v *batch.Vector, row int) float64 {
	switch t.Kind {
	case batch.Real, batch.Double:
		return func(v *batch.Vector, row int) float64 { return v.Float(row) }
	case batch.TinyInt, batch.SmallInt, batch.Integer, batch.BigInt, batch.UTinyInt, batch.USmallInt, batch.UInteger:
		return func(v *batch.Vector, row int) float64 { return float64(v.Integer(row)) }
	case batch.UBigInt:
		return func(v *batch.Vector, row int) float64 { return float64(batch.At[uint64](v, row)) }
	case batch.HugeInt:
		return func(v *batch.Vector, row int) float64 { return wideFloat(batch.At[batch.Int128Value](v, row)) }
	case batch.Decimal:
		return decimals(t)
	}
	return nil
}

func wideFloat(v batch.Int128Value) float64 {
	if v.Hi == int64(v.Lo)>>63 {
		return float64(int64(v.Lo))
	}
	return math.Ldexp(float64(v.Hi), 64) + float64(v.Lo)
}

// decimals converts a decimal as DuckDB does: what has more than 53 bits is
// taken apart at the point, so that as few digits as possible are lost.
func decimals(t batch.Type) func(v *batch.Vector, row int) float64 {
	scale := math.Pow10(int(t.Scale))
	const exact = 1 << 53
	if t.Physical() == batch.Int64 {
		divisor := int64(1)
		for range t.Scale {
			divisor *= 10
		}
		return func(v *batch.Vector, row int) float64 {
			n := v.Int64(row)
			if n >= -exact && n <= exact {
				return float64(n) / scale
			}
			return float64(n/divisor) + float64(n%divisor)/scale
		}
	}
	divisor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)
	return func(v *batch.Vector, row int) float64 {
		n := batch.At[batch.Int128Value](v, row)
		if n.Hi == int64(n.Lo)>>63 && int64(n.Lo) >= -exact && int64(n.Lo) <= exact {
			return float64(int64(n.Lo)) / scale
		}
		whole, rest := new(big.Int).QuoRem(n.Big(), divisor, new(big.Int))
		w, _ := new(big.Float).SetInt(whole).Float64()
		r, _ := new(big.Float).SetInt(rest).Float64()
		return w + r/scale
	}
}

// shift moves a mean to take in its n-th value, and returns by how much that
// value was away from the old one. Infinities behave as in a sum.
func shift(mean *float64, x, n float64) (away float64) {
	away = x - *mean
	if math.IsInf(x, 0) || math.IsInf(*mean, 0) {
		*mean += x
		return away
	}
	*mean += away / n
	return away
}
