package decode

import (
	"math"
	"math/bits"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// ParseInterval reads an INTERVAL: an ISO 8601 duration (P1Y2M3DT4H5M6.7S,
// P2W, any part with a sign of its own), or parts as Postgres and DuckDB write
// them ("1 year 2 mons -3 days 04:05:06.7", "2 hours ago"); a number alone
// counts seconds. The fraction of a year, decade, century or millennium becomes
// months, of a month or quarter days of 30 to the month, of a week or day time;
// what is finer than the smallest of these is cut off.
func ParseInterval(text []byte) (batch.IntervalValue, error) {
	v, f := parseInterval(trim(text))
	if f != fine {
		return v, parseError(f, text, batch.Type{Kind: batch.Interval})
	}
	return v, nil
}

func parseInterval(text []byte) (batch.IntervalValue, fault) {
	var sum intervalSum
	f := malformed
	iso, negative := text, false
	if len(iso) > 0 && (iso[0] == '-' || iso[0] == '+') {
		negative = iso[0] == '-'
		iso = iso[1:]
	}
	if len(iso) > 0 && iso[0]|0x20 == 'p' {
		f = sum.iso(iso[1:])
		sum.ago = negative
	} else {
		f = sum.parts(text)
	}
	if f != fine {
		return batch.IntervalValue{}, f
	}
	return sum.value()
}

// secondsInterval returns the interval that lasts n seconds.
func secondsInterval(n number, text []byte) (batch.IntervalValue, fault) {
	num, ok := readNumeral(text)
	if !ok {
		return batch.IntervalValue{}, malformed
	}
	v, _, ok := num.scaled(6)
	if !ok || v.hi != 0 || v.lo > math.MaxInt64 {
		return batch.IntervalValue{}, outOfRange
	}
	micros := int64(v.lo)
	if num.neg {
		micros = -micros
	}
	return batch.IntervalValue{Micros: micros}, fine
}

// amount is the number in front of a unit: ±(whole + frac / 10^15).
type amount struct {
	whole, frac uint64
	neg         bool
}

const fracDigits = 15

// scanAmount reads the amount at p, with a sign if it has one, and returns the
// position behind it. There must be a digit before the point.
func scanAmount(text []byte, p int) (a amount, end int, f fault) {
	if p < len(text) && (text[p] == '-' || text[p] == '+') {
		a.neg = text[p] == '-'
		p++
	}
	end, a.whole = digits(text, p, 0)
	switch {
	case end == p:
		return a, p, malformed
	case end-p > plainDigits:
		return a, p, outOfRange
	case end == len(text) || text[end] != '.':
		return a, end, fine
	}
	unit := pow10[fracDigits]
	for end++; end < len(text) && isDigit(text[end]); end++ {
		unit /= 10
		a.frac += uint64(text[end]-'0') * unit
	}
	return a, end, fine
}

// intervalUnit is a unit of time: size of the field that it counts in.
type intervalUnit struct {
	field intervalField
	size  uint64
}

type intervalField uint8

const (
	monthsField intervalField = iota
	daysField
	microsField
)

// intervalSum adds up the parts of an interval. No field may leave an int64 on
// the way; the narrower fields of the result are checked at the end.
type intervalSum struct {
	fields [3]int64
	ago    bool
}

func (s *intervalSum) add(field intervalField, size uint64, neg bool) fault {
	if size > math.MaxInt64 {
		return outOfRange
	}
	v := int64(size)
	if neg {
		v = -v
	}
	sum := s.fields[field] + v
	if (v >= 0) != (sum >= s.fields[field]) {
		return outOfRange
	}
	s.fields[field] = sum
	return fine
}

// addAmount adds a of u. What a fraction becomes is DuckDB's choice.
func (s *intervalSum) addAmount(a amount, u intervalUnit) fault {
	over, whole := bits.Mul64(a.whole, u.size)
	if over != 0 {
		return outOfRange
	}
	if f := s.add(u.field, whole, a.neg); f != fine || a.frac == 0 {
		return f
	}
	portion := func(size uint64) uint64 {
		hi, lo := bits.Mul64(a.frac, size)
		v, _ := bits.Div64(hi, lo, pow10[fracDigits])
		return v
	}
	const monthsPerQuarter, daysPerMonth = 3, 30
	switch {
	case u.field == monthsField && u.size <= monthsPerQuarter:
		return s.add(daysField, portion(u.size*daysPerMonth), a.neg)
	case u.field == daysField:
		micros := portion(u.size * uint64(microsPerDay))
		if f := s.add(daysField, micros/uint64(microsPerDay), a.neg); f != fine {
			return f
		}
		return s.add(microsField, micros%uint64(microsPerDay), a.neg)
	default:
		return s.add(u.field, portion(u.size), a.neg)
	}
}

func (s *intervalSum) value() (batch.IntervalValue, fault) {
	if s.ago {
		for i, v := range s.fields {
			if v == math.MinInt64 {
				return batch.IntervalValue{}, outOfRange
			}
			s.fields[i] = -v
		}
	}
	months, days := s.fields[monthsField], s.fields[daysField]
	if months != int64(int32(months)) || days != int64(int32(days)) {
		return batch.IntervalValue{}, outOfRange
	}
	return batch.IntervalValue{Months: int32(months), Days: int32(days), Micros: s.fields[microsField]}, fine
}

// iso adds the parts of the ISO 8601 duration that stands behind its P.
func (s *intervalSum) iso(text []byte) fault {
	letters, units, inTime, count := "ymwd", isoDateUnits[:], false, 0
	for p := 0; p < len(text); {
		if text[p]|0x20 == 't' {
			if inTime {
				return malformed
			}
			letters, units, inTime, count = "hms", isoTimeUnits[:], true, 0
			p++
			continue
		}
		a, end, f := scanAmount(text, p)
		if f != fine {
			return f
		}
		if end == len(text) {
			return malformed
		}
		// Units come from the largest to the smallest, each at most once.
		i := strings.IndexByte(letters, text[end]|0x20)
		if i < 0 {
			return malformed
		}
		if f = s.addAmount(a, units[i]); f != fine {
			return f
		}
		letters, units = letters[i+1:], units[i+1:]
		p = end + 1
		count++
	}
	if count == 0 { // nothing behind P, or nothing behind T
		return malformed
	}
	return fine
}

// parts adds the parts of an interval in Postgres's notation.
func (s *intervalSum) parts(text []byte) fault {
	p, count := 0, 0
	if len(text) > 0 && text[0] == '@' {
		p++
	}
	for ; ; count++ {
		for p < len(text) && isSpace(text[p]) {
			p++
		}
		if p == len(text) {
			break
		}
		if count > 0 && equalFold(text[p:], "ago") {
			s.ago = true
			return fine
		}
		a, end, f := scanAmount(text, p)
		if f != fine {
			return f
		}
		if end < len(text) && text[end] == ':' {
			if p, f = s.clock(a, text, end+1); f != fine {
				return f
			}
			continue
		}
		p = end
		for p < len(text) && isSpace(text[p]) {
			p++
		}
		word := p
		for p < len(text) && text[p]|0x20 >= 'a' && text[p]|0x20 <= 'z' {
			p++
		}
		unit, ok := unitNamed(text[word:p])
		if word == p && p == len(text) && count == 0 {
			unit, ok = unitSecond, true
		}
		if !ok {
			return malformed
		}
		if f = s.addAmount(a, unit); f != fine {
			return f
		}
	}
	if count == 0 {
		return malformed
	}
	return fine
}

// clock adds hours, whose amount has been read, and what stands at p, behind
// the colon: minutes and seconds, which take the sign of the hours.
func (s *intervalSum) clock(hours amount, text []byte, p int) (end int, f fault) {
	if hours.frac != 0 {
		return 0, malformed
	}
	minutes, p := oneOrTwoDigits(text, p)
	if p < 0 {
		return 0, malformed
	}
	seconds, fraction := 0, int64(0)
	if p < len(text) && text[p] == ':' {
		if seconds, p = oneOrTwoDigits(text, p+1); p < 0 {
			return 0, malformed
		}
		if p < len(text) && text[p] == '.' {
			if fraction, p = scanFraction(text, p+1); p < 0 {
				return 0, malformed
			}
		}
	}
	if minutes > 59 || seconds > 59 {
		return 0, outOfRange
	}
	if f = s.addAmount(hours, unitHour); f != fine {
		return 0, f
	}
	rest := int64(minutes)*microsPerMinute + int64(seconds)*microsPerSecond + fraction
	return p, s.add(microsField, uint64(rest), hours.neg)
}
