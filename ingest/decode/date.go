package decode

import "github.com/millstream-db/millstream/engine/batch"

const (
	minDays = int64(batch.MinDays)
	maxDays = int64(batch.MaxDays)
)

// ParseDate reads a DATE, in days since 1970-01-01: YYYY-MM-DD or YYYY/MM/DD,
// with years below 1 written with a sign (year 0 is 1 BC) or as DuckDB writes
// them ("0044-03-15 (BC)"), "infinity" and "-infinity". Of a timestamp the date
// is taken as it is written, whatever its zone.
func ParseDate(text []byte) (int32, error) {
	days, f := parseDate(trim(text))
	if f != fine {
		return 0, parseError(f, text, batch.Type{Kind: batch.Date})
	}
	return days, nil
}

func parseDate(text []byte) (int32, fault) {
	switch infinity(text) {
	case 1:
		return batch.InfinityDays, fine
	case -1:
		return batch.NegInfinityDays, fine
	}
	days, n, f := scanDate(text)
	if f != fine {
		return 0, f
	}
	if n < len(text) {
		if _, _, f = scanTimeAndZone(text[n:]); f != fine {
			return 0, f
		}
	}
	if days < minDays || days > maxDays {
		return 0, outOfRange
	}
	return int32(days), fine
}

// epochDays returns the date that lies a whole number of days after 1970-01-01.
func epochDays(n number, text []byte) (int32, fault) {
	v, neg, f := magnitude(n, text)
	if f != fine {
		return 0, f
	}
	if v.hi != 0 || v.lo > uint64(maxDays) {
		return 0, outOfRange
	}
	if neg {
		return int32(-int64(v.lo)), fine
	}
	return int32(v.lo), fine
}

// twoDigits returns the number that the two digits at i make, or one above 99.
func twoDigits(text []byte, i int) int {
	tens, ones := text[i]-'0', text[i+1]-'0'
	if tens > 9 || ones > 9 {
		return 100
	}
	return int(tens)*10 + int(ones)
}

// scanDate reads the date that text begins with and returns its length. The
// days are not limited to what a column holds.
func scanDate(text []byte) (days int64, n int, f fault) {
	if len(text) >= 10 && text[4] == '-' && text[7] == '-' {
		century, year := twoDigits(text, 0), twoDigits(text, 2)
		month, day := twoDigits(text, 5), twoDigits(text, 8)
		if century < 100 && year < 100 && month < 100 && day < 100 {
			days, f = civilDays(int64(century*100+year), month, day)
			n = 10
			if f == fine && len(text) >= n+5 && string(text[n:n+5]) == " (BC)" {
				return scanAnyDate(text)
			}
			return days, n, f
		}
	}
	return scanAnyDate(text)
}

// maxYearDigits is enough for the years of every date that a column holds.
const maxYearDigits = 7

// scanAnyDate is scanDate for years of any length, a sign, parts of one digit.
func scanAnyDate(text []byte) (days int64, n int, f fault) {
	signed := len(text) > 0 && (text[0] == '-' || text[0] == '+')
	if signed {
		n = 1
	}
	end, number := digits(text, n, 0)
	if end == n || end-n > maxYearDigits {
		return 0, 0, malformed
	}
	year := int64(number)
	if signed && text[0] == '-' {
		year = -year
	}
	if end == len(text) || text[end] != '-' && text[end] != '/' {
		return 0, 0, malformed
	}
	separator := text[end]
	month, n := oneOrTwoDigits(text, end+1)
	if n < 0 || n == len(text) || text[n] != separator {
		return 0, 0, malformed
	}
	day, n := oneOrTwoDigits(text, n+1)
	if n < 0 {
		return 0, 0, malformed
	}
	if len(text) >= n+5 && string(text[n:n+5]) == " (BC)" {
		if signed {
			return 0, 0, malformed
		}
		year = 1 - year
		n += 5
	}
	days, f = civilDays(year, month, day)
	return days, n, f
}

// oneOrTwoDigits returns the number at p and the position behind it, or -1.
func oneOrTwoDigits(text []byte, p int) (value, end int) {
	end, v := digits(text, p, 0)
	if end == p || end > p+2 {
		return 0, -1
	}
	return int(v), end
}

var daysInMonth = [13]uint8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// civilDays returns the days from 1970-01-01 to a date of the proleptic
// Gregorian calendar. A day that the month does not have is out of range.
func civilDays(year int64, month, day int) (int64, fault) {
	if month < 1 || month > 12 || day < 1 {
		return 0, outOfRange
	}
	length := int(daysInMonth[month])
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		length++
	}
	if day > length {
		return 0, outOfRange
	}
	// Count years from March, so that the leap day is a year's last, and from a
	// year far enough back that nothing is negative: 400 years repeat exactly.
	if month <= 2 {
		year--
		month += 12
	}
	const cycles = 25_000
	y := uint64(year + 400*cycles)
	dayOfYear := uint64(153*(month-3)+2)/5 + uint64(day) - 1
	return int64(y*365+y/4-y/100+y/400+dayOfYear) - 719_468 - cycles*146_097, fine
}
