package aggregate

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// Distinct is the exact set of the different values that each group of one
// count(DISTINCT) has seen; the state column holds its size. Members lie in
// one slice in order of arrival, which holds no Go pointers; a hash table of
// indexes finds them. It is not safe for concurrent use, but slices that
// Since returned may be read while it grows.
type Distinct struct {
	arg     batch.Type
	text    bool // values are StringHandles, else up to 16 bytes in place
	arena   *Arena
	members []DistinctMember
	slots   []uint64 // upper half: hash; lower half: index + 1; 0 is free
}

// DistinctMember is one value that a group has seen.
type DistinctMember struct {
	Group uint32
	_     uint32
	value StringHandle
}

// NewDistinct returns an empty set of values of type arg, whose long strings
// go into the arena.
func NewDistinct(arg batch.Type, arena *Arena) *Distinct {
	return &Distinct{arg: arg, text: arg.Physical() == batch.Bytes, arena: arena, slots: make([]uint64, 16)}
}

// Len returns the number of members.
func (d *Distinct) Len() int { return len(d.members) }

// Since returns the members from number first on, in order of arrival. They
// do not change, and stay valid as long as the arena.
func (d *Distinct) Since(first int) []DistinctMember {
	return d.members[first:len(d.members):len(d.members)]
}

// Add folds values into the sets and counts the new ones in the state column.
func (d *Distinct) Add(c *Column, groups []uint32, rows []int32, arg *batch.Vector) {
	for i, g := range groups {
		row := int(rows[i])
		if arg.Null(row) {
			continue
		}
		if d.text {
			if !d.addText(g, arg.Bytes(row)) {
				continue
			}
		} else if !d.addFixed(g, fixedBits(arg, row)) {
			continue
		}
		*value[int64](c, g)++
	}
}

var distinctSeed = maphash.MakeSeed()

func (d *Distinct) addText(g uint32, v []byte) bool {
	hash := spread(maphash.Bytes(distinctSeed, v), uint64(g))
	slot := d.find(hash, func(m *DistinctMember) bool { return m.Group == g && m.value.Equal(v) })
	if slot < 0 {
		return false
	}
	d.insert(slot, hash, DistinctMember{Group: g, value: d.arena.Handle(v)})
	return true
}

func (d *Distinct) addFixed(g uint32, v [2]uint64) bool {
	hash := spread(spread(v[0], v[1]), uint64(g))
	slot := d.find(hash, func(m *DistinctMember) bool { return m.Group == g && *m.fixed() == v })
	if slot < 0 {
		return false
	}
	m := DistinctMember{Group: g}
	*m.fixed() = v
	d.insert(slot, hash, m)
	return true
}

func (m *DistinctMember) fixed() *[2]uint64 { return (*[2]uint64)(unsafe.Pointer(&m.value)) }

// spread mixes two words into one.
func spread(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd6e8feb86659fd93)
	return hi ^ lo ^ bits.RotateLeft64(a, 29)
}

// find returns the free slot for a member that is not there yet, or -1.
func (d *Distinct) find(hash uint64, is func(*DistinctMember) bool) int {
	if len(d.members)*5 > len(d.slots)*3 {
		d.slots = GrowSlots(d.slots)
	}
	tag, mask := hash>>32, uint64(len(d.slots)-1)
	for at := tag & mask; ; at = (at + 1) & mask {
		slot := d.slots[at]
		if slot == 0 {
			return int(at)
		}
		if slot>>32 == tag && is(&d.members[uint32(slot)-1]) {
			return -1
		}
	}
}

func (d *Distinct) insert(slot int, hash uint64, m DistinctMember) {
	d.members = append(d.members, m)
	d.slots[slot] = hash>>32<<32 | uint64(len(d.members))
}

// Load adds a member that a checkpoint recorded as Encode wrote it; the state
// column has counted it already.
func (d *Distinct) Load(group uint32, encoded []byte) {
	if d.text {
		d.addText(group, encoded)
		return
	}
	v := [2]uint64{binary.LittleEndian.Uint64(encoded)}
	if len(encoded) == 16 {
		v[1] = binary.LittleEndian.Uint64(encoded[8:])
	}
	d.addFixed(group, v)
}

// Encode appends a member's value for a checkpoint: the bytes of a string or
// blob, or 8 or 16 bytes, little endian.
func (d *Distinct) Encode(to []byte, m *DistinctMember) []byte {
	if d.text {
		return append(to, m.value.Bytes()...)
	}
	v := m.fixed()
	to = binary.LittleEndian.AppendUint64(to, v[0])
	if v[1] != 0 {
		to = binary.LittleEndian.AppendUint64(to, v[1])
	}
	return to
}

// Bytes returns the memory that the set takes, besides its arena.
func (d *Distinct) Bytes() int64 {
	return int64(cap(d.members))*int64(unsafe.Sizeof(DistinctMember{})) + int64(len(d.slots))*8
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
