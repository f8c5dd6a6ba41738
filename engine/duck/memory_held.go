package duck

import "context"

// MemoryBytes returns how much memory DuckDB holds now of what Options.MemoryLimit allows it: blocks of
// the file that it keeps for the next statement, and what statements at work have.
func (db *DB) MemoryBytes(ctx context.Context) (bytes int64, err error) {
	c, err := db.Conn()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	err = c.Each(ctx, "SELECT coalesce(sum(memory_usage_bytes), 0)::BIGINT FROM duckdb_memory()", func(scan func(...any) error) error { return scan(&bytes) })
	return bytes, err
}
