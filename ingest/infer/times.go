package infer

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

const (
	before2000  = math.MinInt64 // any time that is not one
	year2000    = 946_684_800_000_000
	year2100    = 4_102_444_800_000_000
	dayMicros   = 24 * 3600 * 1_000_000
	aheadMicros = 600 * 1_000_000 // as far as a source's watermark goes into the future
)

// times are the values of a column that may be times.
type times struct {
	count   int             // of values
	present int             // values from this century
	dated   int             // values whose record has a timestamp
	near    int             // of these: up to a day before it, or a little behind
	ahead   int             // of these: behind it
	apart   float64         // the distances of those that are near, in microseconds
	newest  map[int32]int64 // by partition
	lags    []int64         // how far values are behind the newest of their partition
}

func (t *times) add(micros int64, at Position) {
	t.count++
	if micros < year2000 || micros > year2100 {
		return
	}
	t.present++
	if at.TimestampMicros > 0 {
		t.dated++
		ahead := micros - at.TimestampMicros
		switch {
		case ahead > aheadMicros:
			t.ahead++
			return // which must not make all others late
		case ahead >= -dayMicros:
			t.near++
			t.apart += math.Abs(float64(ahead))
		}
	}
	if t.newest == nil {
		t.newest = make(map[int32]int64)
	}
	newest, ok := t.newest[at.Partition]
	if !ok || micros > newest {
		newest = micros
		t.newest[at.Partition] = micros
	}
	t.lags = append(t.lags, newest-micros)
}

// most reports whether n is nearly all of the values.
func (t *times) most(n int) bool { return n > 0 && n*10 >= t.count*9 }

// areTimes reports whether the numbers of a column count the time since 1970: all
// could, and their name says so, or nearly all are close to when they were written.
func (t *times) areTimes(name string) bool {
	return t.count > 0 && t.present == t.count && (t.most(t.near) || rank(name) < len(names))
}

// names are what the time of an event is called, the best first, without signs and
// in lower case.
var names = []string{
	"eventtime", "eventtimestamp", "eventts", "eventat", "occurredat", "ts", "timestamp", "time", "datetime", "createdat", "created", "updatedat",
}

// timely are the ends of other names of times.
var timely = regexp.MustCompile(`(?i:(_at|_ts|_time|_timestamp)$)|(At|Ts|Time|Timestamp)$`)

// rank orders names by how well they fit the time of an event, 0 the best. From
// len(names) on they say little, and from len(names)+1 on nothing.
func rank(name string) int {
	plain := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '@' || r == '.' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(name))
	switch i := slices.Index(names, plain); {
	case i >= 0:
		return i
	case timely.MatchString(name):
		return len(names)
	}
	return len(names) + 1
}

// delays are those that a watermark is given, in the order of their lengths.
var delays = []time.Duration{
	5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
}

// delay returns the least delay with which at most one record in a thousand would
// have been late.
func (t *times) delay() time.Duration {
	slices.Sort(t.lags)
	lag := time.Duration(t.lags[len(t.lags)-1-len(t.lags)/1000]) * time.Microsecond
	for _, d := range delays {
		if lag <= d {
			return d
		}
	}
	return delays[len(delays)-1]
}

// eventTime returns the column that has the time of the event, nil if there is
// none: it is there in nearly every record, and close to when that was written, or
// called so.
func eventTime(columns []*column, records int) *column {
	var best *column
	for _, c := range columns {
		kind := c.kind()
		t := &c.times
		switch {
		case kind != batch.Timestamp && kind != batch.TimestampTZ, c.values*10 < records*9, t.ahead*10 > t.count:
		case !t.most(t.near) && (rank(c.name) >= len(names) || !t.most(t.present)):
		case best == nil || c.fitsBetter(best):
			best = c
		}
	}
	return best
}

func (c *column) fitsBetter(other *column) bool {
	t, o := &c.times, &other.times
	if near, was := t.most(t.near), o.most(o.near); near != was {
		return near
	}
	if r, was := rank(c.name), rank(other.name); r != was {
		return r < was
	}
	return t.near > 0 && o.near > 0 && t.apart/float64(t.near) < o.apart/float64(o.near)
}
