package plan

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/bucket"
)

func TestWindowsEqualTimeBucketInEveryZone(t *testing.T) {
	b := newDuckBinder(t)
	r := rand.New(rand.NewPCG(1, 2))
	zones := []string{
		"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "America/St_Johns", "Asia/Kolkata", "Asia/Beirut",
		"Australia/Lord_Howe", "Australia/Sydney", "Atlantic/Azores", "America/Asuncion", "Asia/Tehran", "Africa/Cairo",
	}
	widths := map[string]window.Spec{
		"1 day": {Days: 1}, "3 days": {Days: 3}, "7 days": {Days: 7}, "1 month": {Months: 1}, "5 months": {Months: 5}, "1 year": {Months: 12},
		"90 minutes": {WidthMicros: 5400e6}, "24 hours": {WidthMicros: 86400e6}, "700 hours": {WidthMicros: 700 * 3600e6},
	}
	for _, name := range zones {
		zone, err := window.Zone(name)
		if err != nil {
			t.Fatal(err)
		}
		for width, spec := range widths {
			spec.Zone, spec.OriginMicros = name, bucket.ZoneOrigin(zone)
			if spec.Months > 0 {
				spec.OriginMicros = time.Date(2000, 1, 1, 0, 0, 0, 0, zone).UnixMicro()
			}
			w, err := spec.Open()
			if err != nil {
				t.Fatal(err)
			}
			var times []string
			for range 300 {
				// Before its origin DuckDB goes wrong next to a midnight that
				// clocks skip: it goes back one width from there.
				ts := spec.OriginMicros + 4*3600e6 + int64(r.Float64()*1.1e15) // until 2034
				if r.IntN(3) > 0 {                                             // close to a boundary
					ts = w.Start(w.Pane(ts)) + r.Int64N(4*3600e6) - 2*3600e6
				}
				times = append(times, fmt.Sprint(ts))
			}
			sql := fmt.Sprintf("SELECT t, epoch_us(time_bucket(INTERVAL '%s', make_timestamptz(t), '%s')) FROM (SELECT unnest([%s]) AS t)", width, name, strings.Join(times, ", "))
			bad := 0
			for _, row := range b.rows(t, sql) {
				ts, want := row[0].(int64), row[1].(int64)
				if want > ts {
					continue // a month that begins with the second of two midnights: DuckDB takes the hour before for it
				}
				if have := w.Start(w.Pane(ts)); have != want && bad < 4 {
					bad++
					t.Errorf("%s in %s: %s starts at %s, DuckDB says %s", width, name, local(ts, zone), local(have, zone), local(want, zone))
				}
			}
		}
	}
}

func local(micros int64, zone *time.Location) string {
	return time.UnixMicro(micros).In(zone).Format("2006-01-02T15:04:05.999999Z07:00")
}
