package interval

import "testing"

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want Interval
		ok   bool
	}{
		{"1 minute", Interval{Micros: microsPerMinute}, true},
		{" 1h30m ", Interval{Micros: 90 * microsPerMinute}, true},
		{"1.5 weeks", Interval{Days: 10, Micros: MicrosPerDay / 2}, true},
		{"1 year 2 days ago", Interval{Months: -12, Days: -2}, true},
		{"-1 day 02:03:04.5", Interval{Days: -1, Micros: 2*microsPerHour + 3*microsPerMinute + 4_500_000}, true},
		{"90", Interval{Micros: 90 * microsPerSecond}, true},
		{"1.5 months", Interval{}, false},
		{"1 parsec", Interval{}, false},
		{"9999999999999999999 days", Interval{}, false},
		{"", Interval{}, false},
	} {
		have, ok := Parse(c.text)
		if ok != c.ok || ok && have != c.want {
			t.Errorf("%q is %+v, %t, want %+v, %t", c.text, have, ok, c.want, c.ok)
		}
	}
}

func TestFixed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		v    Interval
		want int64
		ok   bool
	}{
		{Interval{Days: 2, Micros: -1}, 2*MicrosPerDay - 1, true},
		{Interval{Days: -2}.Negated(), 2 * MicrosPerDay, true},
		{Interval{Months: 1}, 0, false},
		{Interval{Days: 1 << 40}, 0, false},
	} {
		if have, ok := c.v.Fixed(); have != c.want || ok != c.ok {
			t.Errorf("%+v lasts %d, %t, want %d, %t", c.v, have, ok, c.want, c.ok)
		}
	}
}
