package torture

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"

	_ "github.com/duckdb/duckdb-go/v2" // the driver that opens the file behind millstream's back

	"github.com/millstream-db/millstream/bench/shopcheck"
)

// durableRecords counts what a checkpoint has committed, beside its offsets.
const durableRecords = `WITH stored AS (
  SELECT _partition, _offset FROM main.orders UNION ALL SELECT _partition, _offset FROM main."orders$rejected"),
counted AS (
  SELECT _partition, count(*) AS n, count(DISTINCT _offset) AS offsets, sum(_offset)::BIGINT AS total, max(_offset) AS top
  FROM stored GROUP BY _partition)
SELECT coalesce(p.partition, -1), coalesce(p.next_offset, 0), coalesce(n, 0), coalesce(offsets, 0), coalesce(total, 0), coalesce(top, -1)
FROM (SELECT partition, next_offset FROM internal.partitions WHERE source = 'orders') p FULL JOIN counted c ON p.partition = c._partition`

// readFile opens the file of a database that does not run, as anybody with
// DuckDB could, and returns the offsets in it. It is an error when the records
// in it are not exactly those below the offsets.
func readFile(ctx context.Context, dir string) (next [shopcheck.Partitions]int64, err error) {
	db, err := sql.Open("duckdb", filepath.Join(dir, "history.duckdb")+"?access_mode=READ_ONLY")
	if err != nil {
		return next, err
	}
	defer db.Close() //nolint:errcheck // it was only read
	rows, err := db.QueryContext(ctx, durableRecords)
	if err != nil {
		return next, err
	}
	defer rows.Close() //nolint:errcheck // its error is Err's
	for rows.Next() {
		var partition, offset, n, offsets, total, top int64
		if err := rows.Scan(&partition, &offset, &n, &offsets, &total, &top); err != nil {
			return next, err
		}
		if partition < 0 || n != offset || offsets != offset || top != offset-1 || total != offset*(offset-1)/2 {
			return next, fmt.Errorf("partition %d: the next offset is %d, but there are %d records with %d offsets up to %d and a sum of %d",
				partition, offset, n, offsets, top, total)
		}
		next[partition] = offset
	}
	return next, rows.Err()
}
