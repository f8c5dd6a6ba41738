package duck

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
)

// countedRelation counts how often it is looked for, which is how often the
// statements that name it are planned and run.
type countedRelation struct {
	RecordRelation
	count int
}

func (r *countedRelation) Relation(string) (Relation, error) {
	r.count++
	return &r.RecordRelation, nil
}

// pooled returns a connection of a pool, and of a database in memory.
func pooled(t *testing.T, settings map[string]string) *PooledConn {
	t.Helper()
	db, _ := openWith(t, Options{})
	pool := &Pool{}
	t.Cleanup(pool.Close)
	c, err := pool.Get(db, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Put(c) })
	return c
}

// TestPlansBecomeGoodAgain: DuckDB plans a statement anew for each execution once a
// catalog has changed under it. Soon after, the pool has a plan that is used as it is.
func TestPlansBecomeGoodAgain(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := pooled(t, nil)
	rel := &countedRelation{RecordRelation: RecordRelation{Schema: batch.NewSchema([]batch.Column{{Name: "n", Type: batch.Type{Kind: batch.BigInt}}})}}
	c.SetRelations(rel)
	const sql = "INSERT INTO t SELECT n FROM ms_scan('x')"
	binds := func() int {
		t.Helper()
		rel.count = 0
		if err := c.Run(ctx, sql); err != nil {
			t.Fatal(err)
		}
		return rel.count
	}
	if err := c.Exec(ctx, "CREATE TABLE t (n BIGINT)"); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		began := time.Now()
		binds()
		held := binds()
		if err := c.Exec(ctx, fmt.Sprintf("CREATE TABLE u%d (n BIGINT)", n)); err != nil {
			t.Fatal(err)
		}
		binds()
		again := binds()
		if time.Since(began) > planAge/2 && n < 100 { // the machine is busy: they may not have been of one plan
			time.Sleep(planAge)
			continue
		}
		if again <= held {
			t.Errorf("DuckDB plans anew once only (%d and %d look-ups): planAge may be longer", held, again)
		}
		for deadline := time.Now().Add(100 * planAge); binds() != held; time.Sleep(time.Millisecond) { // the plan is in use all the time
			if time.Now().After(deadline) {
				t.Fatalf("the plan's relation is looked for more than %d times for good", held)
			}
		}
		return
	}
}

// TestSettingsOfUnknownValue: after a SET that failed, which may have had its effect, nobody takes the value before
// for the connection's.
func TestSettingsOfUnknownValue(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c := pooled(t, map[string]string{"TimeZone": "UTC"})
	if err := c.SetVariable(ctx, "v", "1"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		effect     string
		fail, then func() error
	}{
		{"SET TimeZone = 'Asia/Tokyo'", func() error { return c.Set(ctx, "TimeZone", "no such zone") }, func() error { return c.Set(ctx, "TimeZone", "UTC") }},
		{"SET VARIABLE v = 2", func() error { return c.SetVariable(ctx, "v", "error('no')") }, func() error { return c.SetVariable(ctx, "v", "1") }},
	} {
		if err := c.Exec(ctx, s.effect); err != nil {
			t.Fatal(err)
		}
		if s.fail() == nil {
			t.Error("it did not fail")
		}
		if err := s.then(); err != nil {
			t.Error(err)
		}
	}
	if err := c.Each(ctx, "SELECT current_setting('TimeZone'), getvariable('v')::BIGINT", func(scan func(...any) error) error {
		var zone string
		var v int64
		err := scan(&zone, &v)
		if zone != "UTC" || v != 1 {
			t.Errorf("the zone is %s, the variable %d", zone, v)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}
