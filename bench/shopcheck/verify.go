package shopcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/millstream-db/millstream/bench/instance"
)

// ErrWrong is returned when the database's answer is not the right one.
var ErrWrong = errors.New("wrong answer")

// Findings are what Verify saw.
type Findings struct {
	Next     [Partitions]int64 // the offset each partition reads next
	Records  int64             // stored, rejected ones included
	Rejected int64
	Late     int64 // listed in orders$late, one per view
	Lag      int64
	Groups   int64 // rows of all views
	// Lost and Doubled are records below the next offset; Foreign are rows
	// that are not the record that was produced at their offset, and rows at
	// or beyond the next offset.
	Lost, Doubled, Foreign int64
}

// stored counts, per partition, every record that was taken in, good or
// rejected, beside the offset up to which there must be one of each.
const stored = `WITH stored AS (
  SELECT _partition, _offset, order_id = _offset * 4 + _partition + 1 AS own, 0 AS rejected FROM orders
  UNION ALL SELECT _partition, _offset, true, 1 FROM "orders$rejected"),
counted AS (
  SELECT _partition, count(*) AS n, count(DISTINCT _offset) AS offsets, sum(_offset)::BIGINT AS total, max(_offset) AS top,
    count(*) FILTER (WHERE NOT own) AS foreign_rows, sum(rejected)::BIGINT AS rejected
  FROM stored GROUP BY _partition)
SELECT p.partition, p.next_offset, p.lag, coalesce(n, 0), coalesce(offsets, 0), coalesce(total, 0), coalesce(top, -1),
  coalesce(foreign_rows, 0), coalesce(c.rejected, 0)
FROM millstream.partitions p FULL JOIN counted c ON p.partition = c._partition
WHERE p.source = 'orders' OR p.source IS NULL ORDER BY 1`

// Verify compares everything that is stored with what must be, the views
// included. The error wraps ErrWrong and says what is wrong.
func Verify(ctx context.Context, db *instance.Instance) (Findings, error) {
	f, err := VerifyStored(ctx, db)
	if err != nil && !errors.Is(err, ErrWrong) {
		return f, err
	}
	for _, v := range views {
		err = errors.Join(err, f.view(ctx, db, v))
	}
	late, lateErr := db.Integers(ctx, `SELECT count(*) FROM "orders$late"`)
	if lateErr != nil {
		return f, errors.Join(err, lateErr)
	}
	f.Late = late[0][0]
	return f, err
}

// VerifyStored is the part of Verify that looks at the source alone, in one
// statement.
func VerifyStored(ctx context.Context, db *instance.Instance) (Findings, error) {
	var f Findings
	rows, err := db.Integers(ctx, stored)
	if err != nil {
		return f, fmt.Errorf("count the stored records: %w", err)
	}
	for _, r := range rows {
		f.partition(r)
	}
	if f.Lost+f.Doubled+f.Foreign > 0 {
		err = fmt.Errorf("%w: %d records lost, %d doubled, %d that nobody sent: (partition, next, lag, rows, offsets, sum of offsets, greatest, foreign, rejected) %v",
			ErrWrong, f.Lost, f.Doubled, f.Foreign, rows)
	}
	return f, err
}

// partition takes one row of stored.
func (f *Findings) partition(r []int64) {
	next, n, offsets, total, top := r[1], r[3], r[4], r[5], r[6]
	if r[0] >= 0 && r[0] < Partitions {
		f.Next[r[0]] = next
	}
	f.Lag += r[2]
	f.Records += n
	f.Rejected += r[8]
	f.Doubled += n - offsets
	f.Lost += max(0, next-offsets)
	f.Foreign += r[7] + max(0, top+1-next)
	// Counts that agree by chance have sums that do not.
	if n == offsets && n == next && total != next*(next-1)/2 {
		f.Foreign++
	}
}

// view compares a view with its SELECT over the source.
func (f *Findings) view(ctx context.Context, db *instance.Instance, v view) error {
	difference, err := db.Query(ctx, v.difference())
	if err != nil {
		return fmt.Errorf("compare view %s: %w", v.name, err)
	}
	if len(difference.Rows) > 0 {
		return fmt.Errorf("%w: view %s at epoch %d:\n%s", ErrWrong, v.name, difference.Epoch, difference)
	}
	groups, err := db.Integers(ctx, "SELECT count(*) FROM "+v.name)
	if err != nil {
		return fmt.Errorf("count view %s: %w", v.name, err)
	}
	f.Groups += groups[0][0]
	return nil
}

// VerifyContent compares the stored records with those that orders makes for
// every offset below next: how many are damaged, and the sum of the amounts.
// It makes them all again, a few microseconds each.
func VerifyContent(ctx context.Context, db *instance.Instance, orders *Orders, next [Partitions]int64) error {
	var damaged, cents int64
	for p := range int32(Partitions) {
		for offset := range next[p] {
			r := orders.Record(p, offset)
			if r.Damaged {
				damaged++
				continue
			}
			var o struct{ Amount float64 }
			if err := json.Unmarshal(r.Value, &o); err != nil {
				return fmt.Errorf("record %d of partition %d: %w", offset, p, err)
			}
			cents += int64(math.Round(o.Amount * 100))
		}
	}
	var bounds []string
	for p, n := range next {
		bounds = append(bounds, fmt.Sprintf("_partition = %d AND _offset < %d", p, n))
	}
	below := strings.Join(bounds, " OR ")
	rows, err := db.Integers(ctx, fmt.Sprintf(`SELECT (SELECT count(*) FROM "orders$rejected" WHERE %s), (SELECT (sum(amount) * 100)::BIGINT FROM orders WHERE %s)`, below, below))
	if err != nil {
		return fmt.Errorf("compare the contents: %w", err)
	}
	if rows[0][0] != damaged || rows[0][1] != cents {
		return fmt.Errorf("%w: %d rejected records and a sum of %d cents, want %d and %d", ErrWrong, rows[0][0], rows[0][1], damaged, cents)
	}
	return nil
}
