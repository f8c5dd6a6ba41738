package view

import (
	"hash/maphash"
	"math"
	"math/bits"

	"github.com/millstream-db/millstream/engine/batch"
)

var seed = maphash.MakeSeed()

const nullHash = 0x9e3779b97f4a7c15

// mix folds a value into a hash: one multiplication whose halves are folded.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^v^0xa0761d6478bd642f, 0xe7037ed1a0b428db^v<<1)
	return hi ^ lo
}

// hashColumn folds column v, for the given rows, into hashes, row by row.
func hashColumn(hashes []uint64, rows []int32, v *batch.Vector) {
	nulls, physical := v.HasNulls(), v.Type.Physical()
	for i, r := range rows {
		row := int(r)
		if nulls && v.Null(row) {
			hashes[i] = mix(hashes[i], nullHash)
			continue
		}
		switch physical {
		case batch.Bytes:
			hashes[i] = mix(hashes[i], maphash.Bytes(seed, v.Bytes(row)))
		case batch.Int64:
			hashes[i] = mix(hashes[i], uint64(batch.At[int64](v, row)))
		case batch.Bits:
			b := uint64(1)
			if v.Bool(row) {
				b = 2
			}
			hashes[i] = mix(hashes[i], b)
		case batch.Float32, batch.Float64:
			hashes[i] = mix(hashes[i], floatBits(v.Float(row)))
		case batch.Int128, batch.Fixed16, batch.MonthDayNano:
			x := batch.At[[2]uint64](v, row)
			hashes[i] = mix(mix(hashes[i], x[0]), x[1])
		default:
			hashes[i] = mix(hashes[i], uint64(v.Integer(row)))
		}
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
