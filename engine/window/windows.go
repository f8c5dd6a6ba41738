package window

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	_ "time/tzdata" // windows must not depend on the machine's files

	"github.com/millstream-db/millstream/engine/batch"
)

// The panes of infinite times. The window of each is that pane alone.
const (
	InfinitePane    = int64(math.MaxInt64 - 1)
	NegInfinitePane = -InfinitePane
)

const (
	microsPerDay = 24 * 60 * 60 * 1_000_000
	// paneLimit bounds the numbers of the panes of finite times, so that sums of
	// them and of the panes of some windows cannot overflow.
	paneLimit = math.MaxInt64 - int64(1)<<40
	// lengthLimit bounds the panes of a window and the length of a calendar pane.
	lengthLimit = int64(1) << 32
	// The months that begin within the times that microseconds can count.
	firstMonth, lastMonth = -290_307 * 12, 294_247 * 12
	originLimit           = int64(1) << 61
)

// Windows are the windows of a Spec, ready to be computed. They are safe for
// concurrent use.
type Windows struct {
	kind         Kind
	width        int64 // fixed length, also of days in UTC; 0 for a calendar's
	days, months int64
	zone         *time.Location
	origin       int64 // a fixed length's in [0, width); a month's number, counted from the year 0
	zero         int64 // the panes from 1970 to pane 0, when the length is fixed
	offset       int64 // the zone's at the origin
	size, slide  int64 // in panes
}

// Open checks the Spec and loads its time zone.
func (s Spec) Open() (*Windows, error) {
	w := &Windows{
		kind: s.Kind, width: s.WidthMicros, days: int64(s.Days), months: int64(s.Months), zone: time.UTC,
		origin: s.OriginMicros, size: 1, slide: 1,
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("window: %w", err)
	}
	if s.Zone != "" {
		zone, err := Zone(s.Zone)
		if err != nil {
			return nil, fmt.Errorf("window: %w", err)
		}
		w.zone = zone
	}
	switch s.Kind {
	case Hop:
		w.size, w.slide = s.SizePanes, s.SlidePanes
	case Cumulate:
		w.size, w.slide = s.SizePanes, s.SizePanes
	}
	if w.days > 0 && w.zone == time.UTC {
		w.width, w.days = w.days*microsPerDay, 0
	}
	switch {
	case w.width > 0:
		w.zero = floorDiv(w.origin, w.width)
		w.origin -= w.zero * w.width
		w.zero -= floorDiv(w.zero, w.slide) * w.slide // any window may be the first
	case w.days > 0:
		w.offset = w.offsetAt(w.origin)
	case w.months > 0:
		w.origin = w.month(w.origin)
	}
	return w, nil
}

// check refuses a Spec that describes no windows.
func (s Spec) check() error {
	if s.OriginMicros > originLimit || s.OriginMicros < -originLimit {
		return errors.New("the origin of windows is out of range")
	}
	if s.Kind == Session {
		if s.GapMicros <= 0 {
			return errors.New("the gap of a session must be positive")
		}
		return nil
	}
	lengths := 0
	for _, n := range []int64{s.WidthMicros, int64(s.Days), int64(s.Months)} {
		if n < 0 {
			return errors.New("the length of a window must be positive")
		}
		if n > 0 {
			lengths++
		}
	}
	if lengths != 1 {
		return errors.New("a window has one length: fixed, in days or in months")
	}
	switch s.Kind {
	case Tumble:
	case Hop:
		if s.SlidePanes <= 0 || s.SlidePanes > s.SizePanes || s.SizePanes > lengthLimit {
			return fmt.Errorf("a hopping window of %d panes cannot slide by %d", s.SizePanes, s.SlidePanes)
		}
	case Cumulate:
		if s.SizePanes <= 0 || s.SizePanes > lengthLimit {
			return fmt.Errorf("a cumulating window cannot have %d panes", s.SizePanes)
		}
	default:
		return fmt.Errorf("unknown kind %d", s.Kind)
	}
	return nil
}

// Zone loads a time zone by its IANA name.
func Zone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "local") { // which Go reads as UTC and as the machine's
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return zone, nil
}

// Pane returns the number of the pane that holds an event time. Panes are
// numbered from the origin on. A Session has none: its Pane is always 0.
func (w *Windows) Pane(ts int64) int64 {
	switch {
	case ts == batch.InfinityMicros:
		return InfinitePane
	case ts <= batch.NegInfinityMicros:
		return NegInfinitePane
	case w.width > 0:
		return max(-paneLimit, min(paneLimit, max(-paneLimit, w.fixed(ts))-w.zero))
	case w.days > 0:
		days := floorDiv(ts, microsPerDay) - floorDiv(w.origin, microsPerDay)
		rest := FloorMod(ts, microsPerDay) + w.offsetAt(ts) - FloorMod(w.origin, microsPerDay) - w.offset
		return w.exactly(floorDiv(days+floorDiv(rest, microsPerDay), w.days), ts)
	case w.months > 0:
		return w.exactly(floorDiv(w.month(ts)-w.origin, w.months), ts)
	}
	return 0
}

// fixed is the number of the fixed length that holds ts, counted from 1970.
func (w *Windows) fixed(ts int64) int64 {
	n := floorDiv(ts, w.width)
	if FloorMod(ts, w.width) < w.origin {
		n--
	}
	return n
}

// exactly corrects a pane that the calendar alone suggests: when clocks change
// around midnight, an instant may have the date of the day before or after.
func (w *Windows) exactly(pane, ts int64) int64 {
	for ts < w.Start(pane) {
		pane--
	}
	for ts >= w.Start(pane+1) {
		pane++
	}
	return pane
}

// Start returns the first instant of a pane; that of the next pane is its end.
// For the pane of an infinite time both are that infinity.
func (w *Windows) Start(pane int64) int64 {
	switch {
	case pane > paneLimit:
		return batch.InfinityMicros
	case pane <= -paneLimit:
		return batch.NegInfinityMicros
	case w.width > 0:
		return advance(w.origin, pane+w.zero, w.width)
	case w.days > 0:
		return w.dayStart(pane)
	case w.months > 0:
		return w.monthStart(pane)
	}
	return 0
}

// dayStart is the instant so many days after the origin with the same time of
// day in the zone. When clocks skip it, it is the first instant after the gap;
// when they show it twice, the one with the origin's offset if one has it.
func (w *Windows) dayStart(pane int64) int64 {
	at := advance(w.origin, pane, w.days*microsPerDay)
	if at > math.MaxInt64-2*microsPerDay || at < -math.MaxInt64+2*microsPerDay {
		return infinity(pane)
	}
	offset := w.offsetAt(at)
	if offset == w.offset {
		return at
	}
	shift := (w.offset - offset) % microsPerDay
	shifted := at + shift
	if skipped := w.offsetAt(shifted) != offset; skipped && shift < 0 {
		return at
	}
	return shifted
}

// monthStart is the midnight at which a month begins in the zone, resolved as
// dayStart resolves it, but when there are two midnights, the second.
func (w *Windows) monthStart(pane int64) int64 {
	if pane > lengthLimit || pane < -lengthLimit {
		return infinity(pane)
	}
	month := w.origin + pane*w.months
	if month > lastMonth || month < firstMonth {
		return infinity(month)
	}
	local := time.Date(int(floorDiv(month, 12)), time.Month(month-12*floorDiv(month, 12))+1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	before, after := w.offsetAt(local-microsPerDay), w.offsetAt(local+microsPerDay)
	if w.offsetAt(local-after) == after {
		return local - after
	}
	return local - before
}

// offsetAt is the zone's offset from UTC in microseconds.
func (w *Windows) offsetAt(ts int64) int64 {
	_, seconds := time.UnixMicro(ts).In(w.zone).Zone()
	return int64(seconds) * 1_000_000
}

// month numbers the month that holds ts in the zone.
func (w *Windows) month(ts int64) int64 {
	t := time.UnixMicro(ts).In(w.zone)
	return int64(t.Year())*12 + int64(t.Month()) - 1
}

// Of calls f for each window that holds a pane, in the order of their ends,
// with its first pane and the one after its last.
func (w *Windows) Of(pane int64, f func(first, after int64)) {
	switch {
	case w.slide == 1 && w.size == 1 || pane > paneLimit || pane < -paneLimit:
		f(pane, pane+1)
	case w.kind == Cumulate:
		first := floorDiv(pane, w.size) * w.size
		for after := pane + 1; after <= first+w.size; after++ {
			f(first, after)
		}
	default:
		for m := floorDiv(pane-w.size, w.slide) + 1; m <= floorDiv(pane, w.slide); m++ {
			f(m*w.slide, m*w.slide+w.size)
		}
	}
}

// Bounds returns the first instant of the window of the panes [first, after),
// and its end, which does not belong to it.
func (w *Windows) Bounds(first, after int64) (start, end int64) {
	return w.Start(first), w.Start(after)
}

// Last returns the end of the last window that holds the pane.
func (w *Windows) Last(pane int64) int64 {
	if pane > paneLimit || pane < -paneLimit {
		return w.Start(pane)
	}
	return w.Start(floorDiv(pane, w.slide)*w.slide + w.size)
}

// advance returns origin + n*width, or the infinity beyond it.
func advance(origin, n, width int64) int64 {
	if n < 0 && origin >= 0 { // the product alone may be out of range where the sum is not
		origin, n = origin-width, n+1
	}
	step := n * width
	switch {
	case n > math.MaxInt64/width || n > 0 && origin > math.MaxInt64-step:
		return batch.InfinityMicros
	case n < -math.MaxInt64/width || origin < 0 && origin < -math.MaxInt64-step:
		return batch.NegInfinityMicros
	}
	return origin + step
}

func infinity(sign int64) int64 {
	if sign < 0 {
		return batch.NegInfinityMicros
	}
	return batch.InfinityMicros
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// FloorMod returns what is left of a beyond a multiple of b, which is positive: at least 0.
func FloorMod(a, b int64) int64 {
	m := a % b
	if m < 0 {
		m += b
	}
	return m
}
