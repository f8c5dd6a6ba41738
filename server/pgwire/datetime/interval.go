package datetime

import (
	"strconv"

	"github.com/millstream-db/millstream/engine/batch"
)

// AppendInterval appends an interval in the "postgres" IntervalStyle:
// 1 year 2 mons -3 days +04:05:06.7. A part after a negative one carries a sign
// of its own.
func AppendInterval(dst []byte, v batch.IntervalValue) []byte {
	start, negative := len(dst), false
	for _, part := range [...]struct {
		value int64
		unit  string
	}{{int64(v.Months / 12), "year"}, {int64(v.Months % 12), "mon"}, {int64(v.Days), "day"}} {
		if part.value == 0 {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		if negative && part.value > 0 {
			dst = append(dst, '+')
		}
		dst = strconv.AppendInt(dst, part.value, 10)
		dst = append(dst, ' ')
		dst = append(dst, part.unit...)
		if part.value != 1 {
			dst = append(dst, 's')
		}
		negative = part.value < 0
	}
	if v.Micros == 0 && len(dst) > start {
		return dst
	}
	if len(dst) > start {
		dst = append(dst, ' ')
	}
	micros := uint64(v.Micros)
	if v.Micros < 0 {
		dst, micros = append(dst, '-'), -micros
	} else if negative {
		dst = append(dst, '+')
	}
	dst = AppendPadded(dst, int64(micros/MicrosPerHour), 2)
	dst = append(dst, ':')
	dst = appendTwo(dst, int(micros/MicrosPerMinute%60))
	dst = append(dst, ':')
	dst = appendTwo(dst, int(micros/MicrosPerSecond%60))
	return appendFraction(dst, int64(micros%MicrosPerSecond))
}
