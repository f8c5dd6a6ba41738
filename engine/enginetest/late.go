package enginetest

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// marksSQL gives for every record of the log, by its arrival number, the
// watermark in force before it, in microseconds, as mark; after is the one in
// force after it. NULL is none yet.
//
// A partition's newest event time is the running maximum over its records,
// leaving out those without a finite time or too far ahead of the clock. The
// source's watermark is the least of them over the partitions known so far,
// less the delay, once each has one, and never goes back. A partition is known
// from the first record of the batch on in which it first appears.
func marksSQL(partitions int, eventTime string, delayMicros int64) string {
	var first, newest, known, each []string
	for p := range partitions {
		first = append(first, fmt.Sprintf("min(batch) FILTER (_partition = %d) AS first%d", p, p))
		newest = append(newest, fmt.Sprintf("max(t) FILTER (_partition = %d) OVER upto AS newest%d", p, p))
		known = append(known, fmt.Sprintf("(newest%d IS NOT NULL OR first%d IS NULL OR first%d > batch)", p, p, p))
		each = append(each, fmt.Sprintf("newest%d", p))
	}
	least := each[0]
	if partitions > 1 {
		least = "least(" + strings.Join(each, ", ") + ")" // skips NULLs: partitions that are not known
	}
	return fmt.Sprintf(`
WITH counted AS (
  SELECT arrival, batch, _partition,
    CASE WHEN isfinite(%[1]s) AND epoch_us(%[1]s) <= clock + %[2]d THEN epoch_us(%[1]s) END AS t FROM log
), newest AS (
  SELECT arrival, batch, %[3]s FROM counted WINDOW upto AS (ORDER BY arrival ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
), candidates AS (
  SELECT arrival, CASE WHEN %[4]s THEN %[5]s - %[6]d END AS candidate
  FROM newest, (SELECT %[7]s FROM log)
)
SELECT arrival, max(candidate) OVER (ORDER BY arrival ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS mark,
  max(candidate) OVER (ORDER BY arrival ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS after
FROM candidates`, eventTime, int64(MaxFutureMicros), strings.Join(newest, ", "), strings.Join(known, " AND "), least, delayMicros,
		strings.Join(first, ", "))
}

// counted says which rows of judged count for a view at a point, and what else
// must hold of them.
func (j *Judge) counted(ctx context.Context, v *LiveView, at int) (rows string, c Conditions, err error) {
	shown, bounds := "true", v.window.end
	if v.window.all != "" || v.window.gap > 0 {
		bounds = "window_end"
	}
	if v.window.final {
		shown = fmt.Sprintf("%s <= make_timestamp%s(%s)", bounds, j.zone(), j.mark(v, at))
	}
	switch {
	case v.ttl > 0:
		arrivals, err := j.lastGroups(ctx, v, at)
		return among("arrival", arrivals), c, err
	case v.window.gap > 0:
		late, err := j.lateForSessions(ctx, v, at)
		return "true", Conditions{Sessions: "NOT " + late, Windows: shown}, err
	case v.window.all != "":
		return "true", Conditions{Windows: fmt.Sprintf("NOT %s AND %s", j.closedFor(v, "window_end"), shown)}, nil
	case v.window.end != "":
		return fmt.Sprintf("NOT %s AND %s", j.closedFor(v, v.window.end), shown), c, nil
	}
	return "true", c, nil
}

// closedFor is the condition that a window with an end was closed for a view
// when a record of judged came.
func (j *Judge) closedFor(v *LiveView, end string) string {
	return fmt.Sprintf("coalesce(batch > %d AND mark IS NOT NULL AND %s + to_microseconds(%d) <= make_timestamp%s(mark), false)",
		v.Created, end, v.window.lateness, j.zone())
}

// among is the condition that an expression is one of numbers, each of which has
// a comma behind it.
func among(expression string, numbers []string) string {
	return expression + " IN (" + strings.Join(numbers, " ") + " -1)"
}

// Late returns what <source>$late must list at a point for the given views, or
// those of them that read the view of, in the columns of LateColumns.
func (j *Judge) Late(ctx context.Context, views []*LiveView, of *LiveView, at int) (Rows, error) {
	if err := j.judge(ctx); err != nil {
		return nil, err
	}
	columns := j.LateColumns(of)
	selects := []string{"SELECT " + strings.Repeat("NULL, ", len(columns)-1) + "NULL WHERE false"}
	for _, v := range views {
		if v.of != of {
			continue
		}
		upto := at
		if v.Dropped >= 0 {
			upto = min(at, v.Dropped)
		}
		start, end, late := v.window.start, v.window.end, ""
		switch {
		case v.ttl > 0:
			start, end = v.window.time, v.ends(v.window.time)
			late = j.closedFor(v, "("+end+")")
		case v.window.gap > 0:
			var err error
			if late, err = j.lateForSessions(ctx, v, upto); err != nil {
				return nil, err
			}
			ts := v.window.time
			start, end = ts, fmt.Sprintf("CASE WHEN isfinite(%[1]s) THEN %[1]s + to_microseconds(%[2]d) ELSE %[1]s END", ts, v.window.gap)
		case v.window.all != "":
			closed := fmt.Sprintf("[w for w in %s if %s]", v.window.all, j.closedFor(v, "w.e"))
			start, end, late = closed+"[1].s", closed+"[-1].e", "len("+closed+") > 0"
		case v.window.end != "":
			late = j.closedFor(v, end)
		default:
			continue
		}
		where := fmt.Sprintf("batch <= %d AND %s", upto, late)
		if v.where != "" {
			where += " AND (" + v.where + ")"
		}
		from, err := j.input(ctx, v, at)
		if err != nil {
			return nil, err
		}
		verb := "SELECT"
		if len(v.joins.tables) > 0 {
			verb = "SELECT DISTINCT"
		}
		selects = append(selects, fmt.Sprintf("%s '%s', (%s)::VARCHAR, (%s)::VARCHAR, make_timestamp%s(mark)::VARCHAR, %s::VARCHAR FROM %s WHERE %s",
			verb, v.Name, start, end, j.zone(), strings.Join(columns[4:], "::VARCHAR, "), j.joined(v, from), where))
	}
	return j.db.Text(ctx, strings.Join(selects, " UNION ALL "))
}

// span is a session, or what a row alone would be one of.
type span struct{ start, end int64 }

// lateForSessions is the condition that a row of a view of sessions, its tables
// joined, came too late for it. It keeps all sessions of each key, row by row: a
// row is late if it meets a session that has closed, or meets none and would be
// one that has closed. A record that joins make several rows of can be late for
// the key of one and in time for another's.
func (j *Judge) lateForSessions(ctx context.Context, v *LiveView, at int) (string, error) {
	keys := []string{"''"}
	for _, k := range v.partition {
		keys = append(keys, fmt.Sprintf("coalesce('=' || (%s)::VARCHAR, '')", k))
	}
	key := "concat_ws('|', " + strings.Join(keys, ", ") + ")"
	place := "hash(arrival, " + key + ")"
	ts, where := v.window.time, "true"
	if v.where != "" {
		where = v.where
	}
	from, err := j.input(ctx, v, at)
	if err != nil {
		return "", err
	}
	rows, err := j.db.Text(ctx, fmt.Sprintf(`SELECT %[1]s::VARCHAR, batch::VARCHAR, mark::VARCHAR, %[6]s,
		CASE WHEN isfinite(%[2]s) THEN epoch_us(%[2]s)::VARCHAR ELSE %[2]s::VARCHAR END FROM %[5]s WHERE batch <= %[3]d AND %[2]s IS NOT NULL AND (%[4]s) ORDER BY arrival`,
		place, ts, at, where, j.joined(v, from), key))
	if err != nil {
		return "", err
	}
	var late []string
	sessions := make(map[string][]span)
	for _, row := range rows {
		x := v.alone(row[4])
		mark := int64(math.MinInt64)
		if n, _ := strconv.Atoi(row[1]); n > v.Created && row[2] != Null {
			mark, _ = strconv.ParseInt(row[2], 10, 64)
		}
		closed := func(s span) bool { return mark > math.MinInt64 && plus(s.end, v.window.lateness) <= mark }
		var others []span
		isLate, met := false, false
		for _, s := range sessions[row[3]] {
			if s.start > x.end || s.end < x.start {
				others = append(others, s)
				continue
			}
			met = true
			isLate = isLate || closed(s)
			x = span{min(x.start, s.start), max(x.end, s.end)}
		}
		if isLate || !met && closed(x) {
			late = append(late, row[0]+",")
			continue
		}
		sessions[row[3]] = append(others, x)
	}
	return among(place, late), nil
}

// alone is the session of one row.
func (v *LiveView) alone(ts string) span {
	switch ts {
	case "infinity":
		return span{math.MaxInt64, math.MaxInt64}
	case "-infinity":
		return span{-math.MaxInt64, -math.MaxInt64}
	}
	at, _ := strconv.ParseInt(ts, 10, 64)
	return span{at, plus(at, v.window.gap)}
}

func plus(at, micros int64) int64 {
	if at == math.MaxInt64 || at == -math.MaxInt64 {
		return at
	}
	return at + micros
}
