package parser

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const hintDuration = "Write it as '30 days', '1 hour 30 minutes', '10m', '500ms' or '00:00:05'."

// durationUnits are the units that always last the same time. A day is 24 hours.
var durationUnits = map[string]time.Duration{
	"us": time.Microsecond, "usec": time.Microsecond, "usecs": time.Microsecond,
	"microsecond": time.Microsecond, "microseconds": time.Microsecond,
	"ms": time.Millisecond, "msec": time.Millisecond, "msecs": time.Millisecond,
	"millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
}

// ParseDuration reads an interval of fixed length, as options and watermarks
// have it: '30 days', '1 hour 30 minutes', '10m', '00:00:05', '1 day 02:30'.
// A number without a unit, months and negative values are errors: *Error with
// NoOffset.
func ParseDuration(s string) (time.Duration, error) {
	total, err := parseDuration(s)
	if err != nil {
		return 0, err
	}
	return total, nil
}

func parseDuration(s string) (time.Duration, *Error) {
	rest := strings.ToLower(strings.TrimSpace(s))
	if rest == "" {
		return 0, badDuration(s)
	}
	var total time.Duration
	for rest != "" {
		if clock, ok := parseClock(rest); ok {
			if clock > math.MaxInt64-total {
				return 0, badDuration(s)
			}
			return total + clock, nil
		}
		number, after := leading(rest, func(c byte) bool { return isDigit(c) || c == '.' })
		unit, next := leading(strings.TrimLeft(after, " "), func(c byte) bool { return c >= 'a' && c <= 'z' })
		part, err := scaled(number, unit, s)
		if err != nil {
			return 0, err
		}
		if part > math.MaxInt64-total {
			return 0, badDuration(s)
		}
		total += part
		rest = strings.TrimLeft(next, " ,")
	}
	return total, nil
}

// scaled returns number times unit.
func scaled(number, unit, whole string) (time.Duration, *Error) {
	size, known := durationUnits[unit]
	switch {
	case strings.HasPrefix(unit, "mon") || strings.HasPrefix(unit, "y"):
		return 0, errorAt(NoOffset, codeBadInterval, "invalid duration \"%s\": months and years have no fixed length", excerpt(whole)).
			withHint("Write it in days, as '30 days'.")
	case number == "" || !known:
		return 0, badDuration(whole)
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		if n > math.MaxInt64/int64(size) {
			return 0, badDuration(whole)
		}
		return time.Duration(n) * size, nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f*float64(size) >= math.MaxInt64 {
		return 0, badDuration(whole)
	}
	return time.Duration(math.Round(f * float64(size))), nil
}

// parseClock reads HH:MM or HH:MM:SS with a fraction.
func parseClock(s string) (time.Duration, bool) {
	parts := strings.Split(s, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return 0, false
	}
	hours, err := strconv.ParseUint(parts[0], 10, 20)
	if err != nil {
		return 0, false
	}
	minutes, err := strconv.ParseUint(parts[1], 10, 8)
	if err != nil || minutes > 59 {
		return 0, false
	}
	total := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if len(parts) == 3 {
		digits, fraction := leading(parts[2], isDigit)
		if digits == "" || strings.Trim(strings.TrimPrefix(fraction, "."), "0123456789") != "" {
			return 0, false
		}
		seconds, err := strconv.ParseFloat(parts[2], 64)
		if err != nil || seconds >= 60 {
			return 0, false
		}
		total += time.Duration(math.Round(seconds * float64(time.Second)))
	}
	return total, true
}

// leading cuts s behind the bytes at its beginning that satisfy is.
func leading(s string, is func(byte) bool) (head, tail string) {
	i := 0
	for i < len(s) && is(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func badDuration(s string) *Error {
	return errorAt(NoOffset, codeBadInterval, "invalid duration \"%s\"", excerpt(s)).withHint(hintDuration)
}
