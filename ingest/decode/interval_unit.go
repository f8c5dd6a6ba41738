package decode

var (
	unitYear   = intervalUnit{monthsField, 12}
	unitMonth  = intervalUnit{monthsField, 1}
	unitWeek   = intervalUnit{daysField, 7}
	unitDay    = intervalUnit{daysField, 1}
	unitHour   = intervalUnit{microsField, uint64(microsPerHour)}
	unitMinute = intervalUnit{microsField, uint64(microsPerMinute)}
	unitSecond = intervalUnit{microsField, uint64(microsPerSecond)}
)

// The units of the letters "ymwd" before and "hms" behind an ISO duration's T.
var (
	isoDateUnits = [...]intervalUnit{unitYear, unitMonth, unitWeek, unitDay}
	isoTimeUnits = [...]intervalUnit{unitHour, unitMinute, unitSecond}
)

// unitNames lists DuckDB's names of units, in lower case.
var unitNames = map[string]intervalUnit{
	"millennium": {monthsField, 12_000}, "millennia": {monthsField, 12_000}, "mil": {monthsField, 12_000}, "mils": {monthsField, 12_000},
	"millenniums": {monthsField, 12_000},
	"century":     {monthsField, 1_200}, "centuries": {monthsField, 1_200}, "cent": {monthsField, 1_200}, "c": {monthsField, 1_200},
	"decade": {monthsField, 120}, "decades": {monthsField, 120}, "dec": {monthsField, 120}, "decs": {monthsField, 120},
	"year": unitYear, "years": unitYear, "yr": unitYear, "yrs": unitYear, "y": unitYear,
	"quarter": {monthsField, 3}, "quarters": {monthsField, 3},
	"month": unitMonth, "months": unitMonth, "mon": unitMonth, "mons": unitMonth,
	"week": unitWeek, "weeks": unitWeek, "w": unitWeek,
	"day": unitDay, "days": unitDay, "d": unitDay,
	"hour": unitHour, "hours": unitHour, "hr": unitHour, "hrs": unitHour, "h": unitHour,
	"minute": unitMinute, "minutes": unitMinute, "min": unitMinute, "mins": unitMinute, "m": unitMinute,
	"second": unitSecond, "seconds": unitSecond, "sec": unitSecond, "secs": unitSecond, "s": unitSecond,
	"millisecond": {microsField, 1_000}, "milliseconds": {microsField, 1_000}, "ms": {microsField, 1_000},
	"msec": {microsField, 1_000}, "msecs": {microsField, 1_000},
	"microsecond": {microsField, 1}, "microseconds": {microsField, 1}, "us": {microsField, 1},
	"usec": {microsField, 1}, "usecs": {microsField, 1},
}

// unitNamed returns the unit with the given name in any letter case.
func unitNamed(word []byte) (intervalUnit, bool) {
	var lower [len("milliseconds")]byte // the longest name
	if len(word) > len(lower) {
		return intervalUnit{}, false
	}
	for i, c := range word {
		lower[i] = c | 0x20 // letters are all that word has
	}
	u, ok := unitNames[string(lower[:len(word)])]
	return u, ok
}
