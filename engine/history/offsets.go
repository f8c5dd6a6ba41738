package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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
