package bucket

import (
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/view"
	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
	"github.com/millstream-db/millstream/query/plan/interval"
)

// The origins to which DuckDB aligns time_bucket: a Monday for widths of a
// fixed length, the first day of a year for months.
var (
	origin      = time.Date(2000, 1, 3, 0, 0, 0, 0, time.UTC).UnixMicro()
	monthOrigin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
)

// Window returns the tumbling windows that a group expression describes: time_bucket or
// date_trunc over the column of the event time, which has a type. It returns nil for any
// other expression, and for the forms of these two whose values are not the
// starts of a window the engine has.
func Window(n ast.Node, eventTime string, t batch.Type) *view.Window {
	if n.Class() != "FUNCTION" {
		return nil
	}
	args := n.List("children")
	if len(args) < 2 || args[1].Class() != "COLUMN_REF" || n.Child("filter") != nil || n.Flag("distinct") {
		return nil
	}
	names := args[1].Strings("column_names")
	if len(names) != 1 || !strings.EqualFold(names[0], eventTime) {
		return nil
	}
	switch n.Str("function_name") {
	case "date_trunc", "datetrunc":
		return trunc(args)
	case "time_bucket":
		return timeBucket(args, t)
	}
	return nil
}

// trunc is the window of date_trunc('unit', ts).
func trunc(args []ast.Node) *view.Window {
	name, ok := ast.ConstString(args[0])
	u, known := interval.Units[strings.ToLower(name)]
	if !ok || !known || len(args) != 2 || u.Months > interval.Year.Months {
		return nil // a decade and longer is DuckDB's own arithmetic with years
	}
	if u.Months != 0 {
		return &view.Window{Spec: window.Spec{Months: int32(u.Months)}}
	}
	width := u.Days*interval.MicrosPerDay + u.Micros
	return &view.Window{Spec: window.Spec{WidthMicros: width, OriginMicros: window.FloorMod(origin, width)}} // weeks start on Monday
}

// timeBucket is the window of time_bucket(width, ts [, origin or offset]).
func timeBucket(args []ast.Node, t batch.Type) *view.Window {
	width, ok := ast.ConstInterval(args[0])
	if !ok || len(args) > 3 {
		return nil
	}
	if len(args) == 3 && t.Kind == batch.TimestampTZ {
		if name, ok := ast.ConstString(args[2]); ok {
			return inZone(width, name)
		}
	}
	if width.Months != 0 {
		return ofMonths(args, width)
	}
	micros, ok := width.Fixed()
	mixed := width.Days != 0 && width.Micros != 0 && t.Kind == batch.TimestampTZ // DuckDB refuses it
	if !ok || micros <= 0 || mixed {
		return nil
	}
	at := origin
	if len(args) == 3 {
		if given, ok := ast.ConstTimestamp(args[2]); ok {
			at = given
		} else if shift, ok := constOffset(args[2]); ok {
			at += shift
		} else {
			return nil
		}
	}
	return &view.Window{Spec: window.Spec{WidthMicros: micros, OriginMicros: window.FloorMod(at, micros)}}
}

// inZone is the window of time_bucket(width, ts, 'zone'). Where a
// midnight is skipped or comes twice, DuckDB's days do not meet, so the zones
// that have such are left to it.
func inZone(width interval.Interval, name string) *view.Window {
	zone, err := window.Zone(name)
	if err != nil {
		return nil
	}
	spec := window.Spec{Zone: name, OriginMicros: ZoneOrigin(zone)}
	switch {
	case width.Months > 0 && width.Months <= 1<<20 && width.Days == 0 && width.Micros == 0:
		spec.Months, spec.OriginMicros = int32(width.Months), time.Date(2000, 1, 1, 0, 0, 0, 0, zone).UnixMicro()
	case width.Months == 0 && width.Days > 0 && width.Days <= 1<<20 && width.Micros == 0:
		spec.Days = int32(width.Days)
	case width.Months == 0 && width.Days == 0 && width.Micros > 0:
		spec.WidthMicros, spec.OriginMicros = width.Micros, window.FloorMod(spec.OriginMicros, width.Micros)
		return &view.Window{Spec: spec}
	default:
		return nil
	}
	if !everyMidnightOnce(zone) {
		return nil
	}
	return &view.Window{Spec: spec}
}

// everyMidnightOnce reports whether clocks in a zone have shown every midnight
// since 1970 once, and will until 2100.
func everyMidnightOnce(zone *time.Location) bool {
	offset := func(unix int64) int64 {
		_, seconds := time.Unix(unix, 0).In(zone).Zone()
		return int64(seconds)
	}
	const day = 86_400
	for midnight := int64(day); midnight < 130*365*day; midnight += day {
		before, after := offset(midnight-day), offset(midnight+day)
		if before != after && (offset(midnight-before) == before) == (offset(midnight-after) == after) {
			return false
		}
	}
	return true
}

// constOffset reads time_bucket's offset. A string is none: over a TIMESTAMPTZ
// it names a time zone.
func constOffset(n ast.Node) (int64, bool) {
	if n.Class() == "CONSTANT" {
		return 0, false
	}
	v, ok := ast.ConstInterval(n)
	if !ok {
		return 0, false
	}
	return v.Fixed()
}

func ofMonths(args []ast.Node, width interval.Interval) *view.Window {
	if width.Days != 0 || width.Micros != 0 || width.Months <= 0 || width.Months > 1<<20 {
		return nil
	}
	at := monthOrigin
	if len(args) == 3 {
		given, ok := ast.ConstTimestamp(args[2])
		if !ok {
			return nil
		}
		// DuckDB counts whole months, from the month that the origin lies in.
		first := time.UnixMicro(given).UTC()
		at = time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	}
	return &view.Window{Spec: window.Spec{Months: int32(width.Months), OriginMicros: at}}
}

// Length orders windows by their width; months count as 30 days.
func Length(w *view.Window) int64 {
	return w.WidthMicros + (int64(w.Days)+int64(w.Months)*30)*interval.MicrosPerDay
}

// ZoneOrigin is the origin of DuckDB's time_bucket with a time zone.
func ZoneOrigin(zone *time.Location) int64 {
	return time.Date(2000, 1, 3, 0, 0, 0, 0, zone).UnixMicro()
}
