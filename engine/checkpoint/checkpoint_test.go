package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/duck"
	"github.com/millstream-db/millstream/engine/history"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	ctx    = context.Background()
	mem    = batch.NewAllocator()
	bigint = batch.Type{Kind: batch.BigInt}
	start  = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	// state is that of a view which counts, without windows or keys.
	state = batch.NewSchema([]batch.Column{{Name: "w", Type: bigint}, {Name: "g", Type: bigint}, {Name: "a0", Type: bigint}})
	table = history.Table{Name: "s", Columns: []batch.Column{{Name: "n", Type: bigint}}}
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(ctx, dir, duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// relation is rows of BIGINT columns.
func relation(t *testing.T, schema *batch.Schema, rows ...[]int64) duck.Relation {
	t.Helper()
	b := batch.NewBuilder(mem, schema)
	for _, row := range rows {
		for i, v := range row {
			b.Column(i).AppendInt64(v)
		}
	}
	rec := b.Finish()
	t.Cleanup(rec.Release)
	return &duck.RecordRelation{Schema: schema, Records: []arrow.RecordBatch{rec}, InOrder: true}
}

// write is checkpoint number n: ten rows of history, one of state. The first
// one makes the source and the view.
func write(t *testing.T, n int64) *Write {
	t.Helper()
	var rows [][]int64
	for i := range int64(10) {
		rows = append(rows, []int64{10*n + i})
	}
	w := &Write{
		Epoch: uint64(n), At: start.Add(time.Duration(n) * time.Minute),
		Rows:       []Rows{{Table: "s", From: map[string]duck.Relation{"rows": relation(t, batch.NewSchema(table.Columns), rows...)}, SQL: "SELECT * FROM ms_scan('rows')"}},
		States:     []State{{View: "v", Schema: state, Groups: relation(t, state, []int64{0, 0, 10 * n}), Rows: 1, Whole: n%4 == 1}},
		Partitions: []Partition{{Source: "s", Partition: 3, Next: 10 * n, LeaderEpoch: 7, TopicID: "it's", MaxMicros: -n, Late: 1, Rejected: 2, Rows: n}},
		Counters:   []Counter{{Object: "s", Name: "watermark", Value: -1 << 63}},
	}
	if n == 1 {
		w.Create = []Object{
			{Name: "s", Kind: "source", SQL: "CREATE SOURCE …", Definition: []byte(`{"a":1}`), Created: start},
			{Name: "v", Kind: "view", SQL: "it's", Definition: []byte(`{}`), Created: start},
		}
		w.Tables = []history.Table{table}
	}
	return w
}

// contents is everything that a restart would find.
func contents(t *testing.T, s *Store) string {
	t.Helper()
	fresh := &Store{
		db: s.db, conn: s.conn, names: s.names, tables: make(map[string]*history.Table), segments: make(map[string][]history.Segment),
		generation: make(map[string]*generation), objects: make(map[string]bool),
	}
	im, err := fresh.Load(ctx, func(o *Object) ([]history.Table, error) {
		if o.Kind == "source" {
			return []history.Table{table}, nil
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out := fmt.Sprintf("%d %v %v %v %v\n", im.Epoch, im.Objects, im.Partitions, im.Counters, fresh.segments["s"])
	if g := fresh.generation["v"]; g != nil {
		out += fmt.Sprintln("state", *g)
		err = fresh.records(ctx, "SELECT * FROM "+stateTable("v", g.number, ""), state, mem, func(rec arrow.RecordBatch) error {
			out += fmt.Sprintln(rec.Column(2))
			return nil
		})
	}
	if err == nil && im.Epoch > 0 {
		err = s.Scan(ctx, "main.s", batch.NewSchema(table.Columns), mem, func(rec arrow.RecordBatch) error {
			out += fmt.Sprintln(rec.Column(0))
			return nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func commit(t *testing.T, s *Store, n int64) {
	t.Helper()
	if _, err := s.Commit(ctx, write(t, n)); err != nil {
		t.Fatal(err)
	}
}

func TestCheckpointsAreReadBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for n := range int64(6) {
		commit(t, s, n+1)
		before := contents(t, s)
		if rows := s.StateRows("v"); rows != n%4+1 {
			t.Errorf("checkpoint %d: %d rows of state, want %d", n+1, rows, n%4+1)
		}
		s.Close()
		s = open(t, dir)
		if diff := cmp.Diff(before, contents(t, s)); diff != "" {
			t.Fatalf("checkpoint %d after a restart: %s", n+1, diff)
		}
		if _, err := s.Load(ctx, func(*Object) ([]history.Table, error) { return []history.Table{table}, nil }); err != nil {
			t.Fatal(err)
		}
		if !s.Has("s") || !s.Has("v") || s.Has("x") {
			t.Error("the catalog's names are not those that were created")
		}
	}
	if _, err := Open(ctx, dir, duck.Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
	s.Close()
}

// expiring is a context that is over when it is asked for the n-th time.
type expiring struct {
	context.Context //nolint:containedctx // it is one
	left            atomic.Int64
	done            chan struct{}
}

func (c *expiring) Done() <-chan struct{} { return c.done }

func (c *expiring) Err() error {
	switch n := c.left.Add(-1); {
	case n > 0:
		return nil
	case n == 0:
		close(c.done)
	}
	return context.Canceled
}

// TestFailedCommitChangesNothing stops commits before each of their statements.
func TestFailedCommitChangesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer func() { s.Close() }()
	failures := 0
	for n := int64(1); n <= 5; n++ {
		before, bookkeeping := contents(t, s), books(s)
		for at := int64(1); ; at++ {
			c := &expiring{Context: ctx, done: make(chan struct{})}
			c.left.Store(at)
			if _, err := s.Commit(c, write(t, n)); err == nil {
				break
			}
			failures++
			if diff := cmp.Diff(bookkeeping, books(s)); diff != "" {
				t.Fatalf("checkpoint %d failed at %d and changed the bookkeeping: %s", n, at, diff)
			}
			if diff := cmp.Diff(before, contents(t, s)); diff != "" {
				t.Fatalf("checkpoint %d failed at %d and changed the file: %s", n, at, diff)
			}
		}
	}
	if failures < 25 {
		t.Errorf("only %d commits failed", failures)
	}
	broken := write(t, 6)
	broken.Rows[0].SQL = "SELECT n / 0 FROM nowhere"
	before := contents(t, s)
	if _, err := s.Commit(ctx, broken); err == nil {
		t.Error("a checkpoint with a broken statement was committed")
	}
	if diff := cmp.Diff(before, contents(t, s)); diff != "" {
		t.Error(diff)
	}
	commit(t, s, 6)
}

func books(s *Store) string {
	out := fmt.Sprint(s.objects, s.segments, len(s.tables))
	for name, g := range s.generation {
		out += fmt.Sprint(name, *g)
	}
	return out
}

func TestDroppedObjectsLeaveNothing(t *testing.T) {
	s := open(t, "")
	defer s.Close()
	commit(t, s, 1)
	if _, err := s.Commit(ctx, &Write{Epoch: 2, At: start, Drop: []string{"s", "v"}, DropTables: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	n, err := s.number(ctx, "SELECT count(*) FROM duckdb_tables() WHERE schema_name IN ('segments', 'state')")
	if err != nil || n != 0 || s.Has("s") {
		t.Errorf("%d tables are left, %v", n, err)
	}
}
