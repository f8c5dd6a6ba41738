package decode

import "github.com/millstream-db/millstream/engine/batch"

const (
	microsPerSecond = int64(1_000_000)
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour
)

// ParseTime reads a TIME, in microseconds since midnight: HH:MM, HH:MM:SS or
// HH:MM:SS with a fraction, of which what is finer than a microsecond is cut
// off. 24:00:00 is a time. A time zone is an error: a TIME has none.
func ParseTime(text []byte) (int64, error) {
	micros, f := parseTime(trim(text))
	if f != fine {
		return 0, parseError(f, text, batch.Type{Kind: batch.Time})
	}
	return micros, nil
}

func parseTime(text []byte) (int64, fault) {
	micros, n, f := scanTime(text)
	if f == fine && n != len(text) {
		f = malformed
	}
	return micros, f
}

// scanTime reads the time of day that text begins with and returns its length.
func scanTime(text []byte) (micros int64, n int, f fault) {
	var hour, minute, second int
	if len(text) >= 8 && text[2] == ':' && text[5] == ':' &&
		max(twoDigits(text, 0), twoDigits(text, 3), twoDigits(text, 6)) < 100 {
		hour, minute, second = twoDigits(text, 0), twoDigits(text, 3), twoDigits(text, 6)
		n = 8
	} else {
		if hour, n = oneOrTwoDigits(text, 0); n < 0 || n == len(text) || text[n] != ':' {
			return 0, 0, malformed
		}
		if minute, n = oneOrTwoDigits(text, n+1); n < 0 {
			return 0, 0, malformed
		}
		if n == len(text) || text[n] != ':' {
			return clock(hour, minute, 0, 0, n)
		}
		if second, n = oneOrTwoDigits(text, n+1); n < 0 {
			return 0, 0, malformed
		}
	}
	if n == len(text) || text[n] != '.' {
		return clock(hour, minute, second, 0, n)
	}
	fraction, end := scanFraction(text, n+1)
	if end < 0 {
		return 0, 0, malformed
	}
	return clock(hour, minute, second, fraction, end)
}

func clock(hour, minute, second int, fraction int64, n int) (int64, int, fault) {
	micros := int64(hour)*microsPerHour + int64(minute)*microsPerMinute + int64(second)*microsPerSecond + fraction
	if minute > 59 || second > 59 || micros > microsPerDay {
		return 0, 0, outOfRange
	}
	return micros, n, fine
}

// scanFraction reads the digits of a fraction of a second in microseconds, and
// returns the position behind all of them, or -1.
func scanFraction(text []byte, p int) (micros int64, end int) {
	unit := int64(100_000)
	first := p
	for ; p < len(text) && isDigit(text[p]); p++ {
		micros += int64(text[p]-'0') * unit
		unit /= 10
	}
	if p == first {
		return 0, -1
	}
	return micros, p
}
