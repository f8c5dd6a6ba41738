package datetime

import (
	"math"
	"strconv"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// ParseDate reads a date in ISO form as days since 1970-01-01.
func ParseDate(text string) (days int32, ok bool) {
	switch strings.ToLower(text) {
	case "infinity":
		return batch.InfinityDays, true
	case "-infinity":
		return batch.NegInfinityDays, true
	}
	s := newISOScanner(text)
	v, ok := s.date()
	return int32(v), ok && s.rest == "" && int64(int32(v)) == v
}

// ParseTime reads a time of day as microseconds.
func ParseTime(text string) (micros int64, ok bool) {
	s := isoScanner{rest: text}
	micros, ok = s.clock()
	return micros, ok && s.rest == ""
}

// ParseTimestamp reads a timestamp as microseconds since 1970-01-01. One that
// is zoned must have an offset: without, it is local time.
func ParseTimestamp(text string, zoned bool) (micros int64, ok bool) {
	switch strings.ToLower(text) {
	case "infinity":
		return batch.InfinityMicros, true
	case "-infinity":
		return batch.NegInfinityMicros, true
	}
	return parseTimestamp(text, zoned)
}

// parseTimestamp reads 2020-01-31 04:05:06.789[+05:30][ BC].
func parseTimestamp(text string, zoned bool) (int64, bool) {
	s := newISOScanner(text)
	days, ok := s.date()
	if !ok || days >= math.MaxInt64/MicrosPerDay || days <= math.MinInt64/MicrosPerDay {
		return 0, false
	}
	micros := days * MicrosPerDay
	if s.take(" ") || s.take("T") {
		ofDay, ok := s.clock()
		if !ok {
			return 0, false
		}
		micros += ofDay
	}
	if zoned {
		offset, ok := s.offset()
		if !ok {
			return 0, false
		}
		micros -= offset * MicrosPerSecond
	}
	return micros, s.rest == ""
}

// isoScanner reads ISO dates and times from the front of rest.
type isoScanner struct {
	rest string
	bc   bool
}

func newISOScanner(text string) isoScanner {
	rest, bc := strings.CutSuffix(text, " BC")
	return isoScanner{rest: rest, bc: bc}
}

func (s *isoScanner) take(prefix string) bool {
	rest, ok := strings.CutPrefix(s.rest, prefix)
	s.rest = rest
	return ok
}

// number reads between least and most digits.
func (s *isoScanner) number(least, most int) (int64, bool) {
	n := 0
	for n < len(s.rest) && n < most && s.rest[n] >= '0' && s.rest[n] <= '9' {
		n++
	}
	if n < least {
		return 0, false
	}
	v, err := strconv.ParseInt(s.rest[:n], 10, 64)
	s.rest = s.rest[n:]
	return v, err == nil
}

// date reads a date as days since 1970-01-01.
func (s *isoScanner) date() (int64, bool) {
	year, ok := s.number(4, 7)
	if !ok || !s.take("-") {
		return 0, false
	}
	month, ok := s.number(1, 2)
	if !ok || !s.take("-") {
		return 0, false
	}
	day, ok := s.number(1, 2)
	if !ok || year == 0 {
		return 0, false
	}
	if s.bc {
		year = 1 - year
	}
	days := DaysFromCivil(year, int(month), int(day))
	// A 31 February comes back as a day in March.
	if y, m, d := Civil(days); month < 1 || month > 12 || y != year || m != int(month) || d != int(day) {
		return 0, false
	}
	return days, true
}

// clock reads hh:mm[:ss[.ffffff]] as microseconds.
func (s *isoScanner) clock() (int64, bool) {
	hour, ok := s.number(2, 2)
	if !ok || !s.take(":") {
		return 0, false
	}
	minute, ok := s.number(2, 2)
	if !ok {
		return 0, false
	}
	var second, fraction int64
	if s.take(":") {
		if second, ok = s.number(2, 2); !ok {
			return 0, false
		}
		if s.take(".") {
			if fraction, ok = s.fraction(); !ok {
				return 0, false
			}
		}
	}
	micros := hour*MicrosPerHour + minute*MicrosPerMinute + second*MicrosPerSecond + fraction
	return micros, minute < 60 && second < 60 && micros <= MicrosPerDay
}

// fraction reads the digits after the point as microseconds, cutting the rest.
func (s *isoScanner) fraction() (int64, bool) {
	before := len(s.rest)
	v, ok := s.number(1, 6)
	if !ok {
		return 0, false
	}
	for n := before - len(s.rest); n < 6; n++ {
		v *= 10
	}
	for s.rest != "" && s.rest[0] >= '0' && s.rest[0] <= '9' {
		s.rest = s.rest[1:]
	}
	return v, true
}

// offset reads Z, +05, +0530, +05:30 or +05:30:15 as seconds.
func (s *isoScanner) offset() (int64, bool) {
	if s.take("Z") {
		return 0, true
	}
	sign := int64(1)
	if s.take("-") {
		sign = -1
	} else if !s.take("+") {
		return 0, false
	}
	seconds, ok := s.number(2, 2)
	if !ok {
		return 0, false
	}
	seconds *= 3600
	for _, unit := range []int64{60, 1} {
		if !s.take(":") && s.rest == "" {
			break
		}
		v, ok := s.number(2, 2)
		if !ok || v > 59 {
			return 0, false
		}
		seconds += v * unit
	}
	return sign * seconds, seconds <= 16*3600
}

// intervalUnits maps the units of an interval, in PostgreSQL's spellings, to
// months, days or microseconds.
var intervalUnits = map[string]batch.IntervalValue{
	"year": {Months: 12}, "mon": {Months: 1}, "month": {Months: 1}, "week": {Days: 7}, "day": {Days: 1},
	"hour": {Micros: MicrosPerHour}, "minute": {Micros: MicrosPerMinute}, "min": {Micros: MicrosPerMinute},
	"second": {Micros: MicrosPerSecond}, "sec": {Micros: MicrosPerSecond},
	"millisecond": {Micros: 1_000}, "microsecond": {Micros: 1},
}

// ParseInterval reads the "postgres" style, 1 year 2 mons -3 days +04:05:06.7,
// with whole numbers of each unit.
func ParseInterval(text string) (v batch.IntervalValue, ok bool) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return v, false
	}
	for i := 0; i < len(fields); i++ {
		if strings.Contains(fields[i], ":") {
			micros, ok := signedClock(fields[i])
			if ok {
				v.Micros, ok = addMicros(v.Micros, micros)
			}
			if !ok {
				return v, false
			}
			continue
		}
		n, err := strconv.ParseInt(strings.TrimPrefix(fields[i], "+"), 10, 32)
		if err != nil || i+1 == len(fields) {
			return v, false
		}
		i++
		name := strings.ToLower(fields[i])
		unit, ok := intervalUnits[strings.TrimSuffix(name, "s")]
		if !ok {
			return v, false
		}
		months, days := int64(v.Months)+n*int64(unit.Months), int64(v.Days)+n*int64(unit.Days)
		if int64(int32(months)) != months || int64(int32(days)) != days {
			return v, false
		}
		v.Months, v.Days = int32(months), int32(days)
		if v.Micros, ok = addMicros(v.Micros, n*unit.Micros); !ok {
			return v, false
		}
	}
	return v, true
}

// signedClock reads [+-]hhh:mm[:ss[.ffffff]]; the hours may exceed a day.
func signedClock(text string) (int64, bool) {
	s := isoScanner{rest: text}
	sign := int64(1)
	if s.take("-") {
		sign = -1
	} else {
		s.take("+")
	}
	hours, ok := s.number(1, 9)
	if !ok {
		return 0, false
	}
	s.rest = "00" + s.rest
	micros, ok := s.clock()
	return sign * (hours*MicrosPerHour + micros), ok && s.rest == ""
}

// addMicros returns a+b, or false when it overflows.
func addMicros(a, b int64) (int64, bool) {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return 0, false
	}
	return a + b, true
}

// BeforeChrist writes a date or timestamp that ends with BC as DuckDB reads it,
// which has (BC) behind the date.
func BeforeChrist(text string) string {
	rest, bc := strings.CutSuffix(text, " BC")
	if !bc {
		return text
	}
	date, clock, found := strings.Cut(strings.TrimSpace(rest), " ")
	if !found {
		return date + " (BC)"
	}
	return date + " (BC) " + clock
}
