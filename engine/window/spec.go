package window

// Kind says how windows cut event time.
type Kind uint8

// The kinds. A pane is the shortest piece of time that windows of one Spec
// share: a row is added to one pane, however many windows hold it.
const (
	Tumble   Kind = iota // each pane is a window
	Hop                  // SizePanes panes, a new window every SlidePanes
	Cumulate             // the first 1, 2, … SizePanes panes of every SizePanes
	Session              // from a key's first row to GapMicros after its last
)

// Spec describes windows, as a view's definition keeps it. Its pane has one
// length of three: fixed, in calendar days, or in calendar months, counted from
// OriginMicros (µs since 1970-01-01 UTC). Days and months follow the calendar
// of Zone, an IANA name, "" for UTC; a fixed length follows the clock
// everywhere. Sessions have no panes.
//
// A calendar's pane begins at the origin's time of day in Zone, which for
// months is always midnight. Where clocks skip that time, it begins with the
// first instant after the gap; where they show it twice, at the second one, or
// for days at the one with the origin's offset, if that is the first. So the
// starts of panes equal DuckDB's time_bucket(width, ts, 'Zone').
type Spec struct {
	Kind         Kind
	WidthMicros  int64  `json:",omitempty"`
	Days, Months int32  `json:",omitempty"`
	OriginMicros int64  `json:",omitempty"`
	Zone         string `json:",omitempty"`

	SizePanes, SlidePanes int64 `json:",omitempty"` // of Hop, and SizePanes of Cumulate
	GapMicros             int64 `json:",omitempty"` // of Session
}
