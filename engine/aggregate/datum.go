package aggregate

import (
	"bytes"
	"cmp"
	"unsafe"

	"github.com/millstream-db/millstream/engine/batch"
)

// datum is one value of any type, not NULL: the bits of a fixed width, or the
// bytes of a string or blob.
type datum struct {
	bits [2]uint64
	text []byte
}

// datumOf returns value row of v.
func datumOf(v *batch.Vector, row int) (d datum) {
	switch v.Type.Physical() {
	case batch.Bits:
		if v.Bool(row) {
			d.bits[0] = 1
		}
	case batch.Int8:
		d.bits[0] = uint64(batch.At[uint8](v, row))
	case batch.Int16:
		d.bits[0] = uint64(batch.At[uint16](v, row))
	case batch.Int32, batch.Float32:
		d.bits[0] = uint64(batch.At[uint32](v, row))
	case batch.Int64, batch.Float64:
		d.bits[0] = batch.At[uint64](v, row)
	case batch.Bytes:
		d.text = v.Bytes(row)
	default:
		d.bits = batch.At[[2]uint64](v, row)
	}
	return d
}

// load returns group g's value, whose layout is p.
func load(c *Column, g uint32, p batch.Physical) (d datum) {
	switch p {
	case batch.Bits, batch.Int8:
		d.bits[0] = uint64(*value[uint8](c, g))
	case batch.Int16:
		d.bits[0] = uint64(*value[uint16](c, g))
	case batch.Int32, batch.Float32:
		d.bits[0] = uint64(*value[uint32](c, g))
	case batch.Int64, batch.Float64:
		d.bits[0] = *value[uint64](c, g)
	case batch.Bytes:
		d.text = value[StringHandle](c, g).Bytes()
	default:
		d.bits = *value[[2]uint64](c, g)
	}
	return d
}

// save makes d group g's value.
func save(c *Column, g uint32, p batch.Physical, d *datum, arena *Arena) {
	switch p {
	case batch.Bits, batch.Int8:
		*value[uint8](c, g) = uint8(d.bits[0])
	case batch.Int16:
		*value[uint16](c, g) = uint16(d.bits[0])
	case batch.Int32, batch.Float32:
		*value[uint32](c, g) = uint32(d.bits[0])
	case batch.Int64, batch.Float64:
		*value[uint64](c, g) = d.bits[0]
	case batch.Bytes:
		if h := value[StringHandle](c, g); !h.Equal(d.text) {
			*h = arena.Recent(d.text)
		}
	default:
		*value[[2]uint64](c, g) = d.bits
	}
}

// orderOf returns how values of a type compare in SQL, nil where the engine
// does not know.
func orderOf(t batch.Type) func(a, b *datum) int {
	switch t.Kind {
	case batch.UTinyInt, batch.USmallInt, batch.UInteger, batch.UBigInt, batch.Boolean:
		return func(a, b *datum) int { return cmp.Compare(a.bits[0], b.bits[0]) }
	case batch.Interval:
		return nil
	}
	switch t.Physical() {
	case batch.Int8:
		return orderBy(func(d *datum) int8 { return int8(d.bits[0]) })
	case batch.Int16:
		return orderBy(func(d *datum) int16 { return int16(d.bits[0]) })
	case batch.Int32:
		return orderBy(func(d *datum) int32 { return int32(d.bits[0]) })
	case batch.Int64:
		return orderBy(func(d *datum) int64 { return int64(d.bits[0]) })
	case batch.Float32:
		return func(a, b *datum) int { return batch.CompareFloat(float64(a.float32()), float64(b.float32())) }
	case batch.Float64:
		return func(a, b *datum) int { return batch.CompareFloat(a.float64(), b.float64()) }
	case batch.Int128:
		return func(a, b *datum) int { return a.int128().Cmp(b.int128()) }
	case batch.Fixed16:
		return func(a, b *datum) int {
			x, y := (*[16]byte)(unsafe.Pointer(&a.bits)), (*[16]byte)(unsafe.Pointer(&b.bits))
			return bytes.Compare(x[:], y[:])
		}
	case batch.Bytes:
		return func(a, b *datum) int { return bytes.Compare(a.text, b.text) }
	}
	return nil
}

func orderBy[T cmp.Ordered](key func(*datum) T) func(a, b *datum) int {
	return func(a, b *datum) int { return cmp.Compare(key(a), key(b)) }
}

func (d *datum) float32() float32 { return *(*float32)(unsafe.Pointer(&d.bits)) }

func (d *datum) float64() float64 { return *(*float64)(unsafe.Pointer(&d.bits)) }

func (d *datum) int128() batch.Int128Value { return *(*batch.Int128Value)(unsafe.Pointer(&d.bits)) }
