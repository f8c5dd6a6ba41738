package file

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/millstream-db/millstream/engine/batch"
	"github.com/millstream-db/millstream/engine/batch/batchtest"
	"github.com/millstream-db/millstream/engine/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table takes what a reader delivers as the engine does: it checks offsets, and
// keeps the rows as text with the identities of their files.
type table struct {
	t     *testing.T
	limit int // batches it takes, -1: all

	mu       sync.Mutex
	parts    map[int32]*source.Position
	rows     []string
	rejected []string
}

func newTable(t *testing.T) *table {
	return &table{t: t, limit: -1, parts: make(map[int32]*source.Position)}
}

var errEnough = errors.New("enough")

func (s *table) Append(_ context.Context, b *batch.Batch) error {
	defer b.Release()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limit == 0 {
		return errEnough
	}
	s.limit--
	if err := b.Validate(); err != nil {
		s.t.Error(err)
	}
	for _, r := range b.Ranges {
		p := s.parts[r.Partition]
		if p == nil {
			p = &source.Position{Partition: r.Partition}
			s.parts[r.Partition] = p
		}
		if r.First != p.Next {
			s.t.Errorf("partition %d: got offsets from %d on, expected %d", r.Partition, r.First, p.Next)
		}
		p.Next = r.Next
		if r.Topic != "" {
			p.TopicID = r.Topic
		}
	}
	own := int(b.Record.NumCols()) - len(batch.MetadataColumns())
	for row := range b.Rows() {
		var values []string
		for i := range own {
			values = append(values, strings.Clone(b.Record.Column(i).ValueStr(row)))
		}
		place := fmt.Sprintf("%s:%s", b.Record.Column(own).ValueStr(row), b.Record.Column(own+1).ValueStr(row))
		s.rows = append(s.rows, place+" "+strings.Join(values, " "))
	}
	for _, x := range b.Rejected {
		s.rejected = append(s.rejected, fmt.Sprintf("%d:%d %s: %s", x.Partition, x.Offset, x.Value, x.Error))
	}
	return nil
}

// allow has the table take so many more batches.
func (s *table) allow(batches int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = batches
}

// positions are where a restart goes on.
func (s *table) positions() (list []source.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.parts)) {
		list = append(list, *s.parts[id])
	}
	return list
}

func (s *table) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(append(slices.Clone(s.rows), s.rejected...), "|")
}

// wants waits until the table has these rows and no others.
func (s *table) wants(want string) {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); s.text() != want && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	if got := s.text(); got != want {
		s.t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// place is a directory with files, and a source over them.
type place struct {
	t    *testing.T
	dir  string
	spec source.Spec
	opts Options
}

func newPlace(t *testing.T, pattern string) *place {
	t.Helper()
	dir := t.TempDir()
	p := &place{t: t, dir: dir, opts: Options{Directories: []string{dir}}}
	p.spec = source.Spec{
		Name: "s", Options: map[string]string{"connector": "file", "path": pattern, "poll.interval.ms": "100"}, EncodeOptions: map[string]string{},
		Schema: batch.NewSchema(batchtest.Columns(t, "id BIGINT", "name VARCHAR")), Alloc: batch.NewAllocator(),
	}
	t.Cleanup(func() {
		if n := p.spec.Alloc.Bytes(); n != 0 {
			t.Errorf("%d bytes leaked", n)
		}
	})
	return p
}

// write makes a file that has stood still for long; age tells its versions apart.
func (p *place) write(name, content string, age time.Duration) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) open(s *table) source.Reader {
	p.t.Helper()
	c := New(p.opts)
	if err := c.Validate(p.spec); err != nil {
		p.t.Fatal(err)
	}
	r, err := c.Open(p.spec, s.positions(), s)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = r.Close() })
	return r
}

// wantState waits until the reader is in a state, and its error has all parts.
func wantState(t *testing.T, r source.Reader, state source.State, parts ...string) {
	t.Helper()
	has := func(s source.Status) bool {
		for _, part := range parts {
			if !strings.Contains(s.Error, part) {
				return false
			}
		}
		return s.State == state && (len(parts) > 0 || s.Error == "")
	}
	for deadline := time.Now().Add(10 * time.Second); !has(r.Status()) && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	if s := r.Status(); !has(s) {
		t.Fatalf("the source is %s: %q, want %s: %q", s.State, s.Error, state, parts)
	}
}
