package aggregate

import (
	"encoding/binary"
	"math"

	"github.com/millstream-db/millstream/engine/batch"
)

// Distinct is the exact set of the different values that each group of one
// count(DISTINCT) has seen; the state column holds its size. Values are keyed
// by group and bytes. It is not safe for concurrent use.
type Distinct struct {
	arg   batch.Type
	fixed map[fixedKey]struct{}
	bytes map[string]struct{}
	// fresh lists what was added since the last TakeFresh, for checkpoints.
	fresh   []DistinctValue
	scratch []byte
}

type fixedKey struct {
	group uint32
	value [2]uint64
}

// DistinctValue is one member of the set, encoded as Encode says.
type DistinctValue struct {
	Group uint32
	Value []byte
}

// NewDistinct returns an empty set of values of type arg.
func NewDistinct(arg batch.Type) *Distinct {
	d := &Distinct{arg: arg}
	if arg.Physical() == batch.Bytes {
		d.bytes = make(map[string]struct{})
	} else {
		d.fixed = make(map[fixedKey]struct{})
	}
	return d
}

// Add folds values into the sets and counts the new ones in the state column.
func (d *Distinct) Add(c *Column, groups []uint32, rows []int32, arg *batch.Vector) {
	for i, g := range groups {
		row := int(rows[i])
		if arg.Null(row) {
			continue
		}
		if d.bytes != nil {
			d.scratch = append(binary.LittleEndian.AppendUint32(d.scratch[:0], g), arg.Bytes(row)...)
			if _, seen := d.bytes[string(d.scratch)]; seen {
				continue
			}
			key := string(d.scratch)
			d.bytes[key] = struct{}{}
			d.fresh = append(d.fresh, DistinctValue{g, []byte(key[4:])})
		} else {
			key := fixedKey{g, fixedBits(arg, row)}
			if _, seen := d.fixed[key]; seen {
				continue
			}
			d.fixed[key] = struct{}{}
			d.fresh = append(d.fresh, DistinctValue{g, encodeFixed(key.value)})
		}
		*value[int64](c, g)++
	}
}

// Load adds a member that a checkpoint recorded; the state column has counted it.
func (d *Distinct) Load(v DistinctValue) {
	if d.bytes != nil {
		d.bytes[string(append(binary.LittleEndian.AppendUint32(nil, v.Group), v.Value...))] = struct{}{}
		return
	}
	var k fixedKey
	k.group = v.Group
	k.value[0] = binary.LittleEndian.Uint64(v.Value)
	if len(v.Value) == 16 {
		k.value[1] = binary.LittleEndian.Uint64(v.Value[8:])
	}
	d.fixed[k] = struct{}{}
}

// TakeFresh returns the members added since it was called last.
func (d *Distinct) TakeFresh() []DistinctValue {
	fresh := d.fresh
	d.fresh = nil
	return fresh
}

// All returns every member, for a checkpoint that rewrites the whole state.
func (d *Distinct) All() []DistinctValue {
	all := make([]DistinctValue, 0, len(d.bytes)+len(d.fixed))
	for key := range d.bytes {
		all = append(all, DistinctValue{binary.LittleEndian.Uint32([]byte(key[:4])), []byte(key[4:])})
	}
	for key := range d.fixed {
		all = append(all, DistinctValue{key.group, encodeFixed(key.value)})
	}
	return all
}

// Bytes estimates the heap that the set takes.
func (d *Distinct) Bytes() int64 { return int64(len(d.fixed))*40 + int64(len(d.bytes))*64 }

func encodeFixed(v [2]uint64) []byte {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, 16), v[0])
	if v[1] != 0 {
		b = binary.LittleEndian.AppendUint64(b, v[1])
	}
	return b
}

// fixedBits returns a value's bits, equal exactly where SQL calls the values
// equal: zeros of both signs are one, and so are all NaNs.
func fixedBits(v *batch.Vector, row int) [2]uint64 {
	switch v.Type.Physical() {
	case batch.Bits:
		if v.Bool(row) {
			return [2]uint64{1}
		}
		return [2]uint64{}
	case batch.Float32, batch.Float64:
		f := v.Float(row)
		if f == 0 {
			f = 0 // the positive one: 0 == -0 in SQL as in Go
		} else if math.IsNaN(f) {
			f = math.NaN()
		}
		return [2]uint64{math.Float64bits(f)}
	case batch.Int128, batch.Fixed16, batch.MonthDayNano:
		return batch.At[[2]uint64](v, row)
	default:
		return [2]uint64{uint64(v.Integer(row))}
	}
}

// Return gives back what TakeFresh took, after a checkpoint failed. Members
// that All returned besides are recorded already and do no harm.
func (d *Distinct) Return(members []DistinctValue) { d.fresh = append(d.fresh, members...) }
