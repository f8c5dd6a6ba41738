package plan

import (
	"time"

	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
	"github.com/millstream-db/millstream/query/plan/bucket"
	"github.com/millstream-db/millstream/query/plan/interval"
	"github.com/millstream-db/millstream/query/plan/token"
)

// calendarUnit is what the lengths of a window function count.
type calendarUnit uint8

const (
	clockUnit calendarUnit = iota // microseconds
	dayUnit                       // days of a time zone
	monthUnit                     // months, of a time zone or of UTC
)

// Limits of hopping and cumulating windows: a row is in so many windows at most,
// and a window consists of so many panes.
const (
	maxWindows = 10_000
	maxPanes   = 100_000
)

// windowArguments are the arguments of a window function while they are read.
type windowArguments struct {
	s     *statement
	call  *windowCall
	nodes map[string]ast.Node
	zone  *time.Location
}

// readSpec reads the lengths, the offset and the zone.
func (c *windowCall) readSpec(a *windowArguments) error {
	if c.spec.Kind == window.Session {
		return c.readSession(a)
	}
	if err := a.readZone(); err != nil {
		return err
	}
	size, unit, err := a.length("size")
	if err != nil {
		return err
	}
	c.unit, c.size, c.slide = unit, size, size
	pane := size
	if c.spec.Kind != window.Tumble {
		if pane, err = a.readSlide(); err != nil {
			return err
		}
	}
	if c.unit != clockUnit && pane > 1<<20 {
		return fail(codeInvalidParameter, a.nodes["size"].Location(), "the size of %s is out of range", c.name)
	}
	switch c.unit {
	case clockUnit:
		c.spec.WidthMicros = pane
	case dayUnit:
		c.spec.Days = int32(pane)
	case monthUnit:
		c.spec.Months = int32(pane)
	}
	return a.readOrigin()
}

// readSlide reads the slide of HOP or the step of CUMULATE, says of how many
// panes the windows consist, and returns the length of a pane.
func (a *windowArguments) readSlide() (pane int64, err error) {
	c, what := a.call, "slide"
	if c.spec.Kind == window.Cumulate {
		what = "step"
	}
	var unit calendarUnit
	if c.slide, unit, err = a.length(what); err != nil {
		return 0, err
	}
	at := a.nodes[what].Location()
	slide, size := a.written(what), a.written("size")
	switch {
	case unit != c.unit:
		return 0, fail(codeUnsupported, at, "the %s of %s, %s, and its size, %s, do not have the same unit: days of a time zone and months have no fixed length",
			what, c.name, slide, size).hint("write both in months, both in days, or both in hours and less")
	case c.slide > c.size:
		return 0, fail(codeInvalidParameter, at, "the %s of %s, %s, is greater than its size, %s", what, c.name, slide, size).
			hint("write %s", windowParameters[c.name].usage)
	case c.spec.Kind == window.Cumulate && c.size%c.slide != 0:
		return 0, fail(codeInvalidParameter, at, "the size of CUMULATE, %s, is not a multiple of its step, %s", size, slide).
			hint("choose a step that divides the size")
	case c.size/c.slide > maxWindows:
		return 0, fail(codeInvalidParameter, at, "with the %s %s and the size %s each row would be in %d windows; the limit is %d",
			what, slide, size, (c.size+c.slide-1)/c.slide, maxWindows).hint("choose a greater %s", what)
	}
	pane = c.slide
	if c.spec.Kind == window.Hop {
		pane = gcd(c.size, c.slide)
		c.spec.SlidePanes = c.slide / pane
	}
	if c.spec.SizePanes = c.size / pane; c.spec.SizePanes > maxPanes {
		return 0, fail(codeInvalidParameter, at, "the slide of HOP, %s, and its size, %s, have no great common part: a window would consist of %d panes; the limit is %d",
			slide, size, c.spec.SizePanes, maxPanes).hint("choose a size that is a multiple of the slide")
	}
	return pane, nil
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// interval reads a constant interval.
func (a *windowArguments) interval(name string) (interval.Interval, error) {
	n := a.nodes[name]
	v, ok := ast.ConstInterval(n)
	if !ok {
		return v, fail(codeUnsupported, n.Location(), "the %s of %s must be a constant interval", name, a.call.name).
			hint("write %s", windowParameters[a.call.name].usage)
	}
	return v, nil
}

// length reads the length of windows and says what it counts.
func (a *windowArguments) length(name string) (int64, calendarUnit, error) {
	n := a.nodes[name]
	v, err := a.interval(name)
	if err != nil {
		return 0, 0, err
	}
	count, unit := int64(0), clockUnit
	switch micros, fixed := v.Fixed(); {
	case v.Months != 0 && (v.Days != 0 || v.Micros != 0):
		return 0, 0, fail(codeUnsupported, n.Location(), "the %s of %s, %s, mixes months with days or less", name, a.call.name, a.written(name)).
			hint("write it in months alone, or in days and less alone")
	case v.Months != 0:
		count, unit = v.Months, monthUnit
	case a.zone != nil && v.Days != 0 && v.Micros != 0:
		return 0, 0, fail(codeUnsupported, n.Location(), "the %s of %s, %s, mixes days with hours or less, and a day of a time zone has no fixed length",
			name, a.call.name, a.written(name)).hint("write it in days alone, or in hours and less alone")
	case a.zone != nil && v.Days != 0:
		count, unit = v.Days, dayUnit
	case !fixed:
		return 0, 0, fail(codeInvalidParameter, n.Location(), "the %s of %s is out of range", name, a.call.name)
	default:
		count = micros
	}
	if count <= 0 {
		return 0, 0, fail(codeInvalidParameter, n.Location(), "the %s of %s must be positive", name, a.call.name)
	}
	return count, unit, nil
}

func (a *windowArguments) readZone() error {
	n := a.nodes["time_zone"]
	if n == nil {
		return nil
	}
	name, ok := ast.ConstString(n)
	if !ok {
		return fail(codeUnsupported, n.Location(), "the time zone of %s must be a constant string", a.call.name).hint("write time_zone => 'Europe/Berlin'")
	}
	zone, err := window.Zone(name)
	if err != nil {
		return fail(codeInvalidParameter, n.Location(), "time zone %q does not exist", name).
			hint("write an IANA name in its usual letters, such as 'Europe/Berlin' or 'America/New_York'")
	}
	a.zone, a.call.spec.Zone = zone, name
	return nil
}

// readOrigin sets the instant from which windows are counted: in a time zone
// that of time_bucket, the midnight of Monday, 3 January 2000, for months that
// of the first of that month; without one 1 January 1970, as in Flink.
func (a *windowArguments) readOrigin() error {
	c, n := a.call, a.nodes["offset"]
	var shift interval.Interval
	var err error
	if n != nil {
		if shift, err = a.interval("offset"); err != nil {
			return err
		}
	}
	if c.unit == monthUnit || shift.Months != 0 {
		if n != nil {
			return fail(codeUnsupported, n.Location(), "the offset of %s must have a fixed length, and its size too: months have none", c.name).
				hint("leave the offset out: months begin at midnight of their first day")
		}
		if a.zone != nil {
			c.spec.OriginMicros = time.Date(2000, 1, 1, 0, 0, 0, 0, a.zone).UnixMicro()
		}
		return nil
	}
	micros, ok := shift.Fixed()
	if !ok {
		return fail(codeInvalidParameter, n.Location(), "the offset of %s is out of range", c.name)
	}
	if c.unit == dayUnit {
		period := c.slide * interval.MicrosPerDay
		if c.spec.Kind == window.Cumulate {
			period = c.size * interval.MicrosPerDay
		}
		micros = window.FloorMod(micros, period)
		c.local = interval.Interval{Days: micros / interval.MicrosPerDay, Micros: micros % interval.MicrosPerDay}
		c.spec.OriginMicros = time.Date(2000, 1, 3+int(c.local.Days), 0, 0, 0, 0, a.zone).UnixMicro()
		if c.local.Micros != 0 {
			clock := time.UnixMicro(c.local.Micros).UTC()
			c.spec.OriginMicros = time.Date(2000, 1, 3+int(c.local.Days), clock.Hour(), clock.Minute(), clock.Second(), clock.Nanosecond(), a.zone).UnixMicro()
		}
		return nil
	}
	if a.zone != nil {
		micros += bucket.ZoneOrigin(a.zone)
	}
	period := c.slide
	if c.spec.Kind == window.Cumulate {
		period = c.size
	}
	c.spec.OriginMicros = window.FloorMod(micros, period)
	return nil
}

// readSession reads the gap and the keys of SESSION.
func (c *windowCall) readSession(a *windowArguments) error {
	gap, unit, err := a.length("gap")
	if err != nil {
		return err
	}
	if unit != clockUnit {
		return fail(codeUnsupported, a.nodes["gap"].Location(), "the gap of SESSION must have a fixed length, and months have none").
			hint("write it in days or less")
	}
	c.spec.GapMicros = gap
	if by := a.nodes["partition_by"]; by != nil {
		c.keys = []ast.Node{by}
		if by.IsCall("row") || by.IsCall("list_value") {
			c.keys = by.List("children")
		}
	}
	return nil
}

// written returns an argument as it stands in the statement.
func (a *windowArguments) written(name string) string {
	s, at := a.s, a.nodes[name].Location()
	first := 0
	for first < len(s.tokens) && s.tokens[first].End <= at {
		first++
	}
	if first == len(s.tokens) {
		return name
	}
	// The argument lies inside the parentheses of the call; of what stands at
	// its location it may be a part.
	depth := s.tokens[first].Depth
	for i, t := range s.tokens {
		if t.Start >= a.call.offset && token.IsSymbol(s.sql, s.tokens, i, "(") {
			depth = t.Depth + 1
			break
		}
	}
	ends := func(i int, symbols string) bool {
		return token.IsSymbol(s.sql, s.tokens, i, symbols) && s.tokens[i].Depth <= depth
	}
	for first > 0 && !ends(first-1, "(,>") {
		first--
	}
	last := first
	for last+1 < len(s.tokens) && !ends(last+1, ",)") {
		last++
	}
	return s.sql[s.tokens[first].Start:s.tokens[last].End]
}
