package file

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/source"
)

// fakeParquet has files of so many rows, of which every hundred thousandth is rejected.
type fakeParquet struct {
	mu     sync.Mutex
	rows   int64
	broken error
	asked  []string
}

func (f *fakeParquet) Columns(_ context.Context, path string) ([]batch.Column, error) {
	return []batch.Column{{Name: filepath.Base(path), Type: batch.Type{Kind: batch.BigInt}}, {Name: "_key", Type: batch.Type{Kind: batch.BigInt}}}, f.broken
}

func (f *fakeParquet) Rows(context.Context, string) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.rows, f.broken
}

func (f *fakeParquet) Read(_ context.Context, _ string, schema *batch.Schema, first, next int64, mem *batch.Allocator) (arrow.RecordBatch, []batch.Rejected, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, fmt.Sprint(first, "-", next))
	b := batch.NewBuilder(mem, schema)
	var rejected []batch.Rejected
	for i := first; i < next; i++ {
		if i%100_000 == 99_999 {
			rejected = append(rejected, batch.Rejected{Offset: i, Error: "bad"})
			continue
		}
		b.Column(0).AppendInt64(i)
		b.Column(1).AppendNull()
	}
	return b.Finish(), rejected, nil
}

func TestColumnsAreThoseOfTheFirstFile(t *testing.T) {
	p := newPlace(t, "*.parquet")
	files := &fakeParquet{}
	p.spec.Parquet, p.spec.Schema = files, nil
	c := New(p.opts)
	if _, err := c.Describe(t.Context(), p.spec); !errors.Is(err, source.ErrNothingToDescribe) || !strings.Contains(err.Error(), "path '*.parquet'") {
		t.Errorf("no file: %v", err)
	}
	p.write("a.parquet/b.parquet", "x", old) // in a directory
	p.write("c.parquet", "x", 0)
	p.write("d.parquet", "x", old)
	d, err := c.Describe(t.Context(), p.spec)
	if err != nil || len(d.Columns) != 1 || d.Columns[0].Name != "c.parquet" || len(d.Omitted) != 1 || d.From != "file "+filepath.Join(p.dir, "c.parquet") {
		t.Errorf("got %+v, %v", d, err)
	}
	files.broken = errors.New("no magic bytes")
	if _, err := c.Describe(t.Context(), p.spec); err == nil || !strings.Contains(err.Error(), "c.parquet: no magic bytes") {
		t.Errorf("broken: %v", err)
	}
	p.spec.Encode = "JSON"
	if _, err := c.Describe(t.Context(), p.spec); !errors.Is(err, source.ErrUndescribed) {
		t.Errorf("JSON: %v", err)
	}
}

func TestParquetIsReadByRowGroups(t *testing.T) {
	p := newPlace(t, "*.parquet")
	files := &fakeParquet{rows: 300_000, broken: errors.New("no magic bytes")}
	p.spec.Parquet = files
	p.write("a.parquet", "x", old)
	s := newTable(t)
	r := p.open(s)
	wantState(t, r, source.Stalled, "a.parquet", "no magic bytes")
	files.mu.Lock()
	files.broken = nil
	files.mu.Unlock()
	s.allow(2)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		s.mu.Lock()
		full := s.limit == 0
		s.mu.Unlock()
		if full {
			break
		}
	}
	_ = r.Close()
	s.allow(-1)
	r = p.open(s)
	wantState(t, r, source.Running)
	for deadline := time.Now().Add(10 * time.Second); r.Status().Partitions[0].Next < 300_000 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	_ = r.Close()
	files.mu.Lock()
	defer files.mu.Unlock()
	asked := fmt.Sprint(files.asked)
	if asked != "[0-122880 122880-245760 245760-300000 245760-300000]" && asked != "[0-122880 122880-245760 245760-300000]" {
		t.Errorf("asked for %s", asked)
	}
	if len(s.rows) != 300_000-3 || s.rows[99_999] != "0:100000 100000 (null)" || fmt.Sprint(s.rejected) != "[0:99999 : bad 0:199999 : bad 0:299999 : bad]" {
		t.Errorf("%d rows, rejected %v", len(s.rows), s.rejected)
	}
}

func TestParquetWithoutRows(t *testing.T) {
	p := newPlace(t, "*.parquet")
	p.spec.Parquet = &fakeParquet{}
	p.write("a.parquet", "x", old)
	s := newTable(t)
	r := p.open(s)
	for deadline := time.Now().Add(10 * time.Second); len(s.positions()) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	_ = r.Close()
	f, err := restore(s.positions()[0])
	if err != nil || !f.Done {
		t.Errorf("the file is %+v, %v", f, err)
	}
}
