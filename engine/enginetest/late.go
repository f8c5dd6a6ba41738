package enginetest

import (
	"fmt"
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
