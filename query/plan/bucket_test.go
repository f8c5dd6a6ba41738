package plan

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/query/plan/interval"
)

// TestWindowsAlignAsInDuckDB compares the windows of time_bucket, date_trunc
// and TUMBLE with DuckDB's values over random and special event times.
func TestWindowsAlignAsInDuckDB(t *testing.T) {
	b := newDuckBinder(t)
	var groups []string
	for name, u := range interval.Units {
		if u.Months <= interval.Year.Months {
			groups = append(groups, fmt.Sprintf("date_trunc('%s', ts)", name))
		}
	}
	for _, width := range []string{
		"7 us", "30 seconds", "1 minute", "15 minutes", "1 hour", "7 hours", "1 day", "3 days", "1 week", "10 days",
		"1 month", "2 months", "5 months", "1 quarter", "1 year", "7 years", "90", "01:30", "1.5 hours",
	} {
		groups = append(groups, fmt.Sprintf("time_bucket(INTERVAL '%s', ts)", width))
		groups = append(groups, fmt.Sprintf("time_bucket(INTERVAL '%s', ts, $origin)", width))
	}
	for _, offset := range []string{"1 hour", "-90 minutes", "2 days 3 hours"} {
		groups = append(groups, fmt.Sprintf("time_bucket(INTERVAL '1 week', ts, INTERVAL '%s')", offset))
	}
	for _, typ := range []batch.Kind{batch.Timestamp, batch.TimestampTZ} {
		eventTimes(t, b, typ)
		source := &Source{Name: "s", EventTime: "ts", Visible: 1, Columns: []batch.Column{{Name: "ts", Type: batch.Type{Kind: typ}}}}
		for _, group := range groups {
			checkAlignment(t, b, source, strings.ReplaceAll(group, "$origin", fmt.Sprintf("'2013-05-17 12:34:56.789'::%s", source.Columns[0].Type)))
		}
	}
}

func eventTimes(t *testing.T, b *duckBinder, typ batch.Kind) {
	call := "make_timestamp"
	if typ == batch.TimestampTZ {
		call = "make_timestamptz"
	}
	b.exec(t, "SELECT setseed(0.1)")
	b.exec(t, `CREATE OR REPLACE TABLE times AS SELECT `+call+`(us::BIGINT) AS ts FROM (
		SELECT (random() - 0.4) * 4e15 AS us FROM range(3000)
		UNION ALL SELECT unnest([0, -1, 1, 946684800000000, 946684799999999, 946857600000000, 946857599999999,
			1577836800000000, 1582934400000000, -55000000000000000, 253402300799999999])
		UNION ALL SELECT i * 86400000000 FROM range(-30, 30) d(i))`)
}

func checkAlignment(t *testing.T, b *duckBinder, source *Source, call string) {
	t.Helper()
	def, err := View(context.Background(), b, "v", "SELECT "+call+" AS w, count(*) FROM s GROUP BY w", 0,
		func(string, string) (*Source, error) { return source, nil })
	if err != nil {
		t.Fatalf("%s: %v", call, err)
	}
	if def.Window == nil {
		t.Fatalf("%s is not recognised as a window", call)
	}
	if w := def.Window; w.WidthMicros != 0 && (w.OriginMicros < 0 || w.OriginMicros >= w.WidthMicros) {
		t.Errorf("%s: origin %d is not within the width %d", call, w.OriginMicros, w.WidthMicros)
	}
	w, err := def.Window.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range b.rows(t, "SELECT epoch_us(ts), epoch_us("+call+") FROM times") {
		ts, want := row[0].(int64), row[1].(int64)
		if have := w.Start(w.Pane(ts)); have != want {
			t.Errorf("%s over a %s (%+v): %d is in %d, DuckDB says %d", call, source.Columns[0].Type, *def.Window, ts, have, want)
			return
		}
	}
}

// TestBucketsOfAZone compares the windows of time_bucket with a time zone with
// DuckDB's values, close to the bounds too.
func TestBucketsOfAZone(t *testing.T) {
	b := newDuckBinder(t)
	source := &Source{Name: "s", EventTime: "ts", Visible: 1, Columns: []batch.Column{{Name: "ts", Type: batch.Type{Kind: batch.TimestampTZ}}}}
	b.exec(t, `CREATE OR REPLACE TABLE times AS SELECT make_timestamptz(946684800000000 - 3 * 3600000000 + i * 3600000000 + j) AS ts
		FROM range(0, 300000, 401) h(i), (SELECT unnest([-1, 0, 1]) AS j)`)
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "UTC"} {
		for _, width := range []string{"1 day", "7 days", "1 month", "90 minutes"} {
			checkAlignment(t, b, source, fmt.Sprintf("time_bucket(INTERVAL '%s', ts, '%s')", width, zone))
		}
	}
}

// TestNotAWindow lists group expressions that stay ordinary keys.
func TestNotAWindow(t *testing.T) {
	b := newDuckBinder(t)
	source := &Source{Name: "s", EventTime: "ts", Visible: 2, Columns: []batch.Column{
		{Name: "ts", Type: batch.Type{Kind: batch.TimestampTZ}}, {Name: "other", Type: batch.Type{Kind: batch.TimestampTZ}},
	}}
	for _, group := range []string{
		"ts", "date_trunc('day', other)", "date_trunc('century', ts)", "date_trunc('isoyear', ts)", "date_trunc('day', ts::TIMESTAMP)",
		"time_bucket(INTERVAL 1 DAY, ts, 'America/Havana')", "time_bucket(INTERVAL 1 DAY, ts, 'America/Sao_Paulo')",
		"time_bucket(INTERVAL 1 DAY, ts, 'europe/berlin')", "date_trunc('day', ts AT TIME ZONE 'Europe/Berlin')", "time_bucket(INTERVAL 1 MONTH, ts, INTERVAL 1 DAY)",
		"time_bucket(INTERVAL 1 DAY, ts, INTERVAL 1 MONTH)", "time_bucket(INTERVAL 1 DAY, ts, other)", "date_trunc('day', ts + INTERVAL 1 DAY)",
		"time_bucket(INTERVAL '1 day 1 hour', ts)",
	} {
		def, err := View(context.Background(), b, "v", "SELECT "+group+" AS w, count(*) FROM s GROUP BY w", 0,
			func(string, string) (*Source, error) { return source, nil })
		if err != nil {
			t.Errorf("%s: %v", group, err)
		} else if def.Window != nil || len(def.Keys) != 1 {
			t.Errorf("%s is a window: %+v", group, def.Window)
		}
	}
}
