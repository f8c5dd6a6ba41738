package engine

import (
	"errors"
	"testing"
	"time"
)

// TestTornEpochIsNotSeen has ingest stop when the source has a batch and its view does not:
// then there is no answer any more, until a start that goes on from the checkpoint before.
func TestTornEpochIsNotSeen(t *testing.T) {
	dir := t.TempDir()
	e := openViews(t, dir, Options{CheckpointInterval: time.Hour}, revenueDefinition())
	if err := e.Append(ctx, "orders", orders(e, 0, 100)); err != nil {
		t.Fatal(err)
	}
	const sql = "SELECT (SELECT count(*) FROM orders) || ' ' || (SELECT sum(orders) FROM revenue)"
	check(t, e, sql, "[100 100]")
	checkpoints := e.Stats().Checkpoints
	if err := e.do(ctx, func() error {
		e.commitBeside(e.planCheckpoint(nil, nil))
		s, b := e.sources["orders"], orders(e, 100, 50)
		defer b.Release()
		if err := s.number(e, b); err != nil {
			return err
		}
		e.budget.Force(b.Bytes)
		rec, err := s.complete(ctx, e.mem, b.Record)
		if err == nil {
			err = s.rowTable.Add(rec, b.Bytes)
		}
		if err != nil {
			return err
		}
		e.stop(errors.New("the view can't be computed"))
		e.publish()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, committed := range []bool{false, true} {
		for committed && e.Stats().Checkpoints == checkpoints {
			time.Sleep(time.Millisecond)
		}
		if out, err := tryQuery(e, sql); !errors.Is(err, ErrStopped) {
			t.Errorf("a read has %v, %v", out, err)
		}
		if r, err := e.BeginBare(); !errors.Is(err, ErrStopped) {
			t.Errorf("a read of memory alone begins: %v", err)
			r.Close()
		}
		if err := e.Append(ctx, "orders", orders(e, 150, 1)); !errors.Is(err, ErrStopped) {
			t.Errorf("rows are handed over: %v", err)
		}
	}
	if err := e.Close(ctx); !errors.Is(err, ErrStopped) {
		t.Errorf("close: %v", err)
	}
	e = openOrders(t, dir, Options{})
	check(t, e, sql, "[100 100]")
	closeClean(t, e)
}
