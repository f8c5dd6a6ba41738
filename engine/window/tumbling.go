// Package window assigns event times to windows. Everything here is a pure
// function; times are microseconds since 1970-01-01 UTC, ends are exclusive.
package window

import (
	"math"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// Tumbling is a tumbling window: fixed in length (WidthMicros) or in calendar
// months (Months), counted from OriginMicros, which for months is the first
// instant of a month in UTC. Exactly one of the lengths is set.
type Tumbling struct {
	WidthMicros  int64
	Months       int32
	OriginMicros int64
}

// Start returns the start of the window that holds ts. An infinite time is its
// own window.
func (w Tumbling) Start(ts int64) int64 {
	if ts == batch.InfinityMicros || ts == batch.NegInfinityMicros {
		return ts
	}
	if w.Months > 0 {
		return w.monthStart(ts)
	}
	rest := (ts - w.OriginMicros) % w.WidthMicros
	if rest < 0 {
		rest += w.WidthMicros
	}
	return ts - rest
}

// End returns the exclusive end of the window that starts at start.
func (w Tumbling) End(start int64) int64 {
	switch {
	case start == batch.InfinityMicros || start == batch.NegInfinityMicros:
		return start
	case w.Months > 0:
		return time.UnixMicro(start).UTC().AddDate(0, int(w.Months), 0).UnixMicro()
	case start > math.MaxInt64-w.WidthMicros:
		return batch.InfinityMicros
	default:
		return start + w.WidthMicros
	}
}

func (w Tumbling) monthStart(ts int64) int64 {
	origin, t := time.UnixMicro(w.OriginMicros).UTC(), time.UnixMicro(ts).UTC()
	months := (t.Year()-origin.Year())*12 + int(t.Month()) - int(origin.Month())
	rest := months % int(w.Months)
	if rest < 0 {
		rest += int(w.Months)
	}
	return time.Date(t.Year(), t.Month()-time.Month(rest), 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}
