package engine

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/catalog"
	"github.com/millstream-db/millstream/engine/durable"
	"github.com/millstream-db/millstream/engine/receipt"
	"github.com/millstream-db/millstream/engine/source"
)

// still is a connector that delivers nothing.
type still struct{}

func (still) Validate(source.Spec) error { return nil }
func (still) Open(source.Spec, []source.Position, source.Sink) (source.Reader, error) {
	return still{}, nil
}
func (still) Status() source.Status     { return source.Status{State: source.Running} }
func (still) Committed(map[int32]int64) {}
func (still) Close() error              { return nil }

func openPushed(t *testing.T, dir string, o Options) *Engine {
	t.Helper()
	o.Connectors = map[string]source.Connector{catalog.PushConnector: still{}}
	o.CheckpointInterval = time.Hour
	e, err := Open(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(ctx) })
	if e.Sources()["orders"] == nil {
		def := ordersDefinition()
		def.Connector = catalog.PushConnector
		if err := e.CreateSource(ctx, def); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func mustPush(t *testing.T, e *Engine, b *batch.Batch, key, digest string) receipt.Receipt {
	t.Helper()
	r, err := e.Push(ctx, e.Sources()["orders"], b, receipt.Request{Key: key, Digest: digest})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPushedRowsAreDurableAndTakenOnce(t *testing.T) {
	dir := t.TempDir()
	e := openPushed(t, dir, Options{})
	first := orders(e, 0, 3)
	first.Rejected = []batch.Rejected{{Offset: 1, Value: []byte("x"), Error: "bad"}, {Offset: 4, Value: []byte("y"), Error: "worse"}}
	r := mustPush(t, e, first, "k1", "d1")
	if r.Accepted != 3 || r.Rejected != 2 || r.Repeated {
		t.Errorf("receipt %+v", r)
	}
	mustPush(t, e, orders(e, 3, 1), "", "")
	for i, e := range []*Engine{e, openPushed(t, crashed(t, dir), Options{})} {
		check(t, e, "SELECT _offset FROM live.meta.orders ORDER BY 1", "[0 2 3 5]")
		check(t, e, `SELECT _offset || error FROM "orders$rejected" ORDER BY 1`, "[1bad 4worse]")
		if again := mustPush(t, e, orders(e, 0, 3), "k1", "d1"); again.Accepted != 3 || again.Rejected != 2 || !again.Repeated {
			t.Errorf("%d: the second time the receipt is %+v", i, again)
		}
		check(t, e, "SELECT count(*) FROM orders", "[4]")
		_, err := e.Push(ctx, e.Sources()["orders"], orders(e, 0, 3), receipt.Request{Key: "k1", Digest: "d2"})
		if !errors.Is(err, receipt.ErrReused) {
			t.Errorf("%d: another body with the same key: %v", i, err)
		}
		mustPush(t, e, orders(e, 10, 1), "k2", "d1")
		check(t, e, "SELECT max(_offset) FROM live.meta.orders", "[6]")
	}
	if n := e.Stats().HotBytes; n != 0 {
		t.Errorf("%d bytes are hot after everything was committed", n)
	}
}

func TestReceiptsFollowTheirSource(t *testing.T) {
	dir := t.TempDir()
	e := openPushed(t, dir, Options{})
	mustPush(t, e, orders(e, 0, 1), "k", "d")
	if err := e.AlterSource(ctx, "orders", func(d *catalog.SourceDefinition) error { d.Name = "sales"; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := e.AlterSource(ctx, "sales", func(d *catalog.SourceDefinition) error { d.Name = "orders"; return nil }); err != nil {
		t.Fatal(err)
	}
	e = openPushed(t, crashed(t, dir), Options{})
	if r := mustPush(t, e, orders(e, 0, 1), "k", "d"); !r.Repeated {
		t.Error("a renamed source has forgotten what it was sent")
	}
	if err := e.AlterSource(ctx, "orders", func(d *catalog.SourceDefinition) error { d.Paused = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Push(ctx, e.Sources()["orders"], orders(e, 0, 1), receipt.Request{}); !errors.Is(err, ErrPaused) {
		t.Errorf("a paused source: %v", err)
	}
	// A receipt that no checkpoint has written yet goes as well.
	unsaved := receipt.Receipt{Request: receipt.Request{Key: "unsaved"}}
	if err := e.do(ctx, func() error { e.sources["orders"].receipts.Add(unsaved); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := e.Drop(ctx, catalog.KindSource, "orders", false); err != nil {
		t.Fatal(err)
	}
	n, err := e.store.Count(ctx, "internal.receipts")
	if err != nil || n != 0 {
		t.Errorf("%d receipts of a source that was dropped, %v", n, err)
	}
}

func TestRowsForAnOlderDefinitionAreRefused(t *testing.T) {
	e := openPushed(t, t.TempDir(), Options{})
	def := e.Sources()["orders"]
	b := orders(e, 0, 1)
	err := e.AlterSource(ctx, "orders", func(d *catalog.SourceDefinition) error {
		d.Columns = append(d.Columns, catalog.SourceColumn{Name: "note", Type: batch.Type{Kind: batch.Varchar}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Push(ctx, def, b, receipt.Request{Key: "k"}); !errors.Is(err, ErrChanged) {
		t.Errorf("rows without the new column: %v", err)
	}
	check(t, e, "SELECT count(*) FROM orders", "[0]")
}

func TestManyPushesShareACheckpoint(t *testing.T) {
	e := openPushed(t, t.TempDir(), Options{})
	before := e.Stats().Checkpoints
	var all sync.WaitGroup
	const pushes, clients = 10, 16
	for c := range clients {
		all.Go(func() {
			for n := range pushes {
				key := fmt.Sprint(c, " ", n)
				if _, err := e.Push(ctx, e.Sources()["orders"], orders(e, 0, 1), receipt.Request{Key: key}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	check(t, e, "SELECT count(*) FROM orders", fmt.Sprintf("[%d]", pushes*clients))
	if n := e.Stats().Checkpoints - before; n > pushes*clients/2 {
		t.Errorf("%d checkpoints for %d pushes of %d clients", n, pushes*clients, clients)
	}
}

func TestFullBuffersRefuseAPush(t *testing.T) {
	e := openPushed(t, t.TempDir(), Options{HotBytes: 1 << 10})
	e.budget.Force(1 << 20)
	started := time.Now()
	_, err := e.Push(ctx, e.Sources()["orders"], orders(e, 0, 10), receipt.Request{Key: "k", Digest: "d"})
	if !errors.Is(err, ErrFull) {
		t.Errorf("full: %v", err)
	}
	if d := time.Since(started); d > 2*pushPatience {
		t.Errorf("that took %s", d)
	}
	e.budget.Release(1 << 20)
	if r := mustPush(t, e, orders(e, 0, 10), "k", "d"); r.Repeated {
		t.Error("what was refused counts as taken")
	}
}

// TestRowsWithoutCommitAreNotTakenAgain: when the checkpoint fails, who sends
// his rows again is told so until it works, and they are not doubled.
func TestRowsWithoutCommitAreNotTakenAgain(t *testing.T) {
	e := openPushed(t, t.TempDir(), Options{HotBytes: 1 << 62})
	e.budget.Force(1 << 60) // so that no disk is large enough
	var late *durable.Error
	for range 3 {
		_, err := e.Push(ctx, e.Sources()["orders"], orders(e, 0, 2), receipt.Request{Key: "k", Digest: "d"})
		if !errors.As(err, &late) {
			t.Fatalf("without space: %v", err)
		}
	}
	check(t, e, "SELECT count(*) FROM orders", "[2]")
	e.budget.Release(1 << 60)
	deadline := time.Now().Add(20 * time.Second)
	for {
		r, err := e.Push(ctx, e.Sources()["orders"], orders(e, 0, 2), receipt.Request{Key: "k", Digest: "d"})
		if err == nil {
			if !r.Repeated || r.Accepted != 2 {
				t.Errorf("receipt %+v", r)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	check(t, e, "SELECT count(*) FROM orders", "[2]")
}
