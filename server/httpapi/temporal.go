package httpapi

import (
	"math"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/millstream-db/millstream/engine/batch"
)

// temporalAppender returns nil if arr holds no dates, times or intervals.
func temporalAppender(arr arrow.Array, st style) appender {
	quote := func(dst []byte, write func([]byte) []byte) []byte {
		if st != jsonStyle { // none of these texts needs quotes in CSV
			return write(dst)
		}
		return append(write(append(dst, '"')), '"')
	}
	switch a := arr.(type) {
	case *array.Date32:
		return func(dst []byte, i int) []byte {
			return quote(dst, func(dst []byte) []byte { return appendDate(dst, int32(a.Value(i))) })
		}
	case *array.Time32:
		unit := a.DataType().(*arrow.Time32Type).Unit.Multiplier()
		return func(dst []byte, i int) []byte {
			return quote(dst, func(dst []byte) []byte { return appendTime(dst, time.Duration(a.Value(i))*unit) })
		}
	case *array.Time64:
		unit := a.DataType().(*arrow.Time64Type).Unit.Multiplier()
		return func(dst []byte, i int) []byte {
			return quote(dst, func(dst []byte) []byte { return appendTime(dst, time.Duration(a.Value(i))*unit) })
		}
	case *array.Timestamp:
		t := a.DataType().(*arrow.TimestampType)
		zone := ""
		if t.TimeZone != "" {
			zone = "Z"
		}
		return func(dst []byte, i int) []byte {
			return quote(dst, func(dst []byte) []byte { return appendTimestamp(dst, int64(a.Value(i)), t.Unit, zone) })
		}
	case *array.MonthDayNanoInterval:
		return func(dst []byte, i int) []byte {
			return quote(dst, func(dst []byte) []byte { return appendInterval(dst, a.Value(i)) })
		}
	}
	return nil
}

func appendDate(dst []byte, days int32) []byte {
	switch days {
	case batch.InfinityDays:
		return append(dst, "infinity"...)
	case batch.NegInfinityDays:
		return append(dst, "-infinity"...)
	}
	return appendYMD(dst, time.Unix(int64(days)*86400, 0).UTC())
}

// appendYMD appends the date of t; years that ISO 8601's four digits can't
// hold are written in its expanded form, with a sign and six digits.
func appendYMD(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	if year >= 0 && year <= 9999 {
		dst = appendPadded(dst, year, 4)
	} else {
		sign := byte('+')
		if year < 0 {
			sign, year = '-', -year
		}
		dst = appendPadded(append(dst, sign), year, 6)
	}
	dst = appendPadded(append(dst, '-'), int(month), 2)
	return appendPadded(append(dst, '-'), day, 2)
}

// appendTime appends a time of day; 24:00:00 is one.
func appendTime(dst []byte, d time.Duration) []byte {
	dst = appendPadded(dst, int(d/time.Hour), 2)
	dst = appendPadded(append(dst, ':'), int(d/time.Minute%60), 2)
	dst = appendPadded(append(dst, ':'), int(d/time.Second%60), 2)
	return appendFraction(dst, int(d%time.Second))
}

// appendTimestamp appends ISO 8601 with a T.
func appendTimestamp(dst []byte, v int64, unit arrow.TimeUnit, zone string) []byte {
	switch v {
	case math.MaxInt64:
		return append(dst, "infinity"...)
	case -math.MaxInt64:
		return append(dst, "-infinity"...)
	}
	perSecond := int64(time.Second / unit.Multiplier())
	second, rest := v/perSecond, v%perSecond
	if rest < 0 {
		second, rest = second-1, rest+perSecond
	}
	t := time.Unix(second, rest*int64(unit.Multiplier())).UTC()
	dst = append(appendYMD(dst, t), 'T')
	dst = appendPadded(dst, t.Hour(), 2)
	dst = appendPadded(append(dst, ':'), t.Minute(), 2)
	dst = appendPadded(append(dst, ':'), t.Second(), 2)
	return append(appendFraction(dst, t.Nanosecond()), zone...)
}

// appendInterval appends an ISO 8601 duration. Its three parts keep their own
// signs, because a month has no fixed number of days, nor a day of hours.
func appendInterval(dst []byte, v arrow.MonthDayNanoInterval) []byte {
	start := len(dst)
	dst = append(dst, 'P')
	part := func(n int64, unit byte) {
		if n != 0 {
			dst = append(strconv.AppendInt(dst, n, 10), unit)
		}
	}
	part(int64(v.Months/12), 'Y')
	part(int64(v.Months%12), 'M')
	part(int64(v.Days), 'D')
	if v.Nanoseconds != 0 {
		dst = append(dst, 'T')
		part(v.Nanoseconds/int64(time.Hour), 'H')
		part(v.Nanoseconds/int64(time.Minute)%60, 'M')
		if rest := v.Nanoseconds % int64(time.Minute); rest != 0 {
			if rest < 0 {
				dst, rest = append(dst, '-'), -rest
			}
			dst = strconv.AppendInt(dst, rest/int64(time.Second), 10)
			dst = append(appendFraction(dst, int(rest%int64(time.Second))), 'S')
		}
	}
	if len(dst) == start+1 {
		dst = append(dst, "T0S"...)
	}
	return dst
}

// appendFraction appends a point and as many digits as ns needs, nothing for 0.
func appendFraction(dst []byte, ns int) []byte {
	if ns == 0 {
		return dst
	}
	dst = appendPadded(append(dst, '.'), ns, 9)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

func appendPadded(dst []byte, v, width int) []byte {
	for limit := 10; width > 1; width-- {
		if v < limit {
			for n := width - 1; n > 0; n-- {
				dst = append(dst, '0')
			}
			break
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, int64(v), 10)
}
