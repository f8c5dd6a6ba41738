package history

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millstream-db/millstream/engine/duck"
)

// Since is the condition that a row of history came after a cut. The least
// offset by itself lets DuckDB skip what is older in all partitions.
func Since(next map[int32]int64) string {
	if len(next) == 0 {
		return ""
	}
	var sql strings.Builder
	fmt.Fprintf(&sql, " WHERE _offset >= %d AND _offset >= CASE _partition", slices.Min(slices.Collect(maps.Values(next))))
	for _, id := range slices.Sorted(maps.Keys(next)) {
		fmt.Fprintf(&sql, " WHEN %d THEN %d", id, next[id])
	}
	sql.WriteString(" ELSE 0 END")
	return sql.String()
}

// ByArrival is a table, or part of one, with its rows in the order in which they came
// in each partition. Rows of one record have one offset, and lie as they came.
func ByArrival(table string) string {
	return "(SELECT *, row_number() OVER () AS ms$place FROM " + table + ") ORDER BY _offset, ms$place"
}

// Count returns how many rows a table has, or part of one: table may go on with a
// condition.
func Count(ctx context.Context, conn *duck.Conn, table string) (n int64, err error) {
	rows, err := conn.Query(ctx, "SELECT count(*) FROM "+table)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if ok, err := rows.Next(); err != nil || !ok {
		return 0, err
	}
	return n, rows.Scan(&n)
}
