package enginetest

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// Value is a column's value: nil, bool, int64, uint64, float64, string, []byte,
// *big.Int (HUGEINT and unscaled DECIMAL), batch.IntervalValue or
// batch.UUIDValue. Dates are days; times and timestamps are microseconds.
type Value any

// integerBits is the width of the integer types; negative: signed.
var integerBits = map[batch.Kind]int{
	batch.TinyInt: -8, batch.SmallInt: -16, batch.Integer: -32, batch.BigInt: -64,
	batch.UTinyInt: 8, batch.USmallInt: 16, batch.UInteger: 32, batch.UBigInt: 64,
}

// words are chosen so that lengths around 12, where strings stop being stored
// in place, share their first bytes.
var words = []string{
	"", "a", "A", "ab", "ä", "de", "DE", "日本", "🦀", "o'clock", " padded ", "twelve bytes", "twelve bytes!", "twelve bytes?",
	"twelve bytes and then some more", "twelve bytes and then some less", "ünïcödé beyond twelve bytes 🦀🦀", "a\nb\tc", "%_\\", "NULL",
}

var documents = []string{
	`{"k":1,"a":{"b":"x"}}`, `{"k":2}`, `{ "k" : "two words and more" }`, `[1,2,3]`, `"text"`, `null`, `17`, `{}`, `{"k":null}`,
}

// randomValue returns a value of type t, now and then an extreme one. Sums of
// the floats it gives are exact in any order, unless wild.
func randomValue(r *rand.Rand, t batch.Type, wild bool) Value {
	if bits, ok := integerBits[t.Kind]; ok {
		return randomInteger(r, bits)
	}
	switch t.Kind {
	case batch.Boolean:
		return chance(r, 2)
	case batch.HugeInt:
		return randomBig(r, 100)
	case batch.Decimal:
		return randomUnscaled(r, int(t.Precision))
	case batch.Real, batch.Double:
		return randomFloat(r, t, wild)
	case batch.Varchar:
		if chance(r, 3) {
			return fmt.Sprint(pick(r, words...), r.IntN(50))
		}
		return pick(r, words...)
	case batch.JSON:
		return pick(r, documents...)
	case batch.Blob:
		return []byte(pick(r, words...) + string(rune(r.IntN(4))))
	case batch.Date:
		return pick(r, int64(0), int64(-719162), int64(2932896), int64(batch.InfinityDays), int64(batch.NegInfinityDays),
			int64(r.IntN(30000)-10000), int64(r.IntN(30000)-10000))
	case batch.Time:
		return pick(r, 0, int64(86399999999), r.Int64N(86400e6), r.Int64N(86400e6))
	case batch.Timestamp, batch.TimestampTZ:
		return pick(r, 0, yearOne, yearLast, int64(batch.InfinityMicros), r.Int64N(2e15), -r.Int64N(2e15), r.Int64N(2e15))
	case batch.Interval:
		return batch.IntervalValue{Months: int32(r.IntN(50) - 20), Days: int32(r.IntN(99) - 40), Micros: r.Int64N(2e12) - 1e12}
	case batch.UUID:
		var u batch.UUIDValue
		for i := range u {
			u[i] = byte(r.Uint32())
		}
		return u
	default:
		panic("no values of type " + t.String())
	}
}

// The first and last moments of the years 1 and 9999, and one of 2099.
const (
	yearOne  = int64(-62135596800000000)
	yearLast = int64(253402300799999999)
	year2099 = int64(4070908800000000)
)

func randomInteger(r *rand.Rand, bits int) Value {
	if bits > 0 {
		limit := ^uint64(0) >> (64 - bits)
		return pick(r, 0, limit, limit/2+1, uint64(r.IntN(100)), uint64(r.IntN(100)), r.Uint64()&limit)
	}
	low := int64(math.MinInt64) >> (64 + bits)
	return pick(r, 0, low, ^low, -int64(r.IntN(100)), int64(r.IntN(100)), int64(r.Uint64())>>(64+bits))
}

func randomBig(r *rand.Rand, bits uint) *big.Int {
	if chance(r, 2) {
		return big.NewInt(int64(r.IntN(200)) - 100)
	}
	v := new(big.Int).Lsh(big.NewInt(r.Int64()), bits-63)
	v.Add(v, new(big.Int).SetUint64(r.Uint64()))
	if chance(r, 2) {
		v.Neg(v)
	}
	return v
}

// randomUnscaled stays far enough from 38 digits that sums do too.
func randomUnscaled(r *rand.Rand, precision int) *big.Int {
	digits := int64(min(precision, 30))
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil)
	v := new(big.Int).Rem(randomBig(r, 120), limit)
	if chance(r, 20) {
		v = new(big.Int).Sub(limit, big.NewInt(1))
	}
	return v
}

func randomFloat(r *rand.Rand, t batch.Type, wild bool) Value {
	switch r.IntN(25) {
	case 0:
		return math.NaN()
	case 1:
		return math.Inf(1)
	case 2:
		return math.Inf(-1)
	case 3:
		return math.Copysign(0, -1)
	}
	if !wild {
		return float64(r.IntN(1<<20)-1<<19) / 4
	}
	if t.Kind == batch.Real {
		return float64(pick(r, float32(math.MaxFloat32), math.SmallestNonzeroFloat32, float32(r.NormFloat64()*1e20), -float32(r.Float64())))
	}
	return pick(r, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, r.NormFloat64()*1e200, r.NormFloat64())
}

// appendTo appends a value to a batch's column.
func appendTo(c *batch.ColumnBuilder, v Value) {
	switch v := v.(type) {
	case nil:
		c.AppendNull()
	case bool:
		c.AppendBool(v)
	case int64:
		appendInteger(c, v)
	case uint64:
		appendInteger(c, int64(v))
	case float64:
		if c.Type().Kind == batch.Real {
			c.AppendFloat32(float32(v))
		} else {
			c.AppendFloat64(v)
		}
	case string:
		c.AppendString(v)
	case []byte:
		c.AppendBytes(v)
	case *big.Int:
		if c.Type().Physical() == batch.Int64 {
			c.AppendInt64(v.Int64())
			return
		}
		words := new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64))
		c.AppendInt128(batch.Int128Value{Lo: words.Uint64(), Hi: new(big.Int).Rsh(v, 64).Int64()})
	case batch.IntervalValue:
		c.AppendInterval(v)
	case batch.UUIDValue:
		c.AppendUUID(v)
	default:
		panic(fmt.Sprintf("no column takes a %T", v))
	}
}

func appendInteger(c *batch.ColumnBuilder, v int64) {
	switch c.Type().Physical() {
	case batch.Int8:
		c.AppendInt8(int8(v))
	case batch.Int16:
		c.AppendInt16(int16(v))
	case batch.Int32:
		c.AppendInt32(int32(v))
	default:
		c.AppendInt64(v)
	}
}

// stagedType is the simple DuckDB type in which the judge takes values of t.
func stagedType(t batch.Type) string {
	if bits, ok := integerBits[t.Kind]; ok && bits > 0 {
		return "UBIGINT"
	} else if ok {
		return "BIGINT"
	}
	switch t.Kind {
	case batch.Boolean, batch.Blob:
		return t.String()
	case batch.Real, batch.Double:
		return "DOUBLE"
	case batch.Date, batch.Time, batch.Timestamp, batch.TimestampTZ:
		return "BIGINT"
	default:
		return "VARCHAR"
	}
}

// staged returns a value in its stagedType: nil, bool, int64, uint64, float64,
// string or []byte.
func staged(v Value, t batch.Type) any {
	switch v := v.(type) {
	case *big.Int:
		return decimalText(v, int(t.Scale))
	case batch.IntervalValue:
		return fmt.Sprintf("%d months %d days %d microseconds", v.Months, v.Days, v.Micros)
	case batch.UUIDValue:
		return v.String()
	default:
		return v
	}
}

func decimalText(v *big.Int, scale int) string {
	digits := new(big.Int).Abs(v).String()
	if scale > 0 {
		if len(digits) <= scale {
			digits = strings.Repeat("0", scale-len(digits)+1) + digits
		}
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if v.Sign() < 0 {
		return "-" + digits
	}
	return digits
}

// unstaged is SQL that turns a staged column into a value of type t.
func unstaged(column string, t batch.Type) string {
	infinite := func(limit int64, finite string) string {
		return fmt.Sprintf("CASE WHEN %[1]s = %[2]d THEN 'infinity'::%[3]s WHEN %[1]s = -%[2]d THEN '-infinity'::%[3]s ELSE %[4]s END",
			column, limit, t, finite)
	}
	switch t.Kind {
	case batch.Date:
		return infinite(int64(batch.InfinityDays), "DATE '1970-01-01' + "+column+"::INTEGER")
	case batch.Time:
		return "TIME '00:00:00' + to_microseconds(" + column + ")"
	case batch.Timestamp:
		return infinite(batch.InfinityMicros, "make_timestamp("+column+")")
	case batch.TimestampTZ:
		return infinite(batch.InfinityMicros, "make_timestamptz("+column+")")
	default:
		return column + "::" + t.String()
	}
}

// literal returns a value as SQL.
func literal(v Value, t batch.Type) string {
	switch t.Kind {
	case batch.Blob:
		var text strings.Builder
		for _, b := range v.([]byte) {
			fmt.Fprintf(&text, `\x%02X`, b)
		}
		return "'" + text.String() + "'::BLOB"
	case batch.Date, batch.Time, batch.Timestamp, batch.TimestampTZ:
		return "(" + unstaged(fmt.Sprint(v), t) + ")"
	case batch.Real, batch.Double:
		return floatLiteral(v.(float64))
	}
	switch v := staged(v, t).(type) {
	case string:
		if t.Kind == batch.Decimal || t.Kind == batch.HugeInt {
			return v
		}
		text := "'" + strings.ReplaceAll(v, "'", "''") + "'"
		if t.Kind != batch.Varchar {
			text += "::" + t.String()
		}
		return text
	default:
		return fmt.Sprint(v)
	}
}

func floatLiteral(f float64) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return fmt.Sprintf("'%v'::DOUBLE", f)
	}
	return fmt.Sprintf("%g", f)
}
