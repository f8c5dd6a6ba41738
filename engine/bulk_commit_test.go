package engine

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A checkpoint of so many rows fills a row group of DuckDB's and more.
const bulkRows = 150_000

// TestBulkCommitsAreRead looks at history while checkpoints commit more rows than
// DuckDB hides until it has committed them: once while all readers are quick, and
// once beside one that stays, which no commit can wait for.
func TestBulkCommitsAreRead(t *testing.T) {
	for _, stays := range []bool{false, true} {
		t.Run(fmt.Sprintf("stays=%v", stays), func(t *testing.T) {
			e, err := Open(ctx, t.TempDir(), Options{CheckpointInterval: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close(ctx)
			if err := e.CreateSource(ctx, ordersDefinition()); err != nil {
				t.Fatal(err)
			}
			if stays {
				r, err := e.BeginRead(ctx)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
			}
			var done atomic.Bool
			var running sync.WaitGroup
			reads := 0
			running.Go(func() {
				for !done.Load() && !t.Failed() {
					if err := readGapless(e); err != nil {
						t.Error(err)
					}
					reads++
				}
			})
			for i := range 10 {
				if err := e.Append(ctx, "orders", orders(e, i*bulkRows, bulkRows)); err != nil {
					t.Fatal(err)
				}
				if err := e.Checkpoint(ctx); err != nil {
					t.Fatal(err)
				}
			}
			done.Store(true)
			running.Wait()
			check(t, e, "SELECT count(*) FROM orders", fmt.Sprintf("[%d]", 10*bulkRows))
			t.Logf("%d reads", reads)
		})
	}
}

// readGapless looks whether the orders are those with the numbers from 0 on.
func readGapless(e *Engine) error {
	r, err := e.BeginRead(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	rows, err := r.Conn().Query(ctx, "SELECT count(*)::BIGINT, coalesce(max(id) + 1, 0)::BIGINT FROM orders")
	if err != nil {
		return err
	}
	defer rows.Close()
	var count, want int64
	if _, err := rows.Next(); err != nil {
		return err
	}
	if err := rows.Scan(&count, &want); err != nil {
		return err
	}
	if count != want {
		return fmt.Errorf("epoch %d: %d rows, the last is number %d", r.Epoch(), count, want)
	}
	return nil
}
