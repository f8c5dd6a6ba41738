package decode

import (
	"math/bits"

	"github.com/millstream-db/millstream/engine/batch"
)

// The finite timestamps that DuckDB holds: from 290309-12-22 (BC) 00:00:00 to
// the last microsecond before infinity.
const (
	minMicros = batch.MinMicros
	maxMicros = batch.MaxMicros
	edgeDays  = maxMicros / microsPerDay // before and after 1970-01-01
)

// ParseTimestampMicros reads a timestamp, in microseconds since 1970-01-01
// UTC: an ISO 8601 date, then optionally 'T' or a space and a time of day as
// ParseTime reads it, then optionally a zone: Z, UTC, +hh, +hhmm, +hh:mm or
// +hh:mm:ss, applied to the result. Without a zone UTC is meant; hasZone tells.
// "infinity" and "-infinity" are batch.InfinityMicros and its negative.
func ParseTimestampMicros(text []byte) (micros int64, hasZone bool, err error) {
	micros, hasZone, f := parseTimestamp(trim(text))
	if f != fine {
		return 0, false, parseError(f, text, batch.Type{Kind: batch.Timestamp})
	}
	return micros, hasZone, nil
}

// ParseEpochMicros reads the text of a JSON number as a timestamp column does: the
// time since 1970-01-01 UTC in the unit that its magnitude suggests, up to 1e11
// seconds, up to 1e14 milliseconds, up to 1e17 microseconds, then nanoseconds.
func ParseEpochMicros(text []byte) (int64, error) {
	s := scanner{data: text}
	var n number
	f := malformed
	micros := int64(0)
	if len(text) > 0 && s.number(0, &n) == len(text) {
		micros, f = epochMicros(n, text)
	}
	if f != fine {
		return 0, parseError(f, text, batch.Type{Kind: batch.Timestamp})
	}
	return micros, nil
}

func parseTimestamp(text []byte) (micros int64, hasZone bool, f fault) {
	days, n, f := scanDate(text)
	if f != fine {
		switch infinity(text) {
		case 1:
			return batch.InfinityMicros, false, fine
		case -1:
			return batch.NegInfinityMicros, false, fine
		}
		return 0, false, f
	}
	if n < len(text) {
		if micros, hasZone, f = scanTimeAndZone(text[n:]); f != fine {
			return 0, false, f
		}
	}
	// What no zone and no time of day is asked about: days that begin outside.
	if days < -edgeDays || days > edgeDays {
		return 0, false, outOfRange
	}
	midnight := days * microsPerDay
	if midnight > 0 && micros > maxMicros-midnight || midnight < 0 && micros < minMicros-midnight {
		return 0, false, outOfRange
	}
	return midnight + micros, hasZone, fine
}

// scanTimeAndZone reads what follows a date, which must be all of text, as
// microseconds since midnight UTC.
func scanTimeAndZone(text []byte) (micros int64, hasZone bool, f fault) {
	if text[0] != 'T' && text[0] != ' ' && text[0] != 't' {
		return 0, false, malformed
	}
	text = text[1:]
	micros, n, f := scanTime(text)
	if f != fine {
		return 0, false, f
	}
	if n == len(text) {
		return micros, false, fine
	}
	seconds, f := parseZone(text[n:])
	return micros - seconds*microsPerSecond, true, f
}

// parseZone reads a time zone's seconds east of UTC.
func parseZone(text []byte) (int64, fault) {
	if len(text) == 1 && (text[0] == 'Z' || text[0] == 'z') {
		return 0, fine
	}
	if text[0] == ' ' {
		text = text[1:]
	}
	if equalFold(text, "utc") || equalFold(text, "z") {
		return 0, fine
	}
	if len(text) < 3 || text[0] != '+' && text[0] != '-' {
		return 0, malformed
	}
	var parts [3]int // hours, minutes, seconds
	p, colon := 1, false
	for i := range parts {
		if i == 1 {
			colon = text[p] == ':'
		}
		if i > 0 && colon {
			if text[p] != ':' {
				return 0, malformed
			}
			p++
		}
		if p+2 > len(text) {
			return 0, malformed
		}
		if parts[i] = twoDigits(text, p); parts[i] > 99 {
			return 0, malformed
		}
		if p += 2; p == len(text) {
			break
		}
	}
	if p != len(text) {
		return 0, malformed
	}
	if parts[0] > 23 || parts[1] > 59 || parts[2] > 59 {
		return 0, outOfRange
	}
	seconds := int64(parts[0]*3600 + parts[1]*60 + parts[2])
	if text[0] == '-' {
		seconds = -seconds
	}
	return seconds, fine
}

// Below these magnitudes a number given for a timestamp counts seconds,
// milliseconds, microseconds; from the last on nanoseconds. Read as seconds,
// 1e11 is the year 5138; read as milliseconds, it is March 1973.
const (
	epochSecondsEnd = 1e11
	epochMillisEnd  = 1e14
	epochMicrosEnd  = 1e17
)

// epochMicros reads a number as the time since 1970-01-01 UTC, in the unit
// that its magnitude suggests. What is finer than a microsecond is rounded
// down, as it is in text: before 1970, too, the clock's digits are cut off.
func epochMicros(n number, text []byte) (int64, fault) {
	if n.plain && n.frac == 0 && n.mant < epochMicrosEnd {
		micros := int64(n.mant)
		switch {
		case n.mant < epochSecondsEnd:
			micros *= 1_000_000
		case n.mant < epochMillisEnd:
			micros *= 1_000
		}
		if n.neg {
			micros = -micros
		}
		return micros, fine
	}
	v, neg, more, f := readEpoch(text)
	if f != fine {
		return 0, f
	}
	divisor := uint64(nanosEach)
	switch {
	case v.less(pow10Wide[11+epochScale]):
		divisor = secondsEach
	case v.less(pow10Wide[14+epochScale]):
		divisor = millisEach
	case v.less(pow10Wide[17+epochScale]):
		divisor = microsEach
	}
	return wholeMicros(v, neg, more, divisor)
}

// readEpoch reads a number for a timestamp, and says whether there is more of it than
// v has digits.
func readEpoch(text []byte) (v uint128, neg, more bool, f fault) {
	num, ok := readNumeral(text)
	if !ok {
		return v, false, false, malformed
	}
	v, cut, ok := num.scaled(epochScale)
	if !ok {
		return v, false, false, outOfRange
	}
	return v, num.neg, cut.nonzero, fine
}

// What is read of a number for a timestamp has epochScale digits behind the
// point. Divided by one of the others, it is microseconds if the number counts
// that unit.
const (
	epochScale  = 9
	secondsEach = 1e3
	millisEach  = 1e6
	microsEach  = 1e9
	nanosEach   = 1e12
)

// wholeMicros divides, and rounds down.
func wholeMicros(v uint128, neg, more bool, divisor uint64) (int64, fault) {
	v, rest := v.dividedBy(divisor)
	if v.hi != 0 || v.lo > uint64(maxMicros) {
		return 0, outOfRange
	}
	micros := int64(v.lo)
	if neg {
		micros = -micros
		if rest != 0 || more {
			micros--
		}
	}
	if micros < minMicros {
		return 0, outOfRange
	}
	return micros, fine
}

// unitMicros reads a number as the time since 1970-01-01 UTC, in the unit that
// divisor stands for. What is finer than a microsecond is rounded down.
func unitMicros(n number, text []byte, divisor uint64) (int64, fault) {
	if n.plain && n.frac == 0 && n.mant < epochMillisEnd {
		v := uint128{}
		v.hi, v.lo = bits.Mul64(n.mant, pow10[epochScale])
		return wholeMicros(v, n.neg, false, divisor)
	}
	v, neg, more, f := readEpoch(text)
	if f != fine {
		return 0, f
	}
	return wholeMicros(v, neg, more, divisor)
}
