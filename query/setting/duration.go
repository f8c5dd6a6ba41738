package setting

import (
	"math"
	"strconv"
	"strings"
)

// durations is the settings that are times, in milliseconds.
var durations = map[string]bool{
	"statement_timeout": true, "lock_timeout": true, "idle_in_transaction_session_timeout": true, "idle_session_timeout": true,
	"client_connection_check_interval": true, "tcp_user_timeout": true, "deadlock_timeout": true,
}

// units is PostgreSQL's units of time in milliseconds, the longest first.
var units = []struct {
	name   string
	millis float64
}{{"d", 86_400_000}, {"h", 3_600_000}, {"min", 60_000}, {"s", 1000}, {"ms", 1}, {"us", 0.001}}

// IsDuration reports whether a setting is a time.
func IsDuration(name string) bool { return durations[name] }

// ParseDuration reads a time as PostgreSQL's settings have it: milliseconds, or a
// number with a unit. Whole milliseconds come out, rounded.
func ParseDuration(text string) (millis int64, ok bool) {
	text = strings.TrimSpace(text)
	number := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	unit, factor := text[len(number):], 0.0
	if unit == "" {
		factor = 1
	}
	for _, u := range units {
		if u.name == unit {
			factor = u.millis
		}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || factor == 0 || math.IsNaN(v) || math.Abs(v*factor) > math.MaxInt32 {
		return 0, false
	}
	return int64(math.RoundToEven(v * factor)), true
}

// FormatDuration writes milliseconds as SHOW does, in the longest unit that has
// them whole.
func FormatDuration(millis int64) string {
	if millis == 0 {
		return "0"
	}
	for _, u := range units {
		if whole := int64(u.millis); millis%whole == 0 {
			return strconv.FormatInt(millis/whole, 10) + u.name
		}
	}
	return strconv.FormatInt(millis, 10) + "ms"
}
