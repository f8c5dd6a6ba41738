package plan

import (
	"context"
	"fmt"
	"testing"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/millstream-db/millstream/query/plan/ast"
	"github.com/millstream-db/millstream/query/plan/interval"
)

// TestIntervalsAreDuckDBs compares constant intervals with DuckDB's values.
// What is refused here may be an interval in DuckDB, but not the reverse.
func TestIntervalsAreDuckDBs(t *testing.T) {
	b := newDuckBinder(t)
	exprs := []string{
		"INTERVAL 1 MINUTE", "INTERVAL '1' MINUTE", "INTERVAL (5) MINUTES", "INTERVAL '1.5' SECOND", "INTERVAL 5 MILLISECONDS",
		"INTERVAL '10' MICROSECONDS", "INTERVAL 1 WEEK", "INTERVAL 2 QUARTER", "INTERVAL 1 YEAR", "INTERVAL 2 DECADE", "-INTERVAL 5 MINUTE",
		"INTERVAL '1.7' DAY", "to_minutes(7)", "'1 minute'::INTERVAL", "CAST('2 days' AS INTERVAL)", "INTERVAL 1 CENTURY",
		"INTERVAL '-3' DAY", "INTERVAL (-3) DAY",
	}
	texts := []string{
		"1 minute", "00:01", "1.5 minutes", "1 min 30 s", "1m", "1h30m", "1 hour ago", "-1 day 02:03:04.5", "-00:01:00", "1 w",
		"1 week 1.5 day", "90", "1 month 2 days", "1day", "@ 1 minute", "5 us", " 1  hour  30 mins ", "0.0000015 s", "1.5 weeks", "1 MINUTE",
		"1:2:3", "25:00:00", "1 hr", "1 c", "1 y", "1 mon", "1 quarter", "-1.5 hours", "1. hours", "1.9999999 seconds", "0.3 ms", "1.7 days",
		"P1D", "1e2 seconds", "+5 minutes", ".5 hours", "", "ago", "minute", "1 parsec", "1 1", "1 minute 90", "-90", "90.5", "1.", "-.5", "90 ago", "0x10", "1 decade", "-0.5 s",
		"86400000000 microseconds", "90000000 s",
	}
	for name := range interval.Units {
		texts = append(texts, "3 "+name)
	}
	for _, text := range texts {
		exprs = append(exprs, "INTERVAL '"+text+"'")
	}
	for _, expr := range exprs {
		items, err := parseItems(context.Background(), b, "SELECT "+expr)
		if err != nil || len(items) == 0 {
			t.Fatalf("%s: %v", expr, err)
		}
		have, ok := ast.ConstInterval(items[0])
		var want duckdb.Interval
		err = b.db.QueryRow("SELECT " + expr).Scan(&want)
		switch {
		case !ok && err == nil:
			t.Errorf("%s is refused, and %+v in DuckDB", expr, want)
		case ok && err != nil:
			t.Errorf("%s is %+v, and refused in DuckDB: %v", expr, have, err)
		case ok && fmt.Sprint(have) != fmt.Sprint(interval.Interval{Months: int64(want.Months), Days: int64(want.Days), Micros: want.Micros}):
			t.Errorf("%s is %+v, and %+v in DuckDB", expr, have, want)
		}
	}
}
