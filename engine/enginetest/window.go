package enginetest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/millstream-db/millstream/engine/batch"
)

// window is how a view cuts event time.
type window struct {
	from string // the FROM clause
	keys []string
	// start and end are the window's bounds in plain SQL over the log, for the
	// late rule; "" when there is no window.
	start, end string
	// all is a list of structs of s and e, the bounds of all windows of a row in
	// the order of their ends, when there can be several. start and end are
	// those of the row's own part then.
	all  string
	gap  int64  // of sessions, whose windows no SQL over one row gives
	time string // the column that is cut

	lateness int64 // microseconds
	final    bool  // shown when closed
}

// newWindow returns a window over the source, or none.
func newWindow(r *rand.Rand, s *Source) window {
	if s.eventTime() == nil {
		return window{from: s.Name}
	}
	w := anyWindow(r, s)
	w.time = s.eventTime().Name
	if w.start == "" && w.gap == 0 {
		return w
	}
	if chance(r, 3) {
		w.lateness = pick(r, s.StepMicros, 10*s.StepMicros, 1+r.Int64N(100*s.StepMicros))
	}
	w.final = chance(r, 5)
	return w
}

func anyWindow(r *rand.Rand, s *Source) window {
	if w, ok := focused(r, s); ok {
		return w
	}
	ts := s.eventTime()
	from := pick(r, s.Name, s.Name, s.Name+" AS x", "public."+s.Name)
	switch r.IntN(13) {
	case 0, 1:
		return tumble(r, s)
	case 2:
		return timeBucket(r, s, from)
	case 3:
		unit, step := truncUnit(r, s)
		start := fmt.Sprintf("date_trunc('%s', %s)", unit, ts.Name)
		return window{from: from, keys: []string{start}, start: start, end: start + " + INTERVAL '" + step + "'"}
	case 4:
		return hop(r, s)
	case 5:
		return cumulate(r, s)
	case 6, 7:
		return sessions(r, s)
	case 8:
		if ts.Type.Kind == batch.TimestampTZ && s.StepMicros >= 600e6 {
			return zoned(r, s)
		}
		return tumble(r, s)
	default:
		return window{from: from}
	}
}

// sessions returns windows that partition completes.
func sessions(r *rand.Rand, s *Source) window {
	if s.of != nil { // as often as not just the width of the windows that close
		return window{gap: s.StepMicros * pick(r, int64(1), 5, 50, 500)}
	}
	return window{gap: s.StepMicros * pick(r, int64(1), 2, 3, 5, 8, 20, 100)}
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
	start := epochOf(ts, w, shift)
	bound := func(micros string) string {
		return fmt.Sprintf("CASE WHEN isfinite(%s) THEN %s ELSE %s END", ts.Name, instant(ts, micros), ts.Name)
	}
	return window{
		from: from, keys: pick(r, []string{"window_start", "window_end"}, []string{"window_start"}, []string{"window_end"}),
		start: bound(start), end: bound(fmt.Sprintf("%s + %d", start, w)),
	}
}

// epochOf is the start of the last part of a length before or at a row, in
// microseconds.
func epochOf(ts *Column, length, shift int64) string {
	return fmt.Sprintf("(epoch_us(%s) - (((epoch_us(%s) - (%d)) %% %d) + %d) %% %d)", ts.Name, ts.Name, shift, length, length, length)
}

func instant(ts *Column, micros string) string {
	if ts.Type.Kind == batch.TimestampTZ {
		return "make_timestamptz(" + micros + ")"
	}
	return "make_timestamp(" + micros + ")"
}

// several completes a window with a list of windows for the rows with a finite
// time; every other time is its own window.
func (w *window) several(ts *Column, list string) {
	w.all = fmt.Sprintf("CASE WHEN isfinite(%[1]s) THEN %[2]s WHEN %[1]s IS NOT NULL THEN [{'s': %[1]s, 'e': %[1]s}] END", ts.Name, list)
	w.start, w.end = w.all+"[1].s", w.all+"[-1].e"
}

// call writes a window function, by position or with names, with an alias or
// without.
func call(r *rand.Rand, s *Source, name string, lengths, names []string, rest string) string {
	ts := s.eventTime().Name
	args := fmt.Sprintf("%s, %s, %s", s.Name, ts, strings.Join(lengths, ", "))
	switch r.IntN(3) {
	case 0:
		args = fmt.Sprintf("TABLE %s, DESCRIPTOR(%s), %s", s.Name, ts, strings.Join(lengths, ", "))
	case 1:
		args = fmt.Sprintf("%s, %s, %s => %s, %s => %s", s.Name, ts, names[1], lengths[1], names[0], lengths[0])
	}
	from := name + "(" + args + rest + ")"
	if chance(r, 3) {
		from = "TABLE(" + from + ")"
	}
	if chance(r, 3) {
		from += " AS x"
	}
	return from
}

func micros(n int64) string { return fmt.Sprintf("INTERVAL '%d microseconds'", n) }

func hop(r *rand.Rand, s *Source) window {
	ts := s.eventTime()
	slide := width(r, s)
	size, shift, offset := slide*(1+r.Int64N(8)), int64(0), ""
	if chance(r, 2) {
		size += slide / pick(r, int64(2), 5) // parts that are no slides
		size -= size % max(1, slide/10)
		slide = max(slide-slide%max(1, slide/10), 1)
	}
	if chance(r, 3) {
		shift = r.Int64N(2*slide) - slide
		offset = ", \"offset\" => " + micros(shift)
	}
	w := window{
		from: call(r, s, "HOP", []string{micros(slide), micros(size)}, []string{"slide", "size"}, offset),
		keys: pick(r, []string{"window_start", "window_end"}, []string{"window_start"}, []string{"window_end"}),
	}
	last := epochOf(ts, slide, shift)
	w.several(ts, fmt.Sprintf("[{'s': %s, 'e': %s} for x in range(%s - %d, %s + 1, %d) if x + %d > epoch_us(%s)]",
		instant(ts, "x"), instant(ts, fmt.Sprintf("x + %d", size)), last, (size/slide+1)*slide, last, slide, size, ts.Name))
	return w
}

func cumulate(r *rand.Rand, s *Source) window {
	ts := s.eventTime()
	step := width(r, s)
	size, shift, offset := step*(1+r.Int64N(8)), int64(0), ""
	if chance(r, 3) {
		shift = r.Int64N(2*size) - size
		offset = ", \"offset\" => " + micros(shift)
	}
	w := window{
		from: call(r, s, "CUMULATE", []string{micros(step), micros(size)}, []string{"step", "size"}, offset),
		keys: pick(r, []string{"window_start", "window_end"}, []string{"window_end"}),
	}
	first := epochOf(ts, size, shift)
	w.several(ts, fmt.Sprintf("[{'s': %s, 'e': %s} for x in range(%d, %d, %d) if %s + x > epoch_us(%s)]",
		instant(ts, first), instant(ts, first+" + x"), step, size+1, step, first, ts.Name))
	return w
}

// zoned returns windows of days or months of a time zone.
func zoned(r *rand.Rand, s *Source) window {
	ts, zone := s.eventTime(), pick(r, "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney")
	unit := pick(r, "day", "day", "month")
	pane := int64(1 + r.IntN(3))
	at := func(local string) string { return "((" + local + ") AT TIME ZONE '" + zone + "')" }
	local := func(n int64) string {
		return fmt.Sprintf("date_trunc('%s', time_bucket(INTERVAL '%d %s', %s, '%s') AT TIME ZONE '%s')", unit, n, unit, ts.Name, zone, zone)
	}
	interval := func(n int64) string { return fmt.Sprintf("INTERVAL '%d %s'", n, unit) }
	times := func(x string) string { return fmt.Sprintf("to_%ss(x::INTEGER * %s)", unit, x) }
	rest := ", time_zone => '" + zone + "'"
	w := window{keys: []string{"window_start", "window_end"}}
	switch parts := 1 + r.Int64N(5); r.IntN(3) {
	case 0:
		w.from = fmt.Sprintf("TUMBLE(%s, %s, %s%s)", s.Name, ts.Name, interval(pane), rest)
		w.several(ts, fmt.Sprintf("[{'s': %s, 'e': %s}]", at(local(pane)), at(local(pane)+" + "+interval(pane))))
	case 1:
		w.from = call(r, s, "HOP", []string{interval(pane), interval(pane * parts)}, []string{"slide", "size"}, rest)
		start := local(pane) + " - " + times(fmt.Sprint(pane))
		w.several(ts, fmt.Sprintf("[{'s': %s, 'e': %s} for x in range(%d, -1, -1)]", at(start), at(start+" + "+interval(pane*parts)), parts-1))
	default:
		w.from = call(r, s, "CUMULATE", []string{interval(pane), interval(pane * parts)}, []string{"step", "size"}, rest)
		start := local(pane * parts)
		end := at(start + " + " + times(fmt.Sprint(pane)))
		w.several(ts, fmt.Sprintf("[{'s': %s, 'e': %s} for x in range(1, %d) if %s > %s]", at(start), end, parts+1, end, ts.Name))
	}
	return w
}

// partition says whose sessions a view's are.
func (w *window) partition(r *rand.Rand, s *Source, keys []string) {
	ts, gap := s.eventTime().Name, micros(w.gap)
	w.keys = pick(r, []string{"window_start", "window_end"}, []string{"window_start"}, []string{"window_end"})
	list := strings.Join(keys, ", ")
	switch {
	case len(keys) == 0:
		w.from = fmt.Sprintf("SESSION(%s, %s, %s)", s.Name, ts, gap)
	case chance(r, 2):
		w.from = fmt.Sprintf("SESSION(TABLE %s PARTITION BY (%s), DESCRIPTOR(%s), %s)", s.Name, list, ts, gap)
	default:
		w.from = fmt.Sprintf("SESSION(%s, %s, gap => %s, partition_by => [%s])", s.Name, ts, gap, list)
		if len(keys) > 1 { // a list has one type
			w.from = fmt.Sprintf("SESSION(%s, %s, %s, partition_by => (%s))", s.Name, ts, gap, list)
		}
	}
	if chance(r, 3) {
		w.from += " AS x"
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
