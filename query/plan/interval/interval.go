package interval

import (
	"math/big"
	"strings"
)

// Interval is a constant INTERVAL.
type Interval struct {
	Months, Days, Micros int64
}

const (
	microsPerSecond = int64(1_000_000)
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	// MicrosPerDay is the length of a day that has 24 hours.
	MicrosPerDay = 24 * microsPerHour
	// partLimit bounds every part, so that sums of parts cannot overflow.
	partLimit = int64(1) << 60
)

// Fixed returns the interval's length in microseconds when it has no months.
func (v Interval) Fixed() (int64, bool) {
	if v.Months != 0 || v.Days > partLimit/MicrosPerDay || v.Days < -partLimit/MicrosPerDay {
		return 0, false
	}
	return v.Days*MicrosPerDay + v.Micros, true
}

// Negated returns the interval backwards.
func (v Interval) Negated() Interval { return Interval{-v.Months, -v.Days, -v.Micros} }

// Unit is a unit of time.
type Unit struct {
	Months, Days, Micros int64 // exactly one is set
}

var (
	microsecond = Unit{Micros: 1}
	millisecond = Unit{Micros: 1000}
	second      = Unit{Micros: microsPerSecond}
	minute      = Unit{Micros: microsPerMinute}
	hour        = Unit{Micros: microsPerHour}
	day         = Unit{Days: 1}
	week        = Unit{Days: 7}
	month       = Unit{Months: 1}
	quarter     = Unit{Months: 3}
	// Year is the longest unit that date_trunc counts as months do.
	Year       = Unit{Months: 12}
	decade     = Unit{Months: 120}
	century    = Unit{Months: 1200}
	millennium = Unit{Months: 12000}
)

// Units are the names by which date_trunc and INTERVAL know the units: DuckDB's
// spellings, in lower case.
var Units = map[string]Unit{
	"microsecond": microsecond, "microseconds": microsecond, "us": microsecond, "usec": microsecond, "usecs": microsecond,
	"millisecond": millisecond, "milliseconds": millisecond, "ms": millisecond, "msec": millisecond, "msecs": millisecond,
	"second": second, "seconds": second, "sec": second, "secs": second, "s": second,
	"minute": minute, "minutes": minute, "min": minute, "mins": minute, "m": minute,
	"hour": hour, "hours": hour, "hr": hour, "hrs": hour, "h": hour,
	"day": day, "days": day, "d": day, "week": week, "weeks": week, "w": week,
	"month": month, "months": month, "mon": month, "mons": month, "quarter": quarter, "quarters": quarter,
	"year": Year, "years": Year, "yr": Year, "yrs": Year, "y": Year,
	"decade": decade, "decades": decade, "century": century, "centuries": century, "c": century,
	"millennium": millennium, "millennia": millennium,
}

// Times returns the interval of value units. A fraction of a day or of less
// counts in microseconds; a fraction of a month has no fixed meaning.
func (u Unit) Times(value *big.Rat) (Interval, bool) {
	whole := new(big.Int).Quo(value.Num(), value.Denom())
	rest := new(big.Rat).Sub(value, new(big.Rat).SetInt(whole))
	limit := partLimit / MicrosPerDay // of months and days
	if u.Micros != 0 {
		limit = partLimit / u.Micros
	}
	if !whole.IsInt64() || whole.Int64() > limit || whole.Int64() < -limit {
		return Interval{}, false
	}
	n := whole.Int64()
	switch {
	case u.Months != 0:
		return Interval{Months: n * u.Months}, rest.Sign() == 0
	case u.Days != 0:
		rest.Mul(rest, big.NewRat(u.Days*MicrosPerDay, 1))
		part := new(big.Int).Quo(rest.Num(), rest.Denom()).Int64()
		return Interval{Days: n*u.Days + part/MicrosPerDay, Micros: part % MicrosPerDay}, true
	}
	rest.Mul(rest, big.NewRat(u.Micros, 1))
	return Interval{Micros: n*u.Micros + new(big.Int).Quo(rest.Num(), rest.Denom()).Int64()}, true
}

// Parse reads the text of an INTERVAL as DuckDB does: numbers with
// units, h:m[:s], a number of seconds without a unit, and a final "ago".
func Parse(text string) (Interval, bool) {
	s := strings.ToLower(strings.TrimSpace(text))
	s = strings.TrimSpace(strings.TrimPrefix(s, "@"))
	var sum Interval
	ago := false
	if rest, ok := strings.CutSuffix(s, "ago"); ok {
		s, ago = strings.TrimSpace(rest), true
	}
	if s == "" {
		return sum, false
	}
	if number, rest := leading(strings.TrimPrefix(s, "-"), "0123456789."); rest == "" {
		seconds, ok := new(big.Rat).SetString(s)
		if !ok || ago || number[0] == '.' {
			return sum, false
		}
		return second.Times(seconds)
	}
	for s != "" {
		part, rest, ok := readPart(s)
		if !ok || abs(part.Months) > partLimit/8 || abs(part.Days) > partLimit/8 || abs(part.Micros) > partLimit/8 {
			return sum, false
		}
		sum = Interval{sum.Months + part.Months, sum.Days + part.Days, sum.Micros + part.Micros}
		if abs(sum.Months) > partLimit/4 || abs(sum.Days) > partLimit/4 || abs(sum.Micros) > partLimit/4 {
			return sum, false
		}
		s = strings.TrimLeft(rest, " ")
	}
	if ago {
		sum = sum.Negated()
	}
	return sum, true
}

func abs(v int64) int64 { return max(v, -v) }

// readPart reads one number with its unit from the start of s.
func readPart(s string) (part Interval, rest string, ok bool) {
	unsigned, negative := strings.CutPrefix(s, "-")
	number, rest := leading(unsigned, "0123456789.:")
	if number == "" || number[0] == '.' {
		return part, "", false
	}
	switch {
	case strings.Contains(number, ":"):
		part, ok = clock(number)
	default:
		var value *big.Rat
		if value, ok = new(big.Rat).SetString(number); !ok {
			return part, "", false
		}
		name, behind := leading(strings.TrimLeft(rest, " "), "abcdefghijklmnopqrstuvwxyz")
		u, known := Units[name]
		if !known {
			return part, "", false
		}
		rest = behind
		part, ok = u.Times(value)
	}
	if negative {
		part = part.Negated()
	}
	return part, rest, ok
}

// clock reads h:m, h:m:s or h:m:s.f.
func clock(text string) (Interval, bool) {
	fields := strings.Split(text, ":")
	if len(fields) > 3 {
		return Interval{}, false
	}
	var sum Interval
	for i, u := range []Unit{hour, minute, second}[:len(fields)] {
		value, ok := new(big.Rat).SetString(fields[i])
		if !ok || u != second && !value.IsInt() {
			return sum, false
		}
		part, ok := u.Times(value)
		if !ok {
			return sum, false
		}
		sum.Micros += part.Micros
	}
	return sum, true
}

func leading(s, set string) (head, tail string) {
	end := len(s) - len(strings.TrimLeft(s, set))
	return s[:end], s[end:]
}
