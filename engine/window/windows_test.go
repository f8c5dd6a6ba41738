package window

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/millstream-db/millstream/engine/batch"
)

var zones = []string{
	"", "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "America/St_Johns", "Asia/Kolkata",
	"Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca",
}

func open(t interface{ Fatalf(string, ...any) }, s Spec) *Windows {
	w, err := s.Open()
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return w
}

// drawSpec returns any Spec but a session's.
func drawSpec(t *rapid.T) Spec {
	s := Spec{OriginMicros: rapid.Int64Range(-1e15, 1e15).Draw(t, "origin"), Zone: rapid.SampledFrom(zones).Draw(t, "zone")}
	switch rapid.IntRange(0, 2).Draw(t, "length") {
	case 0:
		s.WidthMicros = rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(1, 1e13)).Draw(t, "width")
	case 1:
		s.Days = rapid.Int32Range(1, 40).Draw(t, "days")
	default:
		s.Months = rapid.Int32Range(1, 40).Draw(t, "months")
	}
	switch s.Kind = rapid.SampledFrom([]Kind{Tumble, Hop, Cumulate}).Draw(t, "kind"); s.Kind {
	case Hop:
		s.SizePanes = rapid.Int64Range(1, 50).Draw(t, "size")
		s.SlidePanes = rapid.Int64Range(1, s.SizePanes).Draw(t, "slide")
	case Cumulate:
		s.SizePanes = rapid.Int64Range(1, 50).Draw(t, "size")
	}
	return s
}

func drawTime(t *rapid.T) int64 {
	return rapid.OneOf(
		rapid.Int64Range(-1e15, 4e15), rapid.Int64Range(-1e17, 1e17), rapid.Int64Range(math.MinInt64, math.MaxInt64),
		rapid.SampledFrom([]int64{math.MinInt64 + 2, -1, 0, math.MaxInt64 - 1}),
	).Draw(t, "ts")
}

func TestPanesMeetAndHoldTheirTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, ts := open(t, drawSpec(t)), drawTime(t)
		if ts == batch.InfinityMicros || ts <= batch.NegInfinityMicros {
			return
		}
		pane := w.Pane(ts)
		start, end := w.Start(pane), w.Start(pane+1)
		if ts < start || ts >= end {
			t.Fatalf("pane %d of %d is [%d, %d)", pane, ts, start, end)
		}
		if start > batch.NegInfinityMicros && (w.Pane(start) != pane || w.Pane(start-1) >= pane) {
			t.Fatalf("pane %d begins at %d, but holds %d, %d", pane, start, w.Pane(start), w.Pane(start-1))
		}
		if end < batch.InfinityMicros && w.Pane(end) <= pane {
			t.Fatalf("pane %d ends at %d, which is in pane %d", pane, end, w.Pane(end))
		}
	})
}

func TestWindowsOfAPane(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSpec(t)
		w, pane := open(t, s), rapid.Int64Range(-1e6, 1e6).Draw(t, "pane")
		have := make(map[[2]int64]bool)
		last := int64(math.MinInt64)
		w.Of(pane, func(first, after int64) {
			have[[2]int64{first, after}] = true
			if after <= last || pane < first || pane >= after {
				t.Fatalf("the windows of pane %d: [%d, %d) after one that ends at %d", pane, first, after, last)
			}
			last = after
		})
		if _, end := w.Bounds(0, last); w.Last(pane) != end {
			t.Fatalf("the last window of pane %d ends at %d, not at %d", pane, end, w.Last(pane))
		}
		// All windows that could hold the pane, one after the other.
		want := make(map[[2]int64]bool)
		for first := pane - 60; first <= pane; first++ {
			for after := first + 1; after <= first+50; after++ {
				var is bool
				switch s.Kind {
				case Tumble:
					is = after == first+1
				case Hop:
					is = first%s.SlidePanes == 0 && after == first+s.SizePanes
				case Cumulate:
					is = first%s.SizePanes == 0 && after <= first+s.SizePanes
				}
				if is && first <= pane && pane < after {
					want[[2]int64{first, after}] = true
				}
			}
		}
		if len(have) != len(want) {
			t.Fatalf("%d windows hold pane %d, want %d: %v", len(have), pane, len(want), want)
		}
		for key := range want {
			if !have[key] {
				t.Fatalf("no window %v holds pane %d", key, pane)
			}
		}
	})
}

func TestInfiniteTimesAreWindowsOfTheirOwn(t *testing.T) {
	for _, s := range []Spec{
		{WidthMicros: 10}, {Months: 3, Zone: "Europe/Berlin"}, {Kind: Hop, Days: 1, SizePanes: 7, SlidePanes: 2}, {Kind: Cumulate, WidthMicros: 1, SizePanes: 3},
	} {
		w := open(t, s)
		for ts, pane := range map[int64]int64{batch.InfinityMicros: InfinitePane, batch.NegInfinityMicros: NegInfinitePane} {
			if got := w.Pane(ts); got != pane {
				t.Errorf("Pane(%d) = %d", ts, got)
			}
			calls := 0
			w.Of(pane, func(first, after int64) {
				calls++
				start, end := w.Bounds(first, after)
				if first != pane || start != ts || end != ts {
					t.Errorf("%+v: the window of %d is [%d, %d)", s, ts, start, end)
				}
			})
			if calls != 1 || w.Last(pane) != ts {
				t.Errorf("%+v: %d windows of %d, the last until %d", s, calls, ts, w.Last(pane))
			}
		}
	}
}

func TestCalendar(t *testing.T) {
	monday := time.Date(2000, 1, 3, 0, 0, 0, 0, time.UTC).UnixMicro()
	berlin := monday - 3600e6
	tests := []struct {
		spec           Spec
		in, start, end string
	}{
		{Spec{Months: 3}, "2024-02-29T23:59:59Z", "2024-01-01T00:00:00Z", "2024-04-01T00:00:00Z"},
		{Spec{Months: 3}, "1969-12-31T23:59:59Z", "1969-10-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{Spec{Days: 1, Zone: "Europe/Berlin", OriginMicros: berlin}, "2024-03-31T12:00:00Z", "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"}, // 23 hours
		{Spec{Days: 1, Zone: "Europe/Berlin", OriginMicros: berlin}, "2024-10-27T12:00:00Z", "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z"}, // 25 hours
		{Spec{Days: 7, Zone: "Europe/Berlin", OriginMicros: berlin}, "2024-10-27T22:59:59Z", "2024-10-20T22:00:00Z", "2024-10-27T23:00:00Z"}, // from Monday on
		{Spec{Months: 1, Zone: "Europe/Berlin"}, "2024-10-31T22:59:59Z", "2024-09-30T22:00:00Z", "2024-10-31T23:00:00Z"},
		{Spec{Days: 1, Zone: "America/Sao_Paulo", OriginMicros: monday + 2*3600e6}, "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}, // no midnight
		{Spec{Days: 1, Zone: "America/Sao_Paulo", OriginMicros: monday + 2*3600e6}, "2018-11-04T02:59:59Z", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"},
		{Spec{Days: 1, OriginMicros: monday + 6*3600e6, Zone: "UTC"}, "2024-01-01T05:00:00Z", "2023-12-31T06:00:00Z", "2024-01-01T06:00:00Z"},
		{Spec{Days: 1, OriginMicros: berlin + 6*3600e6, Zone: "Europe/Berlin"}, "2024-07-01T03:59:59Z", "2024-06-30T04:00:00Z", "2024-07-01T04:00:00Z"}, // from 06:00 on
	}
	for _, tt := range tests {
		w := open(t, tt.spec)
		ts, _ := time.Parse(time.RFC3339, tt.in)
		pane := w.Pane(ts.UnixMicro())
		start, end := w.Bounds(pane, pane+1)
		have := time.UnixMicro(start).UTC().Format(time.RFC3339) + " " + time.UnixMicro(end).UTC().Format(time.RFC3339)
		if have != tt.start+" "+tt.end {
			t.Errorf("%+v: %s is in %s, want %s %s", tt.spec, tt.in, have, tt.start, tt.end)
		}
	}
}

func TestOpenRefusesWhatIsNoWindow(t *testing.T) {
	tests := []struct {
		spec Spec
		want string
	}{
		{Spec{}, "one length"},
		{Spec{WidthMicros: 1, Days: 1}, "one length"},
		{Spec{WidthMicros: -1}, "positive"},
		{Spec{Days: 1, Zone: "Mars/Olympus"}, `unknown time zone "Mars/Olympus"`},
		{Spec{Days: 1, Zone: "Local"}, `unknown time zone "Local"`},
		{Spec{Kind: Hop, WidthMicros: 1, SizePanes: 2, SlidePanes: 3}, "cannot slide"},
		{Spec{Kind: Hop, WidthMicros: 1, SizePanes: 2}, "cannot slide"},
		{Spec{Kind: Cumulate, WidthMicros: 1}, "cumulating"},
		{Spec{Kind: Session}, "gap"},
		{Spec{Kind: 77, WidthMicros: 1}, "unknown kind"},
	}
	for _, tt := range tests {
		if _, err := tt.spec.Open(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.spec, err, tt.want)
		}
	}
}

func BenchmarkPane(b *testing.B) {
	for name, s := range map[string]Spec{"fixed": {WidthMicros: 60e6}, "days": {Days: 1, Zone: "Europe/Berlin"}, "months": {Months: 1, Zone: "Europe/Berlin"}} {
		b.Run(name, func(b *testing.B) {
			w := open(b, s)
			ts := int64(1_700_000_000_000_000)
			for b.Loop() {
				ts += w.Pane(ts) & 1023
			}
		})
	}
}
