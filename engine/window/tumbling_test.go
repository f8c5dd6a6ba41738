package window

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTumblingHoldsItsTime(t *testing.T) {
	origin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	rapid.Check(t, func(t *rapid.T) {
		w := Tumbling{WidthMicros: rapid.Int64Range(1, 1e13).Draw(t, "width"), OriginMicros: rapid.Int64Range(-1e15, 1e15).Draw(t, "origin")}
		if rapid.Bool().Draw(t, "calendar") {
			w = Tumbling{Months: rapid.Int32Range(1, 40).Draw(t, "months"), OriginMicros: origin}
		}
		ts := rapid.Int64Range(-1e17, 1e17).Draw(t, "ts")
		start := w.Start(ts)
		end := w.End(start)
		if ts < start || ts >= end {
			t.Fatalf("%d is outside [%d, %d)", ts, start, end)
		}
		if w.Start(start) != start || w.Start(end) != end {
			t.Fatalf("[%d, %d) does not meet its neighbours", start, end)
		}
	})
}

func TestMonthsFollowTheCalendar(t *testing.T) {
	w := Tumbling{Months: 3, OriginMicros: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()}
	for in, want := range map[string]string{
		"2024-02-29T23:59:59Z": "2024-01-01T00:00:00Z", "1999-12-31T00:00:00Z": "1999-10-01T00:00:00Z",
		"2024-04-01T00:00:00Z": "2024-04-01T00:00:00Z",
	} {
		ts, _ := time.Parse(time.RFC3339, in)
		if got := time.UnixMicro(w.Start(ts.UnixMicro())).UTC().Format(time.RFC3339); got != want {
			t.Errorf("Start(%s) = %s, want %s", in, got, want)
		}
	}
}
