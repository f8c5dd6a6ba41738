package engine

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/aggregate"
	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/view"
)

// totalsDefinition groups orders without windows: its state is changed by every
// batch for ever.
func totalsDefinition() *catalog.ViewDefinition {
	varchar, bigint := batch.Type{Kind: batch.Varchar}, batch.Type{Kind: batch.BigInt}
	return &catalog.ViewDefinition{Plan: view.Definition{
		Name: "totals", Source: "orders", Where: -1, Keys: []view.Key{{Expr: 1, Type: bigint}},
		Exprs:      []view.Expr{{Type: varchar, Column: 1}, {SQL: "id % 3000", Type: bigint, Column: -1}, {Type: bigint, Column: 0}},
		Aggregates: []view.Aggregate{{Func: aggregate.CountStar, Filter: -1}, {Func: aggregate.Sum, Args: []int{2}, Filter: -1}, {Func: aggregate.Last, Args: []int{0}, Filter: -1}},
		Result:     `SELECT k0 AS k, a0 AS n, a1 AS ids, a2 AS country FROM {{state}}`,
		Columns:    []batch.Column{{Name: "k", Type: bigint}, {Name: "n", Type: bigint}, {Name: "ids", Type: batch.Type{Kind: batch.HugeInt}}, {Name: "country", Type: varchar}},
	}}
}

// TestReadersComeAndGo: readers that come after a while find state that was
// changed in place, and keep what they have found while the writer goes on.
func TestReadersComeAndGo(t *testing.T) {
	e, err := Open(ctx, "", Options{CheckpointInterval: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(ctx)
	if err := e.CreateSource(ctx, ordersDefinition()); err != nil {
		t.Fatal(err)
	}
	if err := e.CreateView(ctx, totalsDefinition()); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	for reader := range uint64(3) {
		running.Go(func() {
			r := rand.New(rand.NewPCG(1, reader))
			for {
				select {
				case <-done:
					return
				case <-time.After(time.Duration(r.IntN(40)) * time.Millisecond):
				}
				if err := readTwice(e, time.Duration(r.IntN(8))*time.Millisecond); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	next := 0
	for start := time.Now(); time.Since(start) < 2*time.Second && !t.Failed(); next += 200 {
		if err := e.Append(ctx, "orders", orders(e, next, 200)); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	running.Wait()
	check(t, e, "SELECT sum(n) FROM totals", fmt.Sprintf("[%d]", next))
}

// readTwice looks whether the view is what the source says, now and again
// within the same read a while later.
func readTwice(e *Engine, later time.Duration) error {
	r, err := e.BeginRead(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	const sql = `SELECT concat_ws(' ', sum(n), sum(ids), count(*), sum(hash(country))) FROM totals
		UNION ALL SELECT concat_ws(' ', sum(n), sum(ids), count(*), sum(hash(country))) FROM
		(SELECT count(*) AS n, sum(id) AS ids, arg_max(country, id) AS country FROM orders GROUP BY id % 3000)`
	var first string
	for i := range 2 {
		rows, err := r.Conn().Query(ctx, sql)
		if err != nil {
			return err
		}
		var got [2]string
		for j := range got {
			if _, err = rows.Next(); err == nil {
				err = rows.Scan(&got[j])
			}
			if err != nil {
				rows.Close()
				return err
			}
		}
		rows.Close()
		if got[0] != got[1] {
			return fmt.Errorf("epoch %d: the view says %s, its source %s", r.Epoch(), got[0], got[1])
		}
		if i == 0 {
			first = got[0]
			time.Sleep(later)
		} else if got[0] != first {
			return fmt.Errorf("epoch %d: %s was %s", r.Epoch(), got[0], first)
		}
	}
	return nil
}
