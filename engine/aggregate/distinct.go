package aggregate

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// Distinct is the detail of an aggregate with DISTINCT: the exact set of the
// different values that each group has seen. What is new in it reaches the
// aggregate's accumulator. Members lie in one slice in order of arrival, which
// holds no Go pointers; a hash table of indexes finds them.
type Distinct struct {
	arg     batch.Type
	text    bool // values are StringHandles, else up to 16 bytes in place
	acc     Accumulator
	arena   *Arena
	members []distinctMember
	slots   []uint64 // upper half: hash; lower half: index + 1; 0 is free
	last    []uint32 // by group: the last member's index + 1; nil when frozen
	taken   int      // members that checkpoints have

	groups []uint32 // scratch
	rows   []int32
}

// distinctMember is one value that a group has seen.
type distinctMember struct {
	group    uint32
	previous uint32 // the group's member before: its index + 1
	value    StringHandle
}

// NewDistinct returns an empty set of values of type arg, whose long strings
// go into the arena, before an accumulator of one argument.
func NewDistinct(arg batch.Type, acc Accumulator, arena *Arena) *Distinct {
	return &Distinct{arg: arg, text: arg.Physical() == batch.Bytes, acc: acc, arena: arena, slots: make([]uint64, 16)}
}

// Len returns the number of members.
func (d *Distinct) Len() int { return len(d.members) }

// Add puts values into the sets and hands on the rows that were new. NULL is
// no value.
func (d *Distinct) Add(c []Column, groups []uint32, rows []int32, args []batch.Vector) {
	arg := &args[0]
	d.groups, d.rows = d.groups[:0], d.rows[:0]
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
		d.groups, d.rows = append(d.groups, g), append(d.rows, rows[i])
	}
	d.acc.Add(c, d.groups, d.rows, args, d.arena)
}

// Merge adds members of another set.
func (d *Distinct) Merge(c []Column, groups []uint32, from Detail, fromGroups []uint32) {
	b := batch.NewBuilder(d.arena.mem, batch.NewSchema([]batch.Column{{Name: "x", Type: d.arg}}))
	var into []uint32
	var rows []int32
	from.(*Distinct).each(groups, fromGroups, func(m *distinctMember, group uint32) {
		into, rows = append(into, group), append(rows, int32(len(rows)))
		d.restore(b.Column(0), m)
	})
	rec := b.Finish()
	defer rec.Release()
	d.Add(c, into, rows, []batch.Vector{batch.VectorOf(rec.Column(0), d.arg)})
}

// each calls f for the members of fromGroups[i] with groups[i].
func (d *Distinct) each(groups, fromGroups []uint32, f func(m *distinctMember, group uint32)) {
	if d.last == nil {
		into := Renumbering(groups, fromGroups)
		for i := range d.members {
			if m := &d.members[i]; int(m.group) < len(into) && into[m.group] != 0 {
				f(m, into[m.group]-1)
			}
		}
		return
	}
	for i, g := range fromGroups {
		if int(g) >= len(d.last) {
			continue
		}
		for at := d.last[g]; at != 0; at = d.members[at-1].previous {
			f(&d.members[at-1], groups[i])
		}
	}
}

// Renumbering returns, by group of fromGroups, groups[i] + 1; 0 for those that
// are not among fromGroups.
func Renumbering(groups, fromGroups []uint32) []uint32 {
	if len(fromGroups) == 0 {
		return nil
	}
	into := make([]uint32, slices.Max(fromGroups)+1)
	for i, g := range fromGroups {
		into[g] = groups[i] + 1
	}
	return into
}

// restore appends a member's value to a column.
func (d *Distinct) restore(to *batch.ColumnBuilder, m *distinctMember) {
	v := m.fixed()
	switch d.arg.Physical() {
	case batch.Bytes:
		to.AppendBytes(m.value.Bytes())
	case batch.Bits:
		to.AppendBool(v[0] != 0)
	case batch.Int8:
		to.AppendInt8(int8(v[0]))
	case batch.Int16:
		to.AppendInt16(int16(v[0]))
	case batch.Int32:
		to.AppendInt32(int32(v[0]))
	case batch.Float32:
		to.AppendFloat32(float32(math.Float64frombits(v[0])))
	case batch.Float64:
		to.AppendFloat64(math.Float64frombits(v[0]))
	case batch.Int128:
		to.AppendInt128(*(*batch.Int128Value)(unsafe.Pointer(v)))
	case batch.MonthDayNano:
		to.AppendInterval(batch.IntervalValue{Months: int32(int64(v[0]) >> 32), Days: int32(uint32(v[0])), Micros: int64(v[1])})
	case batch.Fixed16:
		to.AppendUUID(*(*batch.UUIDValue)(unsafe.Pointer(v)))
	default:
		to.AppendInt64(int64(v[0]))
	}
}

// Freeze returns the set as it is now. Members do not change; long values stay
// as long as the arena.
func (d *Distinct) Freeze() Detail {
	return &Distinct{arg: d.arg, text: d.text, members: d.members[:len(d.members):len(d.members)]}
}

// Take returns the members since the last call.
func (d *Distinct) Take(whole bool) Entries {
	e := &distinctEntries{set: d, first: d.taken, before: d.taken}
	if whole {
		e.first = 0
	}
	e.members = d.members[e.first:len(d.members):len(d.members)]
	d.taken = len(d.members)
	return e
}

// Undo marks entries as not taken.
func (d *Distinct) Undo(e Entries) { d.taken = min(d.taken, e.(*distinctEntries).before) }

// Loaded marks all members as taken.
func (d *Distinct) Loaded() { d.taken = len(d.members) }

// distinctEntries are new members of a set.
type distinctEntries struct {
	set     *Distinct // for the type of its values, which never changes
	first   int
	before  int // members that checkpoints had
	members []distinctMember
}

// Len returns the number of members.
func (e *distinctEntries) Len() int { return len(e.members) }

// Each calls f with every member: the bytes of a string or blob, or 8 or 16
// bytes, little endian.
func (e *distinctEntries) Each(f func(group uint32, value []byte)) {
	var value []byte
	for i := range e.members {
		value = e.set.encode(value[:0], &e.members[i])
		f(e.members[i].group, value)
	}
}

var distinctSeed = maphash.MakeSeed()

func (d *Distinct) addText(g uint32, v []byte) bool {
	hash := spread(maphash.Bytes(distinctSeed, v), uint64(g))
	slot := d.find(hash, func(m *distinctMember) bool { return m.group == g && m.value.Equal(v) })
	if slot < 0 {
		return false
	}
	d.insert(slot, hash, distinctMember{group: g, value: d.arena.Handle(v)})
	return true
}

func (d *Distinct) addFixed(g uint32, v [2]uint64) bool {
	hash := spread(spread(v[0], v[1]), uint64(g))
	slot := d.find(hash, func(m *distinctMember) bool { return m.group == g && *m.fixed() == v })
	if slot < 0 {
		return false
	}
	m := distinctMember{group: g}
	*m.fixed() = v
	d.insert(slot, hash, m)
	return true
}

func (m *distinctMember) fixed() *[2]uint64 { return (*[2]uint64)(unsafe.Pointer(&m.value)) }

// spread mixes two words into one.
func spread(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd6e8feb86659fd93)
	return hi ^ lo ^ bits.RotateLeft64(a, 29)
}

// find returns the free slot for a member that is not there yet, or -1.
func (d *Distinct) find(hash uint64, is func(*distinctMember) bool) int {
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

func (d *Distinct) insert(slot int, hash uint64, m distinctMember) {
	for int(m.group) >= len(d.last) {
		d.last = append(d.last, 0)
	}
	m.previous = d.last[m.group]
	d.members = append(d.members, m)
	d.last[m.group] = uint32(len(d.members))
	d.slots[slot] = hash>>32<<32 | uint64(len(d.members))
}

// Load adds a member; the state columns have counted it already.
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

func (d *Distinct) encode(to []byte, m *distinctMember) []byte {
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
	return int64(cap(d.members))*int64(unsafe.Sizeof(distinctMember{})) + int64(len(d.slots))*8 + int64(cap(d.last))*4
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
	case batch.MonthDayNano: // a month equals 30 days
		months, days, micros := batch.At[interval](v, row).normal()
		return [2]uint64{uint64(months)<<32 | uint64(uint32(days)), uint64(micros)}
	case batch.Int128, batch.Fixed16:
		return batch.At[[2]uint64](v, row)
	default:
		return [2]uint64{uint64(v.Integer(row))}
	}
}
