package dimension

import (
	"bytes"
	"hash/maphash"
	"math"
	"math/bits"

	"github.com/millstream-db/millstream/engine/batch"
)

var seed = maphash.MakeSeed()

// mix folds a value into a hash: one multiplication whose halves are folded.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^v^0xa0761d6478bd642f, 0xe7037ed1a0b428db)
	return hi ^ lo
}

// hashRows returns the hashes of the first rows of the keys, in out if it has
// room. Those of rows with a NULL mean nothing.
func hashRows(out []uint64, keys []batch.Vector, rows int) []uint64 {
	if cap(out) < rows {
		out = make([]uint64, rows, 2*rows)
	}
	out = out[:rows]
	clear(out)
	for i := range keys {
		v := &keys[i]
		nulls := v.HasNulls()
		for row := range out {
			if !nulls || !v.Null(row) {
				out[row] = hashValue(out[row], v, row)
			}
		}
	}
	return out
}

// hashRow returns the hash of one row of the keys, which has no NULL.
func hashRow(keys []batch.Vector, row int) (hash uint64) {
	for i := range keys {
		hash = hashValue(hash, &keys[i], row)
	}
	return hash
}

func hashValue(hash uint64, v *batch.Vector, row int) uint64 {
	switch v.Type.Physical() {
	case batch.Bytes:
		return mix(hash, maphash.Bytes(seed, v.Bytes(row)))
	case batch.Bits:
		if v.Bool(row) {
			return mix(hash, 1)
		}
		return hash
	case batch.Float32, batch.Float64:
		return mix(hash, floatBits(v.Float(row)))
	case batch.Int128, batch.Fixed16, batch.MonthDayNano:
		x := batch.At[[2]uint64](v, row)
		return mix(mix(hash, x[0]), x[1])
	default:
		return mix(hash, uint64(v.Integer(row)))
	}
}

// floatBits gives equal floats equal bits: both zeros, and all NaNs.
func floatBits(f float64) uint64 {
	switch {
	case f == 0:
		return 0
	case math.IsNaN(f):
		return math.Float64bits(math.NaN())
	default:
		return math.Float64bits(f)
	}
}

// equalRows compares two rows without NULLs, of keys of the same types.
func equalRows(a []batch.Vector, i int, b []batch.Vector, j int) bool {
	for k := range a {
		if !equal(&a[k], i, &b[k], j) {
			return false
		}
	}
	return true
}

func equal(a *batch.Vector, i int, b *batch.Vector, j int) bool {
	switch a.Type.Physical() {
	case batch.Bytes:
		return bytes.Equal(a.Bytes(i), b.Bytes(j))
	case batch.Bits:
		return a.Bool(i) == b.Bool(j)
	case batch.Float32, batch.Float64:
		return floatBits(a.Float(i)) == floatBits(b.Float(j))
	case batch.Int128, batch.Fixed16, batch.MonthDayNano:
		return batch.At[[2]uint64](a, i) == batch.At[[2]uint64](b, j)
	default:
		return a.Integer(i) == b.Integer(j)
	}
}
