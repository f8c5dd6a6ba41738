package enginetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// expire gives a view without windows a TTL at times, and returns its keys then:
// often with a phase, since most keys come all the time.
func (v *View) expire(r *rand.Rand, s *Source, keys []string) []string {
	if v.window.start != "" || v.window.gap > 0 || s.eventTime() == nil || s.joins.sql != "" || !s.knowsMarks() || s.Focus != Expiry && chance(r, 4) {
		return keys
	}
	v.ttl = s.StepMicros * pick(r, int64(1), 3, 10, 30, 100)
	if !s.Rounded && chance(r, 2) { // else rows come just when groups end
		v.ttl = 1 + r.Int64N(2*v.ttl)
	}
	if !chance(r, 4) && (len(keys) > 0 || chance(r, 2)) {
		keys = append(keys, phase(r, s))
	}
	v.partition = keys
	return keys
}

// phase is an expression that has few values, each of which comes and goes as
// time passes.
func phase(r *rand.Rand, s *Source) string {
	return fmt.Sprintf("CASE WHEN isfinite(%[1]s) THEN epoch_us(%[1]s) // %[2]d %% %[3]d END",
		s.eventTime().Name, s.StepMicros*pick(r, int64(1), 5, 20, 60), pick(r, 3, 7, 50))
}

// knowsMarks reports whether the judge knows the watermark before each row.
func (s *Source) knowsMarks() bool {
	for of := s.of; of != nil; of = of.of {
		if !of.AppendOnly() {
			// Its rows are in the order of their times, but it is by their values
			// that the judge knows which are new.
			return of == s.of && !slices.Contains(of.Approx, true)
		}
	}
	return true
}

// Expires reports whether the view's groups end without windows. When they do
// depends on the order of rows.
func (v *View) Expires() bool { return v.ttl > 0 }

// ends is when a group ends that has no row after a time, in SQL.
func (v *View) ends(ts string) string {
	return fmt.Sprintf("CASE WHEN isfinite(%[1]s) THEN %[1]s + to_microseconds(%[2]d) ELSE %[1]s END", ts, v.ttl)
}

// lastGroups returns the arrival numbers, each with a comma behind it, of the
// rows that make the groups of a view with a TTL at a point.
//
// A row that is in time begins a new group if it meets one that has ended: if
// the watermark before it has reached the end of the latest row of its keys. That
// row is of the group that was there, unless that one has no event time at all:
// then the row before it that could have begun a group has no timed row behind
// it either. What came before the view is of one group for each key.
func (j *Judge) lastGroups(ctx context.Context, v *LiveView, at int) (arrivals []string, err error) {
	keys, names := "", ""
	for i, k := range v.partition {
		keys += fmt.Sprintf(", (%s) AS key%d", k, i)
		names += fmt.Sprintf(", key%d", i)
	}
	by := "PARTITION BY true" + names
	where := "true"
	if v.where != "" {
		where = v.where
	}
	from, err := j.input(ctx, v, at)
	if err != nil {
		return nil, err
	}
	// An end is a number, so that infinite times have one: beyond all others.
	until := fmt.Sprintf("CASE WHEN isfinite(%[1]s) THEN epoch_us(%[1]s)::HUGEINT + %[2]d WHEN %[1]s = 'infinity' THEN 1e30::HUGEINT WHEN %[1]s IS NOT NULL THEN -1e30::HUGEINT END",
		v.window.time, v.ttl)
	rows, err := j.db.Text(ctx, fmt.Sprintf(`
WITH given AS (
  SELECT arrival, CASE WHEN batch > %[1]d THEN mark END AS mark, %[2]s AS until%[3]s FROM %[4]s WHERE batch <= %[5]d AND (%[6]s)
), counted AS (
  SELECT *, max(until) OVER before AS latest, count(until) OVER before AS timed FROM given WHERE NOT coalesce(until <= mark, false)
  WINDOW before AS (%[7]s ORDER BY arrival ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), beginning AS (
  SELECT arrival, timed > lag(timed, 1, 0) OVER (%[7]s ORDER BY arrival) AS begins FROM counted WHERE latest <= mark
), numbered AS (
  SELECT *, count(*) FILTER (begins) OVER (%[7]s ORDER BY arrival) AS number FROM counted LEFT JOIN beginning USING (arrival)
), grouped AS (
  SELECT arrival, number = max(number) OVER (%[7]s) AS goes_on, max(until) OVER (%[7]s, number) AS until FROM numbered
)
SELECT arrival::VARCHAR FROM grouped WHERE goes_on AND coalesce(until > %[8]s, true)`,
		v.Created, until, keys, from, at, where, by, j.mark(v, at)))
	for _, row := range rows {
		arrivals = append(arrivals, row[0]+",")
	}
	return arrivals, err
}

// inOrder is the input of a view with a TTL over the windows of another that have
// closed: those that had when it was made, and those that came. They come in the
// order of their times, each of which is the watermark before it.
func (j *Judge) inOrder(ctx context.Context, v *LiveView, closed string) (string, error) {
	had, err := j.closed(ctx, v.of, v.Created)
	if err != nil {
		return "", err
	}
	names := strings.Join(v.of.Columns, ", ")
	return fmt.Sprintf(`(SELECT *, row_number() OVER (ORDER BY batch, %[1]s) AS arrival FROM (
  SELECT *, 0 AS batch, NULL::BIGINT AS mark FROM (%[2]s) AS t(%[3]s)
  UNION ALL SELECT *, %[4]d AS batch, CASE WHEN isfinite(%[1]s) THEN epoch_us(%[1]s) END AS mark
  FROM (SELECT * FROM (%[5]s) EXCEPT ALL SELECT * FROM (%[2]s)) AS t(%[3]s))) AS judged`, v.window.time, had, names, v.Created+1, closed), nil
}
