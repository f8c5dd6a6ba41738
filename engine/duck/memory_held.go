package duck

import (
	"context"
	"errors"
)

// errAsked is returned while an answer from before is waited for.
var errAsked = errors.New("duckdb has not answered yet how much memory it holds")

// MemoryBytes returns how much memory DuckDB holds now of what Options.MemoryLimit allows it: blocks of
// the file that it keeps for the next statement, and what statements at work have. Where DuckDB does not answer, as
// while a commit waits for the disk, it returns when the context ends.
func (db *DB) MemoryBytes(ctx context.Context) (int64, error) {
	if !db.asking.TryLock() {
		return 0, errAsked
	}
	type answer struct {
		bytes int64
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		bytes, err := db.askMemory()
		db.asking.Unlock()
		answers <- answer{bytes, err}
	}()
	select {
	case a := <-answers:
		return a.bytes, a.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (db *DB) askMemory() (bytes int64, err error) {
	c, err := db.Conn()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	c.Guard(true) // if there is no memory for it, no statement has to end
	c.OnlyMemory(true)
	err = c.Each(context.Background(), "SELECT coalesce(sum(memory_usage_bytes), 0)::BIGINT FROM duckdb_memory()", func(scan func(...any) error) error { return scan(&bytes) })
	return bytes, err
}
