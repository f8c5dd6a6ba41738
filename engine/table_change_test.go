package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/rowchange"
)

func rowIDs(t *testing.T, r *Read) map[int64]int64 {
	t.Helper()
	rows, err := r.Conn().Query(context.Background(), `SELECT k, "ms$rowid" FROM live.dml.t WHERE k % 1000 = 0`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := make(map[int64]int64)
	for {
		ok, err := rows.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return out
		}
		var k, id int64
		if err := rows.Scan(&k, &id); err != nil {
			t.Fatal(err)
		}
		out[k] = id
	}
}

// A transaction names rows of the file by their ids, from its first statement to
// COMMIT. Folding the log gives rows other ids: it waits, or the transaction fails.
func TestFoldingMovesNoRowsUnderATransaction(t *testing.T) {
	ctx := context.Background()
	e, err := Open(ctx, t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close(ctx)
	d := &catalog.TableDefinition{Name: "t", SQL: "CREATE TABLE t (k BIGINT)", Columns: []catalog.TableColumn{{Name: "k", Type: batch.Type{Kind: batch.BigInt}}}}
	if err := e.CreateTable(ctx, d); err != nil {
		t.Fatal(err)
	}
	change := func(plan func(r *Read) (*rowchange.Change, error)) {
		t.Helper()
		if _, err := e.ChangeTable(ctx, "t", func(_ context.Context, r *Read) (*rowchange.Change, error) { return plan(r) }); err != nil {
			t.Fatal(err)
		}
	}
	change(func(*Read) (*rowchange.Change, error) {
		b := batch.NewBuilder(e.mem, d.Schema())
		for i := range int64(500_000) {
			b.Column(0).AppendInt64(i)
		}
		return &rowchange.Change{Insert: []arrow.RecordBatch{b.Finish()}}, nil
	})
	fold := func(limit int64) error { return e.do(ctx, func() error { return e.store.Fold(ctx, limit) }) }
	remove := func(below int64) {
		t.Helper()
		change(func(r *Read) (*rowchange.Change, error) {
			var list []arrow.RecordBatch
			rows, err := r.Conn().Query(ctx, fmt.Sprintf(`SELECT "ms$rowid" FROM live.dml.t WHERE k < %d`, below))
			if err != nil {
				return nil, err
			}
			defer rows.Close()
			err = rows.Records(d.UpdateSchema(nil), e.mem, 1<<16, func(rec arrow.RecordBatch) error {
				rec.Retain()
				list = append(list, rec)
				return nil
			})
			return &rowchange.Change{Delete: list, Exact: true}, err
		})
	}
	// moved folds the log, and reports whether a row got another id by that.
	moved := func(fold func() error) bool {
		t.Helper()
		read := func() map[int64]int64 {
			r, err := e.BeginRead(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			return rowIDs(t, r)
		}
		before := read()
		err := fold()
		after := read()
		t.Logf("folding gives %v, the last row has the ids %d and %d", err, before[499_000], after[499_000])
		return !maps.Equal(before, after)
	}
	remove(260_000)
	r, err := e.BeginRead(ctx)
	if err != nil {
		t.Fatal(err)
	}
	set := rowchange.NewSet(e.mem)
	if err := r.SetChanged(set); err != nil {
		t.Fatal(err)
	}
	folds := e.store.Folds()
	if moved(func() error { return fold(e.store.WALBytes()) }) || e.store.Folds() != folds {
		t.Error("the log was folded although a transaction has changed rows")
	}
	if err := r.SetPath(ctx, PlainPath); err != nil {
		t.Error(err)
	}
	moved(func() error { return fold(1) })
	if e.store.Folds() == folds {
		t.Error("a log that is far too large was not folded")
	}
	if err := r.SetPath(ctx, PlainPath); !errors.Is(err, ErrConflict) {
		t.Errorf("the transaction goes on with other ids: %v", err)
	}
	r.Close()
	remove(390_000)
	if !moved(func() error { return fold(1) }) {
		t.Error("the log is not folded after the transaction")
	}
}
