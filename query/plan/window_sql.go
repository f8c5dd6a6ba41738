package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/millstream-db/millstream/engine/window"
	"github.com/millstream-db/millstream/query/plan/ast"
	"github.com/millstream-db/millstream/query/plan/interval"
)

// How the windows of a row are computed in plain SQL. Bounds are computed on
// the clock of the windows' time zone, if they have one, and then turned into
// instants. Adding an interval of microseconds keeps the column's type and knows
// no time zone.

// copyColumn numbers the windows of a row in a statement of BatchSQL.
const copyColumn = "ms_window"

func (c *windowCall) quoted() string { return quote(c.column) }

func (c *windowCall) zoneSQL() string { return "'" + strings.ReplaceAll(c.spec.Zone, "'", "''") + "'" }

// bucketSQL is the start of the last multiple of length before or at a row, on
// the clock of the windows.
func (c *windowCall) bucketSQL(length int64) string {
	column := c.quoted()
	switch {
	case c.unit == dayUnit && c.local != (interval.Interval{}):
		origin := fmt.Sprintf("(TIMESTAMP '2000-01-03 00:00:00' + to_days(%d) + to_microseconds(%d))", c.local.Days, c.local.Micros)
		return fmt.Sprintf("time_bucket(to_days(%d), %s AT TIME ZONE %s, %s)", length, column, c.zoneSQL(), origin)
	case c.unit == dayUnit:
		return fmt.Sprintf("date_trunc('day', time_bucket(to_days(%d), %s, %s) AT TIME ZONE %s)", length, column, c.zoneSQL(), c.zoneSQL())
	case c.unit == monthUnit && c.spec.Zone != "":
		return fmt.Sprintf("date_trunc('month', time_bucket(to_months(%d), %s, %s) AT TIME ZONE %s)", length, column, c.zoneSQL(), c.zoneSQL())
	case c.unit == monthUnit:
		months := fmt.Sprintf("((year(%s) - 1970) * 12 + month(%s) - 1)", column, column)
		return fmt.Sprintf("date_trunc('month', %s) - to_months(CAST((%s %% %d + %d) %% %d AS INTEGER))", column, months, length, length, length)
	}
	elapsed := fmt.Sprintf("epoch_us(%s)", column)
	if shift := window.FloorMod(c.spec.OriginMicros, length); shift != 0 {
		elapsed = fmt.Sprintf("(%s - %d)", elapsed, shift)
	}
	return fmt.Sprintf("%s - to_microseconds((%s %% %d + %d) %% %d)", column, elapsed, length, length, length)
}

// stepSQL is so many units, the number being SQL.
func (c *windowCall) stepSQL(count string) string {
	switch c.unit {
	case dayUnit:
		return fmt.Sprintf("to_days(CAST(%s AS INTEGER))", count)
	case monthUnit:
		return fmt.Sprintf("to_months(CAST(%s AS INTEGER))", count)
	}
	return fmt.Sprintf("to_microseconds(%s)", count)
}

// instantSQL turns a time on the windows' clock into the column's type. An
// infinite time is its own window, as in time_bucket.
func (c *windowCall) instantSQL(clock string) string {
	if c.unit != clockUnit && c.spec.Zone != "" {
		clock = fmt.Sprintf("(%s) AT TIME ZONE %s", clock, c.zoneSQL())
	}
	return fmt.Sprintf("CASE WHEN isfinite(%s) THEN %s ELSE %s END", c.quoted(), clock, c.quoted())
}

// boundsSQL are the start and the end of the window of a row that is copyColumn
// windows before its last: of TUMBLE's only one without copyColumn.
func (c *windowCall) boundsSQL() (start, end string) {
	back := c.stepSQL(fmt.Sprintf("%s * %d", copyColumn, c.slide))
	switch c.spec.Kind {
	case window.Hop:
		start = c.bucketSQL(c.slide) + " - " + back
		end = start + " + " + c.stepSQL(fmt.Sprint(c.size))
	case window.Cumulate:
		start = c.bucketSQL(c.size)
		end = start + " + " + c.stepSQL(fmt.Sprint(c.size)) + " - " + back
	default:
		start = c.bucketSQL(c.size)
		end = start + " + " + c.stepSQL(fmt.Sprint(c.size))
	}
	return c.instantSQL(start), c.instantSQL(end)
}

// boundaries returns TUMBLE's window_start and window_end as syntax trees over
// a row. Those of the others depend on more than the row.
func (c *windowCall) boundaries(ctx context.Context, b Binder) (start, end ast.Node, err error) {
	if c.spec.Kind != window.Tumble {
		return nil, nil, nil
	}
	startSQL, endSQL := c.boundsSQL()
	items, err := parseItems(ctx, b, "SELECT "+startSQL+", "+endSQL)
	if err != nil {
		return nil, nil, err
	}
	return items[0], items[1], nil
}

// relationSQL is the FROM of a plain statement: the rows of the relation with
// their windows, one row for each window of a row.
func (c *windowCall) relationSQL(relation string) string {
	start, end := c.boundsSQL()
	if c.spec.Kind == window.Tumble {
		return fmt.Sprintf("(SELECT *, %s AS window_start, %s AS window_end FROM %s)", start, end, relation)
	}
	// The longest window of CUMULATE and the last of HOP hold every row.
	windows := (c.size + c.slide - 1) / c.slide
	return fmt.Sprintf("(SELECT * EXCLUDE (%s) FROM (SELECT *, %s AS window_start, %s AS window_end FROM (SELECT *, unnest(range(0, %d)) AS %s FROM %s)) WHERE %s = 0 OR %s < window_end)",
		copyColumn, start, end, windows, copyColumn, relation, copyColumn, c.quoted())
}

// sessionSQL is relationSQL for SESSION. Rows is a SELECT of the rows with the
// session's keys as ms_key0, ms_key1 and so on. Rows without a finite time are
// sessions of their own. Rows at the same time are counted together: which of
// them is the first may be another one in each OVER.
func (c *windowCall) sessionSQL(rows string) string {
	by := []string{"ms_infinite"}
	for i := range c.keys {
		by = append(by, columnName("ms_key", i))
	}
	partition := "PARTITION BY " + strings.Join(by, ", ")
	gap := fmt.Sprintf("to_microseconds(%d)", c.spec.GapMicros)
	marked := fmt.Sprintf("(SELECT *, CASE WHEN isfinite(%[1]s) THEN '' ELSE coalesce(CAST(%[1]s AS VARCHAR), 'null') END AS ms_infinite FROM (%[2]s))", c.quoted(), rows)
	first := fmt.Sprintf("(SELECT *, coalesce(lag(%[1]s) OVER (%[2]s ORDER BY %[1]s) + %[3]s < %[1]s, true) AS ms_first FROM %[4]s)", c.quoted(), partition, gap, marked)
	numbered := fmt.Sprintf("(SELECT *, CASE WHEN ms_infinite = '' THEN count(*) FILTER (WHERE ms_first) OVER (%s ORDER BY %s) END AS ms_session FROM %s)", partition, c.quoted(), first)
	return fmt.Sprintf("(SELECT * EXCLUDE (%[1]s, ms_first, ms_session), min(%[2]s) OVER (%[3]s, ms_session) AS window_start, max(%[2]s) OVER (%[3]s, ms_session) + CASE WHEN ms_infinite = '' THEN %[4]s ELSE to_microseconds(0) END AS window_end FROM %[5]s)",
		strings.Join(by, ", "), c.quoted(), partition, gap, numbered)
}
