package batch

import (
	"encoding/hex"
	"fmt"
	"math/big"
)

// The Go types of single SQL values, as parameters and as results of row
// queries, are: nil, bool, int64 (all signed integers), uint64 (UBIGINT),
// float32, float64, string (VARCHAR, JSON), []byte (BLOB), and the types below.

// DateValue is a DATE: days since 1970-01-01.
type DateValue int32

// TimeValue is a TIME: microseconds since midnight.
type TimeValue int64

// TimestampValue is a TIMESTAMP without a zone: microseconds since 1970-01-01.
type TimestampValue int64

// TimestampTZValue is a TIMESTAMPTZ: microseconds since 1970-01-01 UTC.
type TimestampTZValue int64

// The infinite dates and timestamps, as DuckDB represents them.
const (
	InfinityMicros    = int64(9223372036854775807)
	NegInfinityMicros = -InfinityMicros
	InfinityDays      = int32(2147483647)
	NegInfinityDays   = -InfinityDays
	// The first and last finite ones that DuckDB holds: 290309-12-22 (BC) 00:00:00, and
	// the last microsecond and day before infinity.
	MinMicros = int64(-9223372022400000000)
	MaxMicros = InfinityMicros - 1
	MinDays   = NegInfinityDays + 1
	MaxDays   = InfinityDays - 1
)

// IntervalValue is an INTERVAL in Postgres's three parts.
type IntervalValue struct {
	Months, Days int32
	Micros       int64
}

// UUIDValue is a UUID in network byte order.
type UUIDValue [16]byte

// String returns the canonical 8-4-4-4-12 form.
func (u UUIDValue) String() string { return string(u.Append(nil)) }

// Append appends the canonical form.
func (u UUIDValue) Append(dst []byte) []byte {
	for i, part := range [...][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

// DecimalValue is Unscaled / 10^Scale: a DECIMAL, or a HUGEINT with scale 0.
type DecimalValue struct {
	Unscaled Int128Value
	Scale    uint8
}

// String returns the exact decimal notation with Scale digits after the point.
func (d DecimalValue) String() string {
	s := d.Unscaled.Big().String()
	if d.Scale == 0 {
		return s
	}
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for len(s) <= int(d.Scale) {
		s = "0" + s
	}
	point := len(s) - int(d.Scale)
	return sign + s[:point] + "." + s[point:]
}

// Int128Value is a two's complement 128-bit integer in memory order.
type Int128Value struct {
	Lo uint64
	Hi int64
}

// Int128From returns v widened.
func Int128From(v int64) Int128Value { return Int128Value{Lo: uint64(v), Hi: v >> 63} }

// Cmp returns -1, 0 or 1.
func (a Int128Value) Cmp(b Int128Value) int {
	switch {
	case a.Hi < b.Hi, a.Hi == b.Hi && a.Lo < b.Lo:
		return -1
	case a == b:
		return 0
	default:
		return 1
	}
}

// Big returns the value as a new big.Int.
func (a Int128Value) Big() *big.Int {
	v := new(big.Int).SetInt64(a.Hi)
	v.Lsh(v, 64)
	return v.Add(v, new(big.Int).SetUint64(a.Lo))
}

// Int128FromBig converts v and reports whether it fits.
func Int128FromBig(v *big.Int) (Int128Value, bool) {
	if v.BitLen() > 127 {
		return Int128Value{}, false
	}
	mod := new(big.Int).And(v, maxUint128)
	lo := new(big.Int).And(mod, maxUint64).Uint64()
	hi := new(big.Int).Rsh(mod, 64).Uint64()
	return Int128Value{Lo: lo, Hi: int64(hi)}, true
}

var (
	maxUint64  = new(big.Int).SetUint64(^uint64(0))
	maxUint128 = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1))
)

// ParseUUID reads a UUID in canonical form or as 32 hexadecimal digits.
func ParseUUID(s []byte) (UUIDValue, error) {
	var u UUIDValue
	var digits [32]byte
	n := 0
	for _, c := range s {
		if c == '-' {
			continue
		}
		if n == len(digits) {
			return u, fmt.Errorf("invalid UUID %q", s)
		}
		digits[n] = c
		n++
	}
	if n != len(digits) {
		return u, fmt.Errorf("invalid UUID %q", s)
	}
	if _, err := hex.Decode(u[:], digits[:]); err != nil {
		return u, fmt.Errorf("invalid UUID %q", s)
	}
	return u, nil
}
