package datetime

import (
	"math"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// Units of time in microseconds.
const (
	MicrosPerSecond = 1_000_000
	MicrosPerMinute = 60 * MicrosPerSecond
	MicrosPerHour   = 60 * MicrosPerMinute
	MicrosPerDay    = 24 * MicrosPerHour
)

const (
	// PostgreSQL counts from 2000-01-01, Arrow and DuckDB from 1970-01-01.
	postgresEpochDays   = 10_957
	postgresEpochMicros = postgresEpochDays * MicrosPerDay

	// PostgreSQL's infinite timestamps and dates in the binary format.
	wireInfinityMicros    = math.MaxInt64
	wireNegInfinityMicros = math.MinInt64
	wireInfinityDays      = math.MaxInt32
	wireNegInfinityDays   = math.MinInt32
)

// Civil returns the proleptic Gregorian date of a day counted from 1970-01-01.
// Year 0 is 1 BC. The era of 400 years starts on 1 March, so that the leap day
// is its last.
func Civil(days int64) (year int64, month, day int) {
	const daysPerEra = 146_097
	days += 719_468
	era := FloorDiv(days, daysPerEra)
	dayOfEra := days - era*daysPerEra
	yearOfEra := (dayOfEra - dayOfEra/1_460 + dayOfEra/36_524 - dayOfEra/146_096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153 // months since March
	day = int(dayOfYear - (153*shifted+2)/5 + 1)
	month = int(shifted) + 3
	year = yearOfEra + era*400
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

// DaysFromCivil is the inverse of Civil.
func DaysFromCivil(year int64, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era := FloorDiv(year, 400)
	yearOfEra := year - era*400
	shifted := int64(month+9) % 12
	dayOfYear := (153*shifted+2)/5 + int64(day) - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return era*146_097 + dayOfEra - 719_468
}

// FloorDiv is a/b rounded down.
func FloorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// MicrosFrom converts a timestamp of the given number of units per second,
// keeping the infinities. What microseconds can't hold becomes infinite too.
func MicrosFrom(v, unitsPerSecond int64) int64 {
	switch {
	case v == batch.InfinityMicros || v == batch.NegInfinityMicros || unitsPerSecond == MicrosPerSecond:
		return v
	case unitsPerSecond > MicrosPerSecond:
		return FloorDiv(v, unitsPerSecond/MicrosPerSecond)
	}
	factor := MicrosPerSecond / unitsPerSecond
	switch {
	case v > math.MaxInt64/factor:
		return batch.InfinityMicros
	case v < -math.MaxInt64/factor:
		return batch.NegInfinityMicros
	}
	return v * factor
}

// WireMicros returns a timestamp as the binary format has it. Before 290278 BC
// the wire's count from 2000 has no room; such times are -infinity.
func WireMicros(micros int64) int64 {
	switch {
	case micros == batch.InfinityMicros:
		return wireInfinityMicros
	case micros < math.MinInt64+postgresEpochMicros:
		return wireNegInfinityMicros
	}
	return micros - postgresEpochMicros
}

// MicrosFromWire is the inverse of WireMicros.
func MicrosFromWire(v int64) (int64, bool) {
	switch {
	case v == wireInfinityMicros:
		return batch.InfinityMicros, true
	case v == wireNegInfinityMicros:
		return batch.NegInfinityMicros, true
	case v >= math.MaxInt64-postgresEpochMicros:
		return 0, false
	}
	return v + postgresEpochMicros, true
}

// WireDays returns a date as the binary format has it.
func WireDays(days int32) int32 {
	switch {
	case days == batch.InfinityDays:
		return wireInfinityDays
	case days < math.MinInt32+postgresEpochDays:
		return wireNegInfinityDays
	}
	return days - postgresEpochDays
}

// DaysFromWire is the inverse of WireDays.
func DaysFromWire(v int32) (int32, bool) {
	switch {
	case v == wireInfinityDays:
		return batch.InfinityDays, true
	case v == wireNegInfinityDays:
		return batch.NegInfinityDays, true
	case v >= math.MaxInt32-postgresEpochDays:
		return 0, false
	}
	return v + postgresEpochDays, true
}

// appendTwo appends v with at least two digits.
func appendTwo(dst []byte, v int) []byte {
	return append(dst, byte('0'+v/10), byte('0'+v%10))
}

// appendYearMonthDay appends the ISO date without its era, and reports whether
// that is BC.
func appendYearMonthDay(dst []byte, days int64) (out []byte, bc bool) {
	year, month, day := Civil(days)
	if year <= 0 {
		year, bc = 1-year, true
	}
	dst = AppendPadded(dst, year, 4)
	dst = append(dst, '-')
	dst = appendTwo(dst, month)
	dst = append(dst, '-')
	return appendTwo(dst, day), bc
}

// AppendPadded appends v, which is not negative, with at least width digits.
func AppendPadded(dst []byte, v int64, width int) []byte {
	var digits [20]byte
	i := len(digits)
	for v > 0 || len(digits)-i < width {
		i--
		digits[i] = byte('0' + v%10)
		v /= 10
	}
	return append(dst, digits[i:]...)
}

// AppendDate appends a date.
func AppendDate(dst []byte, days int32) []byte {
	switch days {
	case batch.InfinityDays:
		return append(dst, "infinity"...)
	case batch.NegInfinityDays:
		return append(dst, "-infinity"...)
	}
	dst, bc := appendYearMonthDay(dst, int64(days))
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// AppendTime appends a time of day; micros may be 24:00:00.
func AppendTime(dst []byte, micros int64) []byte {
	dst = appendTwo(dst, int(micros/MicrosPerHour))
	dst = append(dst, ':')
	dst = appendTwo(dst, int(micros/MicrosPerMinute%60))
	dst = append(dst, ':')
	dst = appendTwo(dst, int(micros/MicrosPerSecond%60))
	return appendFraction(dst, micros%MicrosPerSecond)
}

// appendFraction appends the digits after the second without trailing zeros.
func appendFraction(dst []byte, micros int64) []byte {
	if micros == 0 {
		return dst
	}
	dst = append(dst, '.')
	dst = AppendPadded(dst, micros, 6)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// AppendTimestamp appends a timestamp. With a zone it appends the local time
// there and its offset.
func AppendTimestamp(dst []byte, micros int64, zone *time.Location) []byte {
	switch micros {
	case batch.InfinityMicros:
		return append(dst, "infinity"...)
	case batch.NegInfinityMicros:
		return append(dst, "-infinity"...)
	}
	offset := 0
	if zone != nil && zone != time.UTC {
		_, offset = time.Unix(FloorDiv(micros, MicrosPerSecond), 0).In(zone).Zone()
	}
	days := FloorDiv(micros, MicrosPerDay)
	ofDay := micros - days*MicrosPerDay + int64(offset)*MicrosPerSecond
	if shift := FloorDiv(ofDay, MicrosPerDay); shift != 0 {
		days, ofDay = days+shift, ofDay-shift*MicrosPerDay
	}
	dst, bc := appendYearMonthDay(dst, days)
	dst = append(dst, ' ')
	dst = AppendTime(dst, ofDay)
	if zone != nil {
		dst = AppendOffset(dst, offset)
	}
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// AppendOffset appends a zone's offset from UTC as +05, +05:30 or +00:19:32.
func AppendOffset(dst []byte, seconds int) []byte {
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	dst = append(dst, sign)
	dst = appendTwo(dst, seconds/3600)
	if seconds%3600 != 0 {
		dst = append(dst, ':')
		dst = appendTwo(dst, seconds/60%60)
	}
	if seconds%60 != 0 {
		dst = append(dst, ':')
		dst = appendTwo(dst, seconds%60)
	}
	return dst
}
