package plan

import (
	"math/big"
	"strings"
	"time"
)

// interval is a constant INTERVAL.
type interval struct {
	months, days, micros int64
}

const (
	microsPerSecond = int64(1_000_000)
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour
	// intervalLimit bounds every part, so that sums of parts cannot overflow.
	intervalLimit = int64(1) << 60
)

// fixed returns the interval's length in microseconds when it has no months.
func (v interval) fixed() (int64, bool) {
	if v.months != 0 || v.days > intervalLimit/microsPerDay || v.days < -intervalLimit/microsPerDay {
		return 0, false
	}
	return v.days*microsPerDay + v.micros, true
}

func (v interval) negated() interval { return interval{-v.months, -v.days, -v.micros} }

// unit is a unit of time, and the name by which date_trunc and INTERVAL know it.
type unit struct {
	months, days, micros int64 // exactly one is set
}

var (
	microsecond = unit{micros: 1}
	millisecond = unit{micros: 1000}
	second      = unit{micros: microsPerSecond}
	minute      = unit{micros: microsPerMinute}
	hour        = unit{micros: microsPerHour}
	day         = unit{days: 1}
	week        = unit{days: 7}
	month       = unit{months: 1}
	quarter     = unit{months: 3}
	year        = unit{months: 12}
	decade      = unit{months: 120}
	century     = unit{months: 1200}
	millennium  = unit{months: 12000}
)

// units are DuckDB's spellings, in lower case.
var units = map[string]unit{
	"microsecond": microsecond, "microseconds": microsecond, "us": microsecond, "usec": microsecond, "usecs": microsecond,
	"millisecond": millisecond, "milliseconds": millisecond, "ms": millisecond, "msec": millisecond, "msecs": millisecond,
	"second": second, "seconds": second, "sec": second, "secs": second, "s": second,
	"minute": minute, "minutes": minute, "min": minute, "mins": minute, "m": minute,
	"hour": hour, "hours": hour, "hr": hour, "hrs": hour, "h": hour,
	"day": day, "days": day, "d": day, "week": week, "weeks": week, "w": week,
	"month": month, "months": month, "mon": month, "mons": month, "quarter": quarter, "quarters": quarter,
	"year": year, "years": year, "yr": year, "yrs": year, "y": year,
	"decade": decade, "decades": decade, "century": century, "centuries": century, "c": century,
	"millennium": millennium, "millennia": millennium,
}

// times returns the interval of value units. A fraction of a day or of less
// counts in microseconds; a fraction of a month has no fixed meaning.
func (u unit) times(value *big.Rat) (interval, bool) {
	whole := new(big.Int).Quo(value.Num(), value.Denom())
	rest := new(big.Rat).Sub(value, new(big.Rat).SetInt(whole))
	limit := intervalLimit / microsPerDay // of months and days
	if u.micros != 0 {
		limit = intervalLimit / u.micros
	}
	if !whole.IsInt64() || whole.Int64() > limit || whole.Int64() < -limit {
		return interval{}, false
	}
	n := whole.Int64()
	switch {
	case u.months != 0:
		return interval{months: n * u.months}, rest.Sign() == 0
	case u.days != 0:
		rest.Mul(rest, big.NewRat(u.days*microsPerDay, 1))
		part := new(big.Int).Quo(rest.Num(), rest.Denom()).Int64()
		return interval{days: n*u.days + part/microsPerDay, micros: part % microsPerDay}, true
	}
	rest.Mul(rest, big.NewRat(u.micros, 1))
	return interval{micros: n*u.micros + new(big.Int).Quo(rest.Num(), rest.Denom()).Int64()}, true
}

// constInterval reads a constant interval: INTERVAL '1 minute', INTERVAL 1
// MINUTE, a string, or the negation of one of these.
func constInterval(n node) (interval, bool) {
	switch n.class() {
	case "CONSTANT":
		if text, ok := constString(n); ok {
			return parseInterval(text)
		}
	case "CAST":
		if n.child("cast_type").str("id") == "INTERVAL" {
			return constInterval(n.child("child"))
		}
	case "FUNCTION":
		args := n.list("children")
		if len(args) != 1 {
			break
		}
		if n.function("-") {
			v, ok := constInterval(args[0])
			return v.negated(), ok
		}
		name, ok := strings.CutPrefix(n.str("function_name"), "to_")
		u, known := units[name]
		value, constant := intervalNumber(args[0])
		if ok && known && constant {
			return u.times(value)
		}
	}
	return interval{}, false
}

// intervalNumber reads the n of INTERVAL n UNIT, which DuckDB's parser wraps
// in casts and, for units longer than a second, in trunc.
func intervalNumber(n node) (*big.Rat, bool) {
	switch n.class() {
	case "CAST":
		return intervalNumber(n.child("child"))
	case "FUNCTION":
		args := n.list("children")
		if !n.function("trunc") || len(args) != 1 {
			return nil, false
		}
		v, ok := intervalNumber(args[0])
		if !ok {
			return nil, false
		}
		return new(big.Rat).SetInt(new(big.Int).Quo(v.Num(), v.Denom())), true
	case "CONSTANT":
		if text, ok := constString(n); ok {
			if strings.ContainsAny(text, "eE/_xX") {
				return nil, false
			}
			return new(big.Rat).SetString(strings.TrimSpace(text))
		}
		if unscaled, scale, ok := constDecimal(n); ok {
			return new(big.Rat).SetFrac(unscaled, pow10(scale)), true
		}
	}
	return nil, false
}

// parseInterval reads the text of an INTERVAL as DuckDB does: numbers with
// units, h:m[:s], a number of seconds without a unit, and a final "ago".
func parseInterval(text string) (interval, bool) {
	s := strings.ToLower(strings.TrimSpace(text))
	s = strings.TrimSpace(strings.TrimPrefix(s, "@"))
	var sum interval
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
		return second.times(seconds)
	}
	for s != "" {
		part, rest, ok := intervalPart(s)
		if !ok || abs(part.months) > intervalLimit/8 || abs(part.days) > intervalLimit/8 || abs(part.micros) > intervalLimit/8 {
			return sum, false
		}
		sum = interval{sum.months + part.months, sum.days + part.days, sum.micros + part.micros}
		if abs(sum.months) > intervalLimit/4 || abs(sum.days) > intervalLimit/4 || abs(sum.micros) > intervalLimit/4 {
			return sum, false
		}
		s = strings.TrimLeft(rest, " ")
	}
	if ago {
		sum = sum.negated()
	}
	return sum, true
}

func abs(v int64) int64 { return max(v, -v) }

// intervalPart reads one number with its unit from the start of s.
func intervalPart(s string) (part interval, rest string, ok bool) {
	unsigned, negative := strings.CutPrefix(s, "-")
	number, rest := leading(unsigned, "0123456789.:")
	if number == "" || number[0] == '.' {
		return part, "", false
	}
	switch {
	case strings.Contains(number, ":"):
		part, ok = clockInterval(number)
	default:
		var value *big.Rat
		if value, ok = new(big.Rat).SetString(number); !ok {
			return part, "", false
		}
		name, behind := leading(strings.TrimLeft(rest, " "), "abcdefghijklmnopqrstuvwxyz")
		u, known := units[name]
		if !known {
			return part, "", false
		}
		rest = behind
		part, ok = u.times(value)
	}
	if negative {
		part = part.negated()
	}
	return part, rest, ok
}

// clockInterval reads h:m, h:m:s or h:m:s.f.
func clockInterval(text string) (interval, bool) {
	fields := strings.Split(text, ":")
	if len(fields) > 3 {
		return interval{}, false
	}
	var sum interval
	for i, u := range []unit{hour, minute, second}[:len(fields)] {
		value, ok := new(big.Rat).SetString(fields[i])
		if !ok || u != second && !value.IsInt() {
			return sum, false
		}
		part, ok := u.times(value)
		if !ok {
			return sum, false
		}
		sum.micros += part.micros
	}
	return sum, true
}

func leading(s, set string) (head, tail string) {
	end := len(s) - len(strings.TrimLeft(s, set))
	return s[:end], s[end:]
}

// constTimestamp reads a constant DATE, TIMESTAMP or TIMESTAMPTZ in ISO form,
// in microseconds since 1970-01-01 UTC.
func constTimestamp(n node) (int64, bool) {
	if n.class() != "CAST" {
		return 0, false
	}
	layouts := []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05"}
	switch n.child("cast_type").str("id") {
	case "DATE":
		layouts = layouts[:1]
	case "TIMESTAMP":
	case "TIMESTAMP WITH TIME ZONE":
		for _, zone := range []string{"Z07:00", "-07:00", "-07"} {
			layouts = append(layouts, layouts[1]+zone, layouts[2]+zone)
		}
	default:
		return 0, false
	}
	text, ok := constString(n.child("child"))
	if !ok {
		return 0, false
	}
	text = strings.Replace(text, "T", " ", 1)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMicro(), t.Nanosecond()%1000 == 0
		}
	}
	return 0, false
}
