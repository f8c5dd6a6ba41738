package enginetest

import (
	"fmt"
	"math/rand/v2"

	"github.com/millstream-db/millstream/engine/batch"
)

// window is how a view cuts event time.
type window struct {
	from string // the FROM clause
	keys []string
	// start and end are the window's bounds in plain SQL over the log, for the
	// late rule; "" when there is no window.
	start, end string
}

// newWindow returns a window over the source, or none.
func newWindow(r *rand.Rand, s *Source) window {
	ts := s.eventTime()
	from := pick(r, s.Name, s.Name, s.Name+" AS x", "public."+s.Name)
	switch r.IntN(5) {
	case 0, 1:
		return tumble(r, s)
	case 2:
		return timeBucket(r, s, from)
	case 3:
		unit, step := truncUnit(r, s)
		start := fmt.Sprintf("date_trunc('%s', %s)", unit, ts.Name)
		return window{from: from, keys: []string{start}, start: start, end: start + " + INTERVAL '" + step + "'"}
	default:
		return window{from: from}
	}
}

// width returns a length for windows: a few of them, or many.
func width(r *rand.Rand, s *Source) int64 {
	w := s.StepMicros * pick(r, int64(5), 50, 500, 5000)
	if !s.Rounded && chance(r, 2) {
		w += r.Int64N(w)
	}
	return w
}

func tumble(r *rand.Rand, s *Source) window {
	w, shift := width(r, s), int64(0)
	ts := s.eventTime()
	from := fmt.Sprintf("TUMBLE(%s, %s, INTERVAL '%d microseconds')", s.Name, ts.Name, w)
	if chance(r, 3) {
		shift = r.Int64N(2*w) - w
		from = fmt.Sprintf("TABLE(TUMBLE(TABLE %s, DESCRIPTOR(%s), INTERVAL '%d microseconds', INTERVAL '%d microseconds'))", s.Name, ts.Name, w, shift)
	}
	if chance(r, 3) {
		from += " AS x"
	}
	start := fmt.Sprintf("(epoch_us(%s) - (((epoch_us(%s) - (%d)) %% %d) + %d) %% %d)", ts.Name, ts.Name, shift, w, w, w)
	make := "make_timestamp"
	if ts.Type.Kind == batch.TimestampTZ {
		make = "make_timestamptz"
	}
	bound := func(micros string) string {
		return fmt.Sprintf("CASE WHEN isfinite(%s) THEN %s(%s) ELSE %s END", ts.Name, make, micros, ts.Name)
	}
	return window{
		from: from, keys: pick(r, []string{"window_start", "window_end"}, []string{"window_start"}, []string{"window_end"}),
		start: bound(start), end: bound(fmt.Sprintf("%s + %d", start, w)),
	}
}

func timeBucket(r *rand.Rand, s *Source, from string) window {
	ts := s.eventTime()
	step := fmt.Sprintf("INTERVAL '%d microseconds'", width(r, s))
	if s.StepMicros > 1e9 && chance(r, 2) {
		step = pick(r, "INTERVAL '1 month'", "INTERVAL '5 months'", "INTERVAL '1 year'", "INTERVAL '10 days'")
	} else if chance(r, 3) {
		step = pick(r, "INTERVAL 1 MINUTE", "INTERVAL '90 seconds'", "INTERVAL '1 hour'", "INTERVAL '1 week'")
	}
	start := fmt.Sprintf("time_bucket(%s, %s)", step, ts.Name)
	if chance(r, 4) {
		start = fmt.Sprintf("time_bucket(%s, %s, %s)", step, ts.Name, ts.Type.String()+" '2001-03-01 00:00:00'")
	}
	return window{from: from, keys: []string{start}, start: start, end: start + " + " + step}
}

// truncUnit returns a unit of date_trunc that cuts the stream into some windows.
func truncUnit(r *rand.Rand, s *Source) (unit, step string) {
	switch {
	case s.StepMicros <= 1e6:
		unit = pick(r, "second", "minute", "hour")
	case s.StepMicros <= 600e6:
		unit = pick(r, "minute", "hour", "day", "week")
	default:
		unit = pick(r, "day", "week", "month", "quarter", "year")
	}
	if unit == "quarter" {
		return unit, "3 months"
	}
	return unit, "1 " + unit
}
